//! Destinations and their weights, of every kind of rule.

use super::Checker;
use super::context::Context;
use super::names::{check_wildcard_domain, is_label};
use super::path::Path;
use crate::code::Code;
use crate::virtual_service::Destination;

/// A destination that must be there.
pub(super) fn check_destination(
    destination: Option<&Destination>,
    context: &Context<'_>,
    path: &Path<'_>,
    cx: &mut Checker<'_>,
) {
    match destination {
        None => {
            cx.missing(path, "destination: {host: reviews}");
        }
        Some(_) if context.converted => {}
        Some(it) => check_target(it, path, cx),
    }
}

/// The host, subset and port of a destination.
pub(super) fn check_target(destination: &Destination, path: &Path<'_>, cx: &mut Checker<'_>) {
    let host = path.field("host");
    if destination.host.is_empty() {
        cx.missing(&host, "host: reviews");
    } else if destination.host == "*" {
        cx.error(Code::BadHost, &host, "a destination is one service, not `*`")
            .help("for example `host: reviews`");
    } else if let Err(reason) = check_wildcard_domain(&destination.host) {
        cx.error(Code::BadHost, &host, reason);
    }
    if !destination.subset.is_empty() && !is_label(&destination.subset) {
        let message = format!(
            "{:?} is not the name of a subset: it has more than letters, digits and inner hyphens",
            destination.subset
        );
        cx.error(Code::BadName, &path.field("subset"), message);
    }
    if let Some(port) = &destination.port {
        let path = path.field("port");
        match port.number {
            Some(number) => cx.port(number, &path.field("number")),
            None => {
                cx.missing(&path.field("number"), "port: {number: 80}");
            }
        }
    }
}

pub(super) fn check_weight(weight: Option<i32>, path: &Path<'_>, cx: &mut Checker<'_>) {
    if let Some(weight) = weight.filter(|it| *it < 0) {
        cx.error(Code::OutOfRange, path, format!("the weight {weight} is below 0"));
    }
}

/// Several destinations need a weight that is not 0 among them.
pub(super) fn check_total(
    weights: impl ExactSizeIterator<Item = Option<i32>>,
    path: &Path<'_>,
    cx: &mut Checker<'_>,
) {
    let count = weights.len();
    let total: i64 = weights.map(|it| i64::from(it.unwrap_or(0))).sum();
    if count > 1 && total == 0 {
        cx.error(
            Code::BadWeights,
            path,
            format!("the weights of {count} destinations add up to 0"),
        )
        .help("give each destination its share, for example `weight: 50`");
    }
}
