//! Real servers behind an example's gateway, and what tells the gateway of them.
//!
//! Decides no route: the servers become EndpointSlices and Secrets, resources beside those of the example.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use fingerpost_envoy_runner::{Authority, PrivateDirectory};
use serde_json::{Value, json};

use super::description::{Description, Server};
use super::program::Started;
use super::stop::Stop;
use crate::failure::Failure;
use crate::workspace::say;

/// What runs, and the files about it. All of it is gone when this is dropped.
pub(super) struct Servers {
    // Dropped first: the folder has their data.
    _running: Vec<Started>,
    directory: PrivateDirectory,
}

impl Servers {
    /// Starts all of an example.
    pub(super) fn start(description: &Description, example: &Path, stop: &Stop) -> Result<Self, Failure> {
        let directory = PrivateDirectory::new("fingerpost-servers-")
            .map_err(|error| Failure::file(&std::env::temp_dir(), &error))?;
        let mut resources = secrets(description, &directory)?;
        let mut running = Vec::new();
        for server in &description.servers {
            let folder = directory.path().join(server.service.replace('/', "."));
            fs::create_dir(&folder).map_err(|error| Failure::file(&folder, &error))?;
            let setup = server.setup.as_ref().map(|it| example.join(it));
            let started = server.program.start(&folder, setup.as_deref(), stop)?;
            say(
                "up",
                format_args!(
                    "{:?} for Service {} at {}",
                    server.program, server.service, started.address
                ),
            );
            resources.push(endpoint_slice(server, started.address));
            running.push(started);
        }
        let documents: Vec<String> = resources.iter().map(Value::to_string).collect();
        let servers = Self {
            _running: running,
            directory,
        };
        write(&servers.directory, RESOURCES, &documents.join("\n---\n"))?;
        Ok(servers)
    }

    /// The resources that lead to them.
    pub(super) fn resources(&self) -> PathBuf {
        self.directory.path().join(RESOURCES)
    }

    /// The certificate of the authority that signed all certificates.
    pub(super) fn authority(&self) -> PathBuf {
        self.directory.path().join(AUTHORITY)
    }
}

const RESOURCES: &str = "servers.yaml";
const AUTHORITY: &str = "ca.crt";

fn write(directory: &PrivateDirectory, name: &str, text: &str) -> Result<(), Failure> {
    let written = directory.write(name, text);
    written
        .map(drop)
        .map_err(|error| Failure::file(&directory.path().join(name), &error))
}

/// The Secrets, and the file of the authority that signed them.
fn secrets(description: &Description, directory: &PrivateDirectory) -> Result<Vec<Value>, Failure> {
    let failed =
        |error: std::io::Error| Failure::Surroundings(format!("no certificate can be made: {error}"));
    let authority = Authority::new().map_err(failed)?;
    write(directory, AUTHORITY, authority.pem())?;
    let certificates = description.certificates.iter();
    let secrets = certificates.map(|(secret, names)| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let certificate = authority.sign(&names).map_err(failed)?;
        let (namespace, name) = parts(secret)?;
        Ok(json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": {"tls.crt": certificate.chain_pem, "tls.key": certificate.key_pem},
        }))
    });
    secrets.collect()
}

fn endpoint_slice(server: &Server, address: SocketAddr) -> Value {
    let (namespace, name) = server
        .service
        .split_once('/')
        .unwrap_or(("default", &server.service));
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address.ip().to_string()]}],
        "ports": [{"name": server.port, "port": address.port()}],
    })
}

fn parts(name: &str) -> Result<(&str, &str), Failure> {
    let invalid = || Failure::Surroundings(format!("invalid name `{name}`: expected namespace/name"));
    name.split_once('/').ok_or_else(invalid)
}
