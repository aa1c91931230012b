//! The files that an Envoy starts with: what they are named and what they hold. Writes nothing.

use std::io;
use std::path::{Path, PathBuf};

use fingerpost_config_compiler::{Compiled, Engine};
use fingerpost_xds::split;
use serde::Serialize;

use crate::certificates;
use crate::failure::Failure;
use crate::module;

/// The bootstrap.
pub(crate) const BOOTSTRAP: &str = "envoy.json";
/// The filter.
pub(crate) const MODULE: &str = "fingerpost.wasm";
/// The folder of the files that Envoy reads while it runs.
pub(crate) const XDS: &str = "xds";
/// What the filter decides by, for people.
pub(crate) const ROUTING: &str = "routing.json";

/// A file below the folder that Envoy reads.
pub(crate) struct EnvoyFile {
    pub(crate) path: PathBuf,
    pub(crate) content: Vec<u8>,
    /// Whether it holds a private key.
    pub(crate) secret: bool,
}

/// The files for what was compiled. With `xds_path`, the folder [`XDS`] as Envoy sees it, the bootstrap is small, and what
/// changes with the rules is in files of that folder.
pub(crate) fn envoy_files(compiled: &Compiled, xds_path: Option<&str>) -> Result<Vec<EnvoyFile>, Failure> {
    let mut files = Vec::new();
    let mut add = |path: PathBuf, content: Vec<u8>, secret: bool| {
        files.push(EnvoyFile {
            path,
            content,
            secret,
        });
    };
    let split = xds_path.map(|it| split(&compiled.bootstrap, it));
    match &split {
        Some(split) => add(BOOTSTRAP.into(), pretty(&split.bootstrap)?, false),
        None => add(
            BOOTSTRAP.into(),
            pretty(&compiled.bootstrap)?,
            compiled.holds_private_key(),
        ),
    }
    if compiled.engine == Engine::Wasm {
        add(MODULE.into(), module::bytes().to_vec(), false);
    }
    add(ROUTING.into(), pretty(&compiled.routing())?, false);
    for (path, content) in certificates::resource_files(compiled) {
        add(path, content.into_bytes(), false);
    }
    for file in split.map_or_else(Vec::new, |it| it.files.files()) {
        let secret = file.is_secret();
        add(Path::new(XDS).join(&file.name), file.content.into_bytes(), secret);
    }
    Ok(files)
}

/// JSON for people, with a line feed at the end.
pub(crate) fn pretty(value: &impl Serialize) -> Result<Vec<u8>, Failure> {
    let mut text = serde_json::to_vec_pretty(value).map_err(io::Error::from)?;
    text.push(b'\n');
    Ok(text)
}
