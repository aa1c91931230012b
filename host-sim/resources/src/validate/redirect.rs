//! Redirects, direct responses and rewrites.

use super::Checker;
use super::fault::check_status;
use super::path::Path;
use crate::code::Code;
use crate::http_policy::{HttpDirectResponse, HttpRedirect, HttpRewrite, RedirectPort};
use crate::virtual_service::{HttpRoute, StringMatch};

pub(super) fn check(rule: &HttpRoute, path: &Path<'_>, cx: &mut Checker<'_>) {
    if let Some(it) = &rule.redirect {
        check_redirect(it, rule, &path.field("redirect"), cx);
    }
    if let Some(it) = &rule.direct_response {
        check_direct_response(it, &path.field("directResponse"), cx);
    }
    if let Some(it) = &rule.rewrite {
        check_rewrite(it, &path.field("rewrite"), cx);
    }
}

fn check_redirect(redirect: &HttpRedirect, rule: &HttpRoute, path: &Path<'_>, cx: &mut Checker<'_>) {
    let prefix_rewrite = path.field("prefixRewrite");
    if !redirect.uri.is_empty() && !redirect.prefix_rewrite.is_empty() {
        cx.error(
            Code::Conflict,
            &prefix_rewrite,
            "only one of `uri` and `prefixRewrite` can be set",
        );
    } else if !redirect.prefix_rewrite.is_empty() {
        let other = rule
            .matches
            .iter()
            .position(|it| !matches!(it.uri, None | Some(StringMatch::Prefix(_))));
        if let Some(index) = other {
            let message = format!("`prefixRewrite` wants prefix matches only, `match[{index}].uri` is none");
            cx.error(Code::Conflict, &prefix_rewrite, message)
                .help("use `uri`, or match by `prefix`");
        }
    }
    let texts = [
        &redirect.uri,
        &redirect.prefix_rewrite,
        &redirect.authority,
        &redirect.scheme,
    ];
    if texts.iter().all(|it| it.is_empty()) && redirect.redirect_port.is_none() {
        cx.error(
            Code::MissingField,
            path,
            "a redirect changes the uri, the authority, the scheme or the port",
        )
        .help("for example `scheme: https`");
    }
    if let Some(code) = redirect
        .redirect_code
        .filter(|it| *it != 0 && !(300..=399).contains(it))
    {
        cx.error(
            Code::OutOfRange,
            &path.field("redirectCode"),
            format!("{code} is not the status of a redirect"),
        )
        .help("use 301, 302, 303, 307 or 308");
    }
    if !matches!(redirect.scheme.as_str(), "" | "http" | "https") {
        cx.error(
            Code::UnknownValue,
            &path.field("scheme"),
            format!("{:?} is neither http nor https", redirect.scheme),
        );
    }
    if let Some(RedirectPort::Number(number)) = redirect.redirect_port
        && number != 0
    {
        cx.port(number, &path.field("port"));
    }
}

fn check_direct_response(response: &HttpDirectResponse, path: &Path<'_>, cx: &mut Checker<'_>) {
    const MOST: usize = 1024 * 1024;
    const MANY: usize = 100 * 1024;
    let size = response.body.as_ref().map_or(0, |it| it.as_bytes().len());
    if size > MOST {
        cx.error(
            Code::TooLong,
            &path.field("body"),
            format!("the body has {size} bytes, Istio takes at most {MOST}"),
        );
    } else if size > MANY {
        let message = format!("the body has {size} bytes: large bodies burden the control plane");
        cx.warn(Code::TooLong, &path.field("body"), message);
    }
    let status = path.field("status");
    match response.status {
        Some(code) => check_status(i64::from(code), &status, cx),
        None => {
            cx.missing(&status, "status: 200");
        }
    }
}

fn check_rewrite(written: &HttpRewrite, path: &Path<'_>, cx: &mut Checker<'_>) {
    let regex = path.field("uriRegexRewrite");
    if !written.uri.is_empty() && written.uri_regex_rewrite.is_some() {
        cx.error(
            Code::Conflict,
            &regex,
            "only one of `uri` and `uriRegexRewrite` can be set",
        );
        return;
    }
    let Some(rewrite) = &written.uri_regex_rewrite else {
        if written.uri.is_empty() && written.authority.is_empty() {
            cx.error(
                Code::MissingField,
                path,
                "a rewrite changes the uri or the authority",
            )
            .help("for example `uri: /`");
        }
        return;
    };
    for (field, value, example) in [
        ("match", &rewrite.matches, "match: ^/old/(.*)"),
        ("rewrite", &rewrite.rewrite, "rewrite: /new/\\1"),
    ] {
        if value.is_empty() {
            cx.missing(&regex.field(field), example);
        }
    }
    if !rewrite.matches.is_empty() && !rewrite.rewrite.is_empty() {
        cx.regex(&rewrite.matches, &regex.field("match"));
    }
}
