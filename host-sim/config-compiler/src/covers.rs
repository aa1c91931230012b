//! Whether an earlier route leaves anything to a later one.
//!
//! Says yes only where it is proved: every condition of the earlier route follows from one of the later. A no means
//! "not proved", for patterns above all. What several routes take together is not looked at.

use fingerpost_routing::{Encoding, Pattern};
use fingerpost_routing_config::{HeaderMatch, PathMatch, QueryMatch, RouteMatch, ValueMatch};

/// Whether every request that `later` accepts is accepted by `earlier` too, on a proxy that reads patterns so.
pub fn covers(earlier: &RouteMatch, later: &RouteMatch, encoding: Encoding) -> bool {
    path_follows(earlier, later, encoding)
        && earlier.headers.iter().all(|wanted| {
            later
                .headers
                .iter()
                .any(|given| header_follows(wanted, given, encoding))
        })
        && earlier.query.iter().all(|wanted| {
            later
                .query
                .iter()
                .any(|given| query_follows(wanted, given, encoding))
        })
}

/// Whether a path that `later` accepts is one for `earlier`.
fn path_follows(earlier: &RouteMatch, later: &RouteMatch, encoding: Encoding) -> bool {
    if let PathMatch::Prefix(wanted) = &earlier.path
        && matches!(wanted.as_str(), "" | "/")
    {
        return true; // every path starts with a slash: the connection manager refuses others
    }
    // Where only the later one folds case, it takes texts that the earlier one does not.
    let folds = match (earlier.ignore_case, later.ignore_case) {
        (true, _) => true,
        (false, false) => false,
        (false, true) => return false,
    };
    match (&earlier.path, &later.path) {
        (PathMatch::Exact(wanted), PathMatch::Exact(given)) => same(wanted, given, folds),
        (PathMatch::Prefix(wanted), PathMatch::Exact(given) | PathMatch::Prefix(given)) => given
            .get(..wanted.len())
            .is_some_and(|start| same(wanted, start, folds)),
        (PathMatch::Regex(wanted), PathMatch::Regex(given)) => wanted == given,
        (PathMatch::Regex(wanted), PathMatch::Exact(given)) => accepts(wanted, given, encoding),
        (PathMatch::Exact(_), PathMatch::Prefix(_) | PathMatch::Regex(_))
        | (PathMatch::Prefix(_), PathMatch::Regex(_))
        | (PathMatch::Regex(_), PathMatch::Prefix(_)) => false,
    }
}

fn same(one: &str, other: &str, folds: bool) -> bool {
    if folds {
        one.eq_ignore_ascii_case(other)
    } else {
        one == other
    }
}

fn header_follows(wanted: &HeaderMatch, given: &HeaderMatch, encoding: Encoding) -> bool {
    let one_header = wanted.name.eq_ignore_ascii_case(&given.name);
    let same_words = wanted.want == given.want
        && wanted.invert == given.invert
        && wanted.missing_as_empty == given.missing_as_empty;
    // A condition on a header that is there: some value satisfies it, and the same value the wider one.
    let plain = |it: &HeaderMatch| !it.invert && !it.missing_as_empty;
    one_header
        && (same_words
            || (plain(wanted) && plain(given) && value_follows(&wanted.want, &given.want, encoding)))
}

fn query_follows(wanted: &QueryMatch, given: &QueryMatch, encoding: Encoding) -> bool {
    wanted.name == given.name && value_follows(&wanted.want, &given.want, encoding)
}

fn value_follows(wanted: &ValueMatch, given: &ValueMatch, encoding: Encoding) -> bool {
    match (wanted, given) {
        (ValueMatch::Present, _) => true,
        (ValueMatch::Exact(wanted), ValueMatch::Exact(given)) => wanted == given,
        (ValueMatch::Prefix(wanted), ValueMatch::Exact(given) | ValueMatch::Prefix(given)) => {
            given.starts_with(wanted.as_str())
        }
        (ValueMatch::Regex(wanted), ValueMatch::Regex(given)) => wanted == given,
        (ValueMatch::Regex(wanted), ValueMatch::Exact(given)) => accepts(wanted, given, encoding),
        (ValueMatch::Exact(_) | ValueMatch::Prefix(_) | ValueMatch::Regex(_), ValueMatch::Present)
        | (ValueMatch::Exact(_), ValueMatch::Prefix(_) | ValueMatch::Regex(_))
        | (ValueMatch::Prefix(_), ValueMatch::Regex(_))
        | (ValueMatch::Regex(_), ValueMatch::Prefix(_)) => false,
    }
}

