//! YAML of manifests: written for people and for every reader, and read by the reader of the user's files.

mod read;
mod write;

pub use read::{InvalidYaml, documents};
pub(crate) use write::write;
