//! What Envoy lets through although the receiver reads it differently: the outcome is what the other end makes of
//! it, and a warning names the plugin. That Envoy sends the same is compared in `tests/compare`.

use fingerpost_simulator::{End, Outcome, Plugin, Request, Response, Simulator};

/// A plugin that gives a header this value, in the callback for headers of this map: 0 requests, 2 responses.
fn sets(map: u32, name: &str, value: &str) -> Simulator {
    let callback = match map {
        0 => "proxy_on_request_headers",
        _ => "proxy_on_response_headers",
    };
    let bytes = |text: &str| {
        text.bytes()
            .map(|byte| format!("\\{byte:02x}"))
            .collect::<String>()
    };
    let text = format!(
        r#"(module
            (import "env" "proxy_replace_header_map_value" (func $set (param i32 i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 16) "{}")
            (data (i32.const 64) "{}")
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "malloc") (param i32) (result i32) (i32.const 1024))
            (func (export "{callback}") (param i32 i32 i32) (result i32)
                (drop (call $set (i32.const {map}) (i32.const 16) (i32.const {}) (i32.const 64) (i32.const {})))
                (i32.const 0)))"#,
        bytes(name),
        bytes(value),
        name.len(),
        value.len(),
    );
    let started = Plugin::new(text).and_then(|plugin| plugin.name("p").start());
    started
        .expect("it starts")
        .upstream(|_| Response::new(200).body("hello world"))
}

/// The one warning of an outcome.
fn warning(outcome: &Outcome) -> String {
    assert_eq!(outcome.warnings.len(), 1, "{:?}", outcome.warnings);
    outcome.warnings[0].to_string()
}

fn get() -> Request {
    Request::get("/")
}

#[test]
fn a_line_break_in_a_response_splits_it() {
    let outcome = sets(2, "x-a", "line\r\nbreak: yes").request(get());
    assert_eq!(outcome.status(), 200);
    let warning = warning(&outcome);
    assert!(
        warning.starts_with("plugin \"p\": ") && warning.contains("response splitting"),
        "{warning}"
    );
}

#[test]
fn what_clients_refuse_is_said() {
    for (name, value, says) in [
        ("x-a", "nul\0", "control character"),
        ("x a", "1", "name that clients refuse"),
        (":status", "99", "not three digits"),
        (":status", "100", "waits for another response"),
    ] {
        let warning = warning(&sets(2, name, value).request(get()));
        assert!(
            warning.starts_with("plugin \"p\": ") && warning.contains(says),
            "{warning}"
        );
    }
}

#[test]
fn a_response_is_as_long_as_its_headers_say() {
    let outcome = sets(2, "content-length", "5").request(get());
    assert_eq!((outcome.end, outcome.body().as_str()), (End::Complete, "hello"));
    assert!(warning(&outcome).contains("reads no more than 5"));
    let outcome = sets(2, "content-length", "20").request(get());
    assert_eq!(
        (outcome.end, outcome.body().as_str()),
        (End::Reset, "hello world")
    );
    assert!(warning(&outcome).contains("waits for the rest"));
    let outcome = sets(2, ":status", "204").request(get());
    assert_eq!((outcome.end, outcome.body().as_str()), (End::Complete, ""));
    assert!(warning(&outcome).contains("has no body"));
}

#[test]
fn a_request_is_as_long_as_its_headers_say() {
    let post = || Request::post("/").body("abc");
    let outcome = sets(0, "content-length", "2").request(post());
    assert_eq!((outcome.status(), outcome.upstream.is_some()), (200, true));
    assert!(warning(&outcome).contains("beginning of another request"));
    for lie in ["5", "x"] {
        let outcome = sets(0, "content-length", lie).request(post());
        assert_eq!(outcome.status(), 504, "{lie}");
        assert!(warning(&outcome).starts_with("plugin \"p\": "));
    }
    let outcome = sets(0, "transfer-encoding", "chunked").request(get());
    assert_eq!(outcome.status(), 504);
    assert!(warning(&outcome).contains("leave transfer-encoding to Envoy"));
}

#[test]
fn what_is_right_needs_no_warning() {
    for (map, name, value) in [
        (0, "content-length", "3"),
        (2, "content-length", "11"),
        (2, "x-a", "a\tb"),
    ] {
        let outcome = sets(map, name, value).request(Request::post("/").body("abc"));
        assert_eq!(
            (outcome.status(), outcome.warnings.len()),
            (200, 0),
            "{name}: {value}"
        );
    }
    let head = sets(0, "x-a", "1").request(Request::new("HEAD", "/"));
    assert_eq!((head.status(), head.warnings.len()), (200, 0));
    assert_eq!(head.response_header("content-length"), Some("11"));
    assert_eq!(head.body(), "");
}

#[test]
fn no_router_judges_what_is_only_decided() {
    use fingerpost_simulator::{HeaderMap, Headers, Verdict};
    let headers = Headers::from_list(HeaderMap::Request, vec![(b":path".to_vec(), b"*".to_vec())]);
    let verdict = sets(0, "x-a", "a\0b").decide(headers);
    assert!(matches!(verdict, Verdict::Continue { .. }), "{verdict:?}");
}
