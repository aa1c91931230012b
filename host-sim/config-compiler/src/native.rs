//! Routes for Envoy's own router: the reference engine.
//!
//! Writes each route as Istio would send it. The same actions, without match and rewrite, are behind the keys of
//! `dispatch`.

use fingerpost_envoy_config::matcher::{RegexMatchAndSubstitute, RegexMatcher};
use fingerpost_envoy_config::route::{
    self, Action, ClusterSpecifier, ClusterWeight, CorsPerRoute, FaultPerRoute, FilterMetadata, Metadata,
    PerFilterConfig, RouteAction, RouteConfiguration, RouteOrigin, RouteOriginRule, TlsRequirement,
    WeightedClusters,
};
use fingerpost_routing_config::{Rewrite, RuleRef};

use crate::matching;
use crate::routes::route::{Destinations, Forward, Route, Share, Target};
use crate::virtual_hosts::{RouteConfig, VirtualHost};

/// The most bytes of a direct response: Istio's setting.
const MOST_BODY_BYTES: u32 = 1_048_576;

/// A `RouteConfiguration` that matches by itself.
pub(crate) fn route_config(config: &RouteConfig<'_>) -> RouteConfiguration {
    let virtual_hosts = config.virtual_hosts.iter().map(|host| route::VirtualHost {
        routes: host.routes.iter().map(|it| route(it)).collect(),
        ..virtual_host(host)
    });
    route_configuration(config, virtual_hosts.collect())
}

/// A `RouteConfiguration` with the settings that Istio gives every gateway.
pub(crate) fn route_configuration(
    config: &RouteConfig<'_>,
    virtual_hosts: Vec<route::VirtualHost>,
) -> RouteConfiguration {
    RouteConfiguration {
        name: config.name.clone(),
        virtual_hosts,
        validate_clusters: Some(false),
        ignore_port_in_host_matching: true,
        max_direct_response_body_size_bytes: Some(MOST_BODY_BYTES),
    }
}

/// What both engines write of a virtual host: all but its routes.
pub(crate) fn virtual_host(host: &VirtualHost<'_>) -> route::VirtualHost {
    route::VirtualHost {
        name: host.name.clone(),
        domains: vec![host.domain.clone()],
        require_tls: if host.requires_tls {
            TlsRequirement::All
        } else {
            TlsRequirement::None
        },
        include_request_attempt_count: true,
        ..route::VirtualHost::default()
    }
}

/// A route with its own conditions and all its destinations. Its metadata names the rule, for access logs.
fn route(route: &Route<'_>) -> route::Route {
    let action = action(&route.target, route.rewrite.as_ref());
    route::Route {
        metadata: Some(Metadata {
            filter_metadata: FilterMetadata {
                fingerpost: Some(origin(&route.rule)),
            },
        }),
        ..envoy_route(route, matching::native(&route.conditions), action)
    }
}

/// The action of a route with all its destinations.
pub(crate) fn action(target: &Target, rewrite: Option<&Rewrite>) -> Action {
    match target {
        Target::Forward(forward) => {
            let cluster = match &forward.destinations {
                Destinations::One(cluster) => ClusterSpecifier::Cluster(cluster.name()),
                Destinations::Split(shares) => weighted(shares),
            };
            forward_to(cluster, forward, rewrite)
        }
        Target::Redirect(redirect) => Action::Redirect((**redirect).clone()),
        Target::Respond(response) => Action::DirectResponse(response.clone()),
    }
}

/// The policies of a route that forwards, with this cluster or these clusters.
pub(crate) fn forward_to(cluster: ClusterSpecifier, forward: &Forward, rewrite: Option<&Rewrite>) -> Action {
    let (prefix_rewrite, regex_rewrite) = match rewrite {
        None => (None, None),
        Some(Rewrite::Uri(uri)) => (Some(uri.clone()), None),
        Some(Rewrite::Regex(regex)) => {
            let rewrite = RegexMatchAndSubstitute {
                pattern: RegexMatcher::new(&regex.pattern),
                substitution: regex.substitution.clone(),
            };
            (None, Some(rewrite))
        }
    };
    Action::Route(Box::new(RouteAction {
        cluster,
        host_rewrite_literal: forward.authority.clone(),
        timeout: Some(forward.timeout),
        retry_policy: forward.retry_policy.clone(),
        max_grpc_timeout: Some(forward.timeout),
        request_mirror_policies: forward.mirrors.iter().map(|it| it.policy.clone()).collect(),
        hash_policy: forward.hash_policies.clone(),
        prefix_rewrite,
        regex_rewrite,
    }))
}

/// Clusters by weight. Also of a lone share the two levels are kept: its edits are made before those of the rule, and
/// the rule's win (docs/istio-routing.md 3.10).
pub(crate) fn weighted(shares: &[Share]) -> ClusterSpecifier {
    let clusters = shares.iter().map(|share| ClusterWeight {
        name: share.cluster.name(),
        weight: share.weight,
        request_headers_to_add: share.edits.request.to_add(),
        request_headers_to_remove: share.edits.request.to_remove(),
        response_headers_to_add: share.edits.response.to_add(),
        response_headers_to_remove: share.edits.response.to_remove(),
        host_rewrite_literal: share.edits.authority.clone(),
    });
    ClusterSpecifier::WeightedClusters(WeightedClusters {
        clusters: clusters.collect(),
    })
}

/// An Envoy `Route`: all that it does, and nothing of where it comes from.
pub(crate) fn envoy_route(route: &Route<'_>, matches: route::RouteMatch, action: Action) -> route::Route {
    route::Route {
        name: route.name.clone(),
        matches,
        action,
        metadata: None,
        stat_prefix: route.stat_prefix.clone(),
        request_headers_to_add: route.edits.request.to_add(),
        request_headers_to_remove: route.edits.request.to_remove(),
        response_headers_to_add: route.edits.response.to_add(),
        response_headers_to_remove: route.edits.response.to_remove(),
        typed_per_filter_config: PerFilterConfig {
            cors: route.cors.as_deref().cloned().map(CorsPerRoute::Policy),
            fault: route.fault.as_deref().cloned().map(FaultPerRoute::Fault),
        },
        decorator: None,
    }
}

fn origin(rule: &RuleRef) -> RouteOrigin {
    let rules = rule.rules.iter().map(|step| RouteOriginRule {
        virtual_service: step.virtual_service.clone(),
        http: step.http,
    });
    RouteOrigin {
        rules: rules.collect(),
        matched: rule.matched.clone(),
        name: None,
        virtual_host: None,
    }
}
