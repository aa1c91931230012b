//! Which endpoints a cluster has, one row for each way in which the input knows them or does not.
//!
//! The expectations are Istio's: `pilot/pkg/serviceregistry/kube/controller`, `pilot/pkg/serviceregistry/serviceentry`,
//! `pilot/pkg/xds/endpoints`. What Istio learns from a cluster and the input lacks is DNS's matter.

use fingerpost_config_compiler::{Endpoints, NoEndpoints, Options, Unusable, compile};
use fingerpost_resources::{Diagnostics, Source, read};

const GATEWAY: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: app}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]
";

/// What `compile` makes of documents: the endpoints of each cluster, and the codes of the findings.
struct Compiled {
    clusters: Vec<(String, Endpoints)>,
    codes: Vec<&'static str>,
}

fn compiled(destination: &str, documents: &[&str]) -> Compiled {
    let route = format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: site, namespace: app}}\nspec: {{hosts: ['*'], gateways: [gw], http: [{{route: [{{destination: {destination}}}]}}]}}\n"
    );
    let mut all = vec![GATEWAY, &route];
    all.extend(documents);
    let mut diagnostics = Diagnostics::new();
    let resources = read(
        vec![Source::new("test.yaml", all.join("\n---\n"))],
        &mut diagnostics,
    );
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let compiled = compile(&resources, &Options::default(), &mut diagnostics);
    let clusters = compiled.plan.clusters.into_iter();
    Compiled {
        clusters: clusters.map(|it| (it.name, it.endpoints)).collect(),
        codes: diagnostics.iter().map(|it| it.code).collect(),
    }
}

/// The endpoints in short: addresses with their weight and locality where they have one, `dns`, why there are none, or
/// `no cluster`.
fn endpoints(destination: &str, documents: &[&str]) -> String {
    let Compiled { clusters, codes } = compiled(destination, documents);
    let [(_, endpoints)] = clusters.as_slice() else {
        assert!(clusters.is_empty(), "{clusters:?}");
        return format!("no cluster, {}", codes.join(" "));
    };
    match endpoints {
        Endpoints::Known(known) => {
            assert!(!codes.contains(&"no-endpoints"), "{codes:?}");
            let words = known.iter().map(|it| {
                let weight = (it.weight != 1).then(|| format!(" x{}", it.weight));
                let locality = (!it.locality.is_empty()).then(|| format!(" in {}", it.locality));
                format!(
                    "{}{}{}",
                    it.address,
                    weight.unwrap_or_default(),
                    locality.unwrap_or_default()
                )
            });
            words.collect::<Vec<_>>().join(", ")
        }
        Endpoints::Dns { host, port } => format!("dns {host}:{port}"),
        Endpoints::Empty(why) => {
            let warnings = codes.iter().filter(|it| **it == "no-endpoints").count();
            assert_eq!(warnings, 1, "{codes:?}");
            let why = match why {
                NoEndpoints::ResolutionNone { is_written: true } => "NONE".to_owned(),
                NoEndpoints::ResolutionNone { is_written: false } => "NONE by default".to_owned(),
                NoEndpoints::DynamicDns => "DYNAMIC_DNS".to_owned(),
                NoEndpoints::NoneListed => "none listed".to_owned(),
                NoEndpoints::NoneInSlices => "none in slices".to_owned(),
                NoEndpoints::NoneSelected {
                    pods,
                    workload_entries,
                } => format!("none selected of {pods} Pods, {workload_entries} WorkloadEntries"),
                NoEndpoints::NoneUsable { workloads, reason } => match reason {
                    Unusable::NotReady => format!("not ready {workloads}"),
                    Unusable::NoAddress => format!("no address {workloads}"),
                    Unusable::NoPort(name) => format!("no port {name} {workloads}"),
                    Unusable::NotAnIp(address) => format!("not an IP {address} {workloads}"),
                },
                NoEndpoints::NoneInSubset { workloads } => format!("none in subset of {workloads}"),
            };
            format!("empty: {why}")
        }
    }
}

fn check(what: &str, destination: &str, documents: &[&str], expected: &str) {
    assert_eq!(endpoints(destination, documents), expected, "{what}");
}

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: app}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
";
const SUBSETS: &str = "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: app}
spec: {host: web, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
";

fn pod(name: &str, labels: &str, rest: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: app, labels: {{{labels}}}}}\nspec: {{containers: [{{name: main, image: x, ports: [{{name: web, containerPort: 8081}}]}}]}}\n{rest}"
    )
}

fn running(address: &str) -> String {
    format!("status: {{podIP: {address}, phase: Running, conditions: [{{type: Ready, status: 'True'}}]}}\n")
}

