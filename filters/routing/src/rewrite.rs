//! How a path changes, byte by byte as Envoy's router changes it. Query and fragment stay.

use crate::{Encoding, Finder, PathMatch, RequestHead};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

/// A change of the path.
#[derive(Debug, PartialEq, Eq)]
pub enum PathRewrite {
    /// Puts `with` in place of the first `matched` bytes; belongs to a prefix match of that length.
    Prefix {
        /// The length of the prefix.
        matched: usize,
        /// What takes its place. Slashes are neither added nor removed.
        with: Box<str>,
    },
    /// Puts this in place of the whole path.
    Whole(Box<str>),
    /// Replaces every match of a pattern.
    Regex {
        /// What is replaced.
        pattern: Finder,
        /// What takes its place.
        with: Substitution,
    },
}

impl PathRewrite {
    /// Envoy's `prefix_rewrite`, whose meaning depends on the path match beside it.
    pub fn uri(beside: &PathMatch, with: &str) -> Self {
        match beside {
            PathMatch::Prefix { prefix, .. } => Self::Prefix {
                matched: prefix.len(),
                with: with.into(),
            },
            PathMatch::Exact { .. } | PathMatch::Regex(_) => Self::Whole(with.into()),
        }
    }

    /// The target after the change. None if nothing would be left of the path: then Envoy leaves it as it is.
    #[inline(never)]
    pub fn apply(&self, head: &RequestHead<'_>) -> Option<Vec<u8>> {
        let path = head.path().unwrap_or_default();
        let mut target = match self {
            Self::Prefix { matched, with } => {
                let kept = path.get(*matched..).unwrap_or_default();
                [with.as_bytes(), kept].concat()
            }
            Self::Whole(with) => with.as_bytes().to_vec(),
            Self::Regex { pattern, with } => replace_all(pattern, with, path),
        };
        if target.is_empty() {
            return None;
        }
        target.extend_from_slice(head.after_path());
        Some(target)
    }
}

/// RE2's `GlobalReplace`.
fn replace_all(pattern: &Finder, with: &Substitution, path: &[u8]) -> Vec<u8> {
    let Some(parts) = &with.parts else {
        return path.to_vec();
    };
    let mut search = pattern.search(path, with.names_groups());
    let mut replaced = Vec::with_capacity(path.len());
    let mut at = 0;
    let mut last_end = None;
    while let Some(found) = search.find(at) {
        let span = found.span();
        replaced.extend_from_slice(path.get(at..span.start).unwrap_or_default());
        if span.is_empty() && last_end == Some(span.start) {
            // An empty match right behind the last one does not count; go on behind the next character.
            let Some(rest) = path.get(span.start..).filter(|rest| !rest.is_empty()) else {
                return replaced;
            };
            let step = rune_length(rest, pattern.encoding());
            replaced.extend_from_slice(rest.get(..step).unwrap_or_default());
            at = span.start + step;
            continue;
        }
        for part in parts {
            match part {
                Part::Text(text) => replaced.extend_from_slice(text.as_bytes()),
                Part::Group(index) => replaced.extend_from_slice(found.group(*index)),
            }
        }
        at = span.end;
        last_end = Some(at);
    }
    replaced.extend_from_slice(path.get(at..).unwrap_or_default());
    replaced
}

/// The length of the first character; a byte that begins no character counts alone.
fn rune_length(text: &[u8], encoding: Encoding) -> usize {
    let is_rune = |length: &usize| {
        text.get(..*length)
            .is_some_and(|it| core::str::from_utf8(it).is_ok())
    };
    match encoding {
        Encoding::Latin1 => 1,
        Encoding::Utf8 => (1..=4).find(is_rune).unwrap_or(1),
    }
}

/// The text that takes the place of a match; `\0` to `\9` in it are replaced by what groups caught.
///
/// Every text is one, since Envoy takes every text and RE2 finds fault only while it replaces:
/// one that asks for a group that the pattern does not have replaces nothing at all, and one with a `\` that is
/// followed by anything else ends there. [`Substitution::check`] tells whether that is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Substitution {
    /// None: replaces nothing.
    parts: Option<Vec<Part>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Group(usize),
}

