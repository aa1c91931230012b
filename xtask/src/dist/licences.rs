//! The licences of everything that is in the command: its crates, those of the filter in it, Rust's library and musl.
//!
//! `deny.toml` decides which licences may be there; this only gathers their texts, as they ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::crates::{Crate, Crates};
use crate::failure::Failure;

/// musl's own notice: the C library that is linked into the command.
const MUSL: &str = include_str!("musl-copyright.txt");

/// What the names of files with licences begin with.
const NAMES: [&str; 5] = ["COPYING", "COPYRIGHT", "LICENCE", "LICENSE", "NOTICE"];

/// A line between two texts.
const RULE: &str = "\n--------------------------------------------------------------------------------";

/// All texts, each once, with the crates that carry it.
pub(super) fn all(crates: &Crates) -> Result<String, Failure> {
    let mut list = String::new();
    let mut by_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in crates.values().filter(|package| package.is_external) {
        let texts = texts(package)?;
        if package.licence.is_none() && texts.is_empty() {
            return Err(Failure::Found(format!("{} declares no licence", package.name)));
        }
        let name = format!("{} {}", package.name, package.version);
        let licence = package.licence.as_deref().unwrap_or("see its text");
        list.push_str(&format!("{name}: {licence}\n"));
        for text in texts {
            by_text.entry(text).or_default().push(name.clone());
        }
    }
    let mut whole = format!(
        "fingerpost contains the crates below, Rust's standard library (MIT OR Apache-2.0) and, in builds for musl, the musl C library (MIT).\n\n\
         {list}{RULE}\n\nmusl\n\n{MUSL}"
    );
    for (text, names) in by_text {
        whole.push_str(&format!("{RULE}\n\n{}\n\n{text}\n", names.join(", ")));
    }
    Ok(whole)
}

/// What the licence files of a crate say.
fn texts(package: &Crate) -> Result<BTreeSet<String>, Failure> {
    let folder = &package.folder;
    let entries = fs::read_dir(folder).map_err(|error| Failure::file(folder, &error))?;
    let mut texts = BTreeSet::new();
    for entry in entries {
        let path = entry.map_err(|error| Failure::file(folder, &error))?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_uppercase();
        if NAMES.iter().any(|start| name.starts_with(start)) && path.is_file() {
            let bytes = fs::read(&path).map_err(|error| Failure::file(&path, &error))?;
            let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
            texts.insert(text.trim_end().to_owned());
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::crates;
    use crate::workspace::Workspace;

    #[test]
    fn the_crates_of_the_command_and_of_the_filter_are_listed_with_their_texts() {
        let workspace = Workspace::find().expect("cargo tells where it is");
        let crates = crates::linked(&workspace, "x86_64-unknown-linux-musl").expect("cargo lists them");
        let whole = all(&crates).expect("every crate has a licence");
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
