//! Envoy's own regular expressions, asked directly: which it takes, what they accept, what they replace.
//!
//! A pattern is tested as a condition on a header in front of a direct response, and in a redirect that rewrites the path,
//! so that no upstream is needed.

use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use fingerpost_envoy_runner::{Bootstrap, EnvoyBinary, RunningEnvoy, StartOptions};
use serde_json::{Value, json};

use super::server::with_listeners_from;
use super::wire::Wire;
use crate::sent::{Sent, Version};

/// How many instructions of RE2 a pattern may come to, where Envoy counts them: up to 1.38.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramLimit {
    /// The limit that a mesh sets.
    OfMesh,
    /// None.
    Off,
}

/// The places in `patterns` of those that Envoy takes, each in a listener of its own.
///
/// # Errors
/// Envoy did not start.
pub fn taken(
    binary: &EnvoyBinary,
    patterns: &[(&str, &str)],
    limit: ProgramLimit,
) -> Result<BTreeSet<usize>, String> {
    let listeners = patterns
        .iter()
        .enumerate()
        .map(|(place, (pattern, substitution))| {
            let mut listener = listener(&format!("p{place}"), &routes(0, pattern, substitution));
            listener["bind_to_port"] = json!(false);
            // No two may share an address, though none is bound.
            listener["address"]["socket_address"]["port_value"] = json!(10_000 + place);
            listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
            listener
        });
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let file = folder.path().join("listeners.json");
    let text = json!({"resources": listeners.collect::<Vec<Value>>()}).to_string();
    fs::write(&file, text).map_err(|error| error.to_string())?;
    let bootstrap = with_listeners_from(bootstrap(&[], limit), &file);
    let envoy = RunningEnvoy::start(binary, &bootstrap, folder.path(), StartOptions::default());
    let envoy = envoy.map_err(|error| error.to_string())?;
    let listeners = envoy.listeners().map_err(|error| error.to_string())?;
    let place = |name: &str| name.strip_prefix('p')?.parse().ok();
    Ok(listeners.iter().filter_map(|it| place(&it.name)).collect())
}

/// An Envoy with patterns that it takes.
pub struct Oracle {
    address: SocketAddr,
    wire: Wire,
    _envoy: RunningEnvoy,
    _folder: tempfile::TempDir,
}

impl Oracle {
    /// Starts Envoy with these patterns and their substitutions.
    ///
    /// # Errors
    /// It did not start: one of the patterns may be at fault.
    pub fn open(binary: &EnvoyBinary, patterns: &[(&str, &str)]) -> Result<Self, String> {
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let routes: Vec<Value> = patterns
            .iter()
            .enumerate()
            .flat_map(|(place, (pattern, substitution))| routes(place, pattern, substitution))
            .collect();
        let folder = tempfile::tempdir().map_err(|error| said(&error))?;
        let bootstrap = bootstrap(&[listener("patterns", &routes)], ProgramLimit::OfMesh);
        let envoy = RunningEnvoy::start(binary, &bootstrap, folder.path(), StartOptions::default());
        let envoy = envoy.map_err(|error| said(&error))?;
        let bound = envoy.listeners().map_err(|error| said(&error))?;
        Ok(Self {
            address: bound.first().ok_or("no listener")?.address,
            wire: Wire::default(),
            _envoy: envoy,
            _folder: folder,
        })
    }

    /// Whether a pattern accepts the whole of a value.
    ///
    /// # Errors
    /// No answer, or another than expected: the value can't be asked.
    pub fn accepts(&mut self, place: usize, value: &[u8]) -> Result<bool, String> {
        let headers = vec![
            (b"x-match".to_vec(), place.to_string().into()),
            (b"x-value".to_vec(), value.to_vec()),
        ];
        let (status, _) = self.ask("/", headers)?;
        match status {
            200 => Ok(true),
            404 => Ok(false),
            other => Err(format!("Envoy answered {other}")),
        }
    }

    /// A path with every match of a pattern replaced.
    ///
    /// # Errors
    /// As above.
    pub fn replaced(&mut self, place: usize, path: &str) -> Result<String, String> {
        let headers = vec![(b"x-replace".to_vec(), place.to_string().into())];
        match self.ask(path, headers)? {
            (301, Some(location)) => Ok(location.trim_start_matches("http://a.test").to_owned()),
            (status, _) => Err(format!("Envoy answered {status}")),
        }
    }

    fn ask(&mut self, path: &str, headers: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(u16, Option<String>), String> {
        let sent = Sent {
            port: 80,
            method: b"GET".to_vec(),
            authority: Some(b"a.test".to_vec()),
            target: path.into(),
            headers,
            version: Version::default(),
        };
        let reply = self.wire.send(self.address, &sent, "0");
        let reply = reply.map_err(|failure| failure.as_str().to_owned())?;
        Ok((reply.status, reply.header("location").map(str::to_owned)))
    }
}

fn routes(place: usize, pattern: &str, substitution: &str) -> Vec<Value> {
    let is = |name: &str| json!({"name": name, "string_match": {"exact": place.to_string()}});
    let value = json!({"name": "x-value", "string_match": {"safe_regex": {"regex": pattern}}});
    let rewrite = json!({"pattern": {"regex": pattern}, "substitution": substitution});
    vec![
        json!({"match": {"prefix": "/", "headers": [is("x-match"), value]}, "direct_response": {"status": 200}}),
        json!({"match": {"prefix": "/", "headers": [is("x-replace")]}, "redirect": {"regex_rewrite": rewrite}}),
    ]
}

fn listener(name: &str, routes: &[Value]) -> Value {
    let router = json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"});
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "patterns",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
    });
    json!({
        "name": name,
        "address": {"socket_address": {"address": Ipv4Addr::LOCALHOST.to_string(), "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
    })
}

fn bootstrap(listeners: &[Value], limit: ProgramLimit) -> Bootstrap {
    let limit = match limit {
        ProgramLimit::OfMesh => 32_768,
        ProgramLimit::Off => u32::MAX,
    };
    let limit = json!({"re2.max_program_size.error_level": limit});
    Bootstrap(json!({
        "node": {"id": "patterns", "cluster": "patterns"},
        "static_resources": {"listeners": listeners},
        "layered_runtime": {"layers": [{"name": "limit", "static_layer": limit}]},
    }))
}
