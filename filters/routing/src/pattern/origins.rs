//! Where the members of sets come from, as far as it was looked up: a table of bounded size that loses old entries.

use alloc::vec::Vec;

/// Groups that begin or end at a position: a bit for each slot, two slots for each of ten groups.
pub(super) type Saves = u32;

/// Where a member of a set comes from; in one word, since the way back goes no faster than these are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin(u64);

impl Origin {
    /// The first member, without a group.
    pub(super) const NONE: Self = Self(0);
    const SAVES: u64 = (1 << 24) - 1;

    pub(super) fn new(from: u16, before: Saves, after: Saves) -> Self {
        let saves = |saves: Saves| u64::from(saves) & Self::SAVES;
        Self(u64::from(from) | saves(before) << 16 | saves(after) << 40)
    }

    /// The index of the member in the set before.
    #[inline]
    pub(super) fn from(self) -> u16 {
        self.0 as u16
    }

    /// Whether a group begins or ends.
    #[inline]
    pub(super) fn saves_any(self) -> bool {
        self.0 >> 16 != 0
    }

    /// What is passed before the byte.
    pub(super) fn before(self) -> Saves {
        (self.0 >> 16 & Self::SAVES) as Saves
    }

    /// What is passed behind the byte.
    pub(super) fn after(self) -> Saves {
        (self.0 >> 40) as Saves
    }
}

/// The fewest entries of a table that has any.
const FEWEST: usize = 512;
/// The most entries; 512 KiB.
const MOST: usize = 1 << 15;

/// What a replaced entry counts for: it is likely to be needed again, and costs far more time to find than a look-up.
const REPLACED: usize = 8;

/// Each entry has one of two slots, by its key, and replaces what was put there earlier.
#[derive(Default)]
pub(super) struct Origins {
    entries: Vec<Entry>,
    /// Entries since the table last grew, and many times over those that they replaced.
    pressure: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    key: u64,
    origin: Origin,
}

/// No step has this number.
const EMPTY: Entry = Entry {
    key: u64::MAX,
    origin: Origin::NONE,
};

impl Origins {
    /// The origin of the member with this index behind a step.
    #[inline]
    pub(super) fn get(&self, step: u32, index: u16) -> Option<Origin> {
        let (slot, key) = (self.slot(step, index), key(step, index));
        let entry = self.entries.get(slot)?;
        if entry.key == key {
            return Some(entry.origin);
        }
        let other = self.entries.get(slot ^ 1)?;
        if other.key == key {
            Some(other.origin)
        } else {
            None
        }
    }

    pub(super) fn insert(&mut self, step: u32, index: u16, origin: Origin) {
        if self.pressure >= self.entries.len() / 2 && self.entries.len() < MOST {
            self.grow();
        }
        self.put(
            self.slot(step, index),
            Entry {
                key: key(step, index),
                origin,
            },
        );
    }

    pub(super) fn forget(&mut self) {
        self.entries.clear();
        self.pressure = 0;
    }

    /// Bytes it keeps.
    pub(super) fn size(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    fn grow(&mut self) {
        let length = (self.entries.len() * 2).max(FEWEST);
        let before = core::mem::take(&mut self.entries);
        self.pressure = 0;
        self.entries.resize(length, EMPTY);
        for entry in before.into_iter().filter(|entry| entry.key != EMPTY.key) {
            self.put(self.slot((entry.key >> 16) as u32, entry.key as u16), entry);
        }
    }

    /// Puts an entry into its first slot, and what was there into the other.
    fn put(&mut self, slot: usize, entry: Entry) {
        let Some(first) = self.entries.get_mut(slot) else {
            return;
        };
        let before = core::mem::replace(first, entry);
        self.pressure += 1;
        if before.key != EMPTY.key
            && let Some(other) = self.entries.get_mut(slot ^ 1)
        {
            self.pressure += if other.key == EMPTY.key { 0 } else { REPLACED };
            *other = before;
        }
    }

    /// The index of an entry, in a table whose length is a power of two. On the way back, the index of a member is
    /// known only when the one before was looked up, so it comes in last.
    #[inline]
    fn slot(&self, step: u32, index: u16) -> usize {
        let mixed = step.wrapping_mul(0x9E37_79B1) >> 15;
        (mixed as usize + usize::from(index)) & self.entries.len().wrapping_sub(1)
    }
}

#[inline]
fn key(step: u32, index: u16) -> u64 {
    u64::from(step) << 16 | u64::from(index)
}
