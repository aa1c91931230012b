//! A set of code points, and the bytes that RE2 accepts for it.
//!
//! In Latin-1 a code point is a byte. In UTF-8, RE2 counts surrogates as code points, and reads any range that covers all of `80-10FFFF` loosely: there it
//! also takes overlong forms and values above `10FFFF` (compile.cc, `Add_80_10ffff`). Both are visible
//! by a header value that is not UTF-8, so neither is left out here.

use super::encoding::Encoding;
use super::folding;
use alloc::vec::Vec;
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Hir};

const MAX: u32 = 0x0010_FFFF;
const SURROGATES: (u32, u32) = (0xD800, 0xDFFF);

/// Ranges of code points, both ends included.
#[derive(Debug, Clone, Default)]
pub(super) struct RuneSet {
    ranges: Vec<(u32, u32)>,
}

impl RuneSet {
    pub(super) fn of(ranges: &[(u32, u32)]) -> Self {
        let mut set = Self {
            ranges: ranges.to_vec(),
        };
        set.tidy();
        set
    }

    /// Every code point but the newline.
    pub(super) fn dot() -> Self {
        Self::of(&[(0, 0x09), (0x0B, MAX)])
    }

    pub(super) fn any() -> Self {
        Self::of(&[(0, MAX)])
    }

    pub(super) fn add(&mut self, lo: u32, hi: u32) {
        self.ranges.push((lo, hi));
    }

    pub(super) fn union(&mut self, other: &Self) {
        self.ranges.extend_from_slice(&other.ranges);
    }

    /// How many ranges it has.
    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }

    pub(super) fn negate(&mut self) {
        self.tidy();
        let mut gaps = Vec::with_capacity(self.ranges.len() + 1);
        let mut next = 0;
        for &(lo, hi) in &self.ranges {
            if next < lo {
                gaps.push((next, lo - 1));
            }
            next = hi + 1;
        }
        if next <= MAX {
            gaps.push((next, MAX));
        }
        self.ranges = gaps;
    }

    /// Adds what differs from a member in case only: by Unicode's simple folding, in Latin-1 for ASCII alone.
    pub(super) fn fold_case(&mut self, encoding: Encoding) {
        match encoding {
            Encoding::Utf8 => self.fold_unicode(),
            Encoding::Latin1 => self.fold_ascii(),
        }
        self.tidy();
    }

    fn fold_ascii(&mut self) {
        let (upper, lower) = ((0x41, 0x5A), (0x61, 0x7A));
        for at in 0..self.ranges.len() {
            let Some(&(lo, hi)) = self.ranges.get(at) else {
                break;
            };
            if lo.max(upper.0) <= hi.min(upper.1) {
                self.ranges.push((lo.max(upper.0) + 0x20, hi.min(upper.1) + 0x20));
            }
            if lo.max(lower.0) <= hi.min(lower.1) {
                self.ranges.push((lo.max(lower.0) - 0x20, hi.min(lower.1) - 0x20));
            }
        }
    }

    fn fold_unicode(&mut self) {
        self.tidy();
        let mut added = Vec::new();
        for (one, other) in folding::pairs() {
            for (member, twin) in [(one, other), (other, one)] {
                if self.has(member) && !self.has(twin) {
                    added.push((twin, twin));
                }
            }
        }
        self.ranges.extend(added);
    }

    /// Whether a code point is a member, where the ranges are in order.
    fn has(&self, rune: u32) -> bool {
        let above = self.ranges.partition_point(|(lo, _)| *lo <= rune);
        let last = above.checked_sub(1).and_then(|index| self.ranges.get(index));
        last.is_some_and(|(_, hi)| rune <= *hi)
    }

    /// Sorts and joins, so that ranges are apart from each other.
    fn tidy(&mut self) {
        self.ranges.sort_unstable();
        let mut tidy: Vec<(u32, u32)> = Vec::with_capacity(self.ranges.len());
        for &(lo, hi) in &self.ranges {
            match tidy.last_mut() {
                Some(last) if lo <= last.1.saturating_add(1) => last.1 = last.1.max(hi),
                Some(_) | None => tidy.push((lo, hi)),
            }
        }
        self.ranges = tidy;
    }

    fn scalars(&self) -> ClassUnicode {
        let (below, above) = (SURROGATES.0 - 1, SURROGATES.1 + 1);
        let parts = self
            .ranges
            .iter()
            .flat_map(|&(lo, hi)| [(lo, hi.min(below)), (lo.max(above), hi)]);
        ClassUnicode::new(
            parts.filter(|(lo, hi)| lo <= hi).filter_map(|(lo, hi)| {
                Some(ClassUnicodeRange::new(char::from_u32(lo)?, char::from_u32(hi)?))
            }),
        )
    }

    /// What matches one member.
    pub(super) fn into_hir(mut self, encoding: Encoding) -> Hir {
        self.tidy();
        match encoding {
            Encoding::Utf8 => self.into_utf8(),
            Encoding::Latin1 => {
                let ranges = self.ranges.iter().filter_map(|&(lo, hi)| {
                    Some(ClassBytesRange::new(
                        u8::try_from(lo).ok()?,
                        u8::try_from(hi).unwrap_or(u8::MAX),
                    ))
                });
                Hir::class(Class::Bytes(ClassBytes::new(ranges)))
            }
        }
    }

    fn into_utf8(mut self) -> Hir {
        if let Some(&(lo, MAX)) = self.ranges.last()
            && lo <= 0x80
        {
            self.ranges.pop();
            if lo < 0x80 {
                self.ranges.push((lo, 0x7F));
            }
            let ascii = Hir::class(Class::Unicode(self.scalars()));
            return Hir::alternation([ascii].into_iter().chain(loose()).collect());
        }
        let surrogates = self.ranges.iter().filter_map(|&(lo, hi)| {
            let (lo, hi) = (lo.max(SURROGATES.0), hi.min(SURROGATES.1));
            (lo <= hi).then_some((lo, hi))
        });
        let surrogates: Vec<Hir> = surrogates
            .flat_map(|(lo, hi)| encoded_surrogates(lo, hi))
            .collect();
        let scalars = Hir::class(Class::Unicode(self.scalars()));
        if surrogates.is_empty() {
            return scalars;
        }
        Hir::alternation([scalars].into_iter().chain(surrogates).collect())
    }
}

/// RE2's reading of `80-10FFFF`.
fn loose() -> [Hir; 3] {
    let tail = || bytes(0x80, 0xBF);
    [
        Hir::concat([bytes(0xC2, 0xDF), tail()].into()),
        Hir::concat([bytes(0xE0, 0xEF), tail(), tail()].into()),
        Hir::concat([bytes(0xF0, 0xF4), tail(), tail(), tail()].into()),
    ]
}

/// Surrogates `lo` to `hi`, as three bytes each.
fn encoded_surrogates(lo: u32, hi: u32) -> impl Iterator<Item = Hir> {
    let tail = |code: u32| 0x80 | (code & 0x3F) as u8;
    (lo >> 6..=hi >> 6).map(move |block| {
        let first = lo.max(block << 6);
        let last = hi.min(block << 6 | 0x3F);
        Hir::concat(
            [
                bytes(0xED, 0xED),
                bytes(tail(block), tail(block)),
                bytes(tail(first), tail(last)),
            ]
            .into(),
        )
    })
}

fn bytes(lo: u8, hi: u8) -> Hir {
    Hir::class(Class::Bytes(ClassBytes::new([ClassBytesRange::new(lo, hi)])))
}

/// Any byte, also a part of a code point.
pub(super) fn any_byte() -> Hir {
    bytes(0x00, 0xFF)
}
