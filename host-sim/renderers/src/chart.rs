//! What `Chart.yaml` says of a chart.

use std::path::{Path, PathBuf};

use fingerpost_resources::{Diagnostics, Source, trees};

use crate::kustomization::text;
use crate::path::normal;

/// A Helm chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// Its folder, as a normal path.
    pub folder: PathBuf,
    /// Whether it is a part for other charts, which Helm does not render alone (`type: library`).
    pub is_library: bool,
}

impl Chart {
    /// Reads the file `path`.
    pub fn read(path: &Path, source: &Source) -> Self {
        let roots = trees(source, &mut Diagnostics::new());
        Self {
            folder: normal(path.parent().unwrap_or(Path::new(""))),
            is_library: roots
                .iter()
                .any(|it| it.get("type").and_then(|it| text(it)) == Some("library")),
        }
    }
}
