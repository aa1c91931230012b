//! Which clusters there are. What is behind them, the model takes for an echo server that is always up.

use std::collections::HashMap;

use serde_json::Value;

/// The clusters by name.
#[derive(Debug, Default)]
pub(crate) struct Clusters {
    /// Whether each picks its endpoints by hashes.
    hashing: HashMap<String, bool>,
}

impl Clusters {
    /// Reads the list `clusters`.
    pub(crate) fn read(list: &Value) -> Self {
        let clusters = list.as_array().into_iter().flatten();
        let clusters = clusters.filter_map(|it| {
            let policy = it.get("lb_policy").and_then(Value::as_str);
            let hashes = matches!(policy, Some("RING_HASH" | "MAGLEV"));
            Some((it.get("name")?.as_str()?.to_owned(), hashes))
        });
        Self {
            hashing: clusters.collect(),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.hashing.contains_key(name)
    }

    /// Whether the cluster picks its endpoints by hashes.
    pub(crate) fn hashes(&self, name: &str) -> bool {
        self.hashing.get(name).copied().unwrap_or_default()
    }
}
