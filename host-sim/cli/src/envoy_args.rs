//! The options that say what Envoy runs, and where it sees what is written.

use std::path::{self, Path};

use clap::Args;
use fingerpost_config_compiler::Options;

use crate::args::EngineName;
use crate::envoy_files::XDS;
use crate::failure::Failure;

/// How Envoy gets at the files of DIR.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct EnvoyArgs {
    /// Which engine matches requests
    #[arg(long, value_enum, default_value = "wasm")]
    pub(crate) engine: EngineName,

    /// Where Envoy sees DIR: in a container, the path that it is mounted at [default: the absolute path of DIR]
    #[arg(long, value_name = "PATH")]
    mounted_at: Option<String>,

    /// Where Envoy finds the filter, if not in DIR; `sync` then leaves the file to you
    #[arg(long, value_name = "PATH")]
    module_path: Option<String>,

    /// Where Envoy finds the folder xds, if not in DIR
    #[arg(long, value_name = "PATH")]
    pub(crate) xds_path: Option<String>,

    /// Where Envoy sees the directory of --secrets [default: the absolute path of DIR]
    #[arg(long, value_name = "PATH", requires = "secrets")]
    secrets_path: Option<String>,
}

impl EnvoyArgs {
    /// Where Envoy finds the filter, which has this name in `output`.
    pub(crate) fn module_path(&self, output: &Path, name: &str) -> Result<String, Failure> {
        self.module_path
            .clone()
            .map_or_else(|| self.seen(output, name), Ok)
    }

    /// Where Envoy finds the folder of the files that it reads while it runs.
    pub(crate) fn xds_path(&self, output: &Path) -> Result<String, Failure> {
        self.xds_path.clone().map_or_else(|| self.seen(output, XDS), Ok)
    }

    /// The compiler's options, with the path at which Envoy sees mounted Secrets.
    pub(crate) fn complete(&self, mut options: Options) -> Options {
        if let (Some(mounted), Some(path)) = (&mut options.mounted_secrets, &self.secrets_path) {
            path.trim_end_matches('/').clone_into(&mut mounted.path);
        }
        options
    }

    /// Whether Envoy reads the filter from `output`.
    pub(crate) fn reads_module_from_output(&self) -> bool {
        self.module_path.is_none() && matches!(self.engine, EngineName::Wasm)
    }

    /// The path of a file in `output`, as Envoy sees it.
    fn seen(&self, output: &Path, name: &str) -> Result<String, Failure> {
        if let Some(folder) = &self.mounted_at {
            return Ok(format!("{}/{name}", folder.trim_end_matches('/')));
        }
        let path = path::absolute(output.join(name))
            .map_err(|error| Failure::refused(format!("{}: {error}", output.display())))?;
        path.into_os_string().into_string().map_err(|path| {
            Failure::refused(format!(
                "{}: Envoy's configuration holds only paths in UTF-8: give --mounted-at",
                path.display()
            ))
        })
    }
}
