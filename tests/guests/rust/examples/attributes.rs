//! Reads every attribute of Envoy's in every callback, and says what it is. Ports, times and ids differ from run to run:
//! of those it says only that they are there.

use fingerpost_guests::{host, path, say, shown, text};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, MapType};
use std::time::Duration;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

struct Root;

#[derive(Default)]
struct Stream {
    called: bool,
}

/// How the bytes of an attribute are to be read.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Bytes,
    Number,
    Flag,
    /// Header names and values; Envoy gives them in an order of its own.
    Map,
    /// Which one differs from run to run.
    Some,
    /// A number of bytes, but not where the proxy has added headers of its own.
    Size,
    /// Text with a port at its end.
    Address,
}
use Kind::{Address, Bytes, Flag, Map, Number, Size, Some as Present, Text};

const READ: &[(&str, &[(&str, Kind)])] = &[
    (
        "request",
        &[
            ("path", Text),
            ("url_path", Text),
            ("query", Text),
            ("host", Text),
            ("scheme", Text),
            ("method", Text),
            ("referer", Text),
            ("useragent", Text),
            ("id", Present),
            ("protocol", Text),
            ("time", Present),
            ("duration", Present),
            ("size", Number),
            ("total_size", Size),
            ("headers_bytes", Size),
            ("headers", Map),
            ("nothing", Bytes),
        ],
    ),
    (
        "response",
        &[
            ("code", Number),
            ("code_details", Text),
            ("flags", Number),
            ("grpc_status", Number),
            ("size", Number),
            ("total_size", Size),
            ("headers_bytes", Size),
            ("headers", Map),
            ("trailers", Map),
            ("backend_latency", Present),
            ("nothing", Bytes),
        ],
    ),
    ("source", &[("address", Address), ("port", Present), ("nothing", Bytes)]),
    ("destination", &[("address", Address), ("port", Present)]),
    (
        "connection",
        &[
            ("id", Present),
            ("mtls", Flag),
            ("requested_server_name", Text),
            ("tls_version", Text),
            ("subject_local_certificate", Text),
            ("subject_peer_certificate", Text),
            ("dns_san_local_certificate", Text),
            ("dns_san_peer_certificate", Text),
            ("uri_san_local_certificate", Text),
            ("uri_san_peer_certificate", Text),
            ("sha256_peer_certificate_digest", Text),
            ("peer_certificate", Text),
            ("termination_details", Text),
            ("transport_failure_reason", Text),
        ],
    ),
    (
        "upstream",
        &[
            ("address", Address),
            ("port", Present),
            ("local_address", Address),
            ("locality", Bytes),
            ("transport_failure_reason", Text),
            ("request_attempt_count", Number),
            ("cx_pool_ready_duration", Present),
            ("num_endpoints", Number),
            ("tls_version", Text),
        ],
    ),
    (
        "xds",
        &[
            ("cluster_name", Text),
            ("cluster_metadata", Bytes),
            ("route_name", Text),
            ("route_metadata", Bytes),
            ("virtual_host_name", Text),
            ("virtual_host_metadata", Bytes),
            ("upstream_host_metadata", Bytes),
            ("upstream_host_locality_metadata", Bytes),
            ("filter_chain_name", Text),
            ("listener_direction", Number),
            ("listener_metadata", Bytes),
            ("node", Present),
            ("nothing", Bytes),
        ],
    ),
];

/// Attributes without a group, or the whole of one; and what was one before Envoy 1.33.
const PLAIN: &[&str] = &[
    "request",
    "response",
    "source",
    "destination",
    "connection",
    "upstream",
    "xds",
    "metadata",
    "filter_state",
    "upstream_filter_state",
    "plugin_name",
    "plugin_root_id",
    "plugin_vm_id",
    "node",
    "cluster_name",
    "cluster_metadata",
    "route_name",
    "route_metadata",
    "listener_direction",
    "listener_metadata",
    "upstream_host_metadata",
];

/// Headers that the proxy adds around the filters.
const AROUND: &[&str] = &["connection", "date", "server", "x-envoy-expected-rq-timeout-ms", "x-request-id"];

fn number(bytes: &[u8]) -> String {
    bytes
        .try_into()
        .map_or_else(|_| text(bytes), |bytes| i64::from_le_bytes(bytes).to_string())
}

fn told(when: &str, kind: Kind, bytes: &[u8]) -> String {
    match kind {
        Kind::Size if matches!(when, "response headers" | "log") => "there".to_owned(),
        Kind::Size => number(bytes),
        Kind::Text | Kind::Bytes => format!("{:?}", text(bytes)),
        Kind::Number => number(bytes),
        Kind::Flag => format!("{bytes:?}"),
        Kind::Some => "there".to_owned(),
        Kind::Address => {
            let whole = text(bytes);
            whole
                .rsplit_once(':')
                .map_or(whole.clone(), |(address, _)| format!("{address}:port"))
        }
        Kind::Map => {
            let mut pairs = host::read(bytes);
            pairs.retain(|(name, _)| !AROUND.contains(&name.as_str()));
            for (_, value) in pairs.iter_mut().filter(|(name, _)| name == "x-envoy-upstream-service-time") {
                value.clear();
            }
            pairs.sort();
            format!("{pairs:?}")
        }
    }
}

