//! What is there at each stage.

use fingerpost_envoy_config::core::{Address, SocketAddress};
use fingerpost_envoy_config::listener::{FilterChain, FilterChainMatch, Listener, TrafficDirection};

use super::*;

fn cluster(name: &str) -> Cluster {
    Cluster {
        name: name.to_owned(),
        ..Cluster::default()
    }
}

/// A listener with a chain for each list of server names, parted by blanks.
fn listener(name: &str, chains: &[&str]) -> Listener {
    let chain = |names: &&str| FilterChain {
        filter_chain_match: FilterChainMatch {
            server_names: names.split_whitespace().map(str::to_owned).collect(),
        },
        ..FilterChain::default()
    };
    Listener {
        name: name.to_owned(),
        address: Address::SocketAddress(SocketAddress {
            address: "0.0.0.0".to_owned(),
            port_value: 80,
        }),
        traffic_direction: TrafficDirection::Outbound,
        listener_filters: Vec::new(),
        filter_chains: chains.iter().map(chain).collect(),
        access_log: Vec::new(),
        stat_prefix: String::new(),
        ignore_global_conn_limit: false,
    }
}

/// Each listener of a step, and the server names of its chains.
fn listeners(files: &XdsFiles) -> Vec<String> {
    let shown = |it: &Listener| {
        let chains = it
            .filter_chains
            .iter()
            .map(|it| it.filter_chain_match.server_names.join(" "));
        format!("{}: {}", it.name, chains.collect::<Vec<_>>().join(", "))
    };
    files.listeners.iter().map(shown).collect()
}

fn at(steps: &[Step], stage: Stage) -> &XdsFiles {
    let step = steps.iter().find(|it| it.stage == stage);
    &step.expect("the stage changes something").files
}

#[test]
fn clusters_are_added_first_and_removed_last() {
    let files = |names: &[&str]| XdsFiles {
        clusters: names.iter().map(|it| cluster(it)).collect(),
        ..XdsFiles::default()
    };
    let steps = plan(&files(&["a", "b"]), &files(&["b", "c"]));
    let shown: Vec<(Stage, Vec<&str>)> = steps
        .iter()
        .map(|it| {
            (
                it.stage,
                it.files.clusters.iter().map(|it| it.name.as_str()).collect(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [(Stage::Add, vec!["b", "c", "a"]), (Stage::Remove, vec!["b", "c"])]
    );
    assert_eq!(plan(&files(&["a"]), &files(&["a"])), []);
}

#[test]
fn chains_and_listeners_are_added_before_the_filters_change_and_removed_after() {
    let files = |listeners: &[Listener]| XdsFiles {
        listeners: listeners.to_vec(),
        ..XdsFiles::default()
    };
    let old = files(&[listener("same", &["a", "b c", ""]), listener("gone", &[""])]);
    let new = files(&[listener("new", &[""]), listener("same", &["b", "d"])]);
    let steps = plan(&old, &new);
    assert_eq!(
        listeners(at(&steps, Stage::Listen)),
        ["new: ", "same: b, d, a, c, ", "gone: "]
    );
    assert_eq!(at(&steps, Stage::Finish), &new);
    assert_eq!(steps.len(), 2);
}

#[test]
fn a_chain_for_all_names_replaces_the_one_before() {
    let files = |chains: &[&str]| XdsFiles {
        listeners: vec![listener("a", chains)],
        ..XdsFiles::default()
    };
    let steps = plan(&files(&["", "x"]), &files(&["x", ""]));
    assert_eq!(listeners(at(&steps, Stage::Listen)), ["a: x, "]);
    assert_eq!(steps.len(), 1);
}

#[test]
fn a_table_that_matches_by_itself_changes_at_once_when_its_clusters_are_there() {
    use fingerpost_envoy_config::route::{Action, DirectResponseAction, PathSpecifier, Route, VirtualHost};
    let files = |status, name: &str| {
        let answer = Action::DirectResponse(DirectResponseAction { status, body: None });
        let table = RouteConfiguration {
            name: "t".to_owned(),
            virtual_hosts: vec![VirtualHost {
                domains: vec!["*".to_owned()],
                routes: vec![Route::new(PathSpecifier::Prefix("/".to_owned()).into(), answer)],
                ..VirtualHost::default()
            }],
            ..RouteConfiguration::default()
        };
        XdsFiles {
            clusters: vec![cluster(name)],
            routes: [("t".to_owned(), table)].into(),
            ..XdsFiles::default()
        }
    };
    let (old, new) = (files(200, "a"), files(201, "b"));
    let steps = plan(&old, &new);
    assert_eq!(at(&steps, Stage::Add).routes, old.routes);
    assert_eq!(at(&steps, Stage::Finish).routes, new.routes);
    assert_eq!(at(&steps, Stage::Finish).clusters.len(), 2);
    assert_eq!(at(&steps, Stage::Remove), &new);
}
