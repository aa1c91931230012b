//! A piece of a resource with every short name in it resolved.

use std::ops::Deref;

/// What is written, or a copy with full names in place of the short ones. Most of what is written has full names.
#[derive(Debug, Clone)]
pub(crate) enum Resolved<'r, T> {
    /// It has no short name.
    AsWritten(&'r T),
    /// The copy.
    Copy(Box<T>),
}

impl<T> Deref for Resolved<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::AsWritten(it) => it,
            Self::Copy(it) => it,
        }
    }
}
