//! One rule of a VirtualService as routes: a route for each match that can apply, with one action.
//!
//! Decides which action wins and what it consists of. Timeouts, retries, faults, CORS and mirrors are
//! written by `policies`; which engine carries the route out is `native`'s and `dispatch`'s matter.
//! Source: istio `pilot/pkg/networking/core/route/route.go`, `BuildHTTPRoutesForVirtualService`,
//! `TranslateRoute`, `applyHTTPRouteDestination`; docs/istio-routing.md 2.2, 3.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fingerpost_envoy_config::Duration;
use fingerpost_envoy_config::core::DataSource;
use fingerpost_envoy_config::filters::cors::CorsPolicy;
use fingerpost_envoy_config::filters::fault::HttpFault;
use fingerpost_envoy_config::route::{
    DirectResponseAction, HashPolicy, RedirectAction, RedirectResponseCode, RequestMirrorPolicy, RetryPolicy,
};
use fingerpost_resources::{
    Destination, DirectBody, HttpDirectResponse, HttpRedirect, HttpRewrite, HttpRoute, HttpRouteDestination,
    RedirectPort, Resource, VirtualService,
};
use fingerpost_routing_config::{RegexRewrite, Rewrite, RouteMatch, RuleRef};

use crate::header_edits::HeaderEdits;
use crate::matching::{self, ClaimMatch, Place};
use crate::mesh::Mesh;
use crate::policies;
use crate::services::ClusterRef;
use crate::unserved::Cause;
use crate::virtual_services::{BoundVirtualService, DroppedRule, Rule};

/// A route, before it is written for one engine or the other.
#[derive(Debug, Clone)]
pub(crate) struct Route<'r> {
    /// The rule and the match that it comes from.
    pub rule: RuleRef,
    /// The name that Istio gives it: those of the rule and the match.
    pub name: String,
    /// What a request must have.
    pub conditions: RouteMatch,
    /// Those of them that are about claims of a token.
    pub claims: Vec<ClaimMatch>,
    /// The change of the path; of a forwarded request only.
    pub rewrite: Option<Rewrite>,
    /// Whether the rewrite must stay with Envoy, since something on the route tells the difference.
    pub rewrite_stays: bool,
    /// What happens to the request.
    pub target: Target,
    /// The name of its statistics; empty for none.
    pub stat_prefix: String,
    /// The rule's edits of the headers, and after them those of a lone destination.
    pub edits: HeaderEdits,
    /// What other origins may do.
    pub cors: Option<CorsPolicy>,
    /// Delays and failures that are put in.
    pub fault: Option<HttpFault>,
    /// The resource that holds the rule.
    pub leaf: &'r Resource<VirtualService>,
    /// The path of the rule or of its match, such as `spec.http[1].match[0]`.
    pub path: String,
    /// The resource and the path of the rule that delegates to this one.
    pub root: Option<(&'r Resource<VirtualService>, String)>,
}

/// What happens to a request that a route takes.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// It goes to a cluster.
    Forward(Box<Forward>),
    /// The client is sent elsewhere.
    Redirect(RedirectAction),
    /// It is answered at once.
    Respond(DirectResponseAction),
}

/// Where a request goes, and under which policies: an Envoy `RouteAction` without the rewrite.
#[derive(Debug, Clone)]
pub(crate) struct Forward {
    /// The clusters that share the requests.
    pub destinations: Destinations,
    /// The authority that the upstream receives, if the rule sets one.
    pub authority: Option<String>,
    /// How long the whole answer may take; 0 for no limit.
    pub timeout: Duration,
    /// When a request is sent again.
    pub retry_policy: Option<RetryPolicy>,
    /// Clusters that get a copy.
    pub mirrors: Vec<Mirror>,
    /// What a hashing cluster chooses its endpoint by.
    pub hash_policies: Vec<HashPolicy>,
}

/// The clusters of a route that forwards.
#[derive(Debug, Clone)]
pub(crate) enum Destinations {
    /// One takes all requests.
    One(ClusterRef),
    /// Each has its share. Only those with a weight are here.
    Split(Vec<Share>),
}

/// A cluster that gets copies.
#[derive(Debug, Clone)]
pub(crate) struct Mirror {
    /// Which.
    pub cluster: ClusterRef,
    /// How many, and how they are sent.
    pub policy: RequestMirrorPolicy,
}

