//! Modules that are wrong, and modules that go wrong: each gets its own error, and the simulator goes on.

use fingerpost_simulator::{Cause, End, FailurePolicy, LoadError, LogLevel, Plugin, Request, Simulator};
use std::time::Duration;

/// A module of ABI 0.2.1 that has memory, `malloc`, and `body`.
fn module(body: &str) -> String {
    format!(
        r#"(module
            (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
            (import "env" "proxy_set_shared_data" (func $share (param i32 i32 i32 i32 i32) (result i32)))
            (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
            (memory (export "memory") 17)
            (data (i32.const 0) "hello")
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "malloc") (param i32) (result i32) (i32.const 1024))
            {body})"#
    )
}

/// A module that does this at request headers.
fn at_headers(work: &str) -> String {
    module(&format!(
        r#"(func $work {work})
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $work) (i32.const 0))"#
    ))
}

fn refused(wasm: &str) -> LoadError {
    match Plugin::new(wasm).and_then(Plugin::start) {
        Ok(_) => panic!("it starts: {wasm}"),
        Err(error) => error,
    }
}

#[test]
fn bytes_that_are_no_module_are_refused() {
    let error = match Plugin::new([0xff; 40]) {
        Ok(_) => panic!("it is a module"),
        Err(error) => error,
    };
    assert!(matches!(error, LoadError::NotWasm { .. }), "{error}");
    assert!(matches!(
        refused("(module (nonsense))"),
        LoadError::NotWasm { .. }
    ));
}

#[test]
fn a_module_without_a_version_is_no_plugin() {
    assert_eq!(refused("(module)"), LoadError::WrongAbi { found: None });
}

