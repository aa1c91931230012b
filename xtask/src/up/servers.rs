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
use super::server_setup::{Setup, TlsFiles};
use super::stop::Stop;
use crate::failure::Failure;
use crate::workspace::say;

/// What runs, and the files about it. All of it is gone when this is dropped; if we are killed, the servers end, and the folder stays.
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
        let authority = Authority::new().map_err(no_certificate)?;
        write(&directory, AUTHORITY, authority.pem())?;
        let mut resources = secrets(description, &authority)?;
        let mut running = Vec::new();
        for server in &description.servers {
            let folder = directory.path().join(server.service.replace('/', "."));
            fs::create_dir(&folder).map_err(|error| Failure::file(&folder, &error))?;
            let file = server.setup.as_ref().map(|it| example.join(it));
            let tls = certificate_files(server, &authority, &directory)?;
            let setup = Setup::new(&folder, file, tls)?;
            let started = server.program.start(&server.service, &setup, stop)?;
            say(
                "up",
                format_args!(
                    "{:?} for Service {} at {}",
                    server.program, server.service, started.address
                ),
            );
            resources.push(endpoint_slice(server, started.address)?);
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

/// The Secrets of servers of the Gateway.
fn secrets(description: &Description, authority: &Authority) -> Result<Vec<Value>, Failure> {
    let certificates = description.certificates.iter();
    let secrets = certificates.map(|(secret, names)| {
        let certificate = authority.sign(&as_texts(names)).map_err(no_certificate)?;
        let (namespace, name) = parts(secret)?;
        Ok(json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": {"tls.crt": certificate.chain_pem, "tls.key": certificate.key_pem},
        }))
    });
    secrets.collect()
}

/// The files of a server's own certificate, if it has one.
fn certificate_files(
    server: &Server,
    authority: &Authority,
    directory: &PrivateDirectory,
) -> Result<Option<TlsFiles>, Failure> {
    if server.tls.is_empty() {
        return Ok(None);
    }
    let certificate = authority.sign(&as_texts(&server.tls)).map_err(no_certificate)?;
    let name = server.service.replace('/', ".");
    let (crt, key) = (format!("{name}.crt"), format!("{name}.key"));
    write(directory, &crt, &certificate.chain_pem)?;
    write(directory, &key, &certificate.key_pem)?;
    let path = |name: &str| directory.path().join(name);
    Ok(Some(TlsFiles {
        certificate: path(&crt),
        key: path(&key),
        authority: path(AUTHORITY),
    }))
}

fn as_texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn no_certificate(error: std::io::Error) -> Failure {
    Failure::Surroundings(format!("no certificate can be made: {error}"))
}

fn endpoint_slice(server: &Server, address: SocketAddr) -> Result<Value, Failure> {
    let (namespace, name) = parts(&server.service)?;
    Ok(json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address.ip().to_string()]}],
        "ports": [{"name": server.port, "port": address.port()}],
    }))
}

fn parts(name: &str) -> Result<(&str, &str), Failure> {
    let invalid = || Failure::Surroundings(format!("invalid name `{name}`: expected namespace/name"));
    name.split_once('/').ok_or_else(invalid)
}
