//! Sends the requests of a file, one after the other, and says how each came out.

use std::io::Write;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use fingerpost_envoy_runner::{Echo, Received};
use fingerpost_input_files::read_text;
use fingerpost_local_envoy::client;
use fingerpost_resources::visible;
use fingerpost_routing_config::RuleRef;
use fingerpost_simulated_proxy::host_of;
use fingerpost_terminal::count;
use fingerpost_terminal::style::{BAD, DIM, GOOD, paint};
use fingerpost_terminal::table::length;
use fingerpost_testing::{CheckFile, CheckedRequest, ExpectedOutcome, FileCheck};

use crate::failure::Failure;
use crate::signals::Stop;
use fingerpost_local_server::journal::Entry;
use fingerpost_local_server::local::LocalListener;

/// How long the access log may take to tell of a request; it is written every 50 ms.
const LOG_PATIENCE: Duration = Duration::from_secs(5);

/// Where the answers are looked for.
pub(super) struct Probes<'a> {
    pub(super) listeners: &'a [LocalListener],
    pub(super) log: &'a Receiver<String>,
    pub(super) echo: &'a Echo,
}

/// What became of a request.
#[derive(Default)]
struct Seen {
    status: u16,
    cluster: Option<String>,
    path: Option<String>,
    rule: Option<String>,
    rule_with_match: Option<String>,
    /// An endpoint that no connection could be made to.
    unreachable: Option<String>,
}

/// Reads the file.
pub(super) fn read(path: &Path) -> Result<CheckFile, Failure> {
    let refused = |reason: String| Failure::refused(format!("{}: {reason}", path.display()));
    let text = read_text(path).map_err(|error| refused(error.to_string()))?;
    let checks = CheckFile::parse(&text).map_err(|error| refused(error.to_string()))?;
    if checks.requests.is_empty() {
        return Err(refused("it has no requests".to_owned()));
    }
    Ok(checks)
}

/// Puts all requests, and fails unless all come out as expected.
pub(super) fn run(
    checks: &CheckFile,
    probes: &Probes<'_>,
    stop: &Stop,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let targets = checks.requests.iter().map(|it| &it.request);
    let widest = targets
        .map(|it| length(&visible(&it.authority)) + length(&visible(&it.path)))
        .max()
        .unwrap_or(0);
    let mut failed = 0;
    for FileCheck { request, expect } in &checks.requests {
        stop.check()?;
        let (status, differences) = match probes.put(request) {
            Ok(seen) => (seen.status.to_string(), differences(expect, &seen)),
            Err(reason) => ("---".to_owned(), vec![format!("no answer: {reason}")]),
        };
        let target = format!("{}{}", request.authority, request.path);
        let target = visible(&target);
        let line = format!("{status:>3}  {:<4}  {target}", request.method);
        if differences.is_empty() {
            let blanks = " ".repeat(widest.saturating_sub(length(&target)));
            let sent = match &expect.path {
                Some(Some(path)) if *path != request.path => format!("  as {path}"),
                Some(_) | None => String::new(),
            };
            let rule = match &expect.rule {
                Some(Some(rule)) => paint(DIM, format_args!("{blanks}  {rule}{sent}")),
                Some(None) | None => String::new(),
            };
            writeln!(out, "{}  {line}{rule}", paint(GOOD, "✓"))?;
        } else {
            failed += 1;
            writeln!(out, "{}  {line}", paint(BAD, "✗"))?;
            for difference in differences {
                writeln!(out, "        {}", visible(&difference))?;
            }
        }
    }
    let all = checks.requests.len();
    writeln!(out, "\n{} of {} as expected", all - failed, count(all, "request"))?;
    if failed > 0 {
        return Err(Failure::Findings);
    }
    Ok(())
}

