//! What the manifests of the crates must say, for those who find a crate in a registry.

use cargo_metadata::{DependencyKind, MetadataCommand, Package};
use fingerpost_tests::repository;

use crate::architecture::none;

/// What a registry shows of a crate; and a crate that others can use needs no crate that they cannot have.
pub(crate) fn every_crate_says_what_it_is() -> Result<(), String> {
    let packages = packages()?;
    let is_private = |package: &Package| package.publish.as_ref().is_some_and(Vec::is_empty);
    let mut broken = Vec::new();
    for package in &packages {
        let mut lacks = |what: &str| broken.push(format!("{} has no {what}", package.name));
        if package.description.is_none() {
            lacks("description");
        }
        if package.license.is_none() {
            lacks("license");
        }
        if !package.readme().is_some_and(|readme| readme.is_file()) {
            lacks("readme");
        }
        if !(1..=5).contains(&package.keywords.len()) {
            lacks("keywords, or more than five");
        }
        let folder = package.manifest_path.parent();
        if !is_private(package) && !folder.is_some_and(|it| it.join("LICENSE").is_file()) {
            lacks("LICENSE beside its Cargo.toml: link it to the one of the repository");
        }
    }
    let published = packages.iter().filter(|package| !is_private(package));
    for package in published {
        let normal = package
            .dependencies
            .iter()
            .filter(|it| it.kind == DependencyKind::Normal);
        for dependency in normal {
            let ours = packages.iter().find(|it| *it.name == dependency.name);
            if ours.is_some_and(is_private) {
                broken.push(format!(
                    "{} is published and needs {}, which is not",
                    package.name, dependency.name
                ));
            }
        }
    }
    none(&broken)
}

/// The crates of the workspace, as cargo sees them.
pub(crate) fn packages() -> Result<Vec<Package>, String> {
    let manifest = repository::root().join("Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec();
    let metadata = metadata.map_err(|error| format!("cargo metadata: {error}"))?;
    Ok(metadata.packages)
}
