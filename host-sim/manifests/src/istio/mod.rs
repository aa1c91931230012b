//! Manifests for a gateway of Istio: the filter, and the table in which Envoy finds its choices.
//!
//! Istiod goes on making listeners, clusters and certificates from the user's own resources. Three things are added: the
//! filter, as a `WasmPlugin` or a `TrafficExtension` for each port; an `EnvoyFilter` that puts the dispatch table in the place
//! of each route table; and in the same `EnvoyFilter` the removal of the dispatch header from what clients send.
//!
//! The tables have the names that istiod gives its own (istio `pilot/pkg/networking/core/gateway.go`), and so have the
//! clusters: `outbound|80|v1|reviews.default.svc.cluster.local`.
//!
//! Table and filter reach a gateway one after the other, so [`rollout`] also makes the steps between two states in which every
//! request is routed.

mod envoy_filter;
mod extension;
mod failure;
mod ports;
mod previous;
mod release;
mod rollout;

use std::collections::{BTreeMap, BTreeSet};

use fingerpost_config_compiler::{Compiled, Options};
use fingerpost_envoy_config::route::RouteConfiguration;

use crate::document::{Document, storable};
use crate::image::ModuleLocation;
use crate::refusal::Refusal;

use extension::ExtensionKind;

pub use failure::FailStrategy;
pub use previous::Previous;
pub use release::{IstioRelease, UnknownIstioRelease};
pub use rollout::{Change, ObjectName, Rollout, Step, rollout};

/// What the manifests are made for.
#[derive(Debug, Clone)]
pub struct IstioOptions {
    /// The name of the objects; those of a port have the port behind it.
    pub name: String,
    /// The release of Istio that reads them.
    pub release: IstioRelease,
    /// Where the gateway gets the module.
    pub module: ModuleLocation,
    /// The SHA-256 of what is there, in hexadecimal: of the manifest of an image, or of the module itself.
    pub sha256: Option<String>,
    /// The Secret with the credentials for the registry, in the namespace of the gateway.
    pub pull_secret: Option<String>,
    /// What happens to requests while the filter does not run.
    pub fail_strategy: FailStrategy,
}

/// The gateway: where it runs, and its labels.
struct Gateway<'a> {
    namespace: &'a str,
    labels: &'a BTreeMap<String, String>,
}

/// The manifests for the gateway that `compiled` was made for by `target`.
///
/// # Errors
/// What an Istio gateway cannot be made to do: all reasons that are known.
pub fn istio(
    compiled: &Compiled,
    target: &Options,
    options: &IstioOptions,
) -> Result<Vec<Document>, Vec<Refusal>> {
    let parts = parts(
        compiled,
        target,
        ExtensionKind::of_release(options.release),
        options,
    )?;
    storable(parts.documents(compiled, options), TOO_LARGE)
}

const TOO_LARGE: &str = "divide the rules between several gateways";

/// What the objects of a gateway are made of.
struct Parts<'t> {
    gateway: Gateway<'t>,
    /// The dispatch tables.
    tables: Vec<RouteConfiguration>,
    /// The filters.
    extensions: Vec<Document>,
}

impl Parts<'_> {
    /// All objects.
    fn documents(&self, compiled: &Compiled, options: &IstioOptions) -> Vec<Document> {
        let content = envoy_filter::Content {
            comment: vec![
                "The dispatch tables: for each key that the filter writes, the route that Envoy takes. They replace the route tables that
Istio makes of the VirtualServices, so write and apply these manifests again whenever a VirtualService, a Gateway or a DestinationRule changes.",
            ],
            tables: self.tables.clone(),
        };
        let tables = envoy_filter::document(&content, compiled, &self.gateway, options);
        [tables]
            .into_iter()
            .chain(self.extensions.iter().cloned())
            .collect()
    }
}

fn parts<'t>(
    compiled: &Compiled,
    target: &'t Options,
    kind: ExtensionKind,
    options: &IstioOptions,
) -> Result<Parts<'t>, Vec<Refusal>> {
    let gateway = Gateway {
        namespace: &target.namespace,
        labels: &target.labels,
    };
    if target.labels.is_empty() {
        return Err(vec![Refusal {
            reason: "the gateway has no labels: manifests without a selector would change every proxy of the namespace"
                .to_owned(),
            help: "name the labels of the gateway's Pods with --labels".to_owned(),
        }]);
    }
    if compiled.chains.is_empty() {
        return Err(vec![Refusal {
            reason: "the filter would have nothing to do: no Gateway has an HTTP server for this gateway"
                .to_owned(),
            help: "`fingerpost routes` shows what is served and why the rest is not".to_owned(),
        }]);
    }
    let claims = claims(compiled);
    if !claims.is_empty() {
        return Err(claims);
    }
    let ports = ports::group(compiled)?;
    let extensions = ports
        .iter()
        .map(|port| extension::document(port, kind, &gateway, options))
        .collect();
    Ok(Parts {
        gateway,
        tables: envoy_filter::tables(compiled),
        extensions,
    })
}

/// Rules that ask for claims of a token: Istio keeps these where no filter of Wasm can read them.
fn claims(compiled: &Compiled) -> Vec<Refusal> {
    let routes = compiled.summary.routes();
    let rules: BTreeSet<(&String, &String)> = routes
        .flat_map(|(_, _, route)| route.claims.iter().map(|it| (&route.virtual_service, &it.name)))
        .collect();
    rules
        .into_iter()
        .map(|(virtual_service, claim)| Refusal {
            reason: format!(
                "VirtualService {virtual_service} routes by {claim}: Istio verifies tokens, but no filter can read their claims"
            ),
            help: "match on a header instead: outputClaimToHeaders of a RequestAuthentication copies a claim into one"
                .to_owned(),
        })
        .collect()
}
