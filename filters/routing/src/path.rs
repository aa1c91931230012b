//! Conditions on the path, which is matched without its query and fragment.

use crate::Pattern;
use alloc::boxed::Box;

/// A condition on the path: Envoy's `path`, `prefix` and `safe_regex` of a `RouteMatch`.
#[derive(Debug, PartialEq, Eq)]
pub enum PathMatch {
    /// The whole path.
    Exact {
        /// What it must be.
        path: Box<str>,
        /// Folds ASCII letters.
        ignore_case: bool,
    },
    /// The beginning of the path; it may end inside a segment.
    Prefix {
        /// What it must be.
        prefix: Box<str>,
        /// Folds ASCII letters.
        ignore_case: bool,
    },
    /// The whole path, as a pattern.
    Regex(Pattern),
}

impl PathMatch {
    /// The text that it was written with.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Exact { path: text, .. } | Self::Prefix { prefix: text, .. } => text,
            Self::Regex(pattern) => pattern.as_str(),
        }
    }

    /// Whether `path` satisfies it.
    pub fn accepts(&self, path: &[u8]) -> bool {
        match self {
            Self::Exact {
                path: want,
                ignore_case,
            } => same(path, want.as_bytes(), *ignore_case),
            Self::Prefix { prefix, ignore_case } => path
                .get(..prefix.len())
                .is_some_and(|start| same(start, prefix.as_bytes(), *ignore_case)),
            Self::Regex(pattern) => pattern.accepts(path),
        }
    }
}

fn same(value: &[u8], want: &[u8], ignore_case: bool) -> bool {
    if ignore_case {
        value.eq_ignore_ascii_case(want)
    } else {
        value == want
    }
}

#[cfg(test)]
mod tests {
    use super::PathMatch;
    use crate::Pattern;

    #[track_caller]
    fn check(want: &PathMatch, yes: &[&str], no: &[&str]) {
        for path in yes {
            assert!(want.accepts(path.as_bytes()), "{want:?} should accept {path}");
        }
        for path in no {
            assert!(
                !want.accepts(path.as_bytes()),
                "{want:?} should not accept {path}"
            );
        }
    }

    fn exact(path: &str, ignore_case: bool) -> PathMatch {
        PathMatch::Exact {
            path: path.into(),
            ignore_case,
        }
    }

    fn prefix(prefix: &str, ignore_case: bool) -> PathMatch {
        PathMatch::Prefix {
            prefix: prefix.into(),
            ignore_case,
        }
    }

    #[test]
    fn an_exact_path_is_the_whole_path() {
        check(&exact("/api", false), &["/api"], &["/api/", "/API", "/ap"]);
    }

    #[test]
    fn a_prefix_ends_anywhere() {
        check(
            &prefix("/api", false),
            &["/api", "/apis", "/api/v1"],
            &["/ap", "/x/api", "/API"],
        );
        check(&prefix("", false), &["", "*", "/"], &[]);
    }

    #[test]
    fn case_is_folded_for_ascii_letters_alone() {
        check(&exact("/Apié", true), &["/aPIé"], &["/apiÉ"]);
        check(&prefix("/Api", true), &["/API/v1"], &["/a"]);
    }

    #[test]
    fn a_pattern_matches_the_whole_path() {
        check(
            &PathMatch::Regex(Pattern::parse("/a.*").unwrap()),
            &["/a", "/ab"],
            &["x/a"],
        );
    }
}
