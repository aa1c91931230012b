//! The files of Google's plugin tester for Service Extensions: `test`, each with the phases of one request.
//!
//! Read in proto's text form and as YAML. The original calls one plugin; here the compiled proxy takes the request, and
//! what the plugin would hand on is what the upstream receives. What only a plugin has (logs, bodies, properties) is
//! named. <https://github.com/GoogleCloudPlatform/service-extensions/blob/main/plugins/test/runner.proto>

use std::sync::Arc;

use fingerpost_resources::Diagnostics;
use fingerpost_resources::yaml::{Node, Value};
use fingerpost_simulated_proxy::{Answer, Scheme};

use super::fields::{Fields, Reader};
use super::header_matcher::pattern;
use super::ignored_fields::IgnoredFields;
use super::plugin_input::{self, Message};
use super::proto_suite::ProtoFile;
use crate::suite::{Case, Expectation, Suite, TestRequest};
use crate::want::{Statuses, Text, Want};
use crate::want_foreign::{Field, HeaderWant, Matcher, RouteLookup, Side};

const FILE: [&str; 2] = ["env", "test"];
const TEST: [&str; 12] = [
    "name",
    "benchmark",
    "num_chunks",
    "chunk_size",
    "properties",
    "request_headers",
    "request_body",
    "response_headers",
    "response_body",
    "plugin_init",
    "stream_init",
    "stream_destroy",
];
const INVOCATION: [&str; 2] = ["input", "result"];
const RESULT: [&str; 6] = ["has_header", "no_header", "headers", "body", "immediate", "log"];
const IMMEDIATE: [&str; 3] = ["http_status", "grpc_status", "details"];
const STRING_MATCHER: [&str; 4] = ["invert", "exact", "regex", "file"];
/// What a request without `:authority` is sent to: a host that only `*` matches.
const HOST: &str = "localhost";
/// Phases that no filter here takes part in.
const ELSEWHERE: [(&str, &str); 5] = [
    ("request_body", "routing does not look at bodies"),
    ("response_body", "routing does not look at bodies"),
    ("plugin_init", "what a plugin logs has no part in routing"),
    ("stream_init", "what a plugin logs has no part in routing"),
    ("stream_destroy", "what a plugin logs has no part in routing"),
];

/// Whether a document is one of its files.
pub(super) fn is_one(document: &Node) -> bool {
    let phases = TEST.iter().skip(5); // those behind the settings
    let is_test = |it: &Node| phases.clone().any(|key| it.get(key).is_some());
    match document.get("test").map(|it| &it.value) {
        Some(Value::List(items)) => items.iter().any(|it| is_test(it)),
        Some(Value::Map(_) | Value::Scalar(_)) | None => false,
    }
}

/// Reads all documents of a file.
pub(super) fn read(file: &ProtoFile<'_>, diagnostics: &mut Diagnostics) -> Suite {
    file.suite(
        "plugin tester",
        diagnostics,
        |reader, document, ignored_fields| {
            let Some(root) = reader.fields(document, "", "a test suite", &FILE) else {
                return Vec::new();
            };
            if let Some(node) = root.get("env") {
                let reason = "the tests are run against the compiled proxy, not against a plugin";
                ignored_fields.note("env", reason, reader.file.span(node.place));
            }
            let mut cases = Vec::new();
            for (path, node) in reader.items(&root, "test") {
                if let Some(fields) = reader.fields(node, &path, "a test", &TEST) {
                    cases.push(test(reader, &fields, ignored_fields));
                }
            }
            cases
        },
    )
}

