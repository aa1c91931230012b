//! Where a pattern matches inside a value, and what its groups caught: RE2's leftmost-first match.
//!
//! As RE2 does, a search first finds where a match ends, or that there is none, in one pass that takes a step for each
//! byte. Where RE2 then runs slower machines over the match, a [`Finder`] follows the way back from the end: it learns
//! once where each member of a set came from and which groups began or ended there.

use super::compile::Compiled;
use super::encoding::Encoding;
use super::error::{InvalidPattern, Reason};
use super::memory::{Borrowed, Machine, Memory, memory};
use super::origins::Saves;
use super::parse;
use super::position::Section;
use super::program::{Kind, Program};
use super::search::{Work, find};
use super::states::States;
use alloc::boxed::Box;
use core::fmt;
use core::ops::Range;
use regex_syntax::hir::Look;

/// A start and an end for the whole match and for each group that a substitution can name.
const SLOTS: usize = 2 * (1 + parse::MAX_CAUGHT as usize);

/// No position.
const NOWHERE: usize = usize::MAX;

/// Finds where a pattern matches inside a value, and what its groups caught.
pub struct Finder {
    text: Box<str>,
    /// In a box, because a route has room for it even if it rewrites nothing.
    forward: Box<Machine>,
    /// For a pattern whose matches end where the value ends, unless they also begin where it begins.
    backwards: Option<Box<Machine>>,
    /// Whether every match begins where the value begins.
    is_anchored: bool,
    groups: u32,
    encoding: Encoding,
}

/// What the groups of a match caught: the whole match first, then each group that took part.
pub struct Groups<'v> {
    value: &'v [u8],
    slots: [usize; SLOTS],
}

/// A search through one value, match by match.
pub(crate) struct Search<'f, 'v> {
    finder: &'f Finder,
    value: &'v [u8],
    catches_groups: bool,
    memory: Borrowed,
}

impl Finder {
    /// Reads a pattern that may match anywhere, as the newest Envoy does: in Latin-1.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        Self::parse_as(text, Encoding::Latin1)
    }

    /// Reads a pattern that may match anywhere.
    pub fn parse_as(text: &str, encoding: Encoding) -> Result<Self, InvalidPattern> {
        let parse::Parsed { hir, groups } = parse::parse(text, encoding)?;
        let properties = hir.properties();
        let is_anchored = properties.look_set_prefix().contains(Look::Start);
        let ends_with_value = properties.look_set_suffix().contains(Look::End);
        let machine = |kind| match Compiled::new(&hir, kind) {
            Ok(program) => Ok(Box::new(Machine::new(program))),
            Err(reason) => Err(InvalidPattern {
                offset: text.len(),
                reason,
            }),
        };
        let backwards = match ends_with_value && !is_anchored {
            true => match machine(Kind::Backwards) {
                Ok(machine) => Some(machine),
                // Then the search goes forward.
                Err(InvalidPattern {
                    reason: Reason::TooLarge,
                    ..
                }) => None,
                Err(error) => return Err(error),
            },
            false => None,
        };
        Ok(Self {
            text: text.into(),
            forward: machine(Kind::First)?,
            backwards,
            is_anchored,
            groups,
            encoding,
        })
    }

    /// How many groups it has, the whole match not counted.
    pub fn groups(&self) -> u32 {
        self.groups
    }

    /// How many bytes its programs take.
    pub fn program_bytes(&self) -> usize {
        let backwards = self.backwards.as_ref().map_or(0, |it| it.program.bytes());
        self.forward.program.bytes() + backwards
    }

    /// What a character is to it.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The first match that begins at `from` or later; what is before `from` still counts for `^` and `\b`.
    pub fn find<'v>(&self, value: &'v [u8], from: usize) -> Option<Groups<'v>> {
        self.search(value, true).find(from)
    }

    /// Begins a search for several matches. Without `catches_groups` only the whole matches are found.
    pub(crate) fn search<'f, 'v>(&'f self, value: &'v [u8], catches_groups: bool) -> Search<'f, 'v> {
        Search {
            finder: self,
            value,
            catches_groups,
            memory: memory(),
        }
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn find_in<'v>(
        &self,
        memory: &mut Memory,
        value: &'v [u8],
        from: usize,
        catches_groups: bool,
    ) -> Option<Groups<'v>> {
        let Finder {
            forward,
            backwards,
            is_anchored,
            ..
        } = self;
        if from > value.len() || *is_anchored && from > 0 {
            return None;
        }
        let section = match backwards {
            Some(backwards) => {
                let start = memory.ask(backwards, |states, work| {
                    states.find_start(&backwards.program, value, from, &mut work.scratch)
                })?;
                if !catches_groups {
                    return Some(Groups::whole(value, start..value.len()));
                }
                Section {
                    value,
                    from: start,
                    is_anchored: true,
                }
            }
            None => Section {
                value,
                from: find(value, from, forward.program.lead())?,
                is_anchored: false,
            },
        };
        let is_start_known = *is_anchored && !catches_groups;
        memory.ask(forward, |states, work| {
            if is_start_known {
                let end = states.find_end::<false>(&forward.program, section, work)?;
                return Some(Groups::whole(value, section.from..end));
            }
            let end = states.find_end::<true>(&forward.program, section, work)?;
            Groups::follow_back(&forward.program, section, end, states, work)
        })
    }
}

