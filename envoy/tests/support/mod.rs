//! What the tests of this crate share: an Envoy, and a bootstrap of one listener.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fingerpost_envoy::{Bootstrap, EnvoyBinary, install};
use serde_json::json;
use tempfile::TempDir;

/// The Envoy to test with: found as users find theirs, or installed beside the build.
pub fn envoy() -> &'static EnvoyBinary {
    static ENVOY: OnceLock<EnvoyBinary> = OnceLock::new();
    ENVOY.get_or_init(|| {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../tools");
        EnvoyBinary::find(&cache).or_else(|_| install(&cache)).expect("an Envoy to test with")
    })
}

/// A folder for an Envoy's files.
pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// One listener `edge` on `address` that sends everything to the cluster `upstream`.
pub fn bootstrap(address: &str) -> Bootstrap {
    let address: SocketAddr = address.parse().expect("an address");
    let mut bootstrap = Bootstrap(json!({"static_resources": {
        "listeners": [{
            "name": "edge",
            "filter_chains": [{"filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": {
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
                },
            }]}],
        }],
        "clusters": [{"name": "upstream", "type": "STATIC"}],
    }}));
    assert!(bootstrap.bind_listener("edge", address));
    bootstrap
}

/// A file with this content and mode.
pub fn file(folder: &Path, name: &str, content: &str, mode: u32) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    std::fs::write(&path, content).expect("a file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    path
}
