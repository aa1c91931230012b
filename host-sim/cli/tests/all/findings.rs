//! What is found in the input: behind the answer, grouped by cause, and never more than a screen.

use std::fmt::Write as _;
use std::io::{BufReader, Read};
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::run::{Ended, Folder, GATEWAY, SERVICE, SHOP, send, shop, until};

/// No command shows more lines than this without `--all`.
const MOST: usize = 60;

/// Rules for services that are missing, where others are there.
fn unknown_hosts(number: usize) -> String {
    let mut text = format!("{GATEWAY}---\n{SERVICE}---\n{SHOP}");
    for index in 0..number {
        let _ = write!(
            text,
            "  - match: [{{uri: {{exact: /to/{index}}}}}]\n    route: [{{destination: {{host: gone-{index}}}}}]\n"
        );
    }
    text
}

/// A VirtualService that Istio refuses.
fn invalid(index: usize) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: bad-{index}}}\nspec:\n  hosts: \
         [bad-{index}.example.com]\n  gateways: [gateway]\n  http:\n  - timeout: 5x{index}\n    route: [{{destination: \
         {{host: shop}}}}]\n"
    )
}

#[track_caller]
fn check_length(ended: &Ended) {
    let lines = ended.stderr.lines().count();
    assert!(lines <= MOST, "{lines} lines:\n{}", ended.stderr);
}

#[test]
fn hundreds_of_unknown_hosts_are_one_cause_behind_the_answer() {
    let folder = Folder::with("shop.yaml", &unknown_hosts(300));
    folder.write(
        "shop.test.yaml",
        "tests: [{name: a, request: \"GET http://shop.example.com/v1/x\", expect: {status: 200}}]\n",
    );
    for command in [
        "routes -f shop.yaml",
        "request -f shop.yaml --filter-runtime native http://shop.example.com/v1/x",
        "compile -f shop.yaml -o out --engine native",
    ] {
        let ended = folder.run(command);
        ended.check(
            0,
            &[
                "… and 296 more like this in 1 file",
                "300 warnings (unknown-host 300) in 1 file",
            ],
        );
        check_length(&ended);
        assert_eq!(
            ended.stderr.matches("warning[unknown-host]").count(),
            1,
            "{}",
            ended.stderr
        );
        assert!(
            ended.stderr.ends_with(" in 1 file\n"),
            "the summary is last: {}",
            ended.stderr
        );
    }
    let ended = folder.run("explain -f shop.yaml http://shop.example.com/v1/x");
    ended.check(0, &[]);
    check_length(&ended);
    let ended = folder.run("test shop.test.yaml --filter-runtime native");
    ended.check(0, &["(unknown-host 300)"]);
    check_length(&ended);
}

#[test]
fn all_shows_every_place() {
    let folder = Folder::with("shop.yaml", &unknown_hosts(30));
    let ended = folder.run("routes -f shop.yaml --all");
    ended.check(0, &["30 warnings (unknown-host 30) in 1 file"]);
    assert_eq!(ended.stderr.matches("warning[unknown-host]").count(), 30);
    for index in 0..30 {
        assert!(
            ended.stderr.contains(&format!("gone-{index}.default")),
            "{}",
            ended.stderr
        );
    }
    assert!(!ended.stderr.contains("not shown"), "{}", ended.stderr);
}

#[test]
fn quiet_shows_errors_only() {
    let folder = Folder::with("shop.yaml", &unknown_hosts(3));
    let ended = folder.run("routes -f shop.yaml -q");
    ended.check(0, &[]);
    assert_eq!(ended.stderr, "");
    folder.write("bad.yaml", &invalid(1));
    for quiet in ["-q", "--quiet"] {
        let ended = folder.run(&format!("{quiet} routes -f ."));
        ended.check(0, &["error[bad-duration]", "\n1 error in 2 files\n"]);
        assert!(
            !ended.stderr.contains("warning") && !ended.stderr.contains("\nnote:"),
            "{}",
            ended.stderr
        );
    }
    folder
        .run("routes -f . --quiet --all")
        .check(2, &["cannot be used with"]);
}

#[test]
fn hundreds_of_invalid_resources_leave_the_answer_in_sight() {
    let folder = Folder::with("k8s/shop.yaml", &shop());
    for index in 0..200 {
        folder.write(&format!("k8s/{index}.yaml"), &invalid(index));
    }
    for command in ["routes -f k8s", "explain -f k8s http://shop.example.com/v1/x"] {
        let ended = folder.run(command);
        ended.check(
            0,
            &[
                "\n200 errors in 201 files\n",
                "left out because of the errors: ",
                "195 more: --all names them",
            ],
        );
        check_length(&ended);
        assert!(ended.stdout.contains("shop.default"), "{}", ended.stdout);
    }
    let ended = folder.run("compile -f k8s -o out --engine native");
    ended.check(2, &["\n200 errors in 201 files\n"]);
    check_length(&ended);
    let ended = folder.run("routes -f k8s --all");
    ended.check(0, &["VirtualService default/bad-199"]);
    assert_eq!(ended.stderr.matches("error[bad-duration]").count(), 200);
}

