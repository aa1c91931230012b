//! What the tests of this crate share: an Envoy, a bootstrap of one listener, and a plain client.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fingerpost_envoy_runner::{Bootstrap, EnvoyBinary, install};
use serde_json::json;
use tempfile::TempDir;

/// The Envoy to test with: found as users find theirs, or installed beside the build.
pub(crate) fn envoy() -> &'static EnvoyBinary {
    static ENVOY: OnceLock<EnvoyBinary> = OnceLock::new();
    ENVOY.get_or_init(|| match EnvoyBinary::find(&cache()) {
        Ok(binary) => binary,
        Err(_) => install(&cache()).unwrap_or_else(|error| panic!("{error}")),
    })
}

/// Where `cargo xtask` installs it too.
pub(crate) fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools")
}

/// A folder for an Envoy's files.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// One listener `edge` on `address` that sends everything to the cluster `upstream`.
pub(crate) fn bootstrap(address: &str) -> Bootstrap {
    let address: SocketAddr = address.parse().expect("an address");
    let connection_manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "edge",
        "route_config": {"virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}],
        }]},
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
        }],
    });
    let filter =
        json!({"name": "envoy.filters.network.http_connection_manager", "typed_config": connection_manager});
    let mut bootstrap = Bootstrap(json!({"static_resources": {
        "listeners": [{"name": "edge", "filter_chains": [{"filters": [filter]}]}],
        "clusters": [{"name": "upstream", "type": "STATIC"}],
    }}));
    assert!(bootstrap.bind_listener("edge", address));
    bootstrap
}

/// Sends one request for `test.example` and returns the whole answer as text.
pub(crate) fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test.example\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).expect("a request sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// A file with this content and mode.
pub(crate) fn file(folder: &Path, name: &str, content: &str, mode: u32) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    std::fs::write(&path, content).expect("a file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    path
}
