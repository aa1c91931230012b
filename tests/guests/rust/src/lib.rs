//! What the guests share: calls to the host, and saying what they see in one form.

pub mod host;

use host::Status;
use proxy_wasm::types::MapType;

/// Logs a line that the comparison looks at.
pub fn say(text: impl AsRef<str>) {
    let _ = host::log(3, &format!("say: {}", text.as_ref()));
}

/// Logs a map, pair by pair.
pub fn say_map(name: &str, map: MapType) {
    match host::pairs(map) {
        Ok(pairs) => {
            for (key, value) in pairs {
                say(format!("{name} {key}={value}"));
            }
        }
        Err(status) => say(format!("{name}: {status:?}")),
    }
}

/// Bytes as text; what is not ASCII is escaped.
pub fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// A result as text.
pub fn shown<T: std::fmt::Debug>(result: Result<T, Status>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(Status(status)) => format!("status {status}"),
    }
}

/// The request's path.
pub fn path() -> String {
    host::get(MapType::HttpRequestHeaders, ":path")
        .ok()
        .flatten()
        .unwrap_or_default()
}
