//! Faults to inject.

use super::Checker;
use super::path::Path;
use crate::GRPC_STATUSES;
use crate::code::Code;
use crate::http_policy::{Abort, Delay, ErrorType, HttpDelayType, HttpFaultInjection, Percent};

pub(super) fn check(fault: &HttpFaultInjection, path: &Path<'_>, cx: &mut Checker<'_>) {
    if fault.delay.is_none() && fault.abort.is_none() {
        cx.error(Code::MissingField, path, "a fault has a delay or an abort")
            .help("for example `delay: {fixedDelay: 5s}`");
    }
    if let Some(fault) = &fault.delay {
        check_delay(fault, &path.field("delay"), cx);
    }
    if let Some(fault) = &fault.abort {
        check_abort(fault, &path.field("abort"), cx);
    }
}

fn check_delay(delay: &Delay, path: &Path<'_>, cx: &mut Checker<'_>) {
    check_percentage(delay.percentage.as_ref(), &path.field("percentage"), cx);
    match delay.http_delay_type {
        Some(HttpDelayType::FixedDelay(duration)) => cx.duration(Some(duration), &path.field("fixedDelay")),
        Some(HttpDelayType::ExponentialDelay(_)) => {
            cx.error(
                Code::Unsupported,
                &path.field("exponentialDelay"),
                "Istio does not support exponentialDelay",
            )
            .help("use `fixedDelay`");
            return;
        }
        None => {
            cx.warn(Code::NoEffect, path, "a delay without a duration does nothing")
                .help("for example `fixedDelay: 5s`");
            return;
        }
    }
    if delay.percentage.is_none() && delay.percent.is_none() {
        never_happens("delay", path, cx);
    }
}

/// Istio takes a missing percentage for 0 (istio route.go, `TranslateFault`).
fn never_happens(what: &str, path: &Path<'_>, cx: &mut Checker<'_>) {
    let message = format!("this {what} has no `percentage`, which means 0: it never happens");
    cx.warn(Code::NoEffect, path, message)
        .help("for every request: `percentage: {value: 100}`");
}

fn check_abort(abort: &Abort, path: &Path<'_>, cx: &mut Checker<'_>) {
    check_percentage(abort.percentage.as_ref(), &path.field("percentage"), cx);
    match &abort.error_type {
        Some(ErrorType::HttpStatus(status)) => {
            check_status(i64::from(*status), &path.field("httpStatus"), cx);
        }
        Some(ErrorType::GrpcStatus(status)) => check_grpc_status(status, &path.field("grpcStatus"), cx),
        Some(ErrorType::Http2Error(_)) => {
            cx.error(
                Code::Unsupported,
                &path.field("http2Error"),
                "Istio does not support http2Error",
            )
            .help("use `httpStatus` or `grpcStatus`");
        }
        None => {
            cx.warn(Code::NoEffect, path, "an abort without a status does nothing")
                .help("for example `httpStatus: 503`");
            return;
        }
    }
    if abort.percentage.is_none() {
        never_happens("abort", path, cx);
    }
}

/// Envoy counts in ten-thousandths of a per cent.
fn check_percentage(percentage: Option<&Percent>, path: &Path<'_>, cx: &mut Checker<'_>) {
    let value = percentage.and_then(|it| it.value).unwrap_or(0.0);
    if value != 0.0 && !(0.0001..=100.0).contains(&value) {
        let message = format!("{value} is out of range: a percentage is 0, or from 0.0001 to 100");
        cx.error(Code::OutOfRange, &path.field("value"), message);
    }
}

/// A status that Istio takes, 600 included: validateHTTPStatus.
pub(super) fn check_status(status: i64, path: &Path<'_>, cx: &mut Checker<'_>) {
    if !(200..=600).contains(&status) {
        cx.error(
            Code::OutOfRange,
            path,
            format!("{status} is out of range: a status is from 200 to 599"),
        );
    }
}

fn check_grpc_status(status: &str, path: &Path<'_>, cx: &mut Checker<'_>) {
    if !GRPC_STATUSES.contains(&status) {
        let finding = cx.error(
            Code::UnknownValue,
            path,
            format!("{status:?} is not the name of a gRPC status"),
        );
        match crate::decode::closest(status, GRPC_STATUSES.into_iter()) {
            Some(near) => finding.help(format!("did you mean {near}?")),
            None => finding.help("for example NOT_FOUND or UNAVAILABLE"),
        };
    }
}
