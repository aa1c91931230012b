//! Names the destination: matches the request, picks the subset and sets the dispatch key. Leaves the path alone.
//!
//! One half of `virtual-service`, for whom the other half is not wanted, or is done elsewhere. The table must find its
//! routes by `x-fingerpost-route`; what the compiler writes does. A path that a rule rewrites goes upstream as it
//! came, unless `uri-rewrite` runs **after** this filter with the same configuration: the two together do what
//! `virtual-service` does, which a property test holds. In front of it they would not: this filter would then see the
//! new path.
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
    HeadParts, Host, HostError, Outcome, Part, RouteFilter, RoutingConfig, apply_destination, name_rule, roll,
};
use fingerpost_routing::RouteTable;

/// The filter.
pub type SubsetSelectFilter = RouteFilter<SubsetSelect>;

/// Of a decision, the destination.
#[derive(Debug, Default, Clone, Copy)]
pub struct SubsetSelect {
    names_rules: bool,
}

impl Part for SubsetSelect {
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
        apply_destination(&decision, parts, host)?;
        if self.names_rules {
            name_rule(&decision, host);
        }
        Ok(Some(Outcome::of(&decision)))
    }
}
