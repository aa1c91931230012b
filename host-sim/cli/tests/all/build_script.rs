//! `build.rs` puts the filter into the command, or says what is missing.
//!
//! The script is compiled once more and run by itself: `cargo install` would take minutes, and does nothing else with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use crate::run::Folder;

/// The crate of the command.
const CRATE: &str = env!("CARGO_MANIFEST_DIR");

/// The script, compiled.
static SCRIPT: LazyLock<PathBuf> = LazyLock::new(|| {
    let script = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("build-script-{}", std::process::id()));
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "build.rs", "-o"]).arg(&script);
    rustc.current_dir(CRATE).env("CARGO_MANIFEST_DIR", CRATE);
    assert!(
        rustc.status().expect("rustc runs").success(),
        "build.rs does not compile"
    );
    script
});

/// Runs the script in a target directory that is `folder`.
fn build(folder: &Folder, variables: &[(&str, &str)]) -> Output {
    let out = folder.join("debug/build/fingerpost-cli/out");
    fs::create_dir_all(&out).expect("a folder");
    let mut script = Command::new(&*SCRIPT);
    script.current_dir(CRATE).env_remove("FINGERPOST_WASM");
    script.env("OUT_DIR", out).env("TARGET", "made-up-target");
    script.envs(variables.iter().copied());
    script.output().expect("the script runs")
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_command_carries_the_module_that_was_built_from_these_sources() {
    let folder = Folder::with("shop.yaml", &crate::run::shop());
    folder.run("compile -f shop.yaml -o out").check(0, &[]);
    let carried = fs::read(folder.join("out/fingerpost.wasm")).expect("a module");
    let built = match option_env!("FINGERPOST_WASM") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("../filters/wasm32-wasip1/wasm/fingerpost_virtual_service.wasm"),
    };
    assert!(carried.starts_with(b"\0asm"));
    assert!(
        carried == fs::read(&built).expect("what the build script built"),
        "not {}",
        built.display()
    );
}

#[test]
fn the_module_names_no_folder_of_the_machine_that_built_it() {
    let folder = Folder::with("shop.yaml", &crate::run::shop());
    folder.run("compile -f shop.yaml -o out").check(0, &[]);
    let module = fs::read(folder.join("out/fingerpost.wasm")).expect("a module");
    let workspace = Path::new(CRATE).ancestors().nth(2).expect("the repository");
    let mut folders = vec!["/.cargo/".into(), workspace.to_string_lossy()];
    let home = std::env::var("CARGO_HOME").ok();
    folders.extend(home.filter(|it| !it.is_empty()).map(Into::into));
    for named in folders {
        let at = module.windows(named.len()).position(|it| it == named.as_bytes());
        let text = at.map(|at| String::from_utf8_lossy(&module[at..module.len().min(at + 100)]));
        assert_eq!(text, None, "the module names {named}");
    }
}

#[test]
fn a_missing_target_is_an_error_that_says_what_to_do() {
    let folder = Folder::new();
    // A compiler without that target: it names a folder that does not exist.
    folder.write("rustc", "#!/bin/sh\necho /nowhere/lib\n");
    let compiler = folder.join("rustc");
    let mut executable = fs::metadata(&compiler).expect("a file").permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut executable, 0o755);
    fs::set_permissions(&compiler, executable).expect("a file of ours");
    let output = build(&folder, &[("RUSTC", &compiler.to_string_lossy())]);
    assert_eq!(output.status.code(), Some(1));
    let printed = printed(&output);
    assert!(
        printed.contains("cargo:error=run `rustup target add wasm32-wasip1`"),
        "{printed}"
    );
}

#[test]
fn a_module_that_was_built_elsewhere_is_taken() {
    let folder = Folder::with("given.wasm", "\0asm and so on");
    let module = folder.join("given.wasm");
    let output = build(&folder, &[("FINGERPOST_WASM", &module.to_string_lossy())]);
    assert!(output.status.success(), "{output:?}");
    assert!(printed(&output).contains(&format!("cargo:rerun-if-changed={}", module.display())));
    let out = "debug/build/fingerpost-cli/out";
    assert_eq!(folder.read(&format!("{out}/fingerpost.wasm")), "\0asm and so on");
    assert!(
        folder
            .read(&format!("{out}/module.rs"))
            .contains("PRECOMPILED: Option<&[u8]> = None")
    );

    folder.write("precompiled/made-up-target.cwasm", "machine code");
    build(&folder, &[("FINGERPOST_WASM", &module.to_string_lossy())]);
    assert_eq!(folder.read(&format!("{out}/fingerpost.cwasm")), "machine code");
    assert!(
        folder
            .read(&format!("{out}/module.rs"))
            .contains("Some(include_bytes!(\"fingerpost.cwasm\"))")
    );
}

#[test]
fn a_file_that_is_not_a_module_is_an_error() {
    let folder = Folder::with("given.wasm", "text");
    let module = folder.join("given.wasm");
    for (path, said) in [
        (&module, "is not a WebAssembly module"),
        (&folder.join("none.wasm"), "none.wasm: No such file"),
    ] {
        let output = build(&folder, &[("FINGERPOST_WASM", &path.to_string_lossy())]);
        assert_eq!(output.status.code(), Some(1));
        assert!(printed(&output).contains(said), "{output:?}");
    }
}
