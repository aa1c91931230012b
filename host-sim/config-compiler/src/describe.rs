//! Routes in words: their destinations, rewrites and policies. Defaults of policies are described too.
//!
//! Decides nothing. `condition_text` has the words for conditions.

use fingerpost_envoy_config::filters::cors::CorsPolicy;
use fingerpost_envoy_config::filters::fault::{AbortError, HttpFault};
use fingerpost_envoy_config::matcher::{StringMatcher, StringPattern};
use fingerpost_envoy_config::route::{
    DirectResponseAction, HashPolicy, RedirectAction, RedirectResponseCode, RequestMirrorPolicy, RetryPolicy,
};
use fingerpost_envoy_config::{Denominator, FractionalPercent};
use fingerpost_routing_config::{PathMatch, Rewrite};

use crate::detail::{AbortDetail, PolicyDetail};
use crate::routes::route::{Destinations, Route, Target};
use crate::services::ClusterRef;

/// Where a route leads: each destination, or the answer.
pub(crate) fn describe_target(target: &Target) -> Vec<String> {
    match target {
        Target::Forward(forward) => match &forward.destinations {
            Destinations::One(cluster) => vec![cluster.describe()],
            Destinations::Split(shares) => describe_shares(shares.iter().map(|it| (&it.cluster, it.weight))),
        },
        Target::Redirect(redirect) => vec![describe_redirect(redirect)],
        Target::Respond(DirectResponseAction { status, .. }) => vec![format!("answer {status}")],
    }
}

/// Clusters with their shares in percent.
pub(crate) fn describe_shares<'a>(all: impl Iterator<Item = (&'a ClusterRef, u32)>) -> Vec<String> {
    let all: Vec<(&ClusterRef, u32)> = all.collect();
    if let [(only, _)] = all.as_slice() {
        return vec![only.describe()];
    }
    let total: u64 = all.iter().map(|(_, weight)| u64::from(*weight)).sum();
    let part = |(cluster, weight): &(&ClusterRef, u32)| {
        let percent = (u64::from(*weight) * 100).checked_div(total).unwrap_or(0);
        format!("{percent}% {}", cluster.describe())
    };
    all.iter().map(part).collect()
}

fn describe_redirect(redirect: &RedirectAction) -> String {
    let code = match redirect.response_code {
        RedirectResponseCode::MovedPermanently => 301,
        RedirectResponseCode::Found => 302,
        RedirectResponseCode::SeeOther => 303,
        RedirectResponseCode::TemporaryRedirect => 307,
        RedirectResponseCode::PermanentRedirect => 308,
    };
    let scheme = match redirect.scheme_redirect.as_str() {
        "" => String::new(),
        scheme => format!("{scheme}://"),
    };
    let port = match redirect.port_redirect {
        0 => String::new(),
        port => format!(":{port}"),
    };
    let path = redirect
        .path_redirect
        .as_ref()
        .or(redirect.prefix_rewrite.as_ref());
    let path = path.map_or("", String::as_str);
    format!("redirect {code} {scheme}{}{port}{path}", redirect.host_redirect)
        .trim_end()
        .to_owned()
}

