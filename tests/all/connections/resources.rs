//! What the Envoy of these tests serves: a Gateway with a port for each kind of connection.

use std::fmt::Write as _;

use fingerpost_envoy_runner::Authority;
use serde_json::json;

use crate::operations::said;

/// The services, each with an upstream of its name.
pub(super) const SERVICES: [&str; 12] = [
    "mysql", "one", "wide", "deep", "any", "first", "second", "near", "far", "cache-a", "cache-b", "late",
];
/// The service with several endpoints, whose clients keep theirs.
pub(super) const HASHED: &str = "keeps";

const GATEWAY: &str = "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: istio-system}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 3306, name: mysql, protocol: MYSQL}, hosts: ['*']}
  - {port: {number: 443, name: tls, protocol: TLS}, hosts: ['*.example.com'], tls: {mode: PASSTHROUGH}}
  - {port: {number: 444, name: https, protocol: HTTPS}, hosts: ['*'], tls: {mode: PASSTHROUGH}}
  - {port: {number: 445, name: tls, protocol: TLS}, hosts: [a.example.com], tls: {mode: PASSTHROUGH}}
  - {port: {number: 445, name: mysql, protocol: MYSQL}, hosts: ['*']}
  - {port: {number: 5432, name: tcp, protocol: TCP}, hosts: ['*.db.example.com']}
  - {port: {number: 5433, name: tcp, protocol: TCP}, hosts: ['*']}
  - {port: {number: 5434, name: tcp, protocol: TCP}, hosts: ['*']}
  - {port: {number: 6380, name: a, protocol: TLS}, hosts: [a.example.com], tls: {mode: SIMPLE, credentialName: a}}
  - {port: {number: 6380, name: b, protocol: TLS}, hosts: [b.example.com], tls: {mode: SIMPLE, credentialName: b}}
  - {port: {number: 7000, name: redis, protocol: REDIS}, hosts: ['*']}
";

/// Matches, and the service that each leads to.
type Rules = &'static [(&'static str, &'static str)];

/// Name, hosts, the kind of rules, and the rules.
const VIRTUAL_SERVICES: [(&str, &str, &str, Rules); 7] = [
    (
        "by-name",
        "['*.example.com']",
        "tls",
        &[
            ("{sniHosts: ['*.example.com']}", "wide"),
            ("{port: 443, sniHosts: ['*.deep.example.com']}", "deep"),
            ("{sniHosts: [a.example.com]}", "one"),
        ],
    ),
    (
        "every-name",
        "['*']",
        "tls",
        &[("{port: 444, sniHosts: ['*']}", "any")],
    ),
    (
        "database-a",
        "[a.db.example.com]",
        "tcp",
        &[("{port: 5432}", "first")],
    ),
    (
        "database-b",
        "[b.db.example.com]",
        "tcp",
        &[("{port: 5432}", "second")],
    ),
    (
        "cache-a",
        "[a.example.com]",
        "tcp",
        &[("{port: 6380}", "cache-a")],
    ),
    (
        "cache-b",
        "[b.example.com]",
        "tcp",
        &[("{port: 6380}", "cache-b")],
    ),
    (
        "ports",
        "['*']",
        "tcp",
        &[
            ("{port: 3306}", "mysql"),
            ("{port: 445}", "mysql"),
            ("{port: 5433, sourceSubnet: 10.0.0.0/8}", "near"),
            ("{port: 5433, destinationSubnets: [10.0.0.0/8]}", "far"),
            ("{port: 5434}", "missing"),
            ("{port: 6380}", "late"),
            ("{port: 7000}", HASHED),
        ],
    ),
];

/// All of them, for these endpoints of the hashed service.
pub(super) fn resources(hashed: &[u16]) -> Result<String, String> {
    let mut text = GATEWAY.to_owned();
    for (name, hosts, kind, rules) in VIRTUAL_SERVICES {
        let _ = write!(
            text,
            "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}}}\n\
             spec:\n  hosts: {hosts}\n  gateways: [istio-system/edge]\n  {kind}:\n"
        );
        for (matched, service) in rules {
            let _ = writeln!(
                text,
                "  - match: [{matched}]\n    route: [{{destination: {{host: {service}, port: {{number: 3306}}}}}}]"
            );
        }
    }
    for service in SERVICES.iter().chain([&HASHED]) {
        add(
            &mut text,
            &json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": service},
                "spec": {"ports": [{"port": 3306, "name": "tcp"}]}}),
        );
    }
    for (index, port) in hashed.iter().enumerate() {
        add(
            &mut text,
            &json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": {"name": format!("{HASHED}-{index}"), "labels": {"kubernetes.io/service-name": HASHED}},
                "endpoints": [{"addresses": ["127.0.0.1"]}], "ports": [{"name": "tcp", "port": port}]}),
        );
    }
    add(
        &mut text,
        &json!({"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": HASHED},
            "spec": {"host": HASHED, "trafficPolicy": {"loadBalancer": {"consistentHash": {"useSourceIp": true}}}}}),
    );
    let authority = Authority::new().map_err(said)?;
    for name in ["a", "b"] {
        let certificate = authority.sign(&[&format!("{name}.example.com")]).map_err(said)?;
        add(
            &mut text,
            &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "istio-system"},
                "stringData": {"tls.crt": certificate.chain_pem, "tls.key": certificate.key_pem}}),
        );
    }
    Ok(text)
}

fn add(text: &mut String, resource: &serde_json::Value) {
    let _ = write!(text, "---\n{resource}\n");
}
