//! The files of Envoy's router_check_tool: `tests`, each with `test_name`, `input` and `validate`.
//!
//! Read as YAML, as JSON and in proto's text form; also the older form, a bare list whose input has `:authority`.
//! <https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/tools/router_check>
//! What the tool takes from the table is `route_lookup`'s matter; conditions on headers are `header_want`'s.

use std::sync::Arc;

use fingerpost_resources::Diagnostics;
use fingerpost_resources::yaml::{Node, Value};
use fingerpost_simulated_proxy::{Answer, Scheme};

use super::fields::{Fields, Reader};
use super::header_matcher;
use super::ignored_fields::IgnoredFields;
use super::proto_suite::ProtoFile;
use crate::suite::{Case, Expectation, Suite, TestRequest};
use crate::want::Want;
use crate::want_foreign::{Field, HeaderWant, Matcher, RouteLookup, Side};

const FILE: [&str; 2] = ["tests", "runtime"];
const TEST: [&str; 3] = ["test_name", "input", "validate"];
const INPUT: [&str; 14] = [
    "authority",
    "path",
    "method",
    "random_value",
    "ssl",
    "internal",
    "runtime",
    "additional_request_headers",
    "additional_response_headers",
    "dynamic_metadata",
    ":authority",
    ":path",
    ":method",
    "additional_headers",
];
const VALIDATE: [&str; 15] = [
    "cluster_name",
    "virtual_cluster_name",
    "virtual_host_name",
    "host_rewrite",
    "path_rewrite",
    "path_redirect",
    "code_redirect",
    "request_header_matches",
    "response_header_matches",
    "request_header_fields",
    "response_header_fields",
    "timeout",
    "route_metadata",
    "header_fields",
    "custom_header_fields",
];
/// Where the older form has the name of a header.
const HEADER: [&str; 3] = ["key", "value", "field"];
const WRAPPER: [&str; 1] = ["value"];

/// Whether a document is one of its files.
pub(super) fn is_one(document: &Node) -> bool {
    let tests = match &document.value {
        Value::List(_) => Some(document),
        Value::Map(_) => document.get("tests").map(Arc::as_ref),
        Value::Scalar(_) => None,
    };
    let is_test = |it: &Node| {
        ["test_name", "testName", "validate"]
            .iter()
            .any(|key| it.get(key).is_some())
    };
    match tests.map(|it| &it.value) {
        Some(Value::List(items)) => items.iter().any(|it| is_test(it)),
        Some(Value::Map(_)) => tests.is_some_and(is_test),
        Some(Value::Scalar(_)) | None => false,
    }
}

/// Reads all documents of a file.
pub(super) fn read(file: &ProtoFile<'_>, diagnostics: &mut Diagnostics) -> Suite {
    file.suite(
        "router_check_tool",
        diagnostics,
        |reader, document, ignored_fields| {
            let mut cases = Vec::new();
            for (path, node) in tests(reader, document) {
                if let Some(fields) = reader.fields(node, &path, "a test", &TEST) {
                    cases.extend(test(reader, &fields, ignored_fields));
                }
            }
            cases
        },
    )
}

fn tests<'n>(reader: &mut Reader<'_>, document: &'n Node) -> Vec<(String, &'n Node)> {
    if let Value::List(items) = &document.value {
        let items = items.iter().enumerate();
        return items.map(|(at, it)| (format!("[{at}]"), it.as_ref())).collect();
    }
    match reader.fields(document, "", "a test file", &FILE) {
        Some(root) => reader.items(&root, "tests"),
        None => Vec::new(),
    }
}

