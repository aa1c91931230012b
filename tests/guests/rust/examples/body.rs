//! Reads and writes bodies, in pieces and whole.

use fingerpost_guests::{host, path, say, shown};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, MapType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

struct Root;

#[derive(Default)]
struct Stream {
    path: String,
    sent: usize,
}

impl Context for Root {}
impl RootContext for Root {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::default()))
    }
    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

fn look(buffer: BufferType, size: usize) {
    let bytes = host::buffer(buffer, 0, size);
    say(format!("{buffer:?} {}", shown(bytes)));
    let part = host::buffer(buffer, 2, 3);
    say(format!("{buffer:?} part {}", shown(part)));
    let past = host::buffer(buffer, size + 1, 5);
    say(format!("{buffer:?} past {}", shown(past)));
}

impl Stream {
    fn piece(&mut self, buffer: BufferType, size: usize, end: bool) -> Action {
        self.sent += size;
        say(format!("{buffer:?} piece {size} {end}"));
        look(buffer, size);
        match self.path.as_str() {
            "/whole" if !end => return Action::Pause,
            "/whole" => {
                let whole = host::buffer(buffer, 0, size).ok().flatten().unwrap_or_default();
                say(format!("whole {whole}"));
                say(shown(host::set_buffer(
                    buffer,
                    0,
                    size,
                    whole.to_uppercase().as_bytes(),
                )));
            }
            "/prepend" => say(shown(host::set_buffer(buffer, 0, 0, b"<"))),
            "/append" => say(shown(host::set_buffer(buffer, size, 0, b">"))),
            "/replace" => say(shown(host::set_buffer(buffer, 0, size, b"replaced"))),
            "/middle" => say(shown(host::set_buffer(buffer, 0, 1, b"#"))),
            "/inside" => say(shown(host::set_buffer(buffer, 1, 1, b"#"))),
            "/far" => say(shown(host::set_buffer(buffer, 0, 1000, b"far"))),
            "/trailers" if end => {
                let map = match buffer {
                    BufferType::HttpRequestBody => MapType::HttpRequestTrailers,
                    _ => MapType::HttpResponseTrailers,
                };
                say(shown(host::add(map, "x-made", "here")));
            }
            "/prefix" if !end => return Action::Pause, // holds all but passes at the end what the host kept
            _ => {}
        }
        Action::Continue
    }
}

impl Context for Stream {}
impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end: bool) -> Action {
        self.path = path();
        say(format!("request headers {end}"));
        let _ = host::remove(MapType::HttpRequestHeaders, "content-length");
        say(format!(
            "body now {}",
            shown(host::buffer(BufferType::HttpRequestBody, 0, 10))
        ));
        say(format!(
            "set now {}",
            shown(host::set_buffer(BufferType::HttpRequestBody, 0, 0, b"early"))
        ));
        say(format!(
            "config now {}",
            shown(host::buffer(BufferType::PluginConfiguration, 0, 10))
        ));
        say(format!(
            "vm config {}",
            shown(host::buffer(BufferType::VmConfiguration, 0, 10))
        ));
        say(format!(
            "call {}",
            shown(host::buffer(BufferType::HttpCallResponseBody, 0, 10))
        ));
        match self.path.as_str() {
            "/headers-wait" if !end => Action::Pause,
            _ => Action::Continue,
        }
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        self.piece(BufferType::HttpRequestBody, size, end)
    }

    fn on_http_response_headers(&mut self, _: usize, end: bool) -> Action {
        say(format!("response headers {end}"));
        let _ = host::remove(MapType::HttpResponseHeaders, "content-length");
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        self.piece(BufferType::HttpResponseBody, size, end)
    }
}
