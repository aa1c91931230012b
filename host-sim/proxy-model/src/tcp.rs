//! Chains that carry bytes: `tcp_proxy`.

use fingerpost_envoy_config::filters::tcp_proxy::{ClusterSpecifier, TcpProxy};
use fingerpost_envoy_config::listener::NetworkFilterConfig;
use serde_json::Value;

use crate::ModelError;
use crate::dice::{StreamRoll, pick};
use crate::read::message;

/// Where a connection goes.
#[derive(Debug)]
pub(crate) struct Tcp {
    shares: Vec<(String, u64)>,
}

impl Tcp {
    /// Reads a `TcpProxy`.
    pub(crate) fn read(value: &Value) -> Result<Self, ModelError> {
        let NetworkFilterConfig::TcpProxy(proxy) = message(value)? else {
            return Err(ModelError::new("expected a TcpProxy"));
        };
        let TcpProxy {
            cluster,
            // They have no influence on the cluster of a connection.
            stat_prefix: _,
            idle_timeout: _,
            max_downstream_connection_duration: _,
            hash_policy: _,
            access_log: _,
            tunneling_config: _,
        } = proxy;
        let shares: Vec<(String, u64)> = match cluster {
            ClusterSpecifier::Cluster(cluster) => vec![(cluster, 1)],
            ClusterSpecifier::WeightedClusters(several) => {
                let clusters = several.clusters.into_iter();
                clusters.map(|it| (it.name, it.weight.into())).collect()
            }
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
