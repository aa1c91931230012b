//! The manifests as a cluster gets them: what they say, that the cluster's schemas take them, and what is refused.

mod crd;
mod examples;
mod refusals;
mod rollout;

use std::fs;
use std::path::{Path, PathBuf};

use fingerpost_config_compiler::{Compiled, Options, compile};
use fingerpost_manifests::ModuleLocation;
use fingerpost_manifests::istio::{FailStrategy, IstioOptions, IstioRelease};
use fingerpost_resources::{Diagnostics, Source, read};

/// Two services that rules can send requests to.
const SERVICES: &str = "
apiVersion: v1
kind: Service
metadata: {name: one, namespace: default}
spec: {selector: {app: one}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: two, namespace: default}
spec: {selector: {app: two}, ports: [{name: http, port: 80}]}
---
";

/// The labels of a gateway that Gateways select by this one.
fn target() -> Options {
    Options {
        name_rules: false, // as the command does
        labels: [("istio".to_owned(), "ingressgateway".to_owned())].into(),
        ..Options::default()
    }
}

/// Compiles resources for that gateway.
#[track_caller]
fn compiled(resources: &str, target: &Options) -> Compiled {
    let mut diagnostics = Diagnostics::new();
    let resources = read(vec![Source::new("resources.yaml", resources)], &mut diagnostics);
    let compiled = compile(&resources, target, &mut diagnostics);
    let errors: Vec<_> = diagnostics
        .iter()
        .filter(|it| it.severity == fingerpost_resources::Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    compiled
}

fn options(release: IstioRelease) -> IstioOptions {
    IstioOptions {
        name: "fingerpost".to_owned(),
        release,
        module: "registry.example.com/fingerpost:1.0"
            .parse::<ModuleLocation>()
            .expect("an image"),
        sha256: Some("0123456789abcdef".repeat(4)),
        pull_secret: None,
        fail_strategy: FailStrategy::Reload,
    }
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The examples of the repository in which the filter has something to do: name and text of the resources.
fn all_examples() -> Vec<(String, String)> {
    let folder = here().join("../../examples");
    let entries = fs::read_dir(folder).expect("the examples");
    let mut folders: Vec<PathBuf> = entries
        .map(|it| it.expect("an entry").path())
        .filter(|it| it.is_dir())
        .collect();
    folders.sort();
    let examples: Vec<(String, String)> = folders
        .iter()
        .map(|folder| {
            let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
            (
                name,
                fs::read_to_string(folder.join("resources.yaml")).expect("resources"),
            )
        })
        .filter(|(_, resources)| {
            ["HTTP", "GRPC"]
                .iter()
                .any(|it| resources.contains(&format!("protocol: {it}")))
        })
        .collect();
    assert!(examples.len() >= 8, "{examples:?}");
    examples
}
