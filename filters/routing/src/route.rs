//! A route: what it accepts, and what becomes of what it accepts.

use crate::{
    Destination, DispatchKey, HeaderMatch, PathMatch, PathRewrite, QueryMatch, RequestHead, Roll, Rule, Split,
};
use alloc::vec::Vec;
use core::fmt;

/// One route of a virtual host.
#[derive(Debug)]
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
#[derive(Debug)]
pub enum Action {
    /// To one of these.
    Forward(Split),
    /// Answered by this native route: a redirect or a direct response.
    Reply(DispatchKey),
}

/// Conditions that must all hold.
#[derive(Debug)]
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
    /// The route.
    pub route: &'t Route,
    /// The native route to take.
    pub key: &'t DispatchKey,
    /// The destination; none if the native route answers by itself.
    pub destination: Option<&'t Destination>,
    /// The target after the rewrite, if the route has one; also if it comes out the same.
    pub target: Option<Vec<u8>>,
}

impl RouteMatch {
    /// The first condition that `head` fails.
    pub fn check(&self, head: &RequestHead<'_>) -> Result<(), Mismatch<'_>> {
        let Some(path) = head.path() else {
            return Err(Mismatch::NoPath);
        };
        if !self.path.accepts(path) {
            return Err(Mismatch::Path(&self.path));
        }
        if let Some(failed) = self.headers.iter().find(|it| !it.accepts(head)) {
            return Err(Mismatch::Header(failed));
        }
        match self.query.iter().find(|it| !it.accepts(head.query())) {
            Some(failed) => Err(Mismatch::Query(failed)),
            None => Ok(()),
        }
    }
}

impl Route {
    /// What becomes of a request that this route accepted. Dice are rolled only if there is a choice.
    pub fn resolve(&self, head: &RequestHead<'_>, roll: impl FnOnce() -> Roll) -> Resolved<'_> {
        let (key, destination) = match &self.action {
            Action::Reply(key) => (key, None),
            Action::Forward(split) => {
                let destination = split.only().unwrap_or_else(|| split.pick(roll()));
                (&destination.key, Some(destination))
            }
        };
        let target = self.rewrite.as_ref().and_then(|it| it.apply(head));
        Resolved {
            route: self,
            key,
            destination,
            target,
        }
    }
}

impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPath => f.write_str("the request has no path"),
            Self::Path(it) => it.fmt(f),
            Self::Header(it) => it.fmt(f),
            Self::Query(it) => it.fmt(f),
        }
    }
}

impl fmt::Display for RouteMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)?;
        for header in &self.headers {
            write!(f, ", {header}")?;
        }
        for parameter in &self.query {
            write!(f, ", {parameter}")?;
        }
        Ok(())
    }
}
