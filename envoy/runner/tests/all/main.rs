//! The crate from outside, with a real Envoy where it takes one.

mod binary;
mod bootstrap;
mod echo;
mod run;
mod support;