fn test(reader: &mut Reader<'_>, fields: &Fields<'_>, ignored_fields: &mut IgnoredFields) -> Case {
    let at = reader.file.span(fields.node().place);
    for (field, reason) in [
        ("benchmark", "nothing is measured"),
        ("num_chunks", "routing does not look at bodies"),
        ("chunk_size", "routing does not look at bodies"),
        ("properties", "the proxy itself says what a property is"),
    ] {
        let is_off = field == "benchmark" && !reader.flag(fields, field);
        if let Some(node) = fields.get(field).filter(|_| !is_off) {
            ignored_fields.note(field, reason, reader.file.span(node.place));
        }
    }
    let mut expectations = Vec::new();
    let request = reader.inner(fields, "request_headers", "`request_headers`", &INVOCATION);
    let mut asked = TestRequest::default();
    if let Some(phase) = &request {
        asked = self::request(plugin_input::read(reader, phase));
        let https = asked.scheme == Some(Scheme::Https);
        request_result(reader, phase, https, &mut expectations);
    }
    let response = reader.inner(fields, "response_headers", "`response_headers`", &INVOCATION);
    if let Some(phase) = &response {
        asked.answer = Some(answer(plugin_input::read(reader, phase)));
        response_result(reader, phase, &mut expectations);
    }
    for (field, reason) in ELSEWHERE {
        if let Some(node) = fields.get(field) {
            expectations.push(unsupported(reader, field, reason, node));
        }
    }
    let skip = request
        .is_none()
        .then(|| "it has no `request_headers`: routing needs a request".to_owned());
    let named = format!("{} {}{}", asked.method, asked.authority, asked.path);
    Case {
        name: reader
            .text(fields, "name")
            .filter(|it| !it.is_empty())
            .unwrap_or(named),
        at,
        request: asked,
        roll: None,
        expectations,
        skip,
        slot: None,
    }
}

/// The request that these headers make. Nothing but them is known, so what is missing is made up.
fn request(message: Message) -> TestRequest {
    let (mut method, mut authority, mut path) = ("GET".to_owned(), HOST.to_owned(), "/".to_owned());
    let mut headers = Vec::new();
    let mut scheme = Scheme::Http;
    for (name, value) in message.headers {
        match name.as_str() {
            ":method" => method = value,
            ":authority" | "host" => authority = value,
            ":path" => path = value,
            ":scheme" if value == Scheme::Https.as_str() => scheme = Scheme::Https,
            _ if name.starts_with(':') => {}
            _ => headers.push((name, value)),
        }
    }
    TestRequest {
        method,
        authority,
        path,
        headers,
        scheme: Some(scheme),
        anywhere: true,
        ..TestRequest::default()
    }
}

/// The answer of the upstream that these headers make.
fn answer(message: Message) -> Answer {
    let (status, headers): (Vec<_>, Vec<_>) = message
        .headers
        .into_iter()
        .partition(|(name, _)| name == ":status");
    let status = status.first().and_then(|(_, value)| value.parse().ok());
    Answer {
        status: status.unwrap_or(200),
        headers,
    }
}

fn request_result(
    reader: &mut Reader<'_>,
    phase: &Fields<'_>,
    https: bool,
    expectations: &mut Vec<Expectation>,
) {
    let path = phase.path_of("result");
    let empty;
    let result = match phase.get("result") {
        Some(node) => reader.fields(node, &path, "`result`", &RESULT),
        None => {
            // Nothing said is that the request goes on.
            empty = Node {
                value: Value::Map(Box::default()),
                place: phase.node().place,
            };
            reader.fields(&empty, &path, "`result`", &RESULT)
        }
    };
    let Some(result) = result else { return };
    let side = match result.has("immediate") {
        true => Side::Response,
        false => Side::Request,
    };
    if let Some(node) = result.get("immediate") {
        expectations.push(expectation(reader, "immediate", Want::NoCluster, node));
        immediate(reader, &result, expectations);
        bodies(reader, &result, expectations);
    } else {
        // A plugin that lets the request go on.
        let want = RouteLookup {
            field: Field::GoesOn,
            roll: 0,
            ssl: false,
        };
        let want = Want::RouteLookup(Box::new(want));
        expectations.push(expectation(reader, "immediate", want, result.node()));
        if let Some(node) = result.get("body") {
            expectations.push(unsupported(
                reader,
                "body",
                "routing does not look at bodies",
                node,
            ));
        }
    }
    headers(reader, &result, side, https, expectations);
    logs(reader, &result, expectations);
}

fn response_result(reader: &mut Reader<'_>, phase: &Fields<'_>, expectations: &mut Vec<Expectation>) {
    let Some(result) = reader.inner(phase, "result", "`result`", &RESULT) else {
        return;
    };
    for key in ["immediate", "body"] {
        if let Some(node) = result.get(key) {
            let reason = "no filter here looks at the answer of an upstream";
            expectations.push(unsupported(reader, key, reason, node));
        }
    }
    headers(reader, &result, Side::Response, false, expectations);
    logs(reader, &result, expectations);
}

