//! How the Pods are reached, and what keeps some of them running.

use std::collections::BTreeMap;

use fingerpost_config_compiler::Summary;
use serde_json::{Value, json};

use super::{DeploymentOptions, listen_ports, metadata, selector};
use crate::document::Document;

/// The ports that Gateways declare, each with the port that Envoy listens on.
pub(super) fn service(summary: &Summary, options: &DeploymentOptions) -> Document {
    let mut ports: BTreeMap<u32, Value> = BTreeMap::new();
    for listener in &summary.listeners {
        let letters = listener.protocol.chars().take_while(char::is_ascii_alphanumeric);
        let protocol: String = letters.map(|it| it.to_ascii_lowercase()).collect();
        for port in &listener.declared_ports {
            ports.entry(*port).or_insert_with(|| {
                json!({"name": format!("{protocol}-{port}"), "port": port, "targetPort": listener.listen_port})
            });
        }
    }
    let object = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(&options.name, options),
        "spec": {
            "type": "LoadBalancer",
            "selector": selector(options),
            "ports": ports.into_values().collect::<Vec<Value>>(),
        },
    });
    Document::new(&["Where clients come in."], &object)
}

/// Only the ports of listeners and of the readiness endpoint are open; the admin interface is on the loopback anyway.
pub(super) fn policy(summary: &Summary, options: &DeploymentOptions) -> Document {
    let mut open = listen_ports(summary);
    open.push(options.readiness_port.into());
    let ports: Vec<Value> = open
        .iter()
        .map(|port| json!({"protocol": "TCP", "port": port}))
        .collect();
    let object = json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(&options.name, options),
        "spec": {
            "podSelector": {"matchLabels": selector(options)},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": ports}],
        },
    });
    Document::new(
        &["Opens the ports of the listeners and of the readiness endpoint, and no other."],
        &object,
    )
}

/// Nodes are drained one Pod at a time.
pub(super) fn disruption_budget(options: &DeploymentOptions) -> Document {
    let object = json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(&options.name, options),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector(options)},
        },
    });
    Document::new(
        &["While nodes are drained, all Pods but one keep running."],
        &object,
    )
}
