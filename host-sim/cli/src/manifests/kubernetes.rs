//! `fingerpost manifests --kubernetes`: a stock Envoy in a cluster without Istio.

use std::io;

use clap::Args;
use fingerpost_config_compiler::{Compilation, Operations, Options, READINESS_PATH};
use fingerpost_manifests::deployment::{DeploymentOptions, Drain, FOLDER, GatewayFile, deployment};
use fingerpost_manifests::{Document, Refusal};

use super::compose::envoy_image_of;
use crate::args::{EngineName, Input};
use crate::envoy_files::{EnvoyFile, MODULE, ROUTING, XDS, envoy_files};
use crate::failure::Failure;

/// Ports of the Envoy in the Pod, as [`Operations::default`] has them.
const ADMIN_PORT: u16 = 15_000;
const READINESS_PORT: u16 = 15_021;
/// As docs/deploy/envoy.md says.
const DRAIN: Drain = Drain {
    unready: 10,
    leave: 30,
};

#[derive(Debug, Args)]
pub(super) struct KubernetesArgs {
    /// How many Pods
    #[arg(long, value_name = "NUMBER", default_value = "2", value_parser = clap::value_parser!(u32).range(1..), requires = "kubernetes", help_heading = "Kubernetes")]
    replicas: u32,
}

impl KubernetesArgs {
    /// How the resources are compiled for a Pod.
    pub(super) fn options(input: &Input) -> Options {
        Options {
            operations: Some(Operations::default()),
            ..input.options(EngineName::Wasm, format!("{FOLDER}/{MODULE}"))
        }
    }

    /// The manifests of one gateway.
    pub(super) fn documents(
        &self,
        one: &Compilation,
        name: &str,
        envoy_image: Option<&str>,
    ) -> Result<Result<Vec<Document>, Vec<Refusal>>, Failure> {
        let files = envoy_files(&one.compiled, Some(&format!("{FOLDER}/{XDS}")));
        let files: io::Result<Vec<GatewayFile>> = files
            .into_iter()
            .filter(|it| !it.path.ends_with(ROUTING)) // for people only
            .map(gateway_file)
            .collect();
        let options = DeploymentOptions {
            name: name.to_owned(),
            namespace: one.options.namespace.clone(),
            image: envoy_image.map_or_else(|| envoy_image_of(one.options.envoy), str::to_owned),
            replicas: self.replicas,
            readiness_port: READINESS_PORT,
            readiness_path: READINESS_PATH,
            admin_port: ADMIN_PORT,
            drain: DRAIN,
        };
        Ok(deployment(&one.compiled, &files?, &options))
    }
}

fn gateway_file(file: EnvoyFile<'_>) -> io::Result<GatewayFile> {
    Ok(GatewayFile {
        path: file.path.to_string_lossy().into_owned(),
        content: file.content.into_bytes()?,
        secret: file.secret,
    })
}