/// What becomes of the path, and of the host; none if both stay.
pub(crate) fn describe_rewrite(route: &Route<'_>) -> Option<String> {
    let path = route
        .rewrite
        .as_ref()
        .map(|rewrite| match (rewrite, &route.conditions.path) {
            (Rewrite::Uri(uri), PathMatch::Prefix(prefix)) => format!("{prefix} -> {uri}"),
            (Rewrite::Uri(uri), PathMatch::Exact(_) | PathMatch::Regex(_)) => format!("path -> {uri}"),
            (Rewrite::Regex(regex), _) => format!("every {} -> {}", regex.pattern, regex.substitution),
        });
    let host = match &route.target {
        Target::Forward(forward) => forward.authority.as_ref().map(|host| format!("host -> {host}")),
        Target::Redirect(_) | Target::Respond(_) => None,
    };
    let parts: Vec<String> = [path, host].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The policies of a route. `lost` says why a cluster takes no copies.
pub(crate) fn describe_policies(
    route: &Route<'_>,
    lost: impl Fn(&ClusterRef) -> Option<String>,
) -> Vec<PolicyDetail> {
    let mut found = Vec::new();
    let mut add = |name: &'static str, text: Option<String>| {
        let Some(text) = text else { return };
        let own = (route.leaf, route.rule_path().to_owned());
        let mut written = std::iter::once(&own).chain(&route.root);
        let span = written.find_map(|(resource, rule)| {
            let path = format!("{rule}.{name}");
            resource.origin.has(&path).then(|| resource.origin.at(&path))
        });
        found.push(PolicyDetail { name, text, span });
    };
    add("fault", route.fault.as_deref().and_then(describe_fault));
    add("corsPolicy", route.cors.as_deref().map(describe_cors));
    let Target::Forward(forward) = &route.target else {
        return found;
    };
    let has_timeout = !forward.timeout.0.is_zero();
    add("timeout", has_timeout.then(|| forward.timeout.to_string()));
    add("retries", forward.retry_policy.as_ref().map(describe_retries));
    for mirror in &forward.mirrors {
        let is_listed = route.leaf.origin.has(&format!("{}.mirrors", route.rule_path()));
        let name = if is_listed { "mirrors" } else { "mirror" };
        let text = describe_mirror(&mirror.policy, &mirror.cluster);
        let text = match lost(&mirror.cluster) {
            Some(reason) => format!("{text}, but the copies are lost: {reason}"),
            None => text,
        };
        add(name, Some(text));
    }
    // Of several destinations with one DestinationRule each adds the policy.
    let mut hashes: Vec<String> = forward.hash_policies.iter().map(describe_hash).collect();
    hashes.dedup();
    for text in hashes {
        add("consistentHash", Some(text));
    }
    found.shrink_to_fit();
    found
}

/// The percentage of the requests that a fault aborts, and the HTTP status of the answer. None if it aborts none.
pub(crate) fn abort(fault: &HttpFault) -> Option<AbortDetail> {
    let abort = fault.abort.as_ref()?;
    let percent = in_percent(abort.percentage);
    let status = match abort.error {
        AbortError::HttpStatus(status) => status,
        // Envoy answers an abort that has a gRPC status with 200 and the header `grpc-status`.
        AbortError::GrpcStatus(_) => 200,
    };
    (percent > 0.0).then_some(AbortDetail {
        percent,
        status: u16::try_from(status).ok()?,
    })
}

fn describe_retries(policy: &RetryPolicy) -> String {
    let attempts = policy.num_retries.unwrap_or(1);
    let mut text = format!("up to {attempts} on {}", policy.retry_on.replace(',', ", "));
    if !policy.retriable_status_codes.is_empty() {
        let codes = policy.retriable_status_codes.iter();
        let codes: Vec<String> = codes.map(u32::to_string).collect();
        text.push_str(&format!(" ({})", codes.join(", ")));
    }
    if let Some(timeout) = policy.per_try_timeout {
        text.push_str(&format!(", {timeout} each"));
    }
    text
}

fn in_percent(fraction: FractionalPercent) -> f64 {
    let numerator = f64::from(fraction.numerator);
    match fraction.denominator {
        Denominator::Hundred => numerator,
        Denominator::TenThousand => numerator / 100.0,
        Denominator::Million => numerator / 10_000.0,
    }
}

