//! Fields of an HTTP rule that only act on requests that are forwarded, or only beside another field.
//!
//! Decides no conflict: Istio accepts all of these and writes none of them to Envoy. Source: istio
//! `pilot/pkg/networking/core/route/route.go`, `translateRoute` and `applyHTTPRouteDestination`. Faults, `corsPolicy`
//! and headers of responses act on every rule; headers of requests are changed only on the way to an upstream.

use super::Checker;
use super::context::Context;
use super::path::Path;
use crate::code::Code;
use crate::virtual_service::HttpRoute;

pub(super) fn check(rule: &HttpRoute, context: &Context<'_>, path: &Path<'_>, cx: &mut Checker<'_>) {
    // The rules that a delegation leads to inherit its fields, and give it theirs.
    if rule.delegate.is_some() {
        return;
    }
    let reply = match (&rule.redirect, &rule.direct_response) {
        (Some(_), _) => "redirect",
        (None, Some(_)) => "directResponse",
        (None, None) => {
            if !context.is_delegate {
                check_mirror_percentage(rule, path, cx);
            }
            return;
        }
    };
    let request = rule.headers.as_ref().and_then(|it| it.request.as_ref());
    let changes_request =
        request.is_some_and(|it| !it.set.is_empty() || !it.add.is_empty() || !it.remove.is_empty());
    let fields = [
        ("timeout", rule.timeout.is_some()),
        ("retries", rule.retries.is_some()),
        ("mirror", rule.mirror.is_some()),
        ("mirrors", !rule.mirrors.is_empty()),
        ("mirrorPercentage", rule.mirror_percentage.is_some()),
        ("mirrorPercent", rule.mirror_percent.is_some()),
        ("headers.request", changes_request),
    ];
    let reason = format!("a rule with `{reply}` sends no request to an upstream");
    warn(&given(&fields), &reason, path, cx);
}

/// The percentages count for `mirror` alone, and the newer one wins (istio route.go, `MirrorPercent`).
fn check_mirror_percentage(rule: &HttpRoute, path: &Path<'_>, cx: &mut Checker<'_>) {
    let fields = [
        ("mirrorPercentage", rule.mirror_percentage.is_some()),
        ("mirrorPercent", rule.mirror_percent.is_some()),
    ];
    if rule.mirror.is_none() {
        warn(&given(&fields), "the rule has no `mirror`", path, cx);
    } else if rule.mirror_percentage.is_some() && rule.mirror_percent.is_some() {
        warn(&["mirrorPercent"], "`mirrorPercentage` replaces it", path, cx);
    }
}

fn given<'f>(fields: &[(&'f str, bool)]) -> Vec<&'f str> {
    let given = fields.iter().filter(|(_, given)| *given);
    given.map(|(name, _)| *name).collect()
}

/// One finding for all of `fields`, at the first of them.
fn warn(fields: &[&str], reason: &str, path: &Path<'_>, cx: &mut Checker<'_>) {
    let Some(first) = fields.first() else { return };
    let does = if fields.len() == 1 { "does" } else { "do" };
    let message = format!("{} {does} nothing: {reason}", fields.join(", "));
    cx.warn(Code::NoEffect, &path.field(first), message)
        .help("remove what does nothing, or move it to a rule that uses it");
}
