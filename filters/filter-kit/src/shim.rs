//! Ties a filter to the proxy-wasm SDK: hands the SDK's callbacks to it, and nothing else.

use crate::{Envoy, Part, RouteFilter, contexts};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

/// Begins a module, as the body of `proxy_wasm::main!`.
pub fn start<P: Part + Default + Clone + 'static>() {
    // Also installs the hook that writes a panic to the log.
    proxy_wasm::set_log_level(LogLevel::Warn);
    proxy_wasm::set_root_context(|id| {
        contexts::on_create_root(id);
        Box::new(Root(RouteFilter::<P>::default()))
    });
}

/// One plugin; a VM may have several, each with its own configuration.
struct Root<P>(RouteFilter<P>);

/// One request, with the table that was in force when it came.
struct Stream<P> {
    id: u32,
    filter: RouteFilter<P>,
}

impl<P> Context for Root<P> {}

impl<P: Part + Clone + 'static> RootContext for Root<P> {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.0.on_configure(&Envoy)
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        contexts::on_create_stream(id);
        let filter = self.0.clone();
        Some(Box::new(Stream { id, filter }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl<P> Context for Stream<P> {}

impl<P: Part> HttpContext for Stream<P> {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.filter.on_request_headers(&Envoy);
        contexts::on_decide(self.id);
        Action::Continue
    }
}
