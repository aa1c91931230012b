//! The shim: hands the SDK's callbacks to the filter, and nothing else.

use crate::VirtualServiceFilter;
use fingerpost_filter_kit::Envoy;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

proxy_wasm::main! {{
    // Also installs the hook that writes a panic to the log.
    proxy_wasm::set_log_level(LogLevel::Warn);
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

/// One plugin; a VM may have several, each with its own configuration.
#[derive(Default)]
struct Root(VirtualServiceFilter);

/// One request.
struct Stream(VirtualServiceFilter);

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.0.on_configure(&Envoy)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream(self.0.clone())))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.0.on_request_headers(&Envoy);
        Action::Continue
    }
}
