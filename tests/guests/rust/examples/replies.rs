//! Answers requests itself, at every moment at which it may and at some at which it may not.

use fingerpost_guests::{host, path, say, shown};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, MapType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

struct Root;

#[derive(Default)]
struct Stream {
    path: String,
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

fn reply(status: u32, headers: &[(&str, &str)], body: &[u8]) {
    say(format!(
        "reply {}",
        shown(host::reply(status, "a guest\'s reply", headers, body, -1))
    ));
}

impl Context for Stream {}
impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        self.path = path();
        say(format!("request headers {}", self.path));
        match self.path.as_str() {
            "/plain" => reply(403, &[], b"no"),
            "/bare" => reply(401, &[], b""),
            "/empty" => reply(418, &[("content-type", "x/y"), ("content-length", "5")], b""),
            "/typed" => reply(
                200,
                &[
                    ("content-type", "application/json"),
                    ("X-One", "1"),
                    ("x-one", "2"),
                    ("server", "me"),
                ],
                b"{}",
            ),
            "/length" => reply(200, &[("content-length", "99")], b"four"),
            "/twice" => {
                reply(403, &[], b"first");
                reply(404, &[], b"second");
            }
            "/resume" => {
                reply(403, &[], b"and resume");
                say(shown(host::go_on(0)));
            }
            "/status" => reply(403, &[(":status", "404"), ("x-one", "1")], b"which"),
            "/redirect" => reply(302, &[("location", "/there")], b""),
            "/grpc" => say(shown(host::reply(200, "", &[("x-g", "1")], b"nope", 7))),
            "/grpc-kind" => reply(403, &[], b"denied it"),
            "/grpc-own" => reply(403, &[("grpc-status", "5"), ("grpc-message", "own")], b"a ~}|%\n\xff"),
            "/grpc-empty" => say(shown(host::reply(404, "", &[("grpc-status", "")], b"", 9))),
            "/close" => say(shown(host::close(0))),
            _ => {}
        }
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        say(format!("request body {size} {end}"));
        if self.path == "/at-body" {
            reply(413, &[], b"at body");
            return Action::Pause;
        }
        if self.path == "/at-end" && end {
            reply(413, &[], b"at end");
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, end: bool) -> Action {
        let status = host::get(MapType::HttpResponseHeaders, ":status");
        say(format!("response headers {end} {}", shown(status)));
        let _ = host::set(MapType::HttpResponseHeaders, "x-passed", "1");
        match self.path.as_str() {
            "/at-response" => reply(502, &[("x-late", "1")], b"replaced"),
            "/at-response-bare" => reply(502, &[], b""),
            "/close-response" => say(shown(host::close(1))),
            _ => {}
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        say(format!("response body {size} {end}"));
        if self.path == "/at-response-body" && size > 0 {
            reply(502, &[], b"too late");
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        let status = host::get(MapType::HttpResponseHeaders, ":status");
        say(format!("log {}", shown(status)));
        let details = host::property(&["response", "code_details"]);
        say(format!(
            "details {}",
            shown(details.map(|it| it.map(|it| fingerpost_guests::text(&it))))
        ));
    }
}
