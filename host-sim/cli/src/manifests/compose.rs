//! `fingerpost manifests --compose`: a folder that docker compose runs.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use fingerpost_config_compiler::{AdminAddress, EnvoyVersion, Operations, Options};
use fingerpost_manifests::compose::{CONFIG, CONFIG_FOLDER, ComposeOptions, File, Network, folder};
use fingerpost_manifests::to_yaml;
use fingerpost_terminal::messages::note;

use crate::args::{EngineName, Input};
use crate::caller::Caller;
use crate::envoy_files::{EnvoyFile, MODULE, XDS, envoy_files};
use crate::failure::Failure;
use crate::load::load;
use crate::output::{Artifact, write};

/// Istio's ports for both.
const ADMIN_PORT: u16 = 15_000;
const READINESS_PORT: u16 = 15_021;

#[derive(Debug, Args)]
pub(super) struct ComposeArgs {
    /// How the containers reach each other
    #[arg(long, value_enum, default_value = "bridge", help_heading = "Compose")]
    network: NetworkName,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum NetworkName {
    /// By a network of compose's own, with the ports of the listeners published on this machine
    Bridge,
    /// By the network of this machine, where Docker has no other; no two upstreams may have one port
    Host,
}

impl ComposeArgs {
    /// Compiles the resources and writes the folder.
    pub(super) fn run(
        &self,
        input: &Input,
        envoy_image: Option<&str>,
        output: Option<&Path>,
    ) -> Result<(), Failure> {
        let output = output.ok_or_else(|| {
            Failure::refused("--compose writes several files: give the directory with -o DIR")
        })?;
        let network = match self.network {
            NetworkName::Bridge => Network::Bridge,
            NetworkName::Host => Network::Host,
        };
        let admin = match network {
            // In a network that only the containers are in.
            Network::Bridge => SocketAddr::from((Ipv4Addr::UNSPECIFIED, ADMIN_PORT)),
            Network::Host => SocketAddr::from((Ipv4Addr::LOCALHOST, ADMIN_PORT)),
        };
        let options = Options {
            operations: Some(Operations {
                admin: Some(AdminAddress::Tcp(admin)),
                readiness: Some(SocketAddr::from((Ipv4Addr::UNSPECIFIED, READINESS_PORT))),
                ..Operations::default()
            }),
            ..input.options(EngineName::Wasm, format!("{CONFIG}/{MODULE}"))
        };
        let loaded = load(input, Caller::Manifests, options, &[])?;
        let options = ComposeOptions {
            image: envoy_image.map_or_else(|| envoy_image_of(loaded.options.envoy), str::to_owned),
            network,
            admin,
            readiness: READINESS_PORT,
        };
        let made =
            folder(&loaded.compiled.summary, &options).map_err(|it| Failure::refused(it.to_string()))?;
        let mut files: Vec<EnvoyFile<'_>> = made.iter().map(envoy_file).collect();
        for file in envoy_files(&loaded.compiled, Some(&format!("{CONFIG}/{XDS}"))) {
            files.push(EnvoyFile {
                path: Path::new(CONFIG_FOLDER).join(file.path),
                ..file
            });
        }
        let artifacts: Vec<Artifact<'_>> = files.iter().map(Artifact::from).collect();
        write(output, &artifacts)?;
        note(format_args!(
            "wrote {}: start it with `docker compose up --wait` in there",
            output.display()
        ));
        Ok(())
    }
}

fn envoy_file(file: &File) -> EnvoyFile<'static> {
    EnvoyFile {
        path: PathBuf::from(&file.path),
        content: to_yaml(std::slice::from_ref(&file.document)).into(),
        secret: false,
    }
}

/// The image that Envoy's project publishes for a release.
pub(super) fn envoy_image_of(version: EnvoyVersion) -> String {
    format!("envoyproxy/envoy:v{version}-latest")
}
