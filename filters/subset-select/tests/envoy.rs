//! The two halves of the filter in a stock Envoy: one after the other, by the example that shows it, and `uri-rewrite`
//! alone where it does not belong.

use fingerpost_config_compiler::{Compiled, Engine, Options, compile};
use fingerpost_envoy_runner::{Bootstrap, Echo, EchoOptions, EnvoyBinary, RunningEnvoy, StartOptions};
use fingerpost_resources::{Diagnostics, Source, read, render};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

fn example(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/07-one-part-each");
    fs::read_to_string(folder.join(file)).unwrap()
}

fn compiled(engine: Engine) -> Compiled {
    let mut diagnostics = Diagnostics::new();
    let resources = read(
        vec![Source::new("resources.yaml", example("resources.yaml"))],
        &mut diagnostics,
    );
    let options = Options {
        engine,
        ..Options::default()
    };
    let compiled = compile(&resources, &options, &mut diagnostics);
    assert!(
        !diagnostics.has_errors(),
        "{}",
        render(&diagnostics, &resources.sources, false)
    );
    compiled
}

/// The folder that the tests are built in.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("..")
}

/// Where `cargo xtask build` leaves a filter's module.
fn module(filter: &str) -> PathBuf {
    let folder = std::env::var_os("FINGERPOST_WASM_DIR");
    let folder = folder.map_or_else(|| target().join("filters/wasm32-wasip1/wasm"), PathBuf::from);
    let module = folder.join(format!("fingerpost_{}.wasm", filter.replace('-', "_")));
    assert!(
        module.is_file(),
        "{} is missing: run `cargo xtask build` first",
        module.display()
    );
    module
}

/// A filter of this name with a configuration, as Envoy's listener names it.
fn filter(name: &str, configuration: &str) -> Value {
    json!({
        "name": format!("fingerpost-{name}"),
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": format!("fingerpost/{name}"),
                "vm_config": {
                    "vm_id": format!("fingerpost-{name}"),
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": module(name)}},
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": configuration,
                },
                "failure_policy": "FAIL_RELOAD",
            },
        },
    })
}

/// The filter chains of the bootstrap's connection managers.
fn http_filters(bootstrap: &mut Value, change: &mut impl FnMut(&mut Vec<Value>)) {
    match bootstrap {
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| match value {
            Value::Array(filters) if name == "http_filters" => change(filters),
            other => http_filters(other, change),
        }),
        Value::Array(items) => items.iter_mut().for_each(|item| http_filters(item, change)),
        _ => {}
    }
}

/// An Envoy with this bootstrap, an echo server behind each cluster.
struct Running {
    _folder: tempfile::TempDir,
    envoy: RunningEnvoy,
    echo: Echo,
    address: SocketAddr,
}

fn run(bootstrap: Value) -> Running {
    let binary = EnvoyBinary::find(&target().join("tools")).unwrap_or_else(|error| panic!("{error}"));
    let folder = tempfile::tempdir().unwrap();
    let echo = Echo::start(EchoOptions::default()).unwrap();
    let mut bootstrap = Bootstrap(bootstrap);
    for cluster in bootstrap.clusters() {
        bootstrap.point_cluster(&cluster, echo.listen(&cluster).unwrap());
    }
    bootstrap.bind_listeners_to_free_ports();
    let envoy = RunningEnvoy::start(&binary, &bootstrap, folder.path(), StartOptions::default());
    let envoy = envoy.unwrap_or_else(|error| panic!("{error}"));
    let address = envoy.listeners().unwrap()[0].address;
    Running {
        _folder: folder,
        envoy,
        echo,
        address,
    }
}

impl Running {
    /// Sends a request and returns the status.
    fn send(&self, path: &str, headers: &[(&str, &str)]) -> u64 {
        let mut request = format!("GET {path} HTTP/1.1\r\nconnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(format!("{request}\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).and_then(|it| it.parse().ok());
        status.unwrap_or_else(|| panic!("no answer: {answer}"))
    }

