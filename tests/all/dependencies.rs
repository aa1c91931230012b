//! Which crate may depend on which, as ARCHITECTURE.md says.

use cargo_metadata::{DependencyKind, Package};

use crate::architecture::none;
use crate::manifests;

/// What a crate may use in a normal build, apart from `std`.
struct Allowance {
    name: &'static str,
    ours: &'static [&'static str],
    /// `None`: any.
    others: Option<&'static [&'static str]>,
}

const ALLOWANCES: &[Allowance] = &[
    Allowance {
        name: "routing",
        ours: &[],
        others: Some(&["hashbrown", "regex-automata", "regex-syntax"]),
    },
    Allowance {
        name: "routing-config",
        ours: &["routing"],
        others: Some(&["serde", "serde_json"]),
    },
    Allowance {
        name: "filter-kit",
        ours: &["routing", "routing-config"],
        others: Some(&["log"]),
    },
    Allowance {
        name: "virtual-service",
        ours: &["filter-kit", "routing"],
        others: Some(&[]),
    },
    Allowance {
        name: "uri-rewrite",
        ours: &["filter-kit", "routing"],
        others: Some(&[]),
    },
    Allowance {
        name: "subset-select",
        ours: &["filter-kit", "routing"],
        others: Some(&[]),
    },
    Allowance {
        name: "resources",
        ours: &[],
        others: None,
    },
    Allowance {
        name: "config-compiler",
        ours: &[
            "envoy-config",
            "envoy-http",
            "resources",
            "routing-config",
            "routing",
        ],
        others: None,
    },
    Allowance {
        name: "proxy-model",
        ours: &["routing-config", "routing", "envoy-config", "envoy-http"],
        others: None,
    },
    Allowance {
        name: "envoy-config",
        ours: &[],
        others: Some(&["serde", "serde_json"]),
    },
    Allowance {
        name: "xds",
        ours: &["envoy-config", "envoy-http"],
        others: Some(&["serde_json", "sha2"]),
    },
    Allowance {
        name: "sync",
        ours: &["envoy-runner", "xds"],
        others: Some(&["serde_json", "sha2"]),
    },
    Allowance {
        name: "explain",
        ours: &[
            "config-compiler",
            "proxy-model",
            "resources",
            "routing",
            "routing-config",
            "simulated-proxy",
        ],
        others: Some(&["serde", "serde_json", "strsim"]),
    },
    Allowance {
        name: "testing",
        ours: &[
            "config-compiler",
            "envoy-http",
            "explain",
            "proxy-model",
            "resources",
            "routing",
            "routing-config",
            "simulated-proxy",
        ],
        others: Some(&["http", "quick-junit", "serde", "serde_json"]),
    },
    Allowance {
        name: "simulated-proxy",
        ours: &[
            "config-compiler",
            "envoy-http",
            "proxy-model",
            "routing-config",
            "simulator",
            "virtual-service",
        ],
        others: Some(&["serde"]),
    },
    Allowance {
        name: "envoy-http",
        ours: &[],
        others: Some(&["serde_json"]),
    },
    Allowance {
        name: "simulator",
        ours: &["envoy-http", "filter-kit"],
        others: None,
    },
    Allowance {
        name: "settings",
        ours: &["config-compiler", "resources"],
        others: Some(&[]),
    },
    Allowance {
        name: "renderers",
        ours: &["resources"],
        others: Some(&[]),
    },
    Allowance {
        name: "certificates",
        ours: &["config-compiler", "resources"],
        others: Some(&[]),
    },
    Allowance {
        name: "curl",
        ours: &["config-compiler", "simulated-proxy"],
        others: Some(&["base64", "clap", "shlex"]),
    },
    Allowance {
        name: "cli",
        ours: &[
            "certificates",
            "config-compiler",
            "curl",
            "envoy-http",
            "envoy-runner",
            "explain",
            "image",
            "input-files",
            "local-envoy",
            "local-server",
            "manifests",
            "proxy-model",
            "renderers",
            "resources",
            "routing-config",
            "rules",
            "settings",
            "simulated-proxy",
            "simulator",
            "sync",
            "terminal",
            "testing",
            "xds",
        ],
        others: None,
    },
    Allowance {
        name: "image",
        ours: &[],
        others: Some(&["base64", "flate2", "serde", "serde_json", "sha2", "tar", "ureq"]),
    },
    Allowance {
        name: "input-files",
        ours: &[
            "curl",
            "renderers",
            "resources",
            "settings",
            "terminal",
            "testing",
        ],
        others: Some(&["notify", "rustix", "walkdir"]),
    },
    Allowance {
        name: "manifests",
        ours: &[
            "config-compiler",
            "envoy-config",
            "resources",
            "routing-config",
            "xds",
        ],
        others: Some(&["base64", "libyaml-safer", "serde", "serde_json", "sha2"]),
    },
    Allowance {
        name: "rules",
        ours: &["resources"],
        others: None,
    },
    Allowance {
        name: "local-envoy",
        ours: &[
            "config-compiler",
            "envoy-config",
            "envoy-runner",
            "local-server",
            "sync",
            "xds",
        ],
        others: Some(&["httparse", "rustls", "serde_json"]),
    },
    Allowance {
        name: "local-server",
        ours: &[
            "config-compiler",
            "curl",
            "envoy-config",
            "envoy-runner",
            "explain",
            "proxy-model",
            "resources",
            "routing-config",
            "simulated-proxy",
            "terminal",
        ],
        others: None,
    },
    Allowance {
        name: "terminal",
        ours: &["config-compiler", "envoy-http", "explain", "resources", "testing"],
        others: None,
    },
    Allowance {
        name: "envoy-runner",
        ours: &[],
        others: None,
    },
];

pub(crate) fn point_one_way() -> Result<(), String> {
    let packages = manifests::packages()?;
    let mut broken = Vec::new();
    for package in &packages {
        let normal = package
            .dependencies
            .iter()
            .filter(|it| it.kind == DependencyKind::Normal);
        for dependency in normal {
            let wasm_only = dependency
                .target
                .as_ref()
                .is_some_and(|it| it.to_string().contains("wasm32"));
            if let Some(reason) = refusal(package, &dependency.name, wasm_only) {
                broken.push(format!("{} -> {}: {reason}", package.name, dependency.name));
            }
        }
    }
    none(&broken)
}

/// Why `package` may not use `dependency`.
fn refusal(package: &Package, dependency: &str, wasm_only: bool) -> Option<&'static str> {
    let own = package.name.strip_prefix("fingerpost-").unwrap_or(&package.name);
    let Some(ours) = dependency.strip_prefix("fingerpost-") else {
        let others = ALLOWANCES.iter().find(|it| it.name == own)?.others?;
        let is_filter_side = package.manifest_path.as_str().contains("/filters/");
        let is_sdk =
            dependency == "proxy-wasm" && is_filter_side && !matches!(own, "routing" | "routing-config");
        return match is_sdk {
            true if wasm_only => None,
            true => Some("the SDK belongs under a wasm32 target"),
            false => (!others.contains(&dependency)).then_some("not in its list of outside crates"),
        };
    };
    if ours == "tests" || (ours == "cli" && own != "tests") {
        return Some("nothing depends on it");
    }
    let allowance = ALLOWANCES.iter().find(|it| it.name == own)?;
    (!allowance.ours.contains(&ours)).then_some("against the direction of the house")
}
