//! A filter that does nothing, of the same SDK and built in the same way as ours: the floor of what a proxy-wasm filter
//! costs. `xtask/bench` puts it into an Envoy beside our own.

#[cfg(target_arch = "wasm32")]
mod wasm;
