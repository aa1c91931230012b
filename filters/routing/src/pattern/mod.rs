//! Regular expressions with RE2's syntax and meaning, as Envoy's `safe_regex` has them.
//!
//! The only place that knows the regex engine. A [`Pattern`] accepts or refuses a whole value; a [`Finder`]
//! finds places in one. Both take time linear in the value. What they learn from values lies in a memory of fixed size
//! that all share, so no client can make it grow.

mod bits;
mod classes;
mod compile;
mod encoding;
mod error;
mod finder;
mod folding;
mod memory;
mod nfa;
mod numbers;
mod origins;
mod parse;
mod position;
mod program;
mod runes;
mod scan;
mod search;
mod start;
mod states;
#[cfg(test)]
mod tests;
mod thompson;
mod trail;

pub use encoding::Encoding;
pub use error::{InvalidPattern, Reason};
pub use finder::{Finder, Groups};

use alloc::boxed::Box;
use compile::Compiled;
use core::fmt;
use memory::{Machine, memory};
use program::Kind;
use regex_syntax::hir::{Hir, HirKind};
use start::Start;

/// A condition on a whole value.
pub struct Pattern {
    text: Box<str>,
    encoding: Encoding,
    engine: Engine,
}

enum Engine {
    /// No operators: compared byte by byte.
    Literal(Box<[u8]>),
    /// In a box, because a route has room for it even if its condition is no pattern.
    Automaton(Box<Automaton>),
}

struct Automaton {
    start: Start,
    machine: Machine,
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
            _ => {
                let automaton = Automaton::new(&hir).map_err(|reason| InvalidPattern {
                    offset: text.len(),
                    reason,
                })?;
                Engine::Automaton(Box::new(automaton))
            }
        };
        Ok(Self {
            text: text.into(),
            encoding,
            engine,
        })
    }

    /// Whether the whole of `value` matches.
    pub fn accepts(&self, value: &[u8]) -> bool {
        match &self.engine {
            Engine::Literal(literal) => **literal == *value,
            Engine::Automaton(automaton) => memory().accepts(&automaton.machine, value),
        }
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How many bytes its program takes. What it learns from values is counted elsewhere.
    pub fn program_bytes(&self) -> usize {
        match &self.engine {
            Engine::Literal(_) => 0,
            Engine::Automaton(automaton) => automaton.machine.program.bytes(),
        }
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
            start: Start::of(hir),
            machine: Machine::new(Compiled::new(hir, Kind::Whole)?),
        })
    }
}

/// What a pattern accepts is a matter of its text and encoding.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.encoding) == (&other.text, other.encoding)
    }
}

impl Eq for Pattern {}

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
