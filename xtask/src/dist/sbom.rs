//! The software bill of materials of a binary: CycloneDX 1.5 in JSON, <https://cyclonedx.org/docs/1.5/json/>.
//!
//! It is made here, not by cargo-cyclonedx: that takes minutes to build, writes this machine's paths into its references,
//! and sees neither the filter's crates nor musl, which are in the binary too. The crates are those of
//! `THIRD-PARTY-LICENSES.txt` and our own. There is no serial number, which would differ with each build of the same sources.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

use super::crates::{Crate, Crates};
use crate::build::{COMMAND, FILTER};
use crate::failure::Failure;

/// The binary that the document is about.
pub(super) struct Subject<'a> {
    /// Its name in a release, such as `fingerpost-0.1.0-x86_64-unknown-linux-musl`.
    pub(super) name: &'a str,
    pub(super) target: &'a str,
    pub(super) version: &'a str,
    /// In hexadecimal digits.
    pub(super) sha256: &'a str,
    /// In seconds since 1970.
    pub(super) time: u64,
    /// The version of Rust, whose standard library is in it.
    pub(super) rust: &'a str,
}

/// The document. `checksums` are those of `Cargo.lock`, by `name@version`.
pub(super) fn document(
    subject: &Subject<'_>,
    crates: &Crates,
    checksums: &BTreeMap<String, String>,
) -> Result<Value, Failure> {
    let root = key_of(crates, COMMAND)?;
    let filter = key_of(crates, FILTER)?;
    let runtime = runtime(subject);
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    for (key, package) in crates {
        let mut depends_on = package.dependencies.clone();
        if key == root {
            // Its build script puts the filter into it, which cargo does not know.
            depends_on.push(filter.clone());
            depends_on.extend(runtime.iter().map(|(reference, _)| reference.clone()));
        } else {
            components.push(component(key, package, checksums.get(key))?);
        }
        dependencies.push(json!({"ref": key, "dependsOn": depends_on}));
    }
    for (reference, component) in runtime {
        components.push(component);
        dependencies.push(json!({"ref": reference, "dependsOn": []}));
    }
    let seconds = i64::try_from(subject.time).ok();
    let time = seconds.and_then(|it| DateTime::from_timestamp(it, 0));
    let time = time.ok_or_else(|| {
        Failure::Usage(format!(
            "invalid time {}: expected seconds since 1970",
            subject.time
        ))
    })?;
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": time.to_rfc3339_opts(SecondsFormat::Secs, true),
            "tools": {"components": [{"type": "application", "name": "cargo xtask dist", "version": subject.version}]},
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": "fingerpost",
                "version": subject.version,
                "licenses": [{"expression": "Apache-2.0"}],
                "hashes": [{"alg": "SHA-256", "content": subject.sha256}],
                "properties": [
                    {"name": "fingerpost:archive", "value": subject.name},
                    {"name": "fingerpost:target", "value": subject.target},
                ],
            },
        },
        "components": components,
        "dependencies": dependencies,
    }))
}

fn key_of<'c>(crates: &'c Crates, name: &str) -> Result<&'c String, Failure> {
    let found = crates.iter().find(|(_, package)| package.name == name);
    found
        .map(|(key, _)| key)
        .ok_or_else(|| Failure::Found(format!("cargo metadata does not list {name}")))
}