impl Probes<'_> {
    fn put(&self, request: &CheckedRequest) -> Result<Seen, String> {
        let listener = self
            .listeners
            .iter()
            .find(|it| it.port == request.port)
            .ok_or_else(|| format!("no listener has port {}", request.port))?;
        while self.log.try_recv().is_ok() {} // of earlier requests
        self.echo.take();
        let server_name = listener.tls.then(|| host_of(&request.authority));
        let answer =
            client::send(listener.address, server_name, &bytes(request)).map_err(|it| it.to_string())?;
        let entry = self.entry();
        let received = self.echo.take();
        let cluster = match (&answer.cluster, &entry) {
            (Some(cluster), _) => Some(cluster.clone()),
            (None, Some(entry)) => entry.asked().map(str::to_owned),
            (None, None) => None,
        };
        let by_echo = received
            .iter()
            .find(|it| is_the_one(it, entry.as_ref(), cluster.as_deref()));
        let rule = entry.as_ref().and_then(|it| it.rule.as_ref());
        Ok(Seen {
            status: answer.status,
            path: match (by_echo, &entry) {
                (Some(received), _) => Some(received.path.clone()),
                (None, Some(entry)) => entry.asked().and(entry.sent_path.clone()),
                (None, None) => None,
            },
            cluster,
            rule: rule.map(RuleRef::without_match),
            rule_with_match: rule.map(ToString::to_string),
            unreachable: entry.as_ref().and_then(unreachable),
        })
    }

    /// What Envoy logged of the request.
    fn entry(&self) -> Option<Entry> {
        let deadline = Instant::now() + LOG_PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.log.recv_timeout(left).ok()?;
            if let Some(entry) = Entry::parse(&line) {
                return Some(entry);
            }
        }
    }
}

/// Whether an echo server received this very request, and not a mirrored copy of it.
fn is_the_one(received: &Received, entry: Option<&Entry>, cluster: Option<&str>) -> bool {
    let same_id = || match entry.and_then(|it| it.id.as_deref()) {
        Some(id) => received.request_id() == Some(id),
        None => true, // bytes
    };
    Some(received.cluster.as_str()) == cluster && same_id()
}

/// The endpoint that did not take the connection.
fn unreachable(entry: &Entry) -> Option<String> {
    let details = entry.details.as_deref().unwrap_or_default();
    let failed = entry.status == 503 && details.contains("connection_failure");
    entry.host.clone().filter(|_| failed)
}

fn differences(expect: &ExpectedOutcome, seen: &Seen) -> Vec<String> {
    let mut differences = Vec::new();
    let mut differ = |what: &str, expected: &str, got: &str| {
        differences.push(format!("{what:<8} expected {expected}"));
        differences.push(format!("{:<8}      got {got}", ""));
    };
    if expect.status != seen.status {
        differ("status", &expect.status.to_string(), &seen.status.to_string());
    }
    let fields = [
        ("cluster", &expect.cluster, &seen.cluster),
        ("path", &expect.path, &seen.path),
        ("rule", &expect.rule, &seen.rule),
    ];
    for (what, expected, got) in fields {
        let Some(expected) = expected else { continue };
        let exact = what == "rule" && *expected == seen.rule_with_match;
        if expected != got && !exact {
            let or_none = |it: &Option<String>| it.clone().unwrap_or_else(|| format!("no {what}"));
            differ(what, &or_none(expected), &or_none(got));
        }
    }
    if let Some(host) = seen.unreachable.as_ref().filter(|_| !differences.is_empty()) {
        differences.push(format!(
            "nothing listens on {host}, an endpoint in the input: start it, or add --echo-all"
        ));
    }
    differences
}

/// The request as HTTP/1.1 has it.
fn bytes(request: &CheckedRequest) -> Vec<u8> {
    let mut text = format!(
        "{} {} HTTP/1.1\r\nhost: {}\r\n",
        request.method, request.path, request.authority
    );
    for (name, value) in &request.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    let is_ours = |name: &str| {
        !request
            .headers
            .iter()
            .any(|(it, _)| it.eq_ignore_ascii_case(name))
    };
    if matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") && is_ours("content-length") {
        text.push_str("content-length: 0\r\n");
    }
    if is_ours("connection") {
        text.push_str("connection: close\r\n"); // Envoy keeps it to itself: it is about this connection
    }
    text.push_str("\r\n");
    text.into_bytes()
}
