//! Addresses as Envoy writes them: an IP address or a name with a port, or a Unix socket.
//!
//! Source: istio `pilot/pkg/networking/util/util.go`, `BuildAddress`.

use serde_json::{Value, json};

/// What the address of a Unix socket starts with in Istio's resources.
pub(crate) const SOCKET: &str = "unix://";

/// An Envoy `Address`. A Unix socket has no port.
pub(crate) fn address(text: &str, port: u32) -> Value {
    match text.strip_prefix(SOCKET) {
        Some(path) => json!({"pipe": {"path": path}}),
        None => json!({"socket_address": {"address": text, "port_value": port}}),
    }
}
