//! A proxy-wasm host: runs any proxy-wasm module as Envoy does, without a proxy.
//!
//! ```no_run
//! use fingerpost_simulator::{Plugin, Request};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let wasm = std::fs::read("filter.wasm")?;
//! let mut simulator = Plugin::new(wasm)?.config(r#"{"version": 1}"#).start()?;
//! let outcome = simulator.request(Request::get("/x").header("a", "b"));
//! assert_eq!(outcome.upstream_header("x-added"), Some("1"));
//! # Ok(())
//! # }
//! ```

// Guests decide what the host functions meet, so nothing in them may panic. Tests may.
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod abi;
mod attributes;
mod budget;
mod callbacks;
mod calls;
mod chain;
mod codec;
mod connection_manager;
mod context;
mod dice;
mod error;
mod exports;
mod grpc;
mod grpc_answer;
mod headers;
mod lifecycle;
mod limits;
mod local_reply;
mod message;
mod metrics;
mod module;
mod native;
mod outcome;
mod plugin;
mod precompiled;
mod shared;
mod simulator;
mod state;
mod status;
mod stream;
mod stream_io;
mod trace;
mod vm;
mod warning;
mod world;

pub use attributes::{ATTRIBUTES, UnknownAttribute};

pub use dice::Dice;
pub use error::{Cause, Failure, LoadError};
pub use fingerpost_envoy_http::HeaderMap;
pub use grpc::{GrpcAnswer, GrpcCall};
pub use headers::Headers;
pub use message::{CallOutcome, HttpCall, Request, Response};
pub use metrics::Metric;
pub use module::{AbiVersion, Module};
pub use native::NativeHost;
pub use outcome::{Cost, End, Outcome};
pub use plugin::{FailurePolicy, Plugin};
pub use simulator::{Simulator, StreamId, Verdict};
pub use trace::Event;
pub use warning::Warning;
pub use world::{LogLevel, LogLine, Property};

/// The examples in the README, so that they are compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
