//! The states of a program, and which bytes it tells apart. There may be programs by the ten thousand, so both take little room.
//!
//! The engine crate builds the states; its own keep a table of 256 bytes for each program, and room for what no program here has.

use alloc::boxed::Box;
use regex_automata::nfa::thompson::{NFA, State as Built, Transition};
use regex_automata::util::alphabet::ByteClasses;
use regex_automata::util::look::Look;
use regex_automata::util::primitives::StateID;

/// The states of a program.
pub(super) struct Nfa {
    states: Box<[State]>,
    start_anchored: u16,
    start_unanchored: u16,
    classes: Classes,
}

/// A state, and where it leads to.
pub(super) enum State {
    /// With a byte of this range.
    Range(Range),
    /// With a byte of one of these ranges, which are sorted.
    Ranges(Box<[Range]>),
    /// Without a byte, where this holds.
    Look { look: Look, next: u16 },
    /// Without a byte. What is preferred comes first.
    Union(Box<[u16]>),
    /// Without a byte; the place is that of a group's start or end.
    Save { slot: u32, next: u16 },
    /// Nowhere: a match ends.
    Match,
    /// Nowhere.
    Fail,
}

/// Bytes, both ends among them, and the state that they lead to.
pub(super) struct Range {
    start: u8,
    end: u8,
    next: u16,
}

impl Nfa {
    /// None if there are more states than a `u16` can number.
    pub(super) fn new(built: &NFA) -> Option<Self> {
        let states = built.states().iter().map(State::new);
        Some(Self {
            states: states.collect::<Option<_>>()?,
            start_anchored: number(built.start_anchored())?,
            start_unanchored: number(built.start_unanchored())?,
            classes: Classes::new(built.byte_classes()),
        })
    }

    /// How many states there are.
    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    pub(super) fn state(&self, state: u16) -> &State {
        self.states.get(usize::from(state)).unwrap_or(&State::Fail)
    }

    /// Where a search begins.
    pub(super) fn start(&self, is_anchored: bool) -> u16 {
        match is_anchored {
            true => self.start_anchored,
            false => self.start_unanchored,
        }
    }

    /// Which bytes it tells apart.
    pub(super) fn classes(&self) -> &Classes {
        &self.classes
    }
}

impl State {
    fn new(built: &Built) -> Option<Self> {
        Some(match built {
            Built::ByteRange { trans } => Self::Range(Range::new(trans)?),
            Built::Sparse(sparse) => {
                let ranges = sparse.transitions.iter().map(Range::new);
                Self::Ranges(ranges.collect::<Option<_>>()?)
            }
            Built::Dense(dense) => {
                let one = |byte| {
                    let next = dense.matches_byte(byte)?;
                    Some(Transition {
                        start: byte,
                        end: byte,
                        next,
                    })
                };
                let ranges = (0..=u8::MAX).filter_map(one).map(|it| Range::new(&it));
                Self::Ranges(ranges.collect::<Option<_>>()?)
            }
            Built::Look { look, next } => Self::Look {
                look: *look,
                next: number(*next)?,
            },
            Built::Union { alternates } => {
                let alternates = alternates.iter().copied().map(number);
                Self::Union(alternates.collect::<Option<_>>()?)
            }
            Built::BinaryUnion { alt1, alt2 } => Self::Union([number(*alt1)?, number(*alt2)?].into()),
            Built::Capture { next, slot, .. } => Self::Save {
                slot: slot.as_u32(),
                next: number(*next)?,
            },
            Built::Match { .. } => Self::Match,
            Built::Fail => Self::Fail,
        })
    }

    /// Where a byte leads to.
    pub(super) fn next(&self, byte: u8) -> Option<u16> {
        match self {
            Self::Range(range) => range.has(byte).then_some(range.next),
            Self::Ranges(ranges) => ranges.iter().find(|it| it.has(byte)).map(|it| it.next),
            Self::Look { .. } | Self::Union(_) | Self::Save { .. } | Self::Match | Self::Fail => None,
        }
    }
}

impl Range {
    fn new(built: &Transition) -> Option<Self> {
        Some(Self {
            start: built.start,
            end: built.end,
            next: number(built.next)?,
        })
    }

    fn has(&self, byte: u8) -> bool {
        (self.start..=self.end).contains(&byte)
    }
}

fn number(state: StateID) -> Option<u16> {
    u16::try_from(state.as_usize()).ok()
}

/// Classes of bytes that a program does not tell apart. Each is a range; its number is that of the ranges below it.
pub(super) struct Classes {
    /// A bit for each byte with which a range begins, but for the first.
    begins: [u64; 4],
    count: u16,
}

impl Classes {
    fn new(built: &ByteClasses) -> Self {
        let mut begins = [0_u64; 4];
        let mut below = built.get(0);
        for (word, first) in begins.iter_mut().zip((0..=u8::MAX).step_by(64)) {
            for bit in 0..64 {
                let class = built.get(first + bit);
                *word |= u64::from(class != below) << bit;
                below = class;
            }
        }
        Self {
            begins,
            count: u16::from(below) + 1,
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        usize::from(self.count)
    }

    /// The number of each byte's class.
    pub(super) fn table(&self) -> [u8; 256] {
        let mut table = [0; 256];
        let mut class = 0;
        for (bytes, word) in table.chunks_mut(64).zip(self.begins) {
            for (bit, byte) in bytes.iter_mut().enumerate() {
                class += (word >> bit & 1) as u8;
                *byte = class;
            }
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::Classes;
    use regex_automata::nfa::thompson::NFA;
    use regex_automata::util::syntax::Config;

    #[test]
    fn the_classes_are_the_engines() {
        for text in [
            "",
            "a",
            "[a-z]+",
            r"(?s-u:.)",
            r"(?-u:[\x00\x3f\x40\x7f\x80\xbf\xc0\xff])",
            r"\b[0-9]é",
        ] {
            let built = NFA::compiler()
                .syntax(Config::new().utf8(false))
                .build(text)
                .unwrap();
            let classes = Classes::new(built.byte_classes());
            assert_eq!(classes.count() + 1, built.byte_classes().alphabet_len(), "{text}");
            for (byte, class) in (0..=u8::MAX).zip(classes.table()) {
                assert_eq!(class, built.byte_classes().get(byte), "{text}: {byte}");
            }
        }
    }
}
