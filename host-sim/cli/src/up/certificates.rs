//! Certificates that a listener names and that are not there: made for the occasion.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use fingerpost_envoy::{Authority, Bootstrap, PrivateDirectory};
use serde_json::{Value, json};

/// What was made.
#[derive(Default)]
pub(super) struct Made {
    /// The names that the certificates are for.
    pub(super) names: BTreeSet<String>,
    /// The directory of `client.crt` and `client.key`, by the listener that wants to see them.
    pub(super) clients: BTreeMap<String, PathBuf>,
}

/// Puts a certificate wherever the bootstrap names a file that does not exist. Clients' certificates lie in
/// `directory`.
pub(super) fn make_missing(bootstrap: &mut Bootstrap, directory: &PrivateDirectory) -> io::Result<Made> {
    let mut made = Made::default();
    let mut authority = None;
    let listeners = bootstrap
        .0
        .pointer_mut("/static_resources/listeners")
        .and_then(Value::as_array_mut);
    for listener in listeners.into_iter().flatten() {
        let name = text(listener.get("name"));
        let chains = listener.get_mut("filter_chains").and_then(Value::as_array_mut);
        for chain in chains.into_iter().flatten() {
            let names = server_names(chain);
            let tls = "/transport_socket/typed_config/common_tls_context";
            let Some(tls) = chain.pointer_mut(tls) else {
                continue;
            };
            let pairs = tls.get_mut("tls_certificates").and_then(Value::as_array_mut);
            for pair in pairs.into_iter().flatten() {
                if !is_missing(&pair["certificate_chain"]) && !is_missing(&pair["private_key"]) {
                    continue;
                }
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let certificate = ready(&mut authority)?.sign(&names)?;
                *pair = json!({
                    "certificate_chain": {"inline_string": certificate.chain_pem},
                    "private_key": {"inline_string": certificate.key_pem},
                });
                made.names.extend(names.into_iter().map(str::to_owned));
            }
            let trusted = tls.pointer_mut("/validation_context/trusted_ca");
            if let Some(trusted) = trusted.filter(|it| is_missing(it)) {
                let authority = ready(&mut authority)?;
                *trusted = json!({"inline_string": authority.pem()});
                let certificate = authority.sign(&["client"])?;
                directory.write("client.crt", certificate.chain_pem)?;
                directory.write("client.key", certificate.key_pem)?;
                made.clients.insert(name.clone(), directory.path().to_owned());
            }
        }
    }
    Ok(made)
}

/// One authority signs them all; it is made when it is first needed.
fn ready(authority: &mut Option<Authority>) -> io::Result<&Authority> {
    match authority {
        Some(authority) => Ok(authority),
        None => Ok(authority.insert(Authority::new()?)),
    }
}

fn is_missing(source: &Value) -> bool {
    let file = source.get("filename").and_then(Value::as_str);
    file.is_some_and(|it| !Path::new(it).exists())
}

fn server_names(chain: &Value) -> Vec<String> {
    let names = chain
        .pointer("/filter_chain_match/server_names")
        .and_then(Value::as_array);
    let names: Vec<String> = names.into_iter().flatten().map(|it| text(Some(it))).collect();
    if names.is_empty() {
        return vec!["localhost".to_owned()];
    }
    names
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}
