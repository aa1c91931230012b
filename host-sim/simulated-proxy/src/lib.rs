//! The compiled proxy without an Envoy: what `request`, `test`, `serve` and the tests of the repository send requests to.
//!
//! `fingerpost-proxy-model` does what Envoy does around the filter, and `fingerpost-simulator` runs the filter. The two
//! do not know each other; [`SimulatedProxy`] joins them. It contains no routing logic.
//!
//! A client's side belongs here too, since every user of the proxy has it: a [`Url`], and the [`port`] that it means.

mod error;
mod filters;
mod port;
mod proxy;
mod url;

pub use error::ProxyError;
pub use filters::FilterRuntime;
pub use port::{InvalidPort, ListenerReason, UnservedPort, is_served, listener, port, unserved_port};
pub use proxy::{Answer, SimulatedProxy, request_id};
pub use url::{Scheme, ServerName, Url, host_of};
