//! A pattern as a machine of many states at once, and how a byte moves it.
//!
//! A [`Set`] holds the states that some beginning of a value can lead to. [`Kind`] says what a search is for, and
//! with it the order inside a set. What sets were seen before is not known here; that is [`super::states`].

use super::bits::Bits;
use super::nfa::{Nfa, State};
use super::origins::{Origin, Saves};
use super::position::{Before, holds};
use alloc::boxed::Box;
use alloc::vec::Vec;
use regex_automata::nfa::thompson::NFA;

/// What a program is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whether a whole value matches. Sets are sorted, as RE2's are: the answer does not depend on the order in which
    /// a pattern prefers its alternatives, and there are far fewer sets than orders.
    Whole,
    /// Where the first match ends, and through which states it went. Sets have their states in the order in which the
    /// pattern prefers them, and nothing behind the end of a match.
    First,
    /// Where the longest match begins, read from the end of a value to its start. Sets are sorted.
    Backwards,
}

/// A compiled pattern.
pub(super) struct Program {
    nfa: Nfa,
    kind: Kind,
    /// What every match begins with, if a search goes from one such place to the next. May be empty.
    lead: Box<[u8]>,
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

/// A state of a set that is being made.
#[derive(Debug, Clone, Copy)]
struct Member {
    state: u16,
    /// The index, in the set before, of the member that led here.
    from: u16,
    /// What is passed on the way.
    saves: Saves,
}

/// What a byte does to a set.
pub(super) struct Step {
    /// Whether a match ends before the byte.
    pub(super) ends: bool,
    /// Whether any match can end behind it.
    pub(super) goes_on: bool,
}

/// Working memory of a step, for any program.
#[derive(Default)]
pub(super) struct Scratch {
    seen: Bits,
    /// The members of a set that is sorted.
    sorted: Bits,
    /// The members of a set that is not.
    members: Vec<Member>,
    /// The states that a byte led to, from which the members follow.
    entries: Vec<Member>,
    entered: Bits,
    /// A member is an anchor.
    has_looks: bool,
    /// Nothing behind the last member counts.
    is_complete: bool,
    stack: Vec<(u16, Saves)>,
    decided: Vec<Member>,
    set: Vec<u16>,
}

impl Scratch {
    /// The set that the last step led to.
    pub(super) fn set(&self) -> &[u16] {
        &self.set
    }

    /// What a set has in it that is not sorted. An anchor may open a way to a state that another way leads to as well,
    /// and only the first way counts. Which is first is known when the anchors are decided, so until then a set has
    /// what all ways begin with.
    fn ordered(&self) -> &[Member] {
        if self.has_looks {
            &self.entries
        } else {
            &self.members
        }
    }
}

impl Program {
    /// None if it is too large.
    pub(super) fn new(nfa: &NFA, kind: Kind, lead: &[u8]) -> Option<Self> {
        // RE2 refuses what is half as large, where a mesh sets its limit.
        let nfa = Nfa::new(nfa)?;
        let lead = if kind == Kind::First { lead } else { &[] };
        Some(Self {
            nfa,
            kind,
            lead: lead.into(),
        })
    }

    /// How many kinds of bytes it tells apart, the end of a value among them.
    pub(super) fn classes(&self) -> usize {
        self.nfa.classes().count() + 1
    }

    /// The kind of each byte. That of the end of a value is the last one.
    pub(super) fn class_table(&self) -> [u8; 256] {
        self.nfa.classes().table()
    }

    /// What every match begins with, if a search goes from one such place to the next. May be empty.
    pub(super) fn lead(&self) -> &[u8] {
        &self.lead
    }

    /// Whether it only matters where matches end: a whole value has one end.
    pub(super) fn finds_ends(&self) -> bool {
        match self.kind {
            Kind::Whole => false,
            Kind::First | Kind::Backwards => true,
        }
    }

    /// Puts the set where a search begins into the scratch.
    pub(super) fn start(&self, is_anchored: bool, before: Before, scratch: &mut Scratch) {
        scratch.clear(self.nfa.len());
        self.enter(self.nfa.start(is_anchored), 0, scratch);
        self.collect(before, scratch);
    }