/// What RE2 finds fault with in a substitution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidSubstitution {
    /// `\` with neither a digit nor `\` behind it.
    Backslash,
    /// More than the pattern's groups.
    NoSuchGroup {
        /// The group that it names.
        group: u32,
        /// How many the pattern has.
        groups: u32,
    },
}

impl Substitution {
    /// The substitution of this text for a pattern with so many groups.
    pub fn new(text: &str, groups: u32) -> Self {
        if matches!(
            Self::check(text, groups),
            Err(InvalidSubstitution::NoSuchGroup { .. })
        ) {
            return Self { parts: None };
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((plain, escape)) = rest.split_once('\\') {
            parts.push(Part::Text(plain.into()));
            let mut chars = escape.chars();
            match chars.next() {
                Some('\\') => parts.push(Part::Text("\\".into())),
                Some(digit @ '0'..='9') => parts.push(Part::Group(digit as usize - '0' as usize)),
                Some(_) | None => return Self { parts: Some(parts) },
            }
            rest = chars.as_str();
        }
        parts.push(Part::Text(rest.into()));
        Self { parts: Some(parts) }
    }

    /// Whether it needs to know more than the whole match.
    fn names_groups(&self) -> bool {
        let names_group = |part: &Part| matches!(part, Part::Group(index) if *index > 0);
        self.parts
            .as_ref()
            .is_some_and(|parts| parts.iter().any(names_group))
    }

    /// What is wrong with this text, for a pattern with so many groups.
    pub fn check(text: &str, groups: u32) -> Result<(), InvalidSubstitution> {
        let mut outcome = Ok(());
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            match (char, if char == '\\' { chars.next() } else { None }) {
                ('\\', Some(digit @ '0'..='9')) => {
                    let group = u32::from(digit) - u32::from('0');
                    if group > groups {
                        return Err(InvalidSubstitution::NoSuchGroup { group, groups });
                    }
                }
                ('\\', Some('\\')) => {}
                ('\\', _) => outcome = Err(InvalidSubstitution::Backslash),
                _ => {}
            }
        }
        outcome
    }
}

impl fmt::Display for InvalidSubstitution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backslash => f.write_str("`\\` must be followed by a digit or by `\\`"),
            Self::NoSuchGroup { group, groups } => {
                write!(
                    f,
                    "`\\{group}` asks for group {group}, but the pattern has {groups}"
                )
            }
        }
    }
}

impl core::error::Error for InvalidSubstitution {}

#[cfg(test)]
mod tests {
    use super::{InvalidSubstitution, PathRewrite, Substitution};
    use crate::{Encoding, Finder, PathMatch, RequestHead};
    use alloc::string::String;
    use proptest::prelude::*;

    #[track_caller]
    fn check(rewrite: &PathRewrite, rows: &[(&str, &str)]) {
        for (target, expected) in rows {
            let head = RequestHead::new(None, Some(target.as_bytes()));
            let rewritten = String::from_utf8(rewrite.apply(&head).unwrap()).unwrap();
            assert_eq!(rewritten, *expected, "{target}");
        }
    }

    fn regex(pattern: &str, with: &str) -> PathRewrite {
        regex_in(Encoding::Latin1, pattern, with)
    }

    fn regex_in(encoding: Encoding, pattern: &str, with: &str) -> PathRewrite {
        let pattern = Finder::parse_as(pattern, encoding).unwrap();
        let with = Substitution::new(with, pattern.groups());
        PathRewrite::Regex { pattern, with }
    }

    #[test]
    fn a_prefix_gives_way_to_the_new_one_and_the_rest_stays() {
        let beside = PathMatch::Prefix {
            prefix: "/foo".into(),
            ignore_case: false,
        };
        check(
            &PathRewrite::uri(&beside, "/"),
            &[
                ("/foo/bar", "//bar"),
                ("/foo", "/"),
                ("/foobar", "/bar"),
                ("/foo?q=/foo", "/?q=/foo"),
            ],
        );
        check(
            &PathRewrite::uri(&beside, "/bar"),
            &[("/foo?q", "/bar?q"), ("/foo#f", "/bar#f")],
        );
    }

