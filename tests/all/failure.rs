//! What a request gets when the filter fails, in a stock Envoy: a module that traps on purpose takes the filter's place in a
//! compiled bootstrap.
//!
//! A request on which the filter did not run reaches no upstream, whatever the failure policy is and whatever the client sends.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use fingerpost_config_compiler::{Engine, Options};
use fingerpost_envoy_runner::{Bootstrap, Echo, EchoOptions, RunningEnvoy, StartOptions};
use fingerpost_routing_config::{Action, DISPATCH_HEADER};
use fingerpost_tests::client::{Connection, Failure};
use fingerpost_tests::sent::Sent;
use fingerpost_tests::{compiled, http2};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::engines::{envoy, one_envoy_at_a_time};

/// A test: its name, and what it does.
pub(crate) type Test = (&'static str, fn() -> Result<(), String>);

pub(crate) const TESTS: &[Test] = &[
    ("a filter that traps, under FAIL_CLOSED", || {
        under(Some("FAIL_CLOSED"), 503)
    }),
    ("a filter that traps, under no policy", || under(None, 503)),
    ("a filter that traps, under FAIL_OPEN", || {
        under(Some("FAIL_OPEN"), 404)
    }),
    ("a filter that traps, under FAIL_RELOAD", under_reload),
    ("a filter that traps on one of two workers", on_one_worker),
];

/// One rule, for one prefix, which leads to two clusters.
const RESOURCES: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gateway, namespace: default}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop, namespace: default}
spec:
  hosts: [a.test]
  gateways: [gateway]
  http:
  - match: [{uri: {prefix: /split}}]
    route: [{destination: {host: one, port: {number: 80}}, weight: 50}, {destination: {host: two, port: {number: 80}}, weight: 50}]
";
/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer than a new VM takes.
const RELOADED_WITHIN: Duration = Duration::from_secs(30);

/// After a trap no request is routed until the plugin is configured anew. All are answered with `after`.
fn under(policy: Option<&str>, after: u16) -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    let proxy = FailingProxy::start(policy)?;
    proxy.trap_beside_another_request()?;
    expect(
        "an honest request after the trap",
        proxy.proxy.ask("x-choose: 1\r\n")?,
        after,
    )?;
    proxy.try_keys(&[after])?;
    expect(
        "an honest request after all",
        proxy.proxy.ask("x-choose: 1\r\n")?,
        after,
    )
}

/// After a trap a new VM takes over. Requests that come before it are answered with 503.
fn under_reload() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    let proxy = FailingProxy::start(Some("FAIL_RELOAD"))?;
    proxy.trap_beside_another_request()?;
    let deadline = Instant::now() + RELOADED_WITHIN;
    loop {
        match proxy.proxy.ask("x-choose: 1\r\n")? {
            200 => break,
            503 if Instant::now() < deadline => thread::sleep(Duration::from_millis(20)),
            status => return Err(format!("an honest request after the trap: {status}")),
        }
    }
    proxy.proxy.take_received(1)?;
    // A VM that is as young as this one may not be replaced at once: so keys are tried without a VM, too.
    for _ in 0..3 {
        expect("a request that traps", proxy.proxy.ask("x-trap: 1\r\n")?, 503)?;
        proxy.try_keys(&[404, 503])?;
    }
    Ok(())
}

