//! Corner cases of Istio's semantics, one test each, answered by the compiled filter config.
//!
//! The expectations are Istio's rules (docs/istio-routing.md has them), not this code's output.

mod asking;

use asking::{Proxy, compile, gateway, service, vs};

#[test]
fn a_wildcard_host_takes_every_depth_below_it_but_not_the_name_itself() {
    let it = compile(&[
        gateway(80, r#"["*"]"#),
        vs("a", r#"["*.foo.com"]"#, "- route: [{destination: {host: one}}]"),
    ]);
    assert_eq!(it.ask(80, "foo.com", "/"), "404");
    assert_eq!(it.ask(80, "A.B.FOO.com:8080", "/"), "one");
}

#[test]
fn a_miss_in_the_chosen_virtual_host_does_not_fall_through_to_a_wider_one() {
    let it = compile(&[
        gateway(80, r#"["*"]"#),
        vs(
            "a",
            "[a.com]",
            "- match: [{uri: {exact: /x}}]\n    route: [{destination: {host: one}}]",
        ),
        vs("b", r#"["*"]"#, "- route: [{destination: {host: two}}]"),
    ]);
    assert_eq!(it.ask(80, "a.com", "/x"), "one");
    assert_eq!(it.ask(80, "a.com", "/y"), "404");
    assert_eq!(it.ask(80, "b.com", "/y"), "two");
}

#[test]
fn a_service_with_matches_for_another_port_only_makes_no_virtual_host_here() {
    let it = compile(&[
        gateway(80, r#"["*"]"#),
        vs(
            "a",
            "[a.com]",
            "- match: [{port: 443}]\n    route: [{destination: {host: one}}]",
        ),
        vs("b", r#"["*"]"#, "- route: [{destination: {host: two}}]"),
    ]);
    assert_eq!(it.ask(80, "a.com", "/"), "two");
}

#[test]
fn a_host_without_a_dot_is_a_service_of_the_namespace() {
    let it = compile(&[
        gateway(80, r#"["*"]"#),
        vs("a", "[localhost]", "- route: [{destination: {host: one}}]"),
    ]);
    assert_eq!(it.ask(80, "localhost", "/"), "404");
    assert_eq!(it.ask(80, "localhost.foo.svc.cluster.local", "/"), "one");
}

#[test]
fn letter_case_counts_where_hosts_meet_and_not_where_requests_do() {
    let rule = "- route: [{destination: {host: one}}]";
    let apart = compile(&[gateway(80, "[Foo.com]"), vs("a", "[foo.com]", rule)]);
    assert_eq!(apart.ask(80, "foo.com", "/"), "404");
    let together = compile(&[gateway(80, "[Foo.com]"), vs("a", "[Foo.com]", rule)]);
    assert_eq!(together.ask(80, "fOO.com", "/"), "one");
}

#[test]
fn a_server_host_with_a_dot_is_for_the_namespace_of_the_gateway() {
    let rule = "- route: [{destination: {host: one}}]";
    let it = compile(&[gateway(80, r#"["./a.com"]"#), vs("a", "[a.com]", rule)]);
    assert_eq!(it.ask(80, "a.com", "/"), "404");
    let star = compile(&[gateway(80, r#"["*/*", "b.com"]"#), vs("a", "[a.com]", rule)]);
    assert_eq!(star.ask(80, "a.com", "/"), "one");
}

#[test]
fn a_gateway_named_only_in_a_match_gets_nothing() {
    let rule = "- match: [{gateways: [istio-system/gw]}]\n    route: [{destination: {host: one}}]";
    let service =
        vs("a", "[a.com]", rule).replace("gateways: [istio-system/gw]\n  http", "gateways: [mesh]\n  http");
    assert!(service.contains("[mesh]"));
    let it = compile(&[gateway(80, r#"["*"]"#), service]);
    assert_eq!(it.ask(80, "a.com", "/"), "404");
}

#[test]
fn an_export_to_its_own_namespace_hides_a_service_from_the_proxy_elsewhere() {
    let rule = "- route: [{destination: {host: one}}]";
    let private = vs("a", "[a.com]", rule).replace("spec:\n", "spec:\n  exportTo: [\".\"]\n");
    let it = compile(&[gateway(80, r#"["*"]"#), private.clone()]);
    assert_eq!(it.ask(80, "a.com", "/"), "404");
    let public = vs("0", "[a.com]", "- route: [{destination: {host: two}}]");
    let here = Proxy::in_namespace("foo").compile(&[gateway(80, r#"["*"]"#), private, public]);
    assert_eq!(
        here.ask(80, "a.com", "/"),
        "one",
        "what is private to the proxy's namespace comes first"
    );
}

#[test]
fn on_one_port_plain_http_first_drops_https_and_https_first_keeps_both() {
    let plain = "- {port: {number: 443, name: h, protocol: HTTP}, hosts: [\"*\"]}";
    let tls = "- {port: {number: 443, name: s, protocol: HTTPS}, hosts: [\"*\"], tls: {mode: SIMPLE, serverCertificate: /c, privateKey: /k}}";
    let servers = |one: &str, two: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: gw, namespace: istio-system}}\nspec:\n  selector: {{istio: ingressgateway}}\n  servers:\n  {one}\n  {two}\n"
        )
    };
    let rule = vs("a", "[a.com]", "- route: [{destination: {host: one}}]");
    assert_eq!(compile(&[servers(plain, tls), rule.clone()]).chains(443), 1);
    let named = tls.replace("[\"*\"]", "[s.com]");
    assert_eq!(compile(&[servers(&named, plain), rule.clone()]).chains(443), 2);
    // Both would accept every connection, which Envoy refuses.
    let both = compile(&[servers(tls, plain), rule]);
    assert_eq!(both.chains(443), 1);
    assert!(both.warned("server-dropped"));
}

#[test]
fn a_host_claimed_by_two_redirecting_servers_belongs_to_the_first() {
    let redirecting = |name: &str| {
        gateway(80, "[x.com]")
            .replace("name: gw", &format!("name: {name}"))
            .replace("hosts: [x.com]", "hosts: [x.com]\n    tls: {httpsRedirect: true}")
    };
    let bound = vs("a", "[x.com]", "- route: [{destination: {host: one}}]")
        .replace("istio-system/gw", "istio-system/second");
    let it = compile(&[redirecting("first"), redirecting("second"), bound]);
    assert_eq!(it.require_tls(80, "x.com"), Some(true));
    assert!(it.warned("server-dropped"));
}

#[test]
fn a_passthrough_server_without_tls_rules_opens_no_port() {
    let server = gateway(443, r#"["*"]"#)
        .replace("protocol: HTTP", "protocol: HTTPS")
        .replace("hosts: [\"*\"]", "hosts: [\"*\"]\n    tls: {credentialName: c}");
    let it = compile(&[
        server,
        vs("a", "[a.com]", "- route: [{destination: {host: one}}]"),
    ]);
    assert_eq!(it.chains(443), 0);
}

#[test]
fn a_target_port_moves_the_listener_and_not_what_match_port_means() {
    let proxy = "apiVersion: v1\nkind: Service\nmetadata: {name: ingress, namespace: istio-system}\nspec:\n  selector: {istio: ingressgateway}\n  ports: [{name: http, port: 80, targetPort: 8080}]\n";
    let rules = "- match: [{port: 8080}]\n    route: [{destination: {host: one}}]\n  - match: [{port: 80}]\n    route: [{destination: {host: two}}]";
    let it = compile(&[
        gateway(80, r#"["*"]"#),
        proxy.to_owned(),
        vs("a", "[a.com]", rules),
    ]);
    assert_eq!(it.chains(80), 0);
    assert_eq!(it.ask(8080, "a.com", "/"), "two");
}

#[test]
fn https_redirect_needs_no_service_but_a_host_without_namespace() {
    let redirecting = |host: &str| {
        gateway(80, host).replace(
            &format!("hosts: {host}"),
            &format!("hosts: {host}\n    tls: {{httpsRedirect: true}}"),
        )
    };
    assert_eq!(
        compile(&[redirecting("[x.com]")]).require_tls(80, "x.com"),
        Some(true)
    );
    assert_eq!(
        compile(&[redirecting("[\"./x.com\"]")]).require_tls(80, "x.com"),
        None
    );
}

#[test]
fn a_prefix_ends_anywhere() {
    let it = compile(&[
        gateway(80, r#"["*"]"#),
        vs(
            "a",
            "[a.com]",
            "- match: [{uri: {prefix: /foo}}]\n    route: [{destination: {host: one}}]\n  - match: [{uri: {prefix: /bar/}}]\n    route: [{destination: {host: two}}]",
        ),
    ]);
    assert_eq!(it.ask(80, "a.com", "/foobar"), "one");
    assert_eq!(it.ask(80, "a.com", "/bar"), "404");
}

#[test]
fn an_exact_path_is_compared_without_the_query() {
    let it = compile(&[
        gateway(80, r#"["*"]"#),
        vs(
            "a",
            "[a.com]",
            "- match: [{uri: {exact: \"/p?q=1\"}}]\n    route: [{destination: {host: one}}]\n  - match: [{uri: {exact: /p}}]\n    route: [{destination: {host: two}}]",
        ),
    ]);
    assert_eq!(it.ask(80, "a.com", "/p?q=1"), "two");
}

#[test]
fn a_catch_all_sinks_below_the_rules_of_later_services_and_a_regex_does_not() {
    let later = vs(
        "new",
        "[a.com]",
        "- match: [{uri: {prefix: /b}}]\n    route: [{destination: {host: two}}]",
    );
    let older = |uri: &str| {
        vs(
            "a-old",
            "[a.com]",
            &format!("- match: [{{uri: {uri}}}]\n    route: [{{destination: {{host: one}}}}]"),
        )
    };
    let ask =
        |uri: &str| compile(&[gateway(80, r#"["*"]"#), older(uri), later.clone()]).ask(80, "a.com", "/b");
    assert_eq!(ask("{prefix: /}"), "two");
    assert_eq!(ask("{regex: /.*}"), "one");
    assert_eq!(ask("{regex: .*}"), "two");
    assert_eq!(ask("{prefix: \"\"}"), "one");
}

#[test]
fn a_catch_all_ends_its_service() {
    let it = compile(&[
        gateway(80, r#"["*"]"#),
        vs(
            "a",
            "[a.com]",
            "- match: [{uri: {prefix: /}}, {uri: {prefix: /x}, name: second}]\n    route: [{destination: {host: one}}]\n  - match: [{uri: {exact: /y}}]\n    route: [{destination: {host: two}}]",
        ),
    ]);
    assert_eq!(it.routes(80, "a.com"), 1);
}

#[test]
fn there_is_no_longest_prefix() {
    let it = compile(&[
        gateway(80, r#"["*"]"#),
        vs(
            "a",
            "[a.com]",
            "- match: [{uri: {prefix: /a}}]\n    route: [{destination: {host: one}}]",
        ),
        vs(
            "b",
            "[a.com]",
            "- match: [{uri: {prefix: /a/b}}]\n    route: [{destination: {host: two}}]",
        ),
    ]);
    assert_eq!(it.ask(80, "a.com", "/a/b"), "one");
}

#[test]
fn creation_time_orders_services_before_their_names() {
    let dated = |name: &str, time: &str, host: &str| {
        vs(
            name,
            "[a.com]",
            &format!("- match: [{{uri: {{prefix: /x}}}}]\n    route: [{{destination: {{host: {host}}}}}]"),
        )
        .replace(
            "namespace: foo",
            &format!("namespace: foo, creationTimestamp: \"{time}\""),
        )
    };
    let it = compile(&[
        gateway(80, r#"["*"]"#),
        dated("a", "2026-02-01T00:00:00Z", "one"),
        dated("b", "2026-01-01T00:00:00Z", "two"),
    ]);
    assert_eq!(it.ask(80, "a.com", "/x"), "two");
}

#[test]
fn source_labels_are_compared_with_those_of_the_proxy() {
    let rules = "- match: [{sourceLabels: {app: web}}]\n    route: [{destination: {host: one}}]\n  - route: [{destination: {host: two}}]";
    let resources = [gateway(80, r#"["*"]"#), vs("a", "[a.com]", rules)];
    assert_eq!(compile(&resources).ask(80, "a.com", "/"), "two");
    let labelled = Proxy::with_labels(&[("istio", "ingressgateway"), ("app", "web")]).compile(&resources);
    assert_eq!(labelled.ask(80, "a.com", "/"), "one");
}

#[test]
fn the_authority_of_a_match_keeps_its_port() {
    let it = compile(&[
        gateway(80, r#"["*"]"#),
        vs(
            "a",
            "[x.com]",
            "- match: [{authority: {exact: x.com}}]\n    route: [{destination: {host: one}}]",
        ),
    ]);
    assert_eq!(it.ask(80, "x.com", "/"), "one");
    assert_eq!(it.ask(80, "x.com:8080", "/"), "404");
}

#[test]
fn an_absent_header_is_empty_to_what_must_not_match() {
    let ask = |matcher: &str| {
        let rule = format!(
            "- match: [{{withoutHeaders: {{t: {matcher}}}}}]\n    route: [{{destination: {{host: one}}}}]"
        );
        compile(&[gateway(80, r#"["*"]"#), vs("a", "[a.com]", &rule)]).ask(80, "a.com", "/")
    };
    assert_eq!(ask("{regex: \".*\"}"), "404");
    assert_eq!(ask("{exact: a}"), "one");
    assert_eq!(ask("{}"), "one");
    assert_eq!(ask("{regex: \"*\"}"), "one");
}

#[test]
fn a_destination_without_a_port_has_the_only_one_or_that_of_the_gateway() {
    let two_ports = "apiVersion: v1\nkind: Service\nmetadata: {name: many, namespace: foo}\nspec: {ports: [{name: http, port: 8080}, {name: http-b, port: 9090}]}\n";
    let it = compile(&[
        gateway(80, r#"["*"]"#),
        two_ports.to_owned(),
        service("single", 9080),
        vs(
            "a",
            "[a.com]",
            "- match: [{uri: {exact: /many}}]\n    route: [{destination: {host: many}}]\n  - match: [{uri: {exact: /single}}]\n    route: [{destination: {host: single}}]\n  - match: [{uri: {exact: /dotted}}]\n    route: [{destination: {host: many.foo}}]",
        ),
    ]);
    assert_eq!(
        it.cluster(80, "a.com", "/many"),
        "outbound|80||many.foo.svc.cluster.local"
    );
    assert_eq!(
        it.cluster(80, "a.com", "/single"),
        "outbound|9080||single.foo.svc.cluster.local"
    );
    assert_eq!(it.cluster(80, "a.com", "/dotted"), "outbound|80||many.foo");
    assert!(
        it.clusters().iter().all(|name| !name.contains("many")),
        "neither exists: 503"
    );
}

#[test]
fn a_delegate_takes_the_direct_response_of_its_root_and_answers_with_it() {
    let root = vs(
        "root",
        "[a.com]",
        "- match: [{uri: {prefix: /a}}]\n    delegate: {name: leaf}\n    directResponse: {status: 503}",
    );
    let leaf = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: leaf, namespace: foo}\nspec:\n  http:\n  - route: [{destination: {host: one}}]\n";
    let it = compile(&[gateway(80, r#"["*"]"#), root, leaf.to_owned()]);
    assert_eq!(it.ask(80, "a.com", "/a/x"), "direct_response");
}

#[test]
fn a_delegate_that_reads_the_case_otherwise_than_its_root_is_dropped() {
    let root = vs(
        "root",
        "[a.com]",
        "- match: [{uri: {prefix: /a}, ignoreUriCase: true}]\n    delegate: {name: leaf}\n  - route: [{destination: {host: two}}]",
    );
    let leaf = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: leaf, namespace: foo}\nspec:\n  http:\n  - match: [{headers: {h: {exact: x}}}]\n    route: [{destination: {host: one}}]\n";
    let it = compile(&[gateway(80, r#"["*"]"#), root, leaf.to_owned()]);
    assert_eq!(it.ask(80, "a.com", "/a"), "two");
    assert!(it.warned("delegate-conflict"));
}

#[test]
fn every_pair_of_compatible_matches_becomes_a_route() {
    let root = vs(
        "root",
        "[a.com]",
        "- match: [{uri: {prefix: /a}}, {uri: {prefix: /b}}]\n    delegate: {name: leaf}",
    );
    let leaf = |matches: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: leaf, namespace: foo}}\nspec:\n  http:\n  - match: [{matches}]\n    route: [{{destination: {{host: one}}}}]\n"
        )
    };
    let count =
        |matches: &str| compile(&[gateway(80, r#"["*"]"#), root.clone(), leaf(matches)]).routes(80, "a.com");
    assert_eq!(count("{headers: {h: {exact: \"1\"}}}"), 2);
    assert_eq!(count("{uri: {prefix: /c}}"), 0);
}

#[test]
fn a_newer_rule_with_another_export_hides_the_subsets_of_the_older() {
    let rule = |name: &str, extra: &str, subset: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: {name}, namespace: foo}}\nspec:\n  host: one\n{extra}  subsets: [{{name: {subset}, labels: {{version: {subset}}}}}]\n"
        )
    };
    let services = vs(
        "a",
        "[a.com]",
        "- match: [{uri: {exact: /1}}]\n    route: [{destination: {host: one, subset: v1}}]\n  - match: [{uri: {exact: /2}}]\n    route: [{destination: {host: one, subset: v2}}]",
    );
    let apart = compile(&[
        gateway(80, r#"["*"]"#),
        service("one", 80),
        services.clone(),
        rule("a", "", "v1"),
        rule("b", "  exportTo: [\"*\"]\n", "v2"),
    ]);
    assert_eq!(apart.clusters(), ["outbound|80|v2|one.foo.svc.cluster.local"]);
    let merged = compile(&[
        gateway(80, r#"["*"]"#),
        service("one", 80),
        services,
        rule("a", "", "v1"),
        rule("b", "", "v2"),
    ]);
    assert_eq!(merged.clusters().len(), 2);
}

#[test]
fn a_path_that_an_edit_can_see_is_rewritten_by_envoy() {
    let it = |headers: &str| {
        let rule = format!(
            "- match: [{{uri: {{prefix: /old}}}}]\n    rewrite: {{uri: /new}}\n    headers: {{request: {headers}}}\n    route: [{{destination: {{host: one}}}}]"
        );
        compile(&[gateway(80, r#"["*"]"#), vs("a", "[a.com]", &rule)]).rewritten_by(80, "a.com")
    };
    assert_eq!(it("{set: {x: plain}}"), "filter");
    assert_eq!(it("{set: {x: \"100%%\"}}"), "filter");
    assert_eq!(it("{set: {x: \"%REQ(:path)%\"}}"), "envoy");
    assert_eq!(it("{set: {x: \"%REQ(X-ENVOY-ORIGINAL-PATH)%\"}}"), "envoy");
    assert_eq!(it("{remove: [x-envoy-original-path]}"), "envoy");
    assert_eq!(it("{add: {X-Envoy-Original-Path: a}}"), "envoy");
}

#[test]
fn a_pattern_that_envoy_refuses_is_an_error_for_that_envoy() {
    let rule = vs(
        "a",
        "[a.com]",
        "- match: [{uri: {regex: \"/\\\\x{3a9}\"}}]\n    route: [{destination: {host: one}}]",
    );
    let resources = [gateway(80, r#"["*"]"#), rule];
    assert!(
        compile(&resources).warned("pattern-refused"),
        "to 1.40 a character is a byte"
    );
    let older = Proxy::for_envoy("1.39").compile(&resources);
    assert!(!older.warned("pattern-refused"));
    assert_eq!(older.ask(80, "a.com", "/\u{3a9}"), "one");
}
