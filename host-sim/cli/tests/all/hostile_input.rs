//! Input that is made to exhaust the command, and places where it cannot write what it should.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::run::{Ended, Folder, shop};

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

/// A limit on the size of files makes writes fail as on a full disk.
#[test]
fn a_file_that_cannot_be_written_leaves_nothing() {
    let folder = Folder::with("shop.yaml", &shop());
    folder.run("compile -f shop.yaml -o out").check(0, &[]);
    let before = folder.read("out/envoy.json");
    folder.write(
        "shop.yaml",
        &shop().replace("shop.example.com", "other.example.com"),
    );
    let limited = |output: &str| {
        let command = folder.command(&format!("compile -f shop.yaml -o {output}"));
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "ulimit -f 1; exec \"$0\" \"$@\""])
            .arg(command.get_program());
        shell.args(command.get_args()).current_dir(folder.path());
        Ended::of(shell.output().expect("a shell"))
    };
    for output in ["out", "new"] {
        limited(output).check(5, &["can't be written: File too large"]);
    }
    assert_eq!(folder.read("out/envoy.json"), before);
    assert_eq!(folder.list("new"), Vec::<String>::new());
    assert_eq!(
        folder.list("out"),
        ["envoy.json", "fingerpost.wasm", "routing.json"]
    );
}
