//! From a tree to the engine crate's program.
//!
//! The crate's own compiler calls itself for each operator inside another, for which a Wasm module has too small a
//! stack. This one keeps a list of what is left to do. It differs in counted repetitions of programs that are read
//! backwards, too: see [`Assembly::repeat_backwards`].

use super::program::Kind;
use alloc::vec;
use alloc::vec::Vec;
use hashbrown::HashMap;
use regex_automata::nfa::thompson::{BuildError, Builder, NFA, Transition};
use regex_automata::util::look::Look;
use regex_automata::util::primitives::StateID;
use regex_syntax::hir::{self, Class, ClassBytes, ClassUnicode, Hir, HirKind, Repetition};
use regex_syntax::utf8::{Utf8Range, Utf8Sequences};

/// The program would take more memory than it may.
pub(super) struct TooLarge;

impl From<BuildError> for TooLarge {
    /// The size is all that can be wrong: the parser makes no tree that the engine does not support.
    fn from(_: BuildError) -> Self {
        Self
    }
}

/// Compiles a tree. Fails if the program takes more than `limit` bytes.
pub(super) fn compile(hir: &Hir, kind: Kind, limit: usize) -> Result<NFA, TooLarge> {
    let mut assembly = Assembly {
        builder: Builder::new(),
        kind,
        parts: Vec::new(),
    };
    // `utf8(false)`: RE2 works on bytes, so an empty match may lie inside a code point.
    assembly.builder.set_utf8(false);
    assembly.builder.set_reverse(kind == Kind::Backwards);
    assembly.builder.set_size_limit(Some(limit))?;
    assembly.program(hir)
}

/// A piece of the program, from `start` to `end`; `end` is patched to the state that follows.
#[derive(Clone, Copy)]
struct Part {
    start: StateID,
    end: StateID,
}