fn test(reader: &mut Reader<'_>, fields: &Fields<'_>, ignored_fields: &mut IgnoredFields) -> Option<Case> {
    let name = reader.required(fields, "test_name", "the cart goes to v2");
    let at = reader.file.span(fields.node().place);
    let input = inner(
        reader,
        fields,
        "input",
        &INPUT,
        "{authority: shop.example.com, path: /cart}",
    );
    let validate = inner(
        reader,
        fields,
        "validate",
        &VALIDATE,
        "{cluster_name: outbound|80||shop.default.svc.cluster.local}",
    );
    let (input, validate) = (input?, validate?);
    let request = request(reader, &input, ignored_fields);
    let roll = match input.has("random_value") {
        true => reader.small::<u64>(&input, "random_value")?,
        false => 0,
    };
    let ssl = request
        .as_ref()
        .is_some_and(|it| it.scheme == Some(Scheme::Https));
    let expectations = expectations(reader, &validate, roll, ssl);
    if expectations.is_empty() && !reader.diagnostics.has_errors() {
        reader
            .error(
                validate.node(),
                validate.path(),
                "`validate` checks nothing".to_owned(),
            )
            .help("write e.g. `cluster_name: \"\"` if no cluster should get the request");
    }
    Some(Case {
        name: name?,
        at,
        request: request?,
        roll: Some(roll),
        expectations,
        skip: None,
        slot: None,
    })
}

/// A map that must be there.
fn inner<'n>(
    reader: &mut Reader<'_>,
    of: &Fields<'n>,
    key: &str,
    known: &[&str],
    example: &str,
) -> Option<Fields<'n>> {
    if !of.has(key) {
        reader
            .error(of.node(), of.path(), format!("`{key}` is missing"))
            .help(format!("write `{key}: {example}`"));
    }
    reader.inner(of, key, &format!("`{key}`"), known)
}

fn request(
    reader: &mut Reader<'_>,
    input: &Fields<'_>,
    ignored_fields: &mut IgnoredFields,
) -> Option<TestRequest> {
    // In either form.
    let either = |new: &'static str, old: &'static str| if input.has(old) { old } else { new };
    let authority = reader.required(input, either("authority", ":authority"), "shop.example.com");
    let path = reader.required(input, either("path", ":path"), "/cart");
    let method = reader.text(input, either("method", ":method"));
    for (field, reason) in [
        (
            "internal",
            "the proxy itself decides by the client's address what `x-envoy-internal` says",
        ),
        ("runtime", "no route of Istio's tables depends on a runtime key"),
        (
            "dynamic_metadata",
            "no route of Istio's tables looks at dynamic metadata",
        ),
    ] {
        if let Some(node) = input.get(field) {
            let is_off = field == "internal" && !reader.flag(input, field);
            if !is_off {
                ignored_fields.note(field, reason, reader.file.span(node.place));
            }
        }
    }
    let mut headers = headers(reader, input, "additional_request_headers");
    headers.extend(self::headers(reader, input, "additional_headers"));
    headers.retain(|(name, _)| !name.starts_with(':'));
    let answer = Answer {
        status: 200,
        headers: self::headers(reader, input, "additional_response_headers"),
    };
    let is_https = reader.flag(input, "ssl");
    Some(TestRequest {
        method: method
            .filter(|it| !it.is_empty())
            .unwrap_or_else(|| "GET".to_owned()),
        authority: authority?,
        path: path?,
        headers,
        scheme: Some(if is_https { Scheme::Https } else { Scheme::Http }),
        answer: Some(answer),
        anywhere: true,
        ..TestRequest::default()
    })
}

/// Pairs of `key` and `value`; names in lower case.
fn headers(reader: &mut Reader<'_>, of: &Fields<'_>, key: &str) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    for (path, node) in reader.items(of, key) {
        let Some(fields) = reader.fields(node, &path, "a header", &HEADER) else {
            continue;
        };
        let name = if fields.has("field") { "field" } else { "key" };
        let name = reader.required(&fields, name, "x-user");
        let value = reader.text(&fields, "value").unwrap_or_default();
        headers.extend(name.map(|it| (it.to_ascii_lowercase(), value)));
    }
    headers
}

