//! Endpoints of Kubernetes Services.

use crate::asking::{SERVICE, SUBSETS, check, pod, running, service, slice, workload_entry};

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
        "empty: ended 1",
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
        "empty: being deleted 1",
    );
}

#[test]
fn an_address_that_is_no_ip_address_is_left_out() {
    let good = pod("a", "app: web", "status: {podIP: 10.0.0.1, phase: Running}\n");
    for text in ["10.0.0", "web.example"] {
        let bad = pod(
            "b",
            "app: web",
            &format!("status: {{podIP: {text}, phase: Running}}\n"),
        );
        check("a Pod", "{host: web}", &[SERVICE, &good, &bad], "10.0.0.1:8080");
        let expected = format!("empty: not an IP {text} 1");
        check("the only Pod", "{host: web}", &[SERVICE, &bad], &expected);
    }
    let ports = "ports: [{name: http, port: 80}]\n";
    let bad = slice(
        "web-1",
        &format!("addressType: IPv4\nendpoints: [{{addresses: [10.0.0.1x]}}]\n{ports}"),
    );
    check(
        "a slice",
        "{host: web}",
        &[SERVICE, &bad],
        "empty: not an IP 10.0.0.1x 1",
    );
    let bad = "apiVersion: v1\nkind: Endpoints\nmetadata: {name: web, namespace: app}\nsubsets: [{addresses: [{ip: 1.2.3}, {ip: 10.0.0.2}], ports: [{name: http, port: 80}]}]\n";
    check("Endpoints", "{host: web}", &[SERVICE, bad], "10.0.0.2:80");
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
        "empty: ended 1",
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
        "empty: being deleted 1",
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
