//! The filter: matches the request, rewrites the path, picks the destination.
//!
//! One pass: read the head, decide, apply. What a route then does (timeouts, retries, header edits, mirrors,
//! redirects) is the native route's behind the dispatch key. `wasm.rs` ties this to the proxy-wasm SDK.
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
    HeadParts, Host, HostError, Outcome, Part, RouteFilter, RoutingConfig, apply, roll,
};
use fingerpost_routing::RouteTable;

/// The filter.
pub type VirtualServiceFilter = RouteFilter<VirtualService>;

/// All of a decision.
#[derive(Debug, Default, Clone, Copy)]
pub struct VirtualService;

impl Part for VirtualService {
    fn of(_config: &RoutingConfig) -> Self {
        Self
    }

    fn run(
        &self,
        table: &RouteTable,
        parts: &HeadParts<'_>,
        host: &impl Host,
    ) -> Result<Option<Outcome>, HostError> {
        let decision = table.decide(&parts.head(), || roll(host));
        apply(&decision, parts, host)?;
        Ok(Some(Outcome::of(&decision)))
    }
}