    /// Puts the set behind `byte` into the scratch.
    pub(super) fn step(&self, set: &[u16], byte: u8, scratch: &mut Scratch) -> Step {
        let ends = self.advance(set, byte, scratch);
        self.collect(Before::of(byte), scratch);
        Step {
            ends,
            goes_on: scratch.set.len() > 1,
        }
    }

    /// Whether a match ends in front of `after`, or where a value ends.
    pub(super) fn accepts(&self, set: &[u16], after: Option<u8>, scratch: &mut Scratch) -> bool {
        let mark = set.first().copied().unwrap_or_default();
        if mark & mark::LOOKS == 0 {
            return mark & mark::ENDS != 0;
        }
        self.decide(set, after, scratch);
        let mut decided = scratch.decided.iter();
        decided.any(|member| matches!(self.nfa.state(member.state), State::Match))
    }

    /// Where the member with this index in the set behind `byte` comes from.
    pub(super) fn origin(&self, set: &[u16], byte: u8, index: u16, scratch: &mut Scratch) -> Option<Origin> {
        self.advance(set, byte, scratch);
        let member = scratch.ordered().get(usize::from(index))?;
        if !has_looks(set) {
            return Some(Origin::new(member.from, 0, member.saves));
        }
        let decided = scratch.decided.get(usize::from(member.from))?;
        Some(Origin::new(decided.from, decided.saves, member.saves))
    }

    /// What is passed on the way to a member of the set where a search begins.
    pub(super) fn origin_at_start(
        &self,
        is_anchored: bool,
        before: Before,
        index: u16,
        scratch: &mut Scratch,
    ) -> Option<Origin> {
        self.start(is_anchored, before, scratch);
        let member = scratch.ordered().get(usize::from(index))?;
        Some(Origin::new(0, 0, member.saves))
    }

    /// The member of a set through which a match ends in front of `after`, and what is passed behind it.
    pub(super) fn origin_of_end(
        &self,
        set: &[u16],
        after: Option<u8>,
        scratch: &mut Scratch,
    ) -> Option<Origin> {
        if !has_looks(set) {
            // The end of a match is the last member of its set.
            return Some(Origin::new(u16::try_from(set.len().checked_sub(2)?).ok()?, 0, 0));
        }
        self.decide(set, after, scratch);
        let end = scratch.decided.last()?;
        Some(Origin::new(end.from, end.saves, 0))
    }

    /// Makes the members behind `byte`. Whether a match ends before it.
    fn advance(&self, set: &[u16], byte: u8, scratch: &mut Scratch) -> bool {
        let mut ends = false;
        if has_looks(set) {
            self.decide(set, Some(byte), scratch);
            let decided = core::mem::take(&mut scratch.decided);
            scratch.clear(self.nfa.len());
            for (from, member) in decided.iter().enumerate() {
                ends |= self.consume(member.state, from, byte, scratch);
            }
            scratch.decided = decided;
        } else {
            scratch.clear(self.nfa.len());
            for (from, &state) in set.iter().skip(1).enumerate() {
                ends |= self.consume(state, from, byte, scratch);
            }
        }
        ends
    }

    /// Adds where a state goes with a byte. True if it ends a match instead.
    fn consume(&self, state: u16, from: usize, byte: u8, scratch: &mut Scratch) -> bool {
        let state = self.nfa.state(state);
        if matches!(state, State::Match) {
            return true;
        }
        if let Some(next) = state.next(byte) {
            self.enter(next, from as u16, scratch); // a program has no more states than a u16 can number
        }
        false
    }

    /// Adds a state that a byte leads to, and what it leads to without another.
    fn enter(&self, state: u16, from: u16, scratch: &mut Scratch) {
        if self.kind == Kind::First && !scratch.is_complete && scratch.entered.insert(usize::from(state)) {
            scratch.entries.push(Member {
                state,
                from,
                saves: 0,
            });
        }
        self.follow(state, from, None, scratch);
    }

