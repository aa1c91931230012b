//! A route: what it accepts, and what becomes of what it accepts.

use crate::{
    Destination, DispatchKey, HeaderMatch, PathMatch, PathRewrite, QueryMatch, RequestHead, Roll, Rule,
    Split, Upgrades, VirtualHost,
};
use alloc::vec::Vec;

/// One route of a virtual host.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// The rule it was made from.
    pub rule: Rule,
    /// What a request must have.
    pub matcher: RouteMatch,
    /// The change of the path.
    pub rewrite: Option<PathRewrite>,
    /// Who carries the change out.
    pub rewritten_by: RewrittenBy,
    /// Where the request goes.
    pub action: Action,
}

/// Who carries a rewrite out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RewrittenBy {
    /// The filter.
    Filter,
    /// The native route behind the key; the filter leaves the path alone.
    Envoy,
}

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// To one of these.
    Forward(Split),
    /// Answered by this native route: a redirect or a direct response.
    Reply(DispatchKey),
}

/// Conditions that must all hold.
#[derive(Debug, PartialEq, Eq)]
pub struct RouteMatch {
    /// On the path.
    pub path: PathMatch,
    /// On the headers.
    pub headers: Vec<HeaderMatch>,
    /// On the query parameters.
    pub query: Vec<QueryMatch>,
}

/// The condition that a request fails.
#[derive(Debug)]
pub enum Mismatch<'m> {
    /// The request has no path, as CONNECT; no route accepts that.
    NoPath,
    /// The one on the path.
    Path(&'m PathMatch),
    /// One on a header.
    Header(&'m HeaderMatch),
    /// One on a query parameter.
    Query(&'m QueryMatch),
}

/// What becomes of a request that a route accepted.
#[derive(Debug)]
pub struct Resolved<'t> {
    /// The virtual host that the route belongs to.
    pub host: &'t VirtualHost,
    /// The route.
    pub route: &'t Route,
    /// The native route to take.
    pub key: &'t DispatchKey,
    /// The destination; none if the native route answers by itself.
    pub destination: Option<&'t Destination>,
    /// The target after the rewrite, if the route has one; also if it comes out the same.
    pub target: Option<Vec<u8>>,
}

/// A request that a route accepted, and that asks for an upgrade which the proxy does not allow.
#[derive(Debug)]
pub struct RefusedUpgrade<'t> {
    /// The virtual host that the route belongs to.
    pub host: &'t VirtualHost,
    /// The route.
    pub route: &'t Route,
    /// The native route that refuses.
    pub key: &'t DispatchKey,
}

impl RouteMatch {
    /// The first condition that `head` fails.
    pub fn check(&self, head: &RequestHead<'_>) -> Result<(), Mismatch<'_>> {
        self.mismatches(head).next().map_or(Ok(()), Err)
    }

    /// Every condition that `head` fails, in the order in which they are checked.
    pub fn mismatches<'m>(&'m self, head: &RequestHead<'_>) -> impl Iterator<Item = Mismatch<'m>> {
        let path = match head.path() {
            None => Some(Mismatch::NoPath),
            Some(path) if self.path.accepts(path) => None,
            Some(_) => Some(Mismatch::Path(&self.path)),
        };
        let headers = self.headers.iter().filter(|it| !it.accepts(head));
        let query = self.query.iter().filter(|it| !it.accepts(head.query()));
        path.into_iter()
            .chain(headers.map(Mismatch::Header))
            .chain(query.map(Mismatch::Query))
    }
}

impl Route {
    /// What becomes of a request that this route of `host` accepted. Dice are rolled only if there is a choice.
    #[inline(never)]
    pub fn resolve<'t>(
        &'t self,
        host: &'t VirtualHost,
        head: &RequestHead<'_>,
        roll: impl FnOnce() -> Roll,
    ) -> Resolved<'t> {
        let (key, destination) = self.action.choose(roll);
        let target = self.rewrite.as_ref().and_then(|it| it.apply(head));
        Resolved {
            host,
            route: self,
            key,
            destination,
            target,
        }
    }

    /// The refusal of a request that this route of `host` accepted.
    pub(crate) fn refuse<'t>(
        &'t self,
        host: &'t VirtualHost,
        upgrades: &'t Upgrades,
        roll: impl FnOnce() -> Roll,
    ) -> RefusedUpgrade<'t> {
        let (chosen, _) = self.action.choose(roll);
        RefusedUpgrade {
            host,
            route: self,
            key: upgrades.refusal(chosen),
        }
    }
}

impl Action {
    /// The native route, and the destination behind it. Dice are rolled only if there is a choice.
    fn choose(&self, roll: impl FnOnce() -> Roll) -> (&DispatchKey, Option<&Destination>) {
        match self {
            Self::Reply(key) => (key, None),
            Self::Forward(split) => {
                let destination = split.only().unwrap_or_else(|| split.pick(roll()));
                (&destination.key, Some(destination))
            }
        }
    }
}
