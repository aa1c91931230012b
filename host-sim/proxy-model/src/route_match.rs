//! What a request must have for a route to take it: Envoy's `RouteMatch`.

use fingerpost_envoy_config::route as config;
use fingerpost_envoy_http::header_map::{Headers, get};
use fingerpost_routing::Pattern;

use crate::ModelError;
use crate::string_match::{HeaderMatch, QueryMatch, pattern};

/// A conjunction of conditions.
#[derive(Debug)]
pub(crate) struct RouteMatch {
    pub(crate) path: PathMatch,
    headers: Vec<HeaderMatch>,
    query: Vec<QueryMatch>,
}

/// A condition on the path without its query.
#[derive(Debug)]
pub(crate) enum PathMatch {
    Exact { path: String, fold: bool },
    Prefix { prefix: String, fold: bool },
    Regex(Pattern),
}

impl RouteMatch {
    pub(crate) fn read(matches: config::RouteMatch) -> Result<Self, ModelError> {
        let config::RouteMatch {
            path,
            case_sensitive,
            headers,
            query_parameters,
        } = matches;
        let fold = case_sensitive == Some(false);
        Ok(Self {
            path: match path {
                config::PathSpecifier::Path(path) => PathMatch::Exact { path, fold },
                config::PathSpecifier::Prefix(prefix) => PathMatch::Prefix { prefix, fold },
                config::PathSpecifier::SafeRegex(regex) => PathMatch::Regex(pattern(&regex)?),
            },
            headers: all(headers, HeaderMatch::read)?,
            query: all(query_parameters, QueryMatch::read)?,
        })
    }

    /// The header on which it depends whether the route takes a request, if only a run knows that.
    pub(crate) fn undecided(&self, request: &Headers) -> Option<&str> {
        let target = get(request, ":path")?;
        let mut open = None;
        for header in &self.headers {
            match header.undecided(request) {
                Some(name) => open = open.or(Some(name)),
                None if header.accepts(request) => {}
                None => return None,
            }
        }
        let holds =
            self.path.accepts(without_query(target)) && self.query.iter().all(|it| it.accepts(target));
        open.filter(|_| holds)
    }

    pub(crate) fn accepts(&self, request: &Headers) -> bool {
        let Some(target) = get(request, ":path") else {
            return false; // CONNECT: only a route that says so takes it, and none here does
        };
        self.path.accepts(without_query(target))
            && self.headers.iter().all(|it| it.accepts(request))
            && self.query.iter().all(|it| it.accepts(target))
    }
}

impl PathMatch {
    fn accepts(&self, path: &[u8]) -> bool {
        match self {
            Self::Exact { path: want, fold } => same(path, want, *fold),
            Self::Prefix { prefix, fold } => path
                .get(..prefix.len())
                .is_some_and(|start| same(start, prefix, *fold)),
            Self::Regex(pattern) => pattern.accepts(path),
        }
    }
}

fn same(value: &[u8], want: &str, fold: bool) -> bool {
    match fold {
        true => value.eq_ignore_ascii_case(want.as_bytes()),
        false => value == want.as_bytes(),
    }
}

/// The target up to its query or fragment.
pub(crate) fn without_query(target: &[u8]) -> &[u8] {
    let end = target.iter().position(|byte| matches!(byte, b'?' | b'#'));
    &target[..end.unwrap_or(target.len())]
}

fn all<C, T>(configured: Vec<C>, read: impl Fn(C) -> Result<T, ModelError>) -> Result<Vec<T>, ModelError> {
    configured.into_iter().map(read).collect()
}
