//! The differences that are meant, each with its reason.

use super::ClusterDifference;

/// A difference between the control plane's clusters and ours that is meant.
#[derive(Debug)]
pub struct Meant {
    /// The beginning of the paths of its fields.
    pub field: &'static str,
    /// What the control plane says, where only that is meant.
    pub theirs: Option<&'static str>,
    /// Why.
    pub reason: &'static str,
}

/// All of them.
pub const MEANT: &[Meant] = &[
    Meant {
        field: "type",
        theirs: Some("EDS"),
        reason: "no control plane sends endpoints, so the cluster has them",
    },
    Meant {
        field: "eds_cluster_config/",
        theirs: None,
        reason: "no control plane sends endpoints, so the cluster has them",
    },
    Meant {
        field: "alt_stat_name",
        theirs: None,
        reason: "names of metrics are the operator's choice; Istio's ends in `;` for its own dashboards",
    },
    Meant {
        field: "metadata/",
        theirs: None,
        reason: "read by Istio's telemetry alone",
    },
    Meant {
        field: "filters[0]/",
        theirs: None,
        reason: "the filter `istio.metadata_exchange` is for telemetry between sidecars; a stock Envoy does not have it",
    },
    Meant {
        field: "transport_socket_matches/tlsMode-istio",
        theirs: None,
        reason: "endpoints in the mesh, with Istio's certificates: there is no mesh",
    },
    Meant {
        field: "dns_lookup_family",
        theirs: Some("V4_ONLY"),
        reason: "Istio knows the addresses of the proxy; V4_PREFERRED finds the same addresses and works on IPv6 hosts too",
    },
];

impl Meant {
    /// Whether `difference` is this one.
    #[must_use]
    pub fn covers(&self, difference: &ClusterDifference) -> bool {
        let theirs = self
            .theirs
            .is_none_or(|it| difference.theirs.as_deref() == Some(it));
        difference.field.starts_with(self.field) && theirs
    }
}