#[test]
fn an_unknown_version_is_named() {
    let error = refused(r#"(module (func (export "proxy_abi_version_0_3_0")))"#);
    assert_eq!(
        error.to_string(),
        "the module exports proxy_abi_version_0_3_0; Envoy knows proxy_abi_version_0_1_0, _0_2_0 and _0_2_1"
    );
}

#[test]
fn a_missing_export_is_named() {
    let error = refused(r#"(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1")))"#);
    assert_eq!(
        error,
        LoadError::MissingExport("malloc or proxy_on_memory_allocate")
    );
    let error = refused(r#"(module (func (export "proxy_abi_version_0_2_1")))"#);
    assert_eq!(error, LoadError::MissingExport("memory"));
}

#[test]
fn a_missing_import_is_named() {
    let text = r#"(module (import "env" "proxy_teleport" (func)) (func (export "proxy_abi_version_0_2_1")))"#;
    assert_eq!(
        refused(text),
        LoadError::MissingImport {
            module: "env".to_owned(),
            name: "proxy_teleport".to_owned(),
        }
    );
}

#[test]
fn functions_of_another_version_are_missing() {
    let text = module(r#"(import "env" "proxy_continue_request" (func (result i32)))"#);
    // Imports come first in a module.
    let text = text.replace(
        "(module",
        r#"(module (import "env" "proxy_clear_route_cache" (func (result i32)))"#,
    );
    let text = text.replace(
        r#"(import "env" "proxy_continue_request" (func (result i32)))"#,
        "",
    );
    assert!(
        matches!(refused(&text), LoadError::MissingImport { name, .. } if name == "proxy_clear_route_cache")
    );
}

#[test]
fn a_wrong_signature_shows_both() {
    let text =
        r#"(module (import "env" "proxy_log" (func (param i64))) (func (export "proxy_abi_version_0_2_1")))"#;
    let error = refused(text).to_string();
    assert!(
        error.contains("import env.proxy_log") && error.contains("i64"),
        "{error}"
    );
    let text = module(r#"(func (export "proxy_on_tick"))"#);
    assert!(matches!(refused(&text), LoadError::Signature { name, .. } if name == "proxy_on_tick"));
}

#[test]
fn a_refusal_to_configure_repeats_what_was_logged() {
    let text = module(
        r#"(func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $log (i32.const 4) (i32.const 0) (i32.const 5))) (i32.const 0))"#,
    );
    let error = Plugin::new(text)
        .and_then(|plugin| plugin.name("p").start())
        .err();
    assert_eq!(
        error.map(|error| error.to_string()),
        Some("plugin \"p\": proxy_on_configure returned false\n  hello".to_owned())
    );
    let text = module(r#"(func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 0))"#);
    assert_eq!(refused(&text), LoadError::VmStart { log: Vec::new() });
}

#[test]
fn a_start_that_calls_the_host_too_early_is_refused() {
    let text = module(
        r#"(func (export "_initialize")
            (drop (call $share (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 0))))"#,
    );
    let error = refused(&text).to_string();
    assert!(
        error.starts_with("_initialize failed: called proxy_set_shared_data while it starts"),
        "{error}"
    );
}

#[test]
fn a_trap_shows_the_modules_own_stack() {
    let mut simulator = start(&at_headers("unreachable"));
    let outcome = simulator.request(Request::get("/"));
    assert_eq!((outcome.end, outcome.status()), (End::Complete, 503));
    assert_eq!(outcome.details.as_deref(), Some("wasm_fail_stream"));
    let failure = &outcome.failures[0];
    assert_eq!(failure.callback, "proxy_on_request_headers");
    assert!(
        matches!(&failure.cause, Cause::Trap(reason) if reason.contains("unreachable")),
        "{failure}"
    );
    assert!(failure.stack[0].ends_with("- work"), "{failure}");
    assert_eq!(failure.stack.len(), 2, "{failure}");
}

#[test]
fn a_loop_is_stopped() {
    let text = at_headers("(loop $for_ever (br $for_ever))");
    let mut simulator = Plugin::new(text)
        .and_then(|plugin| plugin.fuel(1_000_000).start())
        .expect("it starts");
    let outcome = simulator.request(Request::get("/"));
    assert_eq!(outcome.failures[0].cause, Cause::Loop { fuel: 1_000_000 });
    assert_eq!(outcome.status(), 503);
    assert_eq!(
        simulator.request(Request::get("/")).status(),
        503,
        "closed from then on"
    );
}

#[test]
fn a_loop_while_it_starts_is_stopped() {
    let text = module("(func $init (loop $for_ever (br $for_ever))) (start $init)");
    let error = Plugin::new(text)
        .and_then(|plugin| plugin.fuel(1_000_000).start())
        .err();
    assert!(
        matches!(error, Some(LoadError::Failed(failure)) if failure.cause == Cause::Loop { fuel: 1_000_000 })
    );
}

#[test]
fn memory_ends_at_its_limit_and_the_module_is_told() {
    // Grows until it is refused, then writes how many pages it got at address 0 and logs them.
    let text = at_headers(
        r"(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
        (i32.store8 (i32.const 0) (i32.add (i32.const 48) (i32.div_u (memory.size) (i32.const 16))))
        (drop (call $log (i32.const 2) (i32.const 0) (i32.const 1)))",
    );
    let mut simulator = Plugin::new(text)
        .and_then(|plugin| plugin.memory(4 << 20).start())
        .expect("it starts");
    let outcome = simulator.request(Request::get("/"));
    assert_eq!(outcome.failures, []);
    // 17 pages at first, 4 MiB are 64: 17, 33, 49.
    assert!(outcome.logged(LogLevel::Info, "3"), "{:?}", outcome.log);
}

#[test]
fn a_module_that_wants_more_memory_than_there_is_does_not_start() {
    let text = module("");
    let error = Plugin::new(text)
        .and_then(|plugin| plugin.memory(1 << 20).start())
        .err();
    assert!(
        matches!(&error, Some(LoadError::Instance { reason }) if reason.contains("memory")),
        "{error:?}"
    );
}

#[test]
fn endless_recursion_is_a_trap() {
    let mut simulator = start(&at_headers("(call $work)"));
    let outcome = simulator.request(Request::get("/"));
    assert!(matches!(&outcome.failures[0].cause, Cause::Trap(reason) if reason.contains("stack")));
    assert_eq!(
        outcome.failures[0].stack.len(),
        20,
        "as many frames as Envoy shows"
    );
}

#[test]
fn a_hoarder_is_stopped() {
    // A megabyte under a new key each time.
    let text = at_headers(
        r"(local $key i32) (loop $more
            (i32.store (i32.const 0) (local.tee $key (i32.add (local.get $key) (i32.const 1))))
            (drop (call $share (i32.const 0) (i32.const 4) (i32.const 0) (i32.const 1048576) (i32.const 0)))
            (br $more))",
    );
    let mut simulator = start(&text);
    let outcome = simulator.request(Request::get("/"));
    assert!(
        matches!(outcome.failures[0].cause, Cause::MemoryLimit { .. }),
        "{}",
        outcome.failures[0]
    );
}

#[test]
fn what_crashes_envoy_is_said_and_survived() {
    let mut simulator = start(&at_headers("(drop (call $continue (i32.const 1)))"));
    let outcome = simulator.request(Request::get("/"));
    assert!(matches!(outcome.failures[0].cause, Cause::ProxyCrash { .. }));
    assert_eq!(outcome.status(), 200);
}

/// Traps at response headers if the request has a body, and holds nothing.
fn traps_at_response() -> String {
    module(
        r#"(global $bad (mut i32) (i32.const 0))
        (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (global.set $bad (i32.const 1)) (i32.const 0))
        (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
            (if (global.get $bad) (then unreachable)) (i32.const 0))"#,
    )
}

#[test]
fn a_trap_takes_all_streams_of_the_vm_with_it() {
    for policy in [FailurePolicy::Closed, FailurePolicy::Open] {
        let plugin = Plugin::new(traps_at_response()).expect("it is a plugin");
        let mut simulator = plugin.on_failure(policy).start().expect("it starts");
        let bystander = simulator.begin(Request::get("/bystander"));
        let culprit = simulator.begin(Request::post("/").body("x"));
        simulator.proceed(culprit);
        assert_eq!(simulator.finish(culprit).status(), 503);
        simulator.proceed(bystander);
        let outcome = simulator.finish(bystander);
        assert!(
            outcome.upstream.is_some(),
            "the upstream got the request: {policy:?}"
        );
        assert_eq!(outcome.status(), 503, "{policy:?}");
    }
}

#[test]
fn policies_differ_in_what_comes_after() {
    let next = |policy| {
        let plugin = Plugin::new(traps_at_response()).expect("it is a plugin");
        let mut simulator = plugin
            .on_failure(policy)
            .start()
            .expect("it starts")
            .clock(Duration::from_secs(1000));
        simulator.request(Request::post("/").body("x"));
        let at_once = simulator.request(Request::get("/")).status();
        simulator.advance(Duration::from_secs(2));
        (at_once, simulator.request(Request::get("/")).status())
    };
    let backoff = Duration::from_secs(1);
    assert_eq!(next(FailurePolicy::Closed), (503, 503));
    assert_eq!(next(FailurePolicy::Open), (200, 200));
    assert_eq!(next(FailurePolicy::Reload { backoff }), (503, 200));
}

#[test]
fn one_plugins_failure_leaves_other_vms_alone() {
    let bad = Plugin::new(at_headers("unreachable"))
        .expect("it is a plugin")
        .on_failure(FailurePolicy::Open);
    let good = Plugin::new(module("")).expect("it is a plugin");
    let mut simulator = Simulator::start([bad, good]).expect("they start");
    assert_eq!(simulator.request(Request::get("/")).status(), 503);
    assert_eq!(simulator.request(Request::get("/")).status(), 200);
}

fn start(text: &str) -> Simulator {
    Plugin::new(text).and_then(Plugin::start).expect("it starts")
}
