//! Reads attributes and sets properties; calls foreign functions.

use fingerpost_guests::{host, path, say, shown, text};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

struct Root;
struct Stream;

const READ: &[&[&str]] = &[
    &["request", "path"],
    &["request", "url_path"],
    &["request", "query"],
    &["request", "host"],
    &["request", "scheme"],
    &["request", "method"],
    &["request", "referer"],
    &["request", "useragent"],
    &["request", "protocol"],
    &["request", "headers", "x-a"],
    &["request", "headers", "X-A"],
    &["request", "headers", "missing"],
    &["request", "path", "deeper"],
    &["request", "size"],
    &["request", "nothing"],
    &["request"],
    &["response", "code"],
    &["response", "headers", "x-up"],
    &["response", "size"],
    &["response", "code_details"],
    &["plugin_name"],
    &["plugin_root_id"],
    &["plugin_vm_id"],
    &["plugin_name", "deeper"],
    &["nothing"],
    &["mine"],
    &["mine", "deeper"],
    &["two", "parts"],
    &["two"],
    &[""],
];

fn read(when: &str) {
    for parts in READ {
        let value = host::property(parts);
        let value = value.map(|it| {
            it.map(|it| {
                if it.len() > 64 {
                    "(long)".to_owned()
                } else {
                    text(&it)
                }
            })
        });
        say(format!("{when} {}: {}", parts.join("."), shown(value)));
    }
}

impl Context for Root {}
impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        true
    }
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream))
    }
    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

fn foreign(name: &str, arguments: &[u8]) {
    let result = host::foreign(name, arguments);
    say(format!(
        "{name} {}",
        shown(result.map(|it| it.map(|it| text(&it))))
    ));
}

impl Context for Stream {}
impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        if path().starts_with("/foreign") {
            foreign("clear_route_cache", b"");
            foreign("no_such_function", b"x");
            // {path: "envoy.string", value: "kept", span: DownstreamRequest}
            foreign(
                "set_envoy_filter_state",
                b"\x0a\x0cenvoy.string\x12\x04kept\x18\x01",
            );
            foreign("set_envoy_filter_state", b"\x0a\x04nope\x12\x04kept");
            foreign("set_envoy_filter_state", b"\xff");
            // {name: "declared", readonly: true, type: String}
            foreign("declare_property", b"\x0a\x08declared\x10\x01\x18\x01");
            foreign("declare_property", b"\x0a\x08declared\x10\x01\x18\x01");
            foreign("declare_property", b"\xff");
            say(shown(host::set_property(&["declared"], b"once")));
            say(format!(
                "readonly {}",
                shown(host::set_property(&["declared"], b"twice"))
            ));
            say(shown(
                host::property(&["declared"]).map(|it| it.map(|it| text(&it))),
            ));
            return Action::Continue;
        }
        say(shown(host::set_property(&["mine"], b"value")));
        say(shown(host::set_property(&["two", "parts"], b"deep")));
        read("request");
        say(shown(host::set_property(&["mine"], b"changed")));
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        if !path().starts_with("/foreign") {
            read("response");
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        read("log");
    }
}
