//! Endpoints of ServiceEntries, and which service a host means.

use crate::asking::{SERVICE, check, pod, running, service, service_entry, workload_entry};

#[test]
fn a_service_entry_has_what_it_lists() {
    let to = "{host: ext.example.net}";
    let entry = |rest: &str| {
        service_entry(
            "ext",
            &format!(
                "{{hosts: [ext.example.net], ports: [{{number: 80, name: http, protocol: HTTP, targetPort: 8080}}], {rest}}}"
            ),
        )
    };
    for (what, rest, expected) in [
        ("NONE", "resolution: NONE", "empty: NONE"),
        (
            "NONE by default",
            "location: MESH_EXTERNAL",
            "empty: NONE by default",
        ),
        (
            "STATIC without endpoints",
            "resolution: STATIC",
            "empty: none listed",
        ),
        ("DNS", "resolution: DNS", "dns ext.example.net:8080"),
        (
            "DNS, once",
            "resolution: DNS_ROUND_ROBIN",
            "dns ext.example.net:8080",
        ),
        (
            "STATIC",
            "resolution: STATIC, endpoints: [{address: 10.0.0.2}, {address: 10.0.0.1, ports: {http: 9}, weight: 7}]",
            "10.0.0.1:9 x7, 10.0.0.2:8080",
        ),
        (
            "STATIC on a Unix socket",
            "resolution: STATIC, endpoints: [{address: 'unix:///run/web.sock'}]",
            "unix:///run/web.sock",
        ),
        (
            "DNS with endpoints",
            "resolution: DNS, endpoints: [{address: a.example.net}, {address: 10.0.0.1}]",
            "10.0.0.1:8080, a.example.net:8080",
        ),
        (
            "an address in another network",
            "resolution: STATIC, endpoints: [{network: far}]",
            "empty: no address 1",
        ),
        (
            "localities",
            "resolution: STATIC, endpoints: [{address: 10.0.0.2, locality: r/b}, {address: 10.0.0.1, locality: r/c}, {address: 10.0.0.3, labels: {istio-locality: r.a.x}}]",
            "10.0.0.3:8080 in r/a/x, 10.0.0.2:8080 in r/b, 10.0.0.1:8080 in r/c",
        ),
        (
            "one address twice",
            "resolution: STATIC, endpoints: [{address: 10.0.0.1, weight: 2}, {address: 10.0.0.1, weight: 3}]",
            "10.0.0.1:8080 x2",
        ),
    ] {
        check(what, to, &[&entry(rest)], expected);
    }
}

#[test]
fn a_subset_of_a_service_entry_has_the_endpoints_with_its_labels() {
    let rule = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: ext, namespace: app}\nspec: {host: ext.example.net, subsets: [{name: v1, labels: {version: v1}}, {name: west, labels: {topology.kubernetes.io/region: west}}, {name: all}]}\n";
    let entry = |rest: &str| {
        service_entry(
            "ext",
            &format!(
                "{{hosts: [ext.example.net], ports: [{{number: 80, name: http, protocol: HTTP}}], {rest}}}"
            ),
        )
    };
    let to = |subset: &str| format!("{{host: ext.example.net, subset: {subset}}}");
    let listed = entry(
        "resolution: STATIC, endpoints: [{address: 10.0.0.1, labels: {version: v1}}, {address: 10.0.0.2, locality: west/a}]",
    );
    check("by label", &to("v1"), &[rule, &listed], "10.0.0.1:80");
    check(
        "by region",
        &to("west"),
        &[rule, &listed],
        "10.0.0.2:80 in west/a",
    );
    let none = entry("resolution: STATIC, endpoints: [{address: 10.0.0.2}]");
    check("none", &to("v1"), &[rule, &none], "empty: none in subset of 1");
    let dns = entry("resolution: DNS");
    check(
        "the host itself has no labels",
        &to("v1"),
        &[rule, &dns],
        "no cluster, no-endpoints",
    );
    check(
        "a subset of everything",
        &to("all"),
        &[rule, &dns],
        "dns ext.example.net:80",
    );
}

