//! The rules of Envoy's protos on the fields of route configurations. Source as in `messages`.

use fingerpost_envoy_config::core::{DataSource, HeaderValueOption};
use fingerpost_envoy_config::filters::cors::CorsPolicy;
use fingerpost_envoy_config::filters::fault::{AbortError, HttpFault};
use fingerpost_envoy_config::matcher::{RegexMatcher, StringMatcher, StringPattern};
use fingerpost_envoy_config::route::{
    Action, ClusterSpecifier, ClusterWeight, CorsPerRoute, DirectResponseAction, FaultPerRoute, HashPolicy,
    HeaderMatch, PathSpecifier, QueryParameterMatch, RedirectAction, RetryPolicy, Route, RouteAction,
    RouteConfiguration, RouteMatch, VirtualHost, WeightedClusters,
};
use fingerpost_envoy_config::xds::{MatchAction, Matcher, MatcherType, OnMatch};

use super::messages::twice;
use super::place::{GIVEN, LINE, NAME, TextRule, Walk};
use super::values::{LONGEST_EDIT, LONGEST_PARAMETER, MOST_EDITS, edit_value};
use crate::options::EnvoyVersion;

const HEADER_KEY: TextRule = TextRule {
    least: 1,
    most: LONGEST_EDIT,
    one_line: true,
};
const PARAMETER: TextRule = TextRule {
    least: 1,
    most: LONGEST_PARAMETER,
    one_line: false,
};
const STATUS: (u64, u64) = (200, 599);
/// The most bytes of a direct response: `max_direct_response_body_size_bytes` of every route configuration.
const MOST_BODY_BYTES: usize = 1_048_576;

pub(crate) fn route_config(walk: &mut Walk, config: &RouteConfiguration) {
    walk.each("virtual_hosts", &config.virtual_hosts, virtual_host);
    let domains = config.virtual_hosts.iter().flat_map(|host| &host.domains);
    if let Some(domain) = twice(domains.map(String::as_str)) {
        walk.refuse(format!("two virtual hosts have the domain `{domain}`"));
    }
}

fn virtual_host(walk: &mut Walk, host: &VirtualHost) {
    walk.text("name", &host.name, GIVEN);
    walk.counted("domains", &host.domains, (1, usize::MAX), |walk, domain| {
        if let Some(reason) = LINE.broken_by(domain) {
            walk.refuse(reason);
        }
    });
    walk.each("routes", &host.routes, route);
    walk.set("matcher", host.matcher.as_ref(), matcher);
}

fn matcher(walk: &mut Walk, matcher: &Matcher) {
    match &matcher.matcher_type {
        MatcherType::MatcherTree(tree) => walk.field("matcher_tree.exact_match_map.map", |walk| {
            for (key, entry) in &tree.exact_match_map.map {
                walk.behind_key(key, |walk| on_match(walk, entry));
            }
        }),
        MatcherType::MatcherList(list) => walk.field("matcher_list", |walk| {
            walk.each("matchers", &list.matchers, |walk, field| {
                walk.field("on_match", |walk| on_match(walk, &field.on_match));
            });
        }),
    }
    walk.set("on_no_match", matcher.on_no_match.as_deref(), on_match);
}

fn on_match(walk: &mut Walk, entry: &OnMatch) {
    match entry {
        OnMatch::Matcher(inner) => walk.field("matcher", |walk| matcher(walk, inner)),
        OnMatch::Action(action) => walk.field("action.typed_config", |walk| match &action.typed_config {
            MatchAction::Route(found) => route(walk, found),
            MatchAction::RouteList(list) => walk.each("routes", &list.routes, route),
        }),
    }
}