    fn warnings(&self) -> usize {
        self.envoy.log().matches("uri-rewrite changed the path").count()
    }
}

#[test]
fn the_pair_does_what_the_example_expects() {
    let mut bootstrap = compiled(Engine::Wasm).bootstrap_json();
    http_filters(&mut bootstrap, &mut |filters| {
        let whole = filters.remove(0);
        assert_eq!(whole["name"], "fingerpost");
        let configuration = whole.pointer("/typed_config/config/configuration/value").unwrap();
        let parts = ["subset-select", "uri-rewrite"].map(|it| filter(it, configuration.as_str().unwrap()));
        filters.splice(0..0, parts);
    });
    let running = run(bootstrap);

    let cases: Value = serde_json::from_str(&example("routes.test.json")).unwrap();
    let cases = cases["requests"].as_array().unwrap();
    assert!(cases.len() >= 5);
    for case in cases {
        let (request, expected) = (&case["request"], &case["expect"]);
        let path = request["path"].as_str().unwrap();
        let given: Vec<(String, String)> = serde_json::from_value(request["headers"].clone()).unwrap();
        let mut headers: BTreeMap<&str, &str> =
            given.iter().map(|(name, value)| (&**name, &**value)).collect();
        headers.insert("host", request["authority"].as_str().unwrap());
        let status = running.send(path, &headers.into_iter().collect::<Vec<_>>());
        assert_eq!(json!(status), expected["status"], "{path}");

        let received = running.echo.take();
        let (clusters, paths): (Vec<_>, Vec<_>) = received.iter().map(|it| (&*it.cluster, &*it.path)).unzip();
        let wanted = |field: &str| expected[field].as_str().into_iter().collect::<Vec<_>>();
        assert_eq!((clusters, paths), (wanted("cluster"), wanted("path")), "{path}");
        for received in received {
            let original = (received.path != path).then_some(path);
            assert_eq!(received.header("x-envoy-original-path"), original);
            assert_eq!(
                received.header("x-fingerpost-route"),
                None,
                "the key stays inside"
            );
        }
    }
    assert_eq!(running.warnings(), 0, "{}", running.envoy.log());
    running.envoy.stop();
}

/// Puts `uri-rewrite` alone before a table of Envoy's own, sends two requests that it rewrites, and returns the status
/// of the second and how often it has warned.
fn alone(native_routes: &str, mut bootstrap: Value) -> (u64, usize) {
    let compiled = compiled(Engine::Wasm);
    let mut configuration = serde_json::to_value(&compiled.chains[0].config).expect("it is JSON");
    configuration["native_routes"] = json!(native_routes);
    http_filters(&mut bootstrap, &mut |filters| {
        filters.insert(0, filter("uri-rewrite", &configuration.to_string()));
    });
    let running = run(bootstrap);
    let [_, status] = [(); 2].map(|()| running.send("/items/shoes", &[("host", "shop.example.com")]));
    assert!(running.echo.take().iter().all(|it| it.path == "/shoes"));
    let warnings = running.warnings();
    running.envoy.stop();
    (status, warnings)
}

#[test]
fn alone_over_a_table_that_looks_at_the_path_it_loses_the_route_and_warns_once() {
    assert_eq!(
        alone("by_key", compiled(Engine::Native).bootstrap_json()),
        (404, 1)
    );
}

#[test]
fn alone_over_a_table_that_ignores_the_path_it_does_not_warn_if_told() {
    let mut bootstrap = compiled(Engine::Native).bootstrap_json();
    let cluster = bootstrap["static_resources"]["clusters"][0]["name"].clone();
    let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    let manager = bootstrap.pointer_mut(manager).unwrap();
    manager["route_config"]["virtual_hosts"][0]["routes"] =
        json!([{"match": {"prefix": "/"}, "route": {"cluster": cluster}}]);
    assert_eq!(alone("ignore_path", bootstrap), (200, 0));
}
