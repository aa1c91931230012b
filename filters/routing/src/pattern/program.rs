//! A pattern as a machine of many states at once, and how a byte moves it.
//!
//! A [`Set`] holds the states that some beginning of a value can lead to. Sets are sorted, as RE2's are: whether a
//! whole value matches does not depend on the order in which a pattern prefers its alternatives, and there are far
//! fewer sets than orders. What sets were seen before is not known here; that is [`super::states`].

use alloc::vec::Vec;
use regex_automata::nfa::thompson::{NFA, State};
use regex_automata::util::look::Look;
use regex_automata::util::primitives::StateID;

/// A compiled pattern that is held against whole values.
pub(super) struct Program {
    nfa: NFA,
}

/// What a set says beside its members; the first entry of each.
///
/// The byte before only counts where a member looks at it, so that other sets are not told apart by it.
mod mark {
    pub(super) const BEFORE: u16 = 0b11;
    /// A member is an anchor or a word boundary, to be decided once the next byte is known.
    pub(super) const LOOKS: u16 = 0b100;
    /// A member ends a match.
    pub(super) const ENDS: u16 = 0b1000;
}

/// Where in a value a set stands, as far as anchors and word boundaries tell places apart.
#[derive(Clone, Copy)]
enum Before {
    Nothing = 0,
    LineFeed = 1,
    Word = 2,
    Other = 3,
}

/// Working memory of a step, for any program.
#[derive(Default)]
pub(super) struct Scratch {
    seen: Bits,
    members: Bits,
    stack: Vec<StateID>,
    decided: Vec<u16>,
    set: Vec<u16>,
}

impl Scratch {
    /// The set that the last step led to.
    pub(super) fn set(&self) -> &[u16] {
        &self.set
    }
}

impl Program {
    /// None if it is too large.
    pub(super) fn new(nfa: NFA) -> Option<Self> {
        // A member is a u16. RE2 refuses what is half as large, where a mesh sets its limit.
        u16::try_from(nfa.states().len()).ok()?;
        Some(Self { nfa })
    }

    /// How many kinds of bytes it tells apart.
    pub(super) fn classes(&self) -> usize {
        // Without the one that regex_automata has for the end of a value.
        self.nfa.byte_classes().alphabet_len() - 1
    }

    /// The kind of a byte, below [`Program::classes`].
    #[inline]
    pub(super) fn class(&self, byte: u8) -> usize {
        usize::from(self.nfa.byte_classes().get(byte))
    }

    /// Puts the set before any byte into the scratch.
    pub(super) fn start(&self, scratch: &mut Scratch) {
        scratch.clear(self.nfa.states().len());
        self.follow(self.nfa.start_anchored(), None, scratch);
        self.collect(Before::Nothing, scratch);
    }

    /// Puts the set behind `byte` into the scratch. False if it is empty: no value that goes on so can match.
    pub(super) fn step(&self, set: &[u16], byte: u8, scratch: &mut Scratch) -> bool {
        let members = self.decide(set, Some(byte), scratch);
        scratch.clear(self.nfa.states().len());
        let decided = core::mem::take(&mut scratch.decided);
        for &member in members.unwrap_or(&decided) {
            let next = match self.nfa.state(id(member)) {
                State::ByteRange { trans } => trans.matches_byte(byte).then_some(trans.next),
                State::Sparse(transitions) => transitions.matches_byte(byte),
                State::Dense(transitions) => transitions.matches_byte(byte),
                State::Look { .. }
                | State::Union { .. }
                | State::BinaryUnion { .. }
                | State::Capture { .. }
                | State::Match { .. }
                | State::Fail => None,
            };
            if let Some(next) = next {
                self.follow(next, None, scratch);
            }
        }
        scratch.decided = decided;
        self.collect(Before::of(byte), scratch);
        scratch.set.len() > 1
    }

    /// Whether a value that ends here matches.
    pub(super) fn accepts(&self, set: &[u16], scratch: &mut Scratch) -> bool {
        let mark = set.first().copied().unwrap_or_default();
        if mark & mark::LOOKS == 0 {
            return mark & mark::ENDS != 0;
        }
        self.decide(set, None, scratch);
        let mut decided = scratch.decided.iter();
        decided.any(|&member| matches!(self.nfa.state(id(member)), State::Match { .. }))
    }

