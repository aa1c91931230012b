//! Why a cluster does not exist, or has no endpoint, in words.
//!
//! Which clusters exist, `cluster_parts` decides.

use crate::cluster_parts::{self, Missing};
use crate::endpoints::{self, NoEndpoints};
use crate::mesh::Mesh;
use crate::services::ClusterRef;
use fingerpost_resources::Code;

/// Why a cluster does not exist, or has no endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingCluster {
    /// The field of the destination that is to blame: `host`, `port` or `subset`.
    pub field: &'static str,
    /// The code of the finding.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// What would do.
    pub help: String,
}

/// Why a cluster does not exist, if it does not.
pub(crate) fn missing_cluster(cluster: &ClusterRef, mesh: &Mesh<'_>) -> Option<MissingCluster> {
    let host = &cluster.hostname;
    let list = |names: Vec<String>| {
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    };
    let (field, code, message, help) = match cluster_parts::check(cluster, mesh).err()? {
        Missing::Host => (
            "host",
            Code::UnknownHost,
            unknown_host(host, mesh),
            unknown_host_help(host, mesh),
        ),
        Missing::Port => {
            let ports = mesh
                .services
                .find(host, "")
                .map(|it| it.all_ports().map(|port| port.number.to_string()).collect());
            let message = format!("{host} has no port {}", cluster.port);
            (
                "port",
                Code::UnknownPort,
                message,
                format!("its ports: {}", list(ports.unwrap_or_default())),
            )
        }
        Missing::Subset => {
            let namespace = mesh.services.find(host, "").map_or("", |it| it.namespace);
            let defined = mesh.destination_rules.find(host, namespace).map(|rule| {
                rule.subsets
                    .iter()
                    .map(|it| format!("\"{}\"", it.subset.name))
                    .collect()
            });
            let message = format!(
                "no DestinationRule for {host} defines subset \"{}\"",
                cluster.subset
            );
            let help = match (defined, mesh.destination_rules.unseen(host).as_slice()) {
                (Some(names), _) => format!("it defines {}", list(names)),
                (None, []) => "no DestinationRule has that host: add one with this subset".to_owned(),
                (None, unseen) => format!(
                    "{} has that host, but is not visible: only the namespaces of the proxy (`{}`) and of the service (`{namespace}`) and the root namespace are searched, and `exportTo` must allow it",
                    unseen.join(", "),
                    mesh.options.namespace
                ),
            };
            ("subset", Code::UnknownSubset, message, help)
        }
        Missing::Endpoints(why) => return without_endpoints(&why, cluster, mesh),
    };
    Some(MissingCluster {
        field,
        code,
        message,
        help,
    })
}

/// Why a cluster has no endpoint.
pub(crate) fn without_endpoints(
    why: &NoEndpoints,
    cluster: &ClusterRef,
    mesh: &Mesh<'_>,
) -> Option<MissingCluster> {
    let parts = cluster_parts::parts(cluster, mesh).ok()?;
    let cause = why.cause(cluster, parts.service, &parts.labels);
    Some(MissingCluster {
        field: "host",
        code: Code::NoEndpoints,
        message: cause.message,
        help: cause.help,
    })
}

/// Why the host has no cluster.
fn unknown_host(host: &str, mesh: &Mesh<'_>) -> String {
    if let Some(hidden) = mesh.services.hidden(host).next() {
        return format!(
            "{} has the host `{host}`, but is not exported to namespace `{}`, where the gateway runs",
            hidden.subject(),
            mesh.options.namespace
        );
    }
    format!("no service has the host `{host}`")
}

fn unknown_host_help(host: &str, mesh: &Mesh<'_>) -> String {
    if let Some(hidden) = mesh.services.hidden(host).next() {
        let field = if hidden.subject().starts_with("Service ") {
            "the annotation `networking.istio.io/exportTo`"
        } else {
            "`exportTo`"
        };
        return format!(
            "add `{}` or `*` to {field} of {}",
            mesh.options.namespace,
            hidden.subject()
        );
    }
    if let Some(alias) = mesh.services.aliases_of(host).next() {
        return format!(
            "{} is an ExternalName, another name of `{host}`: write a ServiceEntry for `{host}` with `resolution: DNS`",
            endpoints::origin(alias).subject()
        );
    }
    let mut known = mesh.services.hostnames();
    if let Some(other) = known.find(|known| known.eq_ignore_ascii_case(host)) {
        return format!("the letter case differs: write `{other}`");
    }
    if let Some(wildcard) = mesh.services.wildcards_over(host).next() {
        return format!(
            "the `{}` of {} is not looked up for it: write a ServiceEntry for `{host}`",
            wildcard.hostname,
            endpoints::origin(wildcard).subject()
        );
    }
    let name = host.split('.').next().unwrap_or(host);
    let similar = mesh.services.hostnames();
    let similar = similar.filter(|known| *known != host && known.split('.').next() == Some(name));
    let similar: Vec<&str> = similar.collect();
    if similar.is_empty() {
        "add the Service or ServiceEntry to the input".to_owned()
    } else {
        format!("did you mean {}?", similar.join(" or "))
    }
}
