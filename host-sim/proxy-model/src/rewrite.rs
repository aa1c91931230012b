//! How a route changes the path: `prefix_rewrite` and `regex_rewrite`.

use fingerpost_envoy_config::matcher::RegexMatchAndSubstitute;
use fingerpost_routing::{Finder, PathRewrite, RequestHead, Substitution};

use crate::ModelError;
use crate::route_match::{PathMatch, without_query};

/// A change of the path. The query stays.
#[derive(Debug)]
pub(crate) enum Rewrite {
    /// In place of what the route's match covers.
    Matched(String),
    /// In place of every match of a pattern.
    Regex(PathRewrite),
}

impl Rewrite {
    pub(crate) fn read(
        prefix: Option<String>,
        regex: Option<RegexMatchAndSubstitute>,
    ) -> Result<Option<Self>, ModelError> {
        if let Some(regex) = regex {
            let pattern = Finder::parse(&regex.pattern.regex)
                .map_err(|error| ModelError::new(error).within(regex.pattern.regex.as_str()))?;
            let with = Substitution::new(&regex.substitution, pattern.groups());
            return Ok(Some(Self::Regex(PathRewrite::Regex { pattern, with })));
        }
        Ok(prefix.filter(|text| !text.is_empty()).map(Self::Matched))
    }

    /// The target after the change, on a route with this match. None if nothing would be left of the path: then
    /// it stays as it is.
    pub(crate) fn apply(&self, target: &[u8], matched: &PathMatch) -> Option<Vec<u8>> {
        match self {
            Self::Matched(text) => {
                let covered = match matched {
                    PathMatch::Exact { path, .. } => path.len(),
                    PathMatch::Prefix { prefix, .. } => prefix.len(),
                    PathMatch::Regex(_) => without_query(target).len(),
                };
                let kept = target.get(covered..).unwrap_or_default();
                Some([text.as_bytes(), kept].concat())
            }
            Self::Regex(rewrite) => rewrite.apply(&RequestHead::new(None, Some(target))),
        }
    }
}
