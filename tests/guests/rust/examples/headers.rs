//! Reads and writes header maps in every way.

use fingerpost_guests::{host, path, say, say_map, shown};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, MapType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

struct Root;
struct Stream;

impl Context for Root {}
impl RootContext for Root {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream))
    }
    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// Names of which an Envoy may keep one value, to which others are joined.
const TWICE: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-datetime",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-allow-private-network",
    "access-control-expose-headers",
    "access-control-max-age",
    "access-control-request-headers",
    "access-control-request-method",
    "access-control-request-private-network",
    "age",
    "allow",
    "authorization",
    "baggage",
    "cache-control",
    "cdn-loop",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-location",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "dnt",
    "early-data",
    "etag",
    "expect",
    "expires",
    "forwarded",
    "from",
    "grpc-accept-encoding",
    "grpc-encoding",
    "grpc-message",
    "grpc-status",
    "grpc-status-details-bin",
    "grpc-timeout",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "last-modified",
    "link",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "proxy-status",
    "range",
    "referer",
    "retry-after",
    "sec-fetch-site",
    "sec-websocket-key",
    "server",
    "set-cookie",
    "strict-transport-security",
    "te",
    "trailer",
    "traceparent",
    "tracestate",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "x-b3-traceid",
    "x-client-trace-id",
    "x-content-type-options",
    "x-envoy-attempt-count",
    "x-envoy-decorator-operation",
    "x-envoy-degraded",
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-external-address",
    "x-envoy-fault-abort-request",
    "x-envoy-fault-delay-request",
    "x-envoy-force-trace",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-immediate-health-check-fail",
    "x-envoy-internal",
    "x-envoy-ip-tags",
    "x-envoy-is-timeout-retry",
    "x-envoy-local-overloaded",
    "x-envoy-max-retries",
    "x-envoy-original-dst-host",
    "x-envoy-original-host",
    "x-envoy-original-path",
    "x-envoy-original-url",
    "x-envoy-overloaded",
    "x-envoy-peer-metadata",
    "x-envoy-peer-metadata-id",
    "x-envoy-ratelimited",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-canary",
    "x-envoy-upstream-healthchecked-cluster",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-upstream-service-time",
    "x-envoy-upstream-stream-duration-ms",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-frame-options",
    "x-ot-span-context",
    "x-real-ip",
    "x-request-id-2",
    "x-squash-debug",
];

const REQUEST: MapType = MapType::HttpRequestHeaders;
const RESPONSE: MapType = MapType::HttpResponseHeaders;

