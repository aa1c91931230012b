//! Input that is made to exhaust the command, and places where it cannot write what it should.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Ended, Folder, GATEWAY, SERVICE, SHOP, shop};

/// A value of thousands of characters is cut where a message quotes it, so that the sentence around it can be read.
#[test]
fn what_a_message_quotes_is_short() {
    let long = "a".repeat(5_000);
    let shop = shop();
    let folder = Folder::new();
    for (name, text) in [
        ("host", shop.replace("shop.example.com", &format!("{long}.test"))),
        (
            "destination",
            shop.replace("host: shop", &format!("host: {long}")),
        ),
        ("name", shop.replacen("name: shop", &format!("name: {long}"), 1)),
        ("field", shop.replacen("spec:", &format!("{long}: 1\nspec:"), 1)),
        (
            "kind",
            shop.replacen("kind: Gateway", &format!("kind: Gateway{long}"), 1),
        ),
        (
            "label",
            shop.replacen("istio: ingressgateway", &format!("istio: '{long} {long}'"), 1),
        ),
    ] {
        assert_ne!(text, shop, "{name}");
        folder.write(&format!("{name}.yaml"), &text);
        let ended = folder.run(&format!("compile -f {name}.yaml -o out --all"));
        let longest = ended.stderr.lines().map(|it| it.chars().count()).max();
        assert!(longest.is_some_and(|it| it < 700), "{name}: {longest:?}");
    }
    let ended = folder.run(&format!("explain -f host.yaml GET{long}/ http://a/"));
    assert!(ended.stderr.len() < 700, "{}", ended.stderr);
}

/// Each is refused with a message, and nothing is an internal error. Were one of them read as it is, the test would not end.
#[test]
fn hostile_yaml_gets_an_error_and_an_end() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..15 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").expect("text");
    }
    let port = |number: &str| shop().replacen("number: 80", &format!("number: {number}"), 1);
    let delegate = |name: &str, to: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}, namespace: default}}\n\
             spec: {{http: [{{match: [{{uri: {{prefix: /}}}}], delegate: {{name: {to}}}}}]}}\n---\n"
        )
    };
    let folder = Folder::new();
    for (name, text) in [
        ("aliases", bomb),
        ("alias-of-itself", "a: &a [*a]\n".to_owned()),
        ("lists", format!("a: {}", "[".repeat(200_000))),
        ("maps", format!("a: {}", "{a: ".repeat(100_000))),
        ("keys", "? ".repeat(100_000)),
        ("digits", port(&"9".repeat(100_000))),
        ("exponent", port("1e400")),
        (
            "host",
            shop().replace("shop.example.com", &format!("{}.test", "a".repeat(1_000_000))),
        ),
        (
            "circle",
            [
                shop(),
                "\n---\n".to_owned(),
                delegate("one", "two"),
                delegate("two", "one"),
            ]
            .concat(),
        ),
        (
            "itself",
            [shop(), "\n---\n".to_owned(), delegate("one", "one")].concat(),
        ),
        ("nul", format!("{}\0", shop())),
    ] {
        folder.write(&format!("{name}.yaml"), &text);
        let ended = folder.run(&format!("compile -f {name}.yaml -o out"));
        assert_eq!(ended.code, Some(2), "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains("error"), "{name}: {}", ended.stderr);
        assert!(!folder.join("out").exists(), "{name}");
    }
}

#[test]
fn a_link_in_the_output_folder_is_replaced() {
    let folder = Folder::with("shop.yaml", &shop());
    folder.write("precious", "keep");
    fs::create_dir(folder.join("out")).expect("a folder");
    for name in ["envoy.json", "fingerpost.wasm", "routing.json"] {
        symlink("../precious", folder.join("out").join(name)).expect("a link");
    }
    folder.run("compile -f shop.yaml -o out").check(0, &[]);
    assert_eq!(folder.read("precious"), "keep");
    for name in ["envoy.json", "fingerpost.wasm", "routing.json"] {
        let file = fs::symlink_metadata(folder.join("out").join(name)).expect("a file");
        assert!(file.is_file(), "{name}");
    }
}

