//! Settings that hold for a folder or a shell: `fingerpost.yaml`, and environment variables for the same.
//!
//! [`SETTINGS`] has every setting with its names. [`read`] takes them from the text of a file, [`from_variables`] from
//! the environment; both give the texts that the command's options take. Which file counts, and that options come before
//! variables and variables before the file, is the caller's matter.

mod check;
mod ignored;
mod read;
mod setting;
mod variables;

use std::collections::BTreeMap;

pub use check::{domain, namespace};
pub use ignored::{IgnoredFinding, InvalidIgnoredFinding};
pub use read::read;
pub use setting::{Kind, SETTINGS, Setting};
pub use variables::{InvalidVariable, from_variables};

/// The name of the file.
pub const FILE_NAME: &str = "fingerpost.yaml";

/// The JSON Schema of the file.
pub const SCHEMA: &str = include_str!("../fingerpost.schema.json");

/// Settings by their [`Setting::option`], each with the values that the option takes.
pub type Values = BTreeMap<&'static str, Vec<String>>;
