//! What the filters have in common: they take a configuration, keep its table, and run once for each request.

use crate::metrics::{Counters, show_revision};
use crate::{HeadParts, Host, HostError, Level, LoadedTable, Outcome, configure, read_head};
use fingerpost_routing::{Roll, RouteTable};
use fingerpost_routing_config::RoutingConfig;
use std::rc::Rc;

/// What a filter carries out of each decision.
pub trait Part {
    /// The part, as a configuration wants it.
    fn of(config: &RoutingConfig) -> Self;

    /// Decides about a request, and carries out this part of the decision. Returns what it is counted as; none where
    /// another filter of the chain counts it.
    fn run(
        &self,
        table: &RouteTable,
        parts: &HeadParts<'_>,
        host: &impl Host,
    ) -> Result<Option<Outcome>, HostError>;
}

/// One plugin's configuration at work. Streams keep the table that they began with.
#[derive(Debug, Default, Clone)]
pub struct RouteFilter<P> {
    table: Rc<LoadedTable>,
    part: P,
    counters: Counters,
}

impl<P: Part> RouteFilter<P> {
    /// Takes the plugin's configuration, or says in the log why not, returns false, and keeps the table it has.
    pub fn on_configure(&mut self, host: &impl Host) -> bool {
        match configure(host) {
            Some((config, table)) => {
                self.part = P::of(&config);
                self.table = table;
                self.counters = Counters::define(host);
                if let Some(revision) = &config.revision {
                    show_revision(revision, host);
                }
                true
            }
            None => false,
        }
    }

    /// Handles one request. If the proxy does not play along, the request leads nowhere.
    pub fn on_request_headers(&self, host: &impl Host) {
        match self.run(host) {
            Ok(Some(outcome)) => self.counters.count(outcome, host),
            Ok(None) => {}
            Err(reason) => {
                self.counters.count_failure(host);
                host.log(Level::Error, &format!("fingerpost: request not routed: {reason}"));
            }
        }
    }

    fn run(&self, host: &impl Host) -> Result<Option<Outcome>, String> {
        let block = host.request_headers().map_err(|error| error.to_string())?;
        let parts = read_head(&block).map_err(|error| error.to_string())?;
        let done = self.part.run(&self.table.table(), &parts, host);
        done.map_err(|error| error.to_string())
    }
}

/// Dice of the proxy's. Without them the first destination takes the request: better one that is too busy than none.
pub fn roll(host: &impl Host) -> Roll {
    Roll(host.random().unwrap_or_default())
}
