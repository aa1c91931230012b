//! `manifests --envoy-gateway`: the objects, and an Envoy that runs what Envoy Gateway makes of them.
//!
//! What the patches of the examples change lies in `tests/golden/envoy-gateway`, without the values.

use std::fmt::Write as _;

use fingerpost_envoy_runner::{Bootstrap, EnvoyBinary, RunningEnvoy, StartOptions, default_cache};
use serde_json::{Value, json};

use crate::cluster_objects::{check, read};
use crate::golden::Golden;
use crate::kubernetes::{EXAMPLES, of_kind, repository, status, text};
use crate::run::{Folder, shop};

const COMMAND: &str =
    "manifests --envoy-gateway --image registry.test/fingerpost:1 --proxy-namespace edge -f";

/// The example whose Gateway also serves HTTPS and MySQL.
const OTHER_PROTOCOLS: &str = "05-counter";

#[test]
fn an_example_with_ports_that_envoy_gateway_does_not_serve_is_refused() {
    let folder = Folder::new();
    let resources = repository().join("examples").join(OTHER_PROTOCOLS);
    let ended = folder.run(&format!("{COMMAND} {}", resources.display()));
    ended.check(
        2,
        &[
            "listener 0.0.0.0_443 has servers of HTTPS",
            "listener 0.0.0.0_3306 has servers of MYSQL",
        ],
    );
}

#[test]
fn the_objects_of_the_examples_are_valid() {
    let folder = Folder::new();
    let mut golden = Golden::of("envoy-gateway");
    for example in EXAMPLES.into_iter().filter(|it| *it != OTHER_PROTOCOLS) {
        let resources = repository().join("examples").join(example);
        let ended = folder.run(&format!("{COMMAND} {}", resources.display()));
        ended.check(0, &[]);
        let mut shown = String::new();
        for object in read(&ended.stdout) {
            check(&object);
            let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
            let _ = writeln!(shown, "{kind} {name}");
            for patch in object["spec"]["jsonPatches"].as_array().into_iter().flatten() {
                let (_, kind) = text(&patch["type"]).rsplit_once('.').expect("a type");
                let operation = &patch["operation"];
                let place = ["jsonPath", "path"].map(|it| operation.get(it).map(text).unwrap_or_default());
                let op = text(&operation["op"]);
                let _ = writeln!(
                    shown,
                    "  {op} {kind} {}: {}",
                    text(&patch["name"]),
                    place.join(" ").trim()
                );
            }
        }
        golden.compare(&format!("{example}.txt"), &shown);
    }
    golden.finish();
}

/// The listener and its route table as Envoy Gateway 1.9 sends them for the manifests, without patches
/// (its `internal/xds/translator/testdata/out/xds-ir/wasm.*.yaml`). The module is read from a file, and the table is in the listener.
fn of_envoy_gateway(extension: &Value, module: &str) -> (Value, Value) {
    let wasm = &extension["spec"]["wasm"][0];
    let name = text(&extension["metadata"]["name"]);
    let namespace = text(&extension["metadata"]["namespace"]);
    let filter = format!("envoy.filters.http.wasm/envoyextensionpolicy/{namespace}/{name}/wasm/0");
    let plugin = json!({
        "name": wasm["name"],
        "root_id": wasm["rootID"],
        "fail_open": wasm["failOpen"],
        "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": wasm["config"].to_string()},
        "vm_config": {
            "vm_id": format!("envoyextensionpolicy/{namespace}/{name}/wasm/0"),
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": module}},
        },
    });
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "common_http_protocol_options": {"headers_with_underscores_action": "REJECT_REQUEST"},
        "http_filters": [
            {"name": filter, "disabled": true, "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm", "config": plugin,
            }},
            {"name": "envoy.filters.http.router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router", "suppress_envoy_headers": true,
            }},
        ],
        "merge_slashes": true,
        "normalize_path": true,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT",
        "server_header_transformation": "PASS_THROUGH",
        "stat_prefix": "http-10080",
        "use_remote_address": true,
    });
    let listener = json!({
        "name": "edge/fingerpost/http-80",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "default_filter_chain": {
            "name": "edge/fingerpost/http-80",
            "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}],
        },
    });
    let routes = json!({
        "name": "edge/fingerpost/http-80",
        "ignore_port_in_host_matching": true,
        "virtual_hosts": [{"name": "edge/fingerpost/http-80/*", "domains": ["*"], "routes": [{
            "match": {"prefix": "/"},
            "direct_response": {"status": 500},
            "typed_per_filter_config": {filter: {
                "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "config": {},
            }},
        }]}],
    });
    (listener, routes)
}