    #[test]
    fn beside_other_matches_the_whole_path_gives_way() {
        let beside = PathMatch::Exact {
            path: "/a".into(),
            ignore_case: false,
        };
        check(
            &PathRewrite::uri(&beside, "/z"),
            &[("/a", "/z"), ("/a?c=1", "/z?c=1")],
        );
    }

    #[test]
    fn every_match_of_a_pattern_is_replaced_in_the_path_alone() {
        check(&regex("a", "b"), &[("/aa?a", "/bb?a"), ("/x", "/x")]);
        check(
            &regex("^/(v[0-9]+)/(.*)$", r"/\2/\1"),
            &[("/v1/x", "/x/v1"), ("/v/x", "/v/x")],
        );
        check(&regex("/(a)|/b", r"[\0|\1|\\]"), &[("/a/b", r"[/a|a|\][/b||\]")]);
    }

    #[test]
    fn a_path_of_which_nothing_would_be_left_stays() {
        let head = RequestHead::new(None, Some(b"/a?q"));
        assert_eq!(regex(".*", "").apply(&head), None);
    }

    #[test]
    fn groups_that_take_no_part_are_empty() {
        check(&regex("(a){0}(b)", r"[\1\2]"), &[("/ab", "/a[b]")]);
        check(&regex("(b)(a){0}", r"[\1\2]"), &[("/ab", "/a[b]")]);
        check(&regex("(a)|(b)", r"[\1\2]"), &[("/ab", "/[a][b]")]);
    }

    #[test]
    fn empty_matches_are_replaced_between_characters() {
        check(&regex("", "-"), &[("ab", "-a-b-")]);
        check(&regex_in(Encoding::Utf8, "", "-"), &[("é", "-é-")]);
        check(&regex("x*", "-"), &[("axb", "-a-b-"), ("xx", "-")]);
        check(&regex("b*", "-"), &[("abc", "-a-c-")]);
        check(&regex("^", "/p"), &[("/a/b", "/p/a/b")]);
        check(&regex("$", "/"), &[("/a?q", "/a/?q")]);
    }

    proptest! {
        #[test]
        fn any_path_is_rewritten(
            pattern in r"([ab()|*+?.^$]|\{0\}|\{2\}){0,12}",
            target in prop::collection::vec(any::<u8>(), 0..12),
        ) {
            for encoding in [Encoding::Latin1, Encoding::Utf8] {
                if let Ok(finder) = Finder::parse_as(&pattern, encoding) {
                    let with = Substitution::new(r"\0", finder.groups());
                    let same = PathRewrite::Regex { pattern: finder, with };
                    let head = RequestHead::new(None, Some(&target));
                    let expected = head.path().is_some_and(|it| !it.is_empty()).then_some(&*target);
                    let rewritten = same.apply(&head);
                    prop_assert_eq!(rewritten.as_deref(), expected, "each match is replaced by itself");
                }
            }
        }
    }

    #[test]
    fn a_substitution_that_asks_for_too_much_replaces_nothing() {
        let expected = Err(InvalidSubstitution::NoSuchGroup { group: 2, groups: 1 });
        assert_eq!(Substitution::check(r"\x\2", 1), expected);
        check(&regex("(a)", r"-\2"), &[("/a?q", "/a?q")]);
    }

    #[test]
    fn a_substitution_ends_at_an_escape_that_is_none() {
        for text in [r"-\", r"-\x", r"-\xyz"] {
            assert_eq!(
                Substitution::check(text, 9),
                Err(InvalidSubstitution::Backslash),
                "{text}"
            );
            check(&regex("a", text), &[("/aba", "/-b-")]);
        }
        assert_eq!(Substitution::check(r"\0\9\\x", 9), Ok(()));
    }
}
