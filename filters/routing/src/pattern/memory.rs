//! The memory of all patterns of a VM: one budget, however many tables, listeners and filters it serves.
//!
//! Patterns learn from the values that they are held against, so what they keep is in the hands of clients. Beyond
//! the budget, the patterns that were not used for longest forget.

use alloc::collections::VecDeque;
use core::sync::atomic::{AtomicU64, Ordering};
use hashbrown::HashMap;
use regex_automata::nfa::thompson::pikevm::{Cache, PikeVM};
use regex_automata::util::lazy::Lazy;
use regex_automata::util::pool::{Pool, PoolGuard};

use super::program::{Program, Scratch};
use super::states::States;

/// What all patterns may keep together. A VM of Envoy's has 1 GiB, for this and the tables.
const VM_BYTES: usize = 64 << 20;

/// What one pattern may keep; beyond, it forgets all and learns anew. RE2 leaves as much of its 8 MiB to a pattern, and
/// takes more for each set of states.
const PATTERN_BYTES: usize = (8 << 20) / 3;

type Memories = Pool<Memory, fn() -> Memory>;

/// A VM has one thread, hence one memory. In a native process each thread that is at work has one.
static MEMORIES: Lazy<Memories> = Lazy::new(|| Pool::new(|| Memory::new(VM_BYTES, PATTERN_BYTES)));

/// The memory of this thread.
pub(super) fn memory() -> PoolGuard<'static, Memory, fn() -> Memory> {
    MEMORIES.get()
}

/// Names a pattern in a memory. No two have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct PatternId(u64);

impl PatternId {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What patterns have learned.
pub(super) struct Memory {
    budget: usize,
    pattern_limit: usize,
    used: usize,
    patterns: HashMap<PatternId, Learned>,
    /// All patterns here, those first that are to be asked first whether they may go.
    queue: VecDeque<PatternId>,
    scratch: Scratch,
    finder: Option<(PatternId, Cache)>,
}

struct Learned {
    states: States,
    size: usize,
    /// Used since it was last asked whether it may go.
    is_used: bool,
}

impl Memory {
    pub(super) fn new(budget: usize, pattern_limit: usize) -> Self {
        Self {
            budget,
            pattern_limit,
            used: 0,
            patterns: HashMap::new(),
            queue: VecDeque::new(),
            scratch: Scratch::default(),
            finder: None,
        }
    }

    /// Whether the whole of a value matches a pattern.
    pub(super) fn accepts(&mut self, id: PatternId, program: &Program, value: &[u8]) -> bool {
        let learned = self.patterns.entry(id).or_insert_with(|| {
            self.queue.push_back(id);
            Learned {
                states: States::new(self.pattern_limit),
                size: 0,
                is_used: true,
            }
        });
        learned.is_used = true;
        let accepted = learned.states.accepts(program, value, &mut self.scratch);
        let size = learned.states.size();
        if size != learned.size {
            self.used = self.used + size - learned.size;
            learned.size = size;
            self.shrink();
        }
        accepted
    }

    /// The cache that finders share, made ready for this one.
    pub(super) fn finder_cache(&mut self, id: PatternId, vm: &PikeVM) -> &mut Cache {
        let (owner, cache) = self.finder.get_or_insert_with(|| (id, vm.create_cache()));
        if *owner != id {
            vm.reset_cache(cache);
            *owner = id;
        }
        cache
    }

    /// Lets patterns go until the budget holds. One that was used gets a second chance, behind all others.
    fn shrink(&mut self) {
        while self.used > self.budget
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
    use super::{Memory, PatternId};
    use crate::Encoding;
    use crate::pattern::compile::Compiled;
    use crate::pattern::parse::parse;
    use crate::pattern::program::Program;
    use alloc::string::String;
    use alloc::vec::Vec;
    use regex_automata::nfa::thompson::WhichCaptures;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const BUDGET: usize = 1 << 20;

    struct Tried {
        id: PatternId,
        program: Compiled<Program>,
    }

    impl Tried {
        fn new(index: usize) -> Self {
            let text = alloc::format!("/p{index}/(a|b)*a(a|b){{9}}");
            let hir = parse(&text, Encoding::Latin1).unwrap().hir;
            Self {
                id: PatternId::new(),
                program: Compiled::new(&hir, WhichCaptures::None, Program::new).unwrap(),
            }
        }

        /// Whether it accepts a path of random letters, and whether it should.
        fn ask(&self, index: usize, seed: u32, memory: &mut Memory) -> (bool, bool) {
            let mut random = seed;
            let letters: String = (0..400)
                .map(|_| {
                    random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    if random >> 31 == 0 { 'a' } else { 'b' }
                })
                .collect();
            let value = alloc::format!("/p{index}/{letters}");
            let accepted = memory.accepts(self.id, &self.program, value.as_bytes());
            (accepted, value.as_bytes()[value.len() - 10] == b'a')
        }
    }

    #[test]
    fn many_patterns_share_a_budget_and_still_answer_right() {
        let mut memory = Memory::new(BUDGET, BUDGET / 4);
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
    fn a_pattern_that_has_learned_too_much_begins_anew_and_still_answers_right() {
        let mut memory = Memory::new(BUDGET, 10_000);
        let pattern = Tried::new(0);
        let mut forgotten = 0;
        let mut before = 0;
        for seed in 0..50 {
            let (accepted, expected) = pattern.ask(0, seed, &mut memory);
            assert_eq!(accepted, expected, "{seed}");
            let sets = memory.patterns[&pattern.id].states.sets();
            forgotten += usize::from(sets < before);
            before = sets;
            assert!(memory.used < 40_000, "{} bytes after {seed}", memory.used);
        }
        assert!(forgotten > 5, "{forgotten}");
    }

    #[test]
    fn a_pattern_that_is_used_again_and_again_stays() {
        let mut memory = Memory::new(BUDGET, BUDGET / 4);
        let patterns: Vec<Tried> = (0..60).map(Tried::new).collect();
        let favourite = Tried::new(99);
        for (index, pattern) in patterns.iter().enumerate() {
            favourite.ask(99, 1, &mut memory);
            pattern.ask(index, index as u32, &mut memory);
        }
        assert!(memory.patterns.contains_key(&favourite.id));
        assert!(!memory.patterns.contains_key(&patterns[0].id));
    }
}
