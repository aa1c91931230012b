//! What a rule that won does with the request: rewrite, destinations, policies, and what leaves the proxy.

use fingerpost_config_compiler::{Endpoints, RouteDetail, RouteSummary, ShareDetail};
use fingerpost_proxy_model::{Outcome as Answer, Request, highest_roll};
use fingerpost_routing::{RequestHead, Route};

use crate::explanation::{
    Abort, AnsweredBy, Destination, DestinationRule, Edit, EndpointShare, Forward, Outcome, Place, Policy,
    Reason, Rewrite, Source,
};
use crate::mismatch::text;
use crate::proxy::{self, Router};

/// What comes of a request that this route takes.
pub(crate) fn outcome(
    route: &RouteSummary,
    running: &Route,
    head: &RequestHead<'_>,
    request: &Request,
    router: &Router,
) -> Outcome {
    let no_rule = fingerpost_routing_config::RuleRef {
        rules: Vec::new(),
        matched: None,
    };
    let rule = route.rule.as_ref().unwrap_or(&no_rule);
    let winner = Source::new(rule, &route.matches, route.span.as_ref());
    let detail = route.detail.as_ref().filter(|it| !it.shares.is_empty());
    let policies = |detail: Option<&RouteDetail>| {
        let all = detail.map(|it| it.policies.as_slice()).unwrap_or_default();
        all.iter().map(Policy::new).collect::<Vec<Policy>>()
    };
    let abort = route.detail.as_ref().and_then(|it| it.abort);
    let always = abort.filter(|it| it.percent >= 100.0);
    let Some(detail) = detail.filter(|_| always.is_none()) else {
        let answer = router.answer(request, highest_roll(0, 1));
        let status = answer.as_ref().map(|it| it.status);
        let (by, words) = match always {
            Some(abort) => (
                AnsweredBy::Fault,
                format!(
                    "{} by the proxy: the rule's fault aborts 100 % of the requests",
                    abort.status
                ),
            ),
            None => (AnsweredBy::Rule, answer_of_rule(route, answer.as_ref())),
        };
        let mut policies = policies(route.detail.as_ref());
        if by == AnsweredBy::Fault {
            // The filters of the other policies run after the fault filter.
            policies.retain(|it| it.name == "fault");
        }
        return Outcome::Answer {
            by,
            winner,
            words,
            status: status.or(always.map(|it| it.status)),
            location: answer.as_ref().and_then(location),
            response_headers: answer
                .as_ref()
                .map(|it| it.response_headers.clone())
                .unwrap_or_default(),
            body: answer.and_then(|it| it.body).filter(|it| !it.is_empty()),
            policies,
        };
    };
    if let Some(answer) = preflight(route, request, router) {
        return answer_of_cors(winner, answer, &policies(Some(detail)));
    }
    let before = head.target().map(text).unwrap_or_default();
    let rewrite = running.rewrite.as_ref().map(|it| Rewrite {
        words: route.rewrite.clone().unwrap_or_default(),
        after: it.apply(head).map_or_else(|| before.clone(), |it| text(&it)),
        before,
    });
    let total: u64 = detail.shares.iter().map(|it| u64::from(it.weight)).sum();
    let has_policy = detail.policies.iter().any(|it| it.name == "corsPolicy");
    let mut allows_origin = None;
    let mut slot = 0;
    let mut destinations = Vec::new();
    for share in &detail.shares {
        let answer = router.answer(request, highest_roll(slot, total));
        slot += u64::from(share.weight);
        if has_policy && origin(request).is_some() {
            allows_origin = answer.as_ref().map(allows);
        }
        destinations.push(destination(share, detail, total, answer.as_ref()));
    }
    Outcome::Forward(Box::new(Forward {
        winner,
        abort: abort.map(|it| Abort {
            percent: it.percent,
            status: it.status,
        }),
        rewrite,
        destinations,
        policies: policies(Some(detail)),
        allows_origin,
        response_edits: detail.response_edits.iter().map(Edit::new).collect(),
    }))
}

/// What a redirect or a direct response answers, in words.
fn answer_of_rule(route: &RouteSummary, answer: Option<&Answer>) -> String {
    match answer {
        Some(answer) if location(answer).is_none() => {
            format!("{} by the proxy: the rule's `directResponse`", answer.status)
        }
        Some(_) | None => format!("{} by the proxy", route.destination()),
    }
}

