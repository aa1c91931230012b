//! What the benchmarks measure: tables of rules of six kinds, the request to the last rule, and the steps that turn the
//! one into an answer to the other.
//!
//! The same tables are put to every proxy (`xtask/bench`), to criterion and to callgrind. Nothing here measures, and
//! nothing depends on time, chance or the machine.

mod kind;
mod resources;
mod rules;
mod steps;

pub use kind::Kind;
pub use resources::{SERVICES, catch_all, cluster, yaml};
pub use rules::{Condition, Policy, Rule, rules};
pub use steps::{InvalidWorkload, Prepared, Request, Step, compile, filter_config, request};