/// None if it never happens.
fn describe_fault(fault: &HttpFault) -> Option<String> {
    let parts: Vec<String> = parts_of_fault(fault).into_iter().map(|(_, text)| text).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The delay and the abort that happen, with the percentage of requests that they happen to.
fn parts_of_fault(fault: &HttpFault) -> Vec<(f64, String)> {
    let delay = fault.delay.as_ref().map(|delay| {
        let percent = in_percent(delay.percentage);
        (
            percent,
            format!("{percent} % are delayed by {}", delay.fixed_delay),
        )
    });
    let abort = fault.abort.as_ref().map(|abort| {
        let percent = in_percent(abort.percentage);
        let text = match abort.error {
            AbortError::HttpStatus(status) => format!("{percent} % are answered {status}"),
            AbortError::GrpcStatus(status) => format!("{percent} % are answered gRPC status {status}"),
        };
        (percent, text)
    });
    let parts = [delay, abort].into_iter().flatten();
    parts.filter(|(percent, _)| *percent > 0.0).collect()
}

/// What happens to some of the requests of a route and not to others.
pub(crate) fn describe_chances(route: &Route<'_>) -> Vec<String> {
    let is_chance = |percent: f64| percent > 0.0 && percent < 100.0;
    let faults = route.fault.as_deref().map(parts_of_fault).unwrap_or_default();
    let faults = faults
        .into_iter()
        .filter(|(percent, _)| is_chance(*percent))
        .map(|(_, text)| text);
    let Target::Forward(forward) = &route.target else {
        return faults.collect();
    };
    let shares = match &forward.destinations {
        Destinations::Split(all) if all.len() > 1 => describe_target(&route.target),
        Destinations::Split(_) | Destinations::One(_) => Vec::new(),
    };
    let mirrors = forward
        .mirrors
        .iter()
        .filter(|it| is_chance(copied_percent(&it.policy)));
    let mirrors = mirrors.map(|it| describe_mirror(&it.policy, &it.cluster));
    shares.into_iter().chain(faults).chain(mirrors).collect()
}

fn describe_cors(policy: &CorsPolicy) -> String {
    let origins = policy.allow_origin_string_match.iter();
    let origins: Vec<String> = origins.map(describe_text).collect();
    let mut text = match origins.as_slice() {
        [] => "no origin".to_owned(),
        some => format!("origins {}", some.join(", ")),
    };
    if !policy.allow_methods.is_empty() {
        text.push_str(&format!("; methods {}", policy.allow_methods));
    }
    text
}

fn describe_text(matcher: &StringMatcher) -> String {
    match &matcher.pattern {
        StringPattern::Exact(text) => text.clone(),
        StringPattern::Prefix(text) => format!("{text}…"),
        StringPattern::SafeRegex(pattern) => format!("~ {}", pattern.regex),
        StringPattern::Contains(text) => format!("…{text}…"),
    }
}

fn describe_mirror(mirror: &RequestMirrorPolicy, cluster: &ClusterRef) -> String {
    format!(
        "{} % are copied to {}",
        copied_percent(mirror),
        cluster.describe()
    )
}

/// Where copies go, with their share if it is not every request.
pub(crate) fn describe_copies(mirror: &RequestMirrorPolicy, cluster: &ClusterRef) -> String {
    let percent = copied_percent(mirror);
    if percent < 100.0 {
        format!("{percent}% {}", cluster.describe())
    } else {
        cluster.describe()
    }
}

/// The share of the requests that a mirror copies.
pub(crate) fn copied_percent(mirror: &RequestMirrorPolicy) -> f64 {
    let fraction = mirror.runtime_fraction.as_ref();
    fraction.map_or(100.0, |it| in_percent(it.default_value))
}

/// What a consistent hash is made of.
pub(crate) fn describe_hash(hash: &HashPolicy) -> String {
    match hash {
        HashPolicy::Header(header) => format!("by header {}", header.header_name),
        HashPolicy::Cookie(cookie) => format!("by cookie {}", cookie.name),
        HashPolicy::QueryParameter(parameter) => format!("by query parameter {}", parameter.name),
        HashPolicy::ConnectionProperties(_) => "by the client's address".to_owned(),
    }
}
