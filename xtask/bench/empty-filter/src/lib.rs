//! A filter that does nothing, of the same SDK, built as the SDK says: what a proxy-wasm filter costs before it does
//! anything. `xtask/bench` puts it into an Envoy beside our own.

#[cfg(target_arch = "wasm32")]
mod wasm;
