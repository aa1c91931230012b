//! What an Istio gateway can't be made to do, and that the reason is given.

use fingerpost_config_compiler::Options;
use fingerpost_manifests::istio::{IstioRelease, istio};
use serde_json::Value;

use crate::{SERVICES, compiled, options, target};

/// A Gateway with these TLS or plain servers, as `name port host`.
fn gateway(servers: &[(&str, u32, &str)]) -> String {
    let servers = servers.iter().map(|(name, port, host)| {
        let tls = if name.starts_with("https") {
            ", tls: {mode: SIMPLE, credentialName: c}"
        } else {
            ""
        };
        let protocol = if tls.is_empty() { "HTTP" } else { "HTTPS" };
        format!(
            "  - {{port: {{number: {port}, name: {name}, protocol: {protocol}}}{tls}, hosts: [\"{host}\"]}}\n"
        )
    });
    let servers: String = servers.collect();
    format!(
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: gateway, namespace: default}}\n\
         spec:\n  selector: {{istio: ingressgateway}}\n  servers:\n{servers}---\n"
    )
}

fn rule(name: &str, host: &str, service: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}, namespace: default}}\n\
         spec: {{hosts: [\"{host}\"], gateways: [gateway], http: [{{route: [{{destination: {{host: {service}}}}}]}}]}}\n---\n"
    )
}

/// Reasons if the manifests are refused, else the ports of each filter.
fn made(resources: &str, target: &Options) -> Result<Vec<Vec<u64>>, String> {
    let documents = istio(
        &compiled(resources, target),
        target,
        &options(IstioRelease::NEWEST),
    );
    let documents =
        documents.map_err(|it| it.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    let extensions = documents.iter().filter(|it| it.kind() == "TrafficExtension");
    let ports = |spec: &Value| -> Vec<u64> {
        let ports = spec["match"][0]["ports"].as_array().into_iter().flatten();
        ports.filter_map(|it| it["number"].as_u64()).collect()
    };
    Ok(extensions.map(|it| ports(&it.content["spec"])).collect())
}

#[test]
fn servers_of_a_port_with_different_rules_for_a_host_are_refused() {
    // By its server name a.example.com a client gets the rules of the first server, for every host that it serves: the
    // second one's rules for b.example.com must not answer there.
    let servers = gateway(&[("https", 443, "*"), ("https-b", 443, "b.example.com")]);
    let input = format!(
        "{SERVICES}{servers}{}{}",
        rule("one", "*", "one"),
        rule("two", "b.example.com", "two")
    );
    let refused = made(&input, &target()).expect_err("refused");
    assert!(
        refused.contains("b.example.com") && refused.contains("https.443.https-b.gateway.default"),
        "{refused}"
    );
}

#[test]
fn servers_of_a_port_for_different_hosts_share_a_filter() {
    let servers = gateway(&[("https", 443, "a.example.com"), ("https-b", 443, "b.example.com")]);
    let input = format!(
        "{SERVICES}{servers}{}{}",
        rule("one", "a.example.com", "one"),
        rule("two", "b.example.com", "two")
    );
    assert_eq!(made(&input, &target()), Ok(vec![vec![443]]));
}

#[test]
fn ports_have_filters_of_their_own() {
    let servers = gateway(&[("http", 80, "*"), ("http-b", 8080, "*")]);
    let input = format!("{SERVICES}{servers}{}", rule("one", "*", "one"));
    assert_eq!(made(&input, &target()), Ok(vec![vec![80], vec![8080]]));
}

#[test]
fn rules_about_claims_are_refused() {
    for field in ["headers", "withoutHeaders"] {
        let rule = rule("one", "*", "one").replace(
            "{route:",
            &format!("{{match: [{{{field}: {{'@request.auth.claims.group': {{exact: admin}}}}}}], route:"),
        );
        let input = format!("{SERVICES}{}{rule}", gateway(&[("http", 80, "*")]));
        let refused = made(&input, &target()).expect_err("refused");
        assert!(
            refused.contains("VirtualService default/one routes by @request.auth.claims.group"),
            "{refused}"
        );
    }
}

#[test]
fn a_gateway_without_http_is_refused() {
    let refused = made(SERVICES, &target()).expect_err("refused");
    assert!(refused.contains("no Gateway has an HTTP server"), "{refused}");
}

#[test]
fn a_gateway_without_labels_is_refused() {
    let any = Options {
        labels: [].into(),
        ..target()
    };
    let servers = gateway(&[("http", 80, "*")]).replace("selector: {istio: ingressgateway}", "selector: {}");
    let refused =
        made(&format!("{SERVICES}{servers}{}", rule("one", "*", "one")), &any).expect_err("refused");
    assert!(refused.contains("no labels"), "{refused}");
}

#[test]
fn a_table_that_a_cluster_cannot_store_is_refused() {
    let rules: String = (0..3000)
        .map(|it| {
            // Rules that do the same would share their route in the table.
            let timeout = format!("timeout: {it}ms, route:");
            rule(&format!("r{it}"), &format!("h{it}.example.com"), "one").replace("route:", &timeout)
        })
        .collect();
    let refused = made(
        &format!("{SERVICES}{}{rules}", gateway(&[("http", 80, "*")])),
        &target(),
    )
    .expect_err("refused");
    assert!(
        refused.contains("EnvoyFilter") && refused.contains("1572864"),
        "{refused}"
    );
}
