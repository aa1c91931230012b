//! Finds and reads the corpus: the scenarios, the world they share, and which proxy each is compiled for.
//!
//! The copy in the repository is read if there is one, else the one beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::case::Case;
use crate::repository;

/// All scenarios, and the resources that each may route to.
pub struct Corpus {
    /// Where it was read from.
    pub folder: PathBuf,
    /// The text of `world.yaml`.
    pub world: String,
    /// Sorted by name.
    pub scenarios: Vec<Scenario>,
}

/// One folder below `routing/`.
pub struct Scenario {
    /// The folder's name.
    pub name: String,
    /// The text of `resources.yaml`.
    pub resources: String,
    /// The proxy that the resources are compiled for.
    pub proxy: Proxy,
    /// The questions.
    pub cases: Vec<Case>,
    /// Where the control plane's own tables lie, if they were kept.
    pub control_plane: Option<PathBuf>,
}

/// Labels and namespace of a gateway's pod.
pub struct Proxy {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its namespace.
    pub namespace: String,
}

/// The folder of the corpus: the copy in the repository, else the one beside it.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    [own_copy(), shared_copy()]
        .into_iter()
        .find(|folder| folder.join("routing").is_dir())
}

/// The copy that belongs to the repository.
#[must_use]
pub fn own_copy() -> PathBuf {
    repository::root().join("tests/conformance")
}

/// The copy that the repository's one is made from, where a checkout has it.
#[must_use]
pub fn shared_copy() -> PathBuf {
    repository::root().join("../shared/conformance")
}

impl Corpus {
    /// Reads every scenario whose name contains `filter`.
    ///
    /// # Errors
    /// Names the file that is missing or malformed, or the command that fetches the corpus.
    pub fn read(filter: &str) -> Result<Self, String> {
        let folder =
            folder().ok_or("no corpus in tests/conformance: run `cargo xtask sync-conformance` first")?;
        let mut names: Vec<String> = std::fs::read_dir(folder.join("routing"))
            .map_err(|error| format!("{}: {error}", folder.display()))?
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join("cases.json").is_file())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name.contains(filter))
            .collect();
        names.sort();
        let scenarios = names
            .into_iter()
            .map(|name| Scenario::read(&folder, name))
            .collect::<Result<_, _>>()?;
        let world = read(&folder.join("world.yaml"))?;
        Ok(Self {
            folder,
            world,
            scenarios,
        })
    }
}

impl Scenario {
    fn read(corpus: &Path, name: String) -> Result<Self, String> {
        let folder = corpus.join("routing").join(&name);
        let resources = read(&folder.join("resources.yaml"))?;
        let text = read(&folder.join("cases.json"))?;
        let cases = serde_json::from_str(&text).map_err(|error| format!("{name}/cases.json: {error}"))?;
        let control_plane = match std::env::var_os("FINGERPOST_CONTROL_PLANE") {
            Some(other) => vec![PathBuf::from(other).join(&name)],
            None => vec![folder, shared_copy().join("routing").join(&name)],
        };
        let control_plane = control_plane
            .into_iter()
            .map(|folder| folder.join("istiod.json"))
            .find(|path| path.is_file());
        Ok(Self {
            proxy: Proxy::named_in(&resources),
            name,
            resources,
            cases,
            control_plane,
        })
    }
}

impl Proxy {
    /// Reads the comments `# proxy-labels:` and `# proxy-namespace:` at the top of a file.
    fn named_in(resources: &str) -> Self {
        let comment = |key: &str| {
            resources
                .lines()
                .take_while(|line| line.starts_with('#') || line.trim().is_empty())
                .find_map(|line| line.strip_prefix('#')?.trim_start().strip_prefix(key))
                .map(str::trim)
        };
        let labels = comment("proxy-labels:").unwrap_or("istio=ingressgateway");
        Self {
            labels: labels
                .split(',')
                .filter_map(|label| label.trim().split_once('='))
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            namespace: comment("proxy-namespace:").unwrap_or("istio-system").to_owned(),
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::Proxy;

    fn check(resources: &str, labels: &[(&str, &str)], namespace: &str) {
        let proxy = Proxy::named_in(resources);
        let found: Vec<_> = proxy
            .labels
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            (found.as_slice(), proxy.namespace.as_str()),
            (labels, namespace),
            "{resources}"
        );
    }

    #[test]
    fn comments_at_the_top_name_the_proxy() {
        check(
            "# proxy-labels: app=gw,istio=in\n# proxy-namespace: edge\nkind: X\n",
            &[("app", "gw"), ("istio", "in")],
            "edge",
        );
    }

    #[test]
    fn without_them_it_is_the_ingress_gateway() {
        check(
            "kind: X\n# proxy-namespace: edge\n",
            &[("istio", "ingressgateway")],
            "istio-system",
        );
    }
}
