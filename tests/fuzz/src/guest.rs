//! Guests made of bytes: each calls host functions from its callbacks and from its allocator, with pointers and lengths
//! at every edge, once or for ever.
//!
//! The bytes are read in order, and count as zeros where they end: one for the shape of the run, one for what the
//! allocator returns, one for what each callback returns, then calls. A call is a byte for its position, one for the
//! function, one for how often, and one for each argument.

use fingerpost_simulator::{
    CallOutcome, GrpcAnswer, LoadError, Outcome, Plugin, Request, Response, Simulator, StreamId,
};
use std::fmt::Write;
use std::time::Duration;

/// What all guests of a run may keep with the host.
const BUDGET: usize = 1 << 20;

/// Fuel of a callback.
const FUEL: u64 = 1_000_000;

/// Most calls of a guest.
const CALLS: usize = 24;

/// Functions of the host with their parameters: `i` for 32 bits, `I` for 64.
const FUNCTIONS: &[(&str, &str)] = &[
    ("proxy_log", "iii"),
    ("proxy_get_header_map_value", "iiiii"),
    ("proxy_get_header_map_pairs", "iii"),
    ("proxy_get_header_map_size", "ii"),
    ("proxy_set_header_map_pairs", "iii"),
    ("proxy_add_header_map_value", "iiiii"),
    ("proxy_replace_header_map_value", "iiiii"),
    ("proxy_remove_header_map_value", "iii"),
    ("proxy_get_buffer_bytes", "iiiii"),
    ("proxy_get_buffer_status", "iii"),
    ("proxy_set_buffer_bytes", "iiiii"),
    ("proxy_get_property", "iiii"),
    ("proxy_set_property", "iiii"),
    ("proxy_get_shared_data", "iiiii"),
    ("proxy_set_shared_data", "iiiii"),
    ("proxy_register_shared_queue", "iii"),
    ("proxy_resolve_shared_queue", "iiiii"),
    ("proxy_enqueue_shared_queue", "iii"),
    ("proxy_dequeue_shared_queue", "iii"),
    ("proxy_define_metric", "iiii"),
    ("proxy_increment_metric", "iI"),
    ("proxy_record_metric", "iI"),
    ("proxy_get_metric", "ii"),
    ("proxy_http_call", "iiiiiiiiii"),
    ("proxy_grpc_call", "iiiiiiiiiiii"),
    ("proxy_grpc_stream", "iiiiiiiii"),
    ("proxy_grpc_send", "iiii"),
    ("proxy_grpc_close", "i"),
    ("proxy_grpc_cancel", "i"),
    ("proxy_send_local_response", "iiiiiiii"),
    ("proxy_continue_stream", "i"),
    ("proxy_close_stream", "i"),
    ("proxy_set_effective_context", "i"),
    ("proxy_done", ""),
    ("proxy_call_foreign_function", "iiiiii"),
    ("proxy_set_tick_period_milliseconds", "i"),
    ("proxy_get_current_time_nanoseconds", "i"),
    ("proxy_get_status", "iii"),
    ("proxy_get_log_level", "i"),
    ("fd_write", "iiii"),
    ("random_get", "ii"),
    ("environ_get", "ii"),
    ("clock_time_get", "iIi"),
];

/// Where calls can be: callbacks with their parameters, and whether they return something.
const CALLBACKS: &[(&str, usize, bool)] = &[
    ("proxy_on_memory_allocate", 1, true),
    ("proxy_on_request_headers", 3, true),
    ("proxy_on_request_body", 3, true),
    ("proxy_on_request_trailers", 2, true),
    ("proxy_on_response_headers", 3, true),
    ("proxy_on_response_body", 3, true),
    ("proxy_on_response_trailers", 2, true),
    ("proxy_on_http_call_response", 5, false),
    ("proxy_on_grpc_receive", 3, false),
    ("proxy_on_grpc_receive_initial_metadata", 3, false),
    ("proxy_on_grpc_close", 3, false),
    ("proxy_on_queue_ready", 2, false),
    ("proxy_on_tick", 1, false),
    ("proxy_on_configure", 2, true),
    ("proxy_on_vm_start", 2, true),
    ("proxy_on_context_create", 2, false),
    ("proxy_on_done", 1, true),
    ("proxy_on_log", 1, false),
    ("proxy_on_delete", 1, false),
];

