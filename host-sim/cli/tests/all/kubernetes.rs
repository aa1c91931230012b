//! `manifests --kubernetes`: the objects, and an Envoy that is started with what they hold.
//!
//! The manifests of the examples lie in `tests/golden/kubernetes`, without the content of files and the hashes of it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fingerpost_envoy_runner::{Authority, Bootstrap, EnvoyBinary, RunningEnvoy, StartOptions, default_cache};
use serde_json::Value;

use crate::cluster_objects::{check, read};
use crate::golden::Golden;
use crate::run::{Folder, GATEWAY, shop};

pub(crate) const EXAMPLES: [&str; 8] = [
    "01-bookinfo",
    "02-two-gateways",
    "03-httpd-v1-v2",
    "04-spring-gs",
    "05-counter",
    "06-coolstore",
    "07-one-part-each",
    "08-why",
];

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|it| it["kind"] == kind).collect()
}

/// The content of each file in the container, by its path: what the volumes of the Pod mount from the other objects.
fn mounted(objects: &[Value]) -> BTreeMap<String, Vec<u8>> {
    let deployment = of_kind(objects, "Deployment")[0];
    let pod = &deployment["spec"]["template"]["spec"];
    let mut files = BTreeMap::new();
    for mount in pod["containers"][0]["volumeMounts"].as_array().expect("mounts") {
        let volumes = pod["volumes"].as_array().expect("volumes");
        let volume = volumes
            .iter()
            .find(|it| it["name"] == mount["name"])
            .expect("its volume");
        for source in volume["projected"]["sources"].as_array().expect("sources") {
            let (kind, source) = source
                .as_object()
                .and_then(|it| it.iter().next())
                .expect("a source");
            let kind = if kind == "secret" { "Secret" } else { "ConfigMap" };
            let object = of_kind(objects, kind)
                .into_iter()
                .find(|it| it["metadata"]["name"] == source["name"]);
            let Some(object) = object else {
                assert_eq!(source["optional"], true, "{source} is in no manifest");
                continue;
            };
            for item in source["items"].as_array().expect("items") {
                let (key, path) = (text(&item["key"]), text(&item["path"]));
                let content = match kind {
                    "Secret" => STANDARD.decode(text(&object["data"][key])).expect("base64"),
                    _ => match object["data"].get(key) {
                        Some(content) => text(content).as_bytes().to_vec(),
                        None => STANDARD.decode(text(&object["binaryData"][key])).expect("base64"),
                    },
                };
                let at = text(&mount["mountPath"]);
                match mount.get("subPath") {
                    None => files.insert(format!("{at}/{path}"), content),
                    Some(sub_path) if sub_path == path => files.insert(at.to_owned(), content),
                    Some(_) => None,
                };
            }
        }
    }
    files
}

/// Writes the files that a container sees below `folder`. The paths in them are those of the container, and a test takes free ports.
pub(crate) fn mount(objects: &[Value], folder: &Folder) {
    let root = folder.path().display().to_string();
    for (path, content) in mounted(objects) {
        let path = format!("{root}{path}");
        fs::create_dir_all(Path::new(&path).parent().expect("a folder")).expect("a folder");
        let content = match String::from_utf8(content) {
            Ok(text) => ports_freed(&text.replace("/etc/fingerpost", &format!("{root}/etc/fingerpost"))),
            Err(error) => error.into_bytes(),
        };
        fs::write(path, content).expect("a file");
    }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text"))
}

/// The manifests without the content of files, and with a word for the hash of it.
fn without_content(manifests: &str) -> String {
    let mut shown = manifests.to_owned();
    for object in read(manifests) {
        let name = text(&object["metadata"]["name"]);
        let Some((stem, hash)) = name.rsplit_once('-') else {
            continue;
        };
        if object["immutable"] == true {
            assert_eq!(hash.len(), 10, "{name}");
            shown = shown.replace(name, &format!("{stem}-HASH"));
        }
    }
    let mut in_files = false;
    let lines = shown.lines().map(|line| {
        in_files = match line.strip_prefix("  ") {
            Some(_) => in_files,
            None => matches!(line, "data:" | "binaryData:"),
        };
        match line.split_once(": ") {
            Some((key, _)) if in_files => format!("{key}: CONTENT\n"),
            _ => format!("{line}\n"),
        }
    });
    lines.collect()
}

