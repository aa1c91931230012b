//! An Envoy that is stopped as the manifests stop it: no request is lost.
//!
//! Envoy runs with the arguments of the Deployment, and the steps of its preStop hook are those that Kubernetes would run. The clients
//! keep their connections, as a load balancer does: they open new ones only while the proxy is ready, and leave when they are asked to.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fingerpost_envoy_runner::{
    AdminEndpoint, Echo, EchoBody, EchoOptions, EnvoyBinary, Report, default_cache,
};
use rustix::process::Signal;
use serde_json::Value;

use crate::cluster_objects::read;
use crate::kubernetes::{mount, of_kind, text};
use crate::run::{Folder, GATEWAY, SHOP, send};

/// How long anything may take here that takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(120);
const CLIENTS: u32 = 3;

/// An Envoy that was started as a container is.
struct Container {
    envoy: Child,
    admin: AdminEndpoint,
    log: String,
}

impl Container {
    /// Starts it with the arguments of the manifest, in a folder that holds the files of its volumes.
    fn start(folder: &Folder, container: &Value) -> Self {
        let binary = EnvoyBinary::find(&default_cache()).expect("an Envoy");
        let root = folder.path().display().to_string();
        let arguments = container["args"].as_array().expect("arguments").iter();
        let arguments =
            arguments.map(|it| text(it).replace("/etc/fingerpost", &format!("{root}/etc/fingerpost")));
        let (address, log) = (folder.join("admin.txt"), folder.join("envoy.log"));
        let envoy = Command::new(binary.path())
            .args(arguments)
            .arg("--admin-address-path")
            .arg(&address)
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("a file"))
            .spawn()
            .expect("Envoy runs");
        let mut container = Self {
            envoy,
            admin: AdminEndpoint::Tcp(String::new()),
            log: log.display().to_string(),
        };
        container.wait_until("Envoy is ready", |it| {
            let Ok(address) = fs::read_to_string(&address) else {
                return false;
            };
            it.admin = AdminEndpoint::Tcp(address.trim().to_owned());
            it.admin.get("/ready").is_ok_and(|(status, _)| status == 200)
        });
        container
    }

    fn listener(&self, name: &str) -> SocketAddr {
        let (_, body) = self.admin.get("/listeners?format=json").expect("an answer");
        let listeners: Value = serde_json::from_str(&body).expect("JSON");
        let listeners = listeners["listener_statuses"].as_array().expect("listeners");
        let listener = listeners
            .iter()
            .find(|it| it["name"] == name)
            .expect("the listener");
        let port = &listener["local_address"]["socket_address"]["port_value"];
        let port = port.as_u64().and_then(|it| u16::try_from(it).ok());
        SocketAddr::from((Ipv4Addr::LOCALHOST, port.expect("a port")))
    }

    #[track_caller]
    fn wait_until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> bool) {
        let started = Instant::now();
        while !is_so(self) {
            let log = || fs::read_to_string(&self.log).unwrap_or_default();
            assert!(
                started.elapsed() < PATIENCE,
                "it never was so that {what}:\n{}",
                log()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.envoy.kill();
        let _ = self.envoy.wait();
    }
}

/// What the clients and the test tell each other.
#[derive(Default)]
struct Shared {
    /// Set when the load balancer has seen that the proxy is not ready any more.
    is_unready: AtomicBool,
    /// How many clients go by that.
    informed: AtomicU32,
    answered: AtomicU32,
}

/// Sends requests one after the other until the proxy is not ready and has asked to leave. What was lost.
fn client(address: SocketAddr, shared: &Shared) -> Vec<String> {
    let mut lost = Vec::new();
    let mut connection = None;
    let mut is_informed = false;
    loop {
        if shared.is_unready.load(Ordering::SeqCst) && !is_informed {
            is_informed = true;
            shared.informed.fetch_add(1, Ordering::SeqCst);
        }
        let stream = match connection.take() {
            Some(stream) => stream,
            None if is_informed => return lost,
            None => TcpStream::connect(address).expect("Envoy listens"),
        };
        match ask(&stream, "") {
            Ok((head, _)) if !head.starts_with("HTTP/1.1 200 ") => lost.push(head),
            Ok((head, _)) => {
                shared.answered.fetch_add(1, Ordering::SeqCst);
                if !head.to_ascii_lowercase().contains("\r\nconnection: close\r\n") {
                    connection = Some(stream);
                }
            }
            Err(error) => lost.push(error.to_string()),
        }
    }
}

/// Sends a request and reads the whole answer: its head and its body.
fn ask(mut stream: &TcpStream, header: &str) -> std::io::Result<(String, Vec<u8>)> {
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET /v1/x HTTP/1.1\r\nhost: shop.example.com\r\n{header}\r\n"
    )?;
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(std::io::Error::other(format!(
                "the connection was closed after {head:?}"
            )));
        }
    }
    let lower = head.to_ascii_lowercase();
    let length = lower.lines().find_map(|it| it.strip_prefix("content-length: "));
    let length = length.and_then(|it| it.trim().parse().ok());
    let mut body = vec![0; length.expect("a content-length")];
    reader.read_exact(&mut body)?;
    Ok((head, body))
}

