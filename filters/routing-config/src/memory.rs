//! What a table may take, and what the tables of one VM are to take together.
//!
//! Envoy gives a VM 1 GiB. All listeners share one, and during a reload it holds the old tables with the new. A table
//! takes up to four times the bytes of its configuration, and with the shortest texts up to six, also while it is read (measured: docs/limits.md). Beside that, the programs of its
//! patterns count, and what they learn from requests has a limit in `routing`.
//!
//! The limits of a table are a matter of its configuration alone, so every VM judges alike. Those of a VM refuse nothing:
//! beyond them, old tables go.

use crate::LoadError;

/// Bytes of JSON that a configuration may have.
pub const CONFIG_BYTES: usize = VM_CONFIG_BYTES;

/// Bytes that the programs of all patterns of a table may take.
pub const PROGRAM_BYTES: usize = 128 << 20;

/// Bytes of JSON that the configurations of one VM should not exceed together.
pub const VM_CONFIG_BYTES: usize = 96 << 20;

/// Bytes that the programs of one VM should not exceed together.
pub const VM_PROGRAM_BYTES: usize = 192 << 20;

/// Whether a configuration of so many bytes may be loaded.
///
/// # Errors
/// It has too many.
pub fn check_size(bytes: usize) -> Result<(), LoadError> {
    if bytes <= CONFIG_BYTES {
        return Ok(());
    }
    Err(LoadError {
        place: String::new(),
        reason: format!("the configuration has {bytes} bytes: no more than {CONFIG_BYTES} are possible"),
    })
}

/// Counts the programs of a table while it is loaded.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    bytes: std::cell::Cell<usize>,
}

impl Programs {
    /// Counts one more program of so many bytes. False if they are now too many.
    pub(crate) fn count(&self, bytes: usize) -> bool {
        self.count_up_to(bytes, PROGRAM_BYTES)
    }

    fn count_up_to(&self, bytes: usize, limit: usize) -> bool {
        self.bytes.set(self.bytes.get().saturating_add(bytes));
        self.bytes.get() <= limit
    }

    /// How many bytes they have.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.get()
    }
}

#[cfg(test)]
mod tests {
    use super::{CONFIG_BYTES, Programs, check_size};

    #[test]
    fn a_configuration_that_is_too_long_is_refused() {
        assert!(check_size(CONFIG_BYTES).is_ok());
        assert!(check_size(CONFIG_BYTES + 1).is_err());
        assert!(check_size(usize::MAX).is_err());
    }

    #[test]
    fn the_programs_of_a_table_have_a_limit() {
        let programs = Programs::default();
        assert!(programs.count_up_to(6, 10) && programs.count_up_to(4, 10));
        assert!(!programs.count_up_to(1, 10));
        assert!(!programs.count_up_to(usize::MAX, 10));
        assert!(Programs::default().count_up_to(10, 10));
    }
}
