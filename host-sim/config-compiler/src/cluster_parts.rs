//! What a cluster is made of, and why one does not exist.
//!
//! A name that has no cluster stays without: Envoy answers 503 there, as behind Istio.
//! Source: istio `pilot/pkg/networking/core/cluster.go`; docs/istio-routing.md 3.12, 4.1.

use fingerpost_resources::Subset;

use crate::destination_rules::EffectiveRule;
use crate::endpoints::{self, Endpoints, Labels, NoEndpoints};
use crate::mesh::Mesh;
use crate::services::{ClusterRef, KnownPort, KnownService, ServiceSource};

/// Why a cluster does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Missing {
    /// No service has that host.
    Host,
    /// The service does not have that port.
    Port,
    /// No DestinationRule of the service defines that subset.
    Subset,
    /// The service is found by DNS, and there is nothing to look up.
    Endpoints(NoEndpoints),
}

/// What a cluster is made of.
pub(crate) struct Parts<'m, 'r> {
    /// The service that it leads to.
    pub service: &'m KnownService<'r>,
    /// The port of it.
    pub port: &'m KnownPort,
    /// Its DestinationRule.
    pub rule: Option<&'m EffectiveRule<'r>>,
    /// Its subset, if it is one.
    pub subset: Option<&'r Subset>,
    /// The labels of its subset; none for the whole service.
    pub labels: Labels,
}

/// Why the cluster does not exist, if it does not.
pub(crate) fn check(wanted: &ClusterRef, mesh: &Mesh<'_>) -> Result<(), Missing> {
    let parts = parts(wanted, mesh)?;
    if let ServiceSource::Kubernetes(_) = parts.service.source {
        return Ok(()); // only a ServiceEntry can be without endpoints
    }
    parts.endpoints(mesh).map(drop)
}

/// What the cluster is made of, without its endpoints.
pub(crate) fn parts<'m, 'r>(wanted: &ClusterRef, mesh: &'m Mesh<'r>) -> Result<Parts<'m, 'r>, Missing> {
    let service = mesh.services.find(&wanted.hostname, "");
    // An alias of another name has no cluster.
    let service = service
        .filter(|it| it.alias_of().is_none())
        .ok_or(Missing::Host)?;
    let port = service.port(wanted.port).ok_or(Missing::Port)?;
    let rule = mesh.destination_rules.find(&wanted.hostname, service.namespace);
    let subset = rule.and_then(|rule| rule.subset(&wanted.subset));
    let labels = match subset {
        _ if wanted.subset.is_empty() => Labels::new(),
        Some(subset) => subset.labels.clone(),
        None => return Err(Missing::Subset),
    };
    Ok(Parts {
        service,
        port,
        rule,
        subset,
        labels,
    })
}

impl Parts<'_, '_> {
    /// Whether the input could have all endpoints, with their localities and labels: those of a ServiceEntry that lists them.
    pub(crate) fn lists_endpoints(&self) -> bool {
        match self.service.source {
            ServiceSource::Kubernetes(_) => false,
            ServiceSource::Entry(entry) => entry.spec.workload_selector.is_none(),
        }
    }

    /// Whether the addresses of its endpoints may be host names.
    pub(crate) fn is_by_dns(&self) -> bool {
        match self.service.source {
            ServiceSource::Kubernetes(_) => false,
            ServiceSource::Entry(entry) => endpoints::looks_names_up(entry),
        }
    }

    /// Its endpoints.
    pub(crate) fn endpoints(&self, mesh: &Mesh<'_>) -> Result<Endpoints, Missing> {
        endpoints::find(self.service, self.port, &self.labels, &mesh.inventory).map_err(Missing::Endpoints)
    }
}
