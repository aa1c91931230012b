//! What one pattern has learned: which set of states a byte leads to from which.
//!
//! A set is made when a value first needs it, and found by its number from then on. All lies in a few flat lists, so
//! that forgetting is cheap and what is kept can be counted.

use super::program::{Program, Scratch};
use alloc::vec::Vec;
use core::hash::BuildHasher;
use hashbrown::{DefaultHashBuilder, HashTable};

/// No set is known yet, for this byte.
const UNKNOWN: u32 = u32::MAX;
/// The set is empty.
const DEAD: u32 = u32::MAX - 1;

/// The sets of one pattern, and the steps between them.
pub(super) struct States {
    limit: usize,
    /// For each set and each class of bytes, where the next set begins in this list.
    steps: Vec<u32>,
    /// The members of all sets.
    members: Vec<u16>,
    /// Where each set ends in `members`.
    ends: Vec<u32>,
    /// Where each set begins in `steps`, found by what is in it.
    known: HashTable<u32>,
    /// Where the set begins that is there before any byte.
    start: Option<u32>,
    hasher: DefaultHashBuilder,
}

impl States {
    /// Nothing learned yet; forgets all when more than `limit` bytes would be needed.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            steps: Vec::new(),
            members: Vec::new(),
            ends: Vec::new(),
            known: HashTable::new(),
            start: None,
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// Whether the whole of `value` matches `program`, which must be the same each time.
    pub(super) fn accepts(&mut self, program: &Program, value: &[u8], scratch: &mut Scratch) -> bool {
        let mut at = self.start(program, scratch);
        for &byte in value {
            let step = self.steps.get(at as usize + program.class(byte));
            at = match step {
                Some(&next) if next < DEAD => next,
                Some(&DEAD) => return false,
                Some(_) | None => match self.learn(program, at, byte, scratch) {
                    Some(next) => next,
                    None => return false,
                },
            };
        }
        program.accepts(self.set(program, at), scratch)
    }

    /// Bytes it keeps.
    pub(super) fn size(&self) -> usize {
        let lists = self.steps.capacity() * size_of::<u32>()
            + self.members.capacity() * size_of::<u16>()
            + self.ends.capacity() * size_of::<u32>();
        lists + self.known.allocation_size() + size_of::<Self>()
    }

    #[cfg(test)]
    pub(super) fn sets(&self) -> usize {
        self.ends.len()
    }

    fn start(&mut self, program: &Program, scratch: &mut Scratch) -> u32 {
        match self.start {
            Some(start) => start,
            None => {
                program.start(scratch);
                let start = self.add(program, scratch.set());
                self.start = Some(start);
                start
            }
        }
    }

    /// Where `byte` leads from the set at `at`; None if nowhere.
    #[cold]
    fn learn(&mut self, program: &Program, at: u32, byte: u8, scratch: &mut Scratch) -> Option<u32> {
        let is_alive = program.step(self.set(program, at), byte, scratch);
        let next = match self.find(program, scratch.set()) {
            _ if !is_alive => DEAD,
            Some(next) => next,
            None if self.is_full(program, scratch.set()) => {
                self.forget();
                return Some(self.add(program, scratch.set()));
            }
            None => self.add(program, scratch.set()),
        };
        if let Some(step) = self.steps.get_mut(at as usize + program.class(byte)) {
            *step = next;
        }
        is_alive.then_some(next)
    }

    fn find(&self, program: &Program, set: &[u16]) -> Option<u32> {
        let hash = self.hasher.hash_one(set);
        self.known.find(hash, |&at| self.set(program, at) == set).copied()
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

    fn set(&self, program: &Program, at: u32) -> &[u16] {
        slice(&self.members, &self.ends, program, at)
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
        self.start = None;
    }
}

fn slice<'m>(members: &'m [u16], ends: &[u32], program: &Program, at: u32) -> &'m [u16] {
    let number = at as usize / program.classes();
    let end = |number: usize| ends.get(number).map(|&end| end as usize);
    let start = number.checked_sub(1).and_then(end).unwrap_or_default();
    let end = end(number).unwrap_or_default();
    members.get(start..end).unwrap_or_default()
}
