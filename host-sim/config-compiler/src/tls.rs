//! The TLS contexts of servers that end TLS.
//!
//! Decides where the certificate comes from and whether clients need one.
//! Source: istio `pilot/pkg/networking/core/listener.go`, `BuildListenerTLSContext`; spec 1.13.

use fingerpost_resources::{Diagnostics, Resource, Resources, Secret, ServerTlsMode, TlsProtocol};
use serde_json::{Value, json};

use crate::gateways::BoundServer;
use crate::mesh::Mesh;
use crate::proto::{fields, typed};

/// The transport socket of a server that ends TLS.
///
/// A credential is looked for among the input's Secrets in the proxy's namespace. One that is missing is
/// a warning; the context then names files beside the module, where it can be put.
pub(crate) fn downstream(
    server: &BoundServer<'_>,
    mesh: &Mesh<'_>,
    resources: &Resources,
    diagnostics: &mut Diagnostics,
) -> Value {
    let mut common = fields(json!({"alpn_protocols": ["h2", "http/1.1"]}));
    let Some(tls) = &server.server.tls else {
        return Value::Null;
    };
    let mode = tls.mode.unwrap_or(ServerTlsMode::Passthrough);
    let path = format!("spec.servers[{}].tls", server.index);
    let names: Vec<&String> = if tls.credential_name.is_empty() {
        tls.credential_names.iter().collect()
    } else {
        vec![&tls.credential_name]
    };
    let mut certificates = Vec::new();
    for name in &names {
        match secret(resources, name, &mesh.options.namespace) {
            Some(secret) => certificates.push(inline_certificate(secret)),
            None => {
                let (chain, key) = beside_module(mesh, name);
                let message = format!(
                    "no Secret `{}/{name}` in the input: Envoy is told to read {chain} and {key}",
                    mesh.options.namespace
                );
                diagnostics
                    .warn("certificate-not-found", message)
                    .on(&server.gateway.origin, format!("{path}.credentialName"))
                    .help("add the Secret (type kubernetes.io/tls) to the input, or put the two files there");
                certificates.push(certificate_files(&chain, &key));
            }
        }
    }
    if names.is_empty() {
        if !tls.server_certificate.is_empty() {
            certificates.push(certificate_files(&tls.server_certificate, &tls.private_key));
        }
        for pair in &tls.tls_certificates {
            certificates.push(certificate_files(&pair.server_certificate, &pair.private_key));
        }
    }
    common.insert("tls_certificates".to_owned(), certificates.into());
    if let Some(context) = validation(server, mode, &names, mesh, resources) {
        common.insert("validation_context".to_owned(), context);
    }
    let parameters = parameters(server);
    if !parameters.is_empty() {
        common.insert("tls_params".to_owned(), Value::Object(parameters));
    }
    let needs_certificate = matches!(mode, ServerTlsMode::Mutual | ServerTlsMode::IstioMutual);
    let context = typed(
        "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        fields(json!({"common_tls_context": common, "require_client_certificate": needs_certificate})),
    );
    json!({"name": "envoy.transport_sockets.tls", "typed_config": context})
}

/// Whom clients' certificates must be signed by, where they may or must send one.
fn validation(
    server: &BoundServer<'_>,
    mode: ServerTlsMode,
    names: &[&String],
    mesh: &Mesh<'_>,
    resources: &Resources,
) -> Option<Value> {
    let tls = server.server.tls.as_ref()?;
    let wants_clients = matches!(mode, ServerTlsMode::Mutual | ServerTlsMode::OptionalMutual);
    if !wants_clients {
        return None;
    }
    let trusted = match names.first() {
        Some(name) => {
            let named = |name: &str| secret(resources, name, &mesh.options.namespace);
            let found = named(&format!("{name}-cacert")).or_else(|| named(name));
            let authority = found.and_then(|it| it.spec.value("cacert").or(it.spec.value("ca.crt")));
            match authority {
                Some(text) => json!({"inline_string": String::from_utf8_lossy(text)}),
                None => json!({"filename": beside_module(mesh, &format!("{name}-cacert")).0}),
            }
        }
        None => json!({"filename": tls.ca_certificates}),
    };
    let mut context = fields(json!({"trusted_ca": trusted}));
    if !tls.subject_alt_names.is_empty() {
        let names: Vec<Value> = tls
            .subject_alt_names
            .iter()
            .flat_map(|name| ["DNS", "URI"].map(|kind| json!({"san_type": kind, "matcher": {"exact": name}})))
            .collect();
        context.insert("match_typed_subject_alt_names".to_owned(), names.into());
    }
    Some(Value::Object(context))
}

fn parameters(server: &BoundServer<'_>) -> crate::proto::Fields {
    let mut written = crate::proto::Fields::new();
    let Some(tls) = &server.server.tls else {
        return written;
    };
    for (key, version) in [
        ("tls_minimum_protocol_version", tls.min_protocol_version),
        ("tls_maximum_protocol_version", tls.max_protocol_version),
    ] {
        let name = match version {
            Some(TlsProtocol::V1_0) => "TLSv1_0",
            Some(TlsProtocol::V1_1) => "TLSv1_1",
            Some(TlsProtocol::V1_2) => "TLSv1_2",
            Some(TlsProtocol::V1_3) => "TLSv1_3",
            Some(TlsProtocol::Auto) | None => continue,
        };
        written.insert(key.to_owned(), json!(name));
    }
    if !tls.cipher_suites.is_empty() {
        written.insert("cipher_suites".to_owned(), json!(tls.cipher_suites));
    }
    written
}

/// The Secret of that name; a gateway reads those of its own namespace.
fn secret<'r>(resources: &'r Resources, name: &str, namespace: &str) -> Option<&'r Resource<Secret>> {
    let name = name.strip_prefix("kubernetes://").unwrap_or(name);
    resources
        .secrets
        .iter()
        .find(|it| it.meta.name == name && it.meta.namespace == namespace)
}

fn inline_certificate(secret: &Resource<Secret>) -> Value {
    let text = |keys: [&str; 2]| {
        let found = keys.iter().find_map(|key| secret.spec.value(key));
        found
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .unwrap_or_default()
    };
    json!({
        "certificate_chain": {"inline_string": text(["tls.crt", "cert"])},
        "private_key": {"inline_string": text(["tls.key", "key"])},
    })
}

fn certificate_files(chain: &str, key: &str) -> Value {
    json!({"certificate_chain": {"filename": chain}, "private_key": {"filename": key}})
}

/// Where the files of a credential are expected that the input lacks.
fn beside_module(mesh: &Mesh<'_>, name: &str) -> (String, String) {
    let folder = mesh
        .options
        .module_path
        .rsplit_once('/')
        .map_or(".", |(folder, _)| folder);
    let name = name.replace("://", "-").replace('/', "-");
    (
        format!("{folder}/certs/{name}.crt"),
        format!("{folder}/certs/{name}.key"),
    )
}