/// One destination of a split.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    /// Its index in the rule's `route` list.
    pub destination: usize,
    /// The cluster.
    pub cluster: ClusterRef,
    /// Its part of the sum of all weights.
    pub weight: u32,
    /// Edits of its own, made before those of the rule.
    pub edits: HeaderEdits,
}

/// A match that makes no route, although its VirtualService is served.
#[derive(Debug, Clone)]
pub(crate) struct LeftOut<'r> {
    /// The rule and the match.
    pub rule: RuleRef,
    /// What it asks of a request.
    pub conditions: RouteMatch,
    /// Why it makes none.
    pub reason: Cause,
    /// The resource that holds the rule.
    pub leaf: &'r Resource<VirtualService>,
    /// The path of the rule or of its match.
    pub path: String,
}

/// The routes of a VirtualService for one Gateway, and what makes none.
#[derive(Debug, Clone, Default)]
pub(crate) struct BuiltRoutes<'r> {
    /// In order. A catch-all ends them.
    pub routes: Vec<Route<'r>>,
    /// What makes no route.
    pub left_out: Vec<LeftOut<'r>>,
}

/// The routes of `service` for one Gateway.
pub(crate) fn build<'r>(
    service: &BoundVirtualService<'r>,
    place: Place<'_>,
    server_has_tls: bool,
    mesh: &Mesh<'_>,
) -> BuiltRoutes<'r> {
    let mut built = BuiltRoutes::default();
    let mut ended_by: Option<RuleRef> = None;
    for rule in &service.rules {
        let builder = RuleBuilder {
            service,
            rule,
            place,
            server_has_tls,
            mesh,
        };
        let all = (0..rule.matches.len()).map(Some);
        for index in all.chain(rule.matches.is_empty().then_some(None)) {
            let request = index.and_then(|it| rule.matches.get(it)).map(|(_, it)| it);
            let mismatch = request.and_then(|it| matching::mismatch(it, place, mesh.options));
            let reason = match (mismatch, &ended_by) {
                (Some(mismatch), _) => Some(Cause::NeverApplies(mismatch)),
                (None, Some(end)) => Some(Cause::Behind(end.clone())),
                (None, None) => None,
            };
            if let Some(reason) = reason {
                built.left_out.push(builder.left_out(index, reason));
                continue;
            }
            let route = builder.route(index);
            if matching::is_catch_all(&route.conditions) {
                ended_by = Some(route.rule.clone());
            }
            built.routes.push(route);
        }
    }
    built.left_out.extend(service.dropped.iter().flat_map(dropped));
    built
}

/// What a rule that Istio drops because of its delegate would have taken.
fn dropped<'r>(rule: &DroppedRule<'r>) -> Vec<LeftOut<'r>> {
    let left_out = |matched: Option<String>, conditions: RouteMatch| LeftOut {
        rule: RuleRef {
            rules: rule.steps.clone(),
            matched,
        },
        conditions,
        reason: Cause::Dropped(rule.fault.clone()),
        leaf: rule.leaf,
        path: rule.path.clone(),
    };
    if rule.matches.is_empty() {
        return vec![left_out(None, matching::everything())];
    }
    let matches = rule.matches.iter();
    matches
        .map(|(index, it)| left_out(Some(index.clone()), matching::conditions(it)))
        .collect()
}

impl Route<'_> {
    /// Whether it takes no request, since no token is verified.
    pub(crate) fn wants_a_claim(&self) -> bool {
        self.claims.iter().any(|it| it.is_wanted)
    }

    /// The path of the rule in its resource, without the match.
    pub(crate) fn rule_path(&self) -> &str {
        self.path.split(".match[").next().unwrap_or(&self.path)
    }
}

struct RuleBuilder<'a, 'r> {
    service: &'a BoundVirtualService<'r>,
    rule: &'a Rule<'r>,
    place: Place<'a>,
    server_has_tls: bool,
    mesh: &'a Mesh<'a>,
}

