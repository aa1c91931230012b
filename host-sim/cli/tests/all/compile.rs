//! `compile`: what is read, what is written, and what is said when either will not do.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use fingerpost_envoy_runner::Authority;

use crate::run::{Ended, Folder, GATEWAY, SERVICE, SHOP, shop};

/// The engine that needs no module, where the module plays no part.
const NATIVE: &str = "--engine native -o out";
const WRITTEN: [&str; 2] = ["envoy.json", "routing.json"];

fn compile(folder: &Folder, inputs: &str) -> Ended {
    folder.run(&format!("compile {inputs} {NATIVE}"))
}

#[test]
fn a_file_becomes_a_bootstrap_the_module_and_a_routing_config() {
    let folder = Folder::with("shop.yaml", &shop());
    let ended = folder.run("compile -f shop.yaml -o out");
    ended.check(0, &["plain text"]);
    assert_eq!(
        folder.list("out"),
        ["envoy.json", "fingerpost.wasm", "routing.json"]
    );
    let module = folder.join("out/fingerpost.wasm");
    let path = module.to_str().expect("UTF-8");
    assert!(folder.read("out/envoy.json").contains(path), "it names {path}");
    assert!(fs::read(&module).expect("the module").starts_with(b"\0asm"));
    for said in [
        "0.0.0.0_80",
        "clusters    1, endpoints",
        "envoy -c out/envoy.json",
    ] {
        assert!(
            ended.stdout.contains(said),
            "{said:?} is not in:\n{}",
            ended.stdout
        );
    }
}

#[test]
fn the_module_may_lie_elsewhere_when_envoy_runs() {
    let folder = Folder::with("shop.yaml", &shop());
    let ended = folder.run("compile -f shop.yaml -o out --module-path /etc/envoy/filter.wasm");
    ended.check(0, &[]);
    assert!(
        folder
            .read("out/envoy.json")
            .contains("\"/etc/envoy/filter.wasm\"")
    );
}

#[test]
fn what_changes_with_the_rules_may_be_in_files_of_its_own() {
    let folder = Folder::with("shop.yaml", &shop());
    let ended = folder.run("compile -f shop.yaml --xds -o out");
    ended.check(0, &[]);
    let files = folder.list("out/xds");
    let kinds: Vec<&str> = files
        .iter()
        .map(|it| it.split(['.', '-']).next().unwrap_or_default())
        .collect();
    assert_eq!(kinds, ["cds", "ecds", "lds", "rds"], "{files:?}");
    let bootstrap = folder.read("out/envoy.json");
    let place = folder.join("out/xds/lds.json");
    assert!(bootstrap.contains(place.to_str().expect("UTF-8")), "{bootstrap}");
    assert!(!bootstrap.contains("shop"), "a rule is in {bootstrap}");

    // The same rules, elsewhere when Envoy runs: all files name that place, and only it.
    folder.run("compile -f shop.yaml --xds -o moved --xds-path /etc/envoy/xds --module-path /etc/envoy/filter.wasm").check(0, &[]);
    assert_eq!(folder.list("moved/xds"), files);
    for file in files
        .iter()
        .map(|it| format!("moved/xds/{it}"))
        .chain(["moved/envoy.json".to_owned()])
    {
        let content = folder.read(&file);
        assert!(
            !content.contains(folder.path().to_str().expect("UTF-8")),
            "{file}: {content}"
        );
    }
    let listeners = folder.read("moved/xds/lds.json");
    assert!(listeners.contains("\"/etc/envoy/xds/rds-"), "{listeners}");

    folder
        .run("compile -f shop.yaml -o out --xds-path /etc/envoy/xds")
        .check(2, &["--xds"]);
}

#[test]
fn the_native_engine_needs_no_module() {
    let folder = Folder::with("shop.yaml", &shop());
    compile(&folder, "-f shop.yaml").check(0, &[]);
    assert_eq!(folder.list("out"), WRITTEN);
}

