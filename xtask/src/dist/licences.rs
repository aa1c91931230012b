//! The licences of everything that is in the command: its crates, those of the filter in it, Rust's library and musl.
//!
//! `deny.toml` decides which licences may be there; this only gathers their texts, as they ask for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::build::{COMMAND, FILTER};
use crate::failure::Failure;
use crate::setup::WASM_TARGET;
use crate::workspace::Workspace;

/// musl's own notice: the C library that is linked into the command.
const MUSL: &str = include_str!("musl-copyright.txt");

/// What the names of files with licences begin with.
const NAMES: [&str; 5] = ["COPYING", "COPYRIGHT", "LICENCE", "LICENSE", "NOTICE"];

/// All texts, each once, with the crates that carry it.
pub(super) fn all(workspace: &Workspace, target: &str) -> Result<String, Failure> {
    let mut crates = crates(workspace, COMMAND, target)?;
    crates.extend(self::crates(workspace, FILTER, WASM_TARGET)?);
    let mut list = String::new();
    let mut texts: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (name, package) in &crates {
        list.push_str(&format!("{name}: {}\n", package.licence));
        for text in &package.texts {
            texts.entry(text.clone()).or_default().insert(name);
        }
    }
    let mut whole = format!(
        "fingerpost contains the crates below, Rust's standard library (MIT OR Apache-2.0) and, in builds for musl, the musl C library (MIT).\n\n\
         {list}{RULE}\n\nmusl\n\n{MUSL}"
    );
    for (text, names) in texts {
        let names: Vec<&str> = names.into_iter().collect();
        whole.push_str(&format!("{RULE}\n\n{}\n\n{text}\n", names.join(", ")));
    }
    Ok(whole)
}

const RULE: &str = "\n--------------------------------------------------------------------------------";

/// A crate of others.
struct Crate {
    /// As it declares it, in SPDX's terms.
    licence: String,
    /// What its files say.
    texts: Vec<String>,
}

/// The crates of others that are linked into `root` for a target, by name and version.
fn crates(workspace: &Workspace, root: &str, target: &str) -> Result<BTreeMap<String, Crate>, Failure> {
    let metadata = workspace.metadata(target)?;
    let packages = by_id(&metadata["packages"], "id");
    let nodes = by_id(&metadata["resolve"]["nodes"], "id");
    let start = packages
        .iter()
        .find(|(_, package)| package["name"] == root)
        .map(|(id, _)| *id);
    let mut next: Vec<&str> = start.into_iter().collect();
    let mut seen = BTreeSet::new();
    let mut found = BTreeMap::new();
    while let Some(id) = next.pop() {
        let (Some(package), Some(node)) = (packages.get(id), nodes.get(id)) else {
            return Err(Failure::Found(format!("cargo metadata has no package {id}")));
        };
        if !seen.insert(id) {
            continue;
        }
        next.extend(linked(node));
        if !package["source"].is_null() {
            let name = format!("{} {}", text(&package["name"]), text(&package["version"]));
            found.insert(name, licences(package)?);
        }
    }
    Ok(found)
}

fn by_id<'v>(list: &'v Value, key: &str) -> HashMap<&'v str, &'v Value> {
    let entries = list.as_array().into_iter().flatten();
    entries
        .filter_map(|entry| Some((entry[key].as_str()?, entry)))
        .collect()
}

/// The dependencies of a package that are more than for its build script or its tests.
fn linked(node: &Value) -> impl Iterator<Item = &str> {
    let dependencies = node["deps"].as_array().into_iter().flatten();
    let normal = dependencies.filter(|dependency| {
        let kinds = dependency["dep_kinds"].as_array();
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
    });
    normal.filter_map(|dependency| dependency["pkg"].as_str())
}

fn licences(package: &Value) -> Result<Crate, Failure> {
    let manifest = Path::new(text(&package["manifest_path"]));
    let folder = manifest.parent().unwrap_or(manifest);
    let mut texts = BTreeSet::new();
    for entry in fs::read_dir(folder)
        .map_err(|error| Failure::file(folder, &error))?
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if NAMES.iter().any(|start| name.starts_with(start)) && entry.path().is_file() {
            let path = entry.path();
            let bytes = fs::read(&path).map_err(|error| Failure::file(&path, &error))?;
            texts.insert(
                String::from_utf8_lossy(&bytes)
                    .replace("\r\n", "\n")
                    .trim_end()
                    .to_owned(),
            );
        }
    }
    let licence = text(&package["license"]);
    if licence.is_empty() && texts.is_empty() {
        return Err(Failure::Found(format!(
            "{} declares no licence",
            text(&package["name"])
        )));
    }
    Ok(Crate {
        licence: if licence.is_empty() {
            "see its text".to_owned()
        } else {
            licence.to_owned()
        },
        texts: texts.into_iter().collect(),
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crates_of_the_command_and_of_the_filter_are_listed_with_their_texts() {
        let workspace = Workspace::find().expect("cargo tells where it is");
        let whole = all(&workspace, "x86_64-unknown-linux-musl").expect("every crate has a licence");
        let (list, texts) = whole.split_once(RULE).expect("a list, then texts");
        for name in ["\nwasmtime ", "\nclap_mangen ", "\nproxy-wasm "] {
            assert!(list.contains(name), "{name:?} is not in:\n{list}");
        }
        for name in ["\nlibtest-mimic ", "\ncc ", "\nwindows-sys ", "\nfingerpost"] {
            assert!(
                !list.contains(name),
                "{name:?} is not in the command, but in:\n{list}"
            );
        }
        for text in ["Rich Felker", "Apache License", "wasmtime 48"] {
            assert!(texts.contains(text), "{text:?} is not in the texts");
        }
    }
}