fn service(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Service\nmetadata: {{name: web, namespace: app}}\nspec: {spec}\n")
}

fn slice(name: &str, rest: &str) -> String {
    format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: {name}, namespace: app, labels: {{kubernetes.io/service-name: web}}}}\n{rest}\n"
    )
}

fn workload_entry(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {{name: {name}, namespace: app}}\nspec: {spec}\n"
    )
}

fn service_entry(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: app}}\nspec: {spec}\n"
    )
}

#[test]
fn a_service_that_the_input_knows_nothing_of_is_found_by_dns() {
    let dns = "dns web.app.svc.cluster.local:80";
    check("nothing but the Service", "{host: web}", &[SERVICE], dns);
    let elsewhere = pod("a", "app: web", &running("10.0.0.1")).replace("namespace: app", "namespace: other");
    check(
        "a Pod of another namespace",
        "{host: web}",
        &[SERVICE, &elsewhere],
        dns,
    );
    let manifest = pod("a", "app: web", "");
    check(
        "a Pod that is not applied yet",
        "{host: web}",
        &[SERVICE, &manifest],
        dns,
    );
    let manifest = pod("a", "app: web", "status: {}\n");
    check(
        "a Pod as `kubectl run --dry-run` writes it",
        "{host: web}",
        &[SERVICE, &manifest],
        dns,
    );
    let vm = workload_entry("a", "{address: 10.0.0.1, labels: {app: other}}");
    check(
        "a WorkloadEntry that it does not select",
        "{host: web}",
        &[SERVICE, &vm],
        dns,
    );
    let bare = service("{ports: [{name: http, port: 80}]}");
    let other = pod("a", "app: web", &running("10.0.0.1"));
    check(
        "no selector, so Pods do not matter",
        "{host: web}",
        &[&bare, &other],
        dns,
    );
    let headless =
        service("{clusterIP: None, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}");
    check(
        "a headless Service, whose name leads to Pods",
        "{host: web}",
        &[&headless],
        "dns web.app.svc.cluster.local:8080",
    );
}

#[test]
fn pods_of_the_namespace_are_all_the_pods_there_are() {
    let one = pod("a", "app: web, version: v1", &running("10.0.0.1"));
    let other = pod("b", "app: other", &running("10.0.0.2"));
    let down = "status: {podIP: 10.0.0.3, phase: Running, conditions: [{type: Ready, status: 'False'}]}\n";
    let down = pod("c", "app: web, version: v2", down);
    check(
        "a selected Pod",
        "{host: web}",
        &[SERVICE, &one, &other],
        "10.0.0.1:8080",
    );
    check(
        "Pods of another app alone",
        "{host: web}",
        &[SERVICE, &other],
        "empty: none selected of 1 Pods, 0 WorkloadEntries",
    );
    check(
        "one is not ready",
        "{host: web}",
        &[SERVICE, &one, &down],
        "10.0.0.1:8080",
    );
    check(
        "the only one is not ready",
        "{host: web}",
        &[SERVICE, &down],
        "empty: not ready 1",
    );
    let subset = |name: &str| format!("{{host: web, subset: {name}}}");
    check(
        "a subset",
        &subset("v1"),
        &[SERVICE, SUBSETS, &one, &down],
        "10.0.0.1:8080",
    );
    check(
        "a subset whose Pod is not ready",
        &subset("v2"),
        &[SERVICE, SUBSETS, &one, &down],
        "empty: not ready 1",
    );
    check(
        "a subset without Pods",
        &subset("v2"),
        &[SERVICE, SUBSETS, &one],
        "empty: none in subset of 1",
    );
    let ended = pod("d", "app: web", "status: {podIP: 10.0.0.4, phase: Succeeded}\n");
    check(
        "a Pod that has ended",
        "{host: web}",
        &[SERVICE, &ended],
        "empty: not ready 1",
    );
    let pending = pod("d", "app: web", "status: {phase: Pending}\n");
    check(
        "a Pod without an address",
        "{host: web}",
        &[SERVICE, &pending],
        "empty: no address 1",
    );
    let leaving = one.replace(
        "namespace: app,",
        "namespace: app, deletionTimestamp: 2026-01-01T00:00:00Z,",
    );
    check(
        "a Pod that is being deleted",
        "{host: web}",
        &[SERVICE, &leaving],
        "empty: not ready 1",
    );
}

#[test]
fn a_service_may_publish_what_is_not_ready() {
    let publishing = service(
        "{selector: {app: web}, publishNotReadyAddresses: true, ports: [{name: http, port: 80, targetPort: 8080}]}",
    );
    let down = "status: {podIP: 10.0.0.3, phase: Running, conditions: [{type: Ready, status: 'False'}]}\n";
    let down = pod("c", "app: web", down);
    check("not ready", "{host: web}", &[&publishing, &down], "10.0.0.3:8080");
    let ended = down.replace("phase: Running", "phase: Failed");
    check(
        "but not ended",
        "{host: web}",
        &[&publishing, &ended],
        "empty: not ready 1",
    );
}

