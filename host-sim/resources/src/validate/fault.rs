//! Faults to inject.

use super::Checker;
use super::path::Path;
use crate::GRPC_STATUSES;
use crate::code::Code;
use crate::http_policy::{Abort, Delay, ErrorType, HttpDelayType, HttpFaultInjection, Percent};

pub(super) fn check(it: &HttpFaultInjection, at: &Path<'_>, to: &mut Checker<'_>) {
    if it.delay.is_none() && it.abort.is_none() {
        to.error(Code::MissingField, at, "a fault has a delay or an abort")
            .help("for example `delay: {fixedDelay: 5s}`");
    }
    if let Some(it) = &it.delay {
        check_delay(it, &at.field("delay"), to);
    }
    if let Some(it) = &it.abort {
        check_abort(it, &at.field("abort"), to);
    }
}

fn check_delay(it: &Delay, at: &Path<'_>, to: &mut Checker<'_>) {
    check_percentage(it.percentage.as_ref(), &at.field("percentage"), to);
    match it.http_delay_type {
        Some(HttpDelayType::FixedDelay(duration)) => to.duration(Some(duration), &at.field("fixedDelay")),
        Some(HttpDelayType::ExponentialDelay(_)) => {
            to.error(
                Code::Unsupported,
                &at.field("exponentialDelay"),
                "Istio does not support exponentialDelay",
            )
            .help("use `fixedDelay`");
            return;
        }
        None => {
            to.warn(Code::NoEffect, at, "a delay without a duration does nothing")
                .help("for example `fixedDelay: 5s`");
            return;
        }
    }
    if it.percentage.is_none() && it.percent.is_none() {
        never_happens("delay", at, to);
    }
}

/// Istio takes a missing percentage for 0 (istio route.go, `TranslateFault`).
fn never_happens(what: &str, at: &Path<'_>, to: &mut Checker<'_>) {
    let message = format!("this {what} has no `percentage`, which means 0: it never happens");
    to.warn(Code::NoEffect, at, message)
        .help("for every request: `percentage: {value: 100}`");
}

fn check_abort(it: &Abort, at: &Path<'_>, to: &mut Checker<'_>) {
    check_percentage(it.percentage.as_ref(), &at.field("percentage"), to);
    match &it.error_type {
        Some(ErrorType::HttpStatus(status)) => check_status(i64::from(*status), &at.field("httpStatus"), to),
        Some(ErrorType::GrpcStatus(status)) => check_grpc_status(status, &at.field("grpcStatus"), to),
        Some(ErrorType::Http2Error(_)) => {
            to.error(
                Code::Unsupported,
                &at.field("http2Error"),
                "Istio does not support http2Error",
            )
            .help("use `httpStatus` or `grpcStatus`");
        }
        None => {
            to.warn(Code::NoEffect, at, "an abort without a status does nothing")
                .help("for example `httpStatus: 503`");
            return;
        }
    }
    if it.percentage.is_none() {
        never_happens("abort", at, to);
    }
}

/// Envoy counts in ten-thousandths of a per cent.
fn check_percentage(percentage: Option<&Percent>, at: &Path<'_>, to: &mut Checker<'_>) {
    let value = percentage.and_then(|it| it.value).unwrap_or(0.0);
    if value != 0.0 && !(0.0001..=100.0).contains(&value) {
        let message = format!("{value} is out of range: a percentage is 0, or from 0.0001 to 100");
        to.error(Code::OutOfRange, &at.field("value"), message);
    }
}

/// A status that Istio takes, 600 included: validateHTTPStatus.
pub(super) fn check_status(status: i64, at: &Path<'_>, to: &mut Checker<'_>) {
    if !(200..=600).contains(&status) {
        to.error(
            Code::OutOfRange,
            at,
            format!("{status} is out of range: a status is from 200 to 599"),
        );
    }
}

fn check_grpc_status(status: &str, at: &Path<'_>, to: &mut Checker<'_>) {
    if !GRPC_STATUSES.contains(&status) {
        let finding = to.error(
            Code::UnknownValue,
            at,
            format!("{status:?} is not the name of a gRPC status"),
        );
        match crate::decode::closest(status, GRPC_STATUSES.into_iter()) {
            Some(near) => finding.help(format!("did you mean {near}?")),
            None => finding.help("for example NOT_FOUND or UNAVAILABLE"),
        };
    }
}
