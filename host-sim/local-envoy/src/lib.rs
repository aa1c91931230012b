//! What was compiled, in a stock Envoy on this machine: what `fingerpost up` runs.
//!
//! Decides which ports, upstreams and certificates take the place of those that only a cluster has ([`Sandbox`]), and how a
//! change reaches the Envoy that runs ([`LiveEnvoy`]). What is read, when, and what the user sees of it is the command's.

mod certificates;
pub mod client;
mod live;
mod sandbox;

pub use live::{LiveEnvoy, NotInForce};
pub use sandbox::{Arranged, Sandbox, SandboxOptions, listeners};
