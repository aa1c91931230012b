//! Chains that carry bytes: `tcp_proxy`.

use serde::Deserialize;
use serde_json::Value;

use crate::ModelError;
use crate::dice::{StreamRoll, pick};
use crate::read::{Ignored, message};

/// Where a connection goes.
#[derive(Debug)]
pub(crate) struct Tcp {
    shares: Vec<(String, u64)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTcp {
    #[serde(rename = "@type")]
    _type: Ignored,
    cluster: Option<String>,
    weighted_clusters: Option<WrittenShares>,
    #[serde(default, rename = "stat_prefix")]
    _stat_prefix: Ignored,
    #[serde(default, rename = "access_log")]
    _access_log: Ignored,
    #[serde(default, rename = "idle_timeout")]
    _idle_timeout: Ignored,
    #[serde(default, rename = "max_downstream_connection_duration")]
    _duration: Ignored,
    #[serde(default, rename = "hash_policy")]
    _hash_policy: Ignored,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenShares {
    clusters: Vec<WrittenShare>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenShare {
    name: String,
    #[serde(default)]
    weight: u64,
}

impl Tcp {
    /// Reads a `TcpProxy`.
    pub(crate) fn read(value: &Value) -> Result<Self, ModelError> {
        let written: WrittenTcp = message(value)?;
        let shares: Vec<(String, u64)> = match (written.cluster, written.weighted_clusters) {
            (Some(cluster), None) => vec![(cluster, 1)],
            (None, Some(several)) => several
                .clusters
                .into_iter()
                .map(|it| (it.name, it.weight))
                .collect(),
            _ => return Err(ModelError::new("expected one of cluster and weighted_clusters")),
        };
        if shares.iter().all(|(_, weight)| *weight == 0) {
            return Err(ModelError::new("the weights add up to nothing"));
        }
        Ok(Self { shares })
    }

    /// The cluster that a connection goes to; none where the weights name none.
    pub(crate) fn pick(&self, dice: &mut StreamRoll<'_>) -> Option<&str> {
        pick(&self.shares, |(_, weight)| *weight, dice).map(|(cluster, _)| cluster.as_str())
    }
}
