//! The crates that are linked into the command and into the filter inside it, as `cargo metadata` lists them.
//!
//! Crates that only build scripts and tests use are left out. Features are those that the whole workspace asks for, so
//! an optional dependency can be listed that the command alone would not have.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use serde_json::Value;

use crate::build::{COMMAND, FILTER};
use crate::failure::Failure;
use crate::setup::WASM_TARGET;
use crate::workspace::Workspace;

/// One crate of the command or of the filter.
pub(super) struct Crate {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) description: Option<String>,
    /// As the crate declares it, in SPDX's terms.
    pub(super) licence: Option<String>,
    /// The file that has the licence, for a crate that does not declare one.
    pub(super) licence_file: Option<String>,
    pub(super) repository: Option<String>,
    /// The folder of its `Cargo.toml`.
    pub(super) folder: PathBuf,
    /// Whether it is from a registry, not from this repository.
    pub(super) is_external: bool,
    /// The keys in [`Crates`] of the crates that it links.
    pub(super) dependencies: Vec<String>,
}

/// All crates, by `name@version`.
pub(super) type Crates = BTreeMap<String, Crate>;

/// The crates in the command for a target, and in the filter.
pub(super) fn linked(workspace: &Workspace, target: &str) -> Result<Crates, Failure> {
    let mut crates = linked_into(workspace, COMMAND, target)?;
    for (key, other) in linked_into(workspace, FILTER, WASM_TARGET)? {
        match crates.get_mut(&key) {
            // A crate can link others on the filter's target than on the command's.
            Some(known) => {
                known.dependencies.extend(other.dependencies);
                known.dependencies.sort();
                known.dependencies.dedup();
            }
            None => drop(crates.insert(key, other)),
        }
    }
    Ok(crates)
}

fn linked_into(workspace: &Workspace, root: &str, target: &str) -> Result<Crates, Failure> {
    let metadata = workspace.metadata(target)?;
    let packages = by_id(&metadata["packages"]);
    let nodes = by_id(&metadata["resolve"]["nodes"]);
    let start = packages
        .iter()
        .find(|(_, package)| package["name"] == root)
        .map(|(id, _)| *id);
    let mut next: Vec<&str> = start.into_iter().collect();
    let mut found = Crates::new();
    while let Some(id) = next.pop() {
        let missing = |id| Failure::Found(format!("cargo metadata has no package {id}"));
        let package = packages.get(id).ok_or_else(|| missing(id))?;
        let key = key(package);
        if found.contains_key(&key) {
            continue;
        }
        let node = nodes.get(id).ok_or_else(|| missing(id))?;
        let ids: Vec<&str> = dependencies(node).collect();
        let keys = ids.iter().map(|id| {
            packages
                .get(id)
                .map(|it| self::key(it))
                .ok_or_else(|| missing(id))
        });
        let mut dependencies = keys.collect::<Result<Vec<_>, _>>()?;
        dependencies.sort();
        found.insert(key, read(package, dependencies));
        next.extend(ids);
    }
    if found.is_empty() {
        return Err(Failure::Found(format!("cargo metadata has no package {root}")));
    }
    Ok(found)
}

fn by_id(list: &Value) -> HashMap<&str, &Value> {
    let entries = list.as_array().into_iter().flatten();
    entries
        .filter_map(|entry| Some((entry["id"].as_str()?, entry)))
        .collect()
}

/// The ids of a package's dependencies that are not only for its build script or its tests.
fn dependencies(node: &Value) -> impl Iterator<Item = &str> {
    let dependencies = node["deps"].as_array().into_iter().flatten();
    let normal = dependencies.filter(|dependency| {
        let kinds = dependency["dep_kinds"].as_array();
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
    });
    normal.filter_map(|dependency| dependency["pkg"].as_str())
}

fn key(package: &Value) -> String {
    let field = |name: &str| package[name].as_str().unwrap_or_default();
    format!("{}@{}", field("name"), field("version"))
}

fn read(package: &Value, dependencies: Vec<String>) -> Crate {
    let optional = |name: &str| package[name].as_str().map(str::to_owned);
    let text = |name: &str| optional(name).unwrap_or_default();
    let mut folder = PathBuf::from(text("manifest_path"));
    folder.pop();
    Crate {
        name: text("name"),
        version: text("version"),
        description: optional("description"),
        licence: optional("license"),
        licence_file: optional("license_file"),
        repository: optional("repository"),
        folder,
        is_external: !package["source"].is_null(),
        dependencies,
    }
}
