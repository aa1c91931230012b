//! One rule of a VirtualService as routes: a route for each match that can apply, with one action.
//!
//! Decides which action wins and what it consists of. Timeouts, retries, faults, CORS and mirrors are
//! written by `policies`; which engine carries the route out is `native`'s and `dispatch`'s matter.
//! Source: istio `pilot/pkg/networking/core/route/route.go`, `BuildHTTPRoutesForVirtualService`,
//! `TranslateRoute`, `applyHTTPRouteDestination`; spec 2.2, 3.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fingerpost_resources::{
    DirectBody, HttpDirectResponse, HttpRedirect, HttpRewrite, HttpRoute, RedirectPort, Resource,
    VirtualService,
};
use fingerpost_routing_config::{RegexRewrite, Rewrite, RouteMatch, RuleRef};
use serde_json::{Value, json};

use crate::header_edits::HeaderEdits;
use crate::matching::{self, Place};
use crate::mesh::Mesh;
use crate::policies;
use crate::proto::{Fields, duration};
use crate::services::ClusterRef;
use crate::virtual_services::{BoundService, Rule};

/// A route, before it is written for one engine or the other.
#[derive(Debug, Clone)]
pub(crate) struct Route<'r> {
    /// The rule and the match that it comes from.
    pub rule: RuleRef,
    /// The name that Istio gives it: those of the rule and the match.
    pub name: String,
    /// What a request must have.
    pub conditions: RouteMatch,
    /// The change of the path; of a forwarded request only.
    pub rewrite: Option<Rewrite>,
    /// Whether the rewrite must stay with Envoy, since something on the route tells the difference.
    pub rewrite_stays: bool,
    /// What happens to the request.
    pub target: Target,
    /// Clusters that get a copy of it.
    pub mirrors: Vec<ClusterRef>,
    /// Fields of the Envoy `Route` beside its match and its action: edits, per-filter policies.
    pub outer: Fields,
    /// The resource that holds the rule.
    pub leaf: &'r Resource<VirtualService>,
    /// The path of the rule or of its match, such as `spec.http[1].match[0]`.
    pub path: String,
}

/// What happens to a request that a route takes.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// It goes to one cluster.
    Cluster {
        /// Which.
        cluster: ClusterRef,
        /// Fields of the Envoy `RouteAction` beside the cluster and the rewrite.
        policies: Fields,
    },
    /// It goes to one of several clusters.
    Split {
        /// Those with a weight. Each has the edits of its own.
        shares: Vec<Share>,
        /// As above.
        policies: Fields,
    },
    /// It is sent elsewhere: fields of an Envoy `RedirectAction`.
    Redirect(Fields),
    /// It is answered at once: fields of an Envoy `DirectResponseAction`.
    DirectResponse(Fields),
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
    /// Fields of the Envoy `ClusterWeight` beside its name and weight.
    pub edits: Fields,
}

/// A match that makes no route, although its VirtualService is served.
#[derive(Debug, Clone)]
pub(crate) struct LeftOut<'r> {
    /// The rule and the match.
    pub rule: RuleRef,
    /// What it asks of a request.
    pub conditions: RouteMatch,
    /// Why it makes none.
    pub reason: LeftOutReason,
    /// The resource that holds the rule.
    pub leaf: &'r Resource<VirtualService>,
    /// The path of the rule or of its match.
    pub path: String,
}

/// Why a match makes no route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeftOutReason {
    /// This rule of the same VirtualService stands before it and takes everything: Istio sends nothing behind.
    Behind(RuleRef),
    /// It is for another port, another Gateway or another proxy.
    Elsewhere,
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
    service: &BoundService<'r>,
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
            let applies = request.is_none_or(|it| matching::applies(it, place, mesh.options));
            let reason = match &ended_by {
                _ if !applies => Some(LeftOutReason::Elsewhere),
                Some(end) => Some(LeftOutReason::Behind(end.clone())),
                None => None,
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
    built
}

impl Route<'_> {
    /// The path of the rule in its resource, without the match.
    pub(crate) fn rule_path(&self) -> &str {
        self.path.split(".match[").next().unwrap_or(&self.path)
    }
}

