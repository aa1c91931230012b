//! What `compile` adds for those who run the proxy, in a stock Envoy: readiness, access log, metrics, trusted hops.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use fingerpost_config_compiler::{AccessLog, Compiled, Operations, Options};
use fingerpost_envoy_config::core::{Address, SocketAddress};
use fingerpost_envoy_runner::{Bootstrap, Echo, EchoOptions, RunningEnvoy, StartOptions};
use fingerpost_tests::client::{Connection, Reply};
use fingerpost_tests::compiled;
use fingerpost_xds::split;
use serde_json::Value;

use crate::engines::{envoy, one_envoy_at_a_time};
use crate::failure::Test;

pub(crate) const TESTS: &[Test] = &[
    (
        "a proxy without a table is not ready",
        readiness_follows_the_table,
    ),
    ("the access log names the rule", the_access_log_names_the_rule),
    ("metrics have labels", metrics_have_labels),
    ("a trusted proxy says where a request comes from", trusted_hops),
];

const RESOURCES: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gateway, namespace: default}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: [a.test]}
  - {port: {number: 80, name: redirect, protocol: HTTP}, hosts: [secure.test], tls: {httpsRedirect: true}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop, namespace: default}
spec:
  hosts: [a.test, secure.test]
  gateways: [gateway]
  http:
  - match: [{uri: {prefix: /none}}, {uri: {prefix: /v1/}}]
    rewrite: {uri: /}
    route: [{destination: {host: one, port: {number: 80}}}]
";
/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

pub(crate) fn compile(operations: Operations, trusted_hops: u32) -> Result<Compiled, String> {
    let options = Options {
        module_path: compiled::module_path(),
        operations: Some(operations),
        trusted_hops,
        ..Options::default()
    };
    let mut compiled = compiled::of_text(RESOURCES, &options)?;
    for listener in &mut compiled.bootstrap.static_resources.listeners {
        listener.address = Address::SocketAddress(SocketAddress {
            address: Ipv4Addr::LOCALHOST.to_string(),
            port_value: 0,
        });
    }
    Ok(compiled)
}

/// Without an admin interface of its own: the runner gives it one on a free port.
pub(crate) fn operations() -> Operations {
    Operations {
        admin: None,
        access_log: None,
        ..Operations::default()
    }
}

/// An Envoy, and an echo server behind its cluster.
struct Proxy {
    envoy: RunningEnvoy,
    echo: Echo,
}

impl Proxy {
    fn start(compiled: &Compiled, folder: &Path) -> Result<Self, String> {
        let echo = Echo::start(EchoOptions::default()).map_err(said)?;
        let mut bootstrap = Bootstrap(compiled.bootstrap_json());
        for cluster in bootstrap.clusters() {
            bootstrap.point_cluster(&cluster, echo.listen(&cluster).map_err(said)?);
        }
        let envoy = RunningEnvoy::start(&envoy()?, &bootstrap, folder, StartOptions::default());
        Ok(Self {
            envoy: envoy.map_err(said)?,
            echo,
        })
    }

    fn ask(&self, host: &str, path: &str, headers: &str) -> Result<Reply, String> {
        ask(&self.envoy, "0.0.0.0_80", host, path, headers)
    }
}

pub(crate) fn ask(
    envoy: &RunningEnvoy,
    listener: &str,
    host: &str,
    path: &str,
    headers: &str,
) -> Result<Reply, String> {
    let listeners = envoy.listeners().map_err(said)?;
    let found = listeners.iter().find(|it| it.name == listener);
    let address: SocketAddr = found.ok_or_else(|| format!("no listener {listener}"))?.address;
    let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(said)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(said)?;
    let message = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n");
    let reply = Connection::new(stream).ask(message.as_bytes(), b"GET");
    reply.map_err(|failure| failure.as_str().to_owned())
}

#[allow(clippy::needless_pass_by_value, reason = "values read better at the calls")]
fn expect<T: PartialEq + std::fmt::Debug>(what: &str, got: T, expected: T) -> Result<(), String> {
    match got == expected {
        true => Ok(()),
        false => Err(format!("{what}: {got:?}, expected {expected:?}")),
    }
}