impl Context for Stream {}
impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, count: usize, end: bool) -> Action {
        say(format!("request headers {count} {end}"));
        say_map("before", REQUEST);
        for name in [
            "host",
            ":authority",
            "X-A",
            "x-a",
            "cookie",
            "accept",
            "missing",
            "user-agent",
        ] {
            say(format!("get {name}: {}", shown(host::get(REQUEST, name))));
        }
        match path().as_str() {
            "/set" => {
                say(shown(host::set(REQUEST, "x-a", "set")));
                say(shown(host::set(REQUEST, "X-New", "new")));
                say(shown(host::set(REQUEST, "x-empty", "")));
                say(shown(host::set(REQUEST, ":path", "/elsewhere?q=1")));
                say(shown(host::set(REQUEST, "host", "other.example")));
            }
            "/add" => {
                for name in [
                    "x-a",
                    "x-b",
                    "cookie",
                    "accept",
                    "user-agent",
                    "content-type",
                    "x-forwarded-for",
                    "via",
                    "te",
                    "authorization",
                    "accept-encoding",
                    "cache-control",
                    "origin",
                    "x-request-id-not",
                    "grpc-timeout",
                    "expect-not",
                    "referer",
                    "range",
                    "if-match",
                    "access-control-request-method",
                    "x-forwarded-host",
                    "x-forwarded-port",
                    "x-envoy-original-path",
                    "x-envoy-max-retries",
                ] {
                    say(format!("{name} {}", shown(host::add(REQUEST, name, "one"))));
                    say(format!("{name} {}", shown(host::add(REQUEST, name, "two"))));
                }
                let _ = host::remove(REQUEST, "x-envoy-max-retries");
                let _ = host::remove(REQUEST, "grpc-timeout");
            }
            "/twice" => {
                for name in TWICE {
                    let _ = host::add(REQUEST, name, "one");
                    let _ = host::add(REQUEST, name, "two");
                }
                say_map("twice", REQUEST);
                for name in TWICE {
                    let _ = host::remove(REQUEST, name);
                }
            }
            "/remove" => {
                say(shown(host::remove(REQUEST, "x-a")));
                say(shown(host::remove(REQUEST, "missing")));
                say(shown(host::remove(REQUEST, "User-Agent")));
            }
            "/replace-all" => {
                let map = [
                    (":method", "PUT"),
                    ("x-only", "1"),
                    (":path", "/all"),
                    (":authority", "all.example"),
                    (":scheme", "http"),
                    ("x-only", "2"),
                    ("X-Upper", "u"),
                    ("x-forwarded-proto", "http"),
                ];
                say(shown(host::set_all(REQUEST, &map)));
            }
            "/no-map" => {
                // What can't be read as a map counts as an empty one: everything is gone. So it is put back.
                let kept = host::pairs(REQUEST).unwrap_or_default();
                say(shown(host::set_block(REQUEST, &[9, 0, 0, 0, 1])));
                say_map("emptied", REQUEST);
                let many: Vec<_> = (0..1025).map(|_| ("x-many", "1")).collect();
                say(shown(host::set_all(REQUEST, &many)));
                say(format!("of too many {}", shown(host::byte_size(REQUEST))));
                say(shown(host::set_all(REQUEST, &many[..1024])));
                say(format!("of many {}", shown(host::byte_size(REQUEST))));
                let large = "v".repeat(1024 * 1024);
                say(shown(host::set_all(REQUEST, &[("x-large", large.as_str())])));
                say(format!("of too large {}", shown(host::byte_size(REQUEST))));
                let kept: Vec<_> = kept
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                say(shown(host::set_all(REQUEST, &kept)));
            }
            "/order" => {
                say(shown(host::add(REQUEST, ":custom", "pseudo")));
                say_map("with pseudo", REQUEST);
                say(shown(host::remove(REQUEST, ":custom")));
            }
            "/others" => {
                for map in [
                    RESPONSE,
                    MapType::HttpRequestTrailers,
                    MapType::HttpResponseTrailers,
                    MapType::HttpCallResponseHeaders,
                    MapType::HttpCallResponseTrailers,
                ] {
                    say(format!("{map:?} get {}", shown(host::get(map, "x"))));
                    say(format!(
                        "{map:?} all {}",
                        shown(host::pairs(map).map(|it| it.len()))
                    ));
                    say(format!("{map:?} add {}", shown(host::add(map, "x", "1"))));
                    say(format!("{map:?} set {}", shown(host::set(map, "x", "1"))));
                    say(format!("{map:?} remove {}", shown(host::remove(map, "x"))));
                    say(format!(
                        "{map:?} set all {}",
                        shown(host::set_all(map, &[("x", "1")]))
                    ));
                }
            }
            _ => {}
        }
        say_map("after", REQUEST);
        Action::Continue
    }

    fn on_http_request_trailers(&mut self, count: usize) -> Action {
        say(format!("request trailers {count}"));
        say_map("request trailer", MapType::HttpRequestTrailers);
        say(shown(host::add(MapType::HttpRequestTrailers, "x-added", "1")));
        say(format!("headers now: {}", shown(host::get(REQUEST, ":path"))));
        Action::Continue
    }

    fn on_http_response_headers(&mut self, count: usize, end: bool) -> Action {
        let _ = count; // the router's own headers differ
        say(format!("response headers {end}"));
        for name in [
            ":status",
            "x-up",
            "X-Up",
            "set-cookie",
            "content-length",
            "missing",
        ] {
            say(format!("get {name}: {}", shown(host::get(RESPONSE, name))));
        }
        say(format!("request then: {}", shown(host::get(REQUEST, ":path"))));
        say(shown(host::set(RESPONSE, "x-filter", "seen")));
        say(shown(host::add(RESPONSE, "set-cookie", "b=2")));
        say(shown(host::add(RESPONSE, "server", "mine")));
        say(shown(host::add(RESPONSE, "x-up", "more")));
        say(shown(host::remove(RESPONSE, "x-drop")));
        if path().is_empty() && host::get(RESPONSE, "x-twice").is_ok_and(|it| it.is_some()) {
            for name in TWICE
                .iter()
                .filter(|name| !matches!(**name, "content-type" | "x-envoy-upstream-service-time"))
            {
                let _ = host::add(RESPONSE, name, "one");
                let _ = host::add(RESPONSE, name, "two");
                say(format!("response {name} {}", shown(host::get(RESPONSE, name))));
                let _ = host::remove(RESPONSE, name);
            }
        }
        if self.get_status() == "404" {
            say(shown(host::set(RESPONSE, ":status", "299")));
        }
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, count: usize) -> Action {
        say(format!("response trailers {count}"));
        say_map("response trailer", MapType::HttpResponseTrailers);
        say(shown(host::set(MapType::HttpResponseTrailers, "x-t", "changed")));
        Action::Continue
    }

    fn on_log(&mut self) {
        say(format!("log {}", shown(host::get(REQUEST, ":path"))));
        say(format!("log {}", shown(host::get(RESPONSE, "x-filter"))));
        say(format!("log missing {}", shown(host::get(REQUEST, "missing"))));
        say(format!(
            "log trailer {}",
            shown(host::get(MapType::HttpResponseTrailers, "x-t"))
        ));
        say(format!("log write {}", shown(host::set(RESPONSE, "x-late", "1"))));
    }
}

impl Stream {
    fn get_status(&self) -> String {
        host::get(RESPONSE, ":status").ok().flatten().unwrap_or_default()
    }
}
