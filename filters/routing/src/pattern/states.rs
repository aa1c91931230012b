//! What one program has learned: which set of states a byte leads to from which.
//!
//! A set is made when a value first needs it, and found by its number from then on. All lies in a few flat lists, so
//! that forgetting is cheap and what is kept can be counted.

use super::origins::{Origin, Origins};
use super::position::{Before, Section};
use super::program::{Program, Scratch, has_looks};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hash::BuildHasher;
use hashbrown::{DefaultHashBuilder, HashTable};

/// No set is known yet, for this byte.
pub(super) const UNKNOWN: u32 = u32::MAX;
/// A match ends in front of the byte.
pub(super) const ENDS: u32 = 1 << 31;
/// The byte leads back to where a search begins, so no match has begun.
pub(super) const RESTARTS: u32 = 1 << 30;
/// The set is empty.
pub(super) const DEAD: u32 = RESTARTS - 1;
/// The bits that name a set.
pub(super) const SET: u32 = RESTARTS - 1;

/// The sets of one program, and the steps between them.
pub(super) struct States {
    limit: usize,
    /// The class of each byte.
    classes: Box<[u8; 256]>,
    /// For each set and each class of bytes, where the next set begins in this list.
    pub(super) steps: Vec<u32>,
    /// The members of all sets.
    members: Vec<u16>,
    /// Where each set ends in `members`.
    ends: Vec<u32>,
    /// Where each set begins in `steps`, found by what is in it.
    known: HashTable<u32>,
    /// Where the sets begin at which searches begin: for each [`Before`], not anchored and anchored.
    starts: [Option<u32>; 8],
    /// Where members come from.
    origins: Origins,
    hasher: DefaultHashBuilder,
}

