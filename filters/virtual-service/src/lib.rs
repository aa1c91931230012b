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
    HeadParts, Host, HostError, Outcome, Part, RouteFilter, RoutingConfig, apply, name_rule, roll,
};
use fingerpost_routing::RouteTable;

/// The filter.
pub type VirtualServiceFilter = RouteFilter<VirtualService>;

/// All of a decision.
#[derive(Debug, Default, Clone, Copy)]
pub struct VirtualService {
    names_rules: bool,
}

impl Part for VirtualService {
    fn of(config: &RoutingConfig) -> Self {
        Self {
            names_rules: config.name_rules,
        }
    }

    fn run(
        &self,
        table: &RouteTable,
        parts: &HeadParts<'_>,
        host: &impl Host,
    ) -> Result<Option<Outcome>, HostError> {
        let decision = table.decide(&parts.head(), || roll(host));
        apply(&decision, parts, host)?;
        if self.names_rules {
            name_rule(&decision, host);
        }
        Ok(Some(Outcome::of(&decision)))
    }
}
