//! Temporary certificates for listeners whose own are not in the input.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use fingerpost_config_compiler::{Compiled, FileSecret, SecretFiles};
use fingerpost_envoy_runner::{Authority, PrivateDirectory, write_private};

use crate::certificates::missing_files;

/// What was made.
#[derive(Default)]
pub(super) struct Made {
    /// The names that the certificates are for.
    pub(super) names: BTreeSet<String>,
    /// The directory of `client.crt` and `client.key`, by the listener that wants to see them.
    pub(super) clients: BTreeMap<String, PathBuf>,
}

/// Writes what Envoy reads of certificates in files to `directory`, beside the module. Where files are missing, it
/// reads others that are made here. Clients' certificates lie there too.
pub(super) fn make_missing(compiled: &Compiled, directory: &PrivateDirectory) -> io::Result<Made> {
    let mut made = Made::default();
    let mut authority = None;
    let folder = directory.path().join(FileSecret::FOLDER);
    if !compiled.file_secrets.is_empty() {
        DirBuilder::new().mode(0o700).create(&folder)?;
    }
    for (name, uses) in by_name(&compiled.file_secrets) {
        let Some(first) = uses.first() else { continue };
        let mut secret = (*first).clone();
        if !missing_files(&secret).is_empty() {
            let authority = ready(&mut authority)?;
            let stand_in = folder.join(format!("{name}.made"));
            secret.files = match &secret.files {
                SecretFiles::Certificate { .. } => {
                    let names = server_names(&uses);
                    let files = certificate(authority, &names, &stand_in)?;
                    made.names.extend(names);
                    files
                }
                SecretFiles::Authority { .. } => {
                    let client = authority.sign(&["client"])?;
                    directory.write("client.crt", client.chain_pem)?;
                    directory.write("client.key", client.key_pem)?;
                    let listeners = uses.iter().map(|it| it.listener.clone());
                    made.clients
                        .extend(listeners.map(|it| (it, directory.path().to_owned())));
                    write_private(&stand_in, authority.pem())?;
                    SecretFiles::Authority {
                        trusted: stand_in.to_string_lossy().into_owned(),
                        revoked: None,
                    }
                }
            };
        }
        write_private(&folder.join(secret.file_name()), secret.content())?;
    }
    Ok(made)
}

fn by_name(secrets: &[FileSecret]) -> BTreeMap<&str, Vec<&FileSecret>> {
    let mut uses: BTreeMap<&str, Vec<&FileSecret>> = BTreeMap::new();
    for secret in secrets {
        uses.entry(&secret.name).or_default().push(secret);
    }
    uses
}

/// Writes a certificate and its key.
fn certificate(authority: &Authority, names: &[String], stand_in: &Path) -> io::Result<SecretFiles> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let certificate = authority.sign(&names)?;
    let (chain, key) = (stand_in.with_extension("crt"), stand_in.with_extension("key"));
    write_private(&chain, certificate.chain_pem)?;
    write_private(&key, certificate.key_pem)?;
    Ok(SecretFiles::Certificate {
        chain: chain.to_string_lossy().into_owned(),
        key: key.to_string_lossy().into_owned(),
    })
}

/// One authority signs them all; it is made when it is first needed.
fn ready(authority: &mut Option<Authority>) -> io::Result<&Authority> {
    match authority {
        Some(authority) => Ok(authority),
        None => Ok(authority.insert(Authority::new()?)),
    }
}

/// The server names of all connections that need a secret.
fn server_names(uses: &[&FileSecret]) -> Vec<String> {
    let names: BTreeSet<&String> = uses.iter().flat_map(|it| &it.server_names).collect();
    let mut names: Vec<String> = names.into_iter().cloned().collect();
    if names.is_empty() || uses.iter().any(|it| it.server_names.is_empty()) {
        names.insert(0, "localhost".to_owned());
    }
    names
}