/// What is left to do.
enum Task<'h> {
    Assemble(&'h Hir),
    /// Joins so many parts, one behind the other.
    Concat(usize),
    /// Makes a choice of so many parts, the first preferred.
    Choose(usize),
    /// Makes a repetition of so many copies of a part.
    Repeat(&'h Repetition, usize),
    /// Ends a group that begins with this state.
    Close(u32, StateID),
}

struct Assembly {
    builder: Builder,
    kind: Kind,
    /// What is done and not yet joined.
    parts: Vec<Part>,
}

impl Assembly {
    fn program(&mut self, hir: &Hir) -> Result<NFA, TooLarge> {
        self.builder.start_pattern()?;
        let whole = match self.kind {
            Kind::First => {
                let open = self.builder.add_capture_start(StateID::ZERO, 0, None)?;
                let inner = self.tree(hir)?;
                self.close(0, open, inner)?
            }
            Kind::Whole | Kind::Backwards => self.tree(hir)?,
        };
        let end = self.builder.add_match()?;
        self.builder.patch(whole.end, end)?;
        self.builder.finish_pattern(whole.start)?;
        let is_anchored = hir.properties().look_set_prefix().contains(hir::Look::Start);
        let start = match self.kind {
            // Any byte, again and again, as long as nothing better is found.
            Kind::First if !is_anchored => {
                let choice = self.builder.add_union(vec![whole.start])?;
                let any = self.range(0x00, 0xFF)?;
                self.builder.patch(choice, any)?;
                self.builder.patch(any, choice)?;
                choice
            }
            Kind::First | Kind::Whole | Kind::Backwards => whole.start,
        };
        Ok(self.builder.build(whole.start, start)?)
    }

    fn tree(&mut self, hir: &Hir) -> Result<Part, TooLarge> {
        let mut tasks = vec![Task::Assemble(hir)];
        while let Some(task) = tasks.pop() {
            let part = match task {
                Task::Assemble(hir) => match self.begin(hir, &mut tasks)? {
                    Some(part) => part,
                    None => continue,
                },
                Task::Concat(count) => {
                    let parts = self.take(count);
                    self.concat(&parts)?
                }
                Task::Choose(count) => {
                    let parts = self.take(count);
                    self.choose(&parts)?
                }
                Task::Repeat(repetition, count) => {
                    let copies = self.take(count);
                    self.repeat(repetition, &copies)?
                }
                Task::Close(index, open) => {
                    let inner = self.take(1);
                    let inner = self.concat(&inner)?;
                    self.close(index, open, inner)?
                }
            };
            self.parts.push(part);
        }
        let whole = self.take(1);
        self.concat(&whole)
    }

    /// Assembles what has no parts, or lists what is to be done for it, the first at the end.
    fn begin<'h>(&mut self, hir: &'h Hir, tasks: &mut Vec<Task<'h>>) -> Result<Option<Part>, TooLarge> {
        match hir.kind() {
            HirKind::Empty => self.empty().map(Some),
            HirKind::Literal(literal) => self.literal(&literal.0).map(Some),
            HirKind::Class(Class::Bytes(class)) => self.bytes(class).map(Some),
            HirKind::Class(Class::Unicode(class)) => self.code_points(class).map(Some),
            HirKind::Look(look) => self.look(*look).map(Some),
            HirKind::Alternation(branches) => {
                tasks.push(Task::Choose(branches.len()));
                tasks.extend(branches.iter().rev().map(Task::Assemble));
                Ok(None)
            }
            HirKind::Concat(parts) => {
                tasks.push(Task::Concat(parts.len()));
                tasks.extend(parts.iter().rev().map(Task::Assemble));
                Ok(None)
            }
            HirKind::Capture(group) => {
                if self.kind == Kind::First {
                    let open = self.builder.add_capture_start(StateID::ZERO, group.index, None)?;
                    tasks.push(Task::Close(group.index, open));
                }
                tasks.push(Task::Assemble(&group.sub));
                Ok(None)
            }
            HirKind::Repetition(repetition) => {
                let copies = match (repetition.min, repetition.max) {
                    (min, Some(max)) => min.max(max),
                    (min, None) => min.max(1),
                } as usize;
                tasks.push(Task::Repeat(repetition, copies));
                tasks.extend((0..copies).map(|_| Task::Assemble(&repetition.sub)));
                Ok(None)
            }
        }
    }

    fn take(&mut self, count: usize) -> Vec<Part> {
        let start = self.parts.len().saturating_sub(count);
        self.parts.split_off(start)
    }

    fn empty(&mut self) -> Result<Part, TooLarge> {
        let state = self.builder.add_empty()?;
        Ok(Part {
            start: state,
            end: state,
        })
    }

    fn range(&mut self, start: u8, end: u8) -> Result<StateID, TooLarge> {
        let next = StateID::ZERO;
        Ok(self.builder.add_range(Transition { start, end, next })?)
    }

    fn literal(&mut self, bytes: &[u8]) -> Result<Part, TooLarge> {
        let mut parts = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            let state = self.range(byte, byte)?;
            parts.push(Part {
                start: state,
                end: state,
            });
        }
        self.concat(&parts)
    }

    fn bytes(&mut self, class: &ClassBytes) -> Result<Part, TooLarge> {
        match class.ranges() {
            [] => {
                let state = self.builder.add_fail()?;
                Ok(Part {
                    start: state,
                    end: state,
                })
            }
            [range] => {
                let state = self.range(range.start(), range.end())?;
                Ok(Part {
                    start: state,
                    end: state,
                })
            }
            ranges => {
                let end = self.builder.add_empty()?;
                let transitions = ranges.iter().map(|range| Transition {
                    start: range.start(),
                    end: range.end(),
                    next: end,
                });
                let start = self.builder.add_sparse(transitions.collect())?;
                Ok(Part { start, end })
            }
        }
    }

    fn look(&mut self, look: hir::Look) -> Result<Part, TooLarge> {
        let look = match look {
            hir::Look::Start => Look::Start,
            hir::Look::End => Look::End,
            hir::Look::StartLF => Look::StartLF,
            hir::Look::EndLF => Look::EndLF,
            hir::Look::WordAscii => Look::WordAscii,
            hir::Look::WordAsciiNegate => Look::WordAsciiNegate,
            // The parser makes no others.
            _ => return self.empty(),
        };
        let look = match self.kind {
            Kind::Backwards => look.reversed(),
            Kind::Whole | Kind::First => look,
        };
        let state = self.builder.add_look(StateID::ZERO, look)?;
        Ok(Part {
            start: state,
            end: state,
        })
    }

    fn close(&mut self, index: u32, open: StateID, inner: Part) -> Result<Part, TooLarge> {
        let end = self.builder.add_capture_end(StateID::ZERO, index)?;
        self.builder.patch(open, inner.start)?;
        self.builder.patch(inner.end, end)?;
        Ok(Part { start: open, end })
    }

    /// One part behind the other, as the value is read.
    fn concat(&mut self, parts: &[Part]) -> Result<Part, TooLarge> {
        let join = |whole: Option<Part>, next: Part| -> Result<Option<Part>, TooLarge> {
            let Some(whole) = whole else {
                return Ok(Some(next));
            };
            self.builder.patch(whole.end, next.start)?;
            Ok(Some(Part {
                start: whole.start,
                end: next.end,
            }))
        };
        let whole = match self.kind {
            Kind::Backwards => parts.iter().rev().copied().try_fold(None, join)?,
            Kind::Whole | Kind::First => parts.iter().copied().try_fold(None, join)?,
        };
        whole.map_or_else(|| self.empty(), Ok)
    }

    fn choose(&mut self, parts: &[Part]) -> Result<Part, TooLarge> {
        let start = self
            .builder
            .add_union(parts.iter().map(|part| part.start).collect())?;
        let end = self.builder.add_empty()?;
        for part in parts {
            self.builder.patch(part.end, end)?;
        }
        Ok(Part { start, end })
    }

    /// A choice between `preferred` and what the state is patched to later.
    fn branch(&mut self, greedy: bool, preferred: StateID) -> Result<StateID, TooLarge> {
        let choices = vec![preferred];
        Ok(match greedy {
            true => self.builder.add_union(choices)?,
            false => self.builder.add_union_reverse(choices)?,
        })
    }

    fn repeat(&mut self, repetition: &Repetition, copies: &[Part]) -> Result<Part, TooLarge> {
        let min = repetition.min as usize;
        let (required, optional) = copies.split_at_checked(min).unwrap_or((copies, &[]));
        match (repetition.max, required, optional) {
            (None, [], [only]) => self.star(repetition, *only),
            (None, [first @ .., last], _) => {
                let last = self.plus(repetition.greedy, *last)?;
                self.concat(&[first, &[last]].concat())
            }
            _ if optional.is_empty() => self.concat(required),
            _ => {
                let optional = match self.kind {
                    Kind::Backwards => self.repeat_backwards(optional)?,
                    Kind::Whole | Kind::First => self.up_to(repetition.greedy, optional)?,
                };
                self.concat(&[required, &[optional]].concat())
            }
        }
    }

    fn plus(&mut self, greedy: bool, part: Part) -> Result<Part, TooLarge> {
        let again = self.branch(greedy, part.start)?;
        self.builder.patch(part.end, again)?;
        Ok(Part {
            start: part.start,
            end: again,
        })
    }

    fn star(&mut self, repetition: &Repetition, part: Part) -> Result<Part, TooLarge> {
        let greedy = repetition.greedy;
        if repetition
            .sub
            .properties()
            .minimum_len()
            .is_some_and(|length| length > 0)
        {
            let again = self.branch(greedy, part.start)?;
            self.builder.patch(part.end, again)?;
            return Ok(Part {
                start: again,
                end: again,
            });
        }
        // As `(?:x+)?`: with the loop above, what `x` prefers would come in another order if it can be empty.
        let plus = self.plus(greedy, part)?;
        self.up_to(greedy, &[plus])
    }

    /// `x?`, `(?:xx?)?` and so on: each copy may be the last.
    fn up_to(&mut self, greedy: bool, copies: &[Part]) -> Result<Part, TooLarge> {
        let end = self.builder.add_empty()?;
        let mut start = None;
        let mut before = None;
        for copy in copies {
            let choice = self.branch(greedy, copy.start)?;
            self.builder.patch(choice, end)?;
            start = start.or(Some(choice));
            if let Some(before) = before {
                self.builder.patch(before, choice)?;
            }
            before = Some(copy.end);
        }
        if let Some(last) = before {
            self.builder.patch(last, end)?;
        }
        Ok(Part {
            start: start.unwrap_or(end),
            end,
        })
    }

    /// `(?:x?x)?` and so on: each copy may be the first, as in RE2's programs that are read backwards. So a set of
    /// states says how much is left to read at most; otherwise it would say for each byte whether one began there,
    /// and there would be thousands of sets. The order of preference does not matter there.
    fn repeat_backwards(&mut self, copies: &[Part]) -> Result<Part, TooLarge> {
        let end = self.builder.add_empty()?;
        let mut next = end;
        let mut start = end;
        for copy in copies.iter().rev() {
            self.builder.patch(copy.end, next)?;
            next = copy.start;
            start = self.builder.add_union(vec![copy.start, start])?;
        }
        Ok(Part { start, end })
    }

    /// The bytes of code points.
    fn code_points(&mut self, class: &ClassUnicode) -> Result<Part, TooLarge> {
        let ranges = class.ranges().iter();
        let sequences = ranges.flat_map(|range| Utf8Sequences::new(range.start(), range.end()));
        let mut sequences: Vec<Vec<Utf8Range>> = sequences.map(|it| it.as_slice().to_vec()).collect();
        let end = self.builder.add_empty()?;
        let mut known = HashMap::new();
        let start = match self.kind {
            Kind::Whole | Kind::First => {
                let sequences: Vec<&[Utf8Range]> = sequences.iter().map(Vec::as_slice).collect();
                self.sequences(&sequences, end, &mut known)?
            }
            // What two sequences end with may overlap, so each begins apart.
            Kind::Backwards => {
                let mut starts = Vec::with_capacity(sequences.len());
                for sequence in &mut sequences {
                    sequence.reverse();
                    starts.push(self.sequences(&[sequence], end, &mut known)?);
                }
                self.builder.add_union(starts)?
            }
        };
        Ok(Part { start, end })
    }

    /// Sequences in order, of which no two begin with ranges that overlap in part. What they end with is shared; `known`
    /// has what was assembled.
    fn sequences(
        &mut self,
        sequences: &[&[Utf8Range]],
        end: StateID,
        known: &mut HashMap<Vec<Transition>, StateID>,
    ) -> Result<StateID, TooLarge> {
        let mut transitions = Vec::new();
        for group in sequences.chunk_by(|one, other| one.first() == other.first()) {
            let rest: Vec<_> = group.iter().filter_map(|sequence| sequence.get(1..)).collect();
            let Some(range) = group.first().and_then(|sequence| sequence.first()) else {
                return Ok(end);
            };
            transitions.push(Transition {
                start: range.start,
                end: range.end,
                // No deeper than the four bytes of a code point.
                next: self.sequences(&rest, end, known)?,
            });
        }
        if let Some(&state) = known.get(&transitions) {
            return Ok(state);
        }
        let state = self.builder.add_sparse(transitions.clone())?;
        known.insert(transitions, state);
        Ok(state)
    }
}
