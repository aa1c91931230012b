//! `fingerpost manifests --envoy-gateway`: the filter in an installation of Envoy Gateway.

use clap::Args;
use fingerpost_config_compiler::{EnvoyVersion, Options};
use fingerpost_manifests::ModuleLocation;
use fingerpost_manifests::envoy_gateway::EnvoyGatewayOptions;

use super::{FailStrategyName, IstioArgs};
use crate::args::{EngineName, Input};
use crate::image::expected_sha256;

/// The Envoy of Envoy Gateway 1.9 (its `api/v1alpha1/shared_types.go`, `DefaultEnvoyProxyImage`).
const ENVOY: &str = "1.39";

#[derive(Debug, Args)]
pub(super) struct EnvoyGatewayArgs {
    /// GatewayClass of the installation
    #[arg(
        long,
        value_name = "NAME",
        default_value = "eg",
        requires = "envoy_gateway",
        help_heading = "Envoy Gateway"
    )]
    gateway_class: String,
}

impl EnvoyGatewayArgs {
    /// How the resources are compiled: for the Envoy of the installation, unless another one is named.
    pub(super) fn options(input: &Input) -> Options {
        let mut options = input.options(EngineName::Wasm, String::new());
        if input.envoy.is_none() {
            options.envoy = ENVOY.parse().unwrap_or(EnvoyVersion::NEWEST);
        }
        options
    }

    /// What the manifests of one gateway are made for. Where the module is and what happens without it is named as for Istio.
    pub(super) fn manifest_options(&self, module: &IstioArgs, name: &str) -> EnvoyGatewayOptions {
        // Clap asks for it with --envoy-gateway.
        let location = module
            .image
            .clone()
            .unwrap_or(ModuleLocation::File(String::new()));
        EnvoyGatewayOptions {
            name: name.to_owned(),
            class: self.gateway_class.clone(),
            sha256: expected_sha256(&location),
            module: location,
            pull_secret: module.image_pull_secret.clone(),
            fail_open: matches!(module.fail_strategy, FailStrategyName::Open),
        }
    }
}
