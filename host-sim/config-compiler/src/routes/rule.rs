//! What one rule of a VirtualService does with a request that one of its matches takes.
//!
//! Decides which action wins, and where a forwarded request goes. Timeouts, retries, faults, CORS and mirrors are
//! written by `policies`.
//! Source: istio `pilot/pkg/networking/core/route/route.go`, `TranslateRoute`, `applyHTTPRouteDestination`;
//! docs/istio-routing.md 3.

use fingerpost_envoy_config::route::HashPolicy;
use fingerpost_resources::{
    Destination, HttpRewrite, HttpRoute, HttpRouteDestination, Resource, VirtualService,
};
use fingerpost_routing_config::{RegexRewrite, Rewrite, RuleRef};

use super::answers::{direct_response, redirect};
use super::route::{Destinations, Forward, LeftOut, Route, Share, Target};
use crate::header_edits::HeaderEdits;
use crate::matching::{self, GatewayPort};
use crate::mesh::Mesh;
use crate::policies;
use crate::services::ClusterRef;
use crate::unserved::cause::Cause;
use crate::virtual_services::{BoundVirtualService, Rule};

/// A rule, and where its routes are served.
pub(super) struct RuleBuilder<'a, 'r> {
    pub(super) service: &'a BoundVirtualService<'r>,
    pub(super) rule: &'a Rule<'r>,
    pub(super) gateway_port: GatewayPort<'a>,
    pub(super) server_has_tls: bool,
    pub(super) mesh: &'a Mesh<'a>,
}

