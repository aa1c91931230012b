//! The manifests of the examples: as they are written down in `golden`, valid by schema, and the same when they are read back.

use std::fs;

use fingerpost_manifests::istio::{IstioRelease, istio};
use fingerpost_manifests::{to_yaml, yaml};
use serde_json::Value;

use crate::{all_examples, compiled, crd, here, options, target};

#[test]
fn the_examples_have_these_manifests() {
    let folder = here().join("tests/golden");
    let accepts = std::env::var_os("FINGERPOST_ACCEPT").is_some();
    let mut differing = Vec::new();
    for (name, resources) in all_examples() {
        let target = target();
        let documents = istio(
            &compiled(&resources, &target),
            &target,
            &options(IstioRelease::NEWEST),
        );
        let text = to_yaml(&documents.expect("manifests"));
        let path = folder.join(format!("{name}.yaml"));
        if accepts {
            fs::write(&path, &text).expect("a file can be written");
        }
        if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            differing.push(name);
        }
    }
    assert!(
        differing.is_empty(),
        "FINGERPOST_ACCEPT=1 writes tests/golden again for {differing:?}; look at what changed"
    );
}

#[test]
fn the_cluster_takes_the_manifests_of_every_release() {
    for release in ["1.28", "1.29", "1.30", "1.31", "1.32"] {
        let release: IstioRelease = release.parse().expect("a release");
        for (name, resources) in all_examples() {
            let mut target = target();
            target.envoy = release.envoy();
            let documents = istio(&compiled(&resources, &target), &target, &options(release));
            for document in documents.expect("manifests") {
                let faults = crd::faults(&document.content);
                assert!(faults.is_empty(), "{name}, Istio {release}: {faults:?}");
            }
        }
    }
}

#[test]
fn manifests_read_back_are_the_same() {
    for (name, resources) in all_examples() {
        let target = target();
        let documents = istio(
            &compiled(&resources, &target),
            &target,
            &options(IstioRelease::NEWEST),
        );
        let documents = documents.expect("manifests");
        let wanted: Vec<Value> = documents.iter().map(|it| it.content.clone()).collect();
        assert_eq!(yaml::documents(&name, &to_yaml(&documents)), Ok(wanted), "{name}");
    }
}

#[test]
fn older_releases_get_a_wasm_plugin() {
    let (_, resources) = all_examples().swap_remove(0);
    let kinds = |release: &str| -> Vec<String> {
        let target = target();
        let documents = istio(
            &compiled(&resources, &target),
            &target,
            &options(release.parse().expect("a release")),
        );
        documents
            .expect("manifests")
            .iter()
            .map(|it| it.kind().to_owned())
            .collect()
    };
    assert_eq!(kinds("1.29"), ["EnvoyFilter", "WasmPlugin"]);
    assert_eq!(kinds("1.30"), ["EnvoyFilter", "TrafficExtension"]);
}
