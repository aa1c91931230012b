//! Temporary certificates for listeners whose own are not in the input.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use fingerpost_config_compiler::{Compiled, FileSecret, NeededBy, SecretFiles};
use fingerpost_envoy_runner::{Authority, write_private};

/// What was made so far. One that was made stays: a client may trust it by now.
#[derive(Default)]
pub(crate) struct Certificates {
    /// One authority signs them all; it is made when it is first needed.
    authority: Option<Authority>,
    /// What takes the place of the files of a secret, by the secret's name, and the server names that it is for.
    made: BTreeMap<String, (SecretFiles, Vec<String>)>,
    /// The directory of `client.crt` and `client.key`, by the listener that wants to see them.
    pub(crate) clients: BTreeMap<String, PathBuf>,
}

impl Certificates {
    /// Writes what Envoy reads of certificates in files to `directory`, beside the module. Where files are missing, it
    /// reads others that are made here. Clients' certificates lie there too. Returns the names that new ones are for.
    pub(crate) fn make_missing(
        &mut self,
        compiled: &Compiled,
        lacks_files: fn(&FileSecret) -> bool,
        directory: &Path,
    ) -> io::Result<BTreeSet<String>> {
        let mut new = BTreeSet::new();
        let folder = directory.join(FileSecret::FOLDER);
        if !compiled.file_secrets.is_empty() && !folder.exists() {
            DirBuilder::new().mode(0o700).create(&folder)?;
        }
        for (name, uses) in by_name(&compiled.file_secrets) {
            let Some(first) = uses.first() else { continue };
            let mut secret = (*first).clone();
            if is_for_clients(&uses) && lacks_files(&secret) {
                let names = server_names(&uses);
                let is_known = self.made.get(name).is_some_and(|(_, made)| *made == names);
                if !is_known {
                    let files = match &secret.files {
                        SecretFiles::Certificate { .. } => {
                            let stand_in = folder.join(format!("{name}.made"));
                            let files = certificate(self.ready()?, &names, &stand_in)?;
                            new.extend(names.iter().cloned());
                            files
                        }
                        SecretFiles::Authority { .. } => self.client(&folder, name, directory)?,
                    };
                    self.made.insert(name.to_owned(), (files, names));
                }
                if let SecretFiles::Authority { .. } = &secret.files {
                    let listeners = uses.iter().filter_map(|it| match &it.needed_by {
                        NeededBy::Listener { name, .. } => Some(name.clone()),
                        NeededBy::Cluster { .. } => None,
                    });
                    self.clients
                        .extend(listeners.map(|it| (it, directory.to_owned())));
                }
                if let Some((files, _)) = self.made.get(name) {
                    secret.files = files.clone();
                }
            }
            let path = folder.join(secret.file_name());
            let content = secret.content();
            // Envoy reads a file again that is replaced.
            if fs::read(&path).ok().as_deref() != Some(content.as_bytes()) {
                write_private(&path, content)?;
            }
        }
        Ok(new)
    }

    /// A client's certificate, and what trusts it.
    fn client(&mut self, folder: &Path, name: &str, directory: &Path) -> io::Result<SecretFiles> {
        let authority = self.ready()?;
        let client = authority.sign(&["client"])?;
        write_private(&directory.join("client.crt"), client.chain_pem)?;
        write_private(&directory.join("client.key"), client.key_pem)?;
        let stand_in = folder.join(format!("{name}.made"));
        write_private(&stand_in, authority.pem())?;
        Ok(SecretFiles::Authority {
            trusted: stand_in.to_string_lossy().into_owned(),
            revoked: None,
        })
    }

    fn ready(&mut self) -> io::Result<&Authority> {
        match &mut self.authority {
            Some(authority) => Ok(authority),
            none => Ok(none.insert(Authority::new()?)),
        }
    }
}

fn by_name(secrets: &[FileSecret]) -> BTreeMap<&str, Vec<&FileSecret>> {
    let mut uses: BTreeMap<&str, Vec<&FileSecret>> = BTreeMap::new();
    for secret in secrets {
        uses.entry(&secret.name).or_default().push(secret);
    }
    uses
}

/// Whether a listener needs the secret. For an upstream nothing is made: no other would know it.
fn is_for_clients(uses: &[&FileSecret]) -> bool {
    uses.iter().any(|it| match it.needed_by {
        NeededBy::Listener { .. } => true,
        NeededBy::Cluster { .. } => false,
    })
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

/// The server names of all connections that need a secret.
fn server_names(uses: &[&FileSecret]) -> Vec<String> {
    let lists = || {
        uses.iter().filter_map(|it| match &it.needed_by {
            NeededBy::Listener { server_names, .. } => Some(server_names),
            NeededBy::Cluster { .. } => None,
        })
    };
    let names: BTreeSet<&String> = lists().flatten().collect();
    let mut names: Vec<String> = names.into_iter().cloned().collect();
    if names.is_empty() || lists().any(Vec::is_empty) {
        names.insert(0, "localhost".to_owned());
    }
    names
}
