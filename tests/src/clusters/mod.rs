//! Compares the clusters that are compiled with those that the control plane gives to a gateway, field by field.
//!
//! `tests/clusters/README.md` says how these were recorded. Decides which fields are equal; which differences are meant is
//! `meant`'s matter. Only the clusters that a route of the case leads to are recorded, and compared.

mod endpoints;
mod fields;
mod meant;
mod upstream_tls;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use fingerpost_config_compiler::{Compiled, Engine, InvalidLocality, Locality, Options, compile};
use fingerpost_resources::{Diagnostics, Source, read, render};
use serde_json::Value;

use crate::compiled::module_path;
use crate::repository;

pub use meant::{MEANT, Meant};

/// A field of one cluster that came out otherwise.
#[derive(Debug, Clone)]
pub struct ClusterDifference {
    /// The name of the case.
    pub case: String,
    /// The name of the cluster.
    pub cluster: String,
    /// The path of the field, such as `outlier_detection/interval`; `endpoints`; empty for the cluster itself.
    pub field: String,
    /// What the control plane says, none if it sets nothing.
    pub theirs: Option<String>,
    /// What is compiled, none if nothing is set.
    pub ours: Option<String>,
}

/// What was recorded for one input.
#[derive(Debug)]
pub struct RecordedCase {
    /// The name of its folder.
    pub name: String,
    resources: String,
    recorded: Value,
}

/// All cases, and what each of them may use.
#[derive(Debug)]
pub struct RecordedClusters {
    world: String,
    /// By name.
    pub cases: Vec<RecordedCase>,
}

impl RecordedCase {
    /// What a comment `# name: value` of the input says.
    fn said(&self, name: &str) -> Option<&str> {
        let comments = self.resources.lines().filter_map(|line| line.strip_prefix("# "));
        comments
            .filter_map(|it| it.split_once(": "))
            .find_map(|(key, value)| (key == name).then_some(value))
    }
}

/// Where they lie.
fn folder() -> PathBuf {
    repository::root().join("tests/clusters")
}

impl RecordedClusters {
    /// Reads all of them.
    ///
    /// # Errors
    /// Names the file that can't be read.
    pub fn load() -> Result<Self, String> {
        let text =
            |path: PathBuf| fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()));
        let entries = fs::read_dir(folder()).map_err(|error| format!("tests/clusters: {error}"))?;
        let mut folders: Vec<PathBuf> = entries
            .flatten()
            .map(|it| it.path())
            .filter(|it| it.is_dir())
            .collect();
        folders.sort();
        let mut cases = Vec::new();
        for folder in folders {
            let recorded = text(folder.join("istiod.json"))?;
            cases.push(RecordedCase {
                name: folder
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
                resources: text(folder.join("resources.yaml"))?,
                recorded: serde_json::from_str(&recorded)
                    .map_err(|error| format!("{}: {error}", folder.display()))?,
            });
        }
        Ok(Self {
            world: text(folder().join("world.yaml"))?,
            cases,
        })
    }

    /// What differs in the clusters of `case`, before any meant difference is taken off.
    ///
    /// # Errors
    /// The diagnostics, if it does not compile.
    pub fn differences(&self, case: &RecordedCase) -> Result<Vec<ClusterDifference>, String> {
        let compiled = self.compile(case)?;
        let bootstrap = compiled.bootstrap_json();
        let ours = by_name(&bootstrap["static_resources"]["clusters"], "name");
        let theirs = by_name(&case.recorded["clusters"], "name");
        let assignments = by_name(&case.recorded["endpoints"], "cluster_name");
        let names: BTreeSet<&str> = ours.keys().chain(theirs.keys()).copied().collect();
        let mut found = Vec::new();
        for name in names {
            let difference = |field: String, theirs, ours| ClusterDifference {
                case: case.name.clone(),
                cluster: name.to_owned(),
                field,
                theirs,
                ours,
            };
            let (Some(theirs), Some(ours)) = (theirs.get(name), ours.get(name)) else {
                let exists = |it: &BTreeMap<&str, &Value>| it.contains_key(name).then(|| "exists".to_owned());
                found.push(difference(String::new(), exists(&theirs), exists(&ours)));
                continue;
            };
            let assignment = assignments
                .get(name)
                .copied()
                .unwrap_or(&theirs["load_assignment"]);
            let (expected, got) = (endpoints::of(assignment), endpoints::of(&ours["load_assignment"]));
            if expected != got {
                found.push(difference("endpoints".to_owned(), Some(expected), Some(got)));
            }
            let theirs = upstream_tls::in_one_form(theirs, &[]);
            let ours = upstream_tls::in_one_form(ours, &compiled.file_secrets);
            let (expected, got) = (fields::of(&theirs), fields::of(&ours));
            let paths: BTreeSet<&String> = expected.keys().chain(got.keys()).collect();
            for path in paths {
                let (theirs, ours) = (expected.get(path).cloned(), got.get(path).cloned());
                if theirs != ours {
                    found.push(difference(path.clone(), theirs, ours));
                }
            }
        }
        Ok(found)
    }

    /// What is made of a case.
    fn compile(&self, case: &RecordedCase) -> Result<Compiled, String> {
        let mut diagnostics = Diagnostics::new();
        let sources = vec![
            Source::new("world.yaml", &self.world),
            Source::new("resources.yaml", &case.resources),
        ];
        let resources = read(sources, &mut diagnostics);
        let mut options = Options {
            engine: Engine::Native,
            module_path: module_path(),
            locality: proxy_locality(&case.resources)?,
            ..Options::default()
        };
        if let Some(namespace) = case.said("proxy-namespace") {
            options.namespace = namespace.to_owned();
        }
        let compiled = compile(&resources, &options, &mut diagnostics);
        match diagnostics.has_errors() {
            true => Err(render(&diagnostics, &resources.sources, false)),
            false => Ok(compiled),
        }
    }
}

/// Where the gateway of a case runs, if its comment says it.
fn proxy_locality(resources: &str) -> Result<Option<Locality>, String> {
    let mut lines = resources.lines();
    let text = lines.find_map(|it| it.strip_prefix("# proxy-locality: "));
    let locality = text.map(|it| it.trim().parse()).transpose();
    locality.map_err(|error: InvalidLocality| error.to_string())
}

fn by_name<'v>(list: &'v Value, key: &str) -> BTreeMap<&'v str, &'v Value> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(|it| Some((it[key].as_str()?, it))).collect()
}