#[test]
fn the_manifests_of_the_examples_are_valid_and_hold_what_compile_writes() {
    let folder = Folder::new();
    let mut golden = Golden::of("kubernetes");
    for example in EXAMPLES {
        let resources = repository().join("examples").join(example);
        let resources = resources.display();
        let ended = folder.run(&format!("manifests --kubernetes -f {resources} -o {example}"));
        ended.check(0, &[]);
        for name in folder.list(example) {
            let manifests = folder.read(&format!("{example}/{name}"));
            let objects = read(&manifests);
            objects.iter().for_each(check);

            let files = mounted(&objects);
            let module = files.get("/etc/fingerpost/fingerpost.wasm").expect("the filter");
            assert!(module.starts_with(b"\0asm"), "{example}");
            assert!(files.contains_key("/etc/fingerpost/envoy.json"), "{example}");
            assert!(files.contains_key("/etc/fingerpost/xds/lds.json"), "{example}");

            golden.compare(&format!("{example}.{name}"), &without_content(&manifests));
        }
    }
    golden.finish();
}

#[test]
fn names_change_with_the_content_and_only_with_it() {
    let folder = Folder::with("shop.yaml", &shop());
    let names = |folder: &Folder| -> Vec<String> {
        let ended = folder.run("manifests --kubernetes -f shop.yaml");
        ended.check(0, &[]);
        let maps = read(&ended.stdout);
        let names = of_kind(&maps, "ConfigMap")
            .into_iter()
            .map(|it| text(&it["metadata"]["name"]).to_owned());
        names.collect()
    };
    let before = names(&folder);
    assert_eq!(before, names(&folder));
    folder.write("shop.yaml", &shop().replace("/v1/", "/v2/"));
    let after = names(&folder);
    assert_eq!(before[0], after[0], "the module is the same");
    assert_ne!(before[1], after[1]);
}

#[test]
fn an_envoy_starts_with_the_files_of_the_manifests_and_drains() {
    let folder = Folder::with("shop.yaml", &shop());
    let ended = folder.run("manifests --kubernetes -f shop.yaml");
    ended.check(0, &[]);
    let objects = read(&ended.stdout);
    mount(&objects, &folder);
    let bootstrap = folder.read("etc/fingerpost/envoy.json");
    let bootstrap = Bootstrap::parse(&bootstrap).expect("a bootstrap");
    let binary = EnvoyBinary::find(&default_cache()).expect("an Envoy");
    let envoy = RunningEnvoy::start(&binary, &bootstrap, folder.path(), StartOptions::default());
    let envoy = envoy.expect("Envoy starts");

    let deployment = of_kind(&objects, "Deployment")[0];
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let ready = text(&container["readinessProbe"]["httpGet"]["path"]);
    let status = |listener: &str, host: &str, path: &str| status(&envoy, listener, host, path, "");
    assert_eq!(status("readiness", "probe", ready), "200");
    assert_eq!(status("0.0.0.0_80", "shop.example.com", "/old"), "301");
    assert_eq!(status("0.0.0.0_80", "shop.example.com", "/none"), "404");

    let drain = &container["lifecycle"]["preStop"]["exec"]["command"];
    let script = text(&drain[2]).replace("15000", &envoy.admin().port().to_string());
    let steps: Vec<&str> = script.split("; ").collect();
    assert!(matches!(steps[..], [_, "sleep 10", _, "sleep 30"]), "{script}");
    let run = |step: &str| {
        Command::new(text(&drain[0]))
            .args(["-c", step])
            .status()
            .expect("bash")
    };
    assert!(run(steps[0]).success());
    assert_eq!(status("readiness", "probe", ready), "503");
    assert_eq!(status("0.0.0.0_80", "shop.example.com", "/old"), "301");
    assert!(run(steps[2]).success());
    envoy.stop();
}

