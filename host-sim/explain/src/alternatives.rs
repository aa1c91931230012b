//! What else a reader wants to know beside the winner: hosts that are hidden, rules that are shadowed or left out, the nearest miss.

use std::ptr;

use fingerpost_config_compiler::{LeftOutSummary, RouteSummary, covers};
use fingerpost_routing::{PathMatch, RequestHead, VirtualHost};
use fingerpost_routing_config::{
    Action, Reply, RewrittenBy, Route as WrittenRoute, RoutingConfig, VirtualHost as WrittenHost,
};

use crate::chain::{Answering, Chain, would_answer};
use crate::error::ExplainError;
use crate::explanation::{Hidden, Host, HostKind, LeftOut, Miss, Source};
use crate::mismatch::text;

/// The virtual host that answers, and those that would if it did not.
pub(crate) fn host(chain: &Chain<'_>, answering: Answering<'_>, head: &RequestHead<'_>) -> Host {
    let domain = answering.summary.domains.first().cloned().unwrap_or_default();
    let mut virtual_services: Vec<String> = Vec::new();
    for route in &answering.summary.routes {
        let root = route.rule.as_ref().and_then(|it| it.rules.first());
        let name = root.map_or(&route.virtual_service, |it| &it.virtual_service);
        if !virtual_services.contains(name) {
            virtual_services.push(name.clone());
        }
    }
    let mut hidden: Vec<Hidden> = chain
        .all()
        .filter(|it| !ptr::eq(it.running, answering.running))
        .filter_map(|other| {
            let domain = other.summary.domains.first()?;
            would_answer(domain, head.authority()).then(|| Hidden {
                domain: domain.clone(),
                would_take: other.running.select(head).and_then(|running| {
                    let (route, _) = other.routes().find(|(_, it)| ptr::eq(*it, running))?;
                    Source::of(route)
                }),
            })
        })
        .collect();
    hidden.sort_by_key(|it| std::cmp::Reverse(it.domain.len()));
    Host {
        kind: match domain.as_str() {
            "*" => HostKind::Any,
            name if name.starts_with('*') => HostKind::Wildcard,
            _ => HostKind::Exact,
        },
        domain,
        virtual_services,
        hidden,
    }
}

/// The position of the first route that takes all that the one at `index` could take.
pub(crate) fn shadow(answering: Answering<'_>, index: usize) -> Option<usize> {
    let conditions = |route: &RouteSummary| route.detail.as_ref().map(|it| it.conditions.clone());
    let routes = &answering.summary.routes;
    let wants_a_claim = |route: &RouteSummary| route.claims.iter().any(|it| it.is_wanted);
    let later = conditions(routes.get(index)?)?;
    let earlier = routes.iter().take(index);
    let mut found = earlier.map(|it| {
        !wants_a_claim(it) && conditions(it).is_some_and(|it| covers(&it, &later, answering.encoding))
    });
    found.position(|covers| covers).map(|it| it + 1)
}

/// The matches that make no route and would accept the request.
pub(crate) fn left_out(
    chain: &Chain<'_>,
    answering: Answering<'_>,
    head: &RequestHead<'_>,
) -> Result<Vec<LeftOut>, ExplainError> {
    let all = &answering.summary.left_out;
    let mut found: Vec<LeftOut> = Vec::new();
    for it in all {
        let source = Source::new(&it.rule, &it.matches, Some(&it.span));
        if found.iter().all(|other| other.source.rule != source.rule) && would_accept(it, chain, head)? {
            found.push(LeftOut {
                source,
                reason: it.reason.reason(),
            });
        }
    }
    Ok(found)
}

/// Whether a match that makes no route would accept the request: it is loaded as the only route of a table.
fn would_accept(
    left_out: &LeftOutSummary,
    chain: &Chain<'_>,
    head: &RequestHead<'_>,
) -> Result<bool, ExplainError> {
    let route = WrittenRoute {
        rule: left_out.rule.clone(),
        matches: left_out.conditions.clone(),
        rewrite: None,
        rewritten_by: RewrittenBy::Filter,
        action: Action::Reply(Reply { key: "-".to_owned() }),
    };
    let host = WrittenHost {
        name: "left out".to_owned(),
        domains: vec!["*".to_owned()],
        routes: vec![route],
    };
    let mut config = RoutingConfig::new(chain.config.repeated_headers, vec![host]);
    config.regex_encoding = chain.config.regex_encoding;
    let table = config.load().map_err(ExplainError::unknown)?;
    let mut routes = table.hosts().iter().flat_map(VirtualHost::routes);
    Ok(routes.any(|it| it.matcher.check(head).is_ok()))
}

/// The rule that fails the fewest conditions; among them the one whose path is the closest. One whose path has
/// nothing in common with the request's is not listed.
pub(crate) fn nearest(answering: Answering<'_>, head: &RequestHead<'_>) -> Option<Miss> {
    let path = head.path().map(text).unwrap_or_default();
    let mut best: Option<((usize, bool, usize), Miss)> = None;
    for (index, (route, running)) in answering.routes().enumerate() {
        let failed = answering.conditions(route, running).failed(head);
        let fails_path = failed.iter().any(|it| it.on == "path");
        let far = usize::MAX - alike(&path, &running.matcher.path);
        let rank = (failed.len(), fails_path, far);
        if best.as_ref().is_none_or(|(known, _)| rank < *known)
            && let Some(source) = Source::of(route)
        {
            let position = index + 1;
            best = Some((
                rank,
                Miss {
                    position,
                    source,
                    failed,
                },
            ));
        }
    }
    let ((_, fails_path, far), miss) = best?;
    let path_is_near =
        usize::MAX - far > "/".len() || miss.failed.iter().any(|it| it.on == "path" && it.hint.is_some());
    (!fails_path || path_is_near).then_some(miss)
}

/// How many bytes at the start a path has in common with a literal condition.
fn alike(path: &str, condition: &PathMatch) -> usize {
    let (PathMatch::Exact { path: text, .. } | PathMatch::Prefix { prefix: text, .. }) = condition else {
        return 0;
    };
    let pairs = path.bytes().zip(text.bytes());
    pairs
        .take_while(|(one, other)| one.eq_ignore_ascii_case(other))
        .count()
}
