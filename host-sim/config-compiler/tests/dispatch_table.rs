//! What shares a native route and a virtual host in the table behind our filter, and what does not.

use std::collections::BTreeSet;

use fingerpost_config_compiler::{Compiled, Operations, Options, compile};
use fingerpost_envoy_config::core::HeaderAppendAction;
use fingerpost_envoy_config::filters::http_connection_manager::RouteSpecifier;
use fingerpost_envoy_config::listener::NetworkFilterConfig;
use fingerpost_envoy_config::route::{
    Action as EnvoyAction, DirectResponseAction, Route, TlsRequirement, VirtualHost,
};
use fingerpost_envoy_config::xds::{MatchAction, MatcherType, OnMatch};
use fingerpost_resources::{Diagnostics, Source, read};
use fingerpost_routing_config::Action;

const GATEWAY: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: shop}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}
";

/// A VirtualService `shop/<name>` for `<name>.test`, with these rules.
fn rules(name: &str, http: &[&str]) -> String {
    let http: String = http.iter().map(|rule| format!("  - {rule}\n")).collect();
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n  hosts: [{name}.test]\n  gateways: [gw]\n  http:\n{http}"
    )
}

fn compiled(gateway: &str, services: &[String], options: &Options) -> Compiled {
    let mut diagnostics = Diagnostics::new();
    let source = Source::new("test.yaml", format!("{gateway}{}", services.concat()));
    let resources = read(vec![source], &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    compile(&resources, options, &mut diagnostics)
}

/// The virtual hosts of the first table.
fn virtual_hosts(compiled: &Compiled) -> &[VirtualHost] {
    let chains = compiled.bootstrap.static_resources.listeners.first();
    let chains = chains.into_iter().flat_map(|it| &it.filter_chains);
    let mut filters = chains.flat_map(|it| &it.filters);
    match filters.next().map(|it| &it.typed_config) {
        Some(NetworkFilterConfig::HttpConnectionManager(manager)) => match &manager.routes {
            RouteSpecifier::RouteConfig(table) => &table.virtual_hosts,
            RouteSpecifier::Rds(_) => panic!("a static table"),
        },
        Some(NetworkFilterConfig::TcpProxy(_)) | None => panic!("HTTP"),
    }
}

/// The keys of the routes, without those by which upgrades are refused.
fn keys(host: &VirtualHost) -> BTreeSet<&str> {
    match host.matcher.as_ref().map(|it| &it.matcher_type) {
        Some(MatcherType::MatcherTree(tree)) => {
            let keys = tree.exact_match_map.map.keys().map(String::as_str);
            keys.filter(|it| !it.starts_with("upgrade_refused@")).collect()
        }
        Some(MatcherType::MatcherList(_)) | None => BTreeSet::new(),
    }
}

/// The keys of the virtual host that has a domain.
fn keys_of<'c>(compiled: &'c Compiled, domain: &str) -> BTreeSet<&'c str> {
    let mut hosts = virtual_hosts(compiled).iter();
    let host = hosts.find(|it| it.domains.iter().any(|it| it == domain));
    keys(host.unwrap_or_else(|| panic!("no virtual host has {domain}")))
}

/// The domains of each virtual host.
fn domains(compiled: &Compiled) -> Vec<Vec<&str>> {
    let hosts = virtual_hosts(compiled).iter();
    hosts
        .map(|it| it.domains.iter().map(String::as_str).collect())
        .collect()
}

const TO_ONE: &str = "route: [{destination: {host: one}}]";

#[test]
fn rules_that_do_the_same_share_a_route_and_hosts_with_nothing_of_their_own_a_virtual_host() {
    let prefix = |path: &str, does: &str| format!("{{match: [{{uri: {{prefix: {path}}}}}], {does}}}");
    let services: Vec<String> = (0..20)
        .map(|number| {
            let first = prefix(&format!("/{number}"), TO_ONE);
            let second = prefix("/two", "route: [{destination: {host: two}}]");
            rules(
                &format!("v{number}"),
                &[&first, &second, &format!("{{{TO_ONE}}}")],
            )
        })
        .collect();
    let compiled = compiled(GATEWAY, &services, &Options::default());
    let [host] = virtual_hosts(&compiled) else {
        panic!("{:?}", domains(&compiled))
    };
    assert_eq!(host.domains.len(), 20);
    assert_eq!(keys(host).len(), 2);
    // Each rule is still there for the filter, under its own name.
    let hosts = &compiled.chains[0].config.virtual_hosts;
    let names: BTreeSet<String> = hosts
        .iter()
        .flat_map(|it| &it.routes)
        .map(|it| it.rule.to_string())
        .collect();
    assert_eq!(names.len(), 60);
}