#[test]
fn a_typo_in_a_field_is_shown_with_its_line_and_a_suggestion() {
    let folder = Folder::with("shop.yaml", &shop().replace("rewrite:", "rewritte:"));
    let said = ["error[unknown-field]", "shop.yaml:17:5", "rewrite", "1 error"];
    compile(&folder, "-f shop.yaml").check(2, &said);
    assert_eq!(folder.list("out"), [""; 0], "nothing is written");
}

#[test]
fn a_directory_is_walked_in_the_order_of_names_without_what_is_hidden() {
    let folder = Folder::with("k8s/b/shop.yml", SHOP);
    folder.write("k8s/a.yaml", GATEWAY);
    folder.write("k8s/c.json", r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"}, "spec": {"ports": [{"port": 80, "name": "http"}]}}"#);
    folder.write("k8s/.git/broken.yaml", "[");
    folder.write("k8s/notes.txt", "[");
    let ended = compile(&folder, "-f k8s");
    ended.check(0, &[]);
    assert!(ended.stdout.contains("Compiled 3 files"), "{}", ended.stdout);
}

#[test]
fn a_file_that_is_named_twice_is_read_once() {
    let folder = Folder::with("shop.yaml", &shop());
    let ended = compile(&folder, "-f shop.yaml -f . -f ./shop.yaml");
    ended.check(0, &[]);
    assert!(ended.stdout.contains("Compiled 1 file "), "{}", ended.stdout);
}

#[test]
fn a_directory_without_resources_and_a_path_that_is_not_there_are_refused() {
    let folder = Folder::with("docs/notes.txt", "");
    compile(&folder, "-f docs").check(2, &["docs: no file in this directory ends in .yaml"]);
    compile(&folder, "-f nowhere.yaml").check(2, &["nowhere.yaml: no such file"]);
}

#[test]
fn standard_input_is_a_file_too() {
    let folder = Folder::new();
    folder
        .run_with(&format!("compile -f - {NATIVE}"), &shop())
        .check(0, &[]);
    assert_eq!(folder.list("out"), WRITTEN);
    let broken = shop().replace("rewrite:", "rewritte:");
    folder
        .run_with(&format!("compile -f - {NATIVE}"), &broken)
        .check(2, &["<stdin>:17:5"]);
}

#[test]
fn an_empty_file_is_noted_and_nothing_at_all_is_refused() {
    let folder = Folder::with("shop.yaml", &shop());
    folder.write("empty.yaml", "---\n# later\n");
    compile(&folder, "-f empty.yaml -f shop.yaml").check(0, &["note: empty.yaml is empty"]);
    compile(&folder, "-f empty.yaml").check(2, &["nothing to compile: empty.yaml holds no resource"]);
    folder
        .run_with(&format!("compile -f - {NATIVE}"), "")
        .check(2, &["nothing to compile: <stdin> holds no resource"]);
}

#[test]
fn broken_yaml_is_shown_with_its_line() {
    let folder = Folder::with("shop.yaml", "kind: Gateway\nmetadata: {name: [}\n");
    compile(&folder, "-f shop.yaml").check(2, &["shop.yaml:2:", "1 error"]);
}

#[test]
fn a_virtual_service_without_its_gateway_is_a_warning_and_strictly_an_error() {
    let folder = Folder::with(
        "a.yaml",
        &[GATEWAY, SERVICE, &SHOP.replace("[gateway]", "[getaway]")].join("---\n"),
    );
    compile(&folder, "-f a.yaml").check(0, &["warning[", "getaway", "1 warning"]);
    fs::remove_dir_all(folder.join("out")).expect("it was written");
    compile(&folder, "-f a.yaml --strict").check(2, &["error[", "getaway", "1 error"]);
    assert_eq!(folder.list("out"), [""; 0], "nothing is written");
}

#[test]
fn the_errors_of_all_files_are_shown_at_once() {
    let folder = Folder::with("a.yaml", &GATEWAY.replace("selector", "selektor"));
    folder.write("b.yaml", &SHOP.replace("rewrite:", "rewritte:"));
    compile(&folder, "-f a.yaml -f b.yaml").check(2, &["a.yaml:5:", "b.yaml:9:", "2 errors"]);
}

#[test]
fn only_gateways_for_the_proxys_labels_are_served() {
    let folder = Folder::with("shop.yaml", &shop());
    let ended = compile(&folder, "-f shop.yaml --labels app=other");
    ended.check(0, &["warning["]);
    assert!(!ended.stdout.contains("0.0.0.0_80"), "{}", ended.stdout);
    compile(&folder, "-f shop.yaml --labels app").check(2, &["invalid label `app`"]);
    compile(&folder, "-f shop.yaml --envoy 1.20").check(2, &["1.20", "1.36 to 1.40"]);
}

#[test]
fn other_kinds_are_counted_and_named() {
    let folder = Folder::with("shop.yaml", &shop());
    folder.write(
        "apps.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n",
    );
    let ended = compile(&folder, "-f .");
    ended.check(0, &[]);
    let said = "not used    1 Deployment";
    assert!(ended.stdout.contains(said), "{}", ended.stdout);
}

#[test]
fn only_our_files_in_an_existing_directory_are_replaced() {
    let folder = Folder::with("shop.yaml", &shop());
    folder.write("out/envoy.json", "old");
    folder.write("out/mine.txt", "kept");
    compile(&folder, "-f shop.yaml").check(0, &[]);
    assert_eq!(folder.list("out"), ["envoy.json", "mine.txt", "routing.json"]);
    assert_eq!(folder.read("out/mine.txt"), "kept");
    assert_ne!(folder.read("out/envoy.json"), "old");
}

#[test]
fn what_cannot_be_written_is_said_and_old_files_stay() {
    let folder = Folder::with("shop.yaml", &shop());
    folder
        .run("compile -f shop.yaml --engine native -o shop.yaml/out")
        .check(2, &["shop.yaml/out can't be written"]);
    folder.write("out/envoy.json", "old");
    folder.write("out/routing.json/x", "");
    compile(&folder, "-f shop.yaml").check(2, &["out/routing.json is a directory"]);
    assert_eq!(folder.read("out/envoy.json"), "old");
}

#[test]
fn a_bootstrap_with_a_private_key_is_for_the_user_alone() {
    let certificate = Authority::new()
        .and_then(|it| it.sign(&["shop.example.com"]))
        .expect("a certificate");
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: cert, namespace: istio-system}}\ntype: kubernetes.io/tls\n\
         stringData: {{tls.crt: {:?}, tls.key: {:?}}}\n",
        certificate.chain_pem, certificate.key_pem
    );
    let https = GATEWAY.replace(
        "{port: {number: 80, name: http, protocol: HTTP},",
        "{port: {number: 443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: cert},",
    );
    let folder = Folder::with("shop.yaml", &[&https, SHOP, SERVICE, &secret].join("---\n"));
    compile(&folder, "-f shop.yaml").check(0, &["envoy.json holds a private key"]);
    let mode = |name: &str| {
        let metadata = fs::metadata(folder.join(name)).expect("it was written");
        metadata.permissions().mode() & 0o077
    };
    assert_eq!(mode("out/envoy.json"), 0);
    assert_ne!(mode("out/routing.json"), 0);
}

#[test]
fn colour_is_for_terminals_unless_it_is_asked_for() {
    let folder = Folder::with("shop.yaml", &shop());
    let plain = compile(&folder, "-f shop.yaml");
    assert!(!plain.stdout.contains('\u{1b}') && !plain.stderr.contains('\u{1b}'));
    let coloured = compile(&folder, "-f shop.yaml --color always");
    assert!(coloured.stdout.contains('\u{1b}') && coloured.stderr.contains('\u{1b}'));
}
