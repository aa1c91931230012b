//! Calls at which a stock Envoy 1.40 crashes, each tried there: they are reported, with what to do instead.

use fingerpost_simulator::{Cause, GrpcAnswer, Outcome, Plugin, Request, Response, Simulator};

const REPLY: &str = "(drop (call $reply (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)))";
const CLOSE: &str = "(drop (call $close (i32.const 0)))";
const CONTINUE_REQUEST: &str = "(drop (call $continue (i32.const 0)))";
const CONTINUE_RESPONSE: &str = "(drop (call $continue (i32.const 1)))";
const MAKE_TRAILERS: &str =
    "(drop (call $replace (i32.const 3) (i32.const 16) (i32.const 3) (i32.const 16) (i32.const 3)))";
const BUFFER_8: &str = "(drop (call $buffer (i32.const 8) (i32.const 0) (i32.const 4)))";

/// A module that does this in this callback, and answers with a number where one is wanted.
fn module(callback: &str, work: &str, answer: Option<u32>) -> Simulator {
    let parameters = match callback {
        "proxy_on_log" | "proxy_on_done" | "proxy_on_delete" => "(param i32)",
        _ => "(param i32 i32 i32)",
    };
    let (result, answer) = match answer {
        Some(answer) => ("(result i32)", format!("(i32.const {answer})")),
        None => ("", String::new()),
    };
    let text = format!(
        r#"(module
            (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
            (import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
            (import "env" "proxy_replace_header_map_value" (func $replace (param i32 i32 i32 i32 i32) (result i32)))
            (import "env" "proxy_get_buffer_status" (func $buffer (param i32 i32 i32) (result i32)))
            (import "env" "proxy_grpc_call" (func $grpc (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 16) "x-a")
            (data (i32.const 32) "host")
            (data (i32.const 64) "auth-grpc")
            (data (i32.const 48) "\0a\06\0a\04grpc")
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "malloc") (param i32) (result i32) (i32.const 1024))
            (func (export "{callback}") {parameters} {result} {work} {answer}))"#
    );
    let started = Plugin::new(text).and_then(Plugin::start).expect("it starts");
    started
        .grpc_cluster("grpc", |_| GrpcAnswer::ok().message("pong"))
        .upstream(|request| match request.headers.text("x-answer") {
            Some("empty") => Response::new(204),
            _ => Response::new(200).body("hello world"),
        })
}

fn grpc_call(service_at: u32, length: u32) -> String {
    format!(
        "(drop (call $grpc (i32.const {service_at}) (i32.const {length}) (i32.const 32) (i32.const 4) (i32.const 32) \
         (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 100) (i32.const 8)))"
    )
}

fn crashes(outcome: &Outcome) -> Vec<String> {
    let is_crash = |cause: &Cause| matches!(cause, Cause::ProxyCrash { .. });
    assert!(outcome.failures.iter().all(|failure| is_crash(&failure.cause)));
    outcome.failures.iter().map(ToString::to_string).collect()
}

fn check(callback: &str, work: &str, answer: Option<u32>, request: Request, says: &str) {
    let outcome = module(callback, work, answer).request(request);
    let crashes = crashes(&outcome);
    assert!(
        crashes.len() == 1 && crashes[0].contains(says) && crashes[0].contains("Envoy crashes here; "),
        "{callback} {work}: {crashes:?}"
    );
}

fn survives(callback: &str, work: &str, answer: Option<u32>, request: Request) -> Outcome {
    let outcome = module(callback, work, answer).request(request);
    assert_eq!(crashes(&outcome), Vec::<String>::new(), "{callback} {work}");
    outcome
}

fn get() -> Request {
    Request::get("/")
}

fn bare() -> Request {
    get().header("x-answer", "empty")
}

fn post() -> Request {
    Request::post("/").body("abc")
}

#[test]
fn a_stream_that_is_over_takes_neither_a_reply_nor_a_close() {
    for (callback, answer) in [
        ("proxy_on_log", None),
        ("proxy_on_done", Some(1)),
        ("proxy_on_delete", None),
    ] {
        check(callback, REPLY, answer, get(), "replied to a stream that is over");
        check(callback, CLOSE, answer, get(), "closed a stream that is over");
        survives(callback, CONTINUE_REQUEST, answer, get());
        survives(callback, CONTINUE_RESPONSE, answer, get());
    }
}

#[test]
fn a_reply_and_a_close_do_not_go_together() {
    for (callback, request) in [
        ("proxy_on_request_headers", get()),
        ("proxy_on_request_body", post()),
        ("proxy_on_response_headers", get()),
    ] {
        let both = format!("{REPLY}{CLOSE}");
        check(
            callback,
            &both,
            Some(1),
            request.clone(),
            "closed a stream to which it has just replied",
        );
        let both = format!("{CLOSE}{REPLY}");
        check(
            callback,
            &both,
            Some(1),
            request.clone(),
            "replied to a stream that it has just closed",
        );
        survives(callback, REPLY, Some(1), request.clone());
        survives(callback, CLOSE, Some(1), request);
    }
}

#[test]
fn a_reply_goes_by_itself() {
    let work = format!("{REPLY}{CONTINUE_RESPONSE}");
    check(
        "proxy_on_request_headers",
        &work,
        Some(1),
        get(),
        "by a local reply",
    );
    let work = format!("{REPLY}{CONTINUE_REQUEST}");
    assert_eq!(
        survives("proxy_on_request_headers", &work, Some(1), get()).status(),
        403
    );
}

#[test]
fn a_response_goes_on_once() {
    let callback = "proxy_on_response_headers";
    check(
        callback,
        CONTINUE_RESPONSE,
        Some(0),
        bare(),
        "and returned Continue",
    );
    survives(callback, CONTINUE_RESPONSE, Some(1), bare());
    let outcome = survives(callback, CONTINUE_RESPONSE, Some(0), get());
    assert!(
        outcome.warnings[0]
            .to_string()
            .contains("sends its headers twice")
    );
    for answer in [0, 1] {
        let outcome = survives("proxy_on_response_body", CONTINUE_RESPONSE, Some(answer), get());
        assert_eq!(outcome.warnings, []);
    }
}

#[test]
fn trailers_of_a_guest_go_on_by_themselves() {
    let work = format!("{MAKE_TRAILERS}{CONTINUE_RESPONSE}");
    check(
        "proxy_on_response_body",
        &work,
        Some(0),
        get(),
        "made trailers of a response",
    );
    survives("proxy_on_response_body", MAKE_TRAILERS, Some(0), get());
}

#[test]
fn a_grpc_service_has_a_target() {
    let says = "named a gRPC service that is empty";
    let callback = "proxy_on_request_headers";
    check(callback, &grpc_call(32, 0), Some(0), get(), says);
    // Names of clusters that are read as a message: a group in one, a number of eight bytes in the other.
    check(callback, &grpc_call(32, 4), Some(0), get(), says);
    check(callback, &grpc_call(64, 9), Some(0), get(), says);
    survives(callback, &grpc_call(48, 8), Some(0), get());
}

#[test]
fn buffer_8_is_never_filled() {
    check("proxy_on_response_headers", BUFFER_8, Some(0), post(), "buffer 8");
    survives("proxy_on_response_headers", BUFFER_8, Some(0), get());
    survives("proxy_on_response_body", BUFFER_8, Some(0), post());
    survives("proxy_on_request_body", BUFFER_8, Some(0), post());
    survives("proxy_on_log", BUFFER_8, None, post());
}
