//! How the filter's module is built, but for cargo's arguments.
//!
//! The build script and xtask both contain this file, because they build the same module, and other settings would build it twice.
//! The flags keep folders of this machine out of it: the place of each panic is in a binary, with the path of its source, so that the
//! builder's home would be in every module, and two builds in different folders would differ. Cargo's `trim-paths` would do it, but
//! is not stable.

use std::env;
use std::path::{Path, PathBuf};

/// Cargo's variable for the program that links it: a script that leaves out exports. Not a setting for all of the target, which
/// other modules are built for too.
pub(crate) const LINKER_VARIABLE: &str = "CARGO_TARGET_WASM32_WASIP1_LINKER";
/// That script, from the workspace.
pub(crate) const LINKER: &str = "filters/link-filter.sh";

/// Flags that replace cargo's home and the workspace, in the form of `CARGO_ENCODED_RUSTFLAGS`.
pub(crate) fn flags(workspace: &Path) -> Result<String, String> {
    let home = env::var_os("CARGO_HOME").filter(|path| !path.is_empty());
    let home = home
        .map(PathBuf::from)
        .or_else(|| Some(env::home_dir()?.join(".cargo")))
        .ok_or("neither CARGO_HOME nor HOME is set")?;
    Ok(format!(
        "--remap-path-prefix={}=/cargo\u{1f}--remap-path-prefix={}=/fingerpost",
        home.display(),
        workspace.display()
    ))
}
