//! The certificates that a compiled configuration needs, as they are now, in the input and in the files of this machine.
//!
//! Decides what to report: files that are missing or that Envoy refuses, and what the other side objects to. Envoy starts all the same;
//! only the servers and clusters that need them are out of order. Which certificates are needed, and what counts as a fault, is `fingerpost_config_compiler`.

mod check;
mod mounted;

pub use check::{check, missing_files};
pub use mounted::{NotMounted, mounted};
