//! TLS to upstreams in one form: istiod's agent serves certificates that the compiled cluster reads from files.
//!
//! Both name what is served: `file-root:PATH` and `file-cert:PATH~PATH` for files, `kubernetes://NAME` for a Secret. And istiod writes
//! names of certificates without their types, in a field that Envoy replaces.

use fingerpost_config_compiler::{FileSecret, FromFiles, SecretFiles};
use serde_json::{Value, json};

/// The authorities of the operating system, as istiod names them and where they are here.
const SYSTEM: (&str, &str) = ("file-root:system", "file-root:/etc/ssl/certs/ca-certificates.crt");

/// A cluster in that form. `secrets` are what it reads from files; none for istiod's.
pub(super) fn in_one_form(cluster: &Value, secrets: &[FileSecret]) -> Value {
    match cluster {
        Value::Object(fields) if fields.contains_key("sds_config") => {
            let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
            json!(served(name, secrets))
        }
        Value::Object(fields) => {
            let mut fields: serde_json::Map<String, Value> = fields
                .iter()
                .map(|(key, value)| match key.as_str() {
                    "match_subject_alt_names" => ("names".to_owned(), names(value, "/exact")),
                    "match_typed_subject_alt_names" => ("names".to_owned(), names(value, "/matcher/exact")),
                    _ => (key.clone(), in_one_form(value, secrets)),
                })
                .collect();
            if let Some(list) = cluster
                .pointer("/validation_context_sds_secret_config/name")
                .and_then(|it| revoked(it.as_str()?, secrets))
            {
                fields["default_validation_context"]["crl"] = json!({"filename": list});
            }
            Value::Object(fields)
        }
        Value::Array(items) => items.iter().map(|it| in_one_form(it, secrets)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => cluster.clone(),
    }
}

/// The names, each once: there is a matcher for each type of name.
fn names(matchers: &Value, pointer: &str) -> Value {
    let matchers = matchers.as_array().into_iter().flatten();
    let mut names: Vec<Value> = matchers.filter_map(|it| it.pointer(pointer).cloned()).collect();
    names.dedup();
    Value::Array(names)
}

/// What a name of a secret stands for.
fn served(name: &str, secrets: &[FileSecret]) -> String {
    let Some(secret) = secrets.iter().find(|it| it.name == name) else {
        return name.to_owned();
    };
    let (first, files) = match &secret.files {
        SecretFiles::Certificate { chain, key } => (chain, format!("file-cert:{chain}~{key}")),
        SecretFiles::Authority { trusted, .. } => (trusted, format!("file-root:{trusted}")),
    };
    if secret.from == FromFiles::Named {
        return if files == SYSTEM.1 {
            SYSTEM.0.to_owned()
        } else {
            files
        };
    }
    // The files that take the place of a Secret have its name.
    let stem = first.rsplit('/').next().unwrap_or(first);
    format!("kubernetes://{}", stem.trim_end_matches(".crt"))
}

fn revoked(name: &str, secrets: &[FileSecret]) -> Option<String> {
    match &secrets.iter().find(|it| it.name == name)?.files {
        SecretFiles::Certificate { .. } => None,
        SecretFiles::Authority { revoked, .. } => revoked.clone(),
    }
}
