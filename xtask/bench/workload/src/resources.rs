//! The tables as a user would write them: a Gateway, ten services, and a VirtualService for each host.

use std::fmt::Write as _;

use crate::{Condition, Kind, Policy, Rule, rules};

/// How many services the rules send to, in turn.
pub const SERVICES: usize = 10;

const GATEWAY: &str = "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: istio-system}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: ['*']
";

/// The resources of a table of `count` rules.
pub fn yaml(kind: Kind, count: usize) -> String {
    written(rules(kind, count))
}

/// The resources of a table with one rule, which takes every request.
pub fn catch_all() -> String {
    written(std::iter::once(Rule {
        host: "'*'".to_owned(),
        condition: Condition::Any,
        policy: Policy::None,
        service: 0,
    }))
}

/// Envoy's name of the cluster of a service.
pub fn cluster(service: usize) -> String {
    format!("outbound|80||s{service}.example.com")
}

fn written(rules: impl Iterator<Item = Rule>) -> String {
    let mut yaml = String::from(GATEWAY);
    for service in 0..SERVICES {
        push(
            &mut yaml,
            format_args!(
                "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: s{service}}}\n\
                 spec:\n  hosts: [s{service}.example.com]\n  ports: [{{number: 80, name: http, protocol: HTTP}}]\n  \
                 resolution: STATIC\n  endpoints: [{{address: 127.0.0.1}}]\n"
            ),
        );
    }
    let mut host = None;
    for (index, rule) in rules.enumerate() {
        if host.as_ref() != Some(&rule.host) {
            let name = &rule.host;
            push(
                &mut yaml,
                format_args!(
                    "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: shop-{index}}}\n\
                     spec:\n  hosts: [{name}]\n  gateways: [istio-system/edge]\n  http:\n"
                ),
            );
        }
        push_rule(&mut yaml, &rule);
        host = Some(rule.host);
    }
    yaml
}

fn push_rule(yaml: &mut String, rule: &Rule) {
    yaml.push_str("  - ");
    match &rule.condition {
        Condition::Any => {}
        Condition::Exact(path) => push(yaml, format_args!("match: [{{uri: {{exact: {path}}}}}]\n    ")),
        Condition::Prefix(path) => push(yaml, format_args!("match: [{{uri: {{prefix: {path}}}}}]\n    ")),
        Condition::Regex(path) => push(
            yaml,
            format_args!("match: [{{uri: {{regex: '{path}[a-z]+/[0-9]+'}}}}]\n    "),
        ),
        Condition::Header(value) => push(
            yaml,
            format_args!("match: [{{headers: {{x-tenant: {{exact: {value}}}}}}}]\n    "),
        ),
    }
    match rule.policy {
        Policy::None => {}
        Policy::Rewrite => yaml.push_str("rewrite: {uri: /}\n    "),
        Policy::Retries => yaml.push_str("retries: {attempts: 3, perTryTimeout: 2s}\n    "),
        Policy::Timeout => yaml.push_str("timeout: 10s\n    "),
    }
    let service = rule.service;
    push(
        yaml,
        format_args!("route: [{{destination: {{host: s{service}.example.com}}}}]\n"),
    );
}

/// A `String` takes every text.
fn push(yaml: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = yaml.write_fmt(text);
}
