//! Guests that want to take the host with them: each ends by itself or is stopped, and the simulator goes on.

mod guest;

use fingerpost_simulator::{Cause, End, GrpcAnswer, LogLevel, Outcome, Plugin, Request, Response, Simulator};
use guest::{CALL_HEADERS, at, at_headers, at_request, guest, guest_with_allocator, plugin, start};

/// Sends a request with a header `x-a: abc`, and a body.
fn request(simulator: &mut Simulator) -> Outcome {
    simulator.request(Request::post("/").header("x-a", "abc").body("a body"))
}

fn named(works: &[(&str, &'static str)], name: &str) -> &'static str {
    let found = works.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("there is no {name:?}")).1
}

/// Every host function that hands something over, called when there is something to hand over.
const GETTERS: &[(&str, &str)] = &[
    ("a header", "(drop (call $get_header (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 400) (i32.const 404)))"),
    ("all headers", "(drop (call $get_headers (i32.const 0) (i32.const 400) (i32.const 404)))"),
    ("a property", "(drop (call $get_property (i32.const 32) (i32.const 15) (i32.const 400) (i32.const 404)))"),
    ("shared data", "(drop (call $set_shared (i32.const 0) (i32.const 3) (i32.const 3) (i32.const 3) (i32.const 0)))
        (drop (call $get_shared (i32.const 0) (i32.const 3) (i32.const 400) (i32.const 404) (i32.const 408)))"),
    ("an item", "(drop (call $register (i32.const 0) (i32.const 3) (i32.const 408)))
        (drop (call $enqueue (i32.load (i32.const 408)) (i32.const 3) (i32.const 3)))
        (drop (call $dequeue (i32.load (i32.const 408)) (i32.const 400) (i32.const 404)))"),
    ("a result", "(drop (call $foreign (i32.const 160) (i32.const 8) (i32.const 3) (i32.const 3) (i32.const 400) (i32.const 404)))"),
];

/// What an allocator can do about what is being handed over.
const ALLOCATORS: &[(&str, &str)] = &[
    ("nothing", ""),
    (
        "makes it longer",
        "(drop (call $set_header (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 6) (i32.const 21)))
        (drop (call $set_shared (i32.const 0) (i32.const 3) (i32.const 6) (i32.const 21) (i32.const 0)))",
    ),
    (
        "makes it shorter",
        "(drop (call $set_header (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 6) (i32.const 1)))
        (drop (call $set_shared (i32.const 0) (i32.const 3) (i32.const 6) (i32.const 1) (i32.const 0)))",
    ),
    (
        "removes it",
        "(drop (call $remove_header (i32.const 0) (i32.const 0) (i32.const 3)))
        (drop (call $set_headers (i32.const 0) (i32.const 0) (i32.const 0)))",
    ),
    (
        "takes it out",
        "(drop (call $dequeue (i32.load (i32.const 408)) (i32.const 412) (i32.const 416)))",
    ),
    (
        "ends the stream",
        "(drop (call $reply (i32.const 418) (i32.const 0) (i32.const 0) (i32.const 6) (i32.const 21) (i32.const 0) (i32.const 0) (i32.const -1)))",
    ),
    ("goes on", "(drop (call $continue (i32.const 0)))"),
    ("speaks for nobody", "(drop (call $effective (i32.const 0)))"),
    (
        "asks again",
        "(drop (call $get_headers (i32.const 0) (i32.const 400) (i32.const 404)))",
    ),
    ("traps", "unreachable"),
];

#[test]
fn an_allocator_that_changes_what_is_read_gets_an_answer() {
    for (getter, get) in GETTERS {
        for (allocator, work) in ALLOCATORS {
            let text = guest_with_allocator(work, &at_headers(get));
            let mut simulator = start(&text);
            let outcome = request(&mut simulator);
            assert_eq!(outcome.end, End::Complete, "{getter}, {allocator}");
            let again = request(&mut simulator).status();
            // Without its headers a request has no path, so no route either.
            assert!(
                matches!(again, 200 | 404 | 418 | 503),
                "{getter}, {allocator}: {again}"
            );
        }
    }
}

/// Bodies are read in their own callbacks.
#[test]
fn an_allocator_that_changes_a_body_gets_an_answer() {
    let get = "(drop (call $get_buffer (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 400) (i32.const 404)))";
    for length in ["0", "1", "21"] {
        let change = format!(
            "(drop (call $set_buffer (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 6) (i32.const {length})))"
        );
        let text = guest_with_allocator(&change, &at("proxy_on_request_body", get));
        // An upstream waits for the rest of a body that became shorter than its content-length.
        let status = request(&mut start(&text)).status();
        assert!(matches!(status, 200 | 504), "{length}: {status}");
    }
}

#[test]
fn what_is_handed_over_is_as_it_was_when_it_was_asked_for() {
    let longer = named(ALLOCATORS, "makes it longer");
    let get = named(GETTERS, "a header");
    let shown = format!(
        "{get} (drop (call $log (i32.const 2) (i32.load (i32.const 400)) (i32.load (i32.const 404))))"
    );
    let outcome = request(&mut start(&guest_with_allocator(longer, &at_headers(&shown))));
    assert!(outcome.logged(LogLevel::Info, "abc"), "{:?}", outcome.log);
    assert_eq!(outcome.log[0].message, "abc");
    assert_eq!(outcome.upstream_header("x-a"), Some("a text that is longer"));
}

/// Where a module's memory ends, and past it; signed and unsigned ends of the number.
#[test]
fn pointers_and_lengths_out_of_bounds_are_answered() {
    let odd = [
        "0",
        "-1",
        "-2147483648",
        "2147483647",
        "1114112",
        "1114111",
        "1114109",
        "400",
    ];
    for place in odd {
        for length in odd {
            let work = format!(
                "(drop (call $get_header (i32.const 0) (i32.const {place}) (i32.const {length}) (i32.const {place}) (i32.const {length})))
                (drop (call $get_headers (i32.const 0) (i32.const {place}) (i32.const {length})))
                (drop (call $add_header (i32.const 0) (i32.const {place}) (i32.const {length}) (i32.const {length}) (i32.const {place})))
                (drop (call $set_headers (i32.const 0) (i32.const {place}) (i32.const {length})))
                (drop (call $get_buffer (i32.const 6) (i32.const {place}) (i32.const {length}) (i32.const {place}) (i32.const {length})))
                (drop (call $fd_write (i32.const 1) (i32.const {place}) (i32.const {length}) (i32.const {place})))
                (drop (call $foreign (i32.const 160) (i32.const 8) (i32.const {place}) (i32.const {length}) (i32.const {place}) (i32.const {length})))"
            );
            let text = at_request(&work);
            let mut simulator = plugin(&text)
                .fuel(100_000_000)
                .start()
                .expect("it starts")
                .budget(16 << 20);
            let outcome = request(&mut simulator);
            for failure in &outcome.failures {
                let stopped = matches!(failure.cause, Cause::Loop { .. } | Cause::MemoryLimit { .. });
                assert!(stopped, "{place}, {length}: {failure}");
            }
        }
    }
}

const BUDGET: usize = 16 << 20;

/// A simulator with little to spare, in which calls to `x-a` are answered.
fn small(text: &str) -> Simulator {
    let small = plugin(text).fuel(200_000_000).start();
    small
        .expect("it starts")
        .budget(BUDGET)
        .cluster("x-a", |_| Response::new(200))
        .grpc_cluster("x-a", |_| GrpcAnswer::ok().message("m"))
}

/// One host function for ever: whatever it does, it is stopped, by the budget or for want of fuel.
fn endless(work: &str) -> String {
    format!("(loop $for_ever {work} (br $for_ever))")
}

/// What lets a guest make the host keep something. `0x100000` is a MiB.
const HOARDERS: &[(&str, &str)] = &[
    ("headers", "(drop (call $add_header (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 0x100000)))"),
    ("a joined header", "(drop (call $add_header (i32.const 0) (i32.const 96) (i32.const 10) (i32.const 0) (i32.const 0x100000)))"),
    ("properties", "(i32.store (i32.const 500) (i32.add (i32.const 1) (i32.load (i32.const 500))))
        (drop (call $set_property (i32.const 500) (i32.const 4) (i32.const 0) (i32.const 0x10000)))"),
    ("shared data", "(i32.store (i32.const 500) (i32.add (i32.const 1) (i32.load (i32.const 500))))
        (drop (call $set_shared (i32.const 500) (i32.const 4) (i32.const 0) (i32.const 0x10000) (i32.const 0)))"),
    ("items", "(drop (call $register (i32.const 0) (i32.const 3) (i32.const 408)))
        (drop (call $enqueue (i32.load (i32.const 408)) (i32.const 0) (i32.const 0x100000)))"),
    ("queues", "(i32.store (i32.const 500) (i32.add (i32.const 1) (i32.load (i32.const 500))))
        (drop (call $register (i32.const 500) (i32.const 0x10000) (i32.const 408)))"),
    ("metrics", "(i32.store (i32.const 500) (i32.add (i32.const 1) (i32.load (i32.const 500))))
        (drop (call $define (i32.const 0) (i32.const 500) (i32.const 0x10000) (i32.const 408)))"),
    ("log lines", "(drop (call $log (i32.const 2) (i32.const 0) (i32.const 0x100000)))"),
    ("calls", "(drop (call $http_call (i32.const 0) (i32.const 3) (i32.const 64) (i32.const 61) (i32.const 0) (i32.const 0x100000)
        (i32.const 0) (i32.const 0) (i32.const 100) (i32.const 408)))"),
    ("gRPC calls", "(drop (call $grpc_call (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 3)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0x100000) (i32.const 100) (i32.const 408)))"),
    ("messages", "(if (i32.eqz (i32.load (i32.const 408))) (then (drop (call $grpc_stream (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 3)
        (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 408)))))
        (drop (call $grpc_send (i32.load (i32.const 408)) (i32.const 0) (i32.const 0x100000) (i32.const 0)))"),
];

#[test]
fn a_guest_that_makes_the_host_keep_more_and_more_is_stopped() {
    for (what, work) in HOARDERS {
        let mut simulator = small(&at_request(&endless(work)));
        let outcome = request(&mut simulator);
        let cause = &outcome
            .failures
            .first()
            .unwrap_or_else(|| panic!("{what}: it goes on"))
            .cause;
        assert_eq!(*cause, Cause::MemoryLimit { bytes: BUDGET }, "{what}");
        assert!(simulator.kept() <= BUDGET, "{what}");
        assert_eq!(
            request(&mut simulator).status(),
            503,
            "{what}: the simulator goes on"
        );
    }
}

#[test]
fn a_body_that_a_guest_makes_longer_and_longer_is_stopped() {
    for start_at in ["0", "-1"] {
        let append = format!(
            "(drop (call $set_buffer (i32.const 0) (i32.const {start_at}) (i32.const 0) (i32.const 0) (i32.const 0x100000)))"
        );
        let mut simulator = small(&guest(&at("proxy_on_request_body", &endless(&append))));
        let outcome = request(&mut simulator);
        let cause = &outcome.failures[0].cause;
        assert_eq!(*cause, Cause::MemoryLimit { bytes: BUDGET }, "{start_at}");
        assert!(simulator.kept() <= BUDGET);
    }
}

/// What costs the host time and leaves nothing, or less than it costs.
const LOOPS: &[(&str, &str)] = &[
    ("reads", "(drop (call $get_headers (i32.const 0) (i32.const 400) (i32.const 404)))"),
    ("reads of an attribute", "(drop (call $get_property (i32.const 32) (i32.const 15) (i32.const 400) (i32.const 404)))"),
    ("writes", "(drop (call $set_header (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 0x10000)))"),
    ("maps", "(drop (call $set_headers (i32.const 0) (i32.const 64) (i32.const 61)))"),
    ("closes", "(drop (call $close (i32.const 0)))"),
    ("continues", "(drop (call $continue (i32.const 0)))"),
    ("replies", "(drop (call $reply (i32.const 418) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0x100000) (i32.const 0) (i32.const 0) (i32.const -1)))"),
    ("overwrites", "(drop (call $set_shared (i32.const 0) (i32.const 3) (i32.const 0) (i32.const 0x100000) (i32.const 0)))"),
    ("refused calls", "(drop (call $http_call (i32.const 0) (i32.const 1) (i32.const 64) (i32.const 61) (i32.const 0) (i32.const 0x100000)
        (i32.const 0) (i32.const 0) (i32.const 100) (i32.const 408)))"),
    ("compress", "(drop (call $foreign (i32.const 160) (i32.const 8) (i32.const 0) (i32.const 0x100000) (i32.const 400) (i32.const 404)))"),
    ("uncompress", "(drop (call $foreign (i32.const 160) (i32.const 8) (i32.const 0) (i32.const 0x80000) (i32.const 400) (i32.const 404)))
        (drop (call $foreign (i32.const 168) (i32.const 10) (i32.const 2000) (i32.load (i32.const 404)) (i32.const 400) (i32.const 404)))"),
    ("sign", "(drop (call $foreign (i32.const 178) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 400) (i32.const 404)))"),
    ("empty lines", "(drop (call $fd_write (i32.const 1) (i32.const 0x8000) (i32.const 0x10000) (i32.const 404)))"),
    ("nothing", ""),
];

#[test]
fn a_loop_over_host_functions_ends() {
    for (what, work) in LOOPS {
        let mut simulator = small(&at_request(&endless(work)));
        let outcome = request(&mut simulator);
        let cause = &outcome
            .failures
            .first()
            .unwrap_or_else(|| panic!("{what}: it goes on"))
            .cause;
        assert!(
            matches!(cause, Cause::Loop { .. } | Cause::MemoryLimit { .. }),
            "{what}: {cause}"
        );
        assert!(simulator.kept() <= BUDGET, "{what}");
    }
}

#[test]
fn a_guest_pays_for_the_bytes_that_the_host_handles() {
    let cost = |work: &str| request(&mut start(&at_request(work))).cost.fuel;
    let compress = |length: &str| {
        cost(&format!(
            "(drop (call $foreign (i32.const 160) (i32.const 8) (i32.const 0) (i32.const {length}) (i32.const 400) (i32.const 404)))"
        ))
    };
    let (small, large) = (compress("10"), compress("100010"));
    assert!(large > small + 100_000 * 30, "{small}, {large}");
    let out_of_bounds = compress("0x7fffffff");
    assert!(out_of_bounds < small, "{out_of_bounds}, {small}");
}

/// A trace is for reading: it never changes what happens, and it ends.
#[test]
fn a_trace_of_a_loop_ends() {
    let work = named(LOOPS, "reads");
    let text = at_request(&endless(work));
    let plain = request(&mut small(&text));
    let traced = request(&mut small(&text).traced());
    assert_eq!(plain.failures[0].cause, traced.failures[0].cause);
    assert_eq!(plain.cost, traced.cost);
    let lines = named(HOARDERS, "log lines");
    let traced = request(&mut small(&at_request(&endless(lines))).traced());
    let longest = traced.trace.iter().map(|step| step.to_string().len()).max();
    assert!(longest < Some(10_000), "{longest:?}");
}

#[test]
fn a_queue_that_fills_itself_ends() {
    let text = guest(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $register (i32.const 0) (i32.const 3) (i32.const 408))) (i32.const 1))
        (func $more (drop (call $enqueue (i32.load (i32.const 408)) (i32.const 0) (i32.const 3))))
        (func (export "proxy_on_queue_ready") (param i32 i32)
            (drop (call $dequeue (i32.load (i32.const 408)) (i32.const 400) (i32.const 404))) (call $more))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $more) (i32.const 0))"#,
    );
    busy(&text, "proxy_on_queue_ready");
}

