//! Decides which route a request takes: pure, no_std, no I/O.
//!
//! ```text
//! RouteTable::decide(head, roll)
//!   table.virtual_host(authority)   exact, longest suffix, any       domain
//!   host.select(head)               first route in list order        table, index, route, path, header, query
//!   upgrades.refuse(head)           403 for an unknown protocol      upgrade
//!   route.resolve(host, head, roll) rewrite, pick a destination      rewrite, split
//! ```
//!
//! The table has the shape of Envoy's route table, and each condition Envoy's meaning. What a user wrote, where
//! the table came from and how a decision is carried out are not known here; neither are clocks and dice.
#![no_std]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod domain;
mod head;
mod header;
mod index;
mod list;
mod path;
mod pattern;
mod query;
mod rewrite;
mod route;
mod rule;
mod split;
mod string_match;
mod table;
mod upgrade;

pub use domain::InvalidDomain;
pub use head::{Header, RequestHead};
pub use header::{HeaderMatch, HeaderName, RepeatedHeaders};
pub use path::PathMatch;
pub use pattern::{Encoding, Finder, Groups, InvalidPattern, Pattern, Reason};
pub use query::QueryMatch;
pub use rewrite::{InvalidSubstitution, PathRewrite, Substitution};
pub use route::{Action, Mismatch, RefusedUpgrade, Resolved, RewrittenBy, Route, RouteMatch};
pub use rule::{Rule, RuleStep, write_rule_name};
pub use split::{Destination, DispatchKey, InvalidSplit, Roll, Split};
pub use string_match::{StringMatch, ValueMatch};
pub use table::{Decision, RouteTable, VirtualHost};
pub use upgrade::Upgrades;
