//! Small guests in text form: every host function under a short name, and memory with some texts in it.

#![allow(dead_code, reason = "each test file uses some of it")]

use fingerpost_simulator::{Plugin, Simulator};

/// Two pages, one MiB of them to spare. At 0: `x-a`, `abc`, `a text that is longer`. Results go to 400 and 404.
const FRAME: &str = r#"
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (import "env" "proxy_get_header_map_value" (func $get_header (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_get_header_map_pairs" (func $get_headers (param i32 i32 i32) (result i32)))
    (import "env" "proxy_set_header_map_pairs" (func $set_headers (param i32 i32 i32) (result i32)))
    (import "env" "proxy_add_header_map_value" (func $add_header (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_replace_header_map_value" (func $set_header (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_remove_header_map_value" (func $remove_header (param i32 i32 i32) (result i32)))
    (import "env" "proxy_get_buffer_bytes" (func $get_buffer (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_set_buffer_bytes" (func $set_buffer (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_get_property" (func $get_property (param i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_get_shared_data" (func $get_shared (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_set_shared_data" (func $set_shared (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_register_shared_queue" (func $register (param i32 i32 i32) (result i32)))
    (import "env" "proxy_enqueue_shared_queue" (func $enqueue (param i32 i32 i32) (result i32)))
    (import "env" "proxy_dequeue_shared_queue" (func $dequeue (param i32 i32 i32) (result i32)))
    (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_record_metric" (func $record (param i32 i64) (result i32)))
    (import "env" "proxy_http_call" (func $http_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_grpc_call" (func $grpc_call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_grpc_stream" (func $grpc_stream (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_grpc_send" (func $grpc_send (param i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_grpc_close" (func $grpc_close (param i32) (result i32)))
    (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
    (import "env" "proxy_close_stream" (func $close (param i32) (result i32)))
    (import "env" "proxy_set_effective_context" (func $effective (param i32) (result i32)))
    (import "env" "proxy_call_foreign_function" (func $foreign (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 17)
    (data (i32.const 0) "x-aabca text that is longer")
    (data (i32.const 32) "request\00headers")
    (data (i32.const 64) "\03\00\00\00\05\00\00\00\01\00\00\00\07\00\00\00\03\00\00\00\0a\00\00\00\01\00\00\00:path\00/\00:method\00GET\00:authority\00a\00")
    (data (i32.const 160) "compressuncompresssignset_envoy_filter_statedeclare_property")
    (func (export "proxy_abi_version_0_2_1"))"#;

/// The map at 64: the headers of a call.
pub(crate) const CALL_HEADERS: &str = "(i32.const 64) (i32.const 61)";

/// A guest whose allocator gives one place, and that has these functions.
pub(crate) fn guest(functions: &str) -> String {
    format!(
        r#"(module {FRAME}
        (func (export "malloc") (param i32) (result i32) (i32.const 2000))
        {functions})"#
    )
}

/// A guest with an allocator of its own making.
pub(crate) fn guest_with_allocator(allocator: &str, functions: &str) -> String {
    format!(
        r#"(module {FRAME}
        (func (export "malloc") (param i32) (result i32) {allocator} (i32.const 2000))
        {functions})"#
    )
}

/// A callback of a stream that does this and lets the stream go on.
pub(crate) fn at(callback: &str, work: &str) -> String {
    format!(r#"(func (export "{callback}") (param i32 i32 i32) (result i32) {work} (i32.const 0))"#)
}

/// Work for request headers.
pub(crate) fn at_headers(work: &str) -> String {
    at("proxy_on_request_headers", work)
}

/// A guest that does this at request headers.
pub(crate) fn at_request(work: &str) -> String {
    guest(&at_headers(work))
}

pub(crate) fn plugin(text: &str) -> Plugin {
    Plugin::new(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

pub(crate) fn start(text: &str) -> Simulator {
    plugin(text)
        .start()
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
}
