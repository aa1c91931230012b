//! The memory of all patterns of a VM: one budget, however many tables, listeners and filters it serves.
//!
//! Patterns learn from the values that they are held against, so what they keep is in the hands of clients. Beyond
//! the budget, the patterns that were not used for longest forget.

use alloc::collections::VecDeque;
use core::sync::atomic::{AtomicU64, Ordering};
use hashbrown::HashMap;
use regex_automata::util::lazy::Lazy;
use regex_automata::util::pool::{Pool, PoolGuard};

use super::compile::Compiled;
use super::program::Scratch;
use super::search::Work;
use super::states::States;
use super::trail::Trail;

/// How much a memory may keep.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Bytes of all patterns together.
    pub(super) all: usize,
    /// Bytes of the sets of one program; beyond, it forgets all and learns again.
    pub(super) program: usize,
    /// Bytes of the sets that a search keeps of those it came through, until it has ended.
    pub(super) trail: usize,
    /// Numbers of sets that a search keeps, until it has ended.
    pub(super) part: usize,
}

/// The limits of a VM. Envoy gives it 1 GiB, for this and the tables.
const LIMITS: Limits = Limits {
    all: 64 << 20,
    // RE2 leaves as much of its 8 MiB to a program, and takes more for each set of states.
    program: (8 << 20) / 3,
    trail: 4 << 20,
    // More than the bytes of a path, unless `max_request_headers_kb` is above its default.
    part: 1 << 16,
};

type Memories = Pool<Memory, fn() -> Memory>;

/// A VM has one thread, hence one memory. In a native process each thread that is at work has one.
static MEMORIES: Lazy<Memories> = Lazy::new(|| Pool::new(|| Memory::new(LIMITS)));

/// The memory of a thread, while it is used.
pub(super) type Borrowed = PoolGuard<'static, Memory, fn() -> Memory>;

/// The memory of this thread.
pub(super) fn memory() -> Borrowed {
    MEMORIES.get()
}

/// A program, and the name under which a memory keeps what it has learned.
pub(super) struct Machine {
    id: PatternId,
    pub(super) program: Compiled,
}

impl Machine {
    pub(super) fn new(program: Compiled) -> Self {
        Self {
            id: PatternId::new(),
            program,
        }
    }
}

/// Names a program in a memory. No two have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct PatternId(u64);

