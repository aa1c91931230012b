//! From a tree to a program, and what a program may take.

use super::error::Reason;
use super::program::{Kind, Program};
use super::start::Start;
use super::thompson;
use core::ops::Deref;
use regex_syntax::hir::Hir;

/// What one program may take. RE2's limit in a mesh, 32,768 instructions, is below that.
const PROGRAM_BYTES: usize = 2 << 20;

/// A program, and what it takes.
pub(super) struct Compiled {
    program: Program,
    bytes: usize,
}

impl Compiled {
    /// Compiles a tree.
    ///
    /// # Errors
    /// It would take too much memory.
    pub(super) fn new(hir: &Hir, kind: Kind) -> Result<Self, Reason> {
        let nfa =
            thompson::compile(hir, kind, PROGRAM_BYTES).map_err(|thompson::TooLarge| Reason::TooLarge)?;
        let bytes = nfa.memory_usage();
        Ok(Self {
            program: Program::new(&nfa, kind, Start::of(hir).exact()).ok_or(Reason::TooLarge)?,
            bytes,
        })
    }

    /// How many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Deref for Compiled {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}