/// What a hostile repository could bring: a folder of the output that leads elsewhere.
#[test]
fn a_link_to_a_folder_in_the_output_folder_is_refused() {
    for (link, command) in [
        ("xds", "compile -f shop.yaml --xds"),
        ("xds", "sync -f shop.yaml --admin unix:no.sock"),
        ("xds/..state", "sync -f shop.yaml --admin unix:no.sock"),
        ("xds/..state/lock", "sync -f shop.yaml --admin unix:no.sock"),
        ("blobs", "image"),
        ("blobs/sha256", "image"),
        ("config", "manifests --compose -f shop.yaml"),
        ("config/xds", "manifests --compose -f shop.yaml"),
        ("echo", "manifests --compose -f shop.yaml"),
    ] {
        let folder = Folder::with("shop.yaml", &shop());
        fs::create_dir(folder.join("elsewhere")).expect("a folder");
        let path = folder.join("out").join(link);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        symlink(folder.join("elsewhere"), path).expect("a link");
        let refused = format!("out/{link} is a symbolic link");
        folder.run(&format!("{command} -o out")).check(2, &[&refused]);
        assert_eq!(folder.list("elsewhere"), [""; 0], "{command}, {link}");
    }
}

/// A TLS server with this credential, and an upstream at this address.
fn named(name: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: gateway}}\nspec:\n  selector: {{istio: ingressgateway}}\n  \
         servers:\n  - {{port: {{number: 8443, name: https, protocol: HTTPS}}, hosts: ['*'], tls: {{mode: MUTUAL, credentialName: {name:?}}}}}\n"
    )
}

#[test]
fn no_name_of_a_resource_leads_out_of_the_output_folder() {
    for name in [
        "../../evil",
        "..",
        "/tmp/evil",
        "a/../../../evil",
        "kubernetes://../../evil",
        "-cacert",
    ] {
        let folder = Folder::with("shop.yaml", &[&named(name), SHOP, SERVICE].join("---\n"));
        for command in [
            "compile --engine native",
            "compile --xds",
            "sync --admin unix:no.sock",
        ] {
            folder
                .run(&format!("{command} -f shop.yaml -o deep/out"))
                .check(0, &[]);
            assert_eq!(folder.list(""), ["deep", "shop.yaml"], "{command}, {name}");
            assert_eq!(folder.list("deep"), ["out"], "{command}, {name}");
            let certs = folder.list("deep/out/certs");
            assert!(!certs.is_empty(), "{command}, {name}");
            let is_ours = |it: &String| it.ends_with(".json");
            assert!(certs.iter().all(is_ours), "{command}, {name}: {certs:?}");
            fs::remove_dir_all(folder.join("deep/out")).expect("a folder");
        }
        // The echo server of an upstream has a file by its address.
        let entry = format!(
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: shop}}\nspec:\n  hosts: [shop]\n  resolution: DNS\n  \
             ports: [{{number: 80, name: http, protocol: HTTP}}]\n  endpoints: [{{address: {name:?}}}]\n"
        );
        folder.write("shop.yaml", &[GATEWAY, SHOP, &entry].join("---\n"));
        folder
            .run("manifests --compose -f shop.yaml -o deep/compose")
            .check(2, &["bad-address"]);
        assert_eq!(folder.list("deep"), [""; 0], "{name}");
    }
}

/// Every command that writes, and what it writes into.
const WRITERS: &[(&str, &str)] = &[
    ("compile -f shop.yaml -o out", "out"),
    ("compile -f shop.yaml -o out --xds", "out/xds"),
    ("image -o out", "out/blobs/sha256"),
    ("manifests --kubernetes -f shop.yaml -o out", "out"),
    ("manifests --compose -f shop.yaml -o out", "out/config"),
    (
        "sync -f shop.yaml -o out --admin unix:no.sock --timeout 0.1",
        "out",
    ),
    (
        "sync -f shop.yaml -o ready --admin unix:no.sock --timeout 0.1 --metrics out/m.prom",
        "out",
    ),
];

