//! The files that an Envoy starts with: what they are named and what they hold. Writes nothing.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fingerpost_config_compiler::{Compiled, Engine};
use fingerpost_xds::split;
use serde::Serialize;

use crate::certificates;
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
pub(crate) struct EnvoyFile<'c> {
    pub(crate) path: PathBuf,
    pub(crate) content: EnvoyFileContent<'c>,
    /// Whether it holds a private key.
    pub(crate) secret: bool,
}

/// Writes a text.
type WriteText<'c> = dyn Fn(&mut dyn Write) -> io::Result<()> + 'c;

/// What such a file holds.
pub(crate) enum EnvoyFileContent<'c> {
    Bytes(Vec<u8>),
    /// JSON, which is made as it is written: it may be very long.
    Json(Box<WriteText<'c>>),
}

impl<'c> EnvoyFileContent<'c> {
    /// JSON for people, with a line feed at the end.
    pub(crate) fn json(value: impl Serialize + 'c) -> Self {
        Self::Json(Box::new(move |mut out| {
            serde_json::to_writer_pretty(&mut out, &value)?;
            out.write_all(b"\n")
        }))
    }

    /// All of it.
    pub(crate) fn into_bytes(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Json(write) => {
                let mut bytes = Vec::new();
                write(&mut bytes)?;
                Ok(bytes)
            }
        }
    }
}

impl From<String> for EnvoyFileContent<'_> {
    fn from(text: String) -> Self {
        Self::Bytes(text.into_bytes())
    }
}

/// The files for what was compiled. With `xds_path`, the folder [`XDS`] as Envoy sees it, the bootstrap is small, and what
/// changes with the rules is in files of that folder.
pub(crate) fn envoy_files<'c>(compiled: &'c Compiled, xds_path: Option<&str>) -> Vec<EnvoyFile<'c>> {
    let mut files = Vec::new();
    let mut add = |path: PathBuf, content, secret: bool| {
        files.push(EnvoyFile {
            path,
            content,
            secret,
        });
    };
    let split = xds_path.map(|it| split(&compiled.bootstrap, it));
    let (bootstrap, xds_files) = match split {
        Some(split) => (EnvoyFileContent::json(split.bootstrap), split.files.files()),
        None => (EnvoyFileContent::json(&compiled.bootstrap), Vec::new()),
    };
    let holds_keys = xds_path.is_none() && compiled.holds_private_key();
    add(BOOTSTRAP.into(), bootstrap, holds_keys);
    if compiled.engine == Engine::Wasm {
        let module = EnvoyFileContent::Bytes(module::bytes().to_vec());
        add(MODULE.into(), module, false);
    }
    add(ROUTING.into(), EnvoyFileContent::json(compiled.routing()), false);
    for (path, content) in certificates::resource_files(compiled) {
        add(path, content.into(), false);
    }
    for file in xds_files {
        let secret = file.is_secret();
        add(Path::new(XDS).join(&file.name), file.content.into(), secret);
    }
    files
}