#[test]
fn rules_share_no_route_if_envoy_would_show_a_difference() {
    let both = |one: &str, other: &str, options: &Options| {
        let in_order = |does: &str, path: &str| format!("{{match: [{{uri: {{prefix: {path}}}}}], {does}}}");
        let all = rules("a", &[&in_order(one, "/1"), &in_order(other, "/2")]);
        keys_of(&compiled(GATEWAY, &[all], options), "a.test").len()
    };
    let usual = Options::default();
    assert_eq!(both(TO_ONE, TO_ONE, &usual), 1);
    for other in [
        "route: [{destination: {host: two}}]",
        "name: other, route: [{destination: {host: one}}]",
        "timeout: 1s, route: [{destination: {host: one}}]",
        "headers: {response: {set: {x-a: b}}}, route: [{destination: {host: one}}]",
        "headers: {request: {remove: [x-a]}}, route: [{destination: {host: one}}]",
        "mirror: {host: two}, route: [{destination: {host: one}}]",
        "corsPolicy: {allowOrigins: [{exact: a}]}, route: [{destination: {host: one}}]",
        "fault: {abort: {httpStatus: 500, percentage: {value: 1}}}, route: [{destination: {host: one}}]",
        "rewrite: {authority: b}, route: [{destination: {host: one}}]",
        "redirect: {uri: /there}",
        "directResponse: {status: 200}",
    ] {
        assert_eq!(both(TO_ONE, other, &usual), 2, "{other}");
    }
    // The filter rewrites the path before Envoy's route sees it, if nothing on the route shows the path.
    let rewrites = "rewrite: {uri: /new}, route: [{destination: {host: one}}]";
    assert_eq!(both(TO_ONE, rewrites, &usual), 1);
    // Each rule has metrics of its own.
    let with_metrics = Options {
        operations: Some(Operations {
            rule_metrics: true,
            ..Operations::default()
        }),
        ..Options::default()
    };
    assert_eq!(both(TO_ONE, TO_ONE, &with_metrics), 2);
}

#[test]
fn a_host_with_something_of_its_own_has_its_own_virtual_host() {
    const REDIRECTING: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: shop}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 80, name: a, protocol: HTTP}, hosts: [a.test, b.test, c.test, d.test]}
  - {port: {number: 80, name: b, protocol: HTTP}, hosts: [r.test, s.test], tls: {httpsRedirect: true}}
";
    let all = format!("{{{TO_ONE}}}");
    let some = format!("{{match: [{{uri: {{prefix: /some}}}}], {TO_ONE}}}");
    let services = [
        rules("a", &[&all]),
        rules("b", &[&some]),
        rules("c", &[&all]),
        rules("d", &[&some]),
        rules("r", &[&all]),
        rules("s", &[&all]),
    ];
    let compiled = compiled(REDIRECTING, &services, &Options::default());
    assert_eq!(
        domains(&compiled),
        [
            vec!["a.test", "b.test", "c.test", "d.test"],
            vec!["r.test", "s.test"]
        ]
    );
    let hosts = virtual_hosts(&compiled);
    let redirects = hosts.iter().map(|it| it.require_tls == TlsRequirement::All);
    assert_eq!(redirects.collect::<Vec<_>>(), [false, true]);
    assert_ne!(hosts[0].name, hosts[1].name);
}

/// The native routes by which an upgrade is refused that the first route of this virtual host takes, one for each share.
fn refusals(compiled: &Compiled, host: &str) -> Vec<Route> {
    let config = &compiled.chains[0].config;
    let upgrades = config.upgrades.as_ref().expect("upgrades are refused");
    let mut hosts = config.virtual_hosts.iter();
    let filter_host = hosts.find(|it| it.domains == [host]).expect("the host");
    let mut hosts = virtual_hosts(compiled).iter();
    let envoy_host = hosts.find(|it| it.domains.iter().any(|it| it == host));
    let matcher = envoy_host.and_then(|it| it.matcher.as_ref()).expect("a matcher");
    assert_eq!(matcher.on_no_match, None);
    let MatcherType::MatcherTree(tree) = &matcher.matcher_type else {
        panic!("{matcher:?}");
    };
    let chosen = filter_host.routes[0].action.keys();
    let refused_by = chosen.map(|it| {
        upgrades
            .refused_with_edits_by
            .get(it)
            .unwrap_or(&upgrades.refused_by)
    });
    let routes = refused_by.map(|key| match &tree.exact_match_map.map[key] {
        OnMatch::Action(action) => match &action.typed_config {
            MatchAction::Route(route) => (**route).clone(),
            MatchAction::RouteList(_) => panic!("{action:?}"),
        },
        OnMatch::Matcher(_) => panic!("{key}"),
    });
    routes.collect()
}