/// The place that a `jsonPath` of ours finds, as a JSON pointer: fields, and items of lists by their name.
fn pointer(document: &Value, path: &str) -> Option<String> {
    let mut found = String::new();
    let mut value = document;
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(condition) = rest.strip_prefix("[?(@.name=='") {
            let (name, behind) = condition.split_once("')]")?;
            let index = value.as_array()?.iter().position(|it| it["name"] == name)?;
            let _ = write!(found, "/{index}");
            value = &value[index];
            rest = behind.strip_prefix('.').unwrap_or(behind);
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (field, behind) = rest.split_at(end);
            let _ = write!(found, "/{field}");
            value = value.get(field)?;
            rest = behind.strip_prefix('.').unwrap_or(behind);
        }
    }
    Some(found)
}

/// Applies an operation as RFC 6902 says; missing objects on the way are made.
fn apply(document: &mut Value, operation: &Value) {
    let start = operation
        .get("jsonPath")
        .map(|it| pointer(document, text(it)).expect("a place"));
    let place = start.unwrap_or_default() + operation.get("path").map(text).unwrap_or_default();
    let (parent, last) = place.rsplit_once('/').expect("a pointer");
    let mut target = document;
    for field in parent.split('/').skip(1) {
        target = match target {
            Value::Array(items) => &mut items[field.parse::<usize>().expect("an index")],
            other => &mut other[field],
        };
    }
    match (text(&operation["op"]), target) {
        ("add", Value::Array(items)) => {
            items.insert(last.parse().expect("an index"), operation["value"].clone());
        }
        ("replace", target) if target.get(last).is_none() => panic!("nothing at {place}"),
        ("add" | "replace", target) => target[last] = operation["value"].clone(),
        ("remove", target) => {
            let removed = target.as_object_mut().and_then(|it| it.remove(last));
            assert!(removed.is_some(), "nothing at {place}");
        }
        (op, _) => panic!("{op}"),
    }
}

/// An Envoy with what Envoy Gateway makes of the objects, where only the patches with an operation of `operations` are applied to the
/// listener.
fn run(folder: &Folder, objects: &[Value], operations: &[&str]) -> RunningEnvoy {
    let module = folder.join("out/fingerpost.wasm").display().to_string();
    let (mut listener, mut routes) = of_envoy_gateway(of_kind(objects, "EnvoyExtensionPolicy")[0], &module);
    let mut clusters = Vec::new();
    let policy = of_kind(objects, "EnvoyPatchPolicy")[0];
    for patch in policy["spec"]["jsonPatches"].as_array().expect("patches") {
        let operation = &patch["operation"];
        match text(&patch["type"]).rsplit('.').next() {
            Some("Cluster") => clusters.push(operation["value"].clone()),
            Some("Listener") => {
                assert_eq!(patch["name"], listener["name"]);
                if operations.contains(&text(&operation["op"])) {
                    apply(&mut listener, operation);
                }
            }
            _ => {
                assert_eq!(patch["name"], routes["name"]);
                apply(&mut routes, operation);
            }
        }
    }
    listener["default_filter_chain"]["filters"][0]["typed_config"]["route_config"] = routes;
    let bootstrap = json!({"static_resources": {"listeners": [listener], "clusters": clusters}});
    let binary = EnvoyBinary::find(&default_cache()).expect("an Envoy");
    RunningEnvoy::start(
        &binary,
        &Bootstrap(bootstrap),
        folder.path(),
        StartOptions::default(),
    )
    .expect("Envoy starts")
}