/// A VM fails with its worker's requests alone: the other worker has its own, and goes on.
fn on_one_worker() -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    let proxy = FailingProxy::start_workers(Some("FAIL_CLOSED"), 2)?;
    let connected = || connect(proxy.proxy.listener).map(Connection::new);
    let failed = |failure: Failure| failure.as_str().to_owned();
    // Envoy gives each connection to the worker that has the fewest.
    let (mut one, mut other) = (connected().map_err(failed)?, connected().map_err(failed)?);
    let ask = |connection: &mut Connection<TcpStream>, headers: &str| {
        let message = format!("GET / HTTP/1.1\r\nhost: a.test\r\n{headers}\r\n");
        let reply = connection.ask(message.as_bytes(), b"GET").map_err(failed)?;
        Ok::<u16, String>(reply.status)
    };
    for connection in [&mut one, &mut other] {
        expect(
            "a request before the trap",
            ask(connection, "x-choose: 1\r\n")?,
            200,
        )?;
    }
    expect("a request that traps", ask(&mut one, "x-trap: 1\r\n")?, 503)?;
    expect("the next on that worker", ask(&mut one, "x-choose: 1\r\n")?, 503)?;
    expect(
        "a request on the other worker",
        ask(&mut other, "x-choose: 1\r\n")?,
        200,
    )
}

/// An Envoy whose filter is the module that fails, and its upstream.
struct FailingProxy {
    proxy: Proxy,
    /// A dispatch key that leads to the upstream.
    key: String,
}

/// An Envoy with an echo server behind each cluster.
pub(crate) struct Proxy {
    pub(crate) envoy: RunningEnvoy,
    pub(crate) echo: Echo,
    listener: SocketAddr,
    _folder: TempDir,
}

impl FailingProxy {
    /// Starts it, and sees that requests are served and that keys of clients have no effect.
    fn start(policy: Option<&str>) -> Result<Self, String> {
        Self::start_workers(policy, 1)
    }

    /// As [`FailingProxy::start`], with so many workers, each of which gets as many connections as the others.
    fn start_workers(policy: Option<&str>, workers: u32) -> Result<Self, String> {
        let (mut bootstrap, key) = compiled_bootstrap()?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let module = folder.path().join("stand-in.wasm");
        std::fs::write(&module, stand_in(&key)?).map_err(|error| error.to_string())?;
        let change = |plugin: &mut Value| {
            plugin["vm_config"]["code"] = json!({"local": {"filename": module}});
            // It reads single headers, which the filter does not.
            plugin["capability_restriction_config"] = json!({});
            match policy {
                Some(policy) => plugin["failure_policy"] = json!(policy),
                None => drop(plugin.as_object_mut().map(|it| it.remove("failure_policy"))),
            }
        };
        if change_plugins(&mut bootstrap, &change) != 1 {
            return Err("the compiled bootstrap has not one plugin".to_owned());
        }
        let listeners = bootstrap["static_resources"]["listeners"].as_array_mut();
        for listener in listeners.into_iter().flatten() {
            listener["connection_balance_config"] = json!({"exact_balance": {}});
        }
        let options = StartOptions {
            concurrency: workers,
            ..StartOptions::default()
        };
        let proxy = Proxy::start_with(bootstrap, folder, options)?;
        let proxy = Self { proxy, key };
        expect(
            "a request before the trap",
            proxy.proxy.ask("x-choose: 1\r\n")?,
            200,
        )?;
        proxy.proxy.take_received(1)?;
        proxy.try_keys(&[404])?;
        Ok(proxy)
    }

    /// A request traps while another is on its way: neither is answered by the upstream.
    fn trap_beside_another_request(&self) -> Result<(), String> {
        let failed = |failure: Failure| failure.as_str().to_owned();
        let mut stream = connect(self.proxy.listener).map_err(failed)?;
        let head = "POST / HTTP/1.1\r\nhost: a.test\r\nx-choose: 1\r\ncontent-length: 2\r\n\r\na";
        let sent = stream.write_all(head.as_bytes());
        sent.map_err(|error| error.to_string())?;
        self.proxy.take_received(1)?;
        expect("the request that traps", self.proxy.ask("x-trap: 1\r\n")?, 503)?;
        let reply = Connection::new(stream).ask(b"b", b"POST").map_err(failed)?;
        expect("the request beside it", reply.status, 503)
    }

