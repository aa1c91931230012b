//! The way of a search through the sets of a program, so that it can be followed back from the end of a match.
//!
//! Sets are kept by their numbers, which are lost when [`super::states::States`] forgets. So the way has parts: the
//! numbers of the last one are known, and of the others the set where each begins, from which it can be gone again.
//! Both have a bounded size, however long a value is.

use alloc::vec::Vec;

/// The way of a search.
pub(super) struct Trail {
    /// The sets of the last part, one for each position.
    sets: Vec<u32>,
    /// The parts, the last at the end.
    parts: Vec<Part>,
    /// The members of the sets where parts begin.
    members: Vec<u16>,
    /// The most bytes that `members` takes, about.
    limit: usize,
    /// The most positions of a part.
    part: usize,
}

#[derive(Clone, Copy)]
struct Part {
    position: usize,
    /// Where its first set begins in `members`; it ends where that of the next part begins.
    start: usize,
}

impl Trail {
    pub(super) fn new(limit: usize, part: usize) -> Self {
        Self {
            sets: Vec::new(),
            parts: Vec::new(),
            members: Vec::new(),
            limit,
            part,
        }
    }

    /// The most positions of a part, about.
    pub(super) fn part(&self) -> usize {
        self.part
    }

    /// A new way, from `position` on.
    pub(super) fn begin(&mut self, position: usize, set: &[u16]) {
        self.parts.clear();
        self.members.clear();
        self.cut(position, set);
    }

    /// Begins a part with the set at `position`.
    pub(super) fn cut(&mut self, position: usize, set: &[u16]) {
        self.sets.clear();
        if size_of_val(&*self.members) + size_of_val(set) > self.limit && self.parts.len() > 2 {
            self.thin();
        }
        self.parts.push(Part {
            position,
            start: self.members.len(),
        });
        self.members.extend_from_slice(set);
    }

    /// Adds the set at the next position.
    #[inline]
    pub(super) fn push(&mut self, set: u32) {
        self.sets.push(set);
    }

    /// Whether the last part is as long as it may be.
    pub(super) fn is_full(&self) -> bool {
        self.sets.len() >= self.part
    }

    /// The number of the set at `position`, if it is in the last part.
    #[inline]
    pub(super) fn set(&self, position: usize) -> Option<u32> {
        let offset = position.checked_sub(self.last_part()?)?;
        self.sets.get(offset).copied()
    }

    /// The numbers of the sets of the last part, up to the one in front of `position`.
    pub(super) fn sets(&self, position: usize) -> &[u32] {
        let length = self.last_part().and_then(|part| position.checked_sub(part));
        length
            .and_then(|length| self.sets.get(..length))
            .unwrap_or_default()
    }

    /// Where the way begins.
    pub(super) fn first_part(&self) -> Option<usize> {
        self.parts.first().map(|part| part.position)
    }

    /// Where the last part begins.
    #[inline]
    pub(super) fn last_part(&self) -> Option<usize> {
        self.parts.last().map(|part| part.position)
    }

    /// The part in which `position` is, to be gone again: where it begins and with which set. What comes behind it is
    /// dropped.
    pub(super) fn resume(&mut self, position: usize) -> Option<(usize, &[u16])> {
        self.sets.clear();
        while self.parts.len() > 1 && self.last_part()? > position {
            let dropped = self.parts.pop()?;
            self.members.truncate(dropped.start);
        }
        let part = self.parts.last()?;
        Some((part.position, self.members.get(part.start..).unwrap_or_default()))
    }

    /// Drops every second part: what was in it belongs to the one before.
    fn thin(&mut self) {
        let mut members = Vec::new();
        let mut kept = Vec::new();
        let ends = self
            .parts
            .iter()
            .skip(1)
            .map(|part| part.start)
            .chain([self.members.len()]);
        for (part, end) in self.parts.iter().zip(ends).step_by(2) {
            let set = self.members.get(part.start..end).unwrap_or_default();
            kept.push(Part {
                position: part.position,
                start: members.len(),
            });
            members.extend_from_slice(set);
        }
        self.parts = kept;
        self.members = members;
    }
}