#[test]
fn a_call_that_is_made_again_for_each_answer_ends() {
    let text = guest(&format!(
        r#"(func $call (drop (call $http_call (i32.const 0) (i32.const 3) {CALL_HEADERS} (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 100) (i32.const 408))))
        (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32) (call $call))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $call) (i32.const 0))"#
    ));
    busy(&text, "proxy_on_http_call_response");
}

fn busy(text: &str, callback: &str) {
    let mut simulator = plugin(text)
        .fuel(1_000_000)
        .start()
        .expect("it starts")
        .cluster("x-a", |_| Response::new(200));
    let outcome = request(&mut simulator);
    assert_eq!(outcome.failures[0].cause, Cause::Busy { fuel: 10_000_000 });
    assert_eq!(outcome.failures[0].callback, callback);
    assert_eq!(request(&mut simulator).status(), 503, "its VM is stopped");
}

/// Two filters in one VM: the second has the first let the request go on, which calls the second.
#[test]
fn streams_that_go_on_from_inside_each_other_end() {
    let text = guest(
        r#"(func (export "proxy_on_request_trailers") (param $id i32) (param i32) (result i32)
            (if (i32.and (local.get $id) (i32.const 1)) (then (return (i32.const 0))))
            (drop (call $effective (i32.sub (local.get $id) (i32.const 1))))
            (drop (call $continue (i32.const 0)))
            (i32.const 1))"#,
    );
    let filter = |name: &str| plugin(&text).name(name);
    let mut simulator = Simulator::start([filter("a"), filter("b")]).expect("they start");
    // The two roots are 1 and 2, so the first stream has 3 and 4.
    let outcome = simulator.request(Request::post("/").body("a body").trailer("x-t", "1"));
    let cause = &outcome.failures.first().expect("it ends").cause;
    assert!(
        matches!(cause, Cause::Trap(reason) if reason.contains("stack")),
        "{cause}"
    );
    assert_eq!(outcome.status(), 503, "as in Envoy");
}

/// Envoy asks the one memory that it knows; a module may bring more.
#[test]
fn many_memories_share_one_limit() {
    let module = |pages: u32| {
        format!(
            r#"(module (memory (export "memory") 1) (memory {pages}) (memory {pages})
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "malloc") (param i32) (result i32) (i32.const 2000)))"#
        )
    };
    let starts = |pages: u32| {
        let plugin = Plugin::new(module(pages)).expect("it is a plugin");
        plugin.memory(4 << 20).start().is_ok()
    };
    assert!(starts(31));
    assert!(!starts(32), "65 pages are more than 4 MiB");
}