fn route(walk: &mut Walk, route: &Route) {
    let origin = route.metadata.as_ref();
    let origin = origin.and_then(|it| it.filter_metadata.fingerpost.as_ref()?.rules.last());
    let rule = origin.map(|it| format!("VirtualService {}", it.virtual_service));
    walk.of_rule(rule, |walk| {
        walk.field("match", |walk| route_match(walk, &route.matches));
        match &route.action {
            Action::Route(action) => walk.field("route", |walk| route_action(walk, action)),
            Action::Redirect(action) => walk.field("redirect", |walk| redirect(walk, action)),
            Action::DirectResponse(action) => {
                walk.field("direct_response", |walk| direct_response(walk, action));
            }
        }
        added(walk, "request_headers_to_add", &route.request_headers_to_add);
        added(walk, "response_headers_to_add", &route.response_headers_to_add);
        removed(
            walk,
            "request_headers_to_remove",
            &route.request_headers_to_remove,
        );
        removed(
            walk,
            "response_headers_to_remove",
            &route.response_headers_to_remove,
        );
        let filters = &route.typed_per_filter_config;
        walk.field("typed_per_filter_config", |walk| {
            walk.set(
                "envoy.filters.http.cors",
                filters.cors.as_ref(),
                |walk, config| {
                    let CorsPerRoute::Policy(policy) = config;
                    cors(walk, policy);
                },
            );
            walk.set(
                "envoy.filters.http.fault",
                filters.fault.as_ref(),
                |walk, config| {
                    let FaultPerRoute::Fault(config) = config;
                    fault(walk, config);
                },
            );
        });
    });
}

fn added(walk: &mut Walk, name: &'static str, edits: &[HeaderValueOption]) {
    walk.counted(name, edits, (0, MOST_EDITS), |walk, edit| {
        walk.field("header", |walk| {
            walk.text("key", &edit.header.key, HEADER_KEY);
            let wrong = edit_value(&edit.header.value, EnvoyVersion::NEWEST);
            walk.broken("value", wrong.map(|it| it.message));
        });
    });
}

fn removed(walk: &mut Walk, name: &'static str, names: &[String]) {
    walk.each(name, names, |walk, name| {
        if let Some(reason) = NAME.broken_by(name) {
            walk.refuse(reason);
        }
    });
}

fn route_match(walk: &mut Walk, matches: &RouteMatch) {
    match &matches.path {
        PathSpecifier::SafeRegex(pattern) => walk.field("safe_regex", |walk| regex(walk, pattern)),
        PathSpecifier::Prefix(_) | PathSpecifier::Path(_) => {}
    }
    walk.each("headers", &matches.headers, |walk, header| {
        walk.text("name", &header.name, NAME);
        match &header.value {
            HeaderMatch::StringMatch(text) => walk.field("string_match", |walk| string_match(walk, text)),
            HeaderMatch::PresentMatch(_) => {}
        }
    });
    walk.each(
        "query_parameters",
        &matches.query_parameters,
        |walk, parameter| {
            walk.text("name", &parameter.name, PARAMETER);
            match &parameter.value {
                QueryParameterMatch::StringMatch(text) => {
                    walk.field("string_match", |walk| string_match(walk, text));
                }
                QueryParameterMatch::PresentMatch(_) => {}
            }
        },
    );
}

fn regex(walk: &mut Walk, pattern: &RegexMatcher) {
    walk.text("regex", &pattern.regex, GIVEN);
}

fn string_match(walk: &mut Walk, text: &StringMatcher) {
    match &text.pattern {
        StringPattern::Exact(_) => {}
        StringPattern::Prefix(prefix) => walk.text("prefix", prefix, GIVEN),
        StringPattern::SafeRegex(pattern) => walk.field("safe_regex", |walk| regex(walk, pattern)),
        StringPattern::Contains(part) => walk.text("contains", part, GIVEN),
    }
}

fn route_action(walk: &mut Walk, action: &RouteAction) {
    match &action.cluster {
        ClusterSpecifier::Cluster(name) => walk.text("cluster", name, GIVEN),
        ClusterSpecifier::WeightedClusters(weighted) => {
            walk.field("weighted_clusters", |walk| weighted_clusters(walk, weighted));
        }
    }
    line(
        walk,
        "host_rewrite_literal",
        action.host_rewrite_literal.as_deref(),
    );
    line(walk, "prefix_rewrite", action.prefix_rewrite.as_deref());
    walk.set("regex_rewrite", action.regex_rewrite.as_ref(), |walk, rewrite| {
        walk.field("pattern", |walk| regex(walk, &rewrite.pattern));
        walk.text("substitution", &rewrite.substitution, LINE);
    });
    walk.duration("timeout", action.timeout);
    walk.duration("max_grpc_timeout", action.max_grpc_timeout);
    walk.set("retry_policy", action.retry_policy.as_ref(), retry_policy);
    walk.each(
        "request_mirror_policies",
        &action.request_mirror_policies,
        |walk, mirror| {
            walk.text("cluster", &mirror.cluster, GIVEN);
        },
    );
    walk.each("hash_policy", &action.hash_policy, hash_policy);
}