#[test]
fn what_a_run_left_that_was_killed_is_removed_by_the_next() {
    for (command, place) in WRITERS {
        let folder = Folder::with("shop.yaml", &shop());
        folder.write(&format!("{place}/.fingerpost-aB3dE6"), "half a file");
        folder.write(&format!("{place}/.fingerpost-notes"), "of the user");
        folder.run(command).check(0, &[]);
        let mut hidden = folder.list(place);
        hidden.retain(|it| it.starts_with(".fingerpost"));
        assert_eq!(hidden, [".fingerpost-notes"], "{command}");
    }
}

/// A limit on the size of files makes writes fail as on a full disk.
fn limited(folder: &Folder, arguments: &str) -> Ended {
    let command = folder.command(arguments);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "ulimit -f 1; exec \"$0\" \"$@\""])
        .arg(command.get_program());
    shell.args(command.get_args()).current_dir(folder.path());
    Ended::of(shell.output().expect("a shell"))
}

/// All files and folders below, in any depth, that are drafts by their name.
fn drafts(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().is_ok_and(|it| it.is_dir()) {
            found.extend(drafts(&entry.path()));
        }
        if name.starts_with(".fingerpost-") || name == "draft" {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn no_command_leaves_a_draft_on_a_full_disk() {
    for (command, _) in WRITERS {
        let folder = Folder::with("shop.yaml", &shop());
        limited(&folder, command).check(5, &["written: File too large"]);
        assert_eq!(drafts(folder.path()), [""; 0].map(PathBuf::from), "{command}");
    }
    // The module is in its place already, and the files of Envoy do not fit.
    let folder = Folder::with("shop.yaml", &shop());
    let command = "sync -f shop.yaml -o out --admin unix:no.sock --timeout 0.1";
    folder.run(command).check(0, &[]);
    for gone in ["out/xds", "out/envoy.json"] {
        let path = folder.join(gone);
        let removed = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        removed.expect("it is there");
    }
    limited(&folder, &format!("{command} --module-path /filter.wasm"))
        .check(5, &["out/xds/", "can't be read or written: File too large"]);
    assert_eq!(drafts(folder.path()), [""; 0].map(PathBuf::from));
}

#[test]
fn a_file_that_cannot_be_written_leaves_nothing() {
    let folder = Folder::with("shop.yaml", &shop());
    folder.run("compile -f shop.yaml -o out").check(0, &[]);
    let before = folder.read("out/envoy.json");
    folder.write(
        "shop.yaml",
        &shop().replace("shop.example.com", "other.example.com"),
    );
    for output in ["out", "new"] {
        let ended = limited(&folder, &format!("compile -f shop.yaml -o {output}"));
        ended.check(5, &["can't be written: File too large"]);
        assert!(!ended.stderr.contains(".fingerpost-"), "{}", ended.stderr);
    }
    assert_eq!(folder.read("out/envoy.json"), before);
    assert_eq!(folder.list("new"), Vec::<String>::new());
    assert_eq!(
        folder.list("out"),
        ["envoy.json", "fingerpost.wasm", "routing.json"]
    );
}

/// Help and version are answers too.
#[test]
fn help_that_cannot_be_printed_is_an_error() {
    let folder = Folder::new();
    for command in ["--help", "--version", "compile --help", "help sync"] {
        let full = fs::File::options().write(true).open("/dev/full");
        let mut command = folder.command(command);
        let output = command.stdout(full.expect("a device")).output();
        Ended::of(output.expect("the command ends")).check(5, &["the output can't be written"]);
    }
}
