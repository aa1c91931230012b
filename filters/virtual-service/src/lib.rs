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

use fingerpost_filter_kit::{Host, Level, apply, configure, read_head};
use fingerpost_routing::{Roll, RouteTable};
use std::rc::Rc;

/// One plugin's configuration at work. Streams keep the table that they began with.
#[derive(Debug, Default, Clone)]
pub struct VirtualServiceFilter {
    table: Rc<RouteTable>,
}

impl VirtualServiceFilter {
    /// Takes the plugin's configuration, or says in the log why not, returns false, and keeps the table it has.
    pub fn on_configure(&mut self, host: &impl Host) -> bool {
        match configure(host) {
            Some(table) => {
                self.table = Rc::new(table);
                true
            }
            None => false,
        }
    }

    /// Routes one request. If the proxy does not play along, the request stays as it is and leads nowhere.
    pub fn on_request_headers(&self, host: &impl Host) {
        if let Err(reason) = self.route(host) {
            host.log(Level::Error, &format!("fingerpost: request not routed: {reason}"));
        }
    }

    fn route(&self, host: &impl Host) -> Result<(), String> {
        let block = host.request_headers().map_err(|error| error.to_string())?;
        let parts = read_head(&block).map_err(|error| error.to_string())?;
        // Without dice the first destination takes the request: better one that is too busy than none.
        let decision = self
            .table
            .decide(&parts.head(), || Roll(host.random().unwrap_or_default()));
        apply(&decision, &parts, host).map_err(|error| error.to_string())
    }
}
