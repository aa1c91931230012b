//! Our own format: a list of `tests`, each a request and what is to become of it.

use std::path::Path;

use fingerpost_config_compiler::InvalidLocality;
use fingerpost_resources::yaml::{Entry, Node, Value};
use fingerpost_resources::{Code, Diagnostics, Place};

use super::expect;
use super::fields::{Field, Fields};
use super::request::{self, NoHost, RequestParts};
use crate::suite::{Case, Expectation, Inputs, Slot, Suite, TestRequest};
use crate::test_file::TestFile;

/// The fields of a file.
pub(super) const FILE: &[&str] = &[
    "resources",
    "labels",
    "namespace",
    "proxyNamespace",
    "domain",
    "locality",
    "trustedHops",
    "envoy",
    "strict",
    "noGateway",
    "tests",
];
/// The fields of a test.
pub(super) const TEST: &[&str] = &["name", "request", "expect", "skip", "cases"];
/// The fields of a row of its table.
pub(super) const ROW: &[&str] = &["name", "request", "expect", "skip"];

/// Reads a file of our own format.
pub(super) fn read(file: &TestFile, diagnostics: &mut Diagnostics) -> Suite {
    let mut to = Fields { file, diagnostics };
    let mut suite = Suite {
        file: file.path.clone(),
        format: "fingerpost",
        inputs: Inputs::default(),
        cases: Vec::new(),
    };
    let [root] = file.documents.as_slice() else {
        match file.documents.get(1) {
            None => to
                .diagnostics
                .error(Code::NoTests, format!("{} is empty", file.file))
                .help("write `tests:` with a list of requests and what is expected of them"),
            Some(second) => {
                let span = to.span(second.place);
                to.diagnostics
                    .error(Code::SeveralDocuments, "a test file has one document")
                    .at(span)
                    .help("leave out the `---` before it, or move it to another file")
            }
        };
        return suite;
    };
    let at = Field {
        node: root,
        path: String::new(),
    };
    for entry in to.map(&at, "a test file", FILE) {
        let value = at.field(entry);
        match &*entry.key {
            "resources" => {
                let names = to.one_or_more(&value);
                let names = names.iter().filter_map(|it| to.text(it, "../k8s"));
                suite.inputs.resources = names.map(|it| beside(file.folder(), &it)).collect();
            }
            "labels" => {
                let mut labels = std::collections::BTreeMap::new();
                for entry in to.any_map(&value, "{istio: ingressgateway}") {
                    if let Some(text) = to.text(&value.field(entry), "ingressgateway") {
                        labels.insert(entry.key.to_string(), text);
                    }
                }
                suite.inputs.labels = Some(labels);
            }
            "namespace" => suite.inputs.namespace = to.text(&value, "shop"),
            "proxyNamespace" => suite.inputs.proxy_namespace = to.text(&value, "istio-system"),
            "locality" => {
                let text = to.text(&value, "eu-west/eu-west-1a");
                suite.inputs.locality = text.and_then(|it| {
                    it.parse()
                        .map_err(|error: InvalidLocality| {
                            to.refuse(&value, Code::BadLocality, error.to_string());
                        })
                        .ok()
                });
            }
            "domain" => suite.inputs.domain = to.text(&value, "cluster.local"),
            "trustedHops" => {
                suite.inputs.trusted_hops = to.number(&value, 0, u32::MAX, "1").unwrap_or_default();
            }
            "envoy" => {
                let text = to.text(&value, "\"1.40\"");
                suite.inputs.envoy = text.and_then(|it| {
                    it.parse()
                        .map_err(|error: fingerpost_config_compiler::UnknownEnvoyVersion| {
                            to.refuse(&value, Code::UnknownEnvoy, error.to_string())
                                .help("put it in quotes: \"1.40\"");
                        })
                        .ok()
                });
            }
            "strict" => suite.inputs.strict = to.boolean(&value).unwrap_or_default(),
            "noGateway" => suite.inputs.no_gateway = to.boolean(&value).unwrap_or_default(),
            _ => {
                for test in to.list(&value, "tests:\n  - name: …\n    request: …\n    expect: …") {
                    read_test(&test, &mut to, &mut suite.cases);
                }
            }
        }
    }
    if root.get("tests").is_none() && matches!(root.value, Value::Map(_)) {
        to.refuse(&at, Code::NoTests, "this file has no `tests`".to_owned())
            .help("write `tests:` with a list of requests and what is expected of them");
    }
    suite
}

/// A path that is relative to a folder.
fn beside(folder: &Path, name: &str) -> std::path::PathBuf {
    let joined = folder.join(name);
    joined
        .strip_prefix("./")
        .map_or(joined.clone(), Path::to_path_buf)
}

