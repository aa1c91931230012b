//! A cluster in full.

use fingerpost_config_compiler::{
    BuiltCluster, ClusterDetail, ClusterRole, ClusterState, ClusterUse, UpstreamTlsSummary, Verification,
};

use super::{name, protocol, sources};
use crate::count;
use crate::prose::WIDEST;
use crate::rows::{Margin, PLAIN, Screen};
use crate::style::{BAD, BOLD, DIM, NAME, ODD};
use crate::table::length;

/// All about a cluster, no line longer than `width`; without one, every text is one line.
#[must_use]
pub fn detail(cluster: &ClusterDetail, width: Option<usize>) -> String {
    let mut screen = Screen::default();
    screen.label("cluster", name(cluster), BOLD);
    screen.text(&cluster.name, DIM);
    if let Some(service) = &cluster.service {
        let (text, place) = if service.is_assumed {
            (format!("{}, assumed to exist", service.name), String::new())
        } else {
            (service.name.clone(), service.span.to_string())
        };
        screen.row(Margin::Label("service", DIM), (text, PLAIN), (place, DIM));
    }
    if let Some(rule) = &cluster.destination_rule {
        let blocks = match rule.traffic_policy.as_slice() {
            [] => String::new(),
            some => format!(": {}", some.join(", ")),
        };
        let text = format!("DestinationRule {}{blocks}", rule.name);
        screen.row(
            Margin::Label("policy", DIM),
            (text, PLAIN),
            (rule.span.to_string(), DIM),
        );
        let labels: Vec<String> = cluster
            .labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        if !labels.is_empty() {
            screen.text(&format!("endpoints with {}", labels.join(",")), PLAIN);
        }
    }
    if let Some(lost) = cluster.lost() {
        screen.label_in(
            "lost",
            BAD,
            format!("{}: {}", lost.consequence, lost.reason.message),
            BAD,
        );
        if !lost.reason.help.is_empty() {
            screen.label("fix", lost.reason.help.clone(), PLAIN);
        }
    }
    if let ClusterState::Built(built) = &cluster.state {
        built_cluster(&mut screen, cluster, built);
    }
    uses(&mut screen, cluster);
    screen.lay(width.map(|it| it.min(WIDEST)))
}

fn built_cluster(screen: &mut Screen, cluster: &ClusterDetail, built: &BuiltCluster) {
    let found = match built.endpoints.as_slice() {
        [] => "none".to_owned(),
        some => format!(
            "{}, {}",
            count(some.len(), "endpoint"),
            match sources(cluster, built).as_slice() {
                [] => built.discovery.to_string(),
                kinds => format!("from {}", kinds.join(", ")),
            }
        ),
    };
    screen.label("endpoints", found, PLAIN);
    let is_weighted = built.endpoints.iter().any(|it| it.weight != 1);
    let longest = built
        .endpoints
        .iter()
        .map(|it| length(&it.address))
        .max()
        .unwrap_or_default();
    for endpoint in &built.endpoints {
        let weight = is_weighted.then(|| format!("weight {}", endpoint.weight));
        let priority = (endpoint.priority > 0).then(|| format!("priority {}", endpoint.priority));
        let facts = [
            weight,
            priority,
            endpoint.locality.clone(),
            endpoint.source.clone(),
        ];
        let facts: Vec<String> = facts.into_iter().flatten().collect();
        let blanks = " ".repeat(longest - length(&endpoint.address));
        let line = format!("  {}{blanks}  {}", endpoint.address, facts.join("  "));
        screen.text(line.trim_end(), NAME);
    }
    screen.label("balancing", built.load_balancing.clone(), PLAIN);
    screen.label("protocol", protocol(built), PLAIN);
    if let Some(tls) = &built.upstream.tls {
        tls_rows(screen, tls);
    }
    match built.limits.as_slice() {
        [] => screen.label("limits", "none".to_owned(), DIM),
        [first, others @ ..] => {
            screen.label("limits", first.to_string(), PLAIN);
            for limit in others {
                screen.text(&limit.to_string(), PLAIN);
            }
        }
    }
    if let Some(text) = &built.outlier_detection {
        screen.label("outliers", text.clone(), PLAIN);
    }
}

/// What is sent in the handshake, and what is expected of the endpoint.
fn tls_rows(screen: &mut Screen, tls: &UpstreamTlsSummary) {
    let name = match &tls.sni {
        Some(name) => format!("server name {name}"),
        None => "server name: the host of the request".to_owned(),
    };
    let place = tls.span.to_string();
    screen.row(Margin::Label("tls", DIM), (name, PLAIN), (place, DIM));
    match &tls.verification {
        Verification::Skipped => screen.text("any certificate of the endpoint is accepted", ODD),
        Verification::By {
            authorities,
            request_host,
            names,
        } => {
            let host = request_host.then(|| "for the host of the request".to_owned());
            let names = (!names.is_empty()).then(|| format!("with one of the names {}", names.join(", ")));
            let parts = [
                Some(format!("the endpoint needs a certificate by {authorities}")),
                host,
                names,
            ];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            screen.text(&parts.join(", "), PLAIN);
        }
    }
    if let Some(certificate) = &tls.certificate {
        screen.text(&format!("the proxy shows the certificate {certificate}"), PLAIN);
    }
}

fn uses(screen: &mut Screen, cluster: &ClusterDetail) {
    if cluster.uses.is_empty() {
        screen.label_in(
            "routed by",
            ODD,
            "no rule, so the bootstrap has no such cluster".to_owned(),
            PLAIN,
        );
    }
    for (index, used) in cluster.uses.iter().enumerate() {
        let margin = if index == 0 {
            Margin::Label("routed by", DIM)
        } else {
            Margin::Blank
        };
        let place = used.span.as_ref().map(ToString::to_string).unwrap_or_default();
        screen.row(margin, (used.rule.clone(), PLAIN), (place, DIM));
        screen.text(&format!("  {}", share(used)), DIM);
    }
}

/// What of a rule's traffic comes there.
fn share(used: &ClusterUse) -> String {
    let part = |what: &str| match used.percent {
        percent if percent < 100.0 => format!("{percent} % of its {what}"),
        _ => format!("all of its {what}"),
    };
    let what = match used.role {
        ClusterRole::Requests => part("requests"),
        ClusterRole::Copies => format!("copies of {}", part("requests")),
        ClusterRole::Connections => part("connections"),
    };
    let ports: Vec<String> = used.ports.iter().map(u32::to_string).collect();
    let hosts: Vec<String> = used
        .hosts
        .iter()
        .map(|it| {
            if it == "*" {
                "any host".to_owned()
            } else {
                it.clone()
            }
        })
        .collect();
    format!(
        "{what}, for {} on port {}",
        crate::list(&hosts, 5),
        ports.join(" and ")
    )
}