/// The answer of the proxy to the preflight of a browser, if the rule's CORS policy makes it one. Envoy's CORS filter
/// runs before the router (Envoy `source/extensions/filters/http/cors/cors_filter.cc`).
fn preflight(route: &RouteSummary, request: &Request, router: &Router) -> Option<Answer> {
    let has = |name: &str| {
        request
            .headers
            .iter()
            .any(|(key, _)| key.eq_ignore_ascii_case(name))
    };
    let policies = &route.detail.as_ref()?.policies;
    let is_preflight = request.method == "OPTIONS" && has("origin") && has("access-control-request-method");
    if !is_preflight || policies.iter().all(|it| it.name != "corsPolicy") {
        return None;
    }
    let answer = router.answer(request, highest_roll(0, 1))?;
    (answer.status == 200 && answer.cluster.is_none()).then_some(answer)
}

/// The origin of the page that a browser sends the request for.
fn origin(request: &Request) -> Option<&str> {
    let mut headers = request.headers.iter();
    let (_, origin) = headers.find(|(name, _)| name.eq_ignore_ascii_case("origin"))?;
    Some(origin)
}

/// Whether an answer lets a browser show it to the page.
fn allows(answer: &Answer) -> bool {
    let mut headers = answer.response_headers.iter();
    headers.any(|(name, _)| name == "access-control-allow-origin")
}

fn answer_of_cors(winner: Source, answer: Answer, policies: &[Policy]) -> Outcome {
    let origin = if allows(&answer) {
        "the origin is allowed"
    } else {
        "the origin is not allowed"
    };
    Outcome::Answer {
        by: AnsweredBy::Cors,
        winner,
        words: format!("{} by the proxy: CORS preflight, {origin}", answer.status),
        status: Some(answer.status),
        location: None,
        response_headers: answer.response_headers,
        body: answer.body.filter(|it| !it.is_empty()),
        policies: policies
            .iter()
            .filter(|it| it.name == "corsPolicy")
            .cloned()
            .collect(),
    }
}

/// The place that an answer sends the client to.
pub(crate) fn location(answer: &Answer) -> Option<String> {
    let mut headers = answer.response_headers.iter();
    headers
        .find(|(name, _)| name == "location")
        .map(|(_, value)| value.clone())
}

fn destination(share: &ShareDetail, rule: &RouteDetail, total: u64, answer: Option<&Answer>) -> Destination {
    let set_host = |host: &String| Edit {
        verb: "set",
        name: ":authority".to_owned(),
        value: Some(host.clone()),
    };
    let own = share
        .request_edits
        .iter()
        .map(Edit::new)
        .chain(share.authority.iter().map(set_host));
    let of_rule = rule
        .request_edits
        .iter()
        .map(Edit::new)
        .chain(rule.authority.iter().map(set_host));
    let to = &share.destination;
    Destination {
        cluster: to.cluster.clone(),
        host: to.host.clone(),
        port: to.port,
        subset: Some(to.subset.clone()).filter(|it| !it.is_empty()),
        labels: to.labels.clone(),
        weight: share.weight,
        percent: percent(share.weight, total),
        protocol: to.protocol,
        connection: to.upstream.as_ref().map(ToString::to_string),
        destination_rule: to.destination_rule.as_ref().map(|it| DestinationRule {
            name: it.name.clone(),
            traffic_policy: it.traffic_policy.clone(),
            place: Place::new(Some(&it.span)),
        }),
        missing: to.missing.as_ref().map(|it| Reason {
            message: it.message.clone(),
            help: Some(it.help.clone()),
            place: Place::new(Some(&share.span)),
        }),
        endpoints: to.endpoints.as_ref().and_then(endpoints),
        request_edits: own.chain(of_rule).collect(),
        upstream: answer
            .filter(|it| it.cluster.as_deref() == Some(&to.cluster))
            .and_then(proxy::upstream),
        place: Place::new(Some(&share.span)),
    }
}

fn endpoints(endpoints: &Endpoints) -> Option<Vec<EndpointShare>> {
    if matches!(endpoints, Endpoints::Dns { .. }) {
        return None;
    }
    let shares = endpoints.shares().into_iter();
    let shares = shares.map(|(it, share)| EndpointShare {
        address: it.address.to_string(),
        locality: Some(it.locality.clone()).filter(|it| !it.is_empty()),
        weight: it.weight,
        priority: it.priority,
        percent: rounded(share * 100.0),
    });
    Some(shares.collect())
}

/// With one digit behind the point.
fn percent(weight: u32, total: u64) -> f64 {
    // Weights are 32 bits wide, so both fit.
    #[allow(clippy::cast_precision_loss)]
    let percent = f64::from(weight) * 100.0 / total.max(1) as f64;
    rounded(percent)
}

fn rounded(percent: f64) -> f64 {
    (percent * 10.0).round() / 10.0
}