#[test]
fn hundreds_of_files_that_can_not_be_read_are_counted() {
    let folder = Folder::with("k8s/shop.yaml", &shop());
    for index in 0..100 {
        let broken = [
            "kind: VirtualService\na: [",
            "kind: VirtualService\na: {b: c",
            "kind: VirtualService\n\tname: a",
            "kind: VirtualService\na: \"b",
        ][index % 4];
        folder.write(
            &format!("k8s/broken-{index}.yaml"),
            &format!("apiVersion: networking.istio.io/v1\n{broken}\n"),
        );
    }
    let ended = folder.run("routes -f k8s --strict");
    ended.check(2, &["\n100 errors in 101 files\n", "--all shows everything"]);
    check_length(&ended);
    let ended = folder.run("routes -f k8s");
    ended.check(0, &[]);
    check_length(&ended);
}

#[test]
fn hundreds_of_causes_keep_a_line_each_while_there_is_room() {
    let mut text = shop();
    for index in 0..40 {
        for (kind, field) in [
            ("Gateway", "servrs"),
            ("VirtualService", "htpp"),
            ("DestinationRule", "subset"),
        ] {
            let _ = write!(
                text,
                "---\napiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: b{index}}}\nspec: {{{field}: 1, \
                 unknown{}: 2}}\n",
                "abcdefghij".get(..index % 10).unwrap_or_default()
            );
        }
    }
    let folder = Folder::with("shop.yaml", &text);
    let ended = folder.run("compile -f shop.yaml -o out --engine native");
    ended.check(
        2,
        &["error[unknown-field]", "are not shown: --all shows everything"],
    );
    check_length(&ended);
}

#[test]
fn errors_come_before_warnings() {
    let folder = Folder::with("shop.yaml", &unknown_hosts(20));
    folder.write("worse.yaml", &invalid(1));
    let ended = folder.run("routes -f .");
    ended.check(0, &["1 error, 20 warnings (unknown-host 20) in 2 files"]);
    let at = |text: &str| ended.stderr.find(text).expect("it is said");
    assert!(at("error[bad-duration]") < at("warning[unknown-host]"));
}

#[test]
fn hundreds_of_files_that_are_left_out_are_a_line() {
    let folder = Folder::with("k8s/shop.yaml", &shop());
    for index in 0..500 {
        folder.write(&format!("k8s/values-{index}.yaml"), "a: 1\n");
        folder.write(&format!("k8s/empty-{index}.yaml"), "# nothing\n");
        std::os::unix::fs::symlink("nowhere", folder.join(&format!("k8s/link-{index}.yaml")))
            .expect("a link");
    }
    let ended = folder.run("routes -f k8s");
    ended.check(
        0,
        &["1000 other files", "link-0.yaml", "495 more: --all names them"],
    );
    check_length(&ended);
    let longest = ended.stderr.lines().map(str::len).max();
    assert!(longest < Some(500), "{}", ended.stderr);
}

#[test]
fn a_server_shows_its_rules_then_the_first_of_each_cause() {
    let folder = Folder::with("shop.yaml", &unknown_hosts(300));
    let mut child = folder
        .command("serve -f shop.yaml --filter-runtime native")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    until(&mut stdout, "Ctrl-C");
    send(child.id(), Signal::TERM);
    let mut stderr = String::new();
    let mut pipe = child.stderr.take().expect("it is piped");
    pipe.read_to_string(&mut stderr).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert!(stderr.lines().count() <= 30, "{stderr}");
    assert!(stderr.contains("… and 299 more like this in 1 file"), "{stderr}");
    assert!(
        stderr.contains("300 warnings (unknown-host 300) in 1 file"),
        "{stderr}"
    );
}

/// The findings of a command in its JSON form.
#[track_caller]
fn findings_of(folder: &Folder, command: &str, code: i32) -> Vec<Value> {
    let ended = folder.run(command);
    ended.check(code, &[]);
    let answer: Value = serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("{command}: {error}: {}", ended.stdout));
    assert!(answer["notes"].is_array(), "{command}: {answer:#}");
    answer["findings"]
        .as_array()
        .cloned()
        .unwrap_or_else(|| panic!("{command}: {answer:#}"))
}

#[test]
fn every_json_form_has_every_finding() {
    let folder = Folder::with("k8s/shop.yaml", &unknown_hosts(100));
    folder.write(
        "shop.test.yaml",
        "resources: k8s\ntests: [{name: a, request: \"GET http://shop.example.com/v1/x\", expect: {status: 200}}]\n",
    );
    let expected = json!({
        "code": "unknown-host", "severity": "warning", "resource": "VirtualService default/shop",
        "field": "spec.http[2].route[0].destination.host", "file": "k8s/shop.yaml",
    });
    for command in [
        "routes -f k8s",
        "request -f k8s --filter-runtime native http://shop.example.com/v1/x",
        "compile -f k8s -o out --engine native",
        "test shop.test.yaml --filter-runtime native",
    ] {
        let findings = findings_of(&folder, &format!("{command} --format json"), 0);
        assert_eq!(findings.len(), 100, "{command}");
        for (field, value) in expected.as_object().expect("an object") {
            assert_eq!(findings[0][field], *value, "{command}: {:#}", findings[0]);
        }
        let places = ["line", "column"].map(|it| findings[0][it].as_u64());
        assert!(places.iter().all(Option::is_some), "{command}: {:#}", findings[0]);
        assert!(
            findings[0]["message"]
                .as_str()
                .is_some_and(|it| it.contains("gone-0")),
            "{command}"
        );
        assert!(findings_of(&folder, &format!("{command} --format json -q"), 0).is_empty());
    }
    let findings = findings_of(
        &folder,
        "explain -f k8s http://shop.example.com/v1/x --format json",
        0,
    );
    assert!(findings.is_empty(), "the outcome has them: {findings:?}");
}

