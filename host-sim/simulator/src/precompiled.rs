//! A module compiled ahead of time, for a program to carry: [`Module::precompile`] makes it, [`Module::precompiled`] takes it.
//!
//! It begins with the digest of its Wasm, so that it is never taken for another module's. Its machine code asks for
//! nothing that a processor of this kind may lack (no AVX, no SSE3 on x86-64), so what one machine compiles, others run.
//! What another version of the runtime made, or other settings, the runtime refuses.

use crate::error::LoadError;
use crate::module::{Module, engine, settings};
use sha2::{Digest, Sha256};
use wasmtime::Engine;

/// The length of the digest that comes first.
const DIGEST: usize = 32;

impl Module {
    /// Compiles Wasm, or its text form, to bytes that [`Module::precompiled`] takes on any processor of this kind.
    pub fn precompile(wasm: impl AsRef<[u8]>) -> Result<Vec<u8>, LoadError> {
        let wasm = wasm.as_ref();
        let not_made = |error: wasmtime::Error| LoadError::Instance {
            reason: format!("{error:#}"),
        };
        let mut settings = settings();
        // The runtime looks at the processor that it runs on only if no target is named.
        settings
            .target(&target_lexicon::HOST.to_string())
            .map_err(not_made)?;
        let engine = Engine::new(&settings).map_err(not_made)?;
        let compiled = engine
            .precompile_module(wasm)
            .map_err(|error| LoadError::NotWasm {
                reason: format!("{error:#}"),
            })?;
        let digest: [u8; DIGEST] = Sha256::digest(wasm).into();
        Ok([digest.as_slice(), &compiled].concat())
    }

    /// Takes what [`Module::precompile`] made of this Wasm, in a few milliseconds. Refuses what was made of another, or
    /// for another machine or version.
    ///
    /// # Safety
    /// `precompiled` must be from [`Module::precompile`]: it holds machine code, which is not checked.
    #[expect(
        unsafe_code,
        reason = "the runtime cannot check machine code that was compiled before"
    )]
    pub unsafe fn precompiled(wasm: impl AsRef<[u8]>, precompiled: &[u8]) -> Result<Self, LoadError> {
        let refused = |reason: String| LoadError::Cache { reason };
        let code: [u8; DIGEST] = Sha256::digest(wasm.as_ref()).into();
        let compiled = precompiled
            .strip_prefix(code.as_slice())
            .ok_or_else(|| refused("the module was compiled from other bytes".to_owned()))?;
        // SAFETY: the caller's word.
        let compiled = unsafe { wasmtime::Module::deserialize(engine()?, compiled) };
        let compiled = compiled.map_err(|error| refused(format!("{error:#}")))?;
        Self::of(compiled, code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: &str = r#"(module (func (export "proxy_abi_version_0_2_1")))"#;
    const OTHER: &str = r#"(module (func (export "proxy_abi_version_0_2_0")))"#;

    #[expect(unsafe_code, reason = "see `Module::precompiled`")]
    fn taken(wasm: &str, precompiled: &[u8]) -> Result<Module, String> {
        // SAFETY: every test's bytes are from `precompile`, or refused before the machine code in them counts.
        unsafe { Module::precompiled(wasm, precompiled) }.map_err(|error| error.to_string())
    }

    #[test]
    fn what_was_compiled_ahead_is_that_module() {
        let ahead = Module::precompile(MODULE).expect("it compiles");
        let module = taken(MODULE, &ahead).expect("it is taken");
        let compiled = Module::compile(MODULE).expect("it compiles");
        assert_eq!((module.abi(), module.code()), (compiled.abi(), compiled.code()));
    }

    #[test]
    fn what_was_compiled_from_other_bytes_is_refused() {
        let ahead = Module::precompile(OTHER).expect("it compiles");
        let refused = taken(MODULE, &ahead).expect_err("it is another module");
        assert!(refused.contains("compiled from other bytes"), "{refused}");
        taken(MODULE, &[]).expect_err("it is nothing");
    }

    #[test]
    fn what_the_runtime_does_not_know_is_refused() {
        let digest: [u8; DIGEST] = Sha256::digest(MODULE).into();
        taken(MODULE, &digest).expect_err("there is nothing behind the digest");
        let mut settings = settings();
        settings.consume_fuel(false);
        let engine = Engine::new(&settings).expect("an engine");
        let compiled = engine.precompile_module(MODULE.as_bytes()).expect("it compiles");
        let refused = taken(MODULE, &[digest.as_slice(), &compiled].concat()).expect_err("it has no fuel");
        assert!(refused.contains("fuel"), "{refused}");
    }

    #[test]
    fn what_is_no_module_is_not_compiled() {
        let refused = Module::precompile("(module").expect_err("it ends too early");
        assert!(matches!(refused, LoadError::NotWasm { .. }), "{refused}");
    }
}
