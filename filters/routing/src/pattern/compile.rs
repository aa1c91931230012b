//! From a tree to a program, and what all programs may take together.

use super::error::Reason;
use super::program::{Kind, Program};
use super::start::Start;
use super::thompson;
use core::ops::Deref;
use core::sync::atomic::{AtomicUsize, Ordering};
use regex_syntax::hir::Hir;

/// What one program may take. RE2's limit in a mesh, 32,768 instructions, is below that.
const PROGRAM_BYTES: usize = 2 << 20;

/// What all programs may take together: a quarter of what a VM of Envoy's has. The tables of all listeners are in one
/// VM, and during a reload the old ones with the new.
const VM_BYTES: usize = 256 << 20;

/// What is taken of [`VM_BYTES`].
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// A program, which gives back what it takes when it is dropped.
pub(super) struct Compiled {
    program: Program,
    _share: Share,
}

impl Compiled {
    /// Compiles a tree.
    ///
    /// # Errors
    /// It would take too much memory, alone or with all others.
    pub(super) fn new(hir: &Hir, kind: Kind) -> Result<Self, Reason> {
        let nfa =
            thompson::compile(hir, kind, PROGRAM_BYTES).map_err(|thompson::TooLarge| Reason::TooLarge)?;
        let share = Share::take(nfa.memory_usage(), &TAKEN, VM_BYTES).ok_or(Reason::TooMuchTogether)?;
        Ok(Self {
            program: Program::new(nfa, kind, Start::of(hir).exact()).ok_or(Reason::TooLarge)?,
            _share: share,
        })
    }
}

impl Deref for Compiled {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}

/// A part of what all may take together.
struct Share {
    bytes: usize,
    taken: &'static AtomicUsize,
}

impl Share {
    /// None if too little is left.
    fn take(bytes: usize, taken: &'static AtomicUsize, limit: usize) -> Option<Self> {
        let with_this = |before: usize| before.checked_add(bytes).filter(|&after| after <= limit);
        let update = taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, with_this);
        update.ok().map(|_| Self { bytes, taken })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Share;
    use core::sync::atomic::AtomicUsize;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn what_all_take_together_has_a_limit_and_is_given_back() {
        static TAKEN: AtomicUsize = AtomicUsize::new(0);
        let take = |bytes| Share::take(bytes, &TAKEN, 10);
        let first = take(6);
        assert!(first.is_some() && take(5).is_none());
        let second = take(4);
        assert!(second.is_some() && take(1).is_none() && take(usize::MAX).is_none());
        drop(first);
        assert!(take(6).is_some());
    }
}
