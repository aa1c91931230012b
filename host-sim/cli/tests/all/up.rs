//! `up`: what it shows, how it ends, and that nothing of it stays.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::run::{Ended, Folder, GATEWAY, SERVICE, SHOP, send, shop};

/// A running `up`.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// What it said before the first request.
    told: String,
    /// Where its first listener is.
    address: SocketAddr,
}

impl Running {
    /// Starts it, and waits until it has told everything.
    pub(crate) fn start(folder: &Folder, arguments: &str) -> Self {
        fs::create_dir_all(folder.join("tmp")).expect("a folder");
        let mut child = folder
            .command(&format!("up -f shop.yaml {arguments}"))
            .env("TMPDIR", folder.join("tmp"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut told = String::new();
        while !told.contains("Requests appear here") {
            if stdout.read_line(&mut told).expect("text") == 0 {
                let ended = Ended::of(child.wait_with_output().expect("it ends"));
                panic!("it is not up:\n{told}\n{}", ended.stderr);
            }
        }
        let (_, rest) = told.split_once("at 127").expect("an address");
        let address = format!("127{}", rest.split(' ').next().unwrap_or_default());
        Self {
            child,
            stdout,
            told,
            address: address.parse().expect("an address"),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    fn wait_until_it_listens_no_more(&self) {
        while TcpStream::connect(self.address).is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends the head of a request, and leaves the answer to the caller.
    fn ask(&self, path: &str, header: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).expect("Envoy listens");
        let head =
            format!("GET {path} HTTP/1.1\r\nhost: shop.example.com\r\n{header}connection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("Envoy reads");
        stream
    }

    /// The next line of the journal.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("text");
        line
    }

    pub(crate) fn end(mut self) -> Ended {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("text");
        let ended = Ended::of(self.child.wait_with_output().expect("it ends"));
        Ended {
            stdout: rest,
            ..ended
        }
    }
}

/// The Envoys that a process has started. Its other children are processes of its own program.
pub(crate) fn children(of: u32) -> Vec<u32> {
    let parent = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields = stat.rsplit_once(") ")?.1.to_owned();
        fields.split(' ').nth(1)?.parse::<u32>().ok()
    };
    let processes = fs::read_dir("/proc").expect("Linux").flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| parent(*pid) == Some(of))
        .filter(|pid| {
            let program = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            program.trim() != "fingerpost"
        })
        .collect()
}

/// Waits until a process has ended. Its exit code may not have been collected yet.
pub(crate) fn wait_for_end(pid: u32) {
    let is_alive = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    };
    while is_alive() {
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn requests_are_shown_as_they_come_and_ctrl_c_leaves_nothing() {
    let folder = Folder::with("shop.yaml", &shop());
    let mut up = Running::start(&folder, "");
    let mut answer = String::new();
    up.ask("/v1/x?a=1", "")
        .read_to_string(&mut answer)
        .expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    assert!(
        body.contains(
            "{\"service\":\"shop.default:80\",\"subset\":null,\"method\":\"GET\",\"path\":\"/x?a=1\""
        ),
        "{answer}"
    );
    let line = up.line();
    for said in [
        "200  GET",
        "shop.example.com/v1/x?a=1",
        "default/shop http[0]",
        "  shop.default:80  ",
        "as /x?a=1",
    ] {
        assert!(line.contains(said), "{said:?} is not in {line:?}");
    }
    drop(up.ask("/none", "").read_to_string(&mut answer));
    let line = up.line();
    assert!(line.contains("404  GET") && line.contains("no rule"), "{line:?}");
    assert_eq!(
        up.line().trim(),
        "why: fingerpost explain -f shop.yaml http://shop.example.com/none"
    );

    let envoys = children(up.pid());
    assert_eq!(envoys.len(), 1);
    up.signal(Signal::INT);
    up.end().check(0, &[]);
    envoys.into_iter().for_each(wait_for_end);
    assert_eq!(folder.list("tmp"), [""; 0]);
}

#[test]
fn a_websocket_reaches_the_echo() {
    let folder = Folder::with("shop.yaml", &shop());
    let up = Running::start(&folder, "--engine native");
    let mut stream = TcpStream::connect(up.address).expect("Envoy listens");
    let head = "GET /v1/x HTTP/1.1\r\nhost: shop.example.com\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("Envoy reads");
    // A text of two letters, with a mask of zeros (RFC 6455, section 5.2).
    stream
        .write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i'])
        .expect("Envoy reads");
    let mut answer = Vec::new();
    while !answer.ends_with(&[0x81, 2, b'h', b'i']) {
        let mut byte = [0];
        let count = stream.read(&mut byte).expect("an answer");
        assert_eq!(count, 1, "{}", String::from_utf8_lossy(&answer));
        answer.push(byte[0]);
    }
    assert!(
        answer.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    drop(stream);
    up.signal(Signal::INT);
    up.end().check(0, &[]);
}

/// The shop with its upstream in the test, which so sees that a request has arrived.
fn shop_with_upstream() -> (TcpListener, Folder) {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = upstream.local_addr().expect("an address").port();
    let slice = format!(
        "apiVersion: discovery.k8s.io/v1\n\
         kind: EndpointSlice\n\
         metadata: {{name: shop-1, labels: {{kubernetes.io/service-name: shop}}}}\n\
         addressType: IPv4\n\
         ports: [{{name: http, port: {port}}}]\n\
         endpoints: [{{addresses: [127.0.0.1]}}]\n"
    );
    let folder = Folder::with("shop.yaml", &[shop(), slice].join("---\n"));
    (upstream, folder)
}

#[test]
fn a_request_under_way_ends_before_it_does_and_is_shown() {
    let (upstream, folder) = shop_with_upstream();
    let up = Running::start(&folder, "--engine native");
    let mut stream = up.ask("/v1/slow", "");
    let (mut at_upstream, _) = upstream.accept().expect("Envoy connects");
    up.signal(Signal::TERM);
    up.wait_until_it_listens_no_more();
    at_upstream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .expect("Envoy reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let ended = up.end();
    ended.check(0, &[]);
    assert!(ended.stdout.contains("/v1/slow"), "{}", ended.stdout);
}

#[test]
fn a_second_ctrl_c_does_not_wait_and_leaves_nothing_either() {
    let (upstream, folder) = shop_with_upstream();
    let up = Running::start(&folder, "--engine native");
    let stream = up.ask("/v1/slow", "");
    let at_upstream = upstream.accept().expect("Envoy connects");
    let envoys = children(up.pid());
    up.signal(Signal::INT);
    // Two signals that come at once are one: the first has been seen when Envoy no longer listens.
    up.wait_until_it_listens_no_more();
    up.signal(Signal::INT);
    up.end().check(130, &[]);
    drop((stream, at_upstream));
    envoys.into_iter().for_each(wait_for_end);
    assert_eq!(folder.list("tmp"), [""; 0]);
}

#[test]
fn an_envoy_that_dies_is_told_at_once() {
    let folder = Folder::with("shop.yaml", &shop());
    let up = Running::start(&folder, "--engine native");
    for envoy in children(up.pid()) {
        send(envoy, Signal::KILL);
    }
    up.end().check(5, &["Envoy was ended by signal 9"]);
    assert_eq!(folder.list("tmp"), [""; 0]);
}

#[test]
fn a_busy_port_is_told_with_what_to_do() {
    let folder = Folder::with("shop.yaml", &shop());
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    let ended = folder.run(&format!(
        "up -f shop.yaml --engine native --listen 80={}",
        address.port()
    ));
    let owner = format!("(process {}) already listens on {address}", std::process::id());
    ended.check(5, &[&owner, "--listen"]);
}

#[test]
fn a_port_that_no_gateway_has_is_refused() {
    let folder = Folder::with("shop.yaml", &shop());
    let said = "--listen 81=8080: no listener has port 81: there is 80";
    folder
        .run("up -f shop.yaml --engine native --listen 81=8080")
        .check(2, &[said]);
    folder
        .run("up -f shop.yaml --listen 80")
        .check(2, &["invalid ports `80`"]);
}

#[test]
fn a_wrong_envoy_is_named() {
    let folder = Folder::with("shop.yaml", &shop());
    for (file, reason) in [("/nowhere/envoy", "/nowhere/envoy"), ("/bin/true", "not Envoy")] {
        let output = folder
            .command("up -f shop.yaml --engine native")
            .env("FINGERPOST_ENVOY", file)
            .output()
            .expect("the command runs");
        Ended::of(output).check(5, &["FINGERPOST_ENVOY", reason]);
    }
}

#[test]
fn a_check_passes_when_all_is_as_expected() {
    let folder = Folder::with("shop.yaml", &shop());
    folder.write("expected.json", EXPECTED);
    let ended = folder.run("up -f shop.yaml --check expected.json");
    ended.check(0, &[]);
    assert!(
        ended.stdout.contains("3 of 3 requests as expected"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_gateway_and_a_service_that_the_input_does_not_have_are_assumed() {
    let service = "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: blog}
spec:
  hosts: [blog.example.com]
  gateways: [istio-system/public]
  http: [{route: [{destination: {host: blog, subset: v2}}]}]
";
    let folder = Folder::with("blog.yaml", service);
    folder.write(
        "expected.json",
        r#"{"requests": [{
            "request": {"port": 80, "method": "GET", "path": "/", "authority": "blog.example.com"},
            "expect": {"status": 200, "rule": "default/blog http[0]",
                       "cluster": "outbound|80|v2|blog.default.svc.cluster.local"}}]}"#,
    );
    let ended = folder.run("up -f blog.yaml --check expected.json");
    ended.check(
        0,
        &[
            "Gateway istio-system/public is not in the input and assumed",
            "service blog.default is not in the input and assumed",
        ],
    );
    let ended = folder.run("up -f blog.yaml --complete --check expected.json");
    assert_ne!(ended.code, Some(0), "{}", ended.stdout);
}

#[test]
fn a_check_shows_what_differs() {
    let folder = Folder::with("shop.yaml", &shop());
    folder.write(
        "expected.json",
        &EXPECTED.replace("http[0]", "http[7]").replace("301", "302"),
    );
    let ended = folder.run("up -f shop.yaml --check expected.json");
    ended.check(1, &[]);
    for said in [
        "rule     expected default/shop http[7]",
        "got default/shop http[0]",
        "status   expected 302",
        "got 301",
        "1 of 3 requests as expected",
    ] {
        assert!(
            ended.stdout.contains(said),
            "{said:?} is not in:\n{}",
            ended.stdout
        );
    }
}

#[test]
fn a_check_says_that_a_real_endpoint_does_not_listen() {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = gone.local_addr().expect("an address").port();
    drop(gone);
    let endpoint = "\
apiVersion: v1
kind: Endpoints
metadata: {name: shop}
subsets: [{addresses: [{ip: 127.0.0.1}], ports: [{name: http, port: PORT}]}]
"
    .replace("PORT", &port.to_string());
    let folder = Folder::with("shop.yaml", &format!("{}---\n{endpoint}", shop()));
    folder.write("expected.json", EXPECTED);
    let ended = folder.run("up -f shop.yaml --check expected.json");
    ended.check(1, &[]);
    for said in [
        "503  GET   shop.example.com/v1/x",
        &format!("nothing listens on 127.0.0.1:{port}"),
        "--echo-all",
    ] {
        assert!(
            ended.stdout.contains(said),
            "{said:?} is not in:\n{}",
            ended.stdout
        );
    }
    folder
        .run("up -f shop.yaml --check expected.json --echo-all")
        .check(0, &[]);
}

#[test]
fn a_listener_of_bytes_has_a_line_for_nc() {
    let folder = Folder::with("shop.yaml", &format!("{}---\n{TCP}", shop()));
    let up = Running::start(&folder, "");
    let mut lines = up.told.lines();
    assert!(
        lines.any(|it| it.trim_start().starts_with("nc 127.0.0.1 ")),
        "{}",
        up.told
    );
    up.signal(Signal::INT);
    up.end().check(0, &[]);
}

const TCP: &str = "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: bytes}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {port: {number: 5432, name: tcp, protocol: TCP}, hosts: ['*']}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: bytes}
spec:
  gateways: [bytes]
  hosts: ['*']
  tcp:
  - route: [{destination: {host: shop}}]
";

#[test]
fn a_check_file_that_cannot_be_read_is_refused() {
    let folder = Folder::with("shop.yaml", &shop());
    folder.write("expected.json", &EXPECTED.replace("\"rule\"", "\"rulle\""));
    let check = "up -f shop.yaml --engine native --check";
    folder
        .run(&format!("{check} expected.json"))
        .check(2, &["expected.json: unknown field `rulle`"]);
    folder
        .run(&format!("{check} nowhere.json"))
        .check(2, &["nowhere.json: "]);
    folder.write("expected.json", r#"{"requests": []}"#);
    folder
        .run(&format!("{check} expected.json"))
        .check(2, &["it has no requests"]);
}

#[test]
fn a_missing_certificate_is_generated() {
    let https = GATEWAY.replace(
        "{port: {number: 80, name: http, protocol: HTTP},",
        "{port: {number: 443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: cert},",
    );
    let folder = Folder::with("shop.yaml", &[&https, SHOP, SERVICE].join("---\n"));
    folder.write(
        "expected.json",
        &EXPECTED.replace("\"port\": 80", "\"port\": 443"),
    );
    let ended = folder.run("up -f shop.yaml --check expected.json");
    ended.check(0, &["generated a temporary certificate for shop.example.com"]);
}

const EXPECTED: &str = r#"{"requests": [
  {"request": {"port": 80, "method": "GET", "path": "/v1/x", "authority": "shop.example.com", "headers": [["x-a", "1"]]},
   "expect": {"status": 200, "cluster": "outbound|80||shop.default.svc.cluster.local", "path": "/x", "rule": "default/shop http[0]"}},
  {"request": {"port": 80, "path": "/old", "authority": "shop.example.com"},
   "expect": {"status": 301, "cluster": null, "rule": "default/shop http[1].match[0]"}},
  {"request": {"port": 80, "path": "/none", "authority": "shop.example.com"},
   "expect": {"status": 404, "cluster": null, "rule": null}}]}"#;