fn accepts(pattern: &str, text: &str, encoding: Encoding) -> bool {
    Pattern::parse_as(pattern, encoding).is_ok_and(|it| it.accepts(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &PathMatch, headers: &[(&str, ValueMatch)], query: &[(&str, ValueMatch)]) -> RouteMatch {
        let headers = headers.iter().map(|(name, want)| HeaderMatch {
            name: (*name).to_owned(),
            want: want.clone(),
            invert: false,
            missing_as_empty: false,
        });
        let query = query.iter().map(|(name, want)| QueryMatch {
            name: (*name).to_owned(),
            want: want.clone(),
        });
        RouteMatch {
            headers: headers.collect(),
            query: query.collect(),
            ..RouteMatch::path(path.clone())
        }
    }

    fn exact(text: &str) -> PathMatch {
        PathMatch::Exact(text.to_owned())
    }

    fn prefix(text: &str) -> PathMatch {
        PathMatch::Prefix(text.to_owned())
    }

    fn regex(text: &str) -> PathMatch {
        PathMatch::Regex(text.to_owned())
    }

    #[track_caller]
    fn check(earlier: &RouteMatch, later: &RouteMatch, expected: bool) {
        let found = covers(earlier, later, Encoding::Latin1);
        assert_eq!(found, expected, "{earlier:?} before {later:?}");
    }

    #[test]
    fn a_prefix_takes_all_that_begins_with_it() {
        for (earlier, later, expected) in [
            (prefix("/"), regex("/a.*"), true),
            (prefix("/a"), prefix("/ab"), true),
            (prefix("/a"), exact("/a"), true),
            (prefix("/ab"), prefix("/a"), false),
            (prefix("/a/"), exact("/a"), false),
            (prefix("/a"), regex("/a.*"), false),
            (exact("/a"), prefix("/a"), false),
            (regex("/a|/b"), exact("/b"), true),
            (regex("/a"), exact("/ab"), false),
            (regex("/a.*"), regex("/a.*"), true),
        ] {
            check(&route(&earlier, &[], &[]), &route(&later, &[], &[]), expected);
        }
    }

    #[test]
    fn a_condition_more_takes_less() {
        let canary = ("x-canary", ValueMatch::Exact("1".to_owned()));
        let plain = route(&prefix("/a"), &[], &[]);
        let narrow = route(&prefix("/a"), std::slice::from_ref(&canary), &[]);
        check(&plain, &narrow, true);
        check(&narrow, &plain, false);
        let present = route(&prefix("/a"), &[("X-Canary", ValueMatch::Present)], &[]);
        check(&present, &narrow, true);
        check(&narrow, &present, false);
        let query = route(&prefix("/a"), &[], &[canary]);
        check(&plain, &query, true);
        check(&narrow, &query, false);
    }

    #[test]
    fn an_inverted_condition_follows_from_the_same_alone() {
        let without = |text: &str| {
            let mut it = route(&prefix("/"), &[("x-a", ValueMatch::Exact(text.to_owned()))], &[]);
            it.headers[0].invert = true;
            it.headers[0].missing_as_empty = true;
            it
        };
        check(&without("1"), &without("1"), true);
        check(&without("1"), &without("2"), false);
        let with = route(&prefix("/"), &[("x-a", ValueMatch::Exact("2".to_owned()))], &[]);
        check(&without("1"), &with, false); // `x-a: 1` and `x-a: 2` may both be there
    }

    #[test]
    fn letter_case_is_folded_only_where_the_earlier_one_folds_it() {
        let folding = |path: PathMatch| RouteMatch {
            ignore_case: true,
            ..route(&path, &[], &[])
        };
        check(&folding(prefix("/A")), &route(&exact("/ab"), &[], &[]), true);
        check(&route(&prefix("/a"), &[], &[]), &folding(exact("/ab")), false);
        check(&route(&prefix("/"), &[], &[]), &folding(exact("/ab")), true);
    }
}
