//! What a test can do with the simulator besides sending requests.

use fingerpost_simulator::{
    AbiVersion, CallOutcome, End, HeaderMap, Headers, Metric, Module, Plugin, Request, Response, Simulator,
    Verdict,
};
use std::time::Duration;

/// Adds `x-a: 1` to the request, counts it, and logs at each tick.
const COUNTER: &str = r#"(module
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
    (import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
    (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "x-a1requests")
    (data (i32.const 64) "xds\00route_name")
    (global $id (mut i32) (i32.const 0))
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (drop (call $define (i32.const 0) (i32.const 20) (i32.const 8) (i32.const 0)))
        (global.set $id (i32.load (i32.const 0)))
        (drop (call $tick (i32.const 1000)))
        (i32.const 1))
    (func (export "proxy_on_tick") (param i32) (drop (call $log (i32.const 2) (i32.const 20) (i32.const 8))))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $increment (global.get $id) (i64.const 1)))
        (drop (call $add (i32.const 0) (i32.const 16) (i32.const 3) (i32.const 19) (i32.const 1)))
        (if (i32.eqz (call $property (i32.const 64) (i32.const 14) (i32.const 0) (i32.const 4)))
            (then (drop (call $log (i32.const 3) (i32.load (i32.const 0)) (i32.load (i32.const 4))))))
        (i32.const 0)))"#;

fn counter() -> Simulator {
    Plugin::new(COUNTER)
        .and_then(|it| it.name("counter").start())
        .expect("it starts")
}

#[test]
fn a_request_goes_through_to_the_upstream_and_back() {
    let mut simulator =
        counter().upstream(|request| Response::new(201).body(request.headers.text("x-a").unwrap_or("-")));
    let outcome = simulator.request(Request::get("/x"));
    assert_eq!(
        (outcome.end, outcome.status(), outcome.body()),
        (End::Complete, 201, "1".to_owned())
    );
    assert_eq!(outcome.upstream_header("x-a"), Some("1"));
    assert_eq!(outcome.route_cache_cleared, 1);
    assert_eq!(simulator.metric("requests"), Some(&Metric::Counter(1)));
}

#[test]
fn headers_alone_get_a_verdict() {
    let list = vec![(b":path".to_vec(), b"/".to_vec())];
    let Verdict::Continue { headers, .. } = counter().decide(Headers::from_list(HeaderMap::Request, list))
    else {
        panic!("it goes on");
    };
    assert_eq!(headers.text("x-a"), Some("1"));
}

#[test]
fn time_passes_only_as_told() {
    let mut simulator = counter().clock(Duration::from_secs(1));
    simulator.advance(Duration::from_millis(999));
    let before = simulator.take_log().len();
    simulator.advance(Duration::from_millis(2500));
    assert_eq!((before, simulator.take_log().len()), (0, 3));
}

#[test]
fn properties_of_the_proxy_can_be_given() {
    let counter = counter().property(&["xds", "route_name"], "my-route");
    let mut simulator = counter.expect("Envoy has it");
    assert_eq!(simulator.request(Request::get("/")).log[0].message, "my-route");
}

#[test]
fn a_trace_shows_every_call() {
    let outcome = counter().traced().request(Request::get("/"));
    let lines: Vec<String> = outcome.trace.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "counter <- proxy_on_request_headers(2, 4, 1) = 0",
            "    proxy_increment_metric(4, 1) = Ok",
            "    proxy_add_header_map_value(0, 16, 3, 19, 1) \"x-a\" \"1\" = Ok",
            "    proxy_get_property(64, 14, 0, 4) \"xds\\0route_name\" = Ok",
            "    proxy_log(3, 0, 0) \"\" = Ok",
        ]
    );
    assert_eq!(outcome.cost.hostcalls, 4);
    assert!(outcome.cost.fuel > 10);
}

#[test]
fn a_module_from_the_cache_is_the_same() {
    let directory = tempfile::tempdir().expect("a folder");
    let first = Module::cached(COUNTER, directory.path()).expect("it compiles");
    let again = Module::cached(COUNTER, directory.path()).expect("it is read");
    assert_eq!(
        (first.abi(), again.abi()),
        (AbiVersion::V0_2_1, AbiVersion::V0_2_1)
    );
    assert_eq!(
        std::fs::read_dir(directory.path()).expect("the folder").count(),
        1
    );
    let outcome = Plugin::of(again)
        .start()
        .expect("it starts")
        .request(Request::get("/"));
    assert_eq!(outcome.upstream_header("x-a"), Some("1"));
}

#[test]
fn a_cache_that_was_damaged_is_made_anew() {
    let directory = tempfile::tempdir().expect("a folder");
    Module::cached(COUNTER, directory.path()).expect("it compiles");
    for entry in std::fs::read_dir(directory.path()).expect("the folder").flatten() {
        std::fs::write(entry.path(), b"damaged").expect("it can be written");
    }
    Module::cached(COUNTER, directory.path()).expect("it compiles again");
}

/// Calls the cluster `c`, holds the request, and lets it go on with the answer.
const CALLER: &str = r#"(module
    (import "env" "proxy_http_call" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_replace_header_map_value" (func $set (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
    (import "env" "proxy_set_effective_context" (func $effective (param i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "c:statusx-got")
    (data (i32.const 64) "\03\00\00\00\05\00\00\00\01\00\00\00\07\00\00\00\03\00\00\00\0a\00\00\00\01\00\00\00:path\00/\00:method\00GET\00:authority\00a\00")
    (global $stream (mut i32) (i32.const 0))
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func (export "proxy_on_request_headers") (param $id i32) (param i32 i32) (result i32)
        (global.set $stream (local.get $id))
        (i32.ne (i32.const 0) (i32.eqz (call $call (i32.const 16) (i32.const 1) (i32.const 64) (i32.const 61)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 100) (i32.const 0)))))
    (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
        (drop (call $get (i32.const 6) (i32.const 17) (i32.const 7) (i32.const 0) (i32.const 4)))
        (drop (call $effective (global.get $stream)))
        (drop (call $set (i32.const 0) (i32.const 24) (i32.const 5) (i32.load (i32.const 0)) (i32.load (i32.const 4))))
        (drop (call $continue (i32.const 0)))))"#;

#[test]
fn calls_are_answered_as_the_test_says() {
    let got = |answer: CallOutcome| {
        let simulator = Plugin::new(CALLER).and_then(Plugin::start).expect("it starts");
        let outcome = simulator
            .cluster("c", move |_| answer.clone())
            .request(Request::get("/"));
        (outcome.end, outcome.upstream_header("x-got").map(str::to_owned))
    };
    assert_eq!(
        got(Response::new(207).into()),
        (End::Complete, Some("207".to_owned()))
    );
    assert_eq!(got(CallOutcome::Reset), (End::Complete, Some("503".to_owned())));
    assert_eq!(got(CallOutcome::Timeout), (End::Complete, Some("504".to_owned())));
    assert_eq!(got(CallOutcome::Silence), (End::Held, None));
}

#[test]
fn a_call_to_a_cluster_that_is_not_there_is_refused() {
    let outcome = Plugin::new(CALLER)
        .and_then(Plugin::start)
        .expect("it starts")
        .request(Request::get("/"));
    assert_eq!(
        (outcome.end, outcome.upstream_header("x-got")),
        (End::Complete, None)
    );
}
