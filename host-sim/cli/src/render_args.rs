//! The options that ask for kustomize or Helm.

use std::path::PathBuf;

use clap::Args;
use fingerpost_input_files::Render;

/// Which tools to run on folders.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RenderArgs {
    /// Read folders with a kustomization through `kustomize build` or `kubectl kustomize`, whichever is installed
    #[arg(long, help_heading = "Input")]
    kustomize: bool,

    /// Read Helm charts through `helm template`
    #[arg(long, help_heading = "Input")]
    helm: bool,

    /// Values for `helm template`; may be repeated
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    helm_values: Vec<PathBuf>,
}

impl RenderArgs {
    /// Which tools to run.
    pub(crate) fn render(&self) -> Render {
        Render {
            kustomize: self.kustomize,
            helm: self.helm,
            helm_values: self.helm_values.clone(),
        }
    }
}
