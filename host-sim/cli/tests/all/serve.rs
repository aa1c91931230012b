//! `serve`: real sockets before it and behind it, and files that change under it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::run::{Ended, Folder, GATEWAY, SERVICE, SHOP, interrupt, shop, until};

/// A running `serve`.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
    /// Where its first listener is.
    pub(crate) address: SocketAddr,
}

impl Running {
    /// Starts it, and waits until it has told everything.
    pub(crate) fn start(folder: &Folder, arguments: &str) -> Self {
        let mut child = folder
            .command(&format!("serve {arguments}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let told = until(&mut stdout, "Requests appear here");
        let (_, rest) = told.split_once("at 127").expect("an address");
        let address = format!("127{}", rest.split(' ').next().unwrap_or_default());
        Self {
            child,
            stdout,
            stderr,
            address: address.parse().expect("an address"),
        }
    }

    /// Sends these bytes and reads until the connection ends.
    pub(crate) fn send(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        stream.write_all(bytes).expect("it reads");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer); // a reset is an end too
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn get(&self, path: &str) -> String {
        let head = format!("GET {path} HTTP/1.1\r\nhost: shop.example.com\r\nconnection: close\r\n\r\n");
        self.send(head.as_bytes())
    }

    /// Everything up to the next line with this text, on standard error.
    pub(crate) fn said(&mut self, text: &str) -> String {
        until(&mut self.stderr, text)
    }

    /// The next line of the journal.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("text");
        line
    }

    /// Ctrl-C, and how it ends.
    pub(crate) fn end(mut self) -> Ended {
        interrupt(&self.child);
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).expect("text");
        self.stderr.read_to_string(&mut stderr).expect("text");
        Ended {
            code: self.child.wait().expect("it ends").code(),
            stdout,
            stderr,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill(); // a test that failed leaves nothing either
    }
}

/// An upstream that answers everything, and tells what it was sent.
pub(crate) fn upstream(answer: &'static str) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let (sender, received) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut request = Vec::new();
                let mut buffer = [0; 4096];
                while !request.windows(4).any(|it| it == b"\r\n\r\n") {
                    match stream.read(&mut buffer) {
                        Ok(count) if count > 0 => request.extend_from_slice(&buffer[..count]),
                        _ => return,
                    }
                }
                let _ = sender.send(String::from_utf8_lossy(&request).into_owned());
                let _ = stream.write_all(answer.as_bytes());
            });
        }
    });
    (port, received)
}

/// A service outside the cluster, at a port of this machine.
pub(crate) fn entry(host: &str, port: u16) -> String {
    format!(
        "\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}}}
spec:
  hosts: [{host}]
  ports: [{{number: 80, name: http, protocol: HTTP, targetPort: {port}}}]
  resolution: STATIC
  endpoints: [{{address: 127.0.0.1}}]
",
        name = host.replace('.', "-")
    )
}

/// The gateway and its rules, with this in the place of the first rule.
pub(crate) fn with_rule(rule: &str, more: &[String]) -> String {
    let service = format!(
        "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: shop}}
spec:
  gateways: [gateway]
  hosts: [shop.example.com]
  http:
  - {rule}
"
    );
    let mut parts = vec![GATEWAY.to_owned(), service];
    parts.extend_from_slice(more);
    parts.join("---\n")
}

#[track_caller]
pub(crate) fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn an_answer_names_its_rule_whatever_the_client_says_and_ctrl_c_ends_it() {
    let folder = Folder::with("shop.yaml", &shop());
    let mut serve = Running::start(&folder, "--filter-runtime native -f shop.yaml");
    let answer = serve.send(
        b"GET /v1/x?a=1 HTTP/1.1\r\nhost: shop.example.com\r\nx-fingerpost-rule: mine\r\nconnection: close\r\n\r\n",
    );
    contains(
        &answer,
        &[
            "HTTP/1.1 200",
            "x-fingerpost-rule: default/shop http[0].match[0]\r\n",
            "x-fingerpost-cluster: outbound|80||shop.default.svc.cluster.local\r\n",
            "content-type: application/json\r\n",
            "\r\n\r\n{\"service\":\"shop.default:80\",\"subset\":null,\"method\":\"GET\",\"path\":\"/x?a=1\",\"headers\":{\"host\":\"shop.example.com\"",
            "\"body\":{\"bytes\":0}}\n",
        ],
    );
    let line = serve.line();
    contains(
        &line,
        &[
            "200  GET",
            "shop.example.com/v1/x?a=1",
            "default/shop http[0]",
            "as /x?a=1",
        ],
    );
    contains(
        &serve.get("/old"),
        &["HTTP/1.1 301", "location: http://shop.example.com/new\r\n"],
    );
    serve.line();
    let missed = serve.get("/none");
    contains(&missed, &["HTTP/1.1 404"]);
    assert!(!missed.contains("x-fingerpost"), "{missed}");
    contains(&serve.line(), &["404  GET", "no rule"]);
    serve.end().check(0, &[]);
}