    /// Sends the key that leads to the upstream in every form. Each answer has one of these statuses, or 400 if Envoy
    /// refuses the form, and the upstream receives nothing.
    fn try_keys(&self, statuses: &[u16]) -> Result<(), String> {
        let mut answers = Vec::new();
        for message in spoofed(&self.key) {
            answers.push((message.clone(), self.proxy.send(&message)?));
        }
        for headers in spoofed_http2(&self.key) {
            let text = format!("HTTP/2 {headers:?}");
            let request = Sent {
                headers,
                ..Sent::parse("80 GET a.test /")?
            };
            let reply = http2::send(self.proxy.listener, &request, "0", PATIENCE);
            let reply = reply.map_err(|failure| format!("{text}: {}", failure.as_str()))?;
            answers.push((text, reply.status));
        }
        for (message, status) in answers {
            let is_refused = status == 400 && message.contains("HTTP/1.1");
            if !is_refused && !statuses.contains(&status) {
                return Err(format!("{message:?}: {status}, expected one of {statuses:?}"));
            }
        }
        self.proxy.take_received(0)
    }
}

impl Proxy {
    /// Runs a bootstrap that refers to files in this folder.
    pub(crate) fn start(bootstrap: Value, folder: TempDir) -> Result<Self, String> {
        Self::start_with(bootstrap, folder, StartOptions::default())
    }

    fn start_with(bootstrap: Value, folder: TempDir, options: StartOptions) -> Result<Self, String> {
        let echo = Echo::start(EchoOptions::default()).map_err(|error| error.to_string())?;
        let mut bootstrap = Bootstrap(bootstrap);
        for cluster in bootstrap.clusters() {
            let address = echo.listen(&cluster).map_err(|error| error.to_string())?;
            bootstrap.point_cluster(&cluster, address);
        }
        bootstrap.bind_listeners_to_free_ports();
        let envoy = RunningEnvoy::start(&envoy()?, &bootstrap, folder.path(), options);
        let envoy = envoy.map_err(|error| error.to_string())?;
        let listeners = envoy.listeners().map_err(|error| error.to_string())?;
        let listener = listeners.first().ok_or("no listener")?.address;
        Ok(Self {
            envoy,
            echo,
            listener,
            _folder: folder,
        })
    }

    /// What Envoy has logged so far.
    pub(crate) fn log(&self) -> String {
        self.envoy.log()
    }

    /// Sends a request with these lines of headers, and returns the status of the answer.
    pub(crate) fn ask(&self, headers: &str) -> Result<u16, String> {
        self.send(&format!("GET / HTTP/1.1\r\nhost: a.test\r\n{headers}\r\n"))
    }

    pub(crate) fn send(&self, message: &str) -> Result<u16, String> {
        let asked = connect(self.listener).and_then(|stream| {
            let reply = Connection::new(stream).ask(message.as_bytes(), b"GET")?;
            Ok(reply.status)
        });
        asked.map_err(|failure| format!("{message:?}: {}", failure.as_str()))
    }

    /// Waits for so many requests at the upstream, and sees that there are no more.
    fn take_received(&self, expected: usize) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        let mut received = self.echo.take();
        while received.len() < expected && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
            received.extend(self.echo.take());
        }
        match received.len() == expected {
            true => Ok(()),
            false => Err(format!(
                "the upstream received {received:?}, expected {expected}\n{}",
                self.envoy.log()
            )),
        }
    }
}

