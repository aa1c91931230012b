//! Attributes that a test sets; those that it does not are compared with Envoy's in `tests/compare`.

use fingerpost_simulator::{Outcome, Plugin, Property, Request, Simulator};

/// Logs the property at this path, at request headers.
fn reads(path: &[&str]) -> Simulator {
    let escaped = path.join("\\00");
    let length = path.join(".").len();
    let text = format!(
        r#"(module
            (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
            (import "env" "proxy_get_property" (func $get (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 16) "{escaped}")
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "malloc") (param i32) (result i32) (i32.const 1024))
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (if (i32.eqz (call $get (i32.const 16) (i32.const {length}) (i32.const 0) (i32.const 4)))
                    (then (drop (call $log (i32.const 2) (i32.load (i32.const 0)) (i32.load (i32.const 4))))))
                (i32.const 0)))"#
    );
    Plugin::new(text).and_then(Plugin::start).expect("it starts")
}

fn said(outcome: &Outcome) -> Vec<&str> {
    outcome.log.iter().map(|line| line.message.as_str()).collect()
}

#[test]
fn a_request_comes_from_the_address_that_it_is_given() {
    let mut simulator = reads(&["source", "address"]);
    assert_eq!(
        said(&simulator.request(Request::get("/"))),
        ["127.0.0.1:50000"],
        "a client on the loopback"
    );
    let request = Request::get("/").client(([203, 0, 113, 7], 4711));
    assert_eq!(said(&simulator.request(request)), ["203.0.113.7:4711"]);
    let request = Request::get("/").client(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 80));
    assert_eq!(said(&simulator.request(request)), ["[2001:db8::1]:80"]);
}

#[test]
fn an_attribute_that_no_envoy_has_is_refused() {
    let error = match reads(&["route_name"]).property(&["route_name"], "r1") {
        Ok(_) => panic!("the guest would get a value that Envoy does not give"),
        Err(error) => error.to_string(),
    };
    assert_eq!(
        error,
        "Envoy 1.40 has no attribute `route_name`; did you mean `xds.route_name`?"
    );
}

#[test]
fn given_headers_can_be_looked_into() {
    let given = Property::Map(vec![(b"x-a".to_vec(), b"given".to_vec())]);
    let simulator = reads(&["request", "headers", "x-a"]).property(&["request", "headers"], given);
    let mut simulator = simulator.expect("Envoy has it");
    assert_eq!(said(&simulator.request(Request::get("/"))), ["given"]);
}

#[test]
fn filter_state_of_another_filter_is_read_by_either_path() {
    for path in [&["peer"][..], &["filter_state", "wasm.peer"]] {
        let mut simulator = reads(path).filter_state("peer", "ratings");
        assert_eq!(
            said(&simulator.request(Request::get("/"))),
            ["ratings"],
            "{path:?}"
        );
    }
}
