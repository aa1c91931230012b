//! The interface to the filters, which run outside the model.

use fingerpost_routing_config::RuleRef;

use crate::Headers;

/// Which filter runs: one plugin in one chain of one listener.
#[derive(Debug, Clone, Copy)]
pub struct FilterSite<'m> {
    /// The listener's name.
    pub listener: &'m str,
    /// The plugin's name.
    pub plugin: &'m str,
    /// The path of the module.
    pub module: &'m str,
    /// The plugin's configuration.
    pub configuration: &'m [u8],
    /// What the module may use of the proxy; none: everything.
    pub capabilities: &'m [String],
}

/// What a filter wants to happen next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterVerdict {
    /// The request goes on, with the headers as they are now.
    Continue,
    /// The same, and the filter has named the rule that it chose: it sets the property
    /// [`RULE_PROPERTY`](fingerpost_routing_config::RULE_PROPERTY).
    Routed(RuleRef),
    /// The filter answers by itself.
    Reply {
        /// The status.
        status: u16,
        /// The headers.
        headers: Headers,
        /// The body.
        body: Vec<u8>,
    },
}

/// Whatever runs the filters: a simulator, or a filter linked natively.
pub trait Filter {
    /// Shows a filter the head of a request, as proxy-wasm shows it, and lets it change it.
    fn on_request_headers(&mut self, site: &FilterSite<'_>, headers: &mut Headers) -> FilterVerdict;
}

impl<F: FnMut(&FilterSite<'_>, &mut Headers) -> FilterVerdict> Filter for F {
    fn on_request_headers(&mut self, site: &FilterSite<'_>, headers: &mut Headers) -> FilterVerdict {
        self(site, headers)
    }
}

/// No filter at all: enough for a bootstrap whose routes match by themselves.
pub fn no_filter(_site: &FilterSite<'_>, _headers: &mut Headers) -> FilterVerdict {
    FilterVerdict::Continue
}
