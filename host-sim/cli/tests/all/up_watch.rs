//! `up --watch`: files that are saved change an Envoy that runs, and no request is lost.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rustix::process::Signal;

use crate::run::{Ended, Folder, GATEWAY, SERVICE, SHOP, send, shop, until};

/// A running `up --watch`.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    /// Reads what it prints of requests.
    journal: JoinHandle<String>,
    /// Where its first listener is.
    address: SocketAddr,
}

impl Running {
    fn start(folder: &Folder, arguments: &str) -> Self {
        fs::create_dir_all(folder.join("tmp")).expect("a folder");
        let mut child = folder
            .command(&format!("up -f in --watch {arguments}"))
            .env("TMPDIR", folder.join("tmp"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let told = until(&mut stdout, "Requests appear here");
        let (_, rest) = told.split_once("at 127").expect("an address");
        let address = format!("127{}", rest.split(' ').next().unwrap_or_default());
        let journal = thread::spawn(move || {
            let mut rest = String::new();
            stdout.read_to_string(&mut rest).expect("text");
            rest
        });
        Self {
            stderr: BufReader::new(child.stderr.take().expect("it is piped")),
            child,
            journal,
            address: address.parse().expect("an address"),
        }
    }

    /// Everything that it says up to the next line with this text, that line included.
    fn said(&mut self, text: &str) -> String {
        until(&mut self.stderr, text)
    }

    /// The end of a message of several lines.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).expect("text");
        line
    }

    /// Ctrl-C. What it printed of requests.
    fn end(mut self) -> Ended {
        send(self.child.id(), Signal::INT);
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).expect("text");
        Ended {
            code: self.child.wait().expect("it ends").code(),
            stdout: self.journal.join().expect("it is read"),
            stderr,
        }
    }
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("Envoy listens");
    let head = format!("GET {path} HTTP/1.1\r\nhost: shop.example.com\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("Envoy reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[track_caller]
fn has_status(address: SocketAddr, path: &str, status: u16) {
    let answer = get(address, path);
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status} ")),
        "{path}: {answer}"
    );
}

/// A client that sends requests for one path all the time.
struct Load {
    is_over: Arc<AtomicBool>,
    client: JoinHandle<(u32, Vec<String>)>,
}

impl Load {
    fn start(address: SocketAddr, path: &'static str) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let client = thread::spawn(move || {
            let (mut sent, mut lost) = (0, Vec::new());
            while !over.load(Ordering::SeqCst) {
                let answer = get(address, path);
                sent += 1;
                if !answer.starts_with("HTTP/1.1 200 ") {
                    lost.push(answer);
                }
            }
            (sent, lost)
        });
        Self { is_over, client }
    }

    /// Every request was answered well.
    #[track_caller]
    fn end(self) {
        self.is_over.store(true, Ordering::SeqCst);
        let (sent, lost) = self.client.join().expect("it ends");
        assert!(sent > 0, "no request was sent");
        assert_eq!(lost, Vec::<String>::new(), "of {sent}");
    }
}