/// What lies in a guest's memory, of two pages: texts, a property, the headers of a call, names of foreign functions,
/// a zlib stream, a message of two texts, parts of a line. Results of calls go to 400 and behind.
const DATA: &str = r#"
    (data (i32.const 0) "x-aabca text that is longer")
    (data (i32.const 32) "request\00headers")
    (data (i32.const 64) "\03\00\00\00\05\00\00\00\01\00\00\00\07\00\00\00\03\00\00\00\0a\00\00\00\01\00\00\00:path\00/\00:method\00GET\00:authority\00a\00")
    (data (i32.const 160) "compressuncompresssignverify_signatureset_envoy_filter_statedeclare_property")
    (data (i32.const 256) "\78\9c\4b\4c\4a\06\00\02\4d\01\27")
    (data (i32.const 288) "\0a\0cenvoy.string\12\03abc")
    (data (i32.const 320) "\00\00\00\00\03\00\00\00\00\00\00\00\00\00\01\00\00\00\00\00\ff\ff\ff\ff")"#;

/// Arguments: edges of numbers and of memory, places and lengths of what lies there, what calls have returned, and the
/// callback's own first parameter.
const ARGUMENTS: &[&str] = &[
    "(i32.const 0)",
    "(i32.const 1)",
    "(i32.const 2)",
    "(i32.const 3)",
    "(i32.const 4)",
    "(i32.const 5)",
    "(i32.const 6)",
    "(i32.const 7)",
    "(i32.const 8)",
    "(i32.const 10)",
    "(i32.const 11)",
    "(i32.const 15)",
    "(i32.const 16)",
    "(i32.const 19)",
    "(i32.const 21)",
    "(i32.const 24)",
    "(i32.const 32)",
    "(i32.const 61)",
    "(i32.const 64)",
    "(i32.const 160)",
    "(i32.const 168)",
    "(i32.const 178)",
    "(i32.const 182)",
    "(i32.const 198)",
    "(i32.const 220)",
    "(i32.const 256)",
    "(i32.const 288)",
    "(i32.const 320)",
    "(i32.const 400)",
    "(i32.const 404)",
    "(i32.const 408)",
    "(i32.const 1000)",
    "(i32.const 0x10000)",
    "(i32.const 0x1fffc)",
    "(i32.const 0x1ffff)",
    "(i32.const 0x20000)",
    "(i32.const 0x7fffffff)",
    "(i32.const 0x80000000)",
    "(i32.const 0xfffffff0)",
    "(i32.const -1)",
    "(i32.load (i32.const 400))",
    "(i32.load (i32.const 404))",
    "(i32.load (i32.const 408))",
    "(local.get 0)",
    "(i32.sub (local.get 0) (i32.const 1))",
];

/// What an allocator returns.
const PLACES: &[&str] = &["2000", "0", "0x1fffc", "0x20000", "-1", "400", "0x10000"];

/// Whatever guests the bytes make, the simulator answers, holds its budget, and ends.
pub fn guest(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let shape = bytes.next();
    let Ok(plugin) = Plugin::new(text(&mut bytes)) else {
        panic!("the guest is not a plugin: {}", text(&mut Bytes(&[])));
    };
    let plugin = plugin.fuel(FUEL).memory(4 << 20).environment("NAME", "value");
    let filter = |name: &str| match shape & 1 {
        0 => plugin.clone().name(name),
        _ => plugin.clone().name(name).vm_id(name),
    };
    let count = usize::from(shape >> 1 & 1) + 1;
    let filters = ["first", "second"].into_iter().take(count).map(filter);
    let simulator = match Simulator::start(filters) {
        Ok(simulator) => simulator,
        // What a guest does while it starts is stopped, or it says that it will not start.
        Err(LoadError::Failed(_) | LoadError::VmStart { .. } | LoadError::Configure { .. }) => return,
        Err(error) => panic!("{error}"),
    };
    let simulator = if shape & 4 == 0 {
        simulator
    } else {
        simulator.traced()
    };
    run(simulator.clock(Duration::from_secs(1000)), shape);
}

