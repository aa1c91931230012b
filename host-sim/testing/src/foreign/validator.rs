//! The files of istio-config-validator: `testCases`, each a block of requests and blocks of the rule that must apply.
//!
//! Which fields there are, and that requests are the product of `uri`, `authority` and `method`, is its own rule
//! (`internal/pkg/parser/testcase.go`). What applies is not: here the compiled proxy decides it, and so a wildcard
//! host matches, a query counts, and `uri` goes out as it is written.

use fingerpost_resources::Part;
use fingerpost_resources::yaml::{Node, Scalar, Value};
use fingerpost_resources::{Code, Diagnostics, HttpRoute, Severity};

use super::fields::{Fields, Reader, Unknown};
use super::rule_block::flow;
use crate::suite::{Case, Expectation, Inputs, Suite, TestRequest};
use crate::test_file::TestFile;
use crate::want::Want;
use crate::want_foreign::{Block, RuleBlock};

const CASE: [&str; 9] = [
    "description",
    "wantMatch",
    "request",
    "route",
    "redirect",
    "rewrite",
    "fault",
    "headers",
    "delegate",
];
const BLOCKS: [Block; 6] = [
    Block::Delegate,
    Block::Route,
    Block::Rewrite,
    Block::Fault,
    Block::Headers,
    Block::Redirect,
];

/// Whether a document is one of its files.
pub(super) fn is_one(document: &Node) -> bool {
    document.get("testCases").is_some()
}

/// Reads all documents of a file.
pub(super) fn read(file: &TestFile, diagnostics: &mut Diagnostics) -> Suite {
    let mut reader = Reader {
        file,
        diagnostics,
        unknown: Unknown::Ignored,
        lists_are_implied: false,
    };
    let mut cases = Vec::new();
    let mut silent = Vec::new();
    for document in &file.documents {
        let Some(root) = reader.fields(document, "", "a test file", &["testCases"]) else {
            continue;
        };
        for (path, node) in reader.items(&root, "testCases") {
            if let Some(fields) = reader.fields(node, &path, "a test case", &CASE) {
                if !fields.has("wantMatch") {
                    silent.push(node);
                }
                cases.extend(test_case(&mut reader, &fields));
            }
        }
    }
    if let Some(first) = silent.first() {
        let message = match silent.len() {
            1 => "this test case does not say `wantMatch`: it counts as false".to_owned(),
            many => format!("{many} test cases do not say `wantMatch`, this one first: it counts as false"),
        };
        reader.warn(first, "", message).help(
            "as in istio-config-validator such a case holds if the rule is another; write `wantMatch: true`",
        );
    }
    Suite {
        file: file.path.clone(),
        format: "istio-config-validator",
        inputs: Inputs::default(),
        cases,
    }
}