    /// Decides the anchors of a set: what its members lead to is in `scratch.decided`.
    fn decide(&self, set: &[u16], after: Option<u8>, scratch: &mut Scratch) {
        let Some((&mark, members)) = set.split_first() else {
            return;
        };
        let position = Some((Before::read(mark & mark::BEFORE), after));
        scratch.clear(self.nfa.len());
        for (from, &state) in members.iter().enumerate() {
            self.follow(state, from as u16, position, scratch);
        }
        scratch.decided.clear();
        match self.kind {
            Kind::First => scratch.decided.extend_from_slice(&scratch.members),
            Kind::Whole | Kind::Backwards => {
                let members = scratch.sorted.iter().map(|state| Member {
                    state,
                    from: 0,
                    saves: 0,
                });
                scratch.decided.extend(members);
            }
        }
    }

    /// Adds what `from` leads to without a byte. Anchors are members themselves until their position is known.
    fn follow(&self, start: u16, from: u16, position: Option<(Before, Option<u8>)>, scratch: &mut Scratch) {
        if scratch.is_complete {
            return;
        }
        scratch.stack.push((start, 0));
        while let Some((id, saves)) = scratch.stack.pop() {
            if !scratch.seen.insert(usize::from(id)) {
                continue;
            }
            match self.nfa.state(id) {
                State::Range(_) | State::Ranges(_) => {
                    self.add(id, from, saves, scratch);
                }
                State::Match => {
                    self.add(id, from, saves, scratch);
                    if self.kind == Kind::First {
                        scratch.is_complete = true;
                        scratch.stack.clear();
                    }
                }
                State::Look { look, next } => match position {
                    None => {
                        scratch.has_looks = true;
                        self.add(id, from, saves, scratch);
                    }
                    Some((before, after)) if holds(*look, before, after) => {
                        scratch.stack.push((*next, saves));
                    }
                    Some(_) => {}
                },
                // What is preferred is taken from the stack first.
                State::Union(alternates) => {
                    scratch
                        .stack
                        .extend(alternates.iter().rev().map(|&next| (next, saves)));
                }
                State::Save { slot, next } => {
                    let save = 1_u32.checked_shl(*slot).unwrap_or_default();
                    scratch.stack.push((*next, saves | save));
                }
                State::Fail => {}
            }
        }
    }

    fn add(&self, id: u16, from: u16, saves: Saves, scratch: &mut Scratch) {
        match self.kind {
            Kind::First => scratch.members.push(Member {
                state: id,
                from,
                saves,
            }),
            Kind::Whole | Kind::Backwards => {
                scratch.sorted.insert(usize::from(id));
            }
        }
    }

    /// Writes the members down behind the mark.
    fn collect(&self, before: Before, scratch: &mut Scratch) {
        let mut set = core::mem::take(&mut scratch.set);
        set.clear();
        set.push(0);
        match self.kind {
            Kind::First => set.extend(scratch.ordered().iter().map(|member| member.state)),
            Kind::Whole | Kind::Backwards => set.extend(scratch.sorted.iter()),
        }
        let is_end = |&state: &u16| matches!(self.nfa.state(state), State::Match);
        let looks = if scratch.has_looks {
            mark::LOOKS | before as u16
        } else {
            0
        };
        let ends = if set.iter().skip(1).any(is_end) {
            mark::ENDS
        } else {
            0
        };
        if let Some(first) = set.first_mut() {
            *first = looks | ends;
        }
        scratch.set = set;
    }
}

/// Whether what a set leads to depends on what precedes its position.
pub(super) fn has_looks(set: &[u16]) -> bool {
    set.first().is_some_and(|mark| mark & mark::LOOKS != 0)
}

impl Scratch {
    fn clear(&mut self, states: usize) {
        self.seen.clear(states);
        self.sorted.clear(states);
        self.members.clear();
        self.entries.clear();
        self.entered.clear(states);
        self.has_looks = false;
        self.is_complete = false;
    }
}