impl<'v> Search<'_, 'v> {
    /// The first match that begins at `from` or later.
    pub(crate) fn find(&mut self, from: usize) -> Option<Groups<'v>> {
        self.finder
            .find_in(&mut self.memory, self.value, from, self.catches_groups)
    }
}

impl<'v> Groups<'v> {
    fn whole(value: &'v [u8], span: Range<usize>) -> Self {
        let mut groups = Self::none(value);
        groups.set(0, span.start);
        groups.set(1, span.end);
        groups
    }

    fn none(value: &'v [u8]) -> Self {
        Self {
            value,
            slots: [NOWHERE; SLOTS],
        }
    }

    /// What is passed on the way to the end of a match, of which the trail keeps the sets. The last time that a group
    /// begins or ends counts, so the first that is met on the way back.
    fn follow_back(
        program: &Program,
        section: Section<'v>,
        end: usize,
        states: &mut States,
        work: &mut Work,
    ) -> Option<Self> {
        let value = section.value;
        let mut groups = Self::none(value);
        let first = work.trail.first_part()?;
        let mut position = end;
        if work.trail.last_part()? > position {
            states.retrace(program, value, position, work);
        }
        let at = work.trail.set(position)?;
        let after = value.get(position).copied();
        let end = states.origin_of_end(program, at, after, &mut work.scratch)?;
        groups.save(end.before(), position);
        let mut index = end.from();
        while position > first && !groups.is_complete() {
            if work.trail.last_part()? >= position {
                states.retrace(program, value, position - 1, work);
            }
            let part = work.trail.last_part()?;
            let way = work.trail.sets(position).iter().zip(value.get(part..)?);
            for (&at, &byte) in way.rev() {
                let origin = states.origin(program, at, byte, index, &mut work.scratch)?;
                index = origin.from();
                position -= 1;
                if origin.saves_any() {
                    groups.save(origin.after(), position + 1);
                    groups.save(origin.before(), position);
                    if groups.is_complete() {
                        break;
                    }
                }
            }
        }
        if !groups.is_complete() {
            let start = states.origin_at_start(program, section, first, index, &mut work.scratch)?;
            groups.save(start.after(), first);
        }
        Some(groups)
    }

    /// Whether the start of the match is known. All else is passed behind it.
    fn is_complete(&self) -> bool {
        self.slots.first().is_some_and(|&start| start != NOWHERE)
    }

    /// Sets slots that are not set yet.
    #[inline]
    fn save(&mut self, saves: Saves, position: usize) {
        let mut left = saves;
        while left != 0 {
            self.set(left.trailing_zeros() as usize, position);
            left &= left - 1;
        }
    }

    fn set(&mut self, slot: usize, position: usize) {
        if let Some(known) = self.slots.get_mut(slot)
            && *known == NOWHERE
        {
            *known = position;
        }
    }

    /// Where the whole match is.
    pub fn span(&self) -> Range<usize> {
        self.group_span(0).unwrap_or_default()
    }

    /// What a group caught; empty if it took no part.
    pub fn group(&self, index: usize) -> &'v [u8] {
        self.group_span(index)
            .and_then(|span| self.value.get(span))
            .unwrap_or_default()
    }

    pub(super) fn group_span(&self, index: usize) -> Option<Range<usize>> {
        let slots = self.slots.get(index * 2..)?;
        match slots {
            [start, end, ..] if *start != NOWHERE && *end != NOWHERE => Some(*start..*end),
            _ => None,
        }
    }
}

/// What a finder finds is a matter of its text and encoding.
impl PartialEq for Finder {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.encoding) == (&other.text, other.encoding)
    }
}

impl Eq for Finder {}

impl fmt::Debug for Finder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Finder({:?})", self.text)
    }
}
