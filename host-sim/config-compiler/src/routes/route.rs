//! A route as Istio means it, and what a match without a route would have taken.
//!
//! Decides nothing: `routes` builds both, `native` and `dispatch` write them for an engine, and `describe` and `detail`
//! say them in words.

use fingerpost_envoy_config::Duration;
use fingerpost_envoy_config::filters::cors::CorsPolicy;
use fingerpost_envoy_config::filters::fault::HttpFault;
use fingerpost_envoy_config::route::{
    DirectResponseAction, HashPolicy, RedirectAction, RequestMirrorPolicy, RetryPolicy,
};
use fingerpost_resources::{Resource, VirtualService};
use fingerpost_routing_config::{Rewrite, RouteMatch, RuleRef};

use crate::header_edits::HeaderEdits;
use crate::matching::ClaimMatch;
use crate::services::ClusterRef;
use crate::unserved::cause::Cause;

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
    pub cors: Option<Box<CorsPolicy>>,
    /// Delays and failures that are put in.
    pub fault: Option<Box<HttpFault>>,
    /// The resource that holds the rule.
    pub leaf: &'r Resource<VirtualService>,
    /// The path of the rule or of its match, such as `spec.http[1].match[0]`.
    pub path: String,
    /// The resource and the path of the rule that delegates to this one.
    pub root: Option<(&'r Resource<VirtualService>, String)>,
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

/// What happens to a request that a route takes.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// It goes to a cluster.
    Forward(Box<Forward>),
    /// The client is sent elsewhere.
    Redirect(Box<RedirectAction>),
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
