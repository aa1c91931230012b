//! Which settings there are.

/// A setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The field of `fingerpost.yaml`.
    pub field: &'static str,
    /// The option of the command, such as `proxy_namespace`.
    pub option: &'static str,
    /// The environment variable.
    pub variable: &'static str,
    /// Its values.
    pub kind: Kind,
}

/// What a setting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The name of a namespace.
    Namespace,
    /// The domain of a cluster.
    Domain,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A release of Envoy.
    EnvoyVersion,
    /// A region, zone and subzone.
    Locality,
    /// A whole number.
    Number,
    /// A map of labels; `k=v,…` in a variable.
    Labels,
    /// On or off.
    Flag,
    /// Files and folders, relative to the file; separated as in `PATH` in a variable.
    Paths,
    /// Findings that are not shown; separated by commas in a variable.
    Ignored,
}

/// Every setting, in the order in which people think of them.
pub const SETTINGS: &[Setting] = &[
    setting("files", "files", "FINGERPOST_FILES", Kind::Paths),
    setting("namespace", "namespace", "FINGERPOST_NAMESPACE", Kind::Namespace),
    setting("labels", "labels", "FINGERPOST_LABELS", Kind::Labels),
    setting(
        "proxyNamespace",
        "proxy_namespace",
        "FINGERPOST_PROXY_NAMESPACE",
        Kind::Namespace,
    ),
    setting("locality", "locality", "FINGERPOST_LOCALITY", Kind::Locality),
    setting(
        "trustedHops",
        "trusted_hops",
        "FINGERPOST_TRUSTED_HOPS",
        Kind::Number,
    ),
    setting("domain", "domain", "FINGERPOST_DOMAIN", Kind::Domain),
    // `FINGERPOST_ENVOY` is the program.
    setting("envoy", "envoy", "FINGERPOST_ENVOY_VERSION", Kind::EnvoyVersion),
    setting(
        "engine",
        "engine",
        "FINGERPOST_ENGINE",
        Kind::OneOf(&["wasm", "native"]),
    ),
    setting("strict", "strict", "FINGERPOST_STRICT", Kind::Flag),
    setting("complete", "complete", "FINGERPOST_COMPLETE", Kind::Flag),
    setting("noGateway", "no_gateway", "FINGERPOST_NO_GATEWAY", Kind::Flag),
    setting("kustomize", "kustomize", "FINGERPOST_KUSTOMIZE", Kind::Flag),
    setting("helm", "helm", "FINGERPOST_HELM", Kind::Flag),
    setting("helmValues", "helm_values", "FINGERPOST_HELM_VALUES", Kind::Paths),
    setting("ignore", "ignore", "FINGERPOST_IGNORE", Kind::Ignored),
];

const fn setting(field: &'static str, option: &'static str, variable: &'static str, kind: Kind) -> Setting {
    Setting {
        field,
        option,
        variable,
        kind,
    }
}
