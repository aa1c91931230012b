//! Puts the filter's module into the binary, if it has been built, and what it was compiled to.
//!
//! It is looked for where `FINGERPOST_WASM` says, or else as `fingerpost.wasm` in the target directory, where
//! `cargo xtask build` leaves it; beside it lies `fingerpost.cwasm`, its machine code. Without the module the crate still
//! builds, and the commands that need it say so; without the machine code they compile the module. Whether that was
//! compiled from this very module is asked when it is used.

use std::env;
use std::fs;
use std::io;
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

    let (mut wasm, mut compiled) = (None, None);
    match fs::read(&module) {
        Ok(bytes) if bytes.starts_with(MAGIC) => {
            wasm = Some(copied(&bytes, &out.join("fingerpost.wasm")));
            compiled = machine_code(&module.with_extension("cwasm"), &out.join("fingerpost.cwasm"));
        }
        Ok(_) => println!("cargo:warning={} is no WebAssembly module", module.display()),
        Err(error) if named.is_some() => {
            println!("cargo:warning=FINGERPOST_WASM: {}: {error}", module.display());
        }
        Err(_) => {}
    }
    let text = [("MODULE", wasm), ("PRECOMPILED", compiled)]
        .map(|(name, source)| match source {
            Some(copy) => format!("static {name}: Option<&[u8]> = Some(include_bytes!({copy:?}));\n"),
            None => format!("static {name}: Option<&[u8]> = None;\n"),
        })
        .concat();
    fs::write(out.join("module.rs"), text).expect("cargo's own directory is writable");
}

/// What lies beside the module. Cargo is not told of a file that is missing, for it would build anew every time; whoever
/// puts one there renews the module's date.
fn machine_code(path: &Path, copy: &Path) -> Option<PathBuf> {
    match fs::read(path) {
        Ok(bytes) => {
            println!("cargo:rerun-if-changed={}", path.display());
            Some(copied(&bytes, copy))
        }
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                println!("cargo:warning={}: {error}", path.display());
            }
            None
        }
    }
}

/// A copy, for the file may be written anew while the compiler reads it.
fn copied(bytes: &[u8], copy: &Path) -> PathBuf {
    fs::write(copy, bytes).expect("cargo's own directory is writable");
    copy.to_owned()
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