fn component(key: &str, package: &Crate, checksum: Option<&String>) -> Result<Value, Failure> {
    let mut component = json!({
        "type": "library",
        "bom-ref": key,
        "name": package.name,
        "version": package.version,
        "scope": "required",
    });
    if let Some(description) = &package.description {
        component["description"] = json!(description.trim());
    }
    if let Some(licence) = &package.licence {
        // Old crates separate alternatives as SPDX does not: `MIT/Apache-2.0`.
        let alternatives: Vec<&str> = licence.split('/').map(str::trim).collect();
        component["licenses"] = json!([{"expression": alternatives.join(" OR ")}]);
    } else if let Some(file) = &package.licence_file {
        component["licenses"] = json!([{"license": {"name": format!("see {file} of the crate")}}]);
    }
    if let Some(repository) = &package.repository {
        component["externalReferences"] = json!([{"type": "vcs", "url": repository}]);
    }
    if package.is_external {
        let checksum =
            checksum.ok_or_else(|| Failure::Found(format!("Cargo.lock has no checksum for {key}")))?;
        component["purl"] = json!(format!("pkg:cargo/{key}"));
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    Ok(component)
}

/// The libraries in every binary that are not crates, by reference.
fn runtime(subject: &Subject<'_>) -> Vec<(String, Value)> {
    let reference = format!("rust-std@{}", subject.rust);
    let standard_library = json!({
        "type": "library",
        "bom-ref": reference,
        "name": "rust-std",
        "version": subject.rust,
        "description": "Rust's standard library",
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
        "externalReferences": [{"type": "vcs", "url": "https://github.com/rust-lang/rust"}],
    });
    let musl = json!({
        "type": "library",
        "bom-ref": "musl",
        "name": "musl",
        "description": "The C library",
        "licenses": [{"expression": "MIT"}],
        "externalReferences": [{"type": "website", "url": "https://musl.libc.org"}],
    });
    let mut parts = vec![(reference, standard_library)];
    if subject.target.ends_with("-musl") {
        parts.push(("musl".to_owned(), musl));
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::dist::crates;
    use crate::workspace::Workspace;

    const TARGET: &str = "aarch64-unknown-linux-musl";

    fn made() -> (Workspace, Value) {
        let workspace = Workspace::find().expect("cargo tells where it is");
        let crates = crates::linked(&workspace, TARGET).expect("cargo lists them");
        let subject = Subject {
            name: "fingerpost-0.1.0-aarch64-unknown-linux-musl",
            target: TARGET,
            version: "0.1.0",
            sha256: "00",
            time: 86_400,
            rust: "1.95.0",
        };
        let checksums = workspace.locked_checksums().expect("Cargo.lock has them");
        let document = document(&subject, &crates, &checksums).expect("every crate has a checksum");
        (workspace, document)
    }

    fn list<'v>(value: &'v Value, name: &str) -> &'v Vec<Value> {
        value[name].as_array().expect("a list")
    }

    #[test]
    fn what_is_in_the_binary_is_listed_with_its_licence_and_checksum() {
        let (_, document) = made();
        let found = |name: &str| list(&document, "components").iter().find(|it| it["name"] == name);
        // Of the command, of the filter alone, and what is not a crate.
        for name in [
            "wasmtime",
            "proxy-wasm",
            "fingerpost-virtual-service",
            "rust-std",
            "musl",
        ] {
            assert!(found(name).is_some(), "{name} is missing");
        }
        for name in ["libtest-mimic", "cc", "windows-sys", "fingerpost-cli"] {
            assert!(found(name).is_none(), "{name} is not in the binary");
        }
        let unlicensed = list(&document, "components")
            .iter()
            .find(|it| it["licenses"].is_null());
        assert_eq!(unlicensed, None);
        let walkdir = found("walkdir").expect("the command reads folders");
        assert_eq!(walkdir["licenses"][0]["expression"], "Unlicense OR MIT");
        let version = walkdir["version"].as_str().expect("a version");
        assert_eq!(walkdir["purl"], format!("pkg:cargo/walkdir@{version}"));
        let digest = walkdir["hashes"][0]["content"].as_str().expect("a checksum");
        assert_eq!(digest.len(), 64);
        assert_eq!(document["metadata"]["timestamp"], "1970-01-02T00:00:00Z");
    }

    #[test]
    fn every_reference_leads_to_one_component() {
        let (_, document) = made();
        let mut references =
            BTreeSet::from([document["metadata"]["component"]["bom-ref"].clone().to_string()]);
        for component in list(&document, "components") {
            let reference = component["bom-ref"].to_string();
            assert!(references.insert(reference), "{component} is there twice");
        }
        let mut reached = BTreeSet::from([document["metadata"]["component"]["bom-ref"].to_string()]);
        for entry in list(&document, "dependencies") {
            assert!(references.contains(&entry["ref"].to_string()), "{entry}");
            let depends_on: Vec<String> = list(entry, "dependsOn").iter().map(Value::to_string).collect();
            let distinct: BTreeSet<String> = depends_on.iter().cloned().collect();
            assert_eq!(distinct.len(), depends_on.len(), "{entry}");
            reached.extend(distinct);
        }
        assert_eq!(reached, references);
    }

    #[test]
    fn the_command_contains_the_filter() {
        let (_, document) = made();
        let root = &document["metadata"]["component"]["bom-ref"];
        let entries = list(&document, "dependencies");
        let command = entries.iter().find(|it| &it["ref"] == root).expect("the command");
        let mut names = list(command, "dependsOn").iter().filter_map(Value::as_str);
        assert!(
            names.any(|it| it.starts_with("fingerpost-virtual-service@")),
            "{command}"
        );
    }

    #[test]
    fn the_same_sources_make_the_same_document_wherever_they_are() {
        let (workspace, first) = made();
        let text = first.to_string();
        assert_eq!(text, made().1.to_string());
        let root = workspace.root.to_string_lossy();
        assert!(!text.contains(&*root), "it names {root}");
    }
}