#[test]
fn an_input_that_is_refused_is_answered_with_its_findings() {
    let folder = Folder::with("shop.yaml", &format!("{}---\n{}", shop(), invalid(1)));
    folder.write(
        "shop.test.yaml",
        "strict: true\ntests: [{name: a, request: \"GET http://shop.example.com/v1/x\", expect: {status: 200}}]\n",
    );
    folder.write("bad.test.yaml", "tests: [{nmae: a}]\n");
    for command in [
        "routes -f shop.yaml --strict",
        "explain -f shop.yaml --strict http://shop.example.com/v1/x",
        "request -f shop.yaml --strict http://shop.example.com/v1/x",
        "compile -f shop.yaml -o out",
        "test shop.test.yaml -f shop.yaml",
    ] {
        let findings = findings_of(&folder, &format!("{command} --format json"), 2);
        let [finding] = findings.as_slice() else {
            panic!("{command}: {findings:#?}");
        };
        assert_eq!(
            (&finding["code"], &finding["severity"]),
            (&json!("bad-duration"), &json!("error")),
            "{command}"
        );
    }
    let findings = findings_of(&folder, "test bad.test.yaml -f shop.yaml --format json", 2);
    assert_eq!(findings[0]["file"], "bad.test.yaml");
}

#[test]
fn places_are_those_of_the_working_folder() {
    let folder = Folder::with("k8s/shop.yaml", &unknown_hosts(1));
    folder.write(
        "k8s/sub/other.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    );
    let absolute = folder.join("k8s/shop.yaml");
    let link = folder.join("link");
    std::os::unix::fs::symlink(folder.join("k8s/sub"), &link).expect("a link");
    for name in [
        "k8s/shop.yaml",
        "./k8s/shop.yaml",
        "k8s/../k8s/./shop.yaml",
        "k8s",
        "./k8s/",
        ".",
        absolute.to_str().expect("text"),
    ] {
        let ended = folder.run(&format!("routes -f {name}"));
        ended.check(0, &["--> k8s/shop.yaml:27:34\n"]);
    }
    // `..` of a link is not the folder around the link.
    let ended = folder.run("routes -f link/../shop.yaml");
    ended.check(0, &["--> link/../shop.yaml:27:34\n"]);
}

#[test]
fn the_answer_comes_before_what_was_found() {
    let folder = Folder::with("k8s/shop.yaml", &unknown_hosts(3));
    folder.write("k8s/values.yaml", "a: 1\n");
    folder.write("k8s/bad.yaml", &invalid(1));
    for command in [
        "routes -f k8s",
        "explain -f k8s http://shop.example.com/v1/x",
        "request -f k8s --filter-runtime native http://shop.example.com/v1/x",
    ] {
        let both = std::fs::File::create(folder.join("both")).expect("a file");
        let status = folder
            .command(command)
            .stdout(both.try_clone().expect("a second handle"))
            .stderr(both)
            .status()
            .expect("the command runs");
        assert_eq!(status.code(), Some(0), "{command}");
        let said = folder.read("both");
        let at = |text: &str| {
            said.rfind(text)
                .unwrap_or_else(|| panic!("{command}: no {text} in\n{said}"))
        };
        assert!(
            at("default/shop http[0]") < at("note: read "),
            "{command}: {said}"
        );
        assert!(at("note: read ") < at("error[bad-duration]"), "{command}: {said}");
        assert!(
            said.lines().last().is_some_and(|it| it.ends_with(" in 2 files")),
            "{command}: {said}"
        );
    }
}

#[test]
fn the_findings_of_many_tests_are_one_list() {
    let folder = Folder::new();
    for index in 0..30 {
        folder.write(&format!("{index}/shop.yaml"), &unknown_hosts(2));
        folder.write(
            &format!("{index}/shop.test.yaml"),
            "resources: shop.yaml\ntests: [{name: a, request: \"GET http://shop.example.com/v1/x\", expect: {status: 200}}]\n",
        );
    }
    let ended = folder.run("test . --filter-runtime native");
    ended.check(0, &["60 warnings (unknown-host 60) in 60 files\n"]);
    check_length(&ended);
    assert_eq!(
        ended.stderr.matches("warning[unknown-host]").count(),
        1,
        "{}",
        ended.stderr
    );
}
