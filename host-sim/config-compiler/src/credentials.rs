//! Which Secret of the input a credential name means, and what of it counts.
//!
//! What is not in the input comes from files: `file_secrets`.
//! Source: istio `pilot/pkg/credentials/kube/secrets.go`, `pilot/pkg/model/credentials/resource.go`.

use fingerpost_resources::{Diagnostics, Resource, Resources, Secret, UnreadableSecret};

/// The end of the name of a Secret that holds the authorities for another one.
pub(crate) const AUTHORITY_SUFFIX: &str = "-cacert";

/// What a credential name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CredentialName {
    /// A Secret: its namespace and name.
    Secret(String, String),
    /// A ConfigMap, as written.
    ConfigMap,
    /// `builtin://`: the certificates that the mesh gives to the proxy itself.
    Mesh,
}

impl CredentialName {
    /// Reads a credential name; Secrets are those of the proxy's namespace unless it names one.
    pub(crate) fn parse(text: &str, proxy_namespace: &str) -> Self {
        if text.starts_with("builtin://") {
            return Self::Mesh;
        }
        if text.starts_with("configmap://") {
            return Self::ConfigMap;
        }
        let bare = without_scheme(text);
        match bare.split_once('/') {
            Some((namespace, name)) => Self::Secret(namespace.to_owned(), name.to_owned()),
            None => Self::Secret(proxy_namespace.to_owned(), bare.to_owned()),
        }
    }
}

/// The name without the scheme of its kind.
pub(crate) fn without_scheme(text: &str) -> &str {
    ["kubernetes://", "kubernetes-gateway://", "sds://"]
        .into_iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .unwrap_or(text)
}

/// The Secret of that name that the proxy may read: one of its own namespace.
pub(crate) fn secret<'r>(
    resources: &'r Resources,
    namespace: &str,
    name: &str,
    proxy_namespace: &str,
) -> Option<&'r Resource<Secret>> {
    let may_read = namespace == proxy_namespace;
    let mut secrets = resources.secrets.iter();
    secrets.rfind(|it| may_read && it.meta.name == name && it.meta.namespace == namespace)
}

/// Whether the input has a Secret of that name that the proxy may read, whatever it holds.
pub(crate) fn is_given(resources: &Resources, namespace: &str, name: &str, proxy_namespace: &str) -> bool {
    secret(resources, namespace, name, proxy_namespace).is_some()
        || unreadable(resources, namespace, name, proxy_namespace).is_some()
}

fn unreadable<'r>(
    resources: &'r Resources,
    namespace: &str,
    name: &str,
    proxy_namespace: &str,
) -> Option<&'r UnreadableSecret> {
    let may_read = namespace == proxy_namespace;
    let mut secrets = resources.unreadable_secrets.iter();
    secrets.find(|it| may_read && it.meta.name == name && it.meta.namespace == namespace)
}

/// Reports why the Secret of that name can't be read, and returns it as the findings name it; none if it can, or if there is none.
pub(crate) fn refuse_unreadable(
    resources: &Resources,
    namespace: &str,
    name: &str,
    proxy_namespace: &str,
    diagnostics: &mut Diagnostics,
) -> Option<String> {
    let secret = unreadable(resources, namespace, name, proxy_namespace)?;
    for error in &secret.errors {
        if !diagnostics.iter().any(|known| known == error) {
            diagnostics.push(error.clone());
        }
    }
    secret.errors.iter().next().map(|it| it.subject.clone())
}

/// The field of a Secret that has this value, such as `data.tls.crt`.
pub(crate) fn field_of(secret: &Resource<Secret>, value: &[u8]) -> String {
    const KEYS: [&str; 8] = [
        "cert", "key", "tls.crt", "tls.key", "cacert", "ca.crt", "crl", "ca.crl",
    ];
    let key = KEYS.into_iter().find(|key| secret.spec.value(key) == Some(value));
    let key = key.unwrap_or_default();
    // `stringData` counts before `data`.
    let written = format!("stringData.{key}");
    if secret.origin.has(&written) {
        written
    } else {
        format!("data.{key}")
    }
}

/// The Secret whose authorities judge certificates: the one of that name, or that name without `-cacert`.
pub(crate) fn authority<'r>(
    resources: &'r Resources,
    namespace: &str,
    name: &str,
    proxy_namespace: &str,
) -> Option<&'r Resource<Secret>> {
    secret(resources, namespace, name, proxy_namespace).or_else(|| {
        let bare = name.strip_suffix(AUTHORITY_SUFFIX)?;
        secret(resources, namespace, bare, proxy_namespace)
    })
}

/// The credential that holds the authorities for the other side of a server or a cluster with this one.
pub(crate) fn authority_of(credential: &str) -> String {
    format!("{credential}{AUTHORITY_SUFFIX}")
}

/// The name without the end that `authority_of` adds.
pub(crate) fn without_authority_suffix(name: &str) -> &str {
    name.strip_suffix(AUTHORITY_SUFFIX).unwrap_or(name)
}

/// The certificate and key of a Secret; an empty value counts as missing.
pub(crate) fn pair(secret: &Secret) -> Option<(&[u8], &[u8])> {
    both(secret, "cert", "key").or_else(|| both(secret, "tls.crt", "tls.key"))
}

/// Whether Istio would take an OCSP response from a Secret, beside the pair (istio `secrets.go`, `ExtractCertInfo`).
pub(crate) fn has_staple(secret: &Secret) -> bool {
    both(secret, "cert", "key").is_none() && value(secret, "tls.ocsp-staple").is_some()
}

/// The authorities of a Secret, and its revocation list.
pub(crate) fn authorities(secret: &Secret) -> Option<(&[u8], Option<&[u8]>)> {
    let found = |authority, list| Some((value(secret, authority)?, value(secret, list)));
    found("cacert", "crl").or_else(|| found("ca.crt", "ca.crl"))
}

fn both<'s>(secret: &'s Secret, chain: &str, key: &str) -> Option<(&'s [u8], &'s [u8])> {
    Some((value(secret, chain)?, value(secret, key)?))
}

fn value<'s>(secret: &'s Secret, key: &str) -> Option<&'s [u8]> {
    secret.value(key).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_name_is_read_as_istio_reads_it() {
        let secret =
            |namespace: &str, name: &str| CredentialName::Secret(namespace.to_owned(), name.to_owned());
        for (text, meaning) in [
            ("shop", secret("own", "shop")),
            ("kubernetes://shop", secret("own", "shop")),
            ("kubernetes://other/shop", secret("other", "shop")),
            ("kubernetes-gateway://other/shop", secret("other", "shop")),
            ("sds://shop", secret("own", "shop")),
            ("other/shop", secret("other", "shop")),
            ("configmap://own/shop", CredentialName::ConfigMap),
            ("builtin://", CredentialName::Mesh),
        ] {
            assert_eq!(CredentialName::parse(text, "own"), meaning, "{text}");
        }
    }
}
