//! Redirects, direct responses and rewrites.

use super::Checker;
use super::fault::check_status;
use super::path::Path;
use crate::code::Code;
use crate::http_policy::{HttpDirectResponse, HttpRedirect, HttpRewrite, RedirectPort};
use crate::virtual_service::{HttpRoute, StringMatch};

pub(super) fn check(rule: &HttpRoute, at: &Path<'_>, to: &mut Checker<'_>) {
    if let Some(it) = &rule.redirect {
        check_redirect(it, rule, &at.field("redirect"), to);
    }
    if let Some(it) = &rule.direct_response {
        check_direct_response(it, &at.field("directResponse"), to);
    }
    if let Some(it) = &rule.rewrite {
        check_rewrite(it, &at.field("rewrite"), to);
    }
}

fn check_redirect(it: &HttpRedirect, rule: &HttpRoute, at: &Path<'_>, to: &mut Checker<'_>) {
    let prefix_rewrite = at.field("prefixRewrite");
    if !it.uri.is_empty() && !it.prefix_rewrite.is_empty() {
        to.error(
            Code::Conflict,
            &prefix_rewrite,
            "only one of `uri` and `prefixRewrite` can be set",
        );
    } else if !it.prefix_rewrite.is_empty() {
        let other = rule
            .matches
            .iter()
            .position(|it| !matches!(it.uri, None | Some(StringMatch::Prefix(_))));
        if let Some(index) = other {
            let message = format!("`prefixRewrite` wants prefix matches only, `match[{index}].uri` is none");
            to.error(Code::Conflict, &prefix_rewrite, message)
                .help("use `uri`, or match by `prefix`");
        }
    }
    let texts = [&it.uri, &it.prefix_rewrite, &it.authority, &it.scheme];
    if texts.iter().all(|it| it.is_empty()) && it.redirect_port.is_none() {
        to.error(
            Code::MissingField,
            at,
            "a redirect changes the uri, the authority, the scheme or the port",
        )
        .help("for example `scheme: https`");
    }
    if let Some(code) = it
        .redirect_code
        .filter(|it| *it != 0 && !(300..=399).contains(it))
    {
        to.error(
            Code::OutOfRange,
            &at.field("redirectCode"),
            format!("{code} is not the status of a redirect"),
        )
        .help("use 301, 302, 303, 307 or 308");
    }
    if !matches!(it.scheme.as_str(), "" | "http" | "https") {
        to.error(
            Code::UnknownValue,
            &at.field("scheme"),
            format!("{:?} is neither http nor https", it.scheme),
        );
    }
    if let Some(RedirectPort::Number(number)) = it.redirect_port
        && number != 0
    {
        to.port(number, &at.field("port"));
    }
}

fn check_direct_response(it: &HttpDirectResponse, at: &Path<'_>, to: &mut Checker<'_>) {
    const MOST: usize = 1024 * 1024;
    const MANY: usize = 100 * 1024;
    let size = it.body.as_ref().map_or(0, |it| it.as_bytes().len());
    if size > MOST {
        to.error(
            Code::TooLong,
            &at.field("body"),
            format!("the body has {size} bytes, Istio takes at most {MOST}"),
        );
    } else if size > MANY {
        let message = format!("the body has {size} bytes: large bodies burden the control plane");
        to.warn(Code::TooLong, &at.field("body"), message);
    }
    let status = at.field("status");
    match it.status {
        Some(code) => check_status(i64::from(code), &status, to),
        None => {
            to.missing(&status, "status: 200");
        }
    }
}

fn check_rewrite(it: &HttpRewrite, at: &Path<'_>, to: &mut Checker<'_>) {
    let regex = at.field("uriRegexRewrite");
    if !it.uri.is_empty() && it.uri_regex_rewrite.is_some() {
        to.error(
            Code::Conflict,
            &regex,
            "only one of `uri` and `uriRegexRewrite` can be set",
        );
        return;
    }
    let Some(rewrite) = &it.uri_regex_rewrite else {
        if it.uri.is_empty() && it.authority.is_empty() {
            to.error(
                Code::MissingField,
                at,
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
            to.missing(&regex.field(field), example);
        }
    }
    if !rewrite.matches.is_empty() && !rewrite.rewrite.is_empty() {
        to.regex(&rewrite.matches, &regex.field("match"));
    }
}
