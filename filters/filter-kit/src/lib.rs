//! The proxy as a port: what the filters read from Envoy and write to it.
//!
//! [`Host`] is the port. [`read_head`] makes the head of a request out of it, [`apply`] carries a decision out,
//! [`configure`] makes a table out of the plugin's configuration. [`RouteFilter`] is what the filters have in common,
//! a [`Part`] what each is there for. Nothing here decides about a request, and nothing panics on what the proxy or a
//! client says: a panic would take every stream of the worker with it.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod apply;
mod configure;
#[cfg(target_arch = "wasm32")]
mod contexts;
mod filter;
mod header_block;
mod host;
#[cfg(target_arch = "wasm32")]
mod hostcalls;
mod metrics;
mod read_head;
#[cfg(test)]
mod scripted;
#[cfg(target_arch = "wasm32")]
mod shim;
mod tables;

pub use apply::{apply, apply_destination, apply_rewrite, name_rule, rewritten};
pub use configure::configure;
pub use filter::{Part, RouteFilter, roll};
pub use fingerpost_routing_config::{DISPATCH_HEADER, NativeRoutes, RoutingConfig};
pub use header_block::{HeaderBlock, Malformed};
pub use host::{Host, HostError, Level};
#[cfg(target_arch = "wasm32")]
pub use hostcalls::Envoy;
pub use metrics::{MetricId, Outcome};
pub use read_head::{HeadParts, read_head};
#[cfg(target_arch = "wasm32")]
pub use shim::start;
pub use tables::LoadedTable;
