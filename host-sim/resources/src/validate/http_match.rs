//! Conditions on HTTP requests.

use crate::code::Code;
use std::collections::BTreeMap;

use super::Checker;
use super::gateway_names::check_gateways;
use super::header_name::{is_claim, is_token};
use super::names::is_label;
use super::path::Path;
use crate::virtual_service::{HttpMatchRequest, StringMatch};

pub(super) fn check(it: &HttpMatchRequest, at: &Path<'_>, to: &mut Checker<'_>) {
    for (name, condition) in &it.headers {
        let headers = at.field("headers");
        check_header_name(name, &headers.field(name), to);
        check_text(condition, &headers.field(name), to);
    }
    for (name, condition) in &it.without_headers {
        let headers = at.field("withoutHeaders");
        check_header_name(name, &headers.field(name), to);
        // `*` is no regular expression, but here it means that the header is there at all.
        if *condition != StringMatch::Regex("*".to_owned()) {
            check_text(condition, &headers.field(name), to);
        }
    }
    // An empty prefix is fine for the path alone: Envoy takes it there.
    if let Some(StringMatch::Regex(pattern)) = &it.uri {
        let uri = at.field("uri");
        to.regex(pattern, &uri.field("regex"));
    }
    for (field, condition) in [
        ("scheme", &it.scheme),
        ("method", &it.method),
        ("authority", &it.authority),
    ] {
        if let Some(condition) = condition {
            check_text(condition, &at.field(field), to);
        }
    }
    check_texts(&it.query_params, &at.field("queryParams"), to);
    if let Some(port) = it.port.filter(|it| *it != 0) {
        to.port(port, &at.field("port"));
    }
    to.labels(&it.source_labels, &at.field("sourceLabels"));
    check_gateways(&it.gateways, &at.field("gateways"), false, to);
    if !it.source_namespace.is_empty() && !is_label(&it.source_namespace) {
        let message = format!("{:?} is not a namespace", it.source_namespace);
        to.error(Code::BadName, &at.field("sourceNamespace"), message);
    }
}

fn check_texts(conditions: &BTreeMap<String, StringMatch>, at: &Path<'_>, to: &mut Checker<'_>) {
    for (name, condition) in conditions {
        check_text(condition, &at.field(name), to);
    }
}

fn check_text(condition: &StringMatch, at: &Path<'_>, to: &mut Checker<'_>) {
    match condition {
        StringMatch::Prefix(text) if text.is_empty() => {
            to.error(
                Code::BadPrefix,
                &at.field("prefix"),
                "a prefix can't be empty here",
            )
            .help(format!("write `{}: {{}}` for any value", at.name()));
        }
        StringMatch::Regex(pattern) => to.regex(pattern, &at.field("regex")),
        StringMatch::Present | StringMatch::Exact(_) | StringMatch::Prefix(_) => {}
    }
}

fn check_header_name(name: &str, at: &Path<'_>, to: &mut Checker<'_>) {
    const PSEUDO: [&str; 5] = [":method", ":scheme", ":authority", ":path", ":status"];
    if !is_claim(name) && !PSEUDO.contains(&name) && !is_token(name) {
        to.error(
            Code::BadHeader,
            at,
            format!("{name:?} is not the name of a header"),
        );
    }
}