    /// The members of a set, once its anchors are decided: those given, or those in `scratch.decided`.
    fn decide<'s>(&self, set: &'s [u16], after: Option<u8>, scratch: &mut Scratch) -> Option<&'s [u16]> {
        let (&mark, members) = set.split_first()?;
        if mark & mark::LOOKS == 0 {
            return Some(members);
        }
        let place = Some((Before::read(mark), after));
        scratch.clear(self.nfa.states().len());
        for &member in members {
            self.follow(id(member), place, scratch);
        }
        scratch.decided.clear();
        scratch.decided.extend(scratch.members.iter());
        None
    }

    /// Adds what `from` leads to without a byte. Anchors are members themselves until their place is known.
    fn follow(&self, from: StateID, place: Option<(Before, Option<u8>)>, scratch: &mut Scratch) {
        scratch.stack.push(from);
        while let Some(id) = scratch.stack.pop() {
            if !scratch.seen.insert(id.as_usize()) {
                continue;
            }
            match self.nfa.state(id) {
                State::ByteRange { .. } | State::Sparse(_) | State::Dense(_) | State::Match { .. } => {
                    scratch.members.insert(id.as_usize());
                }
                State::Look { look, next } => match place {
                    None => {
                        scratch.members.insert(id.as_usize());
                    }
                    Some((before, after)) if holds(*look, before, after) => scratch.stack.push(*next),
                    Some(_) => {}
                },
                State::Union { alternates } => scratch.stack.extend_from_slice(alternates),
                State::BinaryUnion { alt1, alt2 } => scratch.stack.extend_from_slice(&[*alt1, *alt2]),
                State::Capture { next, .. } => scratch.stack.push(*next),
                State::Fail => {}
            }
        }
    }

    /// Writes the members down, in order, behind the mark.
    fn collect(&self, before: Before, scratch: &mut Scratch) {
        scratch.set.clear();
        scratch.set.push(0);
        let mut mark = 0;
        for member in scratch.members.iter() {
            match self.nfa.state(id(member)) {
                State::Look { .. } => mark |= mark::LOOKS | before as u16,
                State::Match { .. } => mark |= mark::ENDS,
                _ => {}
            }
            scratch.set.push(member);
        }
        if let Some(first) = scratch.set.first_mut() {
            *first = mark;
        }
    }
}

impl Scratch {
    fn clear(&mut self, states: usize) {
        self.seen.clear(states);
        self.members.clear(states);
    }
}

impl Before {
    fn of(byte: u8) -> Self {
        match byte {
            b'\n' => Self::LineFeed,
            _ if is_word(byte) => Self::Word,
            _ => Self::Other,
        }
    }

    fn read(mark: u16) -> Self {
        match mark & mark::BEFORE {
            0 => Self::Nothing,
            1 => Self::LineFeed,
            2 => Self::Word,
            _ => Self::Other,
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The parser makes no other conditions on a place than these.
fn holds(look: Look, before: Before, after: Option<u8>) -> bool {
    let at_boundary = || matches!(before, Before::Word) != after.is_some_and(is_word);
    match look {
        Look::Start => matches!(before, Before::Nothing),
        Look::End => after.is_none(),
        Look::StartLF => matches!(before, Before::Nothing | Before::LineFeed),
        Look::EndLF => matches!(after, None | Some(b'\n')),
        Look::WordAscii => at_boundary(),
        Look::WordAsciiNegate => !at_boundary(),
        _ => false,
    }
}

fn id(member: u16) -> StateID {
    StateID::new(usize::from(member)).unwrap_or(StateID::ZERO)
}

/// A set of small numbers.
#[derive(Default)]
struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// Empties it, and makes room for numbers below `limit`.
    fn clear(&mut self, limit: usize) {
        self.words.clear();
        self.words.resize(limit.div_ceil(64), 0);
    }

    /// Whether the number is new.
    fn insert(&mut self, number: usize) -> bool {
        let bit = 1 << (number % 64);
        match self.words.get_mut(number / 64) {
            Some(word) if *word & bit == 0 => {
                *word |= bit;
                true
            }
            Some(_) | None => false,
        }
    }

    /// The numbers, in order.
    fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.words.iter().enumerate().flat_map(|(index, &word)| {
            let mut left = word;
            core::iter::from_fn(move || {
                let bit = left.trailing_zeros() as usize;
                left &= left.checked_sub(1)?;
                Some((index * 64 + bit) as u16)
            })
        })
    }
}
