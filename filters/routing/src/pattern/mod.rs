//! Regular expressions with RE2's syntax and meaning, as Envoy's `safe_regex` has them.
//!
//! The only place that knows the regex engine. A [`Pattern`] accepts or refuses a whole value; a [`Finder`]
//! finds places in one. Both take time linear in the value, and memory within the limits below.

mod classes;
mod error;
mod parse;
mod runes;
mod scan;
mod start;
#[cfg(test)]
mod tests;

pub use error::{InvalidPattern, Reason};

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use regex_automata::hybrid::dfa::{Cache as DfaCache, Config as DfaConfig, DFA};
use regex_automata::nfa::thompson::pikevm::{Cache as VmCache, PikeVM};
use regex_automata::nfa::thompson::{Compiler, Config, NFA, WhichCaptures};
use regex_automata::util::pool::Pool;
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Anchored, Input};
use regex_syntax::hir::{Hir, HirKind, Look};
use start::Start;

/// What one compiled program may take. RE2's limit in a mesh, 32,768 instructions, is below that.
const PROGRAM_BYTES: usize = 2 << 20;

/// What the states that one pattern has seen may take; beyond, they are forgotten and learned anew.
const CACHE_BYTES: usize = 64 << 10;

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
    Automaton(Box<Automaton>),
}

/// States are made when a value first needs them. When they change too often, the slower machine goes on.
struct Automaton {
    start: Start,
    dfa: DFA,
    vm: PikeVM,
    caches: Caches,
}

type Caches = Pool<(DfaCache, Option<VmCache>), MakeCaches>;
type MakeCaches = Box<dyn Fn() -> (DfaCache, Option<VmCache>) + Send + Sync>;

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
            _ => Engine::Automaton(Box::new(Automaton::new(hir).ok_or_else(|| too_large(text))?)),
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
            Engine::Automaton(automaton) => automaton.accepts(value),
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
    /// Anchors the tree, not the text: `a)|(b` must not get out of a group put around it.
    fn new(hir: Hir) -> Option<Self> {
        let start = Start::of(&hir);
        let whole = Hir::concat([Hir::look(Look::Start), hir, Hir::look(Look::End)].into());
        let nfa = program(&whole, WhichCaptures::None)?;
        let config = DfaConfig::new()
            .cache_capacity(CACHE_BYTES)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(3))
            .minimum_bytes_per_state(Some(10));
        let dfa = DFA::builder()
            .configure(config)
            .build_from_nfa(nfa.clone())
            .ok()?;
        let vm = PikeVM::new_from_nfa(nfa).ok()?;
        let maker = dfa.clone();
        let caches: MakeCaches = Box::new(move || (maker.create_cache(), None));
        Some(Self {
            start,
            dfa,
            vm,
            caches: Pool::new(caches),
        })
    }

    fn accepts(&self, value: &[u8]) -> bool {
        let mut guard = self.caches.get();
        let (states, slow) = &mut *guard;
        let input = Input::new(value).anchored(Anchored::Yes).earliest(true);
        match self.dfa.try_search_fwd(states, &input) {
            Ok(found) => found.is_some(),
            Err(_gave_up) => {
                let slow = slow.get_or_insert_with(|| self.vm.create_cache());
                self.vm.search_slots(slow, &input, &mut []).is_some()
            }
        }
    }
}

/// Finds where a pattern matches inside a value, and what its groups caught.
pub struct Finder {
    text: Box<str>,
    vm: PikeVM,
    caches: Pool<VmCache, Box<dyn Fn() -> VmCache + Send + Sync>>,
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
        let vm = program(&parsed.hir, WhichCaptures::All).and_then(|nfa| PikeVM::new_from_nfa(nfa).ok());
        let vm = vm.ok_or_else(|| too_large(text))?;
        let maker = vm.clone();
        let caches = Pool::new(Box::new(move || maker.create_cache()) as Box<dyn Fn() -> _ + Send + Sync>);
        Ok(Self {
            text: text.into(),
            vm,
            caches,
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
        let mut cache = self.caches.get();
        self.vm.search_slots(&mut cache, &input, &mut slots)?;
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

/// `utf8(false)`: RE2 works on bytes, so an empty match may lie inside a code point.
fn program(hir: &Hir, captures: WhichCaptures) -> Option<NFA> {
    let config = Config::new()
        .utf8(false)
        .nfa_size_limit(Some(PROGRAM_BYTES))
        .which_captures(captures);
    Compiler::new().configure(config).build_from_hir(hir).ok()
}

fn too_large(text: &str) -> InvalidPattern {
    InvalidPattern {
        offset: text.len(),
        reason: Reason::TooLarge,
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
