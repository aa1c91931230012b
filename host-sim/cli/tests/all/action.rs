//! The GitHub Action and the pre-commit hooks: their steps run here as they do there, with this command on the PATH.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Ended, Folder, shop};

/// A resource with a misspelt field on line 9 of `bad.yaml`.
const MISSPELT: &str = "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  gateways: [gateway]
  hosts: [shop.example.com]
  http:
  - route: [{destination: {host: shop}}]
    rewrit: {uri: /}
";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs a step of the action in `folder`, with these inputs.
fn step(folder: &Folder, script: &str, inputs: &[(&str, &str)]) -> Ended {
    let mut command = on_the_path(folder, "bash");
    command.arg(repository().join("action").join(script));
    command.envs(inputs.iter().copied());
    command
        .env("RUNNER_TEMP", folder.join("temporary"))
        .env("GITHUB_PATH", folder.join("path"));
    Ended::of(command.output().expect("bash runs"))
}

/// A program that finds this `fingerpost` first.
fn on_the_path(folder: &Folder, program: &str) -> Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_fingerpost"));
    let before = env::var_os("PATH").expect("a PATH");
    let folders = binary
        .parent()
        .map(Path::to_owned)
        .into_iter()
        .chain(env::split_paths(&before));
    let mut command = Command::new(program);
    command
        .current_dir(folder.path())
        .env("PATH", env::join_paths(folders).expect("a PATH"));
    command
}

/// The groups of an expression in a line, by bash: the action's own expressions are plain enough for it.
fn groups(expression: &str, line: &str) -> Option<Vec<String>> {
    let script = r#"[[ "$1" =~ $2 ]] && printf '%s\n' "${BASH_REMATCH[@]:1}""#;
    let output = Command::new("bash")
        .args(["-c", script, "bash", line, expression])
        .output()
        .expect("bash runs");
    let text = String::from_utf8(output.stdout).expect("text");
    output
        .status
        .success()
        .then(|| text.lines().map(str::to_owned).collect())
}

#[test]
fn resources_without_a_fault_pass() {
    let folder = Folder::with("shop.yaml", &shop());
    step(
        &folder,
        "compile.sh",
        &[("FILES", "shop.yaml\n"), ("STRICT", "false")],
    )
    .check(0, &[]);
}

#[test]
fn the_matcher_finds_the_place_of_a_fault() {
    let folder = Folder::with("shop.yaml", &shop());
    folder.write("bad.yaml", MISSPELT);
    let ended = step(
        &folder,
        "compile.sh",
        &[("FILES", "shop.yaml\nbad.yaml"), ("ARGUMENTS", "--envoy 1.40")],
    );
    ended.check(2, &["unknown-field"]);
    let (_, matcher) = ended.stdout.split_once("::add-matcher::").expect("a matcher");
    let matcher = fs::read(matcher.lines().next().expect("its path")).expect("the matcher");
    let matcher: serde_json::Value = serde_json::from_slice(&matcher).expect("JSON");
    let pattern = &matcher["problemMatcher"][0]["pattern"];
    let expression = |index: usize| pattern[index]["regexp"].as_str().expect("an expression");

    let lines: Vec<&str> = ended.stderr.lines().collect();
    let found = lines
        .windows(2)
        .find_map(|pair| Some((groups(expression(0), pair[0])?, groups(expression(1), pair[1])?)));
    let (finding, place) = found.unwrap_or_else(|| panic!("nothing matches in:\n{}", ended.stderr));
    assert_eq!(finding[..2], ["error", "unknown-field"]);
    assert_eq!(place, ["bad.yaml", "9", "5"]);
}

#[test]
fn a_failed_test_is_an_annotation() {
    let folder = Folder::with("shop.yaml", &shop());
    folder.write(
        "shop.test.yaml",
        "tests:\n- name: gone\n  request: {url: http://shop.example.com/v1/}\n  expect: {status: 404}\n",
    );
    let ended = step(&folder, "test.sh", &[("TESTS", "shop.test.yaml")]);
    ended.check(1, &[]);
    assert!(
        ended.stdout.contains("::error file=shop.test.yaml,line=4"),
        "{}",
        ended.stdout
    );
}

#[test]
fn the_command_comes_from_an_archive() {
    let folder = Folder::new();
    fs::create_dir_all(folder.join("fingerpost-1/completions")).expect("a folder");
    fs::copy(
        env!("CARGO_BIN_EXE_fingerpost"),
        folder.join("fingerpost-1/fingerpost"),
    )
    .expect("a copy");
    let mut tar = Command::new("tar");
    let packed = tar
        .args(["-czf", "archive.tar.gz", "fingerpost-1"])
        .current_dir(folder.path())
        .status();
    assert!(packed.expect("tar runs").success());
    let ended = step(&folder, "install.sh", &[("ARCHIVE", "archive.tar.gz")]);
    ended.check(0, &[]);
    assert!(ended.stdout.starts_with("fingerpost "), "{}", ended.stdout);
    let installed = folder.join("temporary/fingerpost-bin");
    assert_eq!(folder.read("path").trim_end(), installed.to_string_lossy());
    assert!(installed.join("fingerpost").is_file());
}

#[test]
fn the_hooks_pass_and_fail_as_they_should() {
    let hooks = fs::read_to_string(repository().join(".pre-commit-hooks.yaml")).expect("the hooks");
    let value = |block: &str, key: &str| {
        let line = block
            .lines()
            .find_map(|line| line.trim().strip_prefix(key))
            .expect("a line");
        line.trim().trim_matches(['[', ']']).replace(", ", " ")
    };
    let hook = |id: &str| {
        let (_, block) = hooks.split_once(&format!("- id: {id}\n")).expect("a hook");
        let block = block.split("- id:").next().expect("its lines");
        format!("{} {}", value(block, "entry:"), value(block, "args:"))
    };
    let run = |folder: &Folder, id: &str| {
        let mut command = on_the_path(folder, "bash");
        Ended::of(command.args(["-c", &hook(id)]).output().expect("bash runs"))
    };
    let folder = Folder::with("shop.yaml", &shop());
    run(&folder, "fingerpost-check").check(0, &[]);
    folder.write(
        "shop.test.yaml",
        "tests:\n- name: old\n  request: {url: http://shop.example.com/old}\n  expect: {status: 301}\n",
    );
    run(&folder, "fingerpost-test").check(0, &[]);

    folder.write("bad.yaml", MISSPELT);
    run(&folder, "fingerpost-check").check(2, &["unknown-field"]);
    folder.write(
        "shop.test.yaml",
        &folder.read("shop.test.yaml").replace("301", "404"),
    );
    run(&folder, "fingerpost-test").check(1, &[]);
}