#[test]
fn an_upgrade_is_refused_with_the_edits_of_the_rule_and_the_share() {
    let refused = |rule: &str| {
        let compiled = compiled(GATEWAY, &[rules("a", &[rule])], &Options::default());
        let refusals = refusals(&compiled, "a.test").into_iter();
        let in_words = |route: Route| {
            assert_eq!(
                route.action,
                EnvoyAction::DirectResponse(DirectResponseAction {
                    status: 403,
                    body: None
                })
            );
            let added = route.response_headers_to_add.iter().map(|it| {
                let sign = match it.append_action {
                    HeaderAppendAction::OverwriteIfExistsOrAdd => "=",
                    _ => "+",
                };
                format!("{}{sign}{}", it.header.key, it.header.value)
            });
            let removed = route.response_headers_to_remove.iter().map(|it| format!("-{it}"));
            removed.chain(added).collect::<Vec<_>>().join(" ")
        };
        refusals.map(in_words).collect::<Vec<_>>()
    };
    for (rule, expected) in [
        (TO_ONE, &[""][..]),
        ("directResponse: {status: 200}", &[""]),
        (
            "redirect: {uri: /there}, headers: {response: {set: {x-a: r}}}",
            &[""],
        ),
        (
            "headers: {request: {set: {x-a: r}}}, route: [{destination: {host: one}}]",
            &[""],
        ),
        (
            "headers: {response: {set: {x-a: r}, add: {x-b: r}, remove: [x-c]}}, route: [{destination: {host: one}}]",
            &["-x-c x-a=r x-b+r"],
        ),
        (
            "route: [{destination: {host: one}, weight: 1, headers: {response: {set: {x-a: s}}}}, {destination: {host: two}, weight: 1}]",
            &["x-a=s", ""],
        ),
        // The rule comes after the share: what it sets or removes is not the share's any more.
        (
            "headers: {response: {set: {X-A: r}, add: {x-b: r}, remove: [x-c]}}, route: \
             [{destination: {host: one}, weight: 1, headers: {response: {set: {x-a: s, x-b: s, x-c: s}, add: {x-d: s}, remove: [x-e]}}}, \
             {destination: {host: two}, weight: 1}]",
            &["-x-e -x-c x-b=s x-d+s X-A=r x-b+r", "-x-c X-A=r x-b+r"],
        ),
    ] {
        assert_eq!(refused(&format!("{{{rule}}}")), expected, "{rule}");
    }
}

#[test]
fn what_the_connection_manager_allows_the_filter_does_not_refuse() {
    let compiled = compiled(
        GATEWAY,
        &[rules("a", &[&format!("{{{TO_ONE}}}")])],
        &Options::default(),
    );
    let upgrades = compiled.chains[0]
        .config
        .upgrades
        .as_ref()
        .expect("upgrades are refused");
    let listener = &compiled.bootstrap.static_resources.listeners[0];
    let NetworkFilterConfig::HttpConnectionManager(manager) =
        &listener.filter_chains[0].filters[0].typed_config
    else {
        panic!("{listener:?}");
    };
    let allowed = manager.upgrade_configs.iter().map(|it| it.upgrade_type.as_str());
    assert_eq!(allowed.collect::<Vec<_>>(), upgrades.allowed);
}

#[test]
fn metrics_of_rules_have_the_name_of_their_own_virtual_host() {
    let options = Options {
        operations: Some(Operations {
            rule_metrics: true,
            ..Operations::default()
        }),
        ..Options::default()
    };
    let all = format!("{{{TO_ONE}}}");
    let compiled = compiled(GATEWAY, &[rules("a", &[&all]), rules("b", &[&all])], &options);
    let names: Vec<&str> = virtual_hosts(&compiled)
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["a.test:80", "b.test:80"]);
}

#[test]
fn names_of_rules_change_no_key() {
    let all = format!("{{{TO_ONE}}}");
    let of = |name_rules: bool| {
        let options = Options {
            name_rules,
            ..Options::default()
        };
        let compiled = compiled(GATEWAY, &[rules("a", &[&all])], &options);
        assert_eq!(compiled.chains[0].config.name_rules, name_rules);
        let route = &compiled.chains[0].config.virtual_hosts[0].routes[0];
        match &route.action {
            Action::Forward(destinations) => destinations[0].key.clone(),
            Action::Reply(reply) => reply.key.clone(),
        }
    };
    assert_eq!(of(true), of(false));
}

#[test]
fn envoy_gets_the_names_for_people_only_if_rules_are_named() {
    let all = format!("{{{TO_ONE}}}");
    for name_rules in [true, false] {
        let options = Options {
            name_rules,
            ..Options::default()
        };
        let compiled = compiled(GATEWAY, &[rules("a", &[&all])], &options);
        let bootstrap = serde_json::to_string(&compiled.bootstrap).expect("JSON");
        for name in ["shop/a", "a.test:80", "cluster"] {
            let quoted = format!(r#"\"{name}\""#); // as in the filter's configuration, which is a string
            assert_eq!(bootstrap.contains(&quoted), name_rules, "{name}");
        }
        let route = &compiled.chains[0].config.virtual_hosts[0].routes[0];
        assert_eq!(route.rule.to_string(), "shop/a http[0]");
    }
}
