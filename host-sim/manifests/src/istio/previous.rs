//! The manifests that a gateway runs now, as far as the next ones depend on them: its dispatch tables and its filters.
//!
//! They are read from the files that an earlier run wrote, or from what `kubectl get -o yaml` prints of the cluster.

use std::collections::BTreeMap;
use std::fmt;

use fingerpost_envoy_config::route::{RouteConfiguration, VirtualHost};
use fingerpost_envoy_config::xds::{MatchAction, OnMatch};
use serde::Deserialize;
use serde_json::Value;

use super::envoy_filter::{HOST_PREFIX, KIND};
use super::extension::ExtensionKind;
use crate::yaml::{InvalidYaml, documents};

/// Objects that are in force.
#[derive(Debug, Clone, Default)]
pub struct Previous {
    objects: Vec<Value>,
}

/// An object that this version does not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InvalidPrevious(String);

impl fmt::Display for InvalidPrevious {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What was read of one gateway.
pub(super) struct PreviousGateway {
    /// The dispatch tables by their names.
    pub(super) tables: BTreeMap<String, RouteConfiguration>,
    pub(super) extensions: Vec<PreviousExtension>,
    /// Whether the tables also have routes for requests that no filter has seen: those of a first install that is under way.
    pub(super) routes_without_filter: bool,
}

/// A filter.
pub(super) struct PreviousExtension {
    pub(super) kind: ExtensionKind,
    pub(super) name: String,
    pub(super) ports: Vec<u64>,
}

/// The part of an `EnvoyFilter` that has a virtual host.
#[derive(Deserialize)]
struct AddedHost {
    patch: AddPatch,
}

#[derive(Deserialize)]
struct AddPatch {
    value: VirtualHost,
}

impl Previous {
    /// Adds the objects of a YAML file, also those in a List. `file` names it in errors.
    ///
    /// # Errors
    /// The text is not YAML.
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), InvalidYaml> {
        for object in documents(file, text)? {
            match object["kind"].as_str() {
                Some("List") => self
                    .objects
                    .extend(object["items"].as_array().into_iter().flatten().cloned()),
                Some(_) | None => self.objects.push(object),
            }
        }
        Ok(())
    }

    /// What the gateway with these objects runs; none if its `EnvoyFilter` is not among them.
    ///
    /// # Errors
    /// The `EnvoyFilter` is not one that this version of Fingerpost reads.
    pub(super) fn of_gateway(
        &self,
        name: &str,
        namespace: &str,
    ) -> Result<Option<PreviousGateway>, InvalidPrevious> {
        let own = self
            .objects
            .iter()
            .filter(|it| it["metadata"]["namespace"] == namespace);
        let mut filters = own
            .clone()
            .filter(|it| it["kind"] == KIND && it["metadata"]["name"] == name);
        // Of several with one name, as in the files of steps, the last is the one that is in force.
        let Some(filter) = filters.next_back() else {
            return Ok(None);
        };
        let mut gateway = PreviousGateway {
            tables: BTreeMap::new(),
            extensions: own.filter_map(|it| extension(it, name)).collect(),
            routes_without_filter: false,
        };
        let unreadable = |reason: &dyn fmt::Display| {
            InvalidPrevious(format!(
                "EnvoyFilter {namespace}/{name} is not as this version of fingerpost writes it: {reason}"
            ))
        };
        let patches = filter["spec"]["configPatches"].as_array();
        for patch in patches.into_iter().flatten() {
            if patch["applyTo"] != "VIRTUAL_HOST" || patch["patch"]["operation"] != "ADD" {
                continue;
            }
            let table = patch["match"]["routeConfiguration"]["name"].as_str();
            let table = table.ok_or_else(|| unreadable(&"a virtual host without the name of its table"))?;
            let added = AddedHost::deserialize(patch).map_err(|error| unreadable(&error))?;
            let host = added.patch.value;
            let host = VirtualHost {
                name: host
                    .name
                    .strip_prefix(HOST_PREFIX)
                    .unwrap_or(&host.name)
                    .to_owned(),
                ..host
            };
            gateway.routes_without_filter |= routes_without_filter(&host);
            let entry = gateway.tables.entry(table.to_owned());
            let named = || RouteConfiguration {
                name: table.to_owned(),
                ..RouteConfiguration::default()
            };
            entry.or_insert_with(named).virtual_hosts.push(host);
        }
        Ok(Some(gateway))
    }
}

fn routes_without_filter(host: &VirtualHost) -> bool {
    let on_no_match = host.matcher.as_ref().and_then(|it| it.on_no_match.as_deref());
    let falls_back = match on_no_match {
        Some(OnMatch::Action(action)) => match action.typed_config {
            MatchAction::Route(_) | MatchAction::RouteList(_) => true,
        },
        Some(OnMatch::Matcher(_)) | None => false,
    };
    falls_back || !host.routes.is_empty()
}

/// A filter of the gateway with this name: it is called like the gateway, with a port behind it.
fn extension(object: &Value, gateway: &str) -> Option<PreviousExtension> {
    let kind = ExtensionKind::parse(object["kind"].as_str()?)?;
    let name = object["metadata"]["name"].as_str()?;
    let port = name.strip_prefix(gateway)?.strip_prefix('-')?;
    port.parse::<u16>().ok()?;
    Some(PreviousExtension {
        kind,
        name: name.to_owned(),
        ports: ports(object),
    })
}

/// The ports that a filter is for.
pub(super) fn ports(extension: &Value) -> Vec<u64> {
    let selectors = extension["spec"]["match"].as_array().into_iter().flatten();
    selectors
        .flat_map(|it| it["ports"].as_array().into_iter().flatten())
        .filter_map(|it| it["number"].as_u64())
        .collect()
}
