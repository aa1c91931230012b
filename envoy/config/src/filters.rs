//! `envoy/extensions/filters`.

pub mod cors;
pub mod fault;
pub mod health_check;
pub mod http_connection_manager;
pub mod tcp_proxy;
pub mod wasm;
