//! Leaves behind what a codec or a router refuses, or sends as it is: the path says where and what.

use fingerpost_guests::{host, path, say, shown};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, MapType};
use std::time::Duration;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

struct Root;
struct Stream {
    /// The path of the request as it came.
    asked: String,
}

impl Context for Root {}
impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        true
    }
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { asked: String::new() }))
    }
    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// What a path asks to be done to a map: `/<where>/<what>/<argument>`.
fn change(map: MapType, what: &str, argument: &str) {
    let done = match what {
        "value-crlf" => host::add(map, "x-a", "line\r\nbreak: yes"),
        "value-lf" => host::add(map, "x-a", "line\nbreak"),
        "value-cr" => host::add(map, "x-a", "line\rbreak"),
        "value-nul" => host::add(map, "x-a", "null\0byte"),
        "value-tab" => host::add(map, "x-a", "tab\tinside"),
        "value-control" => host::add(map, "x-a", "bell\x07inside"),
        "value-latin" => host::add_bytes(map, b"x-a", b"caf\xe9"),
        "value-spaces" => host::add(map, "x-a", "  around  "),
        "name-crlf" => host::add(map, "x-a\r\nx-b", "1"),
        "name-nul" => host::add(map, "x\0a", "1"),
        "name-high" => host::add_bytes(map, b"x-\xff", b"1"),
        "name-space" => host::add(map, "x a", "1"),
        "name-colon" => host::add(map, "x:a", "1"),
        "name-empty" => host::add(map, "", "1"),
        "name-pseudo" => host::add(map, ":nonsense", "1"),
        "underscore" => host::add(map, "x_a", "1"),
        "remove" => host::remove(map, argument),
        "empty" => host::set(map, argument, ""),
        "path-bare" => host::set(map, ":path", "no-slash"),
        "path-space" => host::set(map, ":path", "/with space"),
        "path-control" => host::set(map, ":path", "/with\tcontrol"),
        "path-latin" => host::set_bytes(map, b":path", b"/caf\xe9"),
        "path-fragment" => host::set(map, ":path", "/a#b"),
        "method-odd" => host::set(map, ":method", "FOO"),
        "method-space" => host::set(map, ":method", "G ET"),
        "authority-bad" => host::set(map, ":authority", "a b"),
        "scheme-odd" => host::set(map, ":scheme", "ftp"),
        "broken-map" => host::set_block(map, b"\x01\0\0\0\xff\0\0\0"),
        "status" => host::set(map, ":status", argument),
        "length" => host::set(map, "content-length", argument),
        "chunked" => host::set(map, "transfer-encoding", "chunked"),
        "upgrade" => host::set(map, "upgrade", "websocket"),
        _ => return,
    };
    say(format!("{what} {argument} {}", shown(done)));
}

impl Stream {
    /// What is to be done at this place, and with what.
    fn wanted(&self, place: &str) -> Option<(String, String)> {
        let mut parts = self.asked.split('/').skip(1);
        if parts.next() != Some(place) {
            return None;
        }
        let mut part = || parts.next().unwrap_or_default().to_owned();
        Some((part(), part()))
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, _: u32, count: usize, _: usize, _: usize) {
        let status = host::get(MapType::HttpCallResponseHeaders, ":status");
        let body = host::buffer(BufferType::HttpCallResponseBody, 0, 1000);
        say(format!("answer {} {} {}", count > 0, shown(status), shown(body)));
        let _ = host::go_on(0);
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.asked = path();
        if let Some((what, argument)) = self.wanted("reply") {
            let headers: &[(&str, &str)] = match argument.as_str() {
                "crlf" => &[("x-a", "line\r\nbreak: yes")],
                "latin" => &[("x a", "1")],
                "length" => &[("content-length", "3")],
                _ => &[],
            };
            let status = what.parse().unwrap_or_default();
            say(shown(host::reply(status, "by a guest", headers, b"reply", -1)));
            return Action::Pause;
        }
        if let Some((what, argument)) = self.wanted("call") {
            let length = argument.as_str();
            let mut headers = vec![(":method", what.as_str()), (":path", "/"), (":authority", "auth")];
            if !length.is_empty() {
                headers.push(("content-length", length));
            }
            let call = self.dispatch_http_call("auth", headers, None, vec![], Duration::from_secs(2));
            say(format!("{}", call.is_ok()));
            return Action::Pause;
        }
        if let Some((what, argument)) = self.wanted("request") {
            change(MapType::HttpRequestHeaders, &what, &argument);
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        if let Some((what, argument)) = self.wanted("response") {
            change(MapType::HttpResponseHeaders, &what, &argument);
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, _: usize, end: bool) -> Action {
        say("response body");
        if self.wanted("body").is_some() && end {
            say(shown(host::set_buffer(BufferType::HttpResponseBody, 1 << 20, 0, b" and more")));
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        let details = host::property(&["response", "code_details"]);
        let flags = host::property(&["response", "flags"]);
        let text = |value: Option<Vec<u8>>| value.map(|it| fingerpost_guests::text(&it));
        say(format!("details {} flags {}", shown(details.map(text)), shown(flags)));
    }
}