#[test]
fn a_dual_stack_service_has_each_pod_once_for_each_family() {
    let both = "status: {podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}], phase: Running}\n";
    let both = pod("a", "app: web", both);
    let of = |families: &str| {
        service(&format!(
            "{{selector: {{app: web}}, ipFamilies: {families}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}"
        ))
    };
    check("no families", "{host: web}", &[SERVICE, &both], "10.0.0.1:8080");
    check("IPv6", "{host: web}", &[&of("[IPv6]"), &both], "[fd00::1]:8080");
    check(
        "both",
        "{host: web}",
        &[&of("[IPv4, IPv6]"), &both],
        "10.0.0.1:8080, [fd00::1]:8080",
    );
}

#[test]
fn a_named_target_port_is_a_port_of_each_pod() {
    let named = service("{selector: {app: web}, ports: [{name: http, port: 80, targetPort: web}]}");
    let one = pod("a", "app: web", &running("10.0.0.1"));
    let two = pod("b", "app: web", &running("10.0.0.2")).replace("8081", "9091");
    let none = pod("c", "app: web", &running("10.0.0.3"))
        .replace("name: web, containerPort", "name: x, containerPort");
    let udp = pod("d", "app: web", &running("10.0.0.4")).replace("8081", "8081, protocol: UDP");
    check(
        "each Pod its own",
        "{host: web}",
        &[&named, &one, &two, &none, &udp],
        "10.0.0.1:8081, 10.0.0.2:9091",
    );
    check(
        "no Pod has it",
        "{host: web}",
        &[&named, &none],
        "empty: no port web 1",
    );
    let sidecar = none.replace(
        "spec: {",
        "spec: {initContainers: [{name: side, restartPolicy: Always, ports: [{name: web, containerPort: 7}]}], ",
    );
    check(
        "a sidecar has it",
        "{host: web}",
        &[&named, &sidecar],
        "10.0.0.3:7",
    );
    let job = sidecar.replace("restartPolicy: Always, ", "");
    check(
        "an init container ends",
        "{host: web}",
        &[&named, &job],
        "empty: no port web 1",
    );
    let unset = service("{selector: {app: web}, ports: [{name: http, port: 80}]}");
    check("no target port", "{host: web}", &[&unset, &one], "10.0.0.1:80");
}

#[test]
fn endpoint_slices_go_before_pods_which_give_them_labels() {
    let one = pod("a", "app: web, version: v1", &running("10.0.0.1"));
    let two = pod("b", "app: web, version: v2", &running("10.0.0.2"));
    let ports = "ports: [{name: http, port: 8080}]";
    let target = "targetRef: {kind: Pod, name: a, namespace: app}";
    let listed = slice(
        "web-1",
        &format!(
            "addressType: IPv4\nendpoints: [{{addresses: [10.0.0.1], conditions: {{ready: true}}, {target}}}]\n{ports}"
        ),
    );
    check(
        "a Pod that is not listed is not there",
        "{host: web}",
        &[SERVICE, &listed, &one, &two],
        "10.0.0.1:8080",
    );
    let subset = |name: &str| format!("{{host: web, subset: {name}}}");
    check(
        "its Pod's labels",
        &subset("v1"),
        &[SERVICE, SUBSETS, &listed, &one],
        "10.0.0.1:8080",
    );
    check(
        "not another's",
        &subset("v2"),
        &[SERVICE, SUBSETS, &listed, &one],
        "empty: none in subset of 1",
    );
    let empty = slice("web-1", &format!("addressType: IPv4\nendpoints: []\n{ports}"));
    check(
        "an empty slice",
        "{host: web}",
        &[SERVICE, &empty, &one],
        "empty: none in slices",
    );
    let down = slice(
        "web-1",
        &format!(
            "addressType: IPv4\nendpoints: [{{addresses: [10.0.0.1], conditions: {{ready: false, serving: true, terminating: true}}}}]\n{ports}"
        ),
    );
    check(
        "serving, but terminating",
        "{host: web}",
        &[SERVICE, &down],
        "empty: not ready 1",
    );
    let unsaid = slice(
        "web-1",
        &format!("addressType: IPv4\nendpoints: [{{addresses: [10.0.0.1]}}]\n{ports}"),
    );
    check(
        "readiness unset is ready",
        "{host: web}",
        &[SERVICE, &unsaid],
        "10.0.0.1:8080",
    );
    let nameless = slice(
        "web-1",
        "addressType: IPv4\nendpoints: [{addresses: [10.0.0.1]}]\nports: [{port: 8080}]",
    );
    check(
        "ports fit by name alone",
        "{host: web}",
        &[SERVICE, &nameless],
        "empty: no port http 1",
    );
    let names = slice(
        "web-1",
        &format!("addressType: FQDN\nendpoints: [{{addresses: [a.example.com]}}]\n{ports}"),
    );
    check(
        "slices of names are not read",
        "{host: web}",
        &[SERVICE, &names],
        "empty: none in slices",
    );
    let six = slice(
        "web-2",
        &format!("addressType: IPv6\nendpoints: [{{addresses: ['fd00::1']}}]\n{ports}"),
    );
    check(
        "a slice for each family",
        "{host: web}",
        &[SERVICE, &unsaid, &six],
        "10.0.0.1:8080, [fd00::1]:8080",
    );
    let bare = service("{ports: [{name: http, port: 80}]}");
    check(
        "a Service without selector",
        "{host: web}",
        &[&bare, &unsaid],
        "10.0.0.1:8080",
    );
    let headless = service("{clusterIP: None, selector: {app: web}, ports: [{name: http, port: 80}]}");
    check(
        "a headless Service",
        "{host: web}",
        &[&headless, &unsaid],
        "10.0.0.1:8080",
    );
}

