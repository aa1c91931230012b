//! A [`Finder`] beside the engine crate's PikeVM, which has the same meaning and no states to learn.
//!
//! Each search is tried with the limits of a VM and with limits so low that it forgets on the way.

use crate::pattern::finder::Finder;
use crate::pattern::memory::{Limits, Memory};
use crate::pattern::parse::parse;
use crate::pattern::{Encoding, Pattern};
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use proptest::prelude::*;
use regex_automata::Input;
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::nfa::thompson::{Compiler, Config};

const BOTH: [Encoding; 2] = [Encoding::Latin1, Encoding::Utf8];

const ROOMY: Limits = Limits {
    all: 1 << 20,
    program: 1 << 18,
    trail: 1 << 16,
    part: 1 << 10,
};

/// Room for a set or two.
const NARROW: Limits = Limits {
    all: 1 << 20,
    program: 200,
    trail: 24,
    part: 3,
};

/// The whole match and the groups, as a search from each position finds them.
type Found = Vec<Option<Vec<Option<Range<usize>>>>>;

struct Oracle {
    vm: PikeVM,
}

impl Oracle {
    fn new(text: &str, encoding: Encoding) -> Option<Self> {
        let config = Config::new().utf8(false).nfa_size_limit(Some(2 << 20));
        let hir = parse(text, encoding).ok()?.hir;
        let nfa = Compiler::new().configure(config).build_from_hir(&hir).ok()?;
        Some(Self {
            vm: PikeVM::new_from_nfa(nfa).unwrap(),
        })
    }

    fn find(&self, value: &[u8]) -> Found {
        let mut cache = self.vm.create_cache();
        let find = |from| {
            let mut slots = alloc::vec![None; 20.min(self.vm.get_nfa().group_info().slot_len())];
            self.vm
                .search_slots(&mut cache, &Input::new(value).range(from..), &mut slots)?;
            slots.resize(20, None);
            let span = |pair: &[Option<_>]| Some(get(pair[0])?..get(pair[1])?);
            Some(slots.chunks(2).map(span).collect())
        };
        (0..=value.len()).map(find).collect()
    }
}

fn get(slot: Option<regex_automata::util::primitives::NonMaxUsize>) -> Option<usize> {
    slot.map(|it| it.get())
}

fn find(finder: &Finder, value: &[u8], memory: &mut Memory) -> Found {
    let find = |from| {
        let groups = finder.find_in(memory, value, from, true)?;
        Some((0..10).map(|group| groups.group_span(group)).collect())
    };
    (0..=value.len()).map(find).collect()
}

fn find_whole(finder: &Finder, value: &[u8], memory: &mut Memory) -> Vec<Option<Range<usize>>> {
    let find = |from| finder.find_in(memory, value, from, false).map(|it| it.span());
    (0..=value.len()).map(find).collect()
}

fn check(text: &str, values: &[Vec<u8>]) {
    for encoding in BOTH {
        let Some(oracle) = Oracle::new(text, encoding) else {
            assert!(
                Finder::parse_as(text, encoding).is_err(),
                "{text} in {encoding:?}"
            );
            continue;
        };
        let finder = Finder::parse_as(text, encoding).unwrap();
        for limits in [ROOMY, NARROW] {
            let mut memory = Memory::new(limits);
            for value in values {
                let shown = value.escape_ascii();
                let expected = oracle.find(value);
                let found = find(&finder, value, &mut memory);
                assert_eq!(found, expected, "{text} in \"{shown}\" in {encoding:?}");
                let whole: Vec<_> = expected.into_iter().map(|it| it?.remove(0)).collect();
                let found = find_whole(&finder, value, &mut memory);
                assert_eq!(
                    found, whole,
                    "{text} in \"{shown}\" in {encoding:?}, without groups"
                );
            }
        }
    }
}