fn expectations(reader: &mut Reader<'_>, validate: &Fields<'_>, roll: u64, ssl: bool) -> Vec<Expectation> {
    let mut all = Vec::new();
    let mut add = |reader: &Reader<'_>, field: String, want: Want, node: &Node| {
        all.push(Expectation {
            field,
            want,
            not: false,
            at: reader.file.span(node.place),
        });
    };
    type Of = fn(String) -> Field;
    let texts: [(&str, Of); 6] = [
        ("cluster_name", Field::Cluster),
        ("virtual_cluster_name", Field::VirtualCluster),
        ("virtual_host_name", Field::VirtualHost),
        ("path_rewrite", Field::Path),
        ("host_rewrite", Field::Host),
        ("path_redirect", Field::Redirect),
    ];
    let route_lookup = |field: Field| Want::RouteLookup(Box::new(RouteLookup { field, roll, ssl }));
    for (key, of) in texts {
        let Some(node) = validate.get(key) else { continue };
        if let Some(text) = wrapped(reader, validate, key, |reader, of, key| reader.text(of, key)) {
            add(
                reader,
                key.to_owned(),
                route_lookup(of(text.unwrap_or_default())),
                node,
            );
        }
    }
    if let Some(node) = validate.get("code_redirect") {
        let code = wrapped(reader, validate, "code_redirect", |reader, of, key| {
            reader.small::<u32>(of, key)
        });
        if let Some(code) = code {
            let field = Field::RedirectCode(code.unwrap_or_default());
            add(reader, "code_redirect".to_owned(), route_lookup(field), node);
        }
    }
    if let Some(node) = validate.get("timeout")
        && let Some(timeout) = header_matcher::duration(reader, validate, "timeout")
    {
        let want = route_lookup(Field::Timeout(timeout));
        add(reader, "timeout".to_owned(), want, node);
    }
    if let Some(node) = validate.get("route_metadata") {
        let reason = "the metadata of a compiled route names its rule and nothing else".to_owned();
        add(
            reader,
            "route_metadata".to_owned(),
            Want::Unsupported(reason),
            node,
        );
    }
    for (key, side) in [
        ("request_header_matches", Side::Request),
        ("response_header_matches", Side::Response),
    ] {
        for (path, node) in reader.items(validate, key) {
            if let Some(mut want) = header_matcher::read(reader, node, &path, side) {
                want.https = Some(ssl);
                let field = format!("{key} {}", want.name);
                add(reader, field, Want::Header(Box::new(want)), node);
            }
        }
    }
    for (key, side) in [
        ("request_header_fields", Side::Request),
        ("header_fields", Side::Request),
        ("custom_header_fields", Side::Request),
        ("response_header_fields", Side::Response),
    ] {
        let Some(node) = validate.get(key) else { continue };
        for (name, value) in headers(reader, validate, key) {
            let field = format!("{key} {name}");
            // Without a value: there must be none.
            let name = header_matcher::header_name(name);
            let mut want = HeaderWant::new(side, &name, Matcher::Exact(value));
            want.missing_as_empty = true;
            want.https = Some(ssl);
            add(reader, field, Want::Header(Box::new(want)), node);
        }
    }
    all
}

/// A value that proto's text form wraps in a message: `{value: …}`, where it may be left out.
fn wrapped<T>(
    reader: &mut Reader<'_>,
    of: &Fields<'_>,
    key: &str,
    read: impl Fn(&mut Reader<'_>, &Fields<'_>, &str) -> Option<T>,
) -> Option<Option<T>> {
    let node = of.get(key)?;
    if !matches!(node.value, Value::Map(_)) {
        return read(reader, of, key).map(Some);
    }
    let inner = reader.inner(of, key, &format!("`{key}`"), &WRAPPER)?;
    match inner.has("value") {
        true => read(reader, &inner, "value").map(Some),
        false => Some(None),
    }
}