/// Requests over HTTP/1.1 that carry a key in all the forms that could pass for the filter's header.
fn spoofed(key: &str) -> Vec<String> {
    let name = DISPATCH_HEADER;
    let lines = [
        format!("{name}: {key}\r\n"),
        format!("{}: {key}\r\n", name.to_ascii_uppercase()),
        format!("X-Fingerpost-Route:{key}\r\n"),
        format!("{name}:\t{key} \r\n"),
        format!("{name}: {key}\r\n{name}: {key}\r\n"),
        format!(
            "{name}: x\r\n{}: {key}\r\nX-fingerpost-routE: {key}\r\n",
            name.to_ascii_uppercase()
        ),
        format!("{name}:\r\n{name}: {key}\r\n"),
        format!("{name}: {key},{key}\r\n"),
        format!("{name} : {key}\r\n"),
        format!("{name}:\r\n {key}\r\n"),
        format!("{}: {key}\r\n", name.replace('-', "_")),
        format!("connection: {name}\r\n{name}: {key}\r\n"),
        format!("connection: close, {name}\r\n{name}: {key}\r\n{name}: {key}\r\n"),
        format!("x-envoy-internal: true\r\nx-forwarded-for: 10.0.0.1\r\n{name}: {key}\r\n"),
        format!("upgrade: websocket\r\nconnection: upgrade\r\n{name}: {key}\r\n"),
        format!(
            "upgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n{name}: {key}\r\n"
        ),
        format!("cookie: {name}={key}\r\n"),
    ];
    let get = |headers: &String| format!("GET / HTTP/1.1\r\nhost: a.test\r\n{headers}\r\n");
    let mut messages: Vec<String> = lines.iter().map(get).collect();
    messages.push(format!(
        "GET http://a.test/ HTTP/1.1\r\nhost: other.test\r\n{name}: {key}\r\n\r\n"
    ));
    messages.push(format!(
        "POST / HTTP/1.1\r\nhost: a.test\r\nte: trailers\r\ntrailer: {name}\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n{name}: {key}\r\n\r\n"
    ));
    messages
}

/// The same over HTTP/2, where names are in lower case.
fn spoofed_http2(key: &str) -> Vec<Vec<(Vec<u8>, Vec<u8>)>> {
    let header = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let good = header(DISPATCH_HEADER, key);
    vec![
        vec![good.clone()],
        vec![good.clone(), good.clone()],
        vec![header(DISPATCH_HEADER, "x"), good.clone()],
        vec![
            header(DISPATCH_HEADER, ""),
            good,
            header("x-envoy-internal", "true"),
        ],
        vec![header(&DISPATCH_HEADER.replace('-', "_"), key)],
    ]
}

fn connect(address: SocketAddr) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

pub(crate) fn expect(what: &str, status: u16, expected: u16) -> Result<(), String> {
    match status == expected {
        true => Ok(()),
        false => Err(format!("{what}: {status}, expected {expected}")),
    }
}

/// A bootstrap for [`RESOURCES`], and a dispatch key that leads to its cluster.
pub(crate) fn compiled_bootstrap() -> Result<(Value, String), String> {
    let options = Options {
        engine: Engine::Wasm,
        module_path: compiled::module_path(),
        ..Options::default()
    };
    let compiled = compiled::of_text(RESOURCES, &options)?;
    let hosts = compiled
        .chains
        .iter()
        .flat_map(|chain| &chain.config.virtual_hosts);
    let key = hosts
        .flat_map(|host| &host.routes)
        .find_map(|route| match &route.action {
            Action::Forward(destinations) => destinations.first().map(|it| it.key.clone()),
            Action::Reply(_) => None,
        });
    Ok((compiled.bootstrap_json(), key.ok_or("no route has a key")?))
}

/// The module that fails on purpose, and else chooses this key.
pub(crate) fn stand_in(key: &str) -> Result<Vec<u8>, String> {
    let text = include_str!("stand_in.wat")
        .replace("\"KEY\"", &format!("{key:?}"))
        .replace("LENGTH", &key.len().to_string());
    wat::parse_str(text).map_err(|error| error.to_string())
}

/// Changes the configuration of every Wasm plugin, and says how many there are.
pub(crate) fn change_plugins(value: &mut Value, change: &impl Fn(&mut Value)) -> usize {
    if value.get("vm_config").is_some() {
        change(value);
        return 1;
    }
    match value {
        Value::Object(fields) => fields.values_mut().map(|it| change_plugins(it, change)).sum(),
        Value::Array(items) => items.iter_mut().map(|it| change_plugins(it, change)).sum(),
        _ => 0,
    }
}