/// A test or a row, as it is written.
#[derive(Default)]
struct Parts {
    name: Option<String>,
    request: RequestParts,
    expectations: Vec<Expectation>,
    skip: Option<String>,
    slot: Option<Slot>,
    place: Place,
}

fn read_test(field: &Field<'_>, cx: &mut Fields<'_>, cases: &mut Vec<Case>) {
    let entries = cx.map(field, "a test", TEST);
    let test = parts(field, &entries, cx);
    let Some(table) = entries.iter().find(|it| *it.key == *"cases") else {
        return finish(field, test, cx, cases);
    };
    for row in cx.list(&field.field(table), "cases:\n    - request: …\n      expect: …") {
        let entries = cx.map(&row, "a case", ROW);
        let own = parts(&row, &entries, cx);
        let merged = Parts {
            name: match (&test.name, own.name) {
                (Some(test), Some(row)) => Some(format!("{test} › {row}")),
                (Some(test), None) => Some(format!("{test} ›")),
                (None, row) => row,
            },
            request: own.request.over(&test.request),
            expectations: expect::over(own.expectations, &test.expectations),
            skip: own.skip.or_else(|| test.skip.clone()),
            slot: own.slot,
            place: own.place,
        };
        finish(&row, merged, cx, cases);
    }
}

fn parts(field: &Field<'_>, entries: &[&Entry], cx: &mut Fields<'_>) -> Parts {
    let mut parts = Parts {
        place: field.node.place,
        slot: slot(field.node, cx.file),
        ..Parts::default()
    };
    for entry in entries {
        let value = field.field(entry);
        match &*entry.key {
            "name" => parts.name = cx.text(&value, "the cart goes to v2"),
            "skip" => parts.skip = cx.text(&value, "waits for the new Gateway"),
            "request" => parts.request = request::read(&value, cx),
            "expect" => parts.expectations = expect::read(&value, cx),
            _ => {}
        }
    }
    parts
}

fn finish(field: &Field<'_>, parts: Parts, cx: &mut Fields<'_>, cases: &mut Vec<Case>) {
    if !matches!(field.node.value, Value::Map(_)) {
        return; // reported
    }
    let request = match parts.request.finish() {
        Ok(request) => request,
        Err(NoHost) => {
            if !cx.diagnostics.has_errors() {
                cx.refuse(
                    field,
                    Code::NoRequest,
                    "this test has no request with a host".to_owned(),
                )
                .help("write e.g. `request: GET http://shop.example.com/cart`");
            }
            return;
        }
    };
    let name = match parts.name {
        Some(name) if name.ends_with('›') => format!("{name} {}", line(&request)),
        Some(name) => name,
        None => line(&request),
    };
    let at = cx.span(parts.place);
    cases.push(Case {
        name,
        at,
        request,
        roll: None,
        expectations: parts.expectations,
        skip: parts.skip,
        slot: parts.slot,
    });
}

/// Where a map of this file that has no `expect` can get one: behind its last field.
fn slot(node: &Node, file: &TestFile) -> Option<Slot> {
    let Value::Map(entries) = &node.value else {
        return None;
    };
    let (first, last) = (entries.first()?, entries.last()?);
    if node.get("expect").is_some() {
        return None;
    }
    let text = file.text.as_str();
    if text.get(file.span(node.place).bytes.start..)?.starts_with('{') {
        let inside = text.get(..file.span(node.place).bytes.end)?.strip_suffix('}')?;
        let after = inside.trim_end().trim_end_matches(',').len();
        return Some(Slot::Flow { after });
    }
    let after = end(&last.value, file)?;
    let key = file.span(first.key_place);
    Some(Slot::Block {
        after,
        indent: key.column.saturating_sub(1),
    })
}

/// Where the text of a value ends. A map or a list on several lines ends with the last text in it: the parser takes
/// what lies before the next thing for a part of it.
fn end(node: &Node, file: &TestFile) -> Option<usize> {
    let bytes = file.span(node.place).bytes;
    let text = file.text.get(bytes.clone())?;
    match &node.value {
        Value::Map(entries) if !text.starts_with('{') => end(&entries.last()?.value, file),
        Value::List(items) if !text.starts_with('[') => end(items.last()?, file),
        Value::Map(_) | Value::List(_) | Value::Scalar(_) => Some(bytes.start + text.trim_end().len()),
    }
}

/// `GET shop.example.com/cart`
fn line(request: &TestRequest) -> String {
    format!("{} {}{}", request.method, request.authority, request.path)
}
