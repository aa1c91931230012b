//! Logs every callback with the ids of its contexts; a filter of a chain says which one it is.

use fingerpost_guests::{host, say, shown, text};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, MapType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|id| Box::new(Root { id, name: String::new() }));
}}

struct Root {
    id: u32,
    name: String,
}

struct Stream {
    id: u32,
    name: String,
}

impl Context for Root {}
impl RootContext for Root {
    fn on_vm_start(&mut self, size: usize) -> bool {
        let vm = host::buffer(BufferType::VmConfiguration, 0, size)
            .ok()
            .flatten()
            .unwrap_or_default();
        let plugin = host::buffer(BufferType::PluginConfiguration, 0, 100);
        say(format!(
            "vm start {} {} plugin {}",
            self.id,
            vm,
            shown(plugin.map(|it| it.is_some()))
        ));
        true
    }

    fn on_configure(&mut self, size: usize) -> bool {
        let bytes = self.get_plugin_configuration().unwrap_or_default();
        self.name = text(&bytes);
        say(format!("configure {} {size} {}", self.id, self.name));
        let environment: Vec<_> = std::env::vars().collect();
        say(format!("environment {environment:?}"));
        self.name != "refuse"
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        say(format!("{} create {id}", self.name));
        Some(Box::new(Stream {
            id,
            name: self.name.clone(),
        }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Stream {
    fn seen(&self, what: &str) -> Action {
        say(format!("{} {} {what}", self.name, self.id));
        Action::Continue
    }

    fn at(&self, place: &str) -> Action {
        let wanted = host::get(MapType::HttpRequestHeaders, &format!("x-{}", self.name));
        if wanted.ok().flatten().as_deref() != Some(place) {
            return Action::Continue;
        }
        let _ = host::reply(
            403,
            "by a guest",
            &[("x-by", &self.name)],
            self.name.as_bytes(),
            -1,
        );
        Action::Pause
    }
}

impl Context for Stream {
    fn on_done(&mut self) -> bool {
        self.seen("done");
        true
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end: bool) -> Action {
        self.seen(&format!("request headers {end}"));
        let _ = host::add(MapType::HttpRequestHeaders, "x-way", &self.name);
        self.at("request")
    }
    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        self.seen(&format!("request body {size} {end}"))
    }
    fn on_http_request_trailers(&mut self, count: usize) -> Action {
        self.seen(&format!("request trailers {count}"))
    }
    fn on_http_response_headers(&mut self, _: usize, end: bool) -> Action {
        let _ = host::add(MapType::HttpResponseHeaders, "x-way", &self.name);
        self.seen(&format!("response headers {end}"))
    }
    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        self.seen(&format!("response body {size} {end}"))
    }
    fn on_http_response_trailers(&mut self, count: usize) -> Action {
        self.seen(&format!("response trailers {count}"))
    }
    fn on_log(&mut self) {
        self.seen("log");
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        say(format!("{} {} deleted", self.name, self.id));
    }
}