/// One case a request.
fn test_case(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<Case> {
    let description = reader.text(fields, "description").unwrap_or_default();
    let requests = requests(reader, fields);
    let wanted = reader.flag(fields, "wantMatch");
    let blocks: Vec<(Block, &Node)> = BLOCKS
        .into_iter()
        .filter_map(|block| Some((block, fields.get(block.name())?)))
        .collect();
    let rule = decoded(reader, fields, &blocks);
    let several = requests.len() > 1;
    let at = reader.file.span(fields.node().place);
    let case = |request: TestRequest| {
        let named = format!("{} {}{}", request.method, request.authority, request.path);
        let name = match (description.as_str(), several) {
            ("", _) => named,
            (description, true) => format!("{description} ({named})"),
            (description, false) => description.to_owned(),
        };
        let expectation = |field: &str, want: Want, not: bool, node: &Node| Expectation {
            field: field.to_owned(),
            want,
            not,
            at: reader.file.span(node.place),
        };
        let mut expectations: Vec<Expectation> = Vec::new();
        for (block, node) in &blocks {
            let block = RuleBlock {
                block: *block,
                rule: rule.clone(),
                written: flow(node),
                names_route: fields.has("route"),
            };
            let field = block.block.name();
            expectations.push(expectation(
                field,
                Want::RuleBlock(Box::new(block)),
                !wanted,
                node,
            ));
        }
        // Without a block the original holds whatever happens.
        let mut skip = None;
        if blocks.is_empty() {
            match fields.get("wantMatch") {
                Some(node) => expectations.push(expectation("wantMatch", Want::NoRule, wanted, node)),
                None => skip = Some("it expects nothing of the request".to_owned()),
            }
        }
        Case {
            name,
            at: at.clone(),
            request,
            roll: None,
            expectations,
            skip,
            slot: None,
        }
    };
    requests.into_iter().map(case).collect()
}

/// The blocks as a rule has them.
fn decoded(reader: &mut Reader<'_>, fields: &Fields<'_>, blocks: &[(Block, &Node)]) -> HttpRoute {
    let mut found = Diagnostics::new();
    let file = &reader.file.file;
    let mut rule = HttpRoute::default();
    for (block, node) in blocks {
        let path = fields.path_of(block.name());
        match block {
            Block::Route => rule.route = Part::read(node, file, &path, &mut found),
            Block::Redirect => rule.redirect = Part::read(node, file, &path, &mut found),
            Block::Rewrite => rule.rewrite = Part::read(node, file, &path, &mut found),
            Block::Fault => rule.fault = Part::read(node, file, &path, &mut found),
            Block::Headers => rule.headers = Part::read(node, file, &path, &mut found),
            Block::Delegate => rule.delegate = Part::read(node, file, &path, &mut found),
        }
    }
    for mut finding in found {
        // The original drops fields that it does not know.
        if finding.code == Code::UnknownField {
            finding.severity = Severity::Warning;
            finding.message += ": it is ignored";
        }
        reader.diagnostics.push(finding);
    }
    rule
}

/// The product, in the original's order: by `uri`, then `authority`, then `method`.
fn requests(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Vec<TestRequest> {
    const REQUEST: [&str; 4] = ["authority", "method", "uri", "headers"];
    let Some(request) = reader.inner(fields, "request", "a request", &REQUEST) else {
        if !fields.has("request") {
            reader
                .error(fields.node(), fields.path(), "`request` is missing".to_owned())
                .help("write `request: {authority: [shop.example.com], method: [GET], uri: [/]}`");
        }
        return Vec::new();
    };
    let authorities = texts(reader, &request, "authority", "shop.example.com");
    let methods = texts(reader, &request, "method", "GET");
    let uris = texts(reader, &request, "uri", "/cart");
    let headers = headers(reader, &request);
    let mut requests = Vec::new();
    for uri in &uris {
        for authority in &authorities {
            for method in &methods {
                requests.push(TestRequest {
                    method: method.clone(),
                    authority: authority.clone(),
                    path: target(uri),
                    headers: headers.clone(),
                    ..TestRequest::default()
                });
            }
        }
    }
    requests
}

fn texts(reader: &mut Reader<'_>, request: &Fields<'_>, key: &str, example: &str) -> Vec<String> {
    let items = reader.items(request, key);
    if items.is_empty()
        && request
            .get(key)
            .is_none_or(|it| matches!(it.value, Value::List(_)))
    {
        let (node, path) = (request.node(), request.path_of(key));
        reader
            .error(node, &path, format!("`{key}` must hold at least one value"))
            .help(format!("write `{key}: [{example}]`"));
    }
    let texts = items.into_iter();
    texts
        .filter_map(|(path, node)| reader.as_text(node, &path))
        .collect()
}

fn headers(reader: &mut Reader<'_>, request: &Fields<'_>) -> Vec<(String, String)> {
    let Some(node) = request.get("headers") else {
        return Vec::new();
    };
    let path = request.path_of("headers");
    let Value::Map(entries) = &node.value else {
        let message = format!("expected a map, found {}", node.describe());
        reader
            .error(node, &path, message)
            .help("write `headers: {x-user: jason}`");
        return Vec::new();
    };
    let mut headers = Vec::new();
    for entry in entries {
        let value = match &entry.value.value {
            Value::Scalar(Scalar::Null) => Some(String::new()),
            _ => reader.as_text(&entry.value, &super::fields::join(&path, &entry.key)),
        };
        headers.extend(value.map(|value| (entry.key.to_ascii_lowercase(), value)));
    }
    headers
}

/// The path and the query of a `uri`, which may be a whole URL. A fragment stays with the client.
fn target(uri: &str) -> String {
    let uri = uri.split('#').next().unwrap_or_default();
    let path = match uri.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['/', '?']) => rest
            .find(['/', '?'])
            .and_then(|at| rest.get(at..))
            .unwrap_or_default(),
        Some(_) | None => uri,
    };
    if path.is_empty() || path.starts_with('?') {
        return format!("/{path}");
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn a_uri_is_sent_without_what_clients_keep() {
        for (uri, sent) in [
            ("/users?id=1#top", "/users?id=1"),
            ("http://shop.example.com/cart", "/cart"),
            ("https://shop.example.com", "/"),
            ("https://shop.example.com?a=b", "/?a=b"),
            ("", "/"),
            ("/a%20b", "/a%20b"),
            ("/login?next=http://x", "/login?next=http://x"),
        ] {
            assert_eq!(target(uri), sent, "{uri}");
        }
    }
}
