//! Finds, reads and follows the files that hold the resources.
//!
//! [`read`] decides which files of a folder count, in which order, and through which tool they are read; notes on standard error
//! say what is left out. [`Watch`] reports when a file has changed. What the resources mean, and which options name the files,
//! is the caller's matter.

mod bytes;
mod error;
mod folder;
mod read;
mod rendered;
mod skipped;
mod templates;
mod watch;
mod working_folder;

pub use bytes::{read_file, read_line, read_named, read_text, unreadable};
pub use error::InputError;
pub use folder::below;
pub use read::{Files, ReadOptions, read};
pub use rendered::{Render, path_of_source};
pub use skipped::{Skipped, shown};
pub use watch::{Wake, Watch, watched_paths};
pub use working_folder::relative;
