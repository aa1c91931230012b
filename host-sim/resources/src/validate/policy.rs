//! What a rule does besides routing: retries, mirrors, CORS.

use super::Checker;
use super::context::Context;
use super::destination::{check_destination, check_target};
use super::header_name::is_token;
use super::path::Path;
use crate::code::Code;
use crate::http_policy::{CorsPolicy, HttpRetry, Percent};
use crate::virtual_service::{HttpRoute, StringMatch};

pub(super) fn check(rule: &HttpRoute, context: &Context<'_>, path: &Path<'_>, cx: &mut Checker<'_>) {
    if let Some(it) = &rule.retries {
        check_retries(it, &path.field("retries"), cx);
    }
    if let Some(it) = &rule.cors_policy {
        check_cors(it, &path.field("corsPolicy"), cx);
    }
    check_mirrors(rule, context, path, cx);
}

fn check_mirrors(rule: &HttpRoute, context: &Context<'_>, path: &Path<'_>, cx: &mut Checker<'_>) {
    if let Some(percent) = rule.mirror_percent {
        let path = path.field("mirrorPercent");
        if percent > 100 {
            cx.error(
                Code::OutOfRange,
                &path,
                format!("{percent} is more than 100 per cent"),
            );
        }
        cx.warn(Code::Deprecated, &path, "`mirrorPercent` is deprecated")
            .help(format!("write `mirrorPercentage: {{value: {percent}}}`"));
    }
    check_share(
        rule.mirror_percentage.as_ref(),
        &path.field("mirrorPercentage"),
        cx,
    );
    if let Some(it) = &rule.mirror {
        check_target(it, &path.field("mirror"), cx);
    }
    let mirrors = path.field("mirrors");
    for (index, it) in rule.mirrors.iter().enumerate() {
        let path = mirrors.item(index);
        let context = Context {
            converted: false,
            ..*context
        };
        check_destination(it.destination.as_ref(), &context, &path.field("destination"), cx);
        check_share(it.percentage.as_ref(), &path.field("percentage"), cx);
    }
}

fn check_share(share: Option<&Percent>, path: &Path<'_>, cx: &mut Checker<'_>) {
    let value = share.and_then(|it| it.value).unwrap_or(0.0);
    if !(0.0..=100.0).contains(&value) {
        cx.error(
            Code::OutOfRange,
            &path.field("value"),
            format!("{value} is out of range: a percentage is from 0 to 100"),
        );
    }
}

fn check_retries(retries: &HttpRetry, path: &Path<'_>, cx: &mut Checker<'_>) {
    let attempts = retries.attempts.unwrap_or(0);
    if attempts < 0 {
        cx.error(
            Code::OutOfRange,
            &path.field("attempts"),
            format!("{attempts} attempts are fewer than none"),
        );
    }
    let configured = retries.per_try_timeout.is_some()
        || !retries.retry_on.is_empty()
        || retries.retry_remote_localities.is_some();
    if attempts == 0 && configured {
        let message = "without attempts nothing is retried, and the other fields are refused";
        cx.error(Code::MissingField, &path.field("attempts"), message)
            .help("for example `attempts: 3`");
    }
    cx.duration(retries.per_try_timeout, &path.field("perTryTimeout"));
    cx.duration(retries.backoff, &path.field("backoff"));
    if retries.retry_on.is_empty() {
        return;
    }
    for condition in retries.retry_on.split(',').filter(|it| !is_retry_condition(it)) {
        let message = format!("{condition:?} is not a condition to retry on");
        let finding = cx.error(Code::UnknownValue, &path.field("retryOn"), message);
        if is_retry_condition(condition.trim()) {
            finding.help("write the conditions with commas and without spaces");
        } else if let Some(near) = crate::decode::closest(condition, RETRY_ON.into_iter()) {
            finding.help(format!("did you mean {near}?"));
        } else {
            finding.help("for example `retryOn: connect-failure,refused-stream,503`");
        }
    }
}

const RETRY_ON: [&str; 16] = [
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "envoy-ratelimited",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
];

/// A condition that Envoy knows, or a status that Go's `net/http` has a name for.
fn is_retry_condition(text: &str) -> bool {
    let has_name = |status: u16| {
        matches!(
            status,
            100..=103
                | 200..=208
                | 226
                | 300..=305
                | 307
                | 308
                | 400..=418
                | 421..=426
                | 428
                | 429
                | 431
                | 451
                | 500..=508
                | 510
                | 511
        )
    };
    RETRY_ON.contains(&text) || text.parse().is_ok_and(has_name)
}

fn check_cors(cors: &CorsPolicy, path: &Path<'_>, cx: &mut Checker<'_>) {
    let origins = path.field("allowOrigins");
    for (index, origin) in cors.allow_origins.iter().enumerate() {
        let path = origins.item(index);
        match origin {
            StringMatch::Present => {
                cx.error(
                    Code::MissingField,
                    &path,
                    "an origin is matched by exact, prefix or regex",
                )
                .help("for example `exact: https://shop.example.com`");
            }
            StringMatch::Exact(text) | StringMatch::Prefix(text) | StringMatch::Regex(text)
                if text.is_empty() =>
            {
                cx.error(Code::BadValue, &path, "an origin can't be empty")
                    .help("for example `exact: https://shop.example.com`");
            }
            StringMatch::Regex(pattern) => cx.regex(pattern, &path.field("regex")),
            StringMatch::Exact(_) | StringMatch::Prefix(_) => {}
        }
    }
    check_methods(&cors.allow_methods, &path.field("allowMethods"), cx);
    for (field, names) in [
        ("allowHeaders", &cors.allow_headers),
        ("exposeHeaders", &cors.expose_headers),
    ] {
        let path = path.field(field);
        for (index, name) in names.iter().enumerate().filter(|(_, it)| !is_token(it)) {
            cx.error(
                Code::BadHeader,
                &path.item(index),
                format!("{name:?} is not the name of a header"),
            );
        }
    }
    let max_age = path.field("maxAge");
    cx.duration(cors.max_age, &max_age);
    if cors.max_age.is_some_and(|it| it.subsec_nanos() > 0) {
        cx.error(Code::BadDuration, &max_age, "maxAge is a whole number of seconds");
    }
}

fn check_methods(methods: &[String], path: &Path<'_>, cx: &mut Checker<'_>) {
    const KNOWN: [&str; 10] = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*",
    ];
    for (index, method) in methods
        .iter()
        .enumerate()
        .filter(|(_, it)| !KNOWN.contains(&it.as_str()))
    {
        let finding = cx.error(
            Code::UnknownValue,
            &path.item(index),
            format!("{method:?} is not a method that Istio knows"),
        );
        match crate::decode::closest(method, KNOWN.into_iter()) {
            Some(near) => finding.help(format!("did you mean {near}?")),
            None => finding.help("write methods in capitals, such as GET"),
        };
    }
}
