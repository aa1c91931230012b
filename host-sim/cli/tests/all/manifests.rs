//! `manifests`: the folder for docker compose.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::run::{Folder, shop};

/// A second service, on the same port as the first.
const SECOND: &str = "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart}
spec:
  gateways: [gateway]
  hosts: [shop.example.com]
  http:
  - match: [{uri: {prefix: /cart}}]
    route: [{destination: {host: cart}}]
---
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {ports: [{port: 80, name: http}]}
";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_compose_folder_of_the_repository_is_what_the_command_writes() {
    let source = repository().join("envoy/compose");
    let resources = fs::read_to_string(source.join("resources.yaml")).expect("the resources");
    let folder = Folder::with("resources.yaml", &resources);
    folder
        .run("manifests --compose -f resources.yaml -o out")
        .check(0, &["docker compose up"]);
    let mut names = vec!["docker-compose.yaml".to_owned()];
    names.extend(folder.list("out/echo").iter().map(|it| format!("echo/{it}")));
    assert_eq!(names.len(), 4, "{names:?}");
    for name in names {
        let kept = fs::read_to_string(source.join(&name)).unwrap_or_default();
        assert_eq!(
            folder.read(&format!("out/{name}")),
            kept,
            "envoy/compose/{name} is old: run `fingerpost manifests --compose -f envoy/compose/resources.yaml -o envoy/compose`"
        );
    }
    let bootstrap: Value = serde_json::from_str(&folder.read("out/config/envoy.json")).expect("a bootstrap");
    let listeners = &bootstrap["dynamic_resources"]["lds_config"]["path_config_source"]["path"];
    assert_eq!(listeners, "/etc/fingerpost/xds/lds.json");
    assert!(folder.join("out/config/xds/lds.json").is_file());
    assert!(folder.join("out/config/fingerpost.wasm").is_file());
}

#[test]
fn an_upstream_of_its_own_port_is_needed_in_the_network_of_the_host() {
    let folder = Folder::with("shop.yaml", &format!("{}---\n{SECOND}", shop()));
    let bridge = folder.run("manifests --compose -f shop.yaml -o out");
    bridge.check(0, &[]);
    assert!(folder.read("out/docker-compose.yaml").contains("80:80"));
    let host = folder.run("manifests --compose --network host -f shop.yaml -o other");
    host.check(2, &["both listen on port", "--network host"]);
    assert!(!folder.join("other").exists());
}

#[test]
fn a_compose_folder_needs_a_directory() {
    let folder = Folder::with("shop.yaml", &shop());
    folder
        .run("manifests --compose -f shop.yaml")
        .check(2, &["-o DIR"]);
    folder
        .run("manifests --compose --image registry.example/filter -f shop.yaml -o out")
        .check(2, &["--image", "--compose"]);
    folder
        .run("manifests -f shop.yaml")
        .check(2, &["--istio", "--compose"]);
}
