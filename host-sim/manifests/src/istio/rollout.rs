//! The steps by which a gateway comes from one set of manifests to the next without losing a request.
//!
//! The table and the filter are different objects, which istiod sends one after the other, and the agent of the gateway pulls the
//! module in between. So each step changes one of them, and what is in force before and after it works with both forms of the
//! other:
//!
//! | step | first install | update |
//! |---|---|---|
//! | header | clients can't send a key any more | |
//! | table | keys, and Istio's routes for requests without a key | the keys of both tables |
//! | filter | the filters | the filters with the new rules |
//! | the manifests themselves | keys only | the new keys only |
//!
//! A key names what its route does, so a key means the same in every table. Between the second and the last step of a first install
//! the filter adds no protection: a request that it has not seen is routed, by rules that mean the same.

use std::collections::BTreeMap;
use std::fmt;

use fingerpost_config_compiler::{Compiled, Options};
use fingerpost_envoy_config::route::RouteConfiguration;
use fingerpost_xds::{KeysByDomain, union, with_native_routes};

use super::envoy_filter::{self, Content};
use super::extension::ExtensionKind;
use super::previous::{Previous, PreviousGateway, ports};
use super::{IstioOptions, Parts, TOO_LARGE, parts};
use crate::document::{Document, storable};
use crate::refusal::Refusal;

/// What the gateway runs before the change.
#[derive(Debug, Clone, Copy)]
pub enum Change<'p> {
    /// Istio's own routes.
    FirstInstall,
    /// These manifests.
    Update(&'p Previous),
}

/// The manifests, and the way to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollout {
    /// What is to be applied before the manifests, one after the other.
    pub steps: Vec<Step>,
    /// The manifests: the last step, and what the next change starts from.
    pub documents: Vec<Document>,
    /// Objects that the manifests before had and these have not: they are to be deleted at the end.
    pub unused: Vec<ObjectName>,
}

/// Objects that are applied together.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What changes: `header`, `table` or `filter`.
    pub name: &'static str,
    /// The objects.
    pub documents: Vec<Document>,
}

/// An object of the cluster, as `kubectl` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectName {
    kind: &'static str,
    name: String,
    namespace: String,
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.to_ascii_lowercase();
        write!(f, "-n {} {kind}/{}", self.namespace, self.name)
    }
}

/// The manifests for the gateway that `compiled` was made for by `target`, and the steps to them. `native` is what the same resources come
/// to for an Envoy without the filter.
///
/// # Errors
/// What an Istio gateway cannot be made to do, and changes that lose requests in any order: all reasons that are known.
pub fn rollout(
    compiled: &Compiled,
    native: &Compiled,
    change: Change<'_>,
    target: &Options,
    options: &IstioOptions,
) -> Result<Rollout, Vec<Refusal>> {
    let kind = ExtensionKind::of_release(options.release);
    let previous = match change {
        Change::FirstInstall => None,
        Change::Update(previous) => {
            let found = previous_gateway(previous, target, options).map_err(|it| vec![it])?;
            Some(found)
        }
    };
    // A request must not pass two filters, so they stay objects of the kind that they are: every supported release reads it.
    let kind = previous
        .as_ref()
        .and_then(|it| it.extensions.first())
        .map_or(kind, |it| it.kind);
    let parts = parts(compiled, target, kind, options)?;
    if let Some(previous) = &previous {
        let moved = moved_ports(previous, &parts);
        if !moved.is_empty() {
            return Err(moved);
        }
    }
    let filter_object = |comment: Vec<&str>, tables: Vec<RouteConfiguration>| {
        envoy_filter::document(&Content { comment, tables }, compiled, &parts.gateway, options)
    };
    let native: BTreeMap<String, RouteConfiguration> = envoy_filter::tables(native)
        .into_iter()
        .map(|it| (it.name.clone(), it))
        .collect();
    let mut steps = Vec::new();
    let in_between = match &previous {
        None => {
            let comment = vec![
                "Step 1 of a first install: clients can't send keys any more. Routes stay those of Istio.",
                "Before the next step, wait until connections from before are closed: the drain time of the gateway, 45 seconds by default.",
            ];
            steps.push(Step {
                name: "header",
                documents: vec![filter_object(comment, Vec::new())],
            });
            vec![
                "Step 2 of a first install: the dispatch tables, which route requests without a key as Istio does.",
                "Go on when every gateway has them. A request that the filter has not seen is routed until the last step.",
            ]
        }
        Some(_) => vec![
            "Step 1 of an update: the dispatch tables with the keys of the rules before and of the new ones.",
            "Go on when every gateway has them.",
        ],
    };
    let tables = tables_in_between(&parts.tables, &native, compiled, previous.as_ref());
    steps.push(Step {
        name: "table",
        documents: vec![filter_object(in_between, tables)],
    });
    steps.push(Step {
        name: "filter",
        documents: parts.extensions.clone(),
    });
    for step in &steps {
        storable(step.documents.clone(), TOO_LARGE_IN_BETWEEN)?;
    }
    let documents = storable(parts.documents(compiled, options), TOO_LARGE)?;
    let is_used = |name: &str| documents.iter().any(|it| it.name() == name);
    let before = previous.iter().flat_map(|it| &it.extensions);
    let unused = before
        .filter(|it| !is_used(&it.name))
        .map(|it| ObjectName {
            kind: it.kind.as_str(),
            name: it.name.clone(),
            namespace: target.namespace.clone(),
        })
        .collect();
    Ok(Rollout {
        steps,
        documents,
        unused,
    })
}

