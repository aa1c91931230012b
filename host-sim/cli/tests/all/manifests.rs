//! `manifests` and `image`: the folder for docker compose, the steps on a gateway of Istio, the image.

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;

use crate::cluster_objects::{is_compose_file, read};
use crate::kubernetes::EXAMPLES;
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

/// What the examples come to lies in `tests/golden/compose`; `FINGERPOST_BLESS=1` writes it again.
#[test]
fn the_compose_files_of_the_examples_are_valid() {
    let folder = Folder::new();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/compose");
    let mut wrong = Vec::new();
    for example in EXAMPLES {
        let resources = repository().join("examples").join(example);
        for network in ["bridge", "host"] {
            let out = format!("{example}-{network}");
            let ended = folder.run(&format!(
                "manifests --compose --network {network} -f {} -o {out}",
                resources.display()
            ));
            // Without a network of compose, two upstreams of one port can't be there.
            if network == "host" && ended.code == Some(2) {
                ended.check(2, &["both listen on port"]);
                continue;
            }
            ended.check(0, &[]);
            let text = folder.read(&format!("{out}/docker-compose.yaml"));
            let file = read(&text).remove(0);
            assert!(is_compose_file(&file), "{out}: {text}");
            if network == "bridge" {
                let kept = golden.join(format!("{example}.yaml"));
                if env::var_os("FINGERPOST_BLESS").is_some() {
                    fs::create_dir_all(&golden).expect("a folder");
                    fs::write(&kept, &text).expect("the golden file can be written");
                }
                if fs::read_to_string(&kept).unwrap_or_default() != text {
                    wrong.push(kept);
                }
                let mut broken = file.clone();
                broken["services"]["gateway"]["volume"] = "config".into();
                assert!(!is_compose_file(&broken), "{out}");
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "run with FINGERPOST_BLESS=1 if that is right: {wrong:?}"
    );
}

/// What people can't see is an escape of YAML, not of the screen: else the manifest would say something else, or nothing.
#[test]
fn what_is_not_seen_is_an_escape_of_yaml() {
    let hidden = "/v1/\u{200b}\u{202e}/";
    let folder = Folder::with(
        "shop.yaml",
        &shop().replace("/v1/", &format!("{hidden:?}").replace(['{', '}'], "")),
    );
    for command in [
        "manifests --kubernetes -f shop.yaml",
        "manifests --istio --image r.example.com/f:1 -f shop.yaml",
    ] {
        let ended = folder.run(command);
        ended.check(0, &[]);
        let said = ended.stdout;
        assert!(said.contains("/v1/\\u200b\\u202e/"), "{command}: {said}");
        assert!(!said.contains("\\u{"), "{command}: {said}");
    }
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

const ISTIO: &str =
    "manifests --istio -f shop.yaml --image registry.example/filter:1 --labels istio=ingressgateway";

#[test]
fn the_steps_of_a_first_install_are_named_in_their_order() {
    let folder = Folder::with("shop.yaml", &shop());
    let order = [
        "apply --server-side -f out/first-install/fingerpost-1-header.yaml",
        "apply --server-side -f out/first-install/fingerpost-2-table.yaml",
        "apply --server-side -f out/first-install/fingerpost-3-filter.yaml",
        "apply --server-side -f out\n",
    ];
    let said = folder.run(&format!("{ISTIO} --first-install -o out"));
    let said = said.check(0, &order).stderr.clone();
    let places: Vec<Option<usize>> = order.iter().map(|it| said.find(it)).collect();
    assert!(places.is_sorted(), "{said}");
    let names = ["1-header", "2-table", "3-filter"];
    assert_eq!(
        folder.list("out/first-install"),
        names.map(|it| format!("fingerpost-{it}.yaml"))
    );
    // What `kubectl apply -f out` finds.
    assert_eq!(folder.list("out"), ["fingerpost.yaml", "first-install"]);
}

#[test]
fn an_update_starts_from_the_files_of_before() {
    let folder = Folder::with("shop.yaml", &shop());
    folder.run(&format!("{ISTIO} -o out")).check(0, &[]);
    let before = folder.read("out/fingerpost.yaml");
    folder.write("shop.yaml", &format!("{}---\n{SECOND}", shop()));
    folder.run(&format!("{ISTIO} --previous out -o out")).check(
        0,
        &[
            "out/update/fingerpost-1-table.yaml",
            "out/update/fingerpost-2-filter.yaml",
        ],
    );
    let after = folder.read("out/fingerpost.yaml");
    assert!(!before.contains("cart.default") && after.contains("cart.default"));
    let table = folder.read("out/update/fingerpost-1-table.yaml");
    assert!(
        table.contains("cart.default") && !table.contains("pluginConfig"),
        "{table}"
    );

    folder
        .run(&format!("{ISTIO} --previous shop.yaml -o other"))
        .check(2, &["no EnvoyFilter fingerpost", "--first-install"]);
    folder
        .run(&format!("{ISTIO} --previous missing -o other"))
        .check(2, &["missing: no such file"]);
    assert!(!folder.join("other").exists());
}

#[test]
fn steps_need_a_directory_and_a_gateway_of_istio() {
    let folder = Folder::with("shop.yaml", &shop());
    folder
        .run(&format!("{ISTIO} --first-install"))
        .check(2, &["--output"]);
    folder
        .run(&format!("{ISTIO} --first-install --previous out -o out"))
        .check(2, &["cannot be used with"]);
    folder
        .run("manifests --kubernetes -f shop.yaml --previous out -o out")
        .check(2, &["--kubernetes", "--previous"]);
}

#[test]
fn authorities_are_read_before_anything_is_pushed() {
    let folder = Folder::with("authority.pem", "text");
    let push = "image --push registry.example/filter:1 --ca";
    folder
        .run(&format!("{push} authority.pem"))
        .check(2, &["authority.pem", "certificates in PEM form"]);
    folder
        .run(&format!("{push} missing.pem"))
        .check(2, &["missing.pem: no such file"]);
    folder
        .run("image -o out --ca authority.pem")
        .check(2, &["--push"]);
}

#[test]
fn an_image_is_the_same_each_time() {
    let folder = Folder::with("empty", "");
    let said =
        [folder.run("image -o one"), folder.run("image -o two")].map(|it| it.check(0, &[]).stdout.clone());
    assert_eq!(said[0], said[1]);
    assert!(
        said[0].contains("compat sha256:") && said[0].contains("oci    sha256:"),
        "{}",
        said[0]
    );
    for name in ["index.json", "oci-layout"] {
        assert_eq!(
            folder.read(&format!("one/{name}")),
            folder.read(&format!("two/{name}"))
        );
    }
    assert_eq!(folder.list("one/blobs/sha256"), folder.list("two/blobs/sha256"));
}
