//! Calls another cluster, and lets the request wait for the answer.

use fingerpost_guests::{host, path, say, shown, text};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, MapType, Status};
use std::time::Duration;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

struct Root;

#[derive(Default)]
struct Stream {
    path: String,
    waiting: u32,
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

/// The SDK knows which context waits for which call, so calls go through it.
fn called(result: Result<(), Status>) -> String {
    result.map_or_else(|status| format!("{status:?}"), |()| "called".to_owned())
}

const HEADERS: [(&str, &str); 4] = [
    (":method", "GET"),
    (":path", "/check?a=1"),
    (":authority", "auth.example"),
    ("x-q", "1"),
];

impl Context for Stream {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, trailers: usize) {
        let _ = (token, headers); // differ by what the proxy adds
        say(format!("answer {body} {trailers}"));
        for name in [":status", "x-up", "missing"] {
            let value = host::get(MapType::HttpCallResponseHeaders, name);
            say(format!("answer {name}: {}", shown(value)));
        }
        let bytes = self.get_http_call_response_body(0, body);
        say(format!("answer body {:?}", bytes.map(|it| text(&it))));
        say(format!(
            "answer write {}",
            shown(host::add(MapType::HttpCallResponseHeaders, "x", "1"))
        ));
        say(format!(
            "request now {}",
            shown(host::get(MapType::HttpRequestHeaders, ":path"))
        ));
        self.waiting = self.waiting.saturating_sub(1);
        if self.waiting > 0 {
            return;
        }
        match self.path.as_str() {
            "/deny" => say(shown(host::reply(403, "", &[("x-denied", "1")], b"denied", -1))),
            "/response" => say(shown(host::go_on(1))),
            _ => {
                say(shown(host::set(MapType::HttpRequestHeaders, "x-checked", "yes")));
                say(shown(host::go_on(0)));
                say(format!(
                    "after {}",
                    shown(host::get(MapType::HttpRequestHeaders, ":path"))
                ));
            }
        }
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end: bool) -> Action {
        self.path = path();
        say(format!("request headers {end}"));
        let second = Duration::from_secs(1);
        let call = |cluster: &str, headers: Vec<(&str, &str)>, body: Option<&[u8]>| {
            hostcalls::dispatch_http_call(cluster, headers, body, vec![], second).map(|_| ())
        };
        match self.path.as_str() {
            "/errors" => {
                say(format!(
                    "unknown {}",
                    called(call("nowhere", HEADERS.to_vec(), None))
                ));
                say(format!(
                    "no path {}",
                    called(call("auth", HEADERS[..1].to_vec(), None))
                ));
                say(format!("none {}", called(call("auth", vec![], None))));
                say(format!(
                    "grpc {}",
                    called(
                        hostcalls::dispatch_grpc_call("nowhere", "s", "m", vec![], None, second).map(|_| ())
                    )
                ));
                Action::Continue
            }
            "/two" => {
                say(called(call("auth", HEADERS.to_vec(), Some(b"first"))));
                say(called(call("auth", HEADERS.to_vec(), Some(b"second"))));
                self.waiting = 2;
                Action::Pause
            }
            "/forget" => {
                say(called(call("auth", HEADERS.to_vec(), None)));
                Action::Continue
            }
            "/response" => Action::Continue,
            _ => {
                say(called(call("auth", HEADERS.to_vec(), Some(b"ask"))));
                self.waiting = 1;
                Action::Pause
            }
        }
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        say(format!("request body {size} {end}"));
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, end: bool) -> Action {
        say(format!("response headers {end}"));
        if self.path == "/response" {
            let answer =
                hostcalls::dispatch_http_call("auth", HEADERS.to_vec(), None, vec![], Duration::from_secs(1));
            say(called(answer.map(|_| ())));
            self.waiting = 1;
            return Action::Pause;
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        say(format!("response body {size} {end}"));
        Action::Continue
    }
}
