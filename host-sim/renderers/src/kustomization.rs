//! What a kustomization says of other files.

use std::path::{Path, PathBuf};

use fingerpost_resources::yaml::{Node, Scalar, Value};
use fingerpost_resources::{Diagnostics, Source, trees};

use crate::path::normal;

/// A `kustomization.yaml`, as far as it names files and folders. Paths are normal: see [`normal`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kustomization {
    /// Its folder.
    pub folder: PathBuf,
    /// Whether it is a part for other kustomizations, which kustomize does not build alone (`kind: Component`).
    pub is_component: bool,
    /// Files and folders whose resources it takes.
    pub resources: Vec<PathBuf>,
    /// Files that it applies to resources: they look like resources, and are parts of them.
    pub patches: Vec<PathBuf>,
}

/// Fields that name files or folders with resources. `bases` is of old releases.
const RESOURCES: [&str; 3] = ["resources", "bases", "components"];
const PATCHES: [&str; 3] = ["patches", "patchesStrategicMerge", "patchesJson6902"];

impl Kustomization {
    /// Reads the file `path`. What is not understood is passed over: kustomize itself reports it.
    pub fn read(path: &Path, source: &Source) -> Self {
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut kustomization = Self {
            folder: normal(folder),
            is_component: false,
            resources: Vec::new(),
            patches: Vec::new(),
        };
        let path_of = |name: &str| normal(&folder.join(name));
        for root in trees(source, &mut Diagnostics::new()) {
            kustomization.is_component |= root.get("kind").and_then(|it| text(it)) == Some("Component");
            for item in items(&root, &RESOURCES) {
                kustomization.resources.extend(text(item).map(path_of));
            }
            for item in items(&root, &PATCHES) {
                let name = text(item).or_else(|| text(item.get("path")?));
                kustomization.patches.extend(name.map(path_of));
            }
        }
        kustomization
    }
}

fn items<'n>(root: &'n Node, keys: &'n [&str]) -> impl Iterator<Item = &'n Node> {
    keys.iter()
        .filter_map(|key| match &root.get(key)?.value {
            Value::List(items) => Some(items),
            Value::Scalar(_) | Value::Map(_) => None,
        })
        .flatten()
        .map(|it| &**it)
}

pub(crate) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(Scalar::Text(text)) => Some(text),
        Value::Scalar(_) | Value::List(_) | Value::Map(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_folders_and_files_from_where_it_is() {
        let text = "\
resources: [../../base, app.yaml]
components: [../../tls]
patches:
- path: host.yaml
- patch: '[]'
patchesStrategicMerge: [old.yaml]
";
        let path = Path::new("overlays/prod/kustomization.yaml");
        let read = Kustomization::read(path, &Source::new("x", text));
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(read.folder, Path::new("overlays/prod"));
        assert_eq!(read.resources, paths(&["base", "overlays/prod/app.yaml", "tls"]));
        assert_eq!(
            read.patches,
            paths(&["overlays/prod/host.yaml", "overlays/prod/old.yaml"])
        );
        assert!(!read.is_component);
    }

    #[test]
    fn a_component_is_a_part() {
        let source = Source::new("x", "kind: Component\npatches: [{path: a.yaml}]\n");
        assert!(Kustomization::read(Path::new("tls/Kustomization"), &source).is_component);
    }
}
