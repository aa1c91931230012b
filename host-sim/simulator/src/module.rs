//! A module, compiled: from Wasm or its text form, or from a cache of what was compiled before.
//!
//! It settles everything that can be known without running it: whether it is Wasm, and which ABI it speaks.

use crate::error::LoadError;
use crate::limits;
use sha2::{Digest, Sha256};
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use wasmtime::{Config, Engine, ExternType};

/// The version of the ABI that a module declares by an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AbiVersion {
    /// `proxy_abi_version_0_1_0`
    V0_1_0,
    /// `proxy_abi_version_0_2_0`
    V0_2_0,
    /// `proxy_abi_version_0_2_1`, what today's SDKs build.
    V0_2_1,
}

/// A compiled module. Cheap to clone.
#[derive(Clone)]
pub struct Module {
    compiled: wasmtime::Module,
    abi: AbiVersion,
    code: Arc<[u8; 32]>,
}

impl Module {
    /// Compiles Wasm, or its text form. Half a second for a megabyte.
    pub fn compile(wasm: impl AsRef<[u8]>) -> Result<Self, LoadError> {
        let wasm = wasm.as_ref();
        let compiled = wasmtime::Module::new(engine()?, wasm).map_err(|error| LoadError::NotWasm {
            reason: format!("{error:#}"),
        })?;
        Self::of(compiled, Sha256::digest(wasm).into())
    }

    /// As [`Module::compile`], but keeps the result in `directory` and takes it from there the next time, in a few milliseconds.
    ///
    /// Write access to that directory decides what runs: use one that belongs to the user.
    pub fn cached(wasm: impl AsRef<[u8]>, directory: &Path) -> Result<Self, LoadError> {
        let wasm = wasm.as_ref();
        let code: [u8; 32] = Sha256::digest(wasm).into();
        let path = place(directory, &code)?;
        if let Ok(compiled) = stored(engine()?, &path) {
            return Self::of(compiled, code);
        }
        let module = Self::compile(wasm)?;
        module.store(&path)?;
        Ok(module)
    }

    /// The ABI version that it declares.
    pub fn abi(&self) -> AbiVersion {
        self.abi
    }

    pub(crate) fn of(compiled: wasmtime::Module, code: [u8; 32]) -> Result<Self, LoadError> {
        let abi = declared_abi(&compiled)?;
        Ok(Self {
            compiled,
            abi,
            code: Arc::new(code),
        })
    }

    /// Written under another name and then renamed, so that a reader never sees half a file.
    fn store(&self, path: &Path) -> Result<(), LoadError> {
        let refused = |error: String| LoadError::Cache { reason: error };
        let bytes = self
            .compiled
            .serialize()
            .map_err(|error| refused(error.to_string()))?;
        let draft = path.with_extension(format!("{}.draft", std::process::id()));
        let written = match path.parent() {
            Some(directory) => fs::create_dir_all(directory),
            None => Ok(()),
        };
        written
            .and_then(|()| fs::write(&draft, bytes))
            .and_then(|()| fs::rename(&draft, path))
            .map_err(|error| refused(format!("{}: {error}", path.display())))
    }

    pub(crate) fn compiled(&self) -> &wasmtime::Module {
        &self.compiled
    }

    /// Tells modules apart by their bytes.
    pub(crate) fn code(&self) -> &[u8; 32] {
        &self.code
    }
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Module")
            .field("abi", &self.abi)
            .finish_non_exhaustive()
    }
}

/// The one engine of this process: compiling settings are part of what a cached module was made for.
pub(crate) fn engine() -> Result<&'static Engine, LoadError> {
    static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();
    let made = ENGINE.get_or_init(|| Engine::new(&settings()).map_err(|error| error.to_string()));
    made.as_ref().map_err(|reason| LoadError::Instance {
        reason: reason.clone(),
    })
}

/// How modules are compiled and run, on whatever processor.
pub(crate) fn settings() -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .max_wasm_stack(limits::STACK_BYTES)
        .wasm_backtrace_max_frames(NonZeroUsize::new(limits::STACK_FRAMES));
    config
}

/// The name says all that a compiled module depends on: its code, and the runtime's version and settings.
fn place(directory: &Path, code: &[u8; 32]) -> Result<PathBuf, LoadError> {
    use std::hash::{Hash, Hasher};
    let mut settings = std::hash::DefaultHasher::new();
    engine()?.precompile_compatibility_hash().hash(&mut settings);
    let code: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(directory.join(format!("{code}-{:016x}.cwasm", settings.finish())))
}

#[expect(
    unsafe_code,
    reason = "the runtime cannot check machine code that was compiled before"
)]
fn stored(engine: &Engine, path: &Path) -> wasmtime::Result<wasmtime::Module> {
    // SAFETY: the file was written by `store` for this code and these settings, in a directory of the user's own.
    unsafe { wasmtime::Module::deserialize_file(engine, path) }
}

fn declared_abi(module: &wasmtime::Module) -> Result<AbiVersion, LoadError> {
    const PREFIX: &str = "proxy_abi_version_";
    let mut unknown = None;
    for export in module.exports() {
        if !matches!(export.ty(), ExternType::Func(_)) {
            continue;
        }
        match export.name() {
            "proxy_abi_version_0_1_0" => return Ok(AbiVersion::V0_1_0),
            "proxy_abi_version_0_2_0" => return Ok(AbiVersion::V0_2_0),
            "proxy_abi_version_0_2_1" => return Ok(AbiVersion::V0_2_1),
            other if other.starts_with(PREFIX) => unknown = Some(other.to_owned()),
            _ => {}
        }
    }
    Err(LoadError::WrongAbi { found: unknown })
}