#[test]
fn a_saved_file_counts_at_once_a_bad_one_changes_nothing_and_no_request_is_lost() {
    let folder = Folder::with("in/shop.yaml", &shop());
    let stays = SHOP
        .replace("name: shop}", "name: stays}")
        .replace("prefix: /v1/", "prefix: /stays/");
    folder.write("in/stays.yaml", &stays);
    let mut up = Running::start(&folder, "");
    let address = up.address;
    let load = Load::start(address, "/stays/x");
    has_status(address, "/v1/x", 200);

    folder.write("in/shop.yaml", &shop().replace("/v1/", "/v2/"));
    let said = up.said("reloaded in ");
    assert!(said.contains(" s: 1 rule changed"), "{said}");
    assert!(up.line().contains("prefix /v2/"));
    has_status(address, "/v2/x", 200);
    has_status(address, "/v1/x", 404);

    folder.write("in/shop.yaml", "kind: VirtualService\nspec: [");
    let said = up.said("not reloaded");
    assert!(said.contains("in/shop.yaml:2:"), "{said}");
    assert!(
        said.contains("still serves the last good configuration"),
        "{said}"
    );
    has_status(address, "/v2/x", 200);

    // A field that Istio refuses: nothing of the file counts.
    let odd = shop().replace("/v1/", "/v3/").replace("rewrite:", "rewrit:");
    folder.write("in/shop.yaml", &odd);
    let said = up.said("not reloaded");
    assert!(said.contains("error[unknown-field]"), "{said}");
    has_status(address, "/v2/x", 200);

    folder.write("in/shop.yaml", &shop());
    up.said("was prefix /v2/");
    has_status(address, "/v1/x", 200);

    // Another file, and another listener and another cluster with it.
    let other = GATEWAY
        .replace("name: gateway", "name: other")
        .replace("80", "8088");
    let rules = SHOP
        .replace("name: shop}", "name: more}")
        .replace("[gateway]", "[other]")
        .replace("host: shop}", "host: more}");
    let service = SERVICE.replace("name: shop}", "name: more}");
    folder.write("in/more.yaml", &[other, rules, service].join("---\n"));
    let said = up.said("reloaded in ");
    assert!(said.contains("2 rules added"), "{said}");
    let (_, rest) = said.split_once("0.0.0.0_8088 is at ").expect("its address");
    let more: SocketAddr = rest.lines().next().expect("a line").parse().expect("an address");
    let answer = get(more, "/v1/x");
    assert!(answer.contains("\"service\":\"more.default:80\""), "{answer}");

    fs::remove_file(folder.join("in/more.yaml")).expect("a file");
    let said = up.said("2 rules removed");
    assert!(said.contains("0.0.0.0_8088 is closed"), "{said}");

    load.end();
    let ended = up.end();
    ended.check(0, &[]);
    assert!(ended.stdout.contains("/stays/x"), "{}", ended.stdout);
    assert_eq!(folder.list("tmp"), Vec::<String>::new());
}

#[test]
fn a_change_that_needs_a_port_of_another_program_changes_nothing() {
    let folder = Folder::with("in/shop.yaml", &shop());
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("a port").port();
    // A port that has no listener yet can't be named on the command line, so the listener is there from the start.
    let other = GATEWAY
        .replace("name: gateway", "name: other")
        .replace("80", "8088");
    let both = [
        shop(),
        other,
        SHOP.replace("shop}", "more}").replace("[gateway]", "[other]"),
    ]
    .join("---\n");
    folder.write("in/shop.yaml", &both);
    let refused = folder.run(&format!("up -f in --watch --listen 8088={port}"));
    refused.check(5, &["already listens on 127.0.0.1:", "--listen"]);

    // Released, it can be had; while the listener is gone, another program takes it.
    drop(taken);
    let mut up = Running::start(&folder, &format!("--listen 8088={port}"));
    let address = up.address;
    folder.write("in/shop.yaml", &shop());
    up.said("reloaded in ");
    let taken = loop {
        if let Ok(taken) = TcpListener::bind(("127.0.0.1", port)) {
            break taken;
        }
        thread::yield_now();
    };
    folder.write("in/shop.yaml", &both.replace("/v1/", "/v2/"));
    let said = up.said("not reloaded");
    assert!(said.contains("already listens on 127.0.0.1:"), "{said}");
    has_status(address, "/v1/x", 200);
    has_status(address, "/v2/x", 404);

    drop(taken);
    folder.write("in/shop.yaml", &both.replace("/v1/", "/v3/"));
    up.said("0.0.0.0_8088 is at ");
    up.said("reloaded in ");
    has_status(address, "/v3/x", 200);
    up.end().check(0, &[]);
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let folder = Folder::with("shop.yaml", &shop());
    folder
        .run_with("up --watch -f -", &shop())
        .check(2, &["standard input can't be watched"]);
    folder
        .run("up --watch -f shop.yaml --check checks.json")
        .check(2, &["--watch", "--check"]);
}