fn line(walk: &mut Walk, name: &'static str, text: Option<&str>) {
    walk.text(name, text.unwrap_or_default(), LINE);
}

fn weighted_clusters(walk: &mut Walk, weighted: &WeightedClusters) {
    walk.counted("clusters", &weighted.clusters, (1, usize::MAX), cluster_weight);
    let sum: u64 = weighted.clusters.iter().map(|it| u64::from(it.weight)).sum();
    if !(1..=u64::from(u32::MAX)).contains(&sum) {
        walk.refuse(format!("the weights add up to {sum}: expected 1 to {}", u32::MAX));
    }
}

fn cluster_weight(walk: &mut Walk, cluster: &ClusterWeight) {
    walk.text("name", &cluster.name, GIVEN);
    line(
        walk,
        "host_rewrite_literal",
        cluster.host_rewrite_literal.as_deref(),
    );
    added(walk, "request_headers_to_add", &cluster.request_headers_to_add);
    added(walk, "response_headers_to_add", &cluster.response_headers_to_add);
    removed(
        walk,
        "request_headers_to_remove",
        &cluster.request_headers_to_remove,
    );
    removed(
        walk,
        "response_headers_to_remove",
        &cluster.response_headers_to_remove,
    );
}

fn retry_policy(walk: &mut Walk, policy: &RetryPolicy) {
    walk.duration("per_try_timeout", policy.per_try_timeout);
    walk.set(
        "retry_back_off",
        policy.retry_back_off.as_ref(),
        |walk, back_off| {
            walk.positive("base_interval", Some(back_off.base_interval));
        },
    );
}

fn hash_policy(walk: &mut Walk, policy: &HashPolicy) {
    match policy {
        HashPolicy::Header(header) => {
            walk.field("header", |walk| {
                walk.text("header_name", &header.header_name, NAME);
            });
        }
        HashPolicy::Cookie(cookie) => walk.field("cookie", |walk| {
            walk.text("name", &cookie.name, GIVEN);
            walk.duration("ttl", cookie.ttl);
        }),
        HashPolicy::QueryParameter(parameter) => {
            walk.field("query_parameter", |walk| {
                walk.text("name", &parameter.name, GIVEN);
            });
        }
        HashPolicy::ConnectionProperties(_) => {}
    }
}

fn redirect(walk: &mut Walk, action: &RedirectAction) {
    walk.text("host_redirect", &action.host_redirect, LINE);
    line(walk, "path_redirect", action.path_redirect.as_deref());
    line(walk, "prefix_rewrite", action.prefix_rewrite.as_deref());
}

fn direct_response(walk: &mut Walk, action: &DirectResponseAction) {
    walk.number("status", action.status.into(), STATUS);
    let size = match &action.body {
        Some(DataSource::InlineString(text)) => text.len(),
        Some(DataSource::InlineBytes(_) | DataSource::Filename(_)) | None => 0,
    };
    let wrong = size > MOST_BODY_BYTES;
    walk.broken(
        "body",
        wrong.then(|| format!("the body has {size} bytes: expected at most {MOST_BODY_BYTES}")),
    );
}

fn cors(walk: &mut Walk, policy: &CorsPolicy) {
    walk.each(
        "allow_origin_string_match",
        &policy.allow_origin_string_match,
        string_match,
    );
}

fn fault(walk: &mut Walk, fault: &HttpFault) {
    walk.set("delay", fault.delay.as_ref(), |walk, delay| {
        walk.positive("fixed_delay", Some(delay.fixed_delay));
    });
    walk.set("abort", fault.abort.as_ref(), |walk, abort| match abort.error {
        AbortError::HttpStatus(status) => walk.number("http_status", status.into(), STATUS),
        AbortError::GrpcStatus(_) => {}
    });
}