struct RuleBuilder<'a, 'r> {
    service: &'a BoundService<'r>,
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
        let mut outer = Fields::new();
        if let Some((_, request)) = matched
            && !request.stat_prefix.is_empty()
        {
            outer.insert("stat_prefix".to_owned(), json!(request.stat_prefix));
        }
        let mut edits = HeaderEdits::new(rule.headers.as_ref());
        let target = self.target(&mut edits);
        let rewrite = match target {
            Target::Cluster { .. } | Target::Split { .. } => rule.rewrite.as_ref().and_then(rewrite),
            Target::Redirect(_) | Target::DirectResponse(_) => None,
        };
        let mirrors = match target {
            Target::Cluster { .. } | Target::Split { .. } => {
                self.mirrors().into_iter().map(|(it, _)| it).collect()
            }
            Target::Redirect(_) | Target::DirectResponse(_) => Vec::new(),
        };
        edits.write(&mut outer);
        policies::write_per_filter(rule, &mut outer);
        // Of an expression nobody knows what it leaves; the filter keeps a path that would be empty.
        let may_be_empty = matches!(rewrite, Some(Rewrite::Regex(_)))
            && !self.mesh.options.envoy.keeps_a_path_that_would_be_empty();
        let rewrite_stays =
            may_be_empty || edits.look_at_the_path() || self.a_destination_looks_at_the_path();
        Route {
            rule: self.rule_ref(index),
            name,
            conditions,
            rewrite,
            rewrite_stays,
            target,
            mirrors,
            outer,
            leaf: self.rule.leaf,
            path: self.path(index),
        }
    }

    fn left_out(&self, index: Option<usize>, reason: LeftOutReason) -> LeftOut<'r> {
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
            return Target::DirectResponse(direct_response(given));
        }
        self.forward(rule, edits)
    }

    fn forward(&self, rule: &HttpRoute, edits: &mut HeaderEdits) -> Target {
        let cluster = |host: &fingerpost_resources::Destination| self.cluster(host);
        let target = match rule.route.as_slice() {
            // A lone destination takes all traffic whatever its weight.
            [only] => {
                let own = HeaderEdits::new(only.headers.as_ref());
                *edits = std::mem::take(edits).then(&own);
                let to = only
                    .destination
                    .as_ref()
                    .map(cluster)
                    .unwrap_or_else(unknown_service);
                Target::Cluster {
                    cluster: to,
                    policies: Fields::new(),
                }
            }
            several => {
                let shares: Vec<Share> = several
                    .iter()
                    .enumerate()
                    .filter_map(|(destination, it)| {
                        let weight = u32::try_from(it.weight.unwrap_or(0))
                            .ok()
                            .filter(|weight| *weight > 0)?;
                        let own = HeaderEdits::new(it.headers.as_ref());
                        let mut fields = Fields::new();
                        own.write(&mut fields);
                        if let Some(authority) = &own.authority {
                            fields.insert("host_rewrite_literal".to_owned(), json!(authority));
                        }
                        let to = it
                            .destination
                            .as_ref()
                            .map(cluster)
                            .unwrap_or_else(unknown_service);
                        Some(Share {
                            destination,
                            cluster: to,
                            weight,
                            edits: fields,
                        })
                    })
                    .collect();
                Target::Split {
                    shares,
                    policies: Fields::new(),
                }
            }
        };
        let mut written = Fields::new();
        let rewritten_to = rule
            .rewrite
            .as_ref()
            .map(|it| it.authority.clone())
            .filter(|it| !it.is_empty());
        if let Some(authority) = rewritten_to.or_else(|| edits.authority.clone()) {
            written.insert("host_rewrite_literal".to_owned(), json!(authority));
        }
        let timeout = rule.timeout.unwrap_or_default();
        written.insert("timeout".to_owned(), duration(timeout));
        let hashes: Vec<Value> = self.hash_policies(rule);
        let lone_hash = rule.route.len() == 1 && !hashes.is_empty();
        policies::write_retries(rule.retries.as_ref(), lone_hash, &mut written);
        written.insert("max_grpc_timeout".to_owned(), duration(timeout));
        let mirrors = self.mirrors();
        if !mirrors.is_empty() {
            let mirrors: Vec<Value> = mirrors.into_iter().map(|(_, written)| written).collect();
            written.insert("request_mirror_policies".to_owned(), mirrors.into());
        }
        if !hashes.is_empty() {
            written.insert("hash_policy".to_owned(), hashes.into());
        }
        match target {
            Target::Cluster { cluster, .. } => Target::Cluster {
                cluster,
                policies: written,
            },
            Target::Split { shares, .. } => Target::Split {
                shares,
                policies: written,
            },
            other @ (Target::Redirect(_) | Target::DirectResponse(_)) => other,
        }
    }

    fn mirrors(&self) -> Vec<(ClusterRef, Value)> {
        policies::mirrors(&self.rule.route, |destination| self.cluster(destination))
    }

    fn cluster(&self, destination: &fingerpost_resources::Destination) -> ClusterRef {
        let namespace = &self.service.resource.meta.namespace;
        self.mesh
            .services
            .cluster(destination, namespace, self.place.port)
    }

    /// Each destination that is used adds the hash policy of its DestinationRule.
    fn hash_policies(&self, rule: &HttpRoute) -> Vec<Value> {
        let namespace = &self.service.resource.meta.namespace;
        let takes_requests = |it: &&fingerpost_resources::HttpRouteDestination| {
            rule.route.len() == 1 || it.weight.unwrap_or(0) > 0
        };
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

    /// Istio route.go, `ApplyRedirect`; spec 3.2.
    fn redirect(&self, given: &HttpRedirect) -> Fields {
        let mut fields = Fields::new();
        if given.prefix_rewrite.is_empty() {
            fields.insert("path_redirect".to_owned(), json!(given.uri));
        } else {
            fields.insert("prefix_rewrite".to_owned(), json!(given.prefix_rewrite));
        }
        if !given.authority.is_empty() {
            fields.insert("host_redirect".to_owned(), json!(given.authority));
        }
        if !given.scheme.is_empty() {
            fields.insert("scheme_redirect".to_owned(), json!(given.scheme));
        }
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
        if port != 0 && !is_default {
            fields.insert("port_redirect".to_owned(), json!(port));
        }
        // A code that Envoy does not have is an error: `refused`.
        if let Ok(Some(code)) = redirect_code(given.redirect_code.unwrap_or(0)) {
            fields.insert("response_code".to_owned(), json!(code));
        }
        fields
    }
}

