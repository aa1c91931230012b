//! What a request must have for a route to take it: Envoy's `RouteMatch`.

use fingerpost_envoy_http::header_map::{Headers, get};
use fingerpost_routing::Pattern;
use serde::Deserialize;

use crate::ModelError;
use crate::string_match::{HeaderMatch, QueryMatch, WrittenHeader, WrittenQuery, WrittenRegex};

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

/// `RouteMatch` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrittenMatch {
    path: Option<String>,
    prefix: Option<String>,
    safe_regex: Option<WrittenRegex>,
    case_sensitive: Option<bool>,
    #[serde(default)]
    headers: Vec<WrittenHeader>,
    #[serde(default)]
    query_parameters: Vec<WrittenQuery>,
}

impl RouteMatch {
    pub(crate) fn read(written: WrittenMatch) -> Result<Self, ModelError> {
        let fold = written.case_sensitive == Some(false);
        let path = match (written.path, written.prefix, written.safe_regex) {
            (Some(path), None, None) => PathMatch::Exact { path, fold },
            (None, Some(prefix), None) => PathMatch::Prefix { prefix, fold },
            (None, None, Some(regex)) => PathMatch::Regex(regex.read()?),
            _ => return Err(ModelError::new("expected one of path, prefix and safe_regex")),
        };
        Ok(Self {
            path,
            headers: all(written.headers, HeaderMatch::read)?,
            query: all(written.query_parameters, QueryMatch::read)?,
        })
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

fn all<W, T>(written: Vec<W>, read: impl Fn(W) -> Result<T, ModelError>) -> Result<Vec<T>, ModelError> {
    written.into_iter().map(read).collect()
}