#[test]
fn a_request_that_leads_nowhere_has_its_reason_and_the_command_that_explains_it() {
    let folder = Folder::with(
        "shop.yaml",
        &with_rule(
            "{match: [{uri: {prefix: /v1}}], route: [{destination: {host: shpo}}]}",
            &[],
        ),
    );
    let mut serve = Running::start(&folder, "--filter-runtime native --complete -f shop.yaml");
    contains(&serve.get("/v1/x"), &["HTTP/1.1 503"]);
    contains(
        &serve.line(),
        &["503  GET", "default/shop http[0]", "cluster_not_found"],
    );
    let why = serve.line();
    assert_eq!(
        why.trim(),
        "why: fingerpost explain -f shop.yaml --complete http://shop.example.com/v1/x"
    );
    let (_, explain) = why.trim().split_once("fingerpost ").expect("a command");
    folder.run(explain).check(0, &[]);
    let missed = "POST /none HTTP/1.1\r\nhost: shop.example.com\r\nx-a: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    contains(&serve.send(missed.as_bytes()), &["HTTP/1.1 404"]);
    contains(&serve.line(), &["404  POST", "no rule"]);
    contains(
        &serve.line(),
        &["why: fingerpost explain -f shop.yaml --complete -X POST -H 'x-a: 1' http://shop.example.com/none"],
    );
    serve.end().check(0, &[]);
}

#[test]
fn a_host_that_only_sidecars_route_is_answered_with_the_reason() {
    let for_sidecars = "\
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  hosts: [cart]
  http: [{route: [{destination: {host: shop}}]}]
";
    let folder = Folder::with("shop.yaml", &format!("{}{for_sidecars}", shop()));
    let mut serve = Running::start(&folder, "-f shop.yaml");
    let answer = serve.send(b"GET / HTTP/1.1\r\nhost: cart.default\r\nconnection: close\r\n\r\n");
    contains(
        &answer,
        &["HTTP/1.1 404", "VirtualService default/cart", "sidecars only"],
    );
    contains(
        &serve.line(),
        &["404  GET", "VirtualService default/cart", "sidecars only"],
    );
    let other = serve.send(b"GET / HTTP/1.1\r\nhost: other.example.com\r\nconnection: close\r\n\r\n");
    assert!(
        other.contains("HTTP/1.1 404") && !other.contains("sidecars"),
        "{other}"
    );
}

#[test]
fn the_module_that_envoy_loads_decides_the_same() {
    let folder = Folder::with("shop.yaml", &shop());
    let serve = Running::start(&folder, "--filter-runtime wasm -f shop.yaml");
    contains(
        &serve.get("/v1/x"),
        &[
            "HTTP/1.1 200",
            "x-fingerpost-rule: default/shop http[0].match[0]\r\n",
        ],
    );
    serve.end().check(0, &[]);
}

