//! What would have to change for a request that nothing takes: the rule that comes closest, and its fix.
//!
//! The analysis is that of `fingerpost-explain`.

use fingerpost_explain::explain_sent;
use fingerpost_proxy_model::Request;

use crate::compiled_proxy::CompiledProxy;

/// The advice, a sentence each. Empty if the analysis has none.
pub(super) fn advice(sent: &Request, proxy: &CompiledProxy) -> Vec<String> {
    match explain_sent(&proxy.compilation, sent) {
        Ok(told) => fingerpost_explain::advice(&told),
        // The test has an outcome without it.
        Err(_) => Vec::new(),
    }
}
