//! Which clusters there are. What is behind them, the model takes for an echo server that is always up.

use std::collections::HashSet;

use serde_json::Value;

/// The names of the clusters.
#[derive(Debug, Default)]
pub(crate) struct Clusters {
    names: HashSet<String>,
}

impl Clusters {
    /// Reads the list `clusters`.
    pub(crate) fn read(list: &Value) -> Self {
        let names = list.as_array().into_iter().flatten();
        let names = names.filter_map(|it| it.get("name")?.as_str().map(str::to_owned));
        Self {
            names: names.collect(),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }
}
