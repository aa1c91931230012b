//! Which clusters there are. What is behind them, the model takes for an echo server that is always up: one for each
//! cluster that has an endpoint.

use std::collections::HashMap;

use serde_json::Value;

/// The clusters by name.
#[derive(Debug, Default)]
pub(crate) struct Clusters {
    by_name: HashMap<String, Cluster>,
}

#[derive(Debug)]
struct Cluster {
    /// Whether it picks its endpoints by hashes.
    hashes: bool,
    has_endpoints: bool,
    /// Whether it is spoken to in HTTP/2 whatever clients speak.
    speaks_http2: bool,
}

impl Clusters {
    /// Reads the list `clusters`.
    pub(crate) fn read(list: &Value) -> Self {
        let clusters = list.as_array().into_iter().flatten();
        let clusters = clusters.filter_map(|it| {
            let policy = it.get("lb_policy").and_then(Value::as_str);
            let cluster = Cluster {
                hashes: matches!(policy, Some("RING_HASH" | "MAGLEV")),
                has_endpoints: has_endpoints(it),
                speaks_http2: speaks_http2(it),
            };
            Some((it.get("name")?.as_str()?.to_owned(), cluster))
        });
        Self {
            by_name: clusters.collect(),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Whether there is a cluster of that name, and an endpoint in it.
    pub(crate) fn can_answer(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|it| it.has_endpoints)
    }

    /// Whether the cluster picks its endpoints by hashes.
    pub(crate) fn hashes(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|it| it.hashes)
    }

    /// Whether the cluster is spoken to in HTTP/2 whatever clients speak.
    pub(crate) fn speaks_http2(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|it| it.speaks_http2)
    }
}

fn speaks_http2(cluster: &Value) -> bool {
    let options = cluster.get("typed_extension_protocol_options");
    let options = options.and_then(|it| it.get("envoy.extensions.upstreams.http.v3.HttpProtocolOptions"));
    options.is_some_and(|it| {
        it.pointer("/explicit_http_config/http2_protocol_options")
            .is_some()
    })
}

/// Whether its load assignment lists an endpoint. One without an assignment learns its endpoints elsewhere, except from
/// connections: ours have no other address than the listener's.
fn has_endpoints(cluster: &Value) -> bool {
    if cluster.get("type").and_then(Value::as_str) == Some("ORIGINAL_DST") {
        return false;
    }
    let Some(assignment) = cluster.get("load_assignment") else {
        return true;
    };
    let groups = assignment.get("endpoints").and_then(Value::as_array);
    let lists = groups.into_iter().flatten().map(|it| it.get("lb_endpoints"));
    lists
        .flatten()
        .any(|it| it.as_array().is_some_and(|list| !list.is_empty()))
}
