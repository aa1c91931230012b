//! Envoy's configuration as serde structs: the messages that are written or read here, and no others.
//!
//! Each type is one message of [Envoy's API] in its JSON form. Its documentation names the message, and its fields have
//! the names and the meaning of that message's fields. Modules follow the folders of the API. A field that Envoy has and
//! this crate does not is refused when it is read, so that no reader is silently wrong about a configuration.
//!
//! - A `oneof` is an enum where one of its fields must be set, and else a field for each: serde does not tell an enum that
//!   is missing from one that is wrong.
//! - A field whose default is left out in JSON is left out here too. Where Envoy tells a default from a field that is
//!   not set (its wrapper types), the field is an `Option`.
//! - An `Any` is an enum over the messages that are packed there, tagged with `@type`.
//!
//! This crate has no behaviour: the crates that write and read a field decide what it does.
//!
//! [Envoy's API]: https://www.envoyproxy.io/docs/envoy/latest/api-v3/api
// A field means what Envoy's reference of its message says.
#![allow(missing_docs)]

pub mod access_log;
pub mod bootstrap;
pub mod cluster;
pub mod core;
pub mod discovery;
pub mod endpoint;
pub mod filters;
pub mod listener;
pub mod matcher;
pub mod metrics;
pub mod overload;
pub mod route;
pub mod tls;
pub mod upstream_socket;
pub mod upstreams;
pub mod xds;

mod duration;
mod number;

pub use duration::{Duration, InvalidDuration};
pub use number::{Denominator, FractionalPercent, Int64, Percent};

/// `google.protobuf.Struct`.
pub type Struct = serde_json::Map<String, serde_json::Value>;

/// A message without fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
