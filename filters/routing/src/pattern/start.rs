//! What all matches of a pattern begin with, as far as the pattern says so outright.

use alloc::boxed::Box;
use alloc::vec::Vec;
use regex_syntax::hir::{Class, Hir, HirKind};

/// A text, with the case of its ASCII letters open or not. May be shorter than it could be, never longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    text: Box<[u8]>,
    ignores_case: bool,
}

impl Start {
    /// What whole values that match begin with.
    pub(super) fn of(hir: &Hir) -> Self {
        Self::within(hir, 0)
    }

    fn within(hir: &Hir, depth: usize) -> Self {
        let mut reader = Reader {
            depth,
            ..Reader::default()
        };
        reader.read(hir);
        Self {
            text: reader.text.into(),
            ignores_case: reader.ignores_case,
        }
    }

    /// What both begin with.
    fn shared(self, other: &Self) -> Self {
        let ignores_case = self.ignores_case || other.ignores_case;
        let is_same = |(one, other): &(&u8, &u8)| match ignores_case {
            true => one.eq_ignore_ascii_case(other),
            false => one == other,
        };
        let length = self.text.iter().zip(&other.text).take_while(is_same).count();
        Self {
            text: self.text.get(..length).unwrap_or_default().into(),
            ignores_case,
        }
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The text, if the case of its letters is not open.
    pub(super) fn exact(&self) -> &[u8] {
        if self.ignores_case { &[] } else { &self.text }
    }

    pub(super) fn ignores_case(&self) -> bool {
        self.ignores_case
    }
}

#[derive(Default)]
struct Reader {
    text: Vec<u8>,
    ignores_case: bool,
    depth: usize,
}

/// Operators inside each other beyond these are not looked into: the stack of a Wasm module is small.
const MAX_DEPTH: usize = 100;

impl Reader {
    /// Takes over what `hir` says, and whether what follows it may go on from there.
    fn read(&mut self, hir: &Hir) -> bool {
        if self.depth == MAX_DEPTH {
            return false;
        }
        self.depth += 1;
        let goes_on = self.read_kind(hir);
        self.depth -= 1;
        goes_on
    }

    fn read_kind(&mut self, hir: &Hir) -> bool {
        match hir.kind() {
            // Anchors and word boundaries have no width: they can make matches fewer, not other.
            HirKind::Empty | HirKind::Look(_) => true,
            HirKind::Literal(literal) => {
                self.text.extend_from_slice(&literal.0);
                true
            }
            HirKind::Class(class) => match letter(class) {
                Some(letter) => {
                    self.text.push(letter);
                    self.ignores_case = true;
                    true
                }
                None => false,
            },
            HirKind::Capture(group) => self.read(&group.sub),
            HirKind::Concat(parts) => parts.iter().all(|part| self.read(part)),
            HirKind::Alternation(branches) => {
                let shared = branches
                    .iter()
                    .map(|branch| Start::within(branch, self.depth))
                    .reduce(|one, other| one.shared(&other));
                if let Some(shared) = shared {
                    self.text.extend_from_slice(&shared.text);
                    self.ignores_case |= shared.ignores_case;
                }
                false
            }
            HirKind::Repetition(_) => false,
        }
    }
}

/// The letter, in lower case, of which a class has both cases and nothing else.
fn letter(class: &Class) -> Option<u8> {
    let one = |start: u32, end: u32| {
        if start == end {
            u8::try_from(start).ok()
        } else {
            None
        }
    };
    let (upper, lower) = match class {
        Class::Bytes(class) => match class.ranges() {
            [upper, lower] => (
                one(upper.start().into(), upper.end().into())?,
                one(lower.start().into(), lower.end().into())?,
            ),
            _ => return None,
        },
        Class::Unicode(class) => match class.ranges() {
            [upper, lower] => (
                one(upper.start().into(), upper.end().into())?,
                one(lower.start().into(), lower.end().into())?,
            ),
            _ => return None,
        },
    };
    (upper.is_ascii_uppercase() && upper.to_ascii_lowercase() == lower).then_some(lower)
}

#[cfg(test)]
mod tests {
    use crate::{Encoding, Pattern};
    use proptest::prelude::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, ignores_case: bool) {
        for encoding in [Encoding::Latin1, Encoding::Utf8] {
            let pattern = Pattern::parse_as(pattern, encoding).unwrap();
            assert_eq!(
                pattern.start(),
                (text.as_bytes(), ignores_case),
                "{pattern} in {encoding:?}"
            );
        }
    }

    #[test]
    fn it_ends_where_values_begin_to_differ() {
        check("/api/v[0-9]+", "/api/v", false);
        check("/a(/.*)?", "/a", false);
        check("/(ab(c))d.*", "/abcd", false);
        check("/a(b|c)", "/a", false);
        check("/api/a.*|/api/b", "/api/", false);
        check("/Api/a|(?i)/api/.*", "/Api/", true);
        check("a|b", "", false);
        check("/ab*", "/a", false);
        check(".*/a", "", false);
        check("a?b", "", false);
    }

    #[test]
    fn anchors_do_not_end_it() {
        check(r"^/a\b(?m)$/b.*", "/a/b", false);
        check(r"\A/a.*", "/a", false);
    }

    #[test]
    fn it_has_no_case_where_a_letter_has_none() {
        check("/A(?i)/b.*", "/A/b", true);
        check("/(?i)1.*", "/1", false);
        check("/[aA]pi.*", "/api", true);
        check("/[ab]", "/", false);
        check("/[Aab]", "/", false);
    }

    #[test]
    fn a_letter_with_a_third_case_ends_it() {
        let start = |encoding| Pattern::parse_as("(?i)/ok.*", encoding).unwrap().start().0.len();
        assert_eq!(start(Encoding::Latin1), 3);
        assert_eq!(start(Encoding::Utf8), 2, "the Kelvin sign is a k too");
    }

    proptest! {
        #[test]
        fn whatever_matches_begins_with_it(
            pattern in r"(\(\?i\)|\^|\(\?:|[()|*?+.^]|[abAB]|\[aA\]|[aAk]){0,8}",
            value in "[abABk\u{212A}]{0,5}",
        ) {
            for encoding in [Encoding::Latin1, Encoding::Utf8] {
                let Ok(pattern) = Pattern::parse_as(&pattern, encoding) else { continue };
                if pattern.accepts(value.as_bytes()) {
                    let (text, ignores_case) = pattern.start();
                    let start = value.as_bytes().get(..text.len());
                    prop_assert!(start.is_some_and(|start| start == text || ignores_case && start.eq_ignore_ascii_case(text)));
                }
            }
        }
    }
}