#[test]
fn hard_patterns_catch_what_the_engine_catches() {
    let letters = |count: usize| -> Vec<u8> {
        let letter = |at: usize| b"abc/"[(at * at / 7 + at / 3) % 4];
        (0..count).map(letter).collect()
    };
    for text in [
        "(a|b)*a(a|b){5}",
        "(.*)/(.*)c(.*)",
        "(.*?)/(.*?)c(.*?)$",
        "((a{0,3})(b{0,3})){4}",
        "(a*)*(b|)*c",
        "(a|ab)(c|bcd)?",
        r"(\b[ab]+\b|\B.)*c",
        "(?m)^(.*)$",
        "[^/]*$",
        "(/[abc]*)*/|/(a)",
        "/a(b*)",
        "abc(.*)|abd(.)",
        "(a.*c|b)",
        "ab([^/])",
        "//(b?)c",
        "a(a|b)",
        r"bc\b",
        r"\bab(.)",
        r"(?:.??\B{0,2})*([^/]a)??",
        r"(?:(a)??\b|(?m:^))*(b*)",
    ] {
        check(text, &[letters(60), letters(35), b"/a".to_vec(), Vec::new()]);
        check(text, &[random(100, b"abc/"), random(100, b"abcdefghijklmno/")]);
    }
}

/// Letters in a random order, always the same.
fn random(count: u32, letters: &[u8]) -> Vec<u8> {
    let letter =
        |at: u32| letters[(at.wrapping_add(7).wrapping_mul(2_654_435_761) >> 16) as usize % letters.len()];
    (0..count).map(letter).collect()
}

#[test]
fn a_long_value_is_followed_back_through_many_parts() {
    let value: Vec<u8> = (0..5_000_u32)
        .map(|at| b"ab"[(at.wrapping_mul(2_654_435_761) >> 31) as usize])
        .collect();
    let limits = Limits {
        program: 4_000,
        trail: 300,
        part: 64,
        ..ROOMY
    };
    let finder = Finder::parse("((a|b)*)a((a|b){9})").unwrap();
    let found = finder.find_in(&mut Memory::new(limits), &value, 0, true).unwrap();
    let last = (0..value.len() - 9).rev().find(|&at| value[at] == b'a').unwrap();
    assert_eq!(found.span(), 0..last + 10);
    assert_eq!(found.group_span(1), Some(0..last));
    assert_eq!(found.group_span(3), Some(last + 1..last + 10));
}

/// Pieces of patterns and letters of values that meet often.
fn text() -> impl Strategy<Value = String> {
    r"(a|b|c|/|\n|é| |\(|\)|\||\*|\+|\?|\*\?|\+\?|\?\?|\^|\$|\.|\\b|\\B|\\A|\\z|\(\?m\)|\(\?i\)|\(\?:|\{0,2\}|\{2\}|\{1,3\}\?|\{0\}|\[\^a\]|\[ab\]|\\w|\\PL|\(a\)|\(b\|c\)|\(\.\*\)|\(\?:\.\?\?\\B\)\*|\(a\?\\b\)\*|\(\?:\^\|b\)\+){0,14}"
}

proptest! {
    #[test]
    fn a_finder_catches_what_the_engine_catches(
        text in text(),
        values in prop::collection::vec("[abcA/\n é]{0,12}", 1..5),
    ) {
        let values: Vec<_> = values.into_iter().map(String::into_bytes).collect();
        check(&text, &values);
    }

    #[test]
    fn a_pattern_accepts_what_the_engine_finds_from_end_to_end(
        text in text(),
        values in prop::collection::vec("[abcA/\n é]{0,9}", 1..5),
    ) {
        for encoding in BOTH {
            let Some(oracle) = Oracle::new(&alloc::format!("\\A(?:{text})\\z"), encoding) else { continue };
            let Ok(pattern) = Pattern::parse_as(&text, encoding) else { continue };
            for value in &values {
                let found = oracle.find(value.as_bytes())[0].is_some();
                prop_assert_eq!(pattern.accepts(value.as_bytes()), found, "{} {:?} in {:?}", text, value, encoding);
            }
        }
    }
}
