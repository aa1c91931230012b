//! What the filters use of the proxy: the functions that they call, and the callbacks that they are called by.
//!
//! Source: `allowed_capabilities` of `envoy.extensions.wasm.v3.CapabilityRestrictionConfig`.

/// All that Envoy is to let the module do. With this list, Envoy refuses any other call, and makes no other callback.
///
/// The SDK's functions are in the module too, whether or not a filter calls them, so the list of its imports says less. A test
/// in `tests` takes away each of these and sees what breaks.
pub const CAPABILITIES: [&str; 15] = [
    "proxy_on_context_create",
    "proxy_on_configure",
    "proxy_on_request_headers",
    // Tells which plugins of the VM are left. Without it the module would keep each configuration that it ever had.
    "proxy_set_effective_context",
    "proxy_get_buffer_bytes",
    "proxy_get_property",
    "proxy_get_header_map_pairs",
    "proxy_replace_header_map_value",
    "proxy_remove_header_map_value",
    // Names the rule, if an access log wants it.
    "proxy_set_property",
    "proxy_log",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_record_metric",
    "random_get",
];
