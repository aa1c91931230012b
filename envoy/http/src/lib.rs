//! Rules of Envoy's HTTP stack that more than one crate needs, each written once.
//!
//! `config-compiler`, `proxy-model` (Envoy around a filter), `simulator` (the host of a Wasm filter) and the tests must agree on them
//! without knowing each other. Nothing here reads a configuration, does I/O or knows Istio: what depends on a bootstrap
//! stays with the reader of the bootstrap. The rules are those of Envoy 1.40; each module names its source.
//!
//! ```
//! use fingerpost_envoy_http::{HeaderMap, is_inline};
//!
//! assert!(is_inline(HeaderMap::Request, "cdn-loop"));
//! assert!(!is_inline(HeaderMap::Response, "cdn-loop"));
//! ```

mod coalesce;
pub mod codec;
pub mod connection_manager;
pub mod domain;
pub mod edge;
pub mod expression;
pub mod format;
pub mod forwarded;
pub mod grpc;
pub mod header;
pub mod header_map;
mod inline;
pub mod local_reply;
mod nominated;
pub mod path;
mod referer;
mod syntax;
mod target;
pub mod upgrade;
pub mod variable;
mod variable_names;
mod written;

pub use inline::{HeaderMap, is_inline};
pub use syntax::{is_authority_byte, is_method};
pub use target::Target;
pub use written::{
    CLIENT_ADDRESS, MILLISECONDS, NOW, RANDOM_ID, ValueCondition, WrittenValue, is_about_the_connection,
    value_of_a_run,
};