/// Waits until `is_so`. While Envoy compiles the module its admin interface does not answer, which takes seconds on a busy machine.
pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> Result<bool, String>) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match is_so() {
            Ok(true) => return Ok(()),
            last if Instant::now() > deadline => {
                return Err(format!("{what}: not within {PATIENCE:?}: {last:?}"));
            }
            Ok(false) | Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// By discovery: a filter whose first configuration is refused, then one that is taken, then one that is refused.
fn readiness_follows_the_table() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    let folder = tempfile::tempdir().map_err(said)?;
    let xds = folder.path().join("xds");
    fs::create_dir(&xds).map_err(said)?;
    let compiled = compile(operations(), 0)?;
    let divided = split(&compiled.bootstrap, &xds.to_string_lossy());
    let mut filter = None;
    for file in divided.files.files() {
        if file.name.starts_with("ecds-") {
            filter = Some((file.name.clone(), file.content.clone()));
        }
        fs::write(xds.join(&file.name), &file.content).map_err(said)?;
    }
    let (name, good) = filter.ok_or("no file of a filter")?;
    let bad = good.replace(r#"{\"version\":1"#, r#"{\"version\":9"#);
    if bad == good {
        return Err("the configuration has no version".to_owned());
    }
    let put = |name: &str, content: &str| {
        let draft = folder.path().join("draft");
        fs::write(&draft, content)
            .and_then(|()| fs::rename(&draft, xds.join(name)))
            .map_err(said)
    };
    let replace = |content: &str| put(&name, content);

    replace(&bad)?;
    let bootstrap = serde_json::to_value(&divided.bootstrap).map_err(said)?;
    let running = RunningEnvoy::start(
        &envoy()?,
        &Bootstrap(bootstrap),
        folder.path(),
        StartOptions::default(),
    );
    let running = running.map_err(said)?;
    let ready = || -> Result<bool, String> {
        let listeners = running.listeners().map_err(said)?;
        // A listener waits for its filters, and nothing listens so long.
        if !listeners.iter().any(|it| it.name == "readiness") {
            return Ok(false);
        }
        let reply = ask(&running, "readiness", "probe", "/healthz/ready", "")?;
        Ok(reply.status == 200)
    };
    let rejected = || -> Result<u64, String> {
        let stats = running
            .get("/stats?filter=extension_config.*update_rejected")
            .map_err(said)?;
        let counts = stats
            .lines()
            .filter_map(|line| line.rsplit(' ').next()?.parse().ok());
        Ok(counts.max().unwrap_or(0))
    };
    wait_for("the first configuration is refused", || Ok(rejected()? >= 1))?;
    expect("ready without a table", ready()?, false)?;
    replace(&good)?;
    // Envoy rejects a listener that it makes just when the filter's configuration is refused, and makes it when it reads the
    // file again.
    let listeners = fs::read_to_string(xds.join("lds.json")).map_err(said)?;
    wait_for("ready with a table", || {
        put("lds.json", &listeners)?;
        ready()
    })?;
    let before = rejected()?;
    replace(&bad)?;
    wait_for("the next configuration is refused", || Ok(rejected()? > before))?;
    expect("ready with the table it had", ready()?, true)?;
    running.post("/healthcheck/fail").map_err(said)?;
    expect("ready while it is to be drained", ready()?, false)
}

fn the_access_log_names_the_rule() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    let folder = tempfile::tempdir().map_err(said)?;
    let file = folder.path().join("requests.log");
    let operations = Operations {
        access_log: Some(AccessLog::JsonToFile(file.to_string_lossy().into_owned())),
        ..operations()
    };
    let proxy = Proxy::start(&compile(operations, 0)?, folder.path())?;
    expect(
        "a request with a rule",
        proxy.ask("a.test", "/v1/x?q=1", "")?.status,
        200,
    )?;
    expect(
        "a request without one",
        proxy.ask("a.test", "/v2", "")?.status,
        404,
    )?;
    proxy.envoy.stop(); // writes its access log out
    let text = fs::read_to_string(&file).map_err(said)?;
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|error| format!("{error}: {line}")))
        .collect::<Result<_, _>>()?;
    let cluster = "outbound|80||one.default.svc.cluster.local";
    let expected = [
        [
            ("rule", "default/shop http[0].match[1]".into()),
            ("virtual_host", "a.test:80".into()),
            ("upstream_cluster", cluster.into()),
            ("path", "/v1/x?q=1".into()),
            ("upstream_path", "/x?q=1".into()),
            ("authority", "a.test".into()),
            ("method", "GET".into()),
            ("response_code", 200.into()),
            ("response_flags", "-".into()),
            ("response_code_details", "via_upstream".into()),
        ],
        [
            ("rule", Value::Null),
            ("virtual_host", Value::Null),
            ("upstream_cluster", Value::Null),
            ("path", "/v2".into()),
            ("upstream_path", "/v2".into()),
            ("authority", "a.test".into()),
            ("method", "GET".into()),
            ("response_code", 404.into()),
            ("response_flags", "NR".into()),
            ("response_code_details", "route_not_found".into()),
        ],
    ];
    expect("lines", lines.len(), expected.len())?;
    for (line, fields) in lines.iter().zip(expected) {
        for (name, value) in fields {
            expect(name, line.get(name), Some(&value))?;
        }
    }
    Ok(())
}

