//! DestinationRules for other workloads than the gateway, for hosts that it sends requests to.
//!
//! Decides nothing: `destination_rules` passes over them as Istio does (istio `pilot/pkg/model/sidecar.go`,
//! `DestinationRule`).

use fingerpost_resources::{Code, Diagnostics};

use crate::clusters::Cluster;
use crate::host;
use crate::mesh::Mesh;

/// Reports each of them.
pub(crate) fn check(clusters: &[Cluster], mesh: &Mesh<'_>, diagnostics: &mut Diagnostics) {
    let options = mesh.options;
    for rule in &mesh.resources.destination_rules {
        let Some(selector) = &rule.spec.workload_selector else {
            continue;
        };
        let namespace = &rule.meta.namespace;
        let name = host::qualify(&rule.spec.host, namespace, &options.domain);
        let is_used = clusters
            .iter()
            .any(|it| host::is_covered_by(&it.wanted.hostname, &name));
        if !is_used
            || mesh
                .destination_rules
                .select_proxy(namespace, &selector.match_labels)
        {
            continue;
        }
        let (reason, help) = if *namespace == options.namespace {
            let labels: Vec<String> = options
                .labels
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            (
                format!("the gateway has the labels {}", labels.join(",")),
                "select the gateway's labels, or remove the selector".to_owned(),
            )
        } else {
            (
                format!(
                    "it selects workloads of namespace `{namespace}`, and the gateway runs in `{}`",
                    options.namespace
                ),
                format!(
                    "remove the selector, move the rule to namespace `{0}`, or compile with `--proxy-namespace {namespace}` if the gateway runs there",
                    options.namespace
                ),
            )
        };
        let message = format!(
            "workloadSelector does not select the gateway, so this DestinationRule does nothing: {reason}"
        );
        diagnostics
            .warn(Code::NotSelected, message)
            .on(&rule.origin, "spec.workloadSelector")
            .help(help);
    }
}