fn read(when: &str) {
    for (group, attributes) in READ {
        for (name, kind) in *attributes {
            let value = host::property(&[group, name]);
            let value = value.map(|bytes| told(when, *kind, &bytes.unwrap_or_default()));
            say(format!("{when} {group}.{name} {}", value.unwrap_or_else(|status| shown::<()>(Err(status)))));
        }
    }
    for name in PLAIN {
        let value = host::property(&[name]).map(|bytes| text(&bytes.unwrap_or_default()));
        say(format!("{when} {name} {}", shown(value)));
    }
    let deep: &[&[&str]] = &[
        &["request", "headers", "x-a"],
        &["request", "headers", "x a"],
        &["response", "headers", "x-up"],
        &["response", "trailers", "x-t"],
        &["xds", "node", "id"],
        &["xds", "node", "cluster"],
        &["xds", "node", "user_agent_name"],
        &["xds", "node", "locality"],
        &["xds", "node", "locality", "zone"],
        &["xds", "node", "metadata"],
        &["xds", "node", "metadata", "missing"],
        &["xds", "node", "missing"],
        &["xds", "route_metadata", "filter_metadata"],
        &["xds", "route_metadata", "filter_metadata", "missing"],
        &["xds", "route_metadata", "missing"],
        &["xds", "cluster_metadata", "filter_metadata", "missing"],
        &["xds", "upstream_host_metadata", "filter_metadata", "missing"],
        &["xds", "listener_metadata", "filter_metadata", "missing"],
        &["metadata", "filter_metadata"],
        &["metadata", "typed_filter_metadata"],
        &["metadata", "filter_metadata", "missing"],
        &["metadata", "missing"],
        &["upstream", "locality", "region"],
        &["upstream", "locality", "missing"],
        &["filter_state", "wasm.mine"],
        &["filter_state", "envoy.string"],
        &["filter_state", "missing"],
        &["upstream_filter_state", "missing"],
        &["mine"],
        &["source", "address", "deeper"],
        &["connection_id", "deeper"],
        &["xds", "cluster_name", "deeper"],
    ];
    for parts in deep {
        let value = host::property(parts).map(|bytes| text(&bytes.unwrap_or_default()));
        say(format!("{when} {} {}", parts.join("."), shown(value)));
    }
    let id = host::property(&["connection_id"]).map(|bytes| told(when, Kind::Some, &bytes.unwrap_or_default()));
    say(format!("{when} connection_id {}", shown(id)));
}

impl Context for Root {}
impl RootContext for Root {
    fn on_vm_start(&mut self, _: usize) -> bool {
        read("vm start");
        true
    }
    fn on_configure(&mut self, _: usize) -> bool {
        read("configure");
        true
    }
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        read("create");
        Some(Box::new(Stream::default()))
    }
    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, _: u32, _: usize, _: usize, _: usize) {
        read("call");
        let _ = host::go_on(0);
    }
    fn on_done(&mut self) -> bool {
        read("done");
        true
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        say(shown(host::set_property(&["mine"], b"value")));
        // {path: "envoy.string", value: "kept", span: DownstreamRequest}
        let kept = host::foreign("set_envoy_filter_state", b"\x0a\x0cenvoy.string\x12\x04kept\x18\x01");
        say(shown(kept));
        read("request headers");
        if path().starts_with("/edit") {
            say(shown(host::set(MapType::HttpRequestHeaders, "x-edited", "1")));
            read("edited");
        }
        if path().starts_with("/reply") {
            let _ = host::reply(403, "by a guest", &[], b"no", -1);
            return Action::Pause;
        }
        if path().starts_with("/call") && !self.called {
            self.called = true;
            let headers = vec![(":method", "GET"), (":path", "/"), (":authority", "auth")];
            let call = self.dispatch_http_call("auth", headers, None, vec![], Duration::from_secs(1));
            say(format!("{}", call.is_ok()));
            return Action::Pause;
        }
        Action::Continue
    }
    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        read("request body");
        Action::Continue
    }
    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        read("request trailers");
        Action::Continue
    }
    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        read("response headers");
        Action::Continue
    }
    fn on_http_response_body(&mut self, _: usize, _: bool) -> Action {
        read("response body");
        Action::Continue
    }
    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        read("response trailers");
        Action::Continue
    }
    fn on_log(&mut self) {
        read("log");
    }
}
