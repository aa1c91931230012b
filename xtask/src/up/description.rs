//! `real-servers.json` of an example: the servers that can be behind its gateway, and the clients that then ask it.
//!
//! ```json
//! {
//!   "certificates": {"istio-system/shop-certificate": ["shop.example.com"]},
//!   "servers": [{"program": "mariadb", "service": "default/mysql", "port": "mysql", "setup": "database.sql"}],
//!   "clients": [{"run": "mariadb --host 127.0.0.1 --port $PORT_3306 --execute 'SELECT 1'", "prints": "1"}]
//! }
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::failure::Failure;

/// The name of the file.
const FILE: &str = "real-servers.json";

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Description {
    /// The DNS names of the certificate of each Secret, by `namespace/name`. One authority signs them all: `$CA`.
    #[serde(default)]
    pub(super) certificates: BTreeMap<String, Vec<String>>,
    pub(super) servers: Vec<Server>,
    pub(super) clients: Vec<Client>,
}

/// A server, in place of the endpoints of a Service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    pub(super) program: Program,
    /// `namespace/name` of the Service.
    pub(super) service: String,
    /// The name of its port.
    pub(super) port: String,
    /// The file beside this one that the server reads when it starts.
    pub(super) setup: Option<String>,
    /// The DNS names of its own certificate. It then speaks TLS.
    #[serde(default)]
    pub(super) tls: Vec<String>,
}

/// What is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Program {
    Mariadb,
    /// Its key `name` holds the name of the Service.
    Redis,
}

/// A command line that asks the gateway.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Client {
    /// For `sh`. `$PORT_443` is the port on this machine of the Gateway's port 443, `$CA` the file of the authority's certificate.
    pub(super) run: String,
    /// A part of what it prints.
    #[serde(default)]
    pub(super) prints: String,
    /// Its exit code.
    #[serde(default)]
    pub(super) exit: i32,
}

impl Description {
    /// Reads the file of an example; none if it has no such file.
    pub(super) fn read(example: &Path) -> Result<Option<Self>, Failure> {
        let path = example.join(FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).map_err(|error| Failure::file(&path, &error))?;
        let invalid = |error| Failure::Surroundings(format!("{}: {error}", path.display()));
        serde_json::from_str(&text).map(Some).map_err(invalid)
    }
}
