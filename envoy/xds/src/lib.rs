//! A bootstrap as files that Envoy reads while it runs, and the safe way from one set of files to another.
//!
//! [`split`] makes a small bootstrap that names files, and the files: listeners (LDS), clusters (CDS), a route table for each
//! connection manager (RDS), a configuration for each of our filters (ECDS), and the private keys (SDS). The static
//! bootstrap is the only source of them: nothing is decided here that a request could notice. [`plan`] gives the steps in which a
//! running Envoy is brought from one set of files to another.
//!
//! Nothing here reads or writes a file, or asks an Envoy.

mod fallback;
mod file;
mod files;
mod listeners;
mod plan;
mod split;
mod tables;
mod upstream_tls;
mod used;

pub use fallback::{KeysByDomain, with_native_routes};
pub use file::{Kind, XdsFile, version};
pub use files::{InvalidFile, XdsFiles};
pub use plan::{Stage, Step, plan};
pub use split::{Split, split};
pub use tables::union;