#[test]
fn a_service_entry_selects_workload_entries_and_ready_pods() {
    let to = "{host: ext.example.net}";
    let entry = |resolution: &str| {
        service_entry(
            "ext",
            &format!(
                "{{hosts: [ext.example.net], ports: [{{number: 80, name: web, protocol: HTTP}}], resolution: {resolution}, workloadSelector: {{labels: {{app: web}}}}}}"
            ),
        )
    };
    let vm = workload_entry("vm", "{address: 10.0.0.1, labels: {app: web}, ports: {web: 9}}");
    let name = workload_entry("name", "{address: vm.example.net, labels: {app: web}}");
    let up = pod("a", "app: web", &running("10.0.0.2"));
    let down = "status: {podIP: 10.0.0.3, phase: Running, conditions: [{type: Ready, status: 'False'}]}\n";
    let down = pod("b", "app: web", down);
    let other = workload_entry("other", "{address: 10.0.0.4, labels: {app: other}}");
    check(
        "a container port with the port's name goes before its number",
        to,
        &[&entry("STATIC"), &vm, &up, &down, &other, &name],
        "10.0.0.1:9, 10.0.0.2:8081",
    );
    check(
        "names are looked up with DNS",
        to,
        &[&entry("DNS"), &vm, &name],
        "10.0.0.1:9, vm.example.net:80",
    );
    check(
        "nothing",
        to,
        &[&entry("STATIC"), &other],
        "empty: none selected of 0 Pods, 1 WorkloadEntries",
    );
    check(
        "nothing to look up",
        to,
        &[&entry("DNS"), &other],
        "no cluster, no-endpoints",
    );
    check(
        "nothing that it could select",
        to,
        &[&entry("STATIC")],
        "dns ext.example.net:80",
    );
    let wild = entry("STATIC").replace("hosts: [ext.example.net]", "hosts: ['*.example.net']");
    check(
        "nor a host to look up",
        "{host: '*.example.net'}",
        &[&wild],
        "empty: none selected of 0 Pods, 0 WorkloadEntries",
    );
    check("NONE with a selector", to, &[&entry("NONE"), &vm], "10.0.0.1:9");
}

#[test]
fn one_host_in_one_namespace_has_the_endpoints_of_all() {
    let entry = |name: &str, port_name: &str, rest: &str| {
        service_entry(
            name,
            &format!(
                "{{hosts: [web.app.svc.cluster.local], ports: [{{number: 80, name: {port_name}, protocol: HTTP}}], resolution: STATIC, {rest}}}"
            ),
        )
    };
    let more = entry("more", "http", "endpoints: [{address: 10.0.0.9}]");
    check(
        "of a Service that DNS would find",
        "{host: web}",
        &[SERVICE, &more],
        "10.0.0.9:80",
    );
    let one = pod("a", "app: web", &running("10.0.0.1"));
    check(
        "beside Pods",
        "{host: web}",
        &[SERVICE, &one, &more],
        "10.0.0.1:8080, 10.0.0.9:80",
    );
    let misnamed = entry("more", "web", "endpoints: [{address: 10.0.0.9}]");
    check(
        "ports fit by name",
        "{host: web}",
        &[SERVICE, &one, &misnamed],
        "10.0.0.1:8080",
    );
    let elsewhere = more.replace("namespace: app", "namespace: other");
    check(
        "not of another namespace",
        "{host: web}",
        &[SERVICE, &one, &elsewhere],
        "10.0.0.1:8080",
    );
    let first = more
        .replace("name: more", "name: first")
        .replace("10.0.0.9", "10.0.0.8");
    check(
        "of two ServiceEntries",
        "{host: web.app.svc.cluster.local}",
        &[&first, &more],
        "10.0.0.8:80, 10.0.0.9:80",
    );
    let second_port = more.replace("{number: 80, name: http", "{number: 81, name: admin");
    check(
        "and their ports",
        "{host: web.app.svc.cluster.local, port: {number: 81}}",
        &[&first, &second_port],
        "10.0.0.9:81",
    );
}

#[test]
fn a_wildcard_is_not_looked_up_for_the_hosts_below_it() {
    let wide = service_entry(
        "wide",
        "{hosts: ['*.example.net'], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, endpoints: [{address: 10.0.0.1}]}",
    );
    check(
        "below it",
        "{host: www.example.net}",
        &[&wide],
        "no cluster, unknown-host",
    );
    check("itself", "{host: '*.example.net'}", &[&wide], "10.0.0.1:80");
    let dynamic = service_entry(
        "dynamic",
        "{hosts: ['*.example.net'], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DYNAMIC_DNS}",
    );
    check(
        "DYNAMIC_DNS",
        "{host: '*.example.net'}",
        &[&dynamic],
        "no cluster, no-endpoints",
    );
}

#[test]
fn an_alias_has_no_cluster_but_that_of_the_name_behind_it() {
    let alias =
        service("{type: ExternalName, externalName: ext.example.net, ports: [{name: http, port: 80}]}");
    check(
        "nothing behind it",
        "{host: web}",
        &[&alias],
        "no cluster, unknown-host",
    );
    let entry = service_entry(
        "ext",
        "{hosts: [ext.example.net], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}",
    );
    check(
        "a ServiceEntry",
        "{host: web}",
        &[&alias, &entry],
        "dns ext.example.net:80",
    );
    let second = service(
        "{type: ExternalName, externalName: web.app.svc.cluster.local, ports: [{name: http, port: 80}]}",
    )
    .replace("name: web,", "name: again,");
    check(
        "an alias of an alias",
        "{host: again}",
        &[&alias, &second, &entry],
        "no cluster, unknown-host",
    );
}
