//! Builds the filter's module and puts it into the command, with its machine code if that was made.
//!
//! Cargo cannot do that by itself: the module is built for another target than the command. So this script starts a second
//! cargo with another target directory, `filters` in the first one's, which the first cargo has locked. `cargo
//! xtask build` and `test` build the filters in the same place, so nothing is built twice, and cargo runs this script again
//! only if a source of the filter changes.
//!
//! `FINGERPOST_WASM` names a module to take instead, for machines without the target. The machine code is taken from
//! `precompiled` in the target directory, where xtask puts it; without it the command compiles the module when it first needs it.
//! Whether the machine code belongs to this module is checked when it is used.

mod filter_build;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};
use std::time::{Duration, SystemTime};

/// The filter that the command carries.
const FILTER: &str = "fingerpost-virtual-service";

/// The target that Envoy's Wasm host runs.
const WASM_TARGET: &str = "wasm32-wasip1";

/// The first bytes of every WebAssembly module: its specification, section 5.5.16.
const MAGIC: &[u8] = b"\0asm";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=filter_build.rs");
    println!("cargo:rerun-if-env-changed=FINGERPOST_WASM");
    if let Err(message) = embed() {
        for line in message.lines() {
            println!("cargo:error={line}");
        }
        exit(1);
    }
}

fn embed() -> Result<(), String> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: cargo runs this script")?);
    let target = target_directory(&out)?;
    let module = match env::var_os("FINGERPOST_WASM").filter(|path| !path.is_empty()) {
        Some(path) => {
            println!("cargo:rerun-if-changed={}", Path::new(&path).display());
            PathBuf::from(path)
        }
        None => build(&target.join("filters"))?,
    };
    let wasm = read(&module)?;
    if !wasm.starts_with(MAGIC) {
        return Err(format!("{} is not a WebAssembly module", module.display()));
    }
    let machine_code = read(&machine_code(&target)?)?;

    // Copies, because the originals may be written again while the compiler reads them.
    write(&out.join("fingerpost.wasm"), &wasm)?;
    write(&out.join("fingerpost.cwasm"), &machine_code)?;
    let precompiled = match machine_code.is_empty() {
        true => "None",
        false => "Some(include_bytes!(\"fingerpost.cwasm\"))",
    };
    let text = format!(
        "static MODULE: &[u8] = include_bytes!(\"fingerpost.wasm\");\n\
         static PRECOMPILED: Option<&[u8]> = {precompiled};\n"
    );
    write(&out.join("module.rs"), text.as_bytes())
}

/// Builds the filter and returns where its module is.
fn build(directory: &Path) -> Result<PathBuf, String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = here.ancestors().nth(2).unwrap_or(here);
    if !has_wasm_target() {
        return Err(format!(
            "the command contains a filter for Envoy, and the Rust target {WASM_TARGET} that it is built for is not installed\n\
             run `rustup target add {WASM_TARGET}` and build again, or set FINGERPOST_WASM to the path of a module built elsewhere"
        ));
    }
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace);
    // The package is a library for tests too, and cargo leaves out link-time optimisation where it builds both at once.
    cargo.args([
        "rustc",
        "--locked",
        "--package",
        FILTER,
        "--lib",
        "--crate-type",
        "cdylib",
    ]);
    cargo.args(["--profile", "wasm", "--target", WASM_TARGET, "--target-dir"]);
    cargo.arg(directory);
    // What the first cargo, or clippy, was told about its own build.
    for name in ["CARGO_BUILD_TARGET", "RUSTC_WORKSPACE_WRAPPER", "RUSTFLAGS"] {
        cargo.env_remove(name);
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", filter_build::flags(workspace)?);
    cargo.env(
        filter_build::LINKER_VARIABLE,
        workspace.join(filter_build::LINKER),
    );
    match cargo.status() {
        Ok(status) if status.success() => {}
        Ok(status) => {
            return Err(format!(
                "{FILTER} does not build for {WASM_TARGET}: cargo ended with {status}"
            ));
        }
        Err(error) => return Err(format!("cargo cannot be started: {error}")),
    }
    let module = directory
        .join(WASM_TARGET)
        .join("wasm")
        .join(format!("{}.wasm", FILTER.replace('-', "_")));
    rerun_for_sources(workspace, &module.with_extension("d"))?;
    Ok(module)
}

/// Whether the compiler has a standard library for the target.
fn has_wasm_target() -> bool {
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--print", "target-libdir", "--target", WASM_TARGET]);
    let Ok(output) = rustc.output() else { return false };
    Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
}

/// Makes cargo run this script again if a source of the module changes, or what the workspace says about its build.
///
/// The sources are those that cargo lists beside the module, in the form of a Makefile: `module: source source`.
fn rerun_for_sources(workspace: &Path, list: &Path) -> Result<(), String> {
    let text = String::from_utf8_lossy(&read(list)?).replace("\\ ", "\0");
    let (_, sources) = text
        .split_once(": ")
        .ok_or_else(|| format!("{} lists no sources", list.display()))?;
    let sources = sources
        .split_whitespace()
        .map(|source| PathBuf::from(source.replace('\0', " ")));
    let mut watched: BTreeSet<PathBuf> = sources.collect();
    let manifests: BTreeSet<PathBuf> = watched
        .iter()
        .filter_map(|source| {
            source
                .ancestors()
                .map(|folder| folder.join("Cargo.toml"))
                .find(|it| it.is_file())
        })
        .collect();
    watched.extend(manifests);
    watched.extend(["Cargo.toml", "Cargo.lock", filter_build::LINKER].map(|name| workspace.join(name)));
    for path in watched {
        println!("cargo:rerun-if-changed={}", path.display());
    }
    Ok(())
}

/// The file that holds the machine code for the command's target. It is empty if there is none.
///
/// It must exist, because cargo runs a script each time if a file that it watches is missing; and it must be older than this
/// run, because cargo takes a younger one for a change.
fn machine_code(target: &Path) -> Result<PathBuf, String> {
    let triple = env::var("TARGET").map_err(|error| format!("TARGET: {error}"))?;
    let path = target.join("precompiled").join(format!("{triple}.cwasm"));
    if !path.exists() {
        let folder = path.parent().unwrap_or(target);
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        fs::File::create_new(&path)
            .and_then(|file| file.set_modified(old))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    println!("cargo:rerun-if-changed={}", path.display());
    Ok(path)
}

/// The directory that cargo builds in. `OUT_DIR` is `<target>/[<triple>/]<profile>/build/<package>/out`.
fn target_directory(out: &Path) -> Result<PathBuf, String> {
    let parent = out.ancestors().nth(4);
    let parent = parent.ok_or_else(|| format!("OUT_DIR is not in a target directory: {}", out.display()))?;
    let is_triple = parent.file_name() == env::var_os("TARGET").as_deref();
    Ok(match parent.parent() {
        Some(directory) if is_triple => directory.to_owned(),
        Some(_) | None => parent.to_owned(),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}