fn immediate(reader: &mut Reader<'_>, result: &Fields<'_>, expectations: &mut Vec<Expectation>) {
    let Some(immediate) = reader.inner(result, "immediate", "`immediate`", &IMMEDIATE) else {
        return;
    };
    if let Some(node) = immediate.get("http_status") {
        let status = reader.small::<u16>(&immediate, "http_status");
        expectations.extend(status.map(|status| {
            let want = Want::Status(Statuses::OneOf(vec![status]));
            expectation(reader, "immediate.http_status", want, node)
        }));
    }
    // A proxy that answers by itself gives no details to anyone, so none is what a test may ask for.
    let details = reader.text(&immediate, "details").unwrap_or_default();
    for (key, is_asked) in [("details", !details.is_empty()), ("grpc_status", true)] {
        if let Some(node) = immediate.get(key).filter(|_| is_asked) {
            let field = format!("immediate.{key}");
            let reason = "the answer is Envoy's own, and not that of a plugin";
            expectations.push(unsupported(reader, &field, reason, node));
        }
    }
}

fn headers(
    reader: &mut Reader<'_>,
    result: &Fields<'_>,
    side: Side,
    https: bool,
    expectations: &mut Vec<Expectation>,
) {
    for key in ["has_header", "no_header"] {
        for (path, node) in reader.items(result, key) {
            let fields = reader.fields(node, &path, "a header", &plugin_input::HEADER);
            let Some(fields) = fields else { continue };
            let Some(name) = reader.required(&fields, "key", "x-user") else {
                continue;
            };
            let matcher = match key {
                "has_header" => Matcher::Whole(reader.text(&fields, "value").unwrap_or_default()),
                _ => Matcher::Present(false),
            };
            let mut want = HeaderWant::new(side, &name, matcher);
            want.https = Some(https);
            expectations.push(expectation(
                reader,
                &format!("{key} {name}"),
                Want::Header(Box::new(want)),
                node,
            ));
        }
    }
    for (path, node) in reader.items(result, "headers") {
        let Some((text, invert)) = string_matcher(reader, node, &path) else {
            continue;
        };
        let matcher = match text {
            Matched::Text(text) => Matcher::Line(text),
            Matched::Regex(pattern) => Matcher::LineRegex(pattern),
        };
        let mut want = HeaderWant::new(side, "headers", matcher);
        want.invert = invert;
        expectations.push(expectation(reader, &path, Want::Header(Box::new(want)), node));
    }
}

fn bodies(reader: &mut Reader<'_>, result: &Fields<'_>, expectations: &mut Vec<Expectation>) {
    for (path, node) in reader.items(result, "body") {
        let Some((text, invert)) = string_matcher(reader, node, &path) else {
            continue;
        };
        let text = match text {
            Matched::Text(text) => Text::Exact(text),
            Matched::Regex(pattern) => Text::Regex(pattern),
        };
        let mut body = expectation(reader, &path, Want::Body(text), node);
        body.not = invert;
        expectations.push(body);
    }
}

fn logs(reader: &mut Reader<'_>, result: &Fields<'_>, expectations: &mut Vec<Expectation>) {
    if let Some(node) = result.get("log") {
        let reason = "what a plugin logs has no part in routing";
        expectations.push(unsupported(reader, "log", reason, node));
    }
}

/// What a text must be.
enum Matched {
    Text(String),
    Regex(Arc<fingerpost_routing::Pattern>),
}

/// A text or a pattern, and whether it must be otherwise.
fn string_matcher(reader: &mut Reader<'_>, node: &Node, path: &str) -> Option<(Matched, bool)> {
    let fields = reader.fields(node, path, "a string matcher", &STRING_MATCHER)?;
    let invert = reader.flag(&fields, "invert");
    let matched = if fields.has("exact") {
        Matched::Text(reader.text(&fields, "exact")?)
    } else if fields.has("file") {
        Matched::Text(plugin_input::content_of(reader, &fields, "file")?)
    } else if fields.has("regex") {
        Matched::Regex(pattern(reader, &fields, "regex")?)
    } else {
        let message = "a string matcher has one of exact, regex and file".to_owned();
        reader.error(node, path, message);
        return None;
    };
    Some((matched, invert))
}

fn expectation(reader: &Reader<'_>, field: &str, want: Want, node: &Node) -> Expectation {
    Expectation {
        field: field.to_owned(),
        want,
        not: false,
        at: reader.file.span(node.place),
    }
}

fn unsupported(reader: &Reader<'_>, field: &str, reason: &str, node: &Node) -> Expectation {
    expectation(reader, field, Want::Unsupported(reason.to_owned()), node)
}