impl<'r> RuleBuilder<'_, 'r> {
    pub(super) fn route(&self, index: Option<usize>) -> Route<'r> {
        let rule = &self.rule.route;
        let matched = index.and_then(|index| self.rule.matches.get(index));
        let conditions = matched.map_or_else(matching::everything, |(_, it)| matching::conditions(it));
        let name = match matched {
            Some((_, request)) if !request.name.is_empty() => format!("{}.{}", rule.name, request.name),
            _ => rule.name.clone(),
        };
        let mut edits = HeaderEdits::new(rule.headers.as_deref());
        let target = self.target(&mut edits);
        let rewrite = match target {
            Target::Forward(_) => rule.rewrite.as_deref().and_then(rewrite),
            Target::Redirect(_) | Target::Respond(_) => None,
        };
        // What an expression leaves of a path is not known; the filter keeps a path that would be empty.
        let may_be_empty = matches!(rewrite, Some(Rewrite::Regex(_)))
            && !self.mesh.options.envoy.keeps_a_path_that_would_be_empty();
        let rewrite_stays =
            may_be_empty || edits.look_at_the_path() || self.a_destination_looks_at_the_path();
        Route {
            rule: self.rule_ref(index),
            name,
            conditions,
            claims: matched.map(|(_, it)| matching::claims(it)).unwrap_or_default(),
            rewrite,
            rewrite_stays,
            target,
            stat_prefix: matched.map(|(_, it)| it.stat_prefix.clone()).unwrap_or_default(),
            edits,
            cors: rule.cors_policy.as_deref().map(policies::cors).map(Box::new),
            fault: rule.fault.as_deref().and_then(policies::fault).map(Box::new),
            leaf: self.rule.leaf,
            path: self.path(index),
            root: self.root(),
        }
    }

    /// The rule that delegates, if there is one.
    fn root(&self) -> Option<(&'r Resource<VirtualService>, String)> {
        match self.rule.steps.as_slice() {
            [root, _, ..] => Some((self.service.resource, format!("spec.http[{}]", root.http))),
            _ => None,
        }
    }

    pub(super) fn left_out(&self, index: Option<usize>, reason: Cause) -> LeftOut<'r> {
        let matched = index.and_then(|index| self.rule.matches.get(index));
        LeftOut {
            rule: self.rule_ref(index),
            conditions: matched.map_or_else(matching::everything, |(_, it)| matching::conditions(it)),
            reason,
            leaf: self.rule.leaf,
            path: self.path(index),
        }
    }

    fn rule_ref(&self, index: Option<usize>) -> RuleRef {
        let matched = index.and_then(|index| self.rule.matches.get(index));
        RuleRef {
            rules: self.rule.steps.clone(),
            matched: matched.map(|(name, _)| name.clone()),
        }
    }

    fn path(&self, index: Option<usize>) -> String {
        let rule = &self.rule.path;
        match index.and_then(|index| self.rule.matches.get(index)) {
            // The name of a merged match ends with the leaf's own index.
            Some((name, _)) if self.rule.steps.len() == 1 => format!("{rule}.match[{name}]"),
            Some(_) | None => rule.clone(),
        }
    }

    /// A redirect wins over a direct response, and that over a destination: a delegate may have all.
    fn target(&self, edits: &mut HeaderEdits) -> Target {
        let rule = &self.rule.route;
        if let Some(given) = &rule.redirect {
            let redirect = redirect(given, self.gateway_port, self.server_has_tls);
            return Target::Redirect(Box::new(redirect));
        }
        if let Some(given) = &rule.direct_response {
            return Target::Respond(direct_response(given));
        }
        Target::Forward(Box::new(self.forward(rule, edits)))
    }

    fn forward(&self, rule: &HttpRoute, edits: &mut HeaderEdits) -> Forward {
        let destinations = match rule.route.as_slice() {
            // A lone destination takes all traffic whatever its weight.
            [only] => {
                let own = HeaderEdits::new(only.headers.as_deref());
                *edits = std::mem::take(edits).then(&own);
                Destinations::One(self.cluster_of(only))
            }
            several => {
                let shares = several.iter().enumerate();
                Destinations::Split(shares.filter_map(|(index, it)| self.share(index, it)).collect())
            }
        };
        let rewritten_to = rule.rewrite.as_ref().map(|it| it.authority.clone());
        let hash_policies = self.hash_policies(rule);
        let lone_hash = rule.route.len() == 1 && !hash_policies.is_empty();
        Forward {
            destinations,
            authority: rewritten_to
                .filter(|it| !it.is_empty())
                .or_else(|| edits.authority.clone()),
            timeout: rule.timeout.unwrap_or_default().into(),
            retry_policy: policies::retry_policy(rule.retries.as_deref(), lone_hash),
            mirrors: policies::mirrors(rule, |destination| self.cluster(destination)),
            hash_policies,
        }
    }

    /// A destination of several; none if it has no weight.
    fn share(&self, destination: usize, given: &HttpRouteDestination) -> Option<Share> {
        let weight = u32::try_from(given.weight.unwrap_or(0)).ok()?;
        (weight > 0).then(|| Share {
            destination,
            cluster: self.cluster_of(given),
            weight,
            edits: HeaderEdits::new(given.headers.as_deref()),
        })
    }

    fn cluster_of(&self, given: &HttpRouteDestination) -> ClusterRef {
        let destination = given.destination.as_ref();
        destination.map_or_else(unknown_service, |it| self.cluster(it))
    }

    fn cluster(&self, destination: &Destination) -> ClusterRef {
        let namespace = &self.service.resource.meta.namespace;
        self.mesh
            .services
            .cluster(destination, namespace, self.gateway_port.port)
    }

    /// Each destination that is used adds the hash policy of its DestinationRule.
    fn hash_policies(&self, rule: &HttpRoute) -> Vec<HashPolicy> {
        let namespace = &self.service.resource.meta.namespace;
        let takes_requests = |it: &&HttpRouteDestination| rule.route.len() == 1 || it.weight.unwrap_or(0) > 0;
        let used = rule.route.iter().filter(takes_requests);
        let destinations = used.filter_map(|it| it.destination.as_ref());
        destinations
            .filter_map(|destination| {
                let cluster = self.cluster(destination);
                let port = destination.port.as_ref().and_then(|port| port.number);
                let rule = self.mesh.rule_of(&cluster, namespace)?;
                policies::hash_policy(rule, &cluster, port.is_some())
            })
            .collect()
    }

    fn a_destination_looks_at_the_path(&self) -> bool {
        let destinations = &self.rule.route.route;
        destinations.len() > 1
            && destinations
                .iter()
                .any(|it| HeaderEdits::new(it.headers.as_deref()).look_at_the_path())
    }
}

/// The cluster of a destination that names no host.
fn unknown_service() -> ClusterRef {
    ClusterRef {
        hostname: "UnknownService".to_owned(),
        port: 0,
        subset: String::new(),
    }
}

/// The change of the path, if there is one: an empty `uri` is none (docs/istio-routing.md 3.4).
fn rewrite(given: &HttpRewrite) -> Option<Rewrite> {
    if let Some(regex) = &given.uri_regex_rewrite {
        return Some(Rewrite::Regex(RegexRewrite {
            pattern: regex.matches.clone(),
            substitution: regex.rewrite.clone(),
        }));
    }
    (!given.uri.is_empty()).then(|| Rewrite::Uri(given.uri.clone()))
}
