//! Builds the guests, once, into Cargo's own folder for tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Built modules by name.
pub(crate) struct Guests {
    modules: BTreeMap<String, Vec<u8>>,
}

/// Names a folder of other people's modules, to be compared too.
const OTHERS: &str = "FINGERPOST_GUESTS";

/// What their names begin with here.
const OTHER: &str = "other-";

impl Guests {
    /// The names of other people's modules.
    pub(crate) fn others(&self) -> impl Iterator<Item = &str> {
        self.modules
            .keys()
            .map(String::as_str)
            .filter(|name| name.starts_with(OTHER))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.modules.get(name).map(Vec::as_slice)
    }

    pub(crate) fn why_not(&self, name: &str) -> String {
        match name.starts_with("as-") {
            true => format!("{name} is not built; run `npm ci` in tests/guests/assemblyscript"),
            false => format!("{name} is not among the guests"),
        }
    }
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests")
}

pub(crate) fn build() -> Result<Guests, String> {
    let mut modules = BTreeMap::new();
    rust(&mut modules)?;
    wat(&mut modules)?;
    assemblyscript(&mut modules)?;
    if let Some(folder) = std::env::var_os(OTHERS) {
        read(Path::new(&folder), "wasm", OTHER, &mut modules)?;
    }
    Ok(Guests { modules })
}

fn rust(modules: &mut BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "build",
        "--quiet",
        "--examples",
        "--release",
        "--locked",
        "--target",
        "wasm32-wasip1",
    ]);
    cargo
        .arg("--target-dir")
        .arg(&target)
        .current_dir(folder().join("rust"));
    let built = cargo.output().map_err(|error| error.to_string())?;
    if !built.status.success() {
        return Err(format!(
            "the Rust guests do not build:\n{}",
            String::from_utf8_lossy(&built.stderr)
        ));
    }
    read(
        &target.join("wasm32-wasip1/release/examples"),
        "wasm",
        "",
        modules,
    )
}

/// Envoy reads no text, so these are assembled here.
fn wat(modules: &mut BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    let mut texts = BTreeMap::new();
    read(&folder().join("wat"), "wat", "wat-", &mut texts)?;
    for (name, text) in texts {
        let wasm = wat::parse_bytes(&text).map_err(|error| format!("{name}: {error}"))?;
        modules.insert(name, wasm.into_owned());
    }
    Ok(())
}

fn assemblyscript(modules: &mut BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    let here = folder().join("assemblyscript");
    if !here.join("node_modules").is_dir() {
        return Ok(());
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests-as");
    std::fs::create_dir_all(&target).map_err(|error| error.to_string())?;
    let built = Command::new("npm")
        .args(["run", "--silent", "build", "--", "--outFile"])
        .arg(target.join("filter.wasm"))
        .current_dir(&here)
        .output()
        .map_err(|error| error.to_string())?;
    if !built.status.success() {
        return Err(format!(
            "the AssemblyScript guest does not build:\n{}",
            String::from_utf8_lossy(&built.stderr)
        ));
    }
    read(&target, "wasm", "as-", modules)
}

fn read(folder: &Path, kind: &str, prefix: &str, into: &mut BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|it| it == kind)
            && let Some(stem) = path.file_stem()
        {
            let bytes = std::fs::read(&path).map_err(|error| error.to_string())?;
            into.insert(format!("{prefix}{}", stem.to_string_lossy()), bytes);
        }
    }
    Ok(())
}
