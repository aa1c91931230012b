//! A rule for HTTP: which of its parts exclude one another, and its destinations.

use super::Checker;
use super::context::Context;
use super::destination::{check_destination, check_total, check_weight};
use super::path::Path;
use super::{fault, headers, http_match, policy, redirect, unforwarded};
use crate::code::Code;
use crate::virtual_service::{HttpRoute, HttpRouteDestination};

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
                Code::Conflict,
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
            Code::MissingField,
            &at.field("route"),
            "a rule has a route, a redirect or a directResponse",
        )
        .help("for example `route: [{destination: {host: reviews}}]`");
    }
    if rule.delegate.is_some() {
        to.error(
            Code::Conflict,
            &at.field("delegate"),
            "a VirtualService that holds rules for others can't delegate",
        );
    }
    if rule.mirror.is_some() && !rule.mirrors.is_empty() {
        to.error(
            Code::Conflict,
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
