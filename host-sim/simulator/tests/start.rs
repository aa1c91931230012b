//! What a plugin may do while it starts: much more than for one request, and the test can see how much it was.

mod guest;

use fingerpost_simulator::{Cause, LoadError, Plugin, Request};
use guest::{at_headers, guest, plugin};

/// Fills a MiB of memory so often. Each costs a unit a byte, as so many instructions do, but is done quickly.
fn work(times: u32) -> String {
    format!(
        "(local $n i32) (loop $more (memory.fill (i32.const 4096) (i32.const 0) (i32.const 0x100000))
        (local.set $n (i32.add (local.get $n) (i32.const 1))) (br_if $more (i32.lt_u (local.get $n) (i32.const {times}))))"
    )
}

fn configures(times: u32) -> Plugin {
    let work = work(times);
    plugin(&guest(&format!(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32) {work} (i32.const 1))"#
    )))
}

#[test]
fn a_start_may_take_longer_than_a_request() {
    let simulator = configures(5000).start().expect("it starts");
    let cost = simulator.start_cost();
    assert!(cost.fuel > 5_000_000_000, "{cost:?}");
    let initialize = guest(&format!(r#"(func (export "_initialize") {})"#, work(5000)));
    let cost = plugin(&initialize).start().expect("it starts").start_cost();
    assert!(cost.fuel > 5_000_000_000, "{cost:?}");
}

#[test]
fn the_cost_of_the_start_is_not_that_of_the_first_request() {
    let mut simulator = configures(10).start().expect("it starts");
    let start = simulator.start_cost();
    assert!(start.fuel > 10_000_000, "{start:?}");
    let outcome = simulator.request(Request::get("/"));
    assert!(outcome.cost.fuel < 10_000, "{:?}", outcome.cost);
    assert_eq!(simulator.start_cost(), start);
}

#[test]
fn a_start_that_takes_too_long_says_what_to_do() {
    let error = configures(100).start_fuel(1_000_000).start().err();
    let text = error.map(|error| error.to_string()).unwrap_or_default();
    for part in [
        "proxy_on_configure",
        "1000000 units",
        "may be a loop",
        "start_fuel",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("hang"), "{text}");
}

#[test]
fn a_lowered_limit_holds_for_the_start_and_a_raised_one_does_not_lower_it() {
    let lowered = configures(100).fuel(1_000_000).start().err();
    let lowered = match lowered {
        Some(LoadError::Failed(failure)) => failure.cause,
        other => panic!("{other:?}"),
    };
    assert_eq!(lowered, Cause::Loop { fuel: 1_000_000 });
    configures(5000).fuel(3_000_000_000).start().expect("it starts");
    configures(5000)
        .fuel(1_000_000)
        .start_fuel(6_000_000_000)
        .start()
        .expect("it starts");
}

#[test]
fn a_request_has_the_limit_of_a_request() {
    let text = guest(&at_headers(&work(5000)));
    let outcome = plugin(&text)
        .start()
        .expect("it starts")
        .request(Request::get("/"));
    assert_eq!(outcome.failures[0].cause, Cause::Loop { fuel: 2_000_000_000 });
}
