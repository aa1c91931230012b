//! Whether the guests, together, reach every callback and every host function of the ABI that the simulator has.

use crate::guests::Guests;
use crate::{scenarios, simulator_side};
use std::collections::BTreeSet;

/// What Envoy calls, by the name of the export.
const CALLBACKS: &[&str] = &[
    "_initialize",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_done",
    "proxy_on_grpc_close",
    "proxy_on_grpc_receive",
    "proxy_on_grpc_receive_initial_metadata",
    "proxy_on_grpc_receive_trailing_metadata",
    "proxy_on_http_call_response",
    "proxy_on_log",
    "proxy_on_queue_ready",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_response_body",
    "proxy_on_response_headers",
    "proxy_on_response_trailers",
    "proxy_on_tick",
    "proxy_on_vm_start",
];

/// What Envoy lets itself be called for, of all three versions of the ABI.
const HOST_FUNCTIONS: &[&str] = &[
    "envoy_resolve_dns",
    "proxy_add_header_map_value",
    "proxy_call_foreign_function",
    "proxy_clear_route_cache",
    "proxy_close_stream",
    "proxy_continue_request",
    "proxy_continue_response",
    "proxy_continue_stream",
    "proxy_define_metric",
    "proxy_dequeue_shared_queue",
    "proxy_done",
    "proxy_enqueue_shared_queue",
    "proxy_get_buffer_bytes",
    "proxy_get_buffer_status",
    "proxy_get_configuration",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_header_map_pairs",
    "proxy_get_header_map_size",
    "proxy_get_header_map_value",
    "proxy_get_log_level",
    "proxy_get_metric",
    "proxy_get_property",
    "proxy_get_shared_data",
    "proxy_get_status",
    "proxy_grpc_call",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_grpc_send",
    "proxy_grpc_stream",
    "proxy_http_call",
    "proxy_increment_metric",
    "proxy_log",
    "proxy_record_metric",
    "proxy_register_shared_queue",
    "proxy_remove_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_resolve_shared_queue",
    "proxy_send_local_response",
    "proxy_set_buffer_bytes",
    "proxy_set_effective_context",
    "proxy_set_header_map_pairs",
    "proxy_set_property",
    "proxy_set_shared_data",
    "proxy_set_tick_period_milliseconds",
];

/// What of WASI Envoy answers with more than an error.
const WASI: &[&str] = &[
    "args_get",
    "args_sizes_get",
    "clock_res_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_close",
    "fd_fdstat_get",
    "fd_seek",
    "fd_tell",
    "fd_write",
    "poll_oneoff",
    "random_get",
    "sched_yield",
];

/// Runs every scenario in the simulator alone, and says what none of them has called.
pub(crate) fn check(guests: &Guests) -> Result<(), String> {
    let mut called = BTreeSet::new();
    for scenario in scenarios::all() {
        if scenario.plugins.iter().all(|it| guests.get(it.guest).is_some()) {
            called.extend(simulator_side::run(&scenario, guests)?.called);
        }
    }
    let all = CALLBACKS.iter().chain(HOST_FUNCTIONS).chain(WASI);
    let missing: Vec<&str> = all.copied().filter(|name| !called.contains(*name)).collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("no guest reaches {}", missing.join(", "))),
    }
}
