//! The conditions of a route.

use crate::is_default;
use serde::{Deserialize, Serialize};

/// All of it must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteMatch {
    /// On the path without query and fragment. Left out: the prefix `/`.
    #[serde(default, skip_serializing_if = "PathMatch::is_left_out")]
    pub path: PathMatch,
    /// Folds ASCII case in an exact or prefix path. Without effect on a regex, as in Envoy.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ignore_case: bool,
    /// On the headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderMatch>,
    /// On the query parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<QueryMatch>,
}

impl RouteMatch {
    /// Conditions on the path alone.
    pub fn path(path: PathMatch) -> Self {
        Self {
            path,
            ignore_case: false,
            headers: Vec::new(),
            query: Vec::new(),
        }
    }
}

/// A condition on the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathMatch {
    /// The whole path.
    Exact(String),
    /// The beginning of the path, also inside a segment.
    Prefix(String),
    /// The whole path, in RE2's syntax.
    Regex(String),
}

/// The prefix that every path has, but for that of `OPTIONS *`.
const ANY: &str = "/";

impl Default for PathMatch {
    fn default() -> Self {
        Self::Prefix(ANY.to_owned())
    }
}

impl PathMatch {
    /// Many rules look at other things only, and Envoy keeps several copies of the JSON.
    fn is_left_out(&self) -> bool {
        matches!(self, Self::Prefix(prefix) if prefix == ANY)
    }
}

/// A condition on one header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FlatHeader", into = "FlatHeader")]
pub struct HeaderMatch {
    /// Any case. Also `:method`, `:authority`, `:scheme`, `:path`; `host` means `:authority`.
    pub name: String,
    /// What its value must be.
    pub want: ValueMatch,
    /// Turns the outcome round.
    pub invert: bool,
    /// Reads a missing header as an empty one, which is then also present.
    pub missing_as_empty: bool,
}

/// A condition on the first value of one query parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FlatQuery", into = "FlatQuery")]
pub struct QueryMatch {
    /// Its case counts.
    pub name: String,
    /// What its value must be.
    pub want: ValueMatch,
}

/// A condition on a value that may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueMatch {
    /// It is there.
    Present,
    /// The whole value. `""` wants it present and empty.
    Exact(String),
    /// Its beginning.
    Prefix(String),
    /// The whole value, in RE2's syntax.
    Regex(String),
}

// Serde cannot flatten an enum and refuse unknown fields at once, so the JSON has types apart.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FlatHeader {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exact: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    regex: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    present: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    invert: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    missing_as_empty: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FlatQuery {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exact: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    regex: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    present: bool,
}

impl TryFrom<FlatHeader> for HeaderMatch {
    type Error = String;

    fn try_from(flat: FlatHeader) -> Result<Self, String> {
        let want = ValueMatch::one_of(flat.exact, flat.prefix, flat.regex, flat.present)
            .ok_or_else(|| not_one("header", &flat.name))?;
        Ok(Self {
            name: flat.name,
            want,
            invert: flat.invert,
            missing_as_empty: flat.missing_as_empty,
        })
    }
}

impl From<HeaderMatch> for FlatHeader {
    fn from(it: HeaderMatch) -> Self {
        let HeaderMatch {
            name,
            want,
            invert,
            missing_as_empty,
        } = it;
        let (exact, prefix, regex, present) = want.split();
        Self {
            name,
            exact,
            prefix,
            regex,
            present,
            invert,
            missing_as_empty,
        }
    }
}

impl TryFrom<FlatQuery> for QueryMatch {
    type Error = String;

    fn try_from(flat: FlatQuery) -> Result<Self, String> {
        let want = ValueMatch::one_of(flat.exact, flat.prefix, flat.regex, flat.present)
            .ok_or_else(|| not_one("query parameter", &flat.name))?;
        Ok(Self {
            name: flat.name,
            want,
        })
    }
}

impl From<QueryMatch> for FlatQuery {
    fn from(it: QueryMatch) -> Self {
        let (exact, prefix, regex, present) = it.want.split();
        Self {
            name: it.name,
            exact,
            prefix,
            regex,
            present,
        }
    }
}

impl ValueMatch {
    fn one_of(
        exact: Option<String>,
        prefix: Option<String>,
        regex: Option<String>,
        present: bool,
    ) -> Option<Self> {
        match (exact, prefix, regex, present) {
            (Some(text), None, None, false) => Some(Self::Exact(text)),
            (None, Some(text), None, false) => Some(Self::Prefix(text)),
            (None, None, Some(text), false) => Some(Self::Regex(text)),
            (None, None, None, true) => Some(Self::Present),
            _ => None,
        }
    }

    fn split(self) -> (Option<String>, Option<String>, Option<String>, bool) {
        match self {
            Self::Exact(text) => (Some(text), None, None, false),
            Self::Prefix(text) => (None, Some(text), None, false),
            Self::Regex(text) => (None, None, Some(text), false),
            Self::Present => (None, None, None, true),
        }
    }
}

fn not_one(what: &str, name: &str) -> String {
    format!(
        "the condition on {what} `{name}` needs exactly one of `exact`, `prefix`, `regex`, `present: true`"
    )
}