/// What a client gets that speaks HTTP/2 without asking.
fn http2(address: SocketAddr, path: &str) -> hyper::Response<hyper::body::Bytes> {
    let work = async {
        let stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .expect("HTTP/2");
        tokio::spawn(connection);
        let request = hyper::Request::get(format!("http://shop.example.com{path}"))
            .body(Empty::<hyper::body::Bytes>::new())
            .expect("a request");
        let (head, body) = sender
            .send_request(request)
            .await
            .expect("an answer")
            .into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        hyper::Response::from_parts(head, body)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

#[test]
fn http2_without_tls_is_served_too() {
    let folder = Folder::with("shop.yaml", &shop());
    let mut serve = Running::start(&folder, "--filter-runtime native -f shop.yaml");
    let answer = http2(serve.address, "/v1/x");
    assert_eq!(
        (answer.status().as_u16(), answer.version()),
        (200, hyper::Version::HTTP_2)
    );
    assert_eq!(
        answer.headers()["x-fingerpost-rule"],
        "default/shop http[0].match[0]"
    );
    assert!(
        answer.body().starts_with(b"{\"service\":\"shop.default:80\""),
        "{answer:?}"
    );
    contains(&serve.line(), &["200  GET", "shop.example.com/v1/x", "as /x"]);
    assert_eq!(http2(serve.address, "/none").status().as_u16(), 404);
    serve.end().check(0, &[]);
}

#[test]
fn known_endpoints_are_asked_for_real_and_their_answer_is_edited() {
    let (port, received) = upstream(
        "HTTP/1.1 203 Odd\r\nserver: nginx\r\nx-fingerpost-rule: theirs\r\ncontent-length: 4\r\n\r\nreal",
    );
    let rule = "{match: [{uri: {prefix: /v1}}], rewrite: {uri: /w}, route: [{destination: {host: ext.example.org}, \
                headers: {request: {add: {x-in: a}}, response: {add: {x-out: b}}}}]}";
    let folder = Folder::with("shop.yaml", &with_rule(rule, &[entry("ext.example.org", port)]));
    let serve = Running::start(&folder, "--filter-runtime native -f shop.yaml");
    let body = "POST /v1/x HTTP/1.1\r\nhost: shop.example.com\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
    let answer = serve.send(body.as_bytes());
    contains(
        &answer,
        &[
            "HTTP/1.1 203",
            "x-out: b\r\n",
            "rule: default/shop http[0].match[0]\r\n",
            "\r\n\r\nreal",
        ],
    );
    assert!(
        !answer.contains("nginx") && !answer.contains("theirs"),
        "{answer}"
    );
    let request = received.recv().expect("it was asked");
    contains(
        &request,
        &[
            "POST /w/x HTTP/1.1\r\n",
            "host: shop.example.com\r\n",
            "x-in: a\r\n",
            "content-length: 5\r\n",
        ],
    );
    serve.end().check(0, &[]);
}

#[test]
fn a_mirror_gets_its_copy() {
    let (port, received) = upstream("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n");
    let rule = "{route: [{destination: {host: shop}}], mirror: {host: copy.example.org}}";
    let parts = [SERVICE.to_owned(), entry("copy.example.org", port)];
    let folder = Folder::with("shop.yaml", &with_rule(rule, &parts));
    let serve = Running::start(&folder, "--filter-runtime native -f shop.yaml");
    contains(&serve.get("/m"), &["HTTP/1.1 200"]);
    contains(&received.recv().expect("a copy"), &["GET /m HTTP/1.1\r\n"]);
    serve.end().check(0, &[]);
}

#[test]
fn an_upstream_that_is_gone_or_slow_is_told_as_envoy_does() {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = gone.local_addr().expect("an address").port();
    drop(gone);
    let route = "route: [{destination: {host: ext.example.org}}]";
    let folder = Folder::with(
        "a.yaml",
        &with_rule(&format!("{{{route}}}"), &[entry("ext.example.org", port)]),
    );
    let serve = Running::start(&folder, "--filter-runtime native -f a.yaml");
    contains(
        &serve.get("/"),
        &[
            "HTTP/1.1 503",
            "upstream connect error",
            "x-fingerpost-rule: default/shop",
        ],
    );
    serve.end().check(0, &[]);

    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = silent.local_addr().expect("an address").port();
    let rule = format!("{{timeout: 100ms, {route}}}");
    folder.write("b.yaml", &with_rule(&rule, &[entry("ext.example.org", port)]));
    let serve = Running::start(&folder, "--filter-runtime native -f b.yaml");
    contains(&serve.get("/"), &["HTTP/1.1 504", "upstream request timeout"]);
    serve.end().check(0, &[]);
}

#[test]
fn good_files_are_taken_at_once_and_bad_ones_change_nothing() {
    let folder = Folder::with("in/shop.yaml", &shop());
    let mut serve = Running::start(&folder, "--filter-runtime native -f in");
    contains(&serve.get("/v2/x"), &["HTTP/1.1 404"]);
    folder.write("in/shop.yaml", &shop().replace("/v1/", "/v2/"));
    let said = serve.said("was prefix /v1/");
    contains(&said, &["reloaded: 1 rule changed", "prefix /v2/"]);
    contains(&serve.get("/v2/x"), &["HTTP/1.1 200"]);

    folder.write("in/shop.yaml", "kind: VirtualService\nspec: [");
    contains(&serve.said("not reloaded"), &["shop.yaml:2:"]);
    contains(&serve.get("/v2/x"), &["HTTP/1.1 200"]);

    // Istio refuses an update that is invalid: what it updates stays.
    folder.write("in/shop.yaml", &shop().replace("prefix: /v1/", "prefux: /v1/"));
    contains(&serve.said("not reloaded"), &["error[unknown-field]"]);
    contains(&serve.get("/v2/x"), &["HTTP/1.1 200"]);

    folder.write("in/shop.yaml", &shop());
    serve.said("was prefix /v2/");
    contains(&serve.get("/v1/x"), &["HTTP/1.1 200"]);

    // Another file, and another listener with it.
    let other = GATEWAY
        .replace("name: gateway", "name: other")
        .replace("80", "8088");
    let rules = SHOP
        .replace("name: shop}", "name: more}")
        .replace("[gateway]", "[other]");
    folder.write("in/more.yaml", &format!("{other}---\n{rules}"));
    let said = serve.said("reloaded: 2 rules added");
    contains(&said, &["0.0.0.0_8088 is at 127.0.0.1:"]);
    fs::remove_file(folder.join("in/more.yaml")).expect("a file");
    contains(
        &serve.said("reloaded: 2 rules removed"),
        &["0.0.0.0_8088 is closed"],
    );
    serve.end().check(0, &[]);
}

#[test]
fn a_request_under_way_keeps_its_rules_and_is_answered_before_the_end() {
    let folder = Folder::with("shop.yaml", &shop());
    let mut serve = Running::start(&folder, "--filter-runtime native -f shop.yaml");
    let mut stream = TcpStream::connect(serve.address).expect("it listens");
    stream
        .write_all(b"GET /v1/x HTTP/1.1\r\nhost: shop.example.com\r\nx-echo: delay=2\r\n\r\n")
        .expect("it reads");
    // Another request that has its answer shows that the first has arrived.
    contains(&serve.get("/v1/y"), &["HTTP/1.1 200"]);
    folder.write("shop.yaml", &shop().replace("/v1/", "/v2/"));
    serve.said("reloaded");
    let ended = serve.end();
    ended.check(0, &[]);
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    contains(
        &answer,
        &["HTTP/1.1 200", "x-fingerpost-rule: default/shop http[0].match[0]"],
    );
    contains(&ended.stdout, &["/v1/x"]);
}

#[test]
fn hostile_requests_get_a_clear_answer_and_it_goes_on() {
    let folder = Folder::with("shop.yaml", &shop());
    let serve = Running::start(&folder, "--filter-runtime native -f shop.yaml");
    let host = "host: shop.example.com\r\nconnection: close\r\n";
    let large = format!("GET /v1/ HTTP/1.1\r\n{host}x: {}\r\n\r\n", "a".repeat(70_000));
    let huge = format!("GET /v1/ HTTP/1.1\r\n{host}x: {}\r\n\r\n", "a".repeat(400_000));
    let many = format!("GET /v1/ HTTP/1.1\r\n{host}{}\r\n", "x: y\r\n".repeat(300));
    for (request, status) in [
        (large.into_bytes(), "431"),
        (huge.into_bytes(), "431"),
        (many.into_bytes(), "431"),
        (format!("GET /v1/ HTTP/1.0\r\n{host}\r\n").into_bytes(), "426"),
        (format!("GET http://shop.example.com/v1/ HTTP/1.1\r\nhost: other\r\n{host}\r\n").into_bytes(), "200"),
        (format!("GET /\u{1}x HTTP/1.1\r\n{host}\r\n").into_bytes(), "400"),
        (format!("G@T / HTTP/1.1\r\n{host}\r\n").into_bytes(), "400"),
        (b"GET /v1/ HTTP/1.1\r\nconnection: close\r\n\r\n".to_vec(), "400"),
        (b"\x16\x03\x01\x00\xff\r\n\r\n".to_vec(), "400"),
        ([format!("GET /v1/ HTTP/1.1\r\n{host}x: ").as_bytes(), b"\xff\r\n\r\n"].concat(), "501"),
        (b"CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\nconnection: close\r\n\r\n".to_vec(), "404"),
        (
            b"GET /v1/ HTTP/1.1\r\nhost: shop.example.com\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n".to_vec(),
            "426", // the echo wants a key
        ),
    ] {
        let mut stream = TcpStream::connect(serve.address).expect("it listens");
        // The server that refuses a head need not read the rest of it.
        let _ = stream.write_all(&request);
        let mut line = String::new();
        let _ = BufReader::new(stream).read_line(&mut line);
        let what = String::from_utf8_lossy(&request[..request.len().min(60)]).into_owned();
        assert!(line.contains(&format!(" {status} ")), "{what:?}: {line:?}");
    }
    contains(&serve.get("/v1/x"), &["HTTP/1.1 200"]);
    let ended = serve.end();
    ended.check(0, &[]);
    assert!(!ended.stderr.contains("bug"), "{}", ended.stderr);
}

#[test]
fn a_busy_port_and_bad_input_end_it_at_the_start() {
    let folder = Folder::with("shop.yaml", &shop());
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address");
    let said = format!("already listens on {address}");
    folder
        .run(&format!(
            "serve -f shop.yaml --filter-runtime native --listen 80={}",
            address.port()
        ))
        .check(
            5,
            &[&said, "--listen", &format!("(process {})", std::process::id())],
        );
    folder.write("bad.yaml", "kind: [");
    folder
        .run("serve -f bad.yaml --filter-runtime native")
        .check(2, &["bad.yaml:1:"]);
    folder
        .run("serve -f shop.yaml --filter-runtime native --listen 81=8080")
        .check(2, &["no listener has port 81"]);
}
