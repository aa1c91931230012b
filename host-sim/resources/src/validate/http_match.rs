//! Conditions on HTTP requests.

use crate::code::Code;
use std::collections::BTreeMap;

use super::Checker;
use super::gateway_names::check_gateways;
use super::header_name::{is_claim, is_token};
use super::names::is_label;
use super::path::Path;
use crate::virtual_service::{HttpMatchRequest, StringMatch};

pub(super) fn check(request: &HttpMatchRequest, path: &Path<'_>, cx: &mut Checker<'_>) {
    for (name, condition) in &request.headers {
        let headers = path.field("headers");
        check_header_name(name, &headers.field(name), cx);
        check_text(condition, &headers.field(name), cx);
    }
    for (name, condition) in &request.without_headers {
        let headers = path.field("withoutHeaders");
        check_header_name(name, &headers.field(name), cx);
        // `*` is not a regular expression; here it means that the header is present.
        if *condition != StringMatch::Regex("*".to_owned()) {
            check_text(condition, &headers.field(name), cx);
        }
    }
    // An empty prefix is fine for the path alone: Envoy takes it there.
    if let Some(StringMatch::Regex(pattern)) = &request.uri {
        let uri = path.field("uri");
        cx.regex(pattern, &uri.field("regex"));
    }
    for (field, condition) in [
        ("scheme", &request.scheme),
        ("method", &request.method),
        ("authority", &request.authority),
    ] {
        if let Some(condition) = condition {
            check_text(condition, &path.field(field), cx);
        }
    }
    check_texts(&request.query_params, &path.field("queryParams"), cx);
    if let Some(port) = request.port.filter(|it| *it != 0) {
        cx.port(port, &path.field("port"));
    }
    cx.labels(&request.source_labels, &path.field("sourceLabels"));
    check_gateways(&request.gateways, &path.field("gateways"), false, cx);
    if !request.source_namespace.is_empty() && !is_label(&request.source_namespace) {
        let message = format!("{:?} is not a namespace", request.source_namespace);
        cx.error(Code::BadName, &path.field("sourceNamespace"), message);
    }
}

fn check_texts(conditions: &BTreeMap<String, StringMatch>, path: &Path<'_>, cx: &mut Checker<'_>) {
    for (name, condition) in conditions {
        check_text(condition, &path.field(name), cx);
    }
}

fn check_text(condition: &StringMatch, path: &Path<'_>, cx: &mut Checker<'_>) {
    match condition {
        StringMatch::Prefix(text) if text.is_empty() => {
            cx.error(
                Code::BadPrefix,
                &path.field("prefix"),
                "a prefix can't be empty here",
            )
            .help(format!("write `{}: {{}}` for any value", path.name()));
        }
        StringMatch::Regex(pattern) => cx.regex(pattern, &path.field("regex")),
        StringMatch::Present | StringMatch::Exact(_) | StringMatch::Prefix(_) => {}
    }
}

fn check_header_name(name: &str, path: &Path<'_>, cx: &mut Checker<'_>) {
    const PSEUDO: [&str; 5] = [":method", ":scheme", ":authority", ":path", ":status"];
    if !is_claim(name) && !PSEUDO.contains(&name) && !is_token(name) {
        cx.error(
            Code::BadHeader,
            path,
            format!("{name:?} is not the name of a header"),
        );
    }
}