#[test]
fn an_envoy_routes_by_what_envoy_gateway_makes_of_the_objects() {
    let folder = Folder::with("shop.yaml", &shop());
    folder.run("compile -f shop.yaml -o out").check(0, &[]);
    let ended = folder.run(&format!("{COMMAND} shop.yaml"));
    ended.check(0, &[]);
    let objects = read(&ended.stdout);
    let status = |envoy: &RunningEnvoy, path: &str, header: &str| {
        status(envoy, "edge/fingerpost/http-80", "shop.example.com", path, header)
    };
    let envoy = run(&folder, &objects, &["add", "remove"]);
    for (path, header, expected) in [
        ("/old", "", "301"),
        ("/none", "", "404"),
        // Istio's gateway keeps both slashes, and both names of this path.
        ("//old", "", "404"),
        ("/%2Fold", "", "404"),
        ("/old", "a_b: c\r\n", "301"),
        // The name of the upstream is not found: a route to it was taken.
        ("/v1/a", "", "503"),
    ] {
        assert_eq!(status(&envoy, path, header), expected, "{path} {header}");
    }
    envoy.stop();

    // While the filter does not run, a client that knows a key of the table chooses nothing by it.
    let table = of_kind(&objects, "EnvoyPatchPolicy")[0].to_string();
    let key = table.split('"').find(|it| it.contains(".svc.cluster.local@"));
    let header = format!("x-fingerpost-route: {}\r\n", key.expect("a key"));
    let envoy = run(&folder, &objects, &["add"]);
    assert_eq!(status(&envoy, "/old", ""), "404");
    assert_eq!(status(&envoy, "/none", &header), "404");
    envoy.stop();
}

/// Rules for bytes, by a port and by a server name.
const BYTES: &str = "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: bytes}
spec:
  gateways: [gateway]
  hosts: [db.example.com]
  tcp:
  - match: [{port: 5432}]
    route: [{destination: {host: db}}]
  tls:
  - match: [{port: 443, sniHosts: [db.example.com]}]
    route: [{destination: {host: db}}]
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {ports: [{port: 5432, name: tcp}]}
";

#[test]
fn servers_of_tls_and_of_bytes_are_refused() {
    let folder = Folder::new();
    for (server, listener) in [
        (
            "{number: 443, name: https, protocol: HTTPS}, hosts: [shop.example.com], tls: {mode: SIMPLE, credentialName: a}",
            "0.0.0.0_443 has servers of HTTPS",
        ),
        (
            "{number: 443, name: tls, protocol: TLS}, hosts: [db.example.com], tls: {mode: PASSTHROUGH}",
            "0.0.0.0_443 has servers of TLS",
        ),
        (
            "{number: 5432, name: tcp, protocol: TCP}, hosts: [db.example.com]",
            "0.0.0.0_5432 has servers of TCP",
        ),
    ] {
        // Beside a server of HTTP, which does not save it.
        let servers = format!("servers:\n  - {{port: {server}}}\n");
        let resources = shop().replacen("servers:\n", &servers, 1);
        assert_ne!(resources, shop());
        folder.write("mixed.yaml", &format!("{resources}---\n{BYTES}"));
        let ended = folder.run(&format!("{COMMAND} mixed.yaml"));
        let said = ended.check(2, &[listener, "HTTP in plain text", "--kubernetes", "TCPRoute"]);
        assert_eq!(
            (said.stdout.as_str(), said.stderr.matches("error:").count()),
            ("", 2),
            "{}",
            said.stderr
        );
    }
}

#[test]
fn what_cannot_work_is_refused() {
    let folder = Folder::with("shop.yaml", &shop());
    folder
        .run("manifests --envoy-gateway -f shop.yaml --image file:///fingerpost.wasm")
        .check(2, &["no module from the file", "fingerpost image --push"]);
    folder
        .run("manifests --envoy-gateway -f shop.yaml")
        .check(2, &["--image"]);
}
