//! `fingerpost test`: what passes, what fails and how it is shown, and the exit codes.

use std::path::Path;

use serde_json::Value;

use crate::run::{Folder, GATEWAY, SERVICE, shop};

const PASSING: &str = "\
tests:
- name: v1 loses its prefix
  request: GET http://shop.example.com/v1/cart
  expect: {rule: \"shop http[0]\", host: shop, path: /cart, status: 200}
- name: all else is unknown
  request: GET http://shop.example.com/v2
  expect: {rule: none, cluster: none, status: 404}
";

const FAILING: &str = "\
tests:
- name: v1 keeps its prefix
  request: GET http://shop.example.com/v1/cart
  expect:
    path: /v1/cart
    status: 200
";

fn folder(tests: &str) -> Folder {
    let folder = Folder::with("shop.yaml", &shop());
    folder.write("routes.test.yaml", tests);
    folder
}

#[test]
fn tests_that_hold_pass_in_both_engines() {
    let folder = folder(PASSING);
    for runtime in ["wasm", "native"] {
        let ended = folder.run(&format!("test . --filter-runtime {runtime}"));
        ended.check(0, &[]);
        assert_eq!(
            ended.stdout,
            "routes.test.yaml\n  PASS  v1 loses its prefix\n  PASS  all else is unknown\n\n2 passed\n"
        );
    }
}

#[test]
fn a_failure_shows_what_was_expected_what_was_found_and_the_rule() {
    let ended = folder(FAILING).run("test routes.test.yaml --filter-runtime native");
    ended.check(1, &[]);
    assert_eq!(
        ended.stdout,
        "\
routes.test.yaml
  FAIL  v1 keeps its prefix
        GET shop.example.com/v1/cart
        path  routes.test.yaml:5:5
          expected  /v1/cart
          found     /cart
        default/shop http[0].match[0] took it  shop.yaml:16:13

0 passed, 1 failed
"
    );
}

#[test]
fn json_tells_the_same() {
    let ended = folder(FAILING).run("test . --filter-runtime native --format json");
    ended.check(1, &[]);
    let report: Value = serde_json::from_str(&ended.stdout).expect("one object");
    assert_eq!(report["version"], 1);
    assert_eq!(report["summary"]["failed"], 1);
    let test = &report["tests"][0];
    assert_eq!(
        (&test["status"], &test["line"]),
        (&Value::from("failed"), &Value::from(2))
    );
    let difference = &test["differences"][0];
    assert_eq!(difference["field"], "path");
    assert_eq!(difference["expected"], "/v1/cart");
    assert_eq!(difference["actual"], "/cart");
}

#[test]
fn an_unknown_field_is_refused_with_its_line() {
    let ended = folder(&PASSING.replace("rule: none", "rul: none")).run("test .");
    ended.check(
        2,
        &[
            "expect has no field `rul`",
            "routes.test.yaml:7",
            "did you mean `rule`?",
        ],
    );
    assert_eq!(ended.stdout, "");
}

#[test]
fn no_test_is_no_success() {
    let without = Folder::with("shop.yaml", &shop());
    without.run("test .").check(4, &["no tests in ."]);
    let empty = folder("tests: []\n");
    empty.run("test .").check(4, &["these files have no tests"]);
    let filtered = folder(PASSING).run("test . --filter nothing");
    filtered.check(4, &["no test has a name with `nothing` in it"]);
}

#[test]
fn a_filter_leaves_out_the_other_tests() {
    let ended = folder(PASSING).run("test . --filter-runtime native --filter unknown");
    ended.check(0, &[]);
    assert!(
        ended.stdout.contains("PASS  all else is unknown"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.ends_with("1 passed, 1 left out by --filter\n"),
        "{}",
        ended.stdout
    );
    assert!(!ended.stdout.contains("prefix"), "{}", ended.stdout);
}

#[test]
fn coverage_names_the_rule_that_no_test_reached() {
    let folder = folder(PASSING);
    let ended = folder.run("test . --filter-runtime native --coverage");
    ended.check(0, &[]);
    assert!(
        ended.stdout.contains("1 of 2 matches (50 %), 1 of 2 rules"),
        "{}",
        ended.stdout
    );
    let missing = ended.stdout.lines().find(|it| it.contains("never reached"));
    let missing = missing.unwrap_or_default();
    assert!(
        missing.contains("default/shop http[1].match[0]") && missing.ends_with("  shop.yaml:19:13"),
        "{}",
        ended.stdout
    );
    let strict = folder.run("test . --filter-runtime native --fail-under 51");
    strict.check(
        1,
        &["50 % of the matches are reached, but --fail-under asks for 51 %"],
    );
    folder
        .run("test . --filter-runtime native --fail-under 50")
        .check(0, &[]);
}

#[test]
fn files_of_istio_config_validator_run_without_a_gateway() {
    let folder = Folder::with(
        "shop.yaml",
        "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  http:
  - match: [{uri: {prefix: /v1/}}]
    route: [{destination: {host: one}}]
  - route: [{destination: {host: two}}]
",
    );
    let tests = "\
testCases:
- description: v1 goes to one
  wantMatch: true
  request: {authority: [shop.example.com], method: [GET], uri: [/v1/cart]}
  route: [{destination: {host: one}}]
- description: all else does not
  wantMatch: false
  request: {authority: [shop.example.com], method: [GET], uri: [/]}
  route: [{destination: {host: one}}]
";
    folder.write("cases.yml", tests);
    let arguments = "test cases.yml -f shop.yaml --no-gateway --filter-runtime native";
    let ended = folder.run(arguments);
    ended.check(0, &[]);
    assert!(ended.stdout.ends_with("\n2 passed\n"), "{}", ended.stdout);
    folder.write("cases.yml", &tests.replace("[/v1/cart]", "[/v2/cart]"));
    let failed = folder.run(arguments);
    failed.check(1, &[]);
    assert!(
        failed.stdout.contains("found     [{destination: {host: two}}]"),
        "{}",
        failed.stdout
    );
}

#[test]
fn what_a_stock_envoy_is_held_to_the_simulated_proxy_is_held_to_too() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for runtime in ["wasm", "native"] {
        let ended = Folder::new().run(&format!(
            "test {} --filter-runtime {runtime} --coverage",
            examples.display()
        ));
        ended.check(0, &[]);
        let told = &ended.stdout;
        for folder in ["01-bookinfo", "02-two-gateways", "07-one-part-each", "08-why"] {
            assert!(
                told.contains(&format!("{folder}/routes.test.json\n  PASS  ")),
                "{told}"
            );
        }
        // One rule of the examples is there to show that it can't be reached.
        assert_eq!(told.matches("never reached").count(), 1, "{told}");
    }
}

#[test]
fn a_check_file_that_will_not_do_is_refused_with_its_line() {
    let folder = Folder::with("shop.yaml", &shop());
    let check = "{\n  \"requests\": [\n    {\"request\": {\"port\": 80}}\n  ]\n}\n";
    folder.write("routes.test.json", check);
    let ended = folder.run("test .");
    ended.check(2, &["missing field `path`", "routes.test.json:3:"]);
}

#[test]
fn differences_are_told_in_the_order_of_the_file() {
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
    - {destination: {host: shop, port: {number: 81}}, weight: 10}
";
    let resources = [
        GATEWAY,
        weighted,
        &SERVICE.replace(
            "{port: 80, name: http}",
            "{port: 80, name: a}, {port: 81, name: b}",
        ),
    ];
    let folder = Folder::with("shop.yaml", &resources.join("---\n"));
    // `port` differs only where the second destination is drawn, `path` wherever the dice fall.
    let tests = "tests:\n- request: http://shop.example.com/a\n  expect: {port: 80, path: /b}\n";
    folder.write("routes.test.yaml", tests);
    let ended = folder.run("test . --filter-runtime native");
    ended.check(1, &[]);
    let expected = "\
        port  routes.test.yaml:3:12
          expected  80
          found     81
          when      the weights choose outbound|81||shop.default.svc.cluster.local, as for 10 % of requests
        path  routes.test.yaml:3:22
          expected  /b
          found     /a
          when      the weights choose outbound|80||shop.default.svc.cluster.local, as for 90 % of requests
";
    assert!(ended.stdout.contains(expected), "{}", ended.stdout);
}

#[test]
fn resources_from_standard_input_serve_every_file() {
    let folder = Folder::new();
    folder.write("a.test.yaml", PASSING);
    folder.write("b.test.yaml", &format!("envoy: '1.36'\n{PASSING}"));
    let ended = folder.run_with("test . -f - --filter-runtime native", &shop());
    ended.check(0, &[]);
    assert!(ended.stdout.ends_with("\n4 passed\n"), "{}", ended.stdout);
}
