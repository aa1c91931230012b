//! `fingerpost test --accept` and `--watch`: what is written into test files, and what is done when they change.

use std::io::{BufReader, Read};
use std::process::Stdio;

use crate::run::{Folder, GATEWAY, SERVICE, interrupt, shop, until};

/// As people write it: comments, blanks, both ways of writing a map.
const NEW: &str = "\
# What the shop promises.
tests:
- name: v1 loses its prefix # since March
  request: GET http://shop.example.com/v1/cart   # a plain one
- request:
    url: http://shop.example.com/old
    headers: {x-user: [a, b]}
  # About the next one.
- name: all else
  cases:
  - {request: GET http://shop.example.com/v2}
  - request: GET http://shop.example.com/v2?q=1
    name: with a query

- name: as it was
  request: GET http://shop.example.com/v1/
  expect: {path: /}
";

/// What must be in it afterwards, written by hand from what `shop.yaml` says.
const ACCEPTED: &str = "\
# What the shop promises.
tests:
- name: v1 loses its prefix # since March
  request: GET http://shop.example.com/v1/cart   # a plain one
  expect:
    rule: \"default/shop http[0].match[0]\"
    host: shop.default.svc.cluster.local
    path: /cart
    status: 200
- request:
    url: http://shop.example.com/old
    headers: {x-user: [a, b]}
  expect:
    rule: \"default/shop http[1].match[0]\"
    status: 301
    redirect: \"http://shop.example.com/new\"
  # About the next one.
- name: all else
  cases:
  - {request: GET http://shop.example.com/v2, expect: {rule: none, status: 404}}
  - request: GET http://shop.example.com/v2?q=1
    name: with a query
    expect:
      rule: none
      status: 404

- name: as it was
  request: GET http://shop.example.com/v1/
  expect: {path: /}
";

fn folder(tests: &str) -> Folder {
    let folder = Folder::with("shop.yaml", &shop());
    folder.write("routes.test.yaml", tests);
    folder
}

#[test]
fn a_test_that_expects_nothing_does_not_pass() {
    let folder = folder(NEW);
    let ended = folder.run("test . --filter-runtime native");
    ended.check(1, &[]);
    let told = "\n1 passed, 4 new: `--accept` writes what was found\n";
    assert!(ended.stdout.ends_with(told), "{}", ended.stdout);
    assert_eq!(folder.read("routes.test.yaml"), NEW);
}

#[test]
fn accepted_outcomes_are_put_into_the_file_and_nothing_else_changes() {
    let folder = folder(NEW);
    let ended = folder.run("test . --filter-runtime native --accept");
    ended.check(0, &[]);
    assert!(
        ended.stdout.ends_with("\n1 passed, 4 accepted\n"),
        "{}",
        ended.stdout
    );
    assert_eq!(folder.read("routes.test.yaml"), ACCEPTED);
    let again = folder.run("test . --filter-runtime native --accept");
    again.check(0, &[]);
    assert!(again.stdout.ends_with("\n5 passed\n"), "{}", again.stdout);
    assert_eq!(folder.read("routes.test.yaml"), ACCEPTED);
    assert_eq!(folder.list("."), ["routes.test.yaml", "shop.yaml"]);
}

#[test]
fn of_drawn_destinations_the_weights_are_accepted() {
    let weighted = "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  gateways: [gateway]
  hosts: [shop.example.com]
  http:
  - route:
    - {destination: {host: shop}, weight: 90}
    - {destination: {host: canary}, weight: 10}
---
apiVersion: v1
kind: Service
metadata: {name: canary}
spec: {ports: [{port: 80, name: http}]}
";
    let folder = Folder::with("shop.yaml", &[GATEWAY, weighted, SERVICE].join("---\n"));
    let request = "tests:\n- request: GET http://shop.example.com/a\n";
    folder.write("routes.test.yaml", request);
    folder
        .run("test . --filter-runtime native --accept")
        .check(0, &[]);
    let expected = "  expect:
    rule: \"default/shop http[0]\"
    weights: {shop.default.svc.cluster.local: 90, canary.default.svc.cluster.local: 10}
    path: /a
    status: 200
";
    assert_eq!(folder.read("routes.test.yaml"), format!("{request}{expected}"));
    folder.run("test . --filter-runtime native").check(0, &[]);
}

#[test]
fn a_file_that_ends_without_a_line_break_is_no_trouble() {
    let folder = folder("tests:\n- request: GET http://shop.example.com/v2");
    folder
        .run("test . --filter-runtime native --accept")
        .check(0, &[]);
    let written = folder.read("routes.test.yaml");
    assert!(
        written.ends_with("/v2\n  expect:\n    rule: none\n    status: 404"),
        "{written}"
    );
}

#[test]
fn what_cannot_be_written_into_stays_as_it_is() {
    let tests = r#"{"tests": [{"request": "GET http://shop.example.com/v2"}]}"#;
    let folder = Folder::with("shop.yaml", &shop());
    folder.write("routes.test.json", tests);
    let ended = folder.run("test . --filter-runtime native --accept");
    ended.check(2, &["routes.test.json: `--accept` writes YAML"]);
    assert_eq!(folder.read("routes.test.json"), tests);
}

#[test]
fn a_test_that_is_written_once_and_stands_for_two_is_accepted_once() {
    let folder = folder("tests:\n- &a {request: GET http://shop.example.com/v2}\n- *a\n");
    folder
        .run("test . --filter-runtime native --accept")
        .check(0, &[]);
    assert_eq!(
        folder.read("routes.test.yaml"),
        "tests:\n- &a {request: GET http://shop.example.com/v2, expect: {rule: none, status: 404}}\n- *a\n"
    );
}

#[test]
fn a_change_is_tested_at_once_and_bad_files_are_told() {
    let passing = "tests:\n- request: GET http://shop.example.com/v2\n  expect: {status: 404}\n";
    let folder = folder(passing);
    let mut child = folder
        .command("test . --filter-runtime native --watch")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    until(&mut stderr, "waiting for a change");
    folder.write("routes.test.yaml", &passing.replace("404", "200"));
    until(&mut stderr, "waiting for a change");
    folder.write("routes.test.yaml", "tests: [\n");
    let told = until(&mut stderr, "waiting for a change");
    assert!(told.contains("this is not YAML"), "{told}");
    folder.write("routes.test.yaml", passing);
    until(&mut stderr, "waiting for a change");
    folder.write("shop.yaml", &shop().replace("/old", "/v2"));
    until(&mut stderr, "waiting for a change");
    interrupt(&child);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    let mut stdout = String::new();
    let mut pipe = child.stdout.take().expect("it is piped");
    pipe.read_to_string(&mut stdout).expect("text");
    let summaries: Vec<&str> = stdout.lines().filter(|it| it.contains(" passed")).collect();
    assert_eq!(
        summaries,
        ["1 passed", "0 passed, 1 failed", "1 passed", "0 passed, 1 failed"]
    );
}