impl<'r> RuleBuilder<'_, 'r> {
    fn route(&self, index: Option<usize>) -> Route<'r> {
        let rule = &self.rule.route;
        let matched = index.and_then(|index| self.rule.matches.get(index));
        let conditions = matched.map_or_else(matching::everything, |(_, it)| matching::conditions(it));
        let name = match matched {
            Some((_, request)) if !request.name.is_empty() => format!("{}.{}", rule.name, request.name),
            _ => rule.name.clone(),
        };
        let mut edits = HeaderEdits::new(rule.headers.as_ref());
        let target = self.target(&mut edits);
        let rewrite = match target {
            Target::Forward(_) => rule.rewrite.as_ref().and_then(rewrite),
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
            cors: rule.cors_policy.as_ref().map(policies::cors),
            fault: rule.fault.as_ref().and_then(policies::fault),
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

    fn left_out(&self, index: Option<usize>, reason: Cause) -> LeftOut<'r> {
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
            matched: matched.map(|(place, _)| place.clone()),
        }
    }

    fn path(&self, index: Option<usize>) -> String {
        let rule = &self.rule.path;
        match index.and_then(|index| self.rule.matches.get(index)) {
            // The place of a merged match ends with the leaf's own index.
            Some((place, _)) if self.rule.steps.len() == 1 => format!("{rule}.match[{place}]"),
            Some(_) | None => rule.clone(),
        }
    }

    /// A redirect wins over a direct response, and that over a destination: a delegate may have all.
    fn target(&self, edits: &mut HeaderEdits) -> Target {
        let rule = &self.rule.route;
        if let Some(given) = &rule.redirect {
            return Target::Redirect(self.redirect(given));
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
                let own = HeaderEdits::new(only.headers.as_ref());
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
            retry_policy: policies::retry_policy(rule.retries.as_ref(), lone_hash),
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
            edits: HeaderEdits::new(given.headers.as_ref()),
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
            .cluster(destination, namespace, self.place.port)
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
                .any(|it| HeaderEdits::new(it.headers.as_ref()).look_at_the_path())
    }

    /// Istio route.go, `ApplyRedirect`; docs/istio-routing.md 3.2.
    fn redirect(&self, given: &HttpRedirect) -> RedirectAction {
        let (path_redirect, prefix_rewrite) = if given.prefix_rewrite.is_empty() {
            (Some(given.uri.clone()), None)
        } else {
            (None, Some(given.prefix_rewrite.clone()))
        };
        let port = match given.redirect_port {
            Some(RedirectPort::Number(number)) => number,
            Some(RedirectPort::FromRequestPort) => self.place.port,
            Some(RedirectPort::FromProtocolDefault) | None => 0,
        };
        let scheme = match given.scheme.as_str() {
            "" if self.server_has_tls => "https",
            "" => "http",
            scheme => scheme,
        };
        let is_default = (scheme == "http" && port == 80) || (scheme == "https" && port == 443);
        RedirectAction {
            path_redirect,
            prefix_rewrite,
            host_redirect: given.authority.clone(),
            scheme_redirect: given.scheme.clone(),
            port_redirect: if is_default { 0 } else { port },
            // A code that Envoy does not have is an error: `refused`.
            response_code: redirect_code(given.redirect_code.unwrap_or(0)).unwrap_or_default(),
        }
    }
}

/// Envoy has no redirect with that status.
#[derive(Debug)]
pub(crate) struct UnknownRedirect;

/// Envoy's code of a redirect's status (istio route.go, `ApplyRedirect`).
pub(crate) fn redirect_code(status: u32) -> Result<RedirectResponseCode, UnknownRedirect> {
    Ok(match status {
        0 | 301 => RedirectResponseCode::MovedPermanently,
        302 => RedirectResponseCode::Found,
        303 => RedirectResponseCode::SeeOther,
        307 => RedirectResponseCode::TemporaryRedirect,
        308 => RedirectResponseCode::PermanentRedirect,
        _ => return Err(UnknownRedirect),
    })
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

fn direct_response(given: &HttpDirectResponse) -> DirectResponseAction {
    DirectResponseAction {
        status: given.status.unwrap_or(200),
        body: given.body.as_ref().map(|body| match body {
            DirectBody::Text(text) => DataSource::InlineString(text.clone()),
            DirectBody::Bytes(bytes) => DataSource::InlineBytes(BASE64.encode(bytes)),
        }),
    }
}
