//! What the tables of one VM may take together.
//!
//! Envoy gives a VM 1 GiB. All listeners share one, and during a reload it holds the old tables with the new. A table
//! takes about three times the bytes of its configuration, and as much again while it is read; what its patterns take is
//! counted in `routing`.

use crate::LoadError;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of JSON that the configurations of one VM may have together.
pub const VM_CONFIG_BYTES: usize = 96 << 20;

/// What is taken of [`VM_CONFIG_BYTES`].
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// The part of a configuration in what all may take. Given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    bytes: usize,
    taken: &'static AtomicUsize,
}

impl Share {
    /// Takes the part of a configuration of so many bytes.
    ///
    /// # Errors
    /// The others leave too little.
    pub fn take(bytes: usize) -> Result<Self, LoadError> {
        Self::take_of(&TAKEN, bytes, VM_CONFIG_BYTES)
    }

    fn take_of(taken: &'static AtomicUsize, bytes: usize, limit: usize) -> Result<Self, LoadError> {
        let with_this = |before: usize| before.checked_add(bytes).filter(|&after| after <= limit);
        match taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, with_this) {
            Ok(_) => Ok(Self { bytes, taken }),
            Err(before) => Err(LoadError {
                place: String::new(),
                reason: format!(
                    "the configuration has {bytes} bytes, and those in use {before}: the VM has room for {limit}"
                ),
            }),
        }
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
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn configurations_that_do_not_fit_together_are_refused_until_others_go() {
        static TAKEN: AtomicUsize = AtomicUsize::new(0);
        let take = |bytes| Share::take_of(&TAKEN, bytes, 10);
        let first = take(6).unwrap();
        assert_eq!(
            take(5).unwrap_err().reason,
            "the configuration has 5 bytes, and those in use 6: the VM has room for 10"
        );
        assert!(take(usize::MAX).is_err());
        drop(first);
        assert!(take(10).is_ok());
    }
}