fn run(simulator: Simulator, shape: u8) {
    let mut simulator = simulator
        .budget(BUDGET)
        .upstream(|_| {
            Response::new(200)
                .header("x-a", "abc")
                .chunks(["one", "two"])
                .trailer("x-t", "1")
        })
        .cluster("x-a", |call| match call.timeout.is_zero() {
            true => CallOutcome::Reset,
            false => Response::new(200).body("abc").into(),
        })
        .grpc_cluster("x-a", |_| GrpcAnswer::ok().metadata("x-a", "abc").message("abc"));
    let request = || {
        let request = Request::post("/").header("x-a", "abc");
        match shape >> 3 & 3 {
            0 => request,
            1 => request.body("a body"),
            2 => request.chunks(["one", "two", "three"]),
            _ => request.chunks(["one", "two"]).trailer("x-t", "1"),
        }
    };
    check(&simulator);
    let held: StreamId = simulator.begin(request());
    let outcome = simulator.request(request());
    sound(&simulator, &outcome);
    simulator.advance(Duration::from_millis(50));
    check(&simulator);
    simulator.proceed(held);
    let outcome = simulator.finish(held);
    sound(&simulator, &outcome);
    simulator.decide(request().headers);
    check(&simulator);
    simulator.stop();
}

fn check(simulator: &Simulator) {
    let kept = simulator.kept();
    // Log lines and headers that were kept before the budget was set count, too.
    assert!(kept <= 2 * BUDGET, "guests keep {kept} bytes");
}

fn sound(simulator: &Simulator, outcome: &Outcome) {
    check(simulator);
    let fuel = outcome.cost.fuel;
    // A request has some ten callbacks a filter, and what follows from each event.
    assert!(fuel < 1000 * FUEL, "guests use {fuel} units of fuel");
}

/// The guest as text.
fn text(bytes: &mut Bytes<'_>) -> String {
    let place = bytes.pick(PLACES);
    let mut bodies: Vec<String> = CALLBACKS.iter().map(|_| String::new()).collect();
    let returns: Vec<u8> = CALLBACKS.iter().map(|_| bytes.next()).collect();
    for _ in 0..CALLS {
        if bytes.0.is_empty() {
            break;
        }
        let place = usize::from(bytes.next()) % CALLBACKS.len();
        let (function, parameters) = *bytes.pick(FUNCTIONS);
        let often = bytes.next();
        let mut call = format!("(call ${function}");
        for parameter in parameters.chars() {
            let argument = bytes.pick(ARGUMENTS);
            // Writing into a string cannot fail.
            let _ = match parameter {
                'I' => write!(call, " (i64.extend_i32_s {argument})"),
                _ => write!(call, " {argument}"),
            };
        }
        call.push(')');
        if let Some(body) = bodies.get_mut(place) {
            let _ = match often % 8 {
                0 => writeln!(body, "(loop (drop {call}) (br 0))"),
                1 => writeln!(body, "(drop {call}) (drop {call}) (drop {call})"),
                _ => writeln!(body, "(drop {call})"),
            };
        }
    }
    let mut text = String::from("(module\n");
    for (name, parameters) in FUNCTIONS {
        let module = if name.starts_with("proxy_") {
            "env"
        } else {
            "wasi_snapshot_preview1"
        };
        let parameters: String = parameters
            .chars()
            .map(|it| if it == 'I' { " i64" } else { " i32" })
            .collect();
        let _ = writeln!(
            text,
            "(import \"{module}\" \"{name}\" (func ${name} (param{parameters}) (result i32)))"
        );
    }
    text.push_str("(memory (export \"memory\") 2)");
    text.push_str(DATA);
    text.push_str("(func (export \"proxy_abi_version_0_2_1\"))\n");
    for (((name, parameters, returns_something), body), returned) in CALLBACKS.iter().zip(bodies).zip(returns)
    {
        let result = match (*name, returns_something) {
            ("proxy_on_memory_allocate", _) => format!("(i32.const {place})"),
            // Most plugins start.
            ("proxy_on_configure" | "proxy_on_vm_start", _) => {
                format!("(i32.const {})", i32::from(returned != 255))
            }
            (_, true) => format!("(i32.const {})", returned % 5),
            (_, false) => String::new(),
        };
        let kind = if *returns_something { "(result i32)" } else { "" };
        let parameters = " i32".repeat(*parameters);
        let _ = writeln!(
            text,
            "(func (export \"{name}\") (param{parameters}) {kind}\n{body}{result})"
        );
    }
    text.push(')');
    text
}

/// Bytes that are read one by one.
struct Bytes<'b>(&'b [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    fn pick<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        // No list here is empty.
        &list[usize::from(self.next()) % list.len()]
    }
}
