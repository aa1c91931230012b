//! A rule for HTTP: which of its parts exclude one another, and its destinations.

use super::Checker;
use super::names::{check_wildcard_domain, is_label};
use super::path::Path;
use super::tls_route::{check_total, check_weight};
use super::virtual_service::Context;
use super::{fault, headers, http_match, policy, redirect, unforwarded};
use crate::virtual_service::{Destination, HttpRoute, HttpRouteDestination};

pub(super) fn check(rule: &HttpRoute, context: &Context<'_>, at: &Path<'_>, to: &mut Checker<'_>) {
    check_conflicts(rule, context, at, to);
    let matches = at.field("match");
    for (index, it) in rule.matches.iter().enumerate() {
        http_match::check(it, &matches.item(index), to);
    }
    if let Some(it) = &rule.headers {
        headers::check(it, &at.field("headers"), to);
    }
    headers::check_authority(rule, at, to);
    policy::check(rule, context, at, to);
    if let Some(it) = &rule.fault {
        fault::check(it, &at.field("fault"), to);
    }
    redirect::check(rule, at, to);
    unforwarded::check(rule, context, at, to);
    check_route(&rule.route, context, &at.field("route"), to);
    to.duration(rule.timeout, &at.field("timeout"));
}

fn check_conflicts(rule: &HttpRoute, context: &Context<'_>, at: &Path<'_>, to: &mut Checker<'_>) {
    let present = [
        ("route", !rule.route.is_empty()),
        ("fault", rule.fault.is_some()),
        ("rewrite", rule.rewrite.is_some()),
        ("directResponse", rule.direct_response.is_some()),
        ("redirect", rule.redirect.is_some()),
    ];
    let mut refuse = |reason: &str, fields: &[&str]| {
        for (field, _) in present
            .iter()
            .filter(|(name, present)| *present && fields.contains(name))
        {
            to.error(
                "conflict",
                &at.field(field),
                format!("a rule {reason} takes no {field}"),
            );
        }
    };
    if rule.delegate.is_some() && !context.is_delegate {
        return refuse("that delegates", &["route", "redirect"]);
    }
    if rule.redirect.is_some() {
        refuse("that redirects", &["route", "fault", "rewrite", "directResponse"]);
    } else if rule.direct_response.is_some() {
        refuse("that replies by itself", &["route", "fault", "rewrite"]);
    } else if rule.route.is_empty() {
        to.error(
            "missing-field",
            &at.field("route"),
            "a rule has a route, a redirect or a directResponse",
        )
        .help("for example `route: [{destination: {host: reviews}}]`");
    }
    if rule.delegate.is_some() {
        to.error(
            "conflict",
            &at.field("delegate"),
            "a VirtualService that holds rules for others can't delegate",
        );
    }
    if rule.mirror.is_some() && !rule.mirrors.is_empty() {
        to.error(
            "conflict",
            &at.field("mirrors"),
            "only one of `mirror` and `mirrors` can be set",
        );
    }
}

fn check_route(route: &[HttpRouteDestination], context: &Context<'_>, at: &Path<'_>, to: &mut Checker<'_>) {
    for (index, it) in route.iter().enumerate() {
        let at = at.item(index);
        if let Some(it) = &it.headers {
            headers::check(it, &at.field("headers"), to);
        }
        check_destination(it.destination.as_ref(), context, &at.field("destination"), to);
        check_weight(it.weight, &at.field("weight"), to);
    }
    check_total(route.iter().map(|it| it.weight), at, to);
}

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
        to.error("bad-host", &host, "a destination is one service, not `*`")
            .help("for example `host: reviews`");
    } else if let Err(reason) = check_wildcard_domain(&it.host) {
        to.error("bad-host", &host, reason);
    }
    if !it.subset.is_empty() && !is_label(&it.subset) {
        let message = format!(
            "{:?} is not the name of a subset: it has more than letters, digits and inner hyphens",
            it.subset
        );
        to.error("bad-name", &at.field("subset"), message);
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
