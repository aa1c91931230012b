//! What rustc is told so that nothing it builds names a folder of this machine.
//!
//! The place of each panic is in a binary, with the path of its source: the builder's home would be in every module, and two
//! builds in different folders would differ. The build script and xtask both contain this file, because they build the same
//! module, and other flags would build it twice. Cargo's `trim-paths` would do it, but is not stable.

use std::env;
use std::path::{Path, PathBuf};

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
