//! The filter's module, which `build.rs` puts into this binary.

use std::env;

use fingerpost_envoy_runner::default_cache;
use fingerpost_simulator::{LoadError, Module};

use crate::failure::Failure;

include!(concat!(env!("OUT_DIR"), "/module.rs"));

/// The module's bytes.
pub(crate) fn bytes() -> &'static [u8] {
    MODULE
}

/// The module, ready to run: as it was compiled when this binary was built, else from the user's cache, else compiled
/// now.
pub(crate) fn compiled() -> Result<Module, Failure> {
    let bytes = bytes();
    let module = match precompiled(bytes) {
        Some(module) => Ok(module),
        None => cached(bytes),
    };
    module.map_err(|error| Failure::surroundings(format!("the filter does not load: {error}")))
}

/// What the binary carries, unless the runtime refuses it: that was compiled from another module, or for another machine.
#[expect(
    unsafe_code,
    reason = "the runtime cannot check machine code that was compiled before"
)]
fn precompiled(bytes: &[u8]) -> Option<Module> {
    // SAFETY: `examples/precompile.rs` wrote it with `Module::precompile`, and since then it is part of this program.
    PRECOMPILED.and_then(|it| unsafe { Module::precompiled(bytes, it) }.ok())
}

/// From the user's cache, and kept there for the next time.
fn cached(bytes: &[u8]) -> Result<Module, LoadError> {
    let cache = default_cache();
    // Without a home directory the cache would be in a shared folder, where other users could replace the module.
    if cache.parent() == Some(&env::temp_dir()) {
        return Module::compile(bytes);
    }
    // A cache that can't be written costs half a second, and nothing else.
    Module::cached(bytes, &cache.join("modules")).or_else(|_| Module::compile(bytes))
}