/// Envoy has no redirect with that status.
#[derive(Debug)]
pub(crate) struct UnknownRedirect;

/// Envoy's name of a redirect's status; none for its default, 301 (istio route.go, `ApplyRedirect`).
pub(crate) fn redirect_code(status: u32) -> Result<Option<&'static str>, UnknownRedirect> {
    Ok(match status {
        0 | 301 => None,
        302 => Some("FOUND"),
        303 => Some("SEE_OTHER"),
        307 => Some("TEMPORARY_REDIRECT"),
        308 => Some("PERMANENT_REDIRECT"),
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

/// The change of the path, if there is one: an empty `uri` is none (spec 3.4).
fn rewrite(given: &HttpRewrite) -> Option<Rewrite> {
    if let Some(regex) = &given.uri_regex_rewrite {
        return Some(Rewrite::Regex(RegexRewrite {
            pattern: regex.matches.clone(),
            substitution: regex.rewrite.clone(),
        }));
    }
    (!given.uri.is_empty()).then(|| Rewrite::Uri(given.uri.clone()))
}

fn direct_response(given: &HttpDirectResponse) -> Fields {
    let mut fields = Fields::new();
    fields.insert("status".to_owned(), json!(given.status.unwrap_or(200)));
    match &given.body {
        Some(DirectBody::Text(text)) => fields.insert("body".to_owned(), json!({"inline_string": text})),
        Some(DirectBody::Bytes(bytes)) => {
            fields.insert("body".to_owned(), json!({"inline_bytes": BASE64.encode(bytes)}))
        }
        None => None,
    };
    fields
}