#[test]
fn endpoints_of_the_older_kind_count_where_there_are_no_slices() {
    let old = "apiVersion: v1\nkind: Endpoints\nmetadata: {name: web, namespace: app}\nsubsets: [{addresses: [{ip: 10.0.0.7}], notReadyAddresses: [{ip: 10.0.0.8}], ports: [{name: http, port: 8080}]}]\n";
    let bare = service("{ports: [{name: http, port: 80}]}");
    check(
        "those that are ready",
        "{host: web}",
        &[&bare, old],
        "10.0.0.7:8080",
    );
    let slice = slice(
        "web-1",
        "addressType: IPv4\nendpoints: [{addresses: [10.0.0.1]}]\nports: [{name: http, port: 8080}]",
    );
    check(
        "a slice replaces them",
        "{host: web}",
        &[&bare, old, &slice],
        "10.0.0.1:8080",
    );
}

#[test]
fn a_service_selects_workload_entries() {
    let v1 = workload_entry("v1", "{address: 10.0.0.1, labels: {app: web, version: v1}}");
    let v2 = workload_entry(
        "v2",
        "{address: 10.0.0.2, labels: {app: web, version: v2}, weight: 3, ports: {http: 9}}",
    );
    let subset = |name: &str| format!("{{host: web, subset: {name}}}");
    check(
        "a subset",
        &subset("v1"),
        &[SERVICE, SUBSETS, &v1, &v2],
        "10.0.0.1:8080",
    );
    check(
        "its own port and weight",
        &subset("v2"),
        &[SERVICE, SUBSETS, &v1, &v2],
        "10.0.0.2:9 x3",
    );
    let pod = pod("a", "app: web, version: v1", &running("10.0.0.3"));
    check(
        "beside Pods",
        "{host: web}",
        &[SERVICE, &pod, &v1],
        "10.0.0.1:8080, 10.0.0.3:8080",
    );
    let meta = workload_entry("v3", "{address: 10.0.0.4}")
        .replace("namespace: app}", "namespace: app, labels: {app: web}}");
    check(
        "by labels of its metadata",
        "{host: web}",
        &[SERVICE, &meta],
        "10.0.0.4:8080",
    );
    let elsewhere = v1.replace("namespace: app", "namespace: other");
    check(
        "not of another namespace",
        "{host: web}",
        &[SERVICE, &elsewhere],
        "dns web.app.svc.cluster.local:80",
    );
    let headless = service("{clusterIP: None, selector: {app: web}, ports: [{name: http, port: 80}]}");
    check(
        "a headless Service selects none",
        "{host: web}",
        &[&headless, &v1],
        "dns web.app.svc.cluster.local:80",
    );
    let name = workload_entry("n", "{address: vm.example.com, labels: {app: web}}");
    check(
        "it looks no names up",
        "{host: web}",
        &[SERVICE, &name],
        "empty: not an IP vm.example.com 1",
    );
    let named = service("{selector: {app: web}, ports: [{name: http, port: 80, targetPort: web}]}");
    check(
        "a named target port",
        "{host: web}",
        &[&named, &v1],
        "empty: no port web 1",
    );
    let with_port = v1.replace("labels:", "ports: {web: 7}, labels:");
    check("which it has", "{host: web}", &[&named, &with_port], "10.0.0.1:7");
}

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
