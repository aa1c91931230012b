//! The `fingerpost explain` command for a request that `up` or `serve` has shown.

use fingerpost_curl::quote;
use fingerpost_resources::visible;

/// Headers that curl and browsers add by themselves, that are about the connection, or that are secrets.
const UNSHOWN: [&str; 9] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "transfer-encoding",
    "user-agent",
];

/// A Gateway's port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatewayPort {
    /// As the Gateway declares it.
    pub number: u32,
    /// Whether the port speaks TLS.
    pub tls: bool,
}

/// Commands for the files and the proxy of this run.
#[derive(Debug, Clone, Default)]
pub struct ExplainCommand {
    /// The options, each with a blank before it.
    options: String,
}

impl ExplainCommand {
    /// `options` are those of this run that say what is read and for which proxy, each with a blank before it.
    pub fn new(options: String) -> Self {
        Self { options }
    }

    /// The command for a request.
    pub fn line(
        &self,
        method: &str,
        authority: &str,
        path: &str,
        headers: &[(String, String)],
        gateway: GatewayPort,
    ) -> String {
        let GatewayPort { number, tls } = gateway;
        let (scheme, usual) = if tls { ("https", 443) } else { ("http", 80) };
        let mut line = format!("fingerpost explain{}", self.options);
        if number != usual || authority.contains(':') {
            line.push_str(&format!(" --port {number}"));
        }
        if method != "GET" {
            line.push_str(&format!(" -X {}", quote(method)));
        }
        for (name, value) in headers
            .iter()
            .filter(|(name, _)| !UNSHOWN.contains(&name.as_str()))
        {
            let header = if value.is_empty() {
                format!("{name};")
            } else {
                format!("{name}: {value}")
            };
            line.push_str(&format!(" -H {}", quote(&header)));
        }
        let url = if path.starts_with('/') {
            format!("{scheme}://{authority}{path}")
        } else {
            // `*`, the `host:port` of CONNECT, or a whole URL.
            line.push_str(&format!(" --request-target {}", quote(path)));
            format!("{scheme}://{authority}/")
        };
        line.push_str(&format!(" {}", quote(&url)));
        visible(&line).into_owned()
    }
}
