//! The bytes that guests keep with the host, and the limit that they share.
//!
//! Everything that a guest can make the host keep carries a [`Held`]: dropping the thing gives its bytes back, so
//! nothing can be taken and not released. What one callback only passes through costs fuel instead (`limits.rs`).

use crate::error::Cause;
use crate::limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One for all VMs of a simulator. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<Account>);

#[derive(Debug)]
struct Account {
    used: AtomicUsize,
    limit: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Account {
            used: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit),
        }))
    }

    pub(crate) fn set_limit(&self, bytes: usize) {
        self.0.limit.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn limit(&self) -> usize {
        self.0.limit.load(Ordering::Relaxed)
    }

    /// The bytes that are kept now.
    pub(crate) fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    /// Fails if `bytes` more do not fit.
    pub(crate) fn ask(&self, bytes: usize) -> Result<(), Cause> {
        let limit = self.limit();
        match self.used().saturating_add(bytes) > limit {
            true => Err(Cause::MemoryLimit { bytes: limit }),
            false => Ok(()),
        }
    }

    /// Takes `bytes` for one entry, until what comes back is dropped.
    pub(crate) fn hold(&self, bytes: usize) -> Result<Held, Cause> {
        let bytes = bytes.saturating_add(limits::ENTRY_BYTES);
        self.ask(bytes)?;
        let mut held = self.nothing();
        held.resize(bytes);
        Ok(held)
    }

    /// No bytes, to be resized.
    pub(crate) fn nothing(&self) -> Held {
        Held {
            bytes: 0,
            budget: self.clone(),
        }
    }
}

/// Bytes that are kept as long as this is.
#[derive(Debug)]
pub(crate) struct Held {
    bytes: usize,
    budget: Budget,
}

impl Held {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Follows what it is held for. It does not fail: who makes a thing larger asks the budget first.
    pub(crate) fn resize(&mut self, bytes: usize) {
        let used = &self.budget.0.used;
        match bytes.checked_sub(self.bytes) {
            Some(more) => used.fetch_add(more, Ordering::Relaxed),
            None => used.fetch_sub(self.bytes - bytes, Ordering::Relaxed),
        };
        self.bytes = bytes;
    }

    /// As [`Held::resize`], by so many bytes more.
    pub(crate) fn grow(&mut self, bytes: usize) {
        self.resize(self.bytes.saturating_add(bytes));
    }

    /// As [`Held::resize`], by so many bytes less.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        self.resize(self.bytes.saturating_sub(bytes));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_given_back() {
        let budget = Budget::new(1000);
        let first = budget.hold(600).expect("it fits");
        assert_eq!(budget.used(), 600 + limits::ENTRY_BYTES);
        assert_eq!(budget.hold(600).err(), Some(Cause::MemoryLimit { bytes: 1000 }));
        drop(first);
        assert_eq!(budget.used(), 0);
        budget.hold(600).expect("it fits again");
    }

    #[test]
    fn a_size_that_no_number_holds_is_refused() {
        let budget = Budget::new(1000);
        let _kept = budget.hold(1).expect("it fits");
        assert!(budget.hold(usize::MAX).is_err());
        assert!(budget.ask(usize::MAX).is_err());
    }
}