#[test]
fn a_pod_that_ends_loses_no_request() {
    let echo = Echo::start(EchoOptions {
        report: Report::Forget,
        body: EchoBody::Request, // which knows `x-echo`
        ..EchoOptions::default()
    })
    .expect("an echo server");
    let upstream = echo.listen("shop").expect("a port").port();
    let service = format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: shop}}\nspec:\n  hosts: [shop.test]\n  \
         ports: [{{number: 80, name: http, protocol: HTTP}}]\n  resolution: STATIC\n  \
         endpoints: [{{address: 127.0.0.1, ports: {{http: {upstream}}}}}]\n"
    );
    let rules = SHOP.replace("{host: shop}", "{host: shop.test}");
    let folder = Folder::with("shop.yaml", &[GATEWAY.to_owned(), rules, service].join("---\n"));
    let ended = folder.run("manifests --kubernetes -f shop.yaml");
    ended.check(0, &[]);
    let objects = read(&ended.stdout);
    mount(&objects, &folder);
    let deployment = of_kind(&objects, "Deployment")[0];
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let mut envoy = Container::start(&folder, container);
    let (address, readiness) = (envoy.listener("0.0.0.0_80"), envoy.listener("readiness"));

    let hook = &container["lifecycle"]["preStop"]["exec"]["command"];
    let AdminEndpoint::Tcp(admin) = &envoy.admin else {
        panic!("the admin interface is on {}", envoy.admin)
    };
    let port = admin.rsplit(':').next().expect("a port");
    let script = text(&hook[2]).replace("/15000 ", &format!("/{port} "));
    let steps: Vec<String> = script.split("; ").map(str::to_owned).collect();
    let [fail, wait, leave, drained] = steps.as_slice() else {
        panic!("{script}")
    };
    assert!(
        wait.starts_with("sleep ") && drained.starts_with("sleep "),
        "{script}"
    );
    let run = |step: &str| {
        let status = Command::new(text(&hook[0])).args(["-c", step]).status();
        assert!(status.expect("bash").success(), "{step}");
    };

    let shared = Arc::new(Shared::default());
    let start = |_| {
        let shared = Arc::clone(&shared);
        thread::spawn(move || client(address, &shared))
    };
    let clients: Vec<JoinHandle<Vec<String>>> = (0..CLIENTS).map(start).collect();
    envoy.wait_until("every client has answers", |_| {
        shared.answered.load(Ordering::SeqCst) > 10 * CLIENTS
    });
    // A request that takes longer than the steps.
    let slow = thread::spawn(move || {
        let stream = TcpStream::connect(address).expect("Envoy listens");
        ask(&stream, "x-echo: delay=3\r\n")
    });
    envoy.wait_until("the slow request is under way", |it| {
        let (_, stats) = it
            .admin
            .get("/stats?filter=upstream_rq_active$")
            .expect("an answer");
        let active = stats.lines().find(|it| it.contains("cluster.outbound"));
        active.is_some_and(|it| !it.ends_with(": 0"))
    });

    run(fail);
    let probe = |_: &mut Container| {
        let mut stream = TcpStream::connect(readiness).expect("it listens");
        let request = "GET /healthz/ready HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer.starts_with("HTTP/1.1 503 ")
    };
    envoy.wait_until("the proxy is not ready", probe);
    // `wait` is for the load balancer to see it: here it does when all clients have.
    shared.is_unready.store(true, Ordering::SeqCst);
    envoy.wait_until("every client knows", |_| {
        shared.informed.load(Ordering::SeqCst) == CLIENTS
    });
    run(leave);
    // `drained` is for the clients to leave. The manifest gives them 30 seconds; a busy machine gets more.
    envoy.wait_until("every client has left", |_| {
        clients.iter().all(JoinHandle::is_finished)
    });
    let lost: Vec<String> = clients
        .into_iter()
        .flat_map(|it| it.join().expect("it ends"))
        .collect();
    assert_eq!(
        lost,
        Vec::<String>::new(),
        "of {}",
        shared.answered.load(Ordering::SeqCst)
    );
    let (head, _) = slow.join().expect("it ends").expect("an answer");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");

    send(envoy.envoy.id(), Signal::TERM);
    envoy.wait_until("Envoy has ended", |it| {
        it.envoy.try_wait().expect("a child").is_some()
    });
}