impl PatternId {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What patterns have learned.
pub(super) struct Memory {
    limits: Limits,
    used: usize,
    patterns: HashMap<PatternId, Learned>,
    /// All patterns here, those to be cleared first come first.
    queue: VecDeque<PatternId>,
    work: Work,
}

struct Learned {
    states: States,
    size: usize,
    /// Used since it was last asked whether it may go.
    is_used: bool,
}

impl Memory {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            used: 0,
            patterns: HashMap::new(),
            queue: VecDeque::new(),
            work: Work {
                scratch: Scratch::default(),
                trail: Trail::new(limits.trail, limits.part),
            },
        }
    }

    /// Whether the whole of a value matches a pattern.
    pub(super) fn accepts(&mut self, machine: &Machine, value: &[u8]) -> bool {
        self.ask(machine, |states, work| {
            states.accepts(&machine.program, value, &mut work.scratch)
        })
    }

    /// Asks what a program has learned, which learns more by it.
    pub(super) fn ask<T>(&mut self, machine: &Machine, ask: impl FnOnce(&mut States, &mut Work) -> T) -> T {
        let id = machine.id;
        let learned = self.patterns.entry(id).or_insert_with(|| {
            self.queue.push_back(id);
            Learned {
                states: States::new(&machine.program, self.limits.program),
                size: 0,
                is_used: true,
            }
        });
        learned.is_used = true;
        let answer = ask(&mut learned.states, &mut self.work);
        let size = learned.states.size();
        if size != learned.size {
            self.used = self.used + size - learned.size;
            learned.size = size;
            self.shrink();
        }
        answer
    }

    /// Lets patterns go until the budget holds. One that was used gets a second chance, behind all others.
    fn shrink(&mut self) {
        while self.used > self.limits.all
            && let Some(id) = self.queue.pop_front()
        {
            match self.patterns.get_mut(&id) {
                Some(learned) if learned.is_used => {
                    learned.is_used = false;
                    self.queue.push_back(id);
                }
                Some(learned) => {
                    self.used -= learned.size;
                    self.patterns.remove(&id);
                }
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LIMITS, Limits, Machine, Memory};
    use crate::pattern::compile::Compiled;
    use crate::pattern::parse::parse;
    use crate::pattern::program::Kind;
    use crate::{Encoding, Finder};
    use alloc::string::String;
    use alloc::vec::Vec;

    const BUDGET: usize = 1 << 20;

    fn limits(program: usize) -> Limits {
        Limits {
            all: BUDGET,
            program,
            ..LIMITS
        }
    }

    fn letters(seed: u32) -> String {
        let mut random = seed;
        let letter = |_| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if random >> 31 == 0 { 'a' } else { 'b' }
        };
        (0..400).map(letter).collect()
    }

    struct Tried {
        machine: Machine,
    }

    impl Tried {
        fn new(index: usize) -> Self {
            let text = alloc::format!("/p{index}/(a|b)*a(a|b){{9}}");
            let hir = parse(&text, Encoding::Latin1).unwrap().hir;
            Self {
                machine: Machine::new(Compiled::new(&hir, Kind::Whole).unwrap()),
            }
        }

        /// Whether it accepts a path of random letters, and whether it should.
        fn ask(&self, index: usize, seed: u32, memory: &mut Memory) -> (bool, bool) {
            let value = alloc::format!("/p{index}/{}", letters(seed));
            let accepted = memory.accepts(&self.machine, value.as_bytes());
            (accepted, value.as_bytes()[value.len() - 10] == b'a')
        }
    }

    #[test]
    fn many_patterns_share_a_budget_and_still_answer_right() {
        let mut memory = Memory::new(limits(BUDGET / 4));
        let patterns: Vec<Tried> = (0..60).map(Tried::new).collect();
        let mut most = 0;
        for round in 0..3 {
            for (index, pattern) in patterns.iter().enumerate() {
                let (accepted, expected) = pattern.ask(index, round * 100 + index as u32, &mut memory);
                assert_eq!(accepted, expected, "{index} in round {round}");
                assert!(memory.used <= BUDGET, "{} bytes after {index}", memory.used);
                most = most.max(memory.used);
            }
        }
        let real: usize = memory.patterns.values().map(|it| it.states.size()).sum();
        assert_eq!(memory.used, real);
        assert!(most > BUDGET / 2, "the budget was never needed: {most} bytes");
        assert_eq!(memory.queue.len(), memory.patterns.len());
    }

    #[test]
    fn searches_share_the_budget_too() {
        let mut memory = Memory::new(limits(BUDGET / 4));
        let finders: Vec<Finder> = (0..40)
            .map(|index| Finder::parse(&alloc::format!("p{index}/(a|b)*a((a|b){{9}})")).unwrap())
            .collect();
        let mut most = 0;
        for round in 0..2 {
            for (index, finder) in finders.iter().enumerate() {
                let value = alloc::format!("/p{index}/{}", letters(round * 100 + index as u32));
                let found = finder.find_in(&mut memory, value.as_bytes(), 0, true).unwrap();
                let end = value
                    .rmatch_indices('a')
                    .map(|(at, _)| at + 10)
                    .find(|&end| end <= value.len());
                assert_eq!(found.span().end, end.unwrap(), "{index} in round {round}");
                assert!(memory.used <= BUDGET, "{} bytes after {index}", memory.used);
                most = most.max(memory.used);
            }
        }
        assert!(most > BUDGET / 2, "the budget was never needed: {most} bytes");
    }

    #[test]
    fn a_pattern_that_has_learned_too_much_begins_anew_and_still_answers_right() {
        let mut memory = Memory::new(limits(10_000));
        let pattern = Tried::new(0);
        let mut forgotten = 0;
        let mut before = 0;
        for seed in 0..50 {
            let (accepted, expected) = pattern.ask(0, seed, &mut memory);
            assert_eq!(accepted, expected, "{seed}");
            let sets = memory.patterns[&pattern.machine.id].states.sets();
            forgotten += usize::from(sets < before);
            before = sets;
            assert!(memory.used < 40_000, "{} bytes after {seed}", memory.used);
        }
        assert!(forgotten > 5, "{forgotten}");
    }

    #[test]
    fn a_pattern_that_is_used_again_and_again_stays() {
        let mut memory = Memory::new(limits(BUDGET / 4));
        let patterns: Vec<Tried> = (0..60).map(Tried::new).collect();
        let favourite = Tried::new(99);
        for (index, pattern) in patterns.iter().enumerate() {
            favourite.ask(99, 1, &mut memory);
            pattern.ask(index, index as u32, &mut memory);
        }
        assert!(memory.patterns.contains_key(&favourite.machine.id));
        assert!(!memory.patterns.contains_key(&patterns[0].machine.id));
    }
}