/// The status of the answer of a listener; `header` is a line more.
pub(crate) fn status(envoy: &RunningEnvoy, listener: &str, host: &str, path: &str, header: &str) -> String {
    let listeners = envoy.listeners().expect("listeners");
    let found = listeners
        .iter()
        .find(|it| it.name == listener)
        .expect("the listener");
    let address = (Ipv4Addr::LOCALHOST, found.address.port());
    let mut stream = TcpStream::connect(address).expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{header}connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn ports_freed(text: &str) -> Vec<u8> {
    let mut text = text.to_owned();
    for port in ["80", "15021", "15000"] {
        for end in [",", "}", "\n"] {
            for colon in [":", ": "] {
                text = text.replace(
                    &format!("\"port_value\"{colon}{port}{end}"),
                    &format!("\"port_value\"{colon}0{end}"),
                );
            }
        }
    }
    text.into_bytes()
}

#[test]
fn private_keys_are_in_secrets_and_in_a_file_apart() {
    let tls = "servers:\n  - {port: {number: 443, name: https, protocol: HTTPS}, hosts: [shop.example.com], tls: {mode: SIMPLE, credentialName: shop-cert}}\n  -";
    let with_tls = shop().replace("servers:\n  -", tls);
    assert!(with_tls.contains("shop-cert") && GATEWAY.contains("servers:\n  -"));
    let folder = Folder::with("shop.yaml", &with_tls);

    // Without the Secret: the Pod takes it from the cluster.
    let ended = folder.run("manifests --kubernetes -f shop.yaml");
    ended.check(0, &[]);
    let objects = read(&ended.stdout);
    objects.iter().for_each(check);
    assert!(of_kind(&objects, "Secret").is_empty());
    let pod = of_kind(&objects, "Deployment")[0]["spec"]["template"]["spec"].clone();
    let certificates = pod["volumes"]
        .as_array()
        .expect("volumes")
        .iter()
        .find(|it| it["name"] == "certs");
    let sources = certificates.expect("a volume")["projected"]["sources"]
        .as_array()
        .expect("sources")
        .clone();
    let secret = &sources
        .iter()
        .find(|it| it.get("secret").is_some())
        .expect("a Secret")["secret"];
    assert_eq!(secret["name"], "shop-cert");
    assert_eq!(secret["items"][1]["key"], "tls.key");
    assert_eq!(secret["items"][1]["path"], "shop-cert.key");
    // What tells Envoy where the files are, is beside them.
    assert!(mounted(&objects).contains_key("/etc/fingerpost/certs/shop-cert.json"));

    // The key goes into a Secret of its own, and is never printed.
    let authority = Authority::new().expect("an authority");
    let certificate = authority.sign(&["shop.example.com"]).expect("a certificate");
    let data = |pem: &str| STANDARD.encode(pem);
    folder.write(
        "secret.yaml",
        &format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: shop-cert, namespace: istio-system}}\ntype: kubernetes.io/tls\n\
             data: {{tls.crt: {}, tls.key: {}}}\n",
            data(&certificate.chain_pem),
            data(&certificate.key_pem)
        ),
    );
    let ended = folder.run("manifests --kubernetes -f shop.yaml -f secret.yaml");
    ended.check(2, &["private keys", "-o DIR"]);
    assert_eq!(ended.stdout, "");
    folder
        .run("manifests --kubernetes -f shop.yaml -f secret.yaml -o out")
        .check(0, &[]);
    assert_eq!(folder.list("out"), ["fingerpost-keys.yaml", "fingerpost.yaml"]);
    let mode = fs::metadata(folder.join("out/fingerpost-keys.yaml"))
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let public = folder.read("out/fingerpost.yaml");
    let keys = read(&folder.read("out/fingerpost-keys.yaml"));
    keys.iter().for_each(check);
    let mut all = read(&public);
    all.extend(keys);
    let files = mounted(&all);
    let is_key = |content: &Vec<u8>| String::from_utf8_lossy(content).contains("PRIVATE KEY");
    let holders: Vec<&String> = files
        .iter()
        .filter(|(_, it)| is_key(it))
        .map(|(path, _)| path)
        .collect();
    assert!(
        matches!(holders[..], [path] if path.starts_with("/etc/fingerpost/xds/sds-")),
        "{holders:?}"
    );
    assert!(!public.contains("PRIVATE KEY"));
}

#[test]
fn pods_whose_addresses_are_written_down_are_named() {
    let slice = "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: shop-1, labels: {kubernetes.io/service-name: shop}}\naddressType: IPv4\nports: [{name: http, port: 8080}]\nendpoints: [{addresses: [10.0.0.7]}]\n";
    let folder = Folder::with("shop.yaml", &format!("{}{slice}", shop()));
    let ended = folder.run("manifests --kubernetes -f shop.yaml");
    ended.check(
        0,
        &[
            "shop.default.svc.cluster.local",
            "leave Pods, Endpoints and EndpointSlices out",
        ],
    );
    folder.write("shop.yaml", &shop());
    let ended = folder.run("manifests --kubernetes -f shop.yaml");
    assert!(!ended.stderr.contains("EndpointSlices"), "{}", ended.stderr);
}

#[test]
fn nothing_to_serve_is_refused() {
    let folder = Folder::with("shop.yaml", &shop().replace("ingressgateway", "other"));
    let ended = folder.run("manifests --kubernetes -f shop.yaml --labels istio=ingressgateway");
    ended.check(2, &["no Gateway has a server"]);
    assert_eq!(ended.stdout, "");
}
