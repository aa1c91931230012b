//! Changes the path: matches the request and rewrites as its rule says. Names no destination.
//!
//! One half of `virtual-service`. **A filter that sets the path makes Envoy match its route table again, by the new
//! path.** So this one is safe to use where
//!
//! - routes are found by `x-fingerpost-route`, and `subset-select` runs before it with the same configuration. The
//!   two together do what `virtual-service` does, which a property test holds;
//! - the table does not look at the path: one route for each host, say, or routes by header alone. Say so in the
//!   configuration, by `"native_routes": "ignore_path"`.
//!
//! Over a table that looks at paths, such as the one that Istio's control plane sends, a request would match by its
//! old path and be routed by its new one. The filter cannot see the table, but it sees whether a key has been set: if
//! it rewrites a request that has none, and the configuration does not say that the table ignores the path, it warns
//! in the proxy's log, once for each configuration and worker.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

#[cfg(target_arch = "wasm32")]
mod wasm;

use fingerpost_filter_kit::{
    DISPATCH_HEADER, HeadParts, Host, HostError, Level, NativeRoutes, Outcome, Part, RouteFilter,
    RoutingConfig, apply_rewrite, rewritten,
};
use fingerpost_routing::{Roll, RouteTable};
use std::cell::Cell;
use std::rc::Rc;

const WARNING: &str = "fingerpost: uri-rewrite changed the path of a request that has no x-fingerpost-route. \
    A route table that looks at the path now matches the new one. Run subset-select before this filter, or, if the \
    table does not look at the path, add \"native_routes\": \"ignore_path\" to this filter's configuration";

/// The filter.
pub type UriRewriteFilter = RouteFilter<UriRewrite>;

/// Of a decision, the path.
#[derive(Debug, Default, Clone)]
pub struct UriRewrite {
    /// Whether a request without a key is still worth a warning; all streams share it.
    warns: Rc<Cell<bool>>,
}

impl Part for UriRewrite {
    fn of(config: &RoutingConfig) -> Self {
        let warns = match config.native_routes {
            NativeRoutes::ByKey => true,
            NativeRoutes::IgnorePath => false,
        };
        Self {
            warns: Rc::new(Cell::new(warns)),
        }
    }

    fn run(
        &self,
        table: &RouteTable,
        parts: &HeadParts<'_>,
        host: &impl Host,
    ) -> Result<Option<Outcome>, HostError> {
        // The dice choose among the destinations of a route, and all of them have the same rewrite.
        let decision = table.decide(&parts.head(), || Roll(0));
        if rewritten(&decision).is_some() && !parts.has_key() && self.warns.replace(false) {
            host.log(Level::Warn, WARNING);
        }
        apply_rewrite(&decision, parts, host).or_else(|error| {
            // Better nowhere than somewhere with the wrong path.
            host.remove_request_header(DISPATCH_HEADER)?;
            Err(error)
        })?;
        // The filter that names the destination counts the request.
        Ok(None)
    }
}
