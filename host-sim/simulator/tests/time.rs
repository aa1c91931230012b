//! Time: it does not pass unless a test lets it, and within messages and calls it passes as the test says.

use fingerpost_simulator::{CallOutcome, End, Metric, Outcome, Plugin, Request, Response, Simulator};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Logs the time in each callback, ticks every 100 ms, and calls "slow" and "quick" where the request's path is long.
const CLOCK: &str = r#"(module
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
    (import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
    (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_increment_metric" (func $count (param i32 i64) (result i32)))
    (import "env" "proxy_http_call" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_get_buffer_bytes" (func $body (param i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 64) "ticks") (data (i32.const 80) "slow") (data (i32.const 96) "quick")
    (data (i32.const 128) "\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\01\00\00\00\0a\00\00\00\01\00\00\00:method\00GET\00:path\00/\00:authority\00a\00")
    (data (i32.const 256) "000000 ms")
    (global $metric (mut i32) (i32.const 0))
    (global $began (mut i64) (i64.const 0))
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func $say (local $left i64) (local $at i32)
        (drop (call $now (i32.const 0)))
        (local.set $left (i64.div_u (i64.sub (i64.load (i32.const 0)) (global.get $began)) (i64.const 1000000)))
        (local.set $at (i32.const 261))
        (loop $digit
            (i64.store8 (local.get $at) (i64.add (i64.const 48) (i64.rem_u (local.get $left) (i64.const 10))))
            (local.set $left (i64.div_u (local.get $left) (i64.const 10)))
            (local.set $at (i32.sub (local.get $at) (i32.const 1)))
            (br_if $digit (i32.ge_u (local.get $at) (i32.const 256))))
        (drop (call $log (i32.const 2) (i32.const 256) (i32.const 9))))
    (func $begin (drop (call $now (i32.const 0))) (global.set $began (i64.load (i32.const 0))))
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (drop (call $tick (i32.const 100)))
        (drop (call $define (i32.const 0) (i32.const 64) (i32.const 5) (i32.const 0)))
        (global.set $metric (i32.load (i32.const 0)))
        (i32.const 1))
    (func (export "proxy_on_tick") (param i32) (drop (call $count (global.get $metric) (i64.const 1))))
    (func $ask (param $name i32) (param $length i32)
        (drop (call $call (local.get $name) (local.get $length) (i32.const 128) (i32.const 61) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 8))))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $begin)
        (call $ask (i32.const 80) (i32.const 4))
        (call $ask (i32.const 96) (i32.const 5))
        (i32.const 0))
    (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
        (call $say)
        (drop (call $body (i32.const 4) (i32.const 0) (i32.const 100) (i32.const 16) (i32.const 20)))
        (drop (call $log (i32.const 2) (i32.load (i32.const 16)) (i32.load (i32.const 20)))))
    (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (call $say) (i32.const 0))
    (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) (call $say) (i32.const 0)))"#;

fn clock() -> Simulator {
    Plugin::new(CLOCK).and_then(Plugin::start).expect("it starts")
}

fn said(outcome: &Outcome) -> Vec<&str> {
    outcome.log.iter().map(|line| line.message.as_str()).collect()
}

fn ticks(simulator: &Simulator) -> Option<&Metric> {
    simulator.metric("ticks")
}

#[test]
fn time_stands_still_by_itself() {
    let mut simulator = clock();
    std::thread::sleep(millis(150));
    assert_eq!(said(&simulator.request(Request::get("/"))), ["000000 ms"]);
    simulator.advance(Duration::ZERO);
    assert_eq!(ticks(&simulator), Some(&Metric::Counter(0)), "no timer is due");
    simulator.advance(millis(250));
    assert_eq!(ticks(&simulator), Some(&Metric::Counter(2)));
}

#[test]
fn an_upstream_takes_its_time_and_timers_tick_meanwhile() {
    let answer = || Response::new(200).chunks(["a", "b"]);
    let mut simulator = clock().upstream(move |_| answer().after(millis(120)).pause(millis(40)));
    let outcome = simulator.request(Request::get("/"));
    assert_eq!(
        said(&outcome),
        ["000120 ms", "000120 ms", "000160 ms", "000160 ms"]
    );
    assert_eq!(ticks(&simulator), Some(&Metric::Counter(1)));
}

#[test]
fn an_upstream_that_takes_too_long_is_given_up() {
    let mut simulator = clock().upstream(|_| Response::new(200).after(Duration::from_secs(16)));
    let outcome = simulator.request(Request::get("/"));
    assert_eq!((outcome.end, outcome.status()), (End::Complete, 504));
    assert_eq!(outcome.body(), "upstream request timeout");
    assert_eq!(said(&outcome)[0], "015000 ms");
}

#[test]
fn calls_are_answered_in_the_order_of_time() {
    let mut simulator = clock()
        .cluster("slow", |_| Response::new(200).body("slow").after(millis(50)))
        .cluster("quick", |_| Response::new(200).body("quick").after(millis(20)));
    let outcome = simulator.request(Request::get("/"));
    assert_eq!(
        said(&outcome),
        ["000020 ms", "quick", "000050 ms", "slow", "000050 ms"]
    );
}

#[test]
fn a_call_without_an_answer_ends_when_its_time_is_out() {
    let mut simulator = clock()
        .cluster("slow", |_| CallOutcome::Timeout)
        .cluster("quick", |_| Response::new(200).after(millis(1001)));
    let outcome = simulator.request(Request::get("/"));
    let timeout = "upstream request timeout";
    assert_eq!(
        said(&outcome),
        ["001000 ms", timeout, "001000 ms", timeout, "001000 ms"]
    );
}

#[test]
fn pieces_of_a_request_come_one_after_the_other() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    let mut simulator = clock().upstream(move |request| {
        hears.lock().expect("one thread").push(request.body_bytes());
        Response::new(200)
    });
    let request = Request::post("/").chunks(["a", "b", "c"]).pause(millis(10));
    assert_eq!(said(&simulator.request(request)), ["000020 ms"]);
    assert_eq!(*heard.lock().expect("one thread"), [b"abc".to_vec()]);
}

#[test]
fn what_a_log_asks_for_is_done_in_the_same_outcome() {
    let text = CLOCK
        .replace(
            "(func (export \"proxy_on_request_headers\") (param i32 i32 i32) (result i32)",
            "(func (export \"proxy_on_log\") (param i32)",
        )
        .replace(
            "(call $ask (i32.const 96) (i32.const 5))\n        (i32.const 0))",
            "(call $ask (i32.const 96) (i32.const 5)))",
        );
    let mut simulator = Plugin::new(text)
        .and_then(Plugin::start)
        .expect("it starts")
        .cluster("slow", |_| Response::new(200).body("logged"));
    let outcome = simulator.request(Request::get("/"));
    assert!(said(&outcome).contains(&"logged"), "{:?}", outcome.log);
    assert_eq!(
        said(&simulator.request(Request::get("/"))).len(),
        said(&outcome).len()
    );
}
