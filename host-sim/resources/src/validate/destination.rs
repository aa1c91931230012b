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
    at: &Path<'_>,
    to: &mut Checker<'_>,
) {
    match destination {
        None => {
            to.missing(at, "destination: {host: reviews}");
        }
        Some(_) if context.converted => {}
        Some(it) => check_target(it, at, to),
    }
}

/// The host, subset and port of a destination.
pub(super) fn check_target(it: &Destination, at: &Path<'_>, to: &mut Checker<'_>) {
    let host = at.field("host");
    if it.host.is_empty() {
        to.missing(&host, "host: reviews");
    } else if it.host == "*" {
        to.error(Code::BadHost, &host, "a destination is one service, not `*`")
            .help("for example `host: reviews`");
    } else if let Err(reason) = check_wildcard_domain(&it.host) {
        to.error(Code::BadHost, &host, reason);
    }
    if !it.subset.is_empty() && !is_label(&it.subset) {
        let message = format!(
            "{:?} is not the name of a subset: it has more than letters, digits and inner hyphens",
            it.subset
        );
        to.error(Code::BadName, &at.field("subset"), message);
    }
    if let Some(port) = &it.port {
        let at = at.field("port");
        match port.number {
            Some(number) => to.port(number, &at.field("number")),
            None => {
                to.missing(&at.field("number"), "port: {number: 80}");
            }
        }
    }
}

pub(super) fn check_weight(weight: Option<i32>, at: &Path<'_>, to: &mut Checker<'_>) {
    if let Some(weight) = weight.filter(|it| *it < 0) {
        to.error(Code::OutOfRange, at, format!("the weight {weight} is below 0"));
    }
}

/// Several destinations need a weight that is not 0 among them.
pub(super) fn check_total(
    weights: impl ExactSizeIterator<Item = Option<i32>>,
    at: &Path<'_>,
    to: &mut Checker<'_>,
) {
    let count = weights.len();
    let total: i64 = weights.map(|it| i64::from(it.unwrap_or(0))).sum();
    if count > 1 && total == 0 {
        to.error(
            Code::BadWeights,
            at,
            format!("the weights of {count} destinations add up to 0"),
        )
        .help("give each destination its share, for example `weight: 50`");
    }
}
