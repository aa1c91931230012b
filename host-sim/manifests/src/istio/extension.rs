//! The object by which Istio adds the filter to the gateway: `WasmPlugin` or, from Istio 1.30 on, `TrafficExtension`.
//!
//! Source: istio api `extensions/v1alpha1/wasm.proto` and `traffic_extension.proto`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use fingerpost_routing_config::RoutingConfig;
use serde::Serialize;

use crate::document::Document;
use crate::image::ModuleLocation;
use crate::kubernetes::{Metadata, Object};

use super::ports::PortGroup;
use super::{FailStrategy, Gateway, IstioOptions, IstioRelease};

const API_VERSION: &str = "extensions.istio.io/v1alpha1";

/// The root id by which the module finds its filter.
const PLUGIN_NAME: &str = "fingerpost";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Selector<'a> {
    match_labels: &'a BTreeMap<String, String>,
}

/// Which traffic: a gateway is the client of its upstreams.
#[derive(Serialize)]
struct TrafficSelector {
    mode: &'static str,
    ports: Vec<PortSelector>,
}

#[derive(Serialize)]
struct PortSelector {
    number: u32,
}

/// `spec` of a `WasmPlugin`.
#[derive(Serialize)]
struct WasmPlugin<'a> {
    selector: Selector<'a>,
    #[serde(rename = "match")]
    matches: [TrafficSelector; 1],
    #[serde(flatten)]
    wasm: WasmConfig<'a>,
}

/// `spec` of a `TrafficExtension`.
#[derive(Serialize)]
struct TrafficExtension<'a> {
    selector: Selector<'a>,
    #[serde(rename = "match")]
    matches: [TrafficSelector; 1],
    wasm: WasmConfig<'a>,
}

/// The module and its configuration. The phase is left to Istio, which puts the filter behind authentication and authorization
/// and before fault, CORS and the router.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WasmConfig<'a> {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_pull_secret: Option<&'a str>,
    plugin_name: &'static str,
    fail_strategy: FailStrategy,
    plugin_config: Cow<'a, RoutingConfig>,
}

/// The kind of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExtensionKind {
    WasmPlugin,
    TrafficExtension,
}

impl ExtensionKind {
    /// The kind that a release of Istio is meant to be given.
    pub(super) fn of_release(release: IstioRelease) -> Self {
        if release.has_traffic_extension() {
            Self::TrafficExtension
        } else {
            Self::WasmPlugin
        }
    }

    /// Reads `kind` of an object.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let kinds = [Self::WasmPlugin, Self::TrafficExtension];
        kinds.into_iter().find(|it| it.as_str() == text)
    }

    /// As `kind` of an object has it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::WasmPlugin => "WasmPlugin",
            Self::TrafficExtension => "TrafficExtension",
        }
    }
}

/// The object for these ports.
pub(super) fn document(
    group: &PortGroup,
    kind: ExtensionKind,
    gateway: &Gateway<'_>,
    options: &IstioOptions,
) -> Document {
    let first = group.ports.first().copied().unwrap_or_default();
    let metadata = Metadata::new(&format!("{}-{first}", options.name), gateway.namespace);
    let selector = Selector {
        match_labels: gateway.labels,
    };
    let matches = [TrafficSelector {
        mode: "CLIENT",
        ports: group
            .ports
            .iter()
            .map(|it| PortSelector { number: *it })
            .collect(),
    }];
    let wasm = WasmConfig {
        url: url(&options.module),
        sha256: options.sha256.as_deref(),
        image_pull_secret: options.pull_secret.as_deref(),
        plugin_name: PLUGIN_NAME,
        fail_strategy: options.fail_strategy,
        plugin_config: group.config.for_filter(),
    };
    let ports: Vec<String> = group.ports.iter().map(u32::to_string).collect();
    let what = format!(
        "The filter of port {}: it chooses the route of each request and writes its key into a header.",
        ports.join(" and ")
    );
    let image = image_command(&options.module);
    let mut comment = vec![what.as_str(), options.fail_strategy.consequence()];
    comment.extend(image.as_deref());
    match kind {
        ExtensionKind::TrafficExtension => Document::new(
            &comment,
            &Object {
                api_version: API_VERSION,
                kind: kind.as_str(),
                metadata,
                spec: TrafficExtension {
                    selector,
                    matches,
                    wasm,
                },
            },
        ),
        ExtensionKind::WasmPlugin => Document::new(
            &comment,
            &Object {
                api_version: API_VERSION,
                kind: kind.as_str(),
                metadata,
                spec: WasmPlugin {
                    selector,
                    matches,
                    wasm,
                },
            },
        ),
    }
}

/// How to make the image that is meant, unless its digest is the user's.
fn image_command(module: &ModuleLocation) -> Option<String> {
    match module {
        ModuleLocation::Image {
            reference,
            sha256: None,
        } => Some(format!(
            "`fingerpost image --push {reference}` makes the image with this digest."
        )),
        ModuleLocation::Image { sha256: Some(_), .. } | ModuleLocation::Web(_) | ModuleLocation::File(_) => {
            None
        }
    }
}

/// As Istio's `url` names it. The digest is in `sha256`.
fn url(module: &ModuleLocation) -> String {
    match module {
        ModuleLocation::Image { reference, .. } => format!("oci://{reference}"),
        ModuleLocation::Web(address) => address.clone(),
        ModuleLocation::File(path) => format!("file://{path}"),
    }
}
