//! Puts the filter's module into the binary, if it has been built.
//!
//! It is looked for where `FINGERPOST_WASM` says, or else as `fingerpost.wasm` in the target directory, where
//! `cargo xtask build` leaves it. Without it the crate still builds, and the commands that need it say so.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// What every WebAssembly module starts with: its specification, section 5.5.16.
const MAGIC: &[u8] = b"\0asm";

fn main() {
    println!("cargo:rerun-if-env-changed=FINGERPOST_WASM");
    println!("cargo:rerun-if-env-changed=CARGO_TARGET_DIR");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let named = env::var_os("FINGERPOST_WASM").filter(|it| !it.is_empty());
    let module = match &named {
        Some(path) => PathBuf::from(path),
        None => target_directory(&out).join("fingerpost.wasm"),
    };
    println!("cargo:rerun-if-changed={}", module.display());

    let copy = out.join("fingerpost.wasm");
    let source = match fs::read(&module) {
        Ok(bytes) if bytes.starts_with(MAGIC) => {
            // A copy, for the module may be rebuilt while the compiler reads it.
            fs::write(&copy, bytes).expect("cargo's own directory is writable");
            format!("Some(include_bytes!({copy:?}))")
        }
        Ok(_) => {
            println!("cargo:warning={} is no WebAssembly module", module.display());
            "None".to_owned()
        }
        Err(error) => {
            if named.is_some() {
                println!("cargo:warning=FINGERPOST_WASM: {}: {error}", module.display());
            }
            "None".to_owned()
        }
    };
    let text = format!("static MODULE: Option<&[u8]> = {source};\n");
    fs::write(out.join("module.rs"), text).expect("cargo's own directory is writable");
}

/// The workspace's target directory. `OUT_DIR` is `<target>/[<triple>/]<profile>/build/<package>/out`.
fn target_directory(out: &Path) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    if let Some(directory) = env::var_os("CARGO_TARGET_DIR").filter(|it| !it.is_empty()) {
        return workspace.join(directory); // itself, if it is absolute
    }
    let profile = out.ancestors().nth(3);
    let parent = profile.and_then(Path::parent);
    let triple = env::var_os("TARGET");
    match parent {
        Some(directory) if directory.file_name() == triple.as_deref() => {
            directory.parent().unwrap_or(directory).to_owned()
        }
        Some(directory) => directory.to_owned(),
        None => workspace.join("target"),
    }
}
