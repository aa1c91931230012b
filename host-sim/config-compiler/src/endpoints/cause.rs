//! Why a cluster has no endpoint, in words, and where in the input that begins.

use fingerpost_resources::Origin;

use super::{Labels, NoEndpoints, Unusable};
use crate::services::{ClusterRef, KnownService, ServiceSource};

/// A cause in words.
#[derive(Debug)]
pub(crate) struct Cause {
    /// What is the case, without the consequence.
    pub message: String,
    /// What to do.
    pub help: String,
    /// The field of the service's resource that it is about.
    pub field: &'static str,
}

impl NoEndpoints {
    /// Why `cluster` of `service` has no endpoint; `labels` are those of its subset.
    pub(crate) fn cause(&self, cluster: &ClusterRef, service: &KnownService<'_>, labels: &Labels) -> Cause {
        let subject = subject(service);
        let (reason, help, field) = match self {
            Self::ResolutionNone { is_written } => {
                let reason = match is_written {
                    true => format!("`resolution: NONE` of {subject} has no endpoints on a gateway"),
                    false => format!(
                        "{subject} gives no `resolution`, and the default `NONE` has no endpoints on a gateway"
                    ),
                };
                let help = if service.hostname.starts_with('*') {
                    "a wildcard can't be looked up: write a ServiceEntry for the host itself with `resolution: DNS`, or `resolution: STATIC` with `endpoints`"
                } else {
                    "write `resolution: DNS`, or `resolution: STATIC` with `endpoints`"
                };
                (reason, help.to_owned(), "spec.resolution")
            }
            Self::DynamicDns => (
                format!("`resolution: DYNAMIC_DNS` of {subject} is not supported"),
                "write a ServiceEntry with `resolution: DNS` for each host".to_owned(),
                "spec.resolution",
            ),
            Self::NoneListed => (
                format!("{subject} has `resolution: STATIC` and lists no endpoint"),
                if service.hostname.starts_with('*') {
                    "add `endpoints`: a wildcard can't be looked up".to_owned()
                } else {
                    "add `endpoints`, or write `resolution: DNS`".to_owned()
                },
                "spec.resolution",
            ),
            Self::NoneInSlices => (
                format!("the EndpointSlices of {subject} list no endpoint"),
                "see `kubectl get endpointslices`: does its selector fit a Pod?".to_owned(),
                "spec.selector",
            ),
            Self::NoneSelected {
                pods,
                workload_entries,
            } => {
                let all = [
                    (*pods, "Pod", "Pods"),
                    (*workload_entries, "WorkloadEntry", "WorkloadEntries"),
                ];
                let counts: Vec<String> = all
                    .iter()
                    .filter(|(count, ..)| *count > 0)
                    .map(|(count, one, several)| {
                        format!("{count} {}", if *count == 1 { one } else { several })
                    })
                    .collect();
                let reason = match counts.as_slice() {
                    [] => format!("{subject} selects workloads, and the input has none in its namespace"),
                    some => format!(
                        "{subject} selects none of the {} in its namespace",
                        some.join(" and ")
                    ),
                };
                let field = match service.source {
                    ServiceSource::Kubernetes(_) => "spec.selector",
                    ServiceSource::Entry(_) => "spec.workloadSelector",
                };
                (reason, "compare its selector with their labels".to_owned(), field)
            }
            Self::NoneUsable { workloads, reason } => {
                let (what, help) = unusable(reason, service);
                let reason = match workloads {
                    1 => format!("the only workload of {subject}{} {what}", of_subset(cluster)),
                    several => format!(
                        "none of the {several} workloads of {subject}{} can be used: the first {what}",
                        of_subset(cluster)
                    ),
                };
                (reason, help.to_owned(), "spec")
            }
            Self::NoneInSubset { workloads } => {
                let wanted: Vec<String> = labels
                    .iter()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect();
                let wanted = wanted.join(",");
                let reason =
                    format!("its labels {wanted} select no workload of {subject}, which has {workloads}");
                let help = "compare the labels of the subset with those of the workloads";
                (reason, help.to_owned(), "spec")
            }
            Self::NoShare { endpoints } => {
                let of_all = match endpoints {
                    1 => "the only endpoint".to_owned(),
                    several => format!("any of the {several} endpoints"),
                };
                (
                    format!("`distribute` of its DestinationRule gives no share to the locality of {of_all} of {subject}"),
                    "compare `to` with the localities of the endpoints, or let `*` have a share".to_owned(),
                    "spec",
                )
            }
            Self::Passthrough => (
                "`simple: PASSTHROUGH` of its DestinationRule sends requests to the address that the client wanted to reach, which \
                 a gateway does not know"
                    .to_owned(),
                "use ROUND_ROBIN or LEAST_REQUEST: PASSTHROUGH is for sidecars".to_owned(),
                "spec",
            ),
        };
        Cause {
            message: format!("{} has no endpoint: {reason}", cluster.describe()),
            help,
            field,
        }
    }
}

fn subject<'s>(service: &KnownService<'s>) -> &'s str {
    origin(service).subject()
}

/// Where the service is written.
pub(crate) fn origin<'s>(service: &KnownService<'s>) -> &'s Origin {
    match service.source {
        ServiceSource::Kubernetes(service) => &service.origin,
        ServiceSource::Entry(entry) => &entry.origin,
    }
}

fn of_subset(cluster: &ClusterRef) -> &'static str {
    match cluster.subset.as_str() {
        "" => "",
        _ => " in this subset",
    }
}

fn unusable(reason: &Unusable, service: &KnownService<'_>) -> (String, &'static str) {
    match (reason, service.source) {
        (Unusable::NotReady, _) => (
            "is not ready".to_owned(),
            "requests go to workloads that are ready only",
        ),
        (Unusable::BeingDeleted, _) => (
            "is being deleted".to_owned(),
            "Kubernetes takes such a workload out of its Service: requests go to the others",
        ),
        (Unusable::Ended, _) => (
            "has ended".to_owned(),
            "requests go to Pods that run only: see `kubectl get pods`",
        ),
        (Unusable::NoAddress, _) => (
            "has no address".to_owned(),
            "add its address: gateways of other networks are not known here",
        ),
        (Unusable::NoPort(name), _) => (
            format!("has no port named {name:?}"),
            "give a port of its container, its EndpointSlice or its WorkloadEntry that name",
        ),
        (Unusable::NotAnIp(address), ServiceSource::Kubernetes(_)) => (
            format!("has the address {address:?}, which is not an IP address"),
            "write the IP address: Kubernetes Services look no names up",
        ),
        (Unusable::NotAnIp(address), ServiceSource::Entry(_)) => (
            format!("has the address {address:?}, which is not an IP address"),
            "write the IP address, or `resolution: DNS`",
        ),
    }
}
