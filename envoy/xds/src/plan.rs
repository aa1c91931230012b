//! The way from one set of files to another on which no request is lost or misrouted.
//!
//! Envoy takes each kind of file by itself, so a change is made in stages, and Envoy must have taken a stage before the next begins.
//! After every stage the files are a whole configuration, from which an Envoy can be started.
//!
//! | stage | what changes | why then |
//! |---|---|---|
//! | [`Add`](Stage::Add) | clusters of both; route tables with the keys of both; tables and filters of new chains | the old filters find all that they choose, as before |
//! | [`Listen`](Stage::Listen) | new listeners and chains; changed ones; none is removed | what a new chain takes over, an old one still serves for old connections |
//! | [`Switch`](Stage::Switch) | the filters | from here on requests go by the new rules |
//! | [`Finish`](Stage::Finish) | route tables as they will be; listeners and chains that are gone | no filter chooses an old key, and no chain that lost a host gets its connections too early |
//! | [`Remove`](Stage::Remove) | clusters, tables, filters and secrets that are gone | requests under way may need them until then |

use std::collections::{BTreeMap, BTreeSet};

use fingerpost_envoy_config::cluster::Cluster;
use fingerpost_envoy_config::route::RouteConfiguration;

use crate::files::XdsFiles;
use crate::listeners;
use crate::tables;

/// A part of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Adds what nothing uses yet.
    Add,
    /// Opens listeners and filter chains.
    Listen,
    /// Changes the rules.
    Switch,
    /// Removes what no rule uses.
    Finish,
    /// Removes what only requests under way may use.
    Remove,
}

/// The files of a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Which stage it is.
    pub stage: Stage,
    /// All files, also those that are as before.
    pub files: XdsFiles,
}

/// The steps from `old` to `new`, without those that change nothing. `old` may be the files of a stage of another change.
pub fn plan(old: &XdsFiles, new: &XdsFiles) -> Vec<Step> {
    let mut files = old.clone();
    files.clusters = all_clusters(&old.clusters, &new.clusters);
    files.secrets.extend(cloned(&new.secrets));
    for (name, filter) in &new.filters {
        let entry = files.filters.entry(name.clone());
        entry.or_insert_with(|| filter.clone());
    }
    for (name, table) in &new.routes {
        if let Some(joined) = joined_table(old.routes.get(name), table) {
            files.routes.insert(name.clone(), joined);
        }
    }
    let add = files.clone();
    files.listeners = listeners::union(&old.listeners, &new.listeners);
    let listen = files.clone();
    files.filters.extend(cloned(&new.filters));
    let switch = files.clone();
    files.routes.extend(cloned(&new.routes));
    files.listeners.clone_from(&new.listeners);
    let stages = [
        (Stage::Add, add),
        (Stage::Listen, listen),
        (Stage::Switch, switch),
        (Stage::Finish, files),
        (Stage::Remove, new.clone()),
    ];
    let mut before = old.clone();
    let mut steps = Vec::new();
    for (stage, files) in stages {
        if files != before {
            before.clone_from(&files);
            steps.push(Step { stage, files });
        }
    }
    steps
}

/// The table of a chain until its filter has changed; none if the old one must stay till then.
fn joined_table(old: Option<&RouteConfiguration>, new: &RouteConfiguration) -> Option<RouteConfiguration> {
    match old {
        // Nothing uses it yet.
        None => Some(new.clone()),
        Some(old) => tables::union(old, new),
    }
}

/// All clusters, in the order of the new ones; of two with one name the new one, since a name says what a cluster is for.
fn all_clusters(old: &[Cluster], new: &[Cluster]) -> Vec<Cluster> {
    let names: BTreeSet<&str> = new.iter().map(|it| it.name.as_str()).collect();
    let only_old = old.iter().filter(|it| !names.contains(it.name.as_str()));
    new.iter().chain(only_old).cloned().collect()
}

fn cloned<T: Clone>(map: &BTreeMap<String, T>) -> impl Iterator<Item = (String, T)> {
    map.iter().map(|(name, value)| (name.clone(), value.clone()))
}

#[cfg(test)]
mod tests;
