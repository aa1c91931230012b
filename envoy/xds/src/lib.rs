//! A bootstrap as files that Envoy reads while it runs.
//!
//! [`split`] makes a small bootstrap that names files, and the files: listeners (LDS), clusters (CDS), a route table for each
//! connection manager (RDS), a configuration for each of our filters (ECDS), and the private keys (SDS). The static
//! bootstrap is the only source of them: nothing is decided here that a request could notice.
//!
//! Nothing here reads or writes a file, or asks an Envoy.

mod file;
mod files;
mod split;

pub use file::{Kind, XdsFile};
pub use files::{InvalidFile, XdsFiles};
pub use split::{Split, split};