const TOO_LARGE_IN_BETWEEN: &str = "the tables between the two states hold the routes of both: divide the rules between several gateways, \
                                    make a large change in parts, or apply the manifests in one step at a quiet time";

fn previous_gateway(
    previous: &Previous,
    target: &Options,
    options: &IstioOptions,
) -> Result<PreviousGateway, Refusal> {
    let found = previous.of_gateway(&options.name, &target.namespace);
    let found = found.map_err(|error| Refusal {
        reason: error.to_string(),
        help: "make the manifests without --previous and apply them at a quiet time".to_owned(),
    })?;
    let found = found.ok_or_else(|| Refusal {
        reason: format!(
            "the previous manifests have no EnvoyFilter {} in the namespace {}",
            options.name, target.namespace
        ),
        help:
            "name the manifests that the gateway runs; for a gateway that has none yet, use --first-install"
                .to_owned(),
    })?;
    if found.routes_without_filter {
        return Err(Refusal {
            reason: "the previous manifests are those of a first install that is not finished: they also route requests that \
                     the filter has not seen"
                .to_owned(),
            help: "finish it before the rules change".to_owned(),
        });
    }
    Ok(found)
}

/// Ports whose filter would be another object. Two objects are not replaced in one moment: a request would pass both or none.
fn moved_ports(previous: &PreviousGateway, parts: &Parts<'_>) -> Vec<Refusal> {
    let mut moved = Vec::new();
    for document in &parts.extensions {
        for port in ports(&document.content) {
            let before = previous.extensions.iter().filter(|it| it.ports.contains(&port));
            for other in before.filter(|it| it.name != document.name()) {
                moved.push(Refusal {
                    reason: format!(
                        "the filter of port {port} would be {} and was {}: until both objects have changed, requests pass two \
                         filters or none",
                        document.name(),
                        other.name
                    ),
                    help: "make the manifests without --previous, and apply them to a new gateway or at a quiet time".to_owned(),
                });
            }
        }
    }
    moved
}

/// The tables with which the filters before and after the change work.
fn tables_in_between(
    tables: &[RouteConfiguration],
    native: &BTreeMap<String, RouteConfiguration>,
    compiled: &Compiled,
    previous: Option<&PreviousGateway>,
) -> Vec<RouteConfiguration> {
    let before = |name: &str| previous.and_then(|it| it.tables.get(name));
    let joined = tables.iter().map(|table| {
        let joined = match (before(&table.name), native.get(&table.name)) {
            (Some(before), _) => union(before, table),
            (None, Some(native)) => with_native_routes(table, native, &keys_by_domain(compiled, &table.name)),
            (None, None) => None,
        };
        // Tables that match by themselves need no filter.
        joined.unwrap_or_else(|| table.clone())
    });
    let gone = previous
        .iter()
        .flat_map(|it| it.tables.values())
        .filter(|it| tables.iter().all(|table| table.name != it.name));
    joined.chain(gone.cloned()).collect()
}

/// The keys that the filters write for the requests of each domain of a table.
fn keys_by_domain<'c>(compiled: &'c Compiled, table: &str) -> KeysByDomain<'c> {
    let mut keys = KeysByDomain::new();
    let chains = compiled.chains.iter().filter(|it| it.route_config == table);
    for config in chains.map(|it| &it.config) {
        for host in &config.virtual_hosts {
            for domain in &host.domains {
                keys.entry(domain.as_str()).or_default().extend(config.keys(host));
            }
        }
    }
    keys
}