fn metrics_have_labels() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    let folder = tempfile::tempdir().map_err(said)?;
    let operations = Operations {
        rule_metrics: true,
        ..operations()
    };
    let compiled = compile(operations, 0)?;
    let proxy = Proxy::start(&compiled, folder.path())?;
    for (host, path) in [
        ("a.test", "/v1/"),
        ("a.test", "/v1/x"),
        ("a.test", "/v2"),
        ("b.test", "/v1/"),
    ] {
        proxy.ask(host, path, "")?;
    }
    // Counters reach the main thread when it asks for them.
    let text = proxy.envoy.get("/stats/prometheus").map_err(said)?;
    let metrics: BTreeMap<&str, &str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.rsplit_once(' '))
        .collect();
    let revision = compiled.chains.iter().find_map(|it| it.config.revision.as_ref());
    let revision = revision.ok_or("no revision")?.number.to_string();
    let rule = "envoy_virtual_host=\"a.test:80\",rule=\"default/shop http[0].match[1]\"";
    for (metric, expected) in [
        (
            "envoy_http_downstream_rq_total{listener=\"0.0.0.0_80\"}".to_owned(),
            "4",
        ),
        (
            "envoy_listener_downstream_cx_total{listener=\"0.0.0.0_80\"}".to_owned(),
            "4",
        ),
        (
            "envoy_cluster_upstream_rq_total{envoy_cluster_name=\"outbound|80||one.default.svc.cluster.local\"}"
                .to_owned(),
            "2",
        ),
        (format!("envoy_vhost_route_upstream_rq_total{{{rule}}}"), "2"),
        ("fingerpost_requests{outcome=\"routed\"}".to_owned(), "2"),
        ("fingerpost_requests{outcome=\"no_route\"}".to_owned(), "1"),
        ("fingerpost_requests{outcome=\"no_host\"}".to_owned(), "1"),
        ("fingerpost_requests{outcome=\"failed\"}".to_owned(), "0"),
        (
            "fingerpost_config_revision{table=\"0_0_0_0_80_http_80\"}".to_owned(),
            &revision,
        ),
        (
            "fingerpost_filter_version{table=\"0_0_0_0_80_http_80\"}".to_owned(),
            &version()?,
        ),
    ] {
        let got = metrics.get(metric.as_str()).copied();
        if got != Some(expected) {
            let near: Vec<&&str> = metrics.keys().filter(|it| it.contains("fingerpost")).collect();
            return Err(format!("{metric}: {got:?}, expected {expected}; {near:?}"));
        }
    }
    Ok(())
}

/// The version of these crates, as the filter shows it: 1002003 is 1.2.3.
fn version() -> Result<String, String> {
    let parts: Result<Vec<u64>, _> = env!("CARGO_PKG_VERSION").split('.').map(str::parse).collect();
    let parts = parts.map_err(said)?;
    Ok(parts
        .iter()
        .fold(0, |number, part| number * 1_000 + part)
        .to_string())
}

/// A request from a load balancer that has ended TLS, and one that pretends to be.
fn trusted_hops() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    let headers = "x-forwarded-for: 192.0.2.7, 198.51.100.9\r\nx-forwarded-proto: https\r\n";
    for (hops, status, client) in [
        (0, 301, None),
        (1, 200, Some("198.51.100.9")),
        (2, 200, Some("192.0.2.7")),
        // Nobody is that far away: the address is that of the connection.
        (3, 200, None),
    ] {
        let folder = tempfile::tempdir().map_err(said)?;
        let proxy = Proxy::start(&compile(operations(), hops)?, folder.path())?;
        let what = format!("with {hops} trusted hops");
        expect(&what, proxy.ask("secure.test", "/v1/x", headers)?.status, status)?;
        expect(&what, proxy.ask("a.test", "/v1/x", headers)?.status, 200)?;
        let received = proxy.echo.take();
        let received = received.last().ok_or("the upstream received nothing")?;
        let proto = if hops == 0 { "http" } else { "https" };
        expect(&what, received.header("x-forwarded-proto"), Some(proto))?;
        if let Some(client) = client {
            expect(&what, received.header("x-envoy-external-address"), Some(client))?;
        } else if received
            .header("x-envoy-external-address")
            .is_some_and(|it| headers.contains(it))
        {
            return Err(format!("{what}: the client's address is what it says"));
        }
    }
    Ok(())
}
