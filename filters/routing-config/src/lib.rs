//! The JSON contract between the compiler and the filters.
//!
//! [`RoutingConfig`] and its parts are serde twins of the run types in `fingerpost-routing`: what is
//! shipped, in words a person can read. [`RoutingConfig::parse`] reads it, [`RoutingConfig::load`] turns
//! it into a `RouteTable`, and both name the place of what they refuse. Reads and writes no files, and
//! does not know where the configuration came from.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod capabilities;
mod conditions;
mod load;
mod loading;
mod memory;
mod route;
mod stream;
mod table;

pub use capabilities::CAPABILITIES;
pub use conditions::{HeaderMatch, PathMatch, QueryMatch, RouteMatch, ValueMatch};
pub use load::{LoadError, load};
pub use memory::{CONFIG_BYTES, PROGRAM_BYTES, VM_CONFIG_BYTES, VM_PROGRAM_BYTES, check_size};
pub use route::{
    Action, Destination, InvalidRuleName, RegexRewrite, Reply, Rewrite, RewrittenBy, Route, RuleRef, RuleStep,
};
pub use stream::{Loaded, load_from};
pub use table::{
    NativeRoutes, RegexEncoding, RepeatedHeaders, Revision, RoutingConfig, Upgrades, VirtualHost,
};

/// The request header by which Envoy finds the native route that the filter chose.
///
/// The filter sets it on a match and on nothing else; the connection manager must remove it from every
/// request before any filter runs, and the route table before the request goes upstream.
pub const DISPATCH_HEADER: &str = "x-fingerpost-route";

/// The property of a request by which a filter names the rule that it chose, such as `default/reviews http[1].match[0]`.
///
/// Envoy keeps it in the filter state of the request, with `wasm.` in front: `%FILTER_STATE(wasm.fingerpost.rule:PLAIN)%`.
pub const RULE_PROPERTY: &str = "fingerpost.rule";

/// The property of a request by which a filter names the virtual host of the rule.
pub const VIRTUAL_HOST_PROPERTY: &str = "fingerpost.virtual_host";

/// The JSON Schema of a configuration.
pub const SCHEMA: &str = include_str!("../routing-config.schema.json");

/// The only `version` that this code reads and writes.
pub const VERSION: u32 = 1;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
