//! Findings that the user has chosen not to see.

use std::path::{Path, PathBuf};

use clap::Args;
use fingerpost_input_files::path_of_source;
use fingerpost_renderers::normal;
use fingerpost_resources::{Diagnostics, Severity};
use fingerpost_settings::IgnoredFinding;

/// Which findings are not shown.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Ignored {
    /// Findings that are not shown, by their codes; with `:PATH`, those of one file or folder. Errors are always shown
    #[arg(
        long,
        value_name = "CODE[:PATH],…",
        value_delimiter = ',',
        help_heading = "Input"
    )]
    ignore: Vec<IgnoredFinding>,
}

impl Ignored {
    /// Removes the warnings and notes that are ignored, and returns them. Errors stay: something is invalid.
    pub(crate) fn remove_from(&self, diagnostics: &mut Diagnostics) -> Diagnostics {
        // The same file may be written as `k8s/a.yaml` and as `../k8s/a.yaml`.
        let ignored: Vec<IgnoredFinding> = self
            .ignore
            .iter()
            .map(|it| IgnoredFinding {
                code: it.code,
                path: it.path.as_deref().map(whole),
            })
            .collect();
        let mut kept = Diagnostics::new();
        let mut removed = Diagnostics::new();
        for diagnostic in std::mem::take(diagnostics) {
            let file = diagnostic.span.as_ref().map(|it| whole(path_of_source(&it.file)));
            let is_ignored = ignored
                .iter()
                .any(|it| it.holds(diagnostic.code, file.as_deref()));
            if is_ignored && diagnostic.severity != Severity::Error {
                removed.push(diagnostic);
            } else {
                kept.push(diagnostic);
            }
        }
        *diagnostics = kept;
        removed
    }
}

/// The path from the root.
fn whole(path: &Path) -> PathBuf {
    normal(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()))
}
