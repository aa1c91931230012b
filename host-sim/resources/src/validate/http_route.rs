//! A rule for HTTP: which of its parts exclude one another, and its destinations.

use super::Checker;
use super::context::Context;
use super::destination::{check_destination, check_total, check_weight};
use super::path::Path;
use super::{fault, headers, http_match, policy, redirect, unforwarded};
use crate::code::Code;
use crate::virtual_service::{HttpRoute, HttpRouteDestination};

pub(super) fn check(rule: &HttpRoute, context: &Context<'_>, path: &Path<'_>, cx: &mut Checker<'_>) {
    check_conflicts(rule, context, path, cx);
    let matches = path.field("match");
    for (index, it) in rule.matches.iter().enumerate() {
        http_match::check(it, &matches.item(index), cx);
    }
    if let Some(it) = &rule.headers {
        headers::check(it, &path.field("headers"), cx);
    }
    headers::check_authority(rule, path, cx);
    policy::check(rule, context, path, cx);
    if let Some(it) = &rule.fault {
        fault::check(it, &path.field("fault"), cx);
    }
    redirect::check(rule, path, cx);
    unforwarded::check(rule, context, path, cx);
    check_route(&rule.route, context, &path.field("route"), cx);
    cx.duration(rule.timeout, &path.field("timeout"));
}

fn check_conflicts(rule: &HttpRoute, context: &Context<'_>, path: &Path<'_>, cx: &mut Checker<'_>) {
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
            cx.error(
                Code::Conflict,
                &path.field(field),
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
        cx.error(
            Code::MissingField,
            &path.field("route"),
            "a rule has a route, a redirect or a directResponse",
        )
        .help("for example `route: [{destination: {host: reviews}}]`");
    }
    if rule.delegate.is_some() {
        cx.error(
            Code::Conflict,
            &path.field("delegate"),
            "a VirtualService that holds rules for others can't delegate",
        );
    }
    if rule.mirror.is_some() && !rule.mirrors.is_empty() {
        cx.error(
            Code::Conflict,
            &path.field("mirrors"),
            "only one of `mirror` and `mirrors` can be set",
        );
    }
}

fn check_route(route: &[HttpRouteDestination], context: &Context<'_>, path: &Path<'_>, cx: &mut Checker<'_>) {
    for (index, it) in route.iter().enumerate() {
        let path = path.item(index);
        if let Some(it) = &it.headers {
            headers::check(it, &path.field("headers"), cx);
        }
        check_destination(it.destination.as_ref(), context, &path.field("destination"), cx);
        check_weight(it.weight, &path.field("weight"), cx);
    }
    check_total(route.iter().map(|it| it.weight), path, cx);
}
