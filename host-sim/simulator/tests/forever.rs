//! Guests that keep nothing for longer than they need it run for ever: what ends is given back to the budget.

mod guest;

use fingerpost_simulator::{FailurePolicy, GrpcAnswer, Metric, Request, Response, Simulator, Verdict};
use guest::{at, at_headers, at_request, guest, plugin, start};
use std::time::Duration;

/// Little, so that what is not given back shows soon.
const BUDGET: usize = 256 << 10;

fn small(text: &str) -> Simulator {
    start(text)
        .budget(BUDGET)
        .cluster("x-a", |_| Response::new(200))
        .grpc_cluster("x-a", |_| GrpcAnswer::ok().message("m"))
}

/// Each takes at least a kilobyte, so that some hundred rounds are more than the budget.
const HARMLESS: &[(&str, &str)] = &[
    ("a property of the stream", "(drop (call $set_property (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 100000)))"),
    ("a header", "(drop (call $add_header (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 10000)))"),
    ("shared data that is overwritten", "(drop (call $set_shared (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 1000) (i32.const 0)))"),
    ("an item that is taken", "(drop (call $register (i32.const 0) (i32.const 3) (i32.const 408)))
        (drop (call $enqueue (i32.load (i32.const 408)) (i32.const 0) (i32.const 1000)))
        (drop (call $dequeue (i32.load (i32.const 408)) (i32.const 400) (i32.const 404)))"),
    ("a call", "(drop (call $http_call (i32.const 0) (i32.const 3) (i32.const 64) (i32.const 61) (i32.const 0) (i32.const 1000)
        (i32.const 0) (i32.const 0) (i32.const 100) (i32.const 408)))"),
    ("a gRPC call", "(drop (call $grpc_call (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 3)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 100) (i32.const 408)))"),
    ("a gRPC stream", "(drop (call $grpc_stream (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 3)
        (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 408)))
        (drop (call $grpc_send (i32.load (i32.const 408)) (i32.const 0) (i32.const 1000) (i32.const 0)))
        (drop (call $grpc_close (i32.load (i32.const 408))))"),
    ("a local reply", "(drop (call $reply (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 0) (i32.const 0) (i32.const -1)))"),
    ("a reset", "(drop (call $close (i32.const 0))) (drop (call $close (i32.const 0)))"),
    ("log lines", "(drop (call $log (i32.const 2) (i32.const 0) (i32.const 1000)))"),
    ("a refused call", "(drop (call $http_call (i32.const 0) (i32.const 1) (i32.const 64) (i32.const 61) (i32.const 0) (i32.const 1000)
        (i32.const 0) (i32.const 0) (i32.const 100) (i32.const 408)))"),
];

#[test]
fn what_ends_is_given_back() {
    for (what, work) in HARMLESS {
        let mut simulator = small(&at_request(work));
        simulator.request(Request::get("/"));
        let after_one = simulator.kept();
        for round in 0..400 {
            let outcome = simulator.request(Request::get("/"));
            assert_eq!(outcome.failures, [], "{what}, round {round}");
        }
        assert_eq!(simulator.kept(), after_one, "{what}");
    }
}

#[test]
fn streams_that_only_decide_run_for_ever() {
    for (what, work) in HARMLESS {
        let mut simulator = small(&at_request(work));
        for round in 0..400 {
            let verdict = simulator.decide(Request::get("/").headers);
            let sound = match &verdict {
                Verdict::Continue { .. } | Verdict::Reset => true,
                Verdict::Reply(response) => response.status() == 200,
                Verdict::Held => false,
            };
            assert!(sound, "{what}, round {round}: {verdict:?}");
        }
    }
}

/// Within one stream: a header that is replaced, a property that is overwritten, a body that is passed on.
#[test]
fn a_long_stream_runs_for_ever() {
    let replaced =
        "(drop (call $set_header (i32.const 2) (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 1000)))";
    let overwritten =
        "(drop (call $set_property (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 1000)))";
    let dropped =
        "(drop (call $set_buffer (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 1000)))";
    let keeps_nothing = format!(
        r#"(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) {replaced} {overwritten} {dropped} (i32.const 3))"#
    );
    let outcome = small(&guest(&keeps_nothing)).request(Request::post("/").chunks(vec!["abc"; 1000]));
    assert_eq!(outcome.failures, []);
}

#[test]
fn a_metric_counts_once() {
    let functions = format!(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $define (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 400)))
            (drop (call $define (i32.const 1) (i32.const 0) (i32.const 3) (i32.const 404))) (i32.const 1))
        {}"#,
        at_headers(
            "(drop (call $record (i32.load (i32.const 400)) (i64.const 1))) (drop (call $record (i32.load (i32.const 404)) (i64.const 1)))"
        )
    );
    let mut simulator = small(&guest(&functions));
    let before = simulator.kept();
    for _ in 0..5000 {
        assert_eq!(simulator.request(Request::get("/")).failures, []);
    }
    assert_eq!(simulator.metric("x-a"), Some(&Metric::Counter(5000)));
    assert_eq!(simulator.kept(), before);
}

/// A million values in one callback, twice: the latest stay.
#[test]
fn a_histogram_keeps_the_latest_values() {
    let functions = format!(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $define (i32.const 2) (i32.const 0) (i32.const 3) (i32.const 400))) (i32.const 1))
        {}"#,
        at_headers(
            "(local $n i64) (loop $more (local.set $n (i64.add (local.get $n) (i64.const 1)))
            (drop (call $record (i32.load (i32.const 400)) (local.get $n))) (br_if $more (i64.lt_u (local.get $n) (i64.const 1500000))))"
        )
    );
    let mut simulator = start(&guest(&functions));
    simulator.request(Request::get("/"));
    let Some(Metric::Histogram(values)) = simulator.metric("x-a") else {
        panic!("there is a histogram");
    };
    assert!(values.len() < 1_100_000, "{}", values.len());
    assert_eq!(values.last(), Some(&1_500_000));
}

#[test]
fn what_a_failed_vm_kept_is_given_back_when_it_is_made_anew() {
    let stream = "(drop (call $grpc_stream (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 3)
        (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 408)))
        (drop (call $grpc_send (i32.load (i32.const 408)) (i32.const 0) (i32.const 10000) (i32.const 0)))
        (drop (call $close (i32.const 0))) unreachable";
    let policy = FailurePolicy::Reload {
        backoff: Duration::from_secs(1),
    };
    let text = guest(&at("proxy_on_request_headers", stream));
    let mut simulator = plugin(&text)
        .on_failure(policy)
        .start()
        .expect("it starts")
        .clock(Duration::from_secs(1000))
        .budget(BUDGET)
        .grpc_cluster("x-a", |_| GrpcAnswer::ok());
    for round in 0..100 {
        let outcome = simulator.request(Request::get("/"));
        let failure = outcome
            .failures
            .first()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(failure.contains("unreachable"), "round {round}: {failure}");
        simulator.advance(Duration::from_secs(2));
    }
}
