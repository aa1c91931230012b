//! Regular expressions with RE2's syntax and meaning, as Envoy's `safe_regex` has them.
//!
//! The only place that knows the regex engine. A [`Pattern`] accepts or refuses a whole value; a [`Finder`]
//! finds places in one. Both take time linear in the value. What they learn from values lies in a memory of fixed size
//! that all share, so no client can make it grow.

mod classes;
mod compile;
mod error;
mod memory;
mod parse;
mod program;
mod runes;
mod scan;
mod start;
mod states;
#[cfg(test)]
mod tests;

pub use error::{InvalidPattern, Reason};

use alloc::boxed::Box;
use alloc::vec::Vec;
use compile::Compiled;
use core::fmt;
use memory::{PatternId, memory};
use program::Program;
use regex_automata::Input;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::util::primitives::NonMaxUsize;
use regex_syntax::hir::{Hir, HirKind};
use start::Start;

/// What a character is, in a pattern and in the values that it is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// A byte; case is folded for ASCII alone. Envoy from 1.40 on (`re2_use_latin1_mode`).
    Latin1,
    /// A code point; case is folded as Unicode does. Envoy up to 1.39.
    Utf8,
}

impl Encoding {
    fn highest_rune(self) -> u32 {
        match self {
            Self::Latin1 => 0xFF,
            Self::Utf8 => u32::from(char::MAX),
        }
    }
}

/// A condition on a whole value.
pub struct Pattern {
    text: Box<str>,
    engine: Engine,
}

enum Engine {
    /// No operators: compared byte by byte.
    Literal(Box<[u8]>),
    Automaton(Automaton),
}

struct Automaton {
    id: PatternId,
    start: Start,
    program: Compiled<Program>,
}

impl Pattern {
    /// Reads a pattern as the newest Envoy does: in Latin-1.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        Self::parse_as(text, Encoding::Latin1)
    }

    /// Reads a pattern. The whole value must match, whether or not the text has `^` and `$`.
    pub fn parse_as(text: &str, encoding: Encoding) -> Result<Self, InvalidPattern> {
        let hir = parse::parse(text, encoding)?.hir;
        let engine = match hir.kind() {
            HirKind::Literal(literal) => Engine::Literal(literal.0.clone()),
            HirKind::Empty => Engine::Literal(Box::default()),
            _ => Engine::Automaton(Automaton::new(&hir).map_err(|reason| InvalidPattern {
                offset: text.len(),
                reason,
            })?),
        };
        Ok(Self {
            text: text.into(),
            engine,
        })
    }

    /// Whether the whole of `value` matches.
    pub fn accepts(&self, value: &[u8]) -> bool {
        match &self.engine {
            Engine::Literal(literal) => **literal == *value,
            Engine::Automaton(Automaton { id, program, .. }) => memory().accepts(*id, program, value),
        }
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The only value that matches, where that is plain to see.
    pub(crate) fn literal(&self) -> Option<&[u8]> {
        match &self.engine {
            Engine::Literal(literal) => Some(literal),
            Engine::Automaton(_) => None,
        }
    }

    /// What every value that matches begins with, and whether the case of ASCII letters in it is open.
    pub(crate) fn start(&self) -> (&[u8], bool) {
        match &self.engine {
            Engine::Literal(literal) => (literal, false),
            Engine::Automaton(automaton) => (automaton.start.text(), automaton.start.ignores_case()),
        }
    }
}

impl Automaton {
    fn new(hir: &Hir) -> Result<Self, Reason> {
        Ok(Self {
            id: PatternId::new(),
            start: Start::of(hir),
            program: Compiled::new(hir, WhichCaptures::None, Program::new)?,
        })
    }
}

/// Finds where a pattern matches inside a value, and what its groups caught.
pub struct Finder {
    text: Box<str>,
    id: PatternId,
    vm: Compiled<PikeVM>,
    groups: u32,
    encoding: Encoding,
}

/// What the groups of a match caught: the whole match first, then each group that took part.
pub struct Groups<'v> {
    value: &'v [u8],
    slots: Vec<Option<NonMaxUsize>>,
}

impl Finder {
    /// Reads a pattern that may match anywhere, as the newest Envoy does: in Latin-1.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        Self::parse_as(text, Encoding::Latin1)
    }

    /// Reads a pattern that may match anywhere.
    pub fn parse_as(text: &str, encoding: Encoding) -> Result<Self, InvalidPattern> {
        let parsed = parse::parse(text, encoding)?;
        let machine = |nfa| PikeVM::new_from_nfa(nfa).ok();
        let vm =
            Compiled::new(&parsed.hir, WhichCaptures::All, machine).map_err(|reason| InvalidPattern {
                offset: text.len(),
                reason,
            })?;
        Ok(Self {
            text: text.into(),
            id: PatternId::new(),
            vm,
            groups: parsed.groups,
            encoding,
        })
    }

    /// How many groups it has, the whole match not counted.
    pub fn groups(&self) -> u32 {
        self.groups
    }

    /// What a character is to it.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The first match that begins at `from` or later; what is before `from` still counts for `^` and `\b`.
    pub fn find<'v>(&self, value: &'v [u8], from: usize) -> Option<Groups<'v>> {
        if from > value.len() {
            return None;
        }
        let mut slots = Vec::new();
        // Groups that cannot take part, as in `(a){0}`, have no slots, and the engine panics on too many.
        slots.resize(self.vm.get_nfa().group_info().slot_len(), None);
        let input = Input::new(value).range(from..);
        let mut memory = memory();
        let cache = memory.finder_cache(self.id, &self.vm);
        self.vm.search_slots(cache, &input, &mut slots)?;
        Some(Groups { value, slots })
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<'v> Groups<'v> {
    /// Where the whole match is.
    pub fn span(&self) -> core::ops::Range<usize> {
        self.group_span(0).unwrap_or_default()
    }

    /// What a group caught; empty if it took no part.
    pub fn group(&self, index: usize) -> &'v [u8] {
        self.group_span(index)
            .and_then(|span| self.value.get(span))
            .unwrap_or_default()
    }

    fn group_span(&self, index: usize) -> Option<core::ops::Range<usize>> {
        let start = (*self.slots.get(index * 2)?)?;
        let end = (*self.slots.get(index * 2 + 1)?)?;
        Some(start.get()..end.get())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

impl fmt::Debug for Finder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Finder({:?})", self.text)
    }
}
