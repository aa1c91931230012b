//! A search through a value, set by set: where a match ends, or where one begins.

use super::position::{Before, Section};
use super::program::{Program, Scratch};
use super::states::{DEAD, ENDS, RESTARTS, SET, States, UNKNOWN};
use super::trail::Trail;

/// The most bytes that are searched at once for the beginning of a match.
const PART: usize = 256;
/// The bytes of these that are searched one by one: in a path, `/` is never far.
const NEAR: usize = 16;

/// What a search needs while it runs.
pub(super) struct Work {
    pub(super) scratch: Scratch,
    pub(super) trail: Trail,
}

/// What a search goes through at a time.
#[derive(Clone, Copy)]
struct Run<'v, 'p> {
    value: &'v [u8],
    from: usize,
    until: usize,
    /// What every match begins with, if the run may skip what comes before such a place; or empty.
    lead: &'p [u8],
}

/// What was won by going straight to the next place where a match can begin.
#[derive(Default)]
struct Skips {
    count: usize,
    bytes: usize,
}

impl Skips {
    fn add(&mut self, bytes: usize) {
        self.count += 1;
        self.bytes += bytes;
    }

    /// Whether a skip takes less time than the steps that it saves.
    fn pay(&self) -> bool {
        self.count < 8 || self.bytes > 16 * self.count
    }
}

impl States {
    /// Where the first match of a program of [`super::program::Kind::First`] ends. With `IS_KEPT`, the way there is in
    /// the trail.
    pub(super) fn find_end<const IS_KEPT: bool>(
        &mut self,
        program: &Program,
        section: Section<'_>,
        work: &mut Work,
    ) -> Option<usize> {
        let at = self.start(program, section.is_anchored, section.before(), &mut work.scratch);
        if IS_KEPT {
            work.trail.begin(section.from, self.set(program, at));
        }
        let run = Run {
            value: section.value,
            from: section.from,
            until: section.value.len(),
            lead: program.lead(),
        };
        self.go::<IS_KEPT>(program, run, at, work)
    }

    /// Rebuilds the trail in front of its last part, so that it leads up to `until`.
    pub(super) fn retrace(&mut self, program: &Program, value: &[u8], until: usize, work: &mut Work) {
        let Some((from, set)) = work.trail.resume(until) else {
            return;
        };
        let (at, _) = self.find_or_add(program, set);
        let run = Run {
            value,
            from,
            until,
            lead: &[],
        };
        self.go::<true>(program, run, at, work);
    }

    fn go<const IS_KEPT: bool>(
        &mut self,
        program: &Program,
        run: Run<'_, '_>,
        mut at: u32,
        work: &mut Work,
    ) -> Option<usize> {
        let Run {
            value, until, lead, ..
        } = run;
        let mut skips = Skips::default();
        let mut position = run.from;
        let mut end = None;
        'parts: while position < until {
            if IS_KEPT && work.trail.is_full() {
                work.trail.cut(position, self.set(program, at));
            }
            let part = value
                .get(position..until.min(position + work.trail.part()))
                .unwrap_or_default();
            for (offset, &byte) in part.iter().enumerate() {
                if IS_KEPT {
                    work.trail.push(at);
                }
                let step = self.steps.get(at as usize + self.class(byte)).copied();
                let step = match step {
                    Some(next) if next < DEAD => {
                        at = next;
                        continue;
                    }
                    Some(step) if step ^ RESTARTS < DEAD && (lead.is_empty() || !skips.pay()) => {
                        at = step ^ RESTARTS;
                        continue;
                    }
                    Some(step) if step ^ ENDS < DEAD => {
                        end = Some(position + offset);
                        at = step ^ ENDS;
                        continue;
                    }
                    Some(step) if step != UNKNOWN => step,
                    Some(_) | None => {
                        let (step, has_forgotten) = self.learn(program, at, byte, &mut work.scratch);
                        if IS_KEPT && has_forgotten {
                            work.trail
                                .cut(position + offset + 1, self.set(program, step & SET));
                        }
                        step
                    }
                };
                if step & ENDS != 0 {
                    end = Some(position + offset);
                }
                at = step & SET;
                if at == DEAD {
                    return end;
                }
                if step & RESTARTS != 0 && end.is_none() && !lead.is_empty() {
                    let next = position + offset + 1;
                    position = find(value, next, lead)?;
                    skips.add(position - next);
                    if IS_KEPT {
                        work.trail.begin(position, self.set(program, at));
                    }
                    continue 'parts;
                }
            }
            position += part.len();
        }
        if IS_KEPT {
            work.trail.push(at);
        }
        if until == value.len() && self.ends(program, at, None, &mut work.scratch) {
            end = Some(until);
        }
        end
    }

    /// Where the longest match begins that ends where the value ends, for a program of
    /// [`super::program::Kind::Backwards`].
    pub(super) fn find_start(
        &mut self,
        program: &Program,
        value: &[u8],
        from: usize,
        scratch: &mut Scratch,
    ) -> Option<usize> {
        let (before, rest) = value.split_at_checked(from)?;
        let mut at = self.start(program, true, Before::Nothing, scratch);
        let mut start = None;
        for (index, &byte) in rest.iter().enumerate().rev() {
            let step = self.steps.get(at as usize + self.class(byte)).copied();
            let step = match step {
                Some(next) if next < DEAD => {
                    at = next;
                    continue;
                }
                Some(step) if step != UNKNOWN => step,
                Some(_) | None => self.learn(program, at, byte, scratch).0,
            };
            if step & ENDS != 0 {
                start = Some(from + index + 1);
            }
            at = step & SET;
            if at == DEAD {
                return start;
            }
        }
        if self.ends(program, at, before.last().copied(), scratch) {
            start = Some(from);
        }
        start
    }
}

/// Where a text is, at `from` or behind it.
pub(super) fn find(value: &[u8], from: usize, text: &[u8]) -> Option<usize> {
    let Some(first) = text.first() else {
        return Some(from);
    };
    let rest = value.get(from..)?;
    let begins = |start: usize| rest.get(start..).is_some_and(|rest| rest.starts_with(text));
    for (index, part) in rest.chunks(PART).enumerate() {
        let (near, far) = part.split_at_checked(NEAR).unwrap_or((part, &[]));
        // `contains` looks at many bytes at once.
        let searched = if far.contains(first) { part } else { near };
        for (offset, byte) in searched.iter().enumerate() {
            if byte == first && begins(index * PART + offset) {
                return Some(from + index * PART + offset);
            }
        }
    }
    None
}