impl States {
    /// Nothing learned yet; forgets all when more than `limit` bytes would be needed.
    pub(super) fn new(program: &Program, limit: usize) -> Self {
        Self {
            limit,
            classes: Box::new(program.class_table()),
            steps: Vec::new(),
            members: Vec::new(),
            ends: Vec::new(),
            known: HashTable::new(),
            starts: [None; 8],
            origins: Origins::default(),
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// The class of a byte.
    #[inline]
    pub(super) fn class(&self, byte: u8) -> usize {
        self.classes
            .get(usize::from(byte))
            .copied()
            .map_or(0, usize::from)
    }

    /// The class of a byte, or of the end of a value.
    fn class_of(&self, program: &Program, byte: Option<u8>) -> usize {
        byte.map_or_else(|| program.classes() - 1, |byte| self.class(byte))
    }

    /// Whether the whole of `value` matches `program`, which must be the same each time.
    pub(super) fn accepts(&mut self, program: &Program, value: &[u8], scratch: &mut Scratch) -> bool {
        let mut at = self.start(program, true, Before::Nothing, scratch);
        for &byte in value {
            let step = self.steps.get(at as usize + self.class(byte));
            at = match step {
                Some(&next) if next < DEAD => next,
                Some(&DEAD) => return false,
                Some(_) | None => match self.learn(program, at, byte, scratch).0 {
                    DEAD => return false,
                    next => next,
                },
            };
        }
        self.ends(program, at, None, scratch)
    }

    /// Where a member of the set that `byte` leads to from the set `set` comes from.
    #[inline]
    pub(super) fn origin(
        &mut self,
        program: &Program,
        set: u32,
        byte: u8,
        index: u16,
        scratch: &mut Scratch,
    ) -> Option<Origin> {
        let step = set + self.class(byte) as u32;
        match self.origins.get(step, index) {
            Some(origin) => Some(origin),
            None => self.learn_origin(program, set, byte, index, scratch),
        }
    }

    #[cold]
    fn learn_origin(
        &mut self,
        program: &Program,
        set: u32,
        byte: u8,
        index: u16,
        scratch: &mut Scratch,
    ) -> Option<Origin> {
        let origin = program.origin(self.set(program, set), byte, index, scratch)?;
        self.origins.insert(set + self.class(byte) as u32, index, origin);
        Some(origin)
    }

    /// What is passed on the way to a member of the set where a search begins.
    pub(super) fn origin_at_start(
        &mut self,
        program: &Program,
        section: Section<'_>,
        position: usize,
        index: u16,
        scratch: &mut Scratch,
    ) -> Option<Origin> {
        let before = Before::at(section.value, position);
        // No step has such a number.
        let step = RESTARTS + start_index(section.is_anchored, before) as u32;
        if let Some(origin) = self.origins.get(step, index) {
            return Some(origin);
        }
        let origin = program.origin_at_start(section.is_anchored, before, index, scratch)?;
        self.origins.insert(step, index, origin);
        Some(origin)
    }

    /// The member of the set `set` through which a match ends in front of `after`, and what is passed behind it.
    pub(super) fn origin_of_end(
        &mut self,
        program: &Program,
        set: u32,
        after: Option<u8>,
        scratch: &mut Scratch,
    ) -> Option<Origin> {
        let step = ENDS + set + self.class_of(program, after) as u32;
        if let Some(origin) = self.origins.get(step, 0) {
            return Some(origin);
        }
        let origin = program.origin_of_end(self.set(program, set), after, scratch)?;
        self.origins.insert(step, 0, origin);
        Some(origin)
    }

    /// Bytes it keeps.
    pub(super) fn size(&self) -> usize {
        let lists = self.steps.capacity() * size_of::<u32>()
            + self.members.capacity() * size_of::<u16>()
            + self.ends.capacity() * size_of::<u32>();
        let classes = size_of_val(&*self.classes);
        lists + classes + self.known.allocation_size() + self.origins.size() + size_of::<Self>()
    }

    #[cfg(test)]
    pub(super) fn sets(&self) -> usize {
        self.ends.len()
    }

    /// Whether a match ends in front of `after`.
    pub(super) fn ends(
        &mut self,
        program: &Program,
        set: u32,
        after: Option<u8>,
        scratch: &mut Scratch,
    ) -> bool {
        let index = set as usize + self.class_of(program, after);
        match (self.steps.get(index).copied(), after) {
            (Some(step), _) if step != UNKNOWN => step & ENDS != 0,
            (_, Some(byte)) => self.learn(program, set, byte, scratch).0 & ENDS != 0,
            (_, None) => {
                let ends = program.accepts(self.set(program, set), None, scratch);
                if let Some(known) = self.steps.get_mut(index) {
                    *known = if ends { DEAD | ENDS } else { DEAD };
                }
                ends
            }
        }
    }

    pub(super) fn start(
        &mut self,
        program: &Program,
        is_anchored: bool,
        before: Before,
        scratch: &mut Scratch,
    ) -> u32 {
        let index = start_index(is_anchored, before);
        if let Some(&Some(start)) = self.starts.get(index) {
            return start;
        }
        program.start(is_anchored, before, scratch);
        let (start, _) = self.find_or_add(program, scratch.set());
        if let Some(known) = self.starts.get_mut(index) {
            *known = Some(start);
        }
        start
    }

    /// The step that `byte` makes from the set `set`, and whether all else was forgotten for it.
    #[cold]
    pub(super) fn learn(
        &mut self,
        program: &Program,
        set: u32,
        byte: u8,
        scratch: &mut Scratch,
    ) -> (u32, bool) {
        let step = program.step(self.set(program, set), byte, scratch);
        let ends = if step.ends && program.finds_ends() {
            ENDS
        } else {
            0
        };
        let (next, has_forgotten) = match step.goes_on {
            true => self.find_or_add(program, scratch.set()),
            false => (DEAD, false),
        };
        // What precedes the next place where a match can begin must make no difference there.
        let restarts = !program.lead().is_empty()
            && self
                .starts
                .get(..4)
                .is_some_and(|starts| starts.contains(&Some(next)))
            && !has_looks(scratch.set());
        let step = next | ends | if restarts { RESTARTS } else { 0 };
        let index = set as usize + self.class(byte);
        if !has_forgotten && let Some(known) = self.steps.get_mut(index) {
            *known = step;
        }
        (step, has_forgotten)
    }

    /// Where a set begins, and whether all others were forgotten for it.
    pub(super) fn find_or_add(&mut self, program: &Program, set: &[u16]) -> (u32, bool) {
        let hash = self.hasher.hash_one(set);
        if let Some(&at) = self.known.find(hash, |&at| self.set(program, at) == set) {
            return (at, false);
        }
        let is_full = self.is_full(program, set);
        if is_full {
            self.forget();
        }
        (self.add(program, set), is_full)
    }

    fn add(&mut self, program: &Program, set: &[u16]) -> u32 {
        let at = self.steps.len() as u32; // the limit is far below
        self.steps.resize(self.steps.len() + program.classes(), UNKNOWN);
        self.members.extend_from_slice(set);
        self.ends.push(self.members.len() as u32);
        let (members, ends, hasher) = (&self.members, &self.ends, &self.hasher);
        let hash = |&at: &u32| hasher.hash_one(slice(members, ends, program, at));
        self.known.insert_unique(hasher.hash_one(set), at, hash);
        at
    }

    pub(super) fn set(&self, program: &Program, set: u32) -> &[u16] {
        slice(&self.members, &self.ends, program, set)
    }

    /// Whether one more set would be too much.
    fn is_full(&self, program: &Program, set: &[u16]) -> bool {
        // Beside its lists, the place of a set takes about as much again in the look-up.
        let fixed = (self.ends.len() + 1) * 4 * size_of::<u32>();
        let steps = (self.steps.len() + program.classes()) * size_of::<u32>();
        let members = (self.members.len() + set.len()) * size_of::<u16>();
        fixed + steps + members > self.limit
    }

    fn forget(&mut self) {
        self.steps.clear();
        self.members.clear();
        self.ends.clear();
        self.known.clear();
        self.starts = [None; 8];
        self.origins.forget();
    }
}

/// Numbers the sets where searches begin, those of searches that are not anchored first.
fn start_index(is_anchored: bool, before: Before) -> usize {
    before as usize + if is_anchored { 4 } else { 0 }
}

fn slice<'m>(members: &'m [u16], ends: &[u32], program: &Program, set: u32) -> &'m [u16] {
    let number = set as usize / program.classes();
    let end = |number: usize| ends.get(number).map(|&end| end as usize);
    let start = number.checked_sub(1).and_then(end).unwrap_or_default();
    let end = end(number).unwrap_or_default();
    members.get(start..end).unwrap_or_default()
}
