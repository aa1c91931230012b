//! `fingerpost test` with the files of other tools: `tests/foreign` has some of each, against one set of resources.
//!
//! What must come out is written by hand, from what the tools say of their own files.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::run::{Folder, SERVICE, shop};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign")
}

/// The tests of a file, as `--format json` tells of them.
fn report(file: &str, flags: &str) -> Vec<Value> {
    let fixtures = fixtures();
    let at = fixtures.display();
    let ended = Folder::new().run(&format!(
        "test {at}/{file} -f {at}/shop.yaml --format json {flags}"
    ));
    ended.check(1, &[]); // something fails in each of them
    let report: Value = serde_json::from_str(&ended.stdout).expect("one object");
    report["tests"].as_array().expect("a list").clone()
}

/// The names of the tests that ended so.
fn names<'r>(tests: &'r [Value], status: &str) -> Vec<&'r str> {
    let so = tests.iter().filter(|it| it["status"] == status);
    so.map(|it| it["name"].as_str().expect("a name")).collect()
}

/// The differences of a failed test, as `field: expected / actual`.
fn differences(tests: &[Value], name: &str) -> Vec<String> {
    let test = tests.iter().find(|it| it["name"] == name).expect(name);
    let differences = test["differences"].as_array().expect("a list").iter();
    let text = |it: &Value, key: &str| it[key].as_str().expect("a text").to_owned();
    differences
        .map(|it| {
            let (field, expected) = (text(it, "field"), text(it, "expected"));
            format!("{field}: {expected} / {}", text(it, "actual"))
        })
        .collect()
}

/// What could not be decided, of all tests.
fn reasons(tests: &[Value]) -> Vec<String> {
    let reasons = tests
        .iter()
        .flat_map(|it| it["reasons"].as_array().expect("a list"));
    reasons
        .map(|it| it.as_str().expect("a text").to_owned())
        .collect()
}

const CLUSTER: &str = "outbound|80||shop.default.svc.cluster.local";

#[test]
fn tests_of_a_route_table_are_judged_as_router_check_tool_judges_them() {
    for runtime in ["wasm", "native"] {
        let tests = report("router-check.yaml", &format!("--filter-runtime {runtime}"));
        assert_eq!(
            names(&tests, "passed"),
            [
                "a forwarded request, with everything that the tool can ask",
                "the dice fall on the ninetieth",
                "the dice fall on the ninety-first",
                "a redirect forwards nothing",
                "a direct response counts as a redirect to itself",
                "a request that no route takes",
                "a fault of some requests is none of this one",
                "a table does not know of faults",
                "plain text is sent to https",
                "ssl reaches the host that is served over TLS",
                "what no table of Istio knows changes nothing",
            ]
        );
        for (name, wanted) in [
            (
                "another cluster",
                vec![format!(
                    "cluster_name: outbound|80||cart.default.svc.cluster.local / {CLUSTER}"
                )],
            ),
            (
                "no cluster is to be asked",
                vec![format!("cluster_name: none / {CLUSTER}")],
            ),
            (
                "a redirect is wanted",
                vec![
                    "path_redirect: http://shop.example.com/new / none".to_owned(),
                    "code_redirect: 302 / 0".to_owned(),
                ],
            ),
            (
                "a header of the answer is still there",
                vec!["response_header_matches x-internal: absent / secret".to_owned()],
            ),
            (
                "a missing header matches nothing, turned round or not",
                vec!["request_header_matches x-never: not a / absent".to_owned()],
            ),
            (
                "another timeout, and something unknown beside it",
                vec!["timeout: 20s / 15s".to_owned()],
            ),
        ] {
            assert_eq!(differences(&tests, name), wanted, "{name}");
        }
        assert_eq!(
            reasons(&tests),
            [
                // Of one that fails for another reason, and of those that are skipped.
                "virtual_cluster_name: Istio's tables have no virtual clusters",
                "virtual_cluster_name: Istio's tables have no virtual clusters",
                "route_metadata: the metadata of a compiled route names its rule and nothing else",
                "path_rewrite: the upstream is not asked, so what it would receive is not known",
                "path_redirect: the host is served over http alone",
            ]
        );
        assert_eq!(tests.len(), 11 + 6 + 4);
    }
}

#[test]
fn the_older_form_and_the_text_form_of_router_check_tool_are_read_too() {
    for (file, passed, failed, difference) in [
        (
            "router-check.golden.json",
            "the older form",
            "the older form fails too",
            "header_fields :method: GET / POST",
        ),
        (
            "router-check.pb_text",
            "text form",
            "text form fails",
            "cluster_name: none / outbound|80|v1|shop.default.svc.cluster.local",
        ),
    ] {
        let tests = report(file, "--filter-runtime native");
        assert_eq!(names(&tests, "passed"), [passed], "{file}");
        assert_eq!(names(&tests, "failed"), [failed], "{file}");
        assert_eq!(differences(&tests, failed), [difference], "{file}");
    }
}

#[test]
fn the_phases_of_a_plugin_are_put_to_the_proxy() {
    let tests = report("plugin.textpb", "--filter-runtime native");
    assert_eq!(names(&tests, "passed"), ["GoesOn", "AnsweredAtOnce", "FromAFile"]);
    assert_eq!(
        differences(&tests, "NotAnsweredAtOnce"),
        [
            format!("immediate: no upstream / {CLUSTER}"),
            "immediate.http_status: 403 / 200".to_owned()
        ]
    );
    assert_eq!(
        differences(&tests, "AnsweredThoughItShouldGoOn"),
        ["immediate: the request goes on / it is answered: 302"]
    );
    assert_eq!(
        differences(&tests, "OneValueOfTwo"),
        ["has_header X-Way: client / [client, front]"]
    );
    assert_eq!(
        reasons(&tests),
        [
            "log: what a plugin logs has no part in routing",
            "log: what a plugin logs has no part in routing",
            "request_body: routing does not look at bodies",
            "it has no `request_headers`: routing needs a request",
        ]
    );
    let tests = report("plugin.yaml", "--filter-runtime native");
    assert_eq!(names(&tests, "passed"), ["GoesOn"]);
    assert_eq!(
        differences(&tests, "NotLikeThat"),
        ["has_header x-shop: no / yes"]
    );
}

#[test]
fn test_cases_of_the_validator_ask_for_blocks_of_the_rule() {
    let tests = report("validator.yml", "--filter-runtime native --no-gateway");
    let product = "the product of hosts, methods and paths";
    assert_eq!(
        names(&tests, "passed"),
        [
            &format!("{product} (GET shop.example.com/v1/cart)"),
            &format!("{product} (POST shop.example.com/v1/cart)"),
            &format!("{product} (GET safe.example.com/v1/cart)"),
            &format!("{product} (POST safe.example.com/v1/cart)"),
            "a redirect",
            "another rule",
        ]
    );
    let block = "[{destination: {host: shop}}]";
    assert_eq!(
        differences(&tests, "the same rule, which it must not be"),
        [format!("route: not {block} / {block}")]
    );
    assert_eq!(
        differences(&tests, "no rule"),
        [format!("route: {block} / no rule applies")]
    );
    assert_eq!(
        reasons(&tests),
        [
            "it expects nothing of the request",
            "delegate: default/shop http[4] does not delegate: istio-config-validator leaves `delegate` aside then",
        ]
    );
}

#[test]
fn what_a_file_says_in_vain_is_named_with_its_line() {
    let (fixtures, folder) = (fixtures(), Folder::new());
    let at = fixtures.display();
    for (file, said) in [
        (
            "router-check.yaml",
            [
                "`internal` is not looked at",
                "`runtime` is not looked at",
                "router-check.yaml:88:",
            ],
        ),
        (
            "plugin.textpb",
            [
                "`env` is not looked at",
                "`benchmark` is not looked at",
                "plugin.textpb:97:",
            ],
        ),
    ] {
        let ended = folder.run(&format!(
            "test {at}/{file} -f {at}/shop.yaml --filter-runtime native"
        ));
        ended.check(1, &said);
    }
}

#[test]
fn in_a_folder_they_are_known_by_their_text_and_are_no_resources() {
    let folder = Folder::new();
    for entry in fs::read_dir(fixtures()).expect("the folder is there").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        folder.write(&name, &fs::read_to_string(entry.path()).expect("a text"));
    }
    let ended = folder.run("test . --filter-runtime native --format json");
    ended.check(1, &[]);
    assert!(!ended.stderr.contains("no-kind"), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).expect("one object");
    let tests = report["tests"].as_array().expect("a list");
    let mut files: Vec<&str> = tests
        .iter()
        .map(|it| it["file"].as_str().expect("a name"))
        .collect();
    files.dedup();
    assert_eq!(
        files,
        [
            "plugin.textpb",
            "plugin.yaml",
            "router-check.golden.json",
            "router-check.pb_text",
            "router-check.yaml",
            "validator.yml"
        ]
    );
    folder.run("routes -f .").check(0, &[]);
}

#[test]
fn a_delegate_that_istio_drops_is_named_where_the_validator_would_follow_it() {
    let resources = "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: root}
spec:
  hosts: [shop.example.com]
  http:
  - match: [{uri: {regex: '/cart(/.*)?'}}]
    delegate: {name: leaf}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: leaf}
spec:
  http:
  - match: [{uri: {regex: '/cart(/.*)?'}}]
    route: [{destination: {host: cart}}]
";
    let folder = Folder::with("services.yaml", resources);
    let tests = "\
testCases:
- description: behind the delegate
  wantMatch: true
  request: {authority: [shop.example.com], method: [GET], uri: [/cart/1]}
  route: [{destination: {host: cart}}]
";
    folder.write("cases.yml", tests);
    let ended = folder.run("test cases.yml -f services.yaml --no-gateway --filter-runtime native");
    ended.check(1, &[]);
    for told in [
        "no rule applies; VirtualService default/leaf",
        "Istio drops this rule: its `uri`",
        "since one is a regex  services.yaml:15",
    ] {
        assert!(ended.stdout.contains(told), "{told}:\n{}", ended.stdout);
    }
}

#[test]
fn a_file_that_its_own_tool_would_refuse_is_refused_with_its_line_and_field() {
    let folder = Folder::with("shop.yaml", &shop());
    for (extension, text, said) in [
        (
            "yaml",
            "tests:\n- test_name: a\n  input: {authority: a, pth: /}\n  validate: {cluster_name: ''}\n",
            ["a.yaml:3:", "`path` is missing", "did you mean `path`?"],
        ),
        (
            "yaml",
            "tests:\n- test_name: a\n  input: {authority: a, path: /}\n",
            ["a.yaml:2:", "`validate` is missing", "in tests[0]"],
        ),
        (
            "yaml",
            "tests:\n- test_name: a\n  input: {authority: a, path: /}\n  validate: {}\n",
            ["a.yaml:4:", "`validate` checks nothing", "in tests[0].validate"],
        ),
        (
            "json",
            "{\"tests\": [\n{\"test_name\": \"a\",\n\"input\": {\"authority\": \"a\", \"path\": \"/\", \"random_value\": \"x\"},\n\"validate\": {\"cluster_name\": \"\"}}]}",
            [
                "a.json:3:",
                "expected a whole number",
                "in tests[0].input.random_value",
            ],
        ),
        (
            "yaml",
            "tests:\n- test_name: a\n  input: {authority: a, path: /}\n  validate:\n    request_header_matches:\n    - {name: b, exact_match: c, prefix_match: d}\n",
            [
                "a.yaml:6:",
                "`exact_match` and `prefix_match` are both set",
                "in tests[0].validate.request_header_matches[0]",
            ],
        ),
        (
            "pb_text",
            "tests {\n  test_name: \"a\"\n  input { authority: \"a\" path: \"/\"\n  validate { }\n}\n",
            [
                "a.pb_text:6:",
                "this is not in proto's text form",
                "expected `}`, found the end",
            ],
        ),
        (
            "textpb",
            "test {\n  request_headers { result {\n    headers { regex: \"[\" } } }\n}\n",
            ["a.textpb:3:", "invalid RE2 pattern", "result.headers[0].regex"],
        ),
        (
            "textpb",
            "test {\n  request_headers { input {\n    file: \"missing.data\" } }\n}\n",
            [
                "a.textpb:3:",
                "missing.data can't be read",
                "request_headers.input.file",
            ],
        ),
        (
            "yaml",
            "test:\n- name: a\n  request_headers:\n    result:\n      has_headr: []\n",
            [
                "a.yaml:5:",
                "`result` has no field `has_headr`",
                "did you mean `has_header`?",
            ],
        ),
        (
            "yml",
            "testCases:\n- description: a\n  wantMatch: true\n  request: {authority: [a], method: [GET]}\n",
            [
                "a.yml:4:",
                "`uri` must hold at least one value",
                "in testCases[0].request.uri",
            ],
        ),
        (
            "yml",
            "testCases:\n- wantMatch: yes please\n  request: {authority: [a], method: [GET], uri: [/]}\n",
            ["a.yml:2:", "expected true or false", "in testCases[0].wantMatch"],
        ),
    ] {
        let name = format!("a.{extension}");
        folder.write(&name, text);
        folder.run(&format!("test {name} -f shop.yaml")).check(2, &said);
    }
}

#[test]
fn without_a_gateway_a_short_host_is_known_by_all_its_names() {
    let service = "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: prod}
spec:
  hosts: [reviews]
  http:
  - route: [{destination: {host: reviews}}]
";
    let folder = Folder::with("services.yaml", service);
    let tests = "\
testCases:
- description: to v1
  wantMatch: true
  request:
    authority: [reviews, reviews.prod, reviews.prod.svc, reviews.prod.svc.cluster.local]
    method: [GET]
    uri: [/]
  route: [{destination: {host: reviews}}]
";
    folder.write("cases.yml", tests);
    let ended = folder.run("test cases.yml -f services.yaml --no-gateway --filter-runtime native");
    ended.check(0, &[]);
    assert!(ended.stdout.ends_with("\n4 passed\n"), "{}", ended.stdout);
}

#[test]
fn where_nothing_listens_nothing_is_as_wanted_not_even_nothing() {
    let folder = Folder::with("service.yaml", SERVICE);
    let tests =
        "tests:\n- test_name: none\n  input: {authority: a, path: /}\n  validate: {cluster_name: ''}\n";
    folder.write("tests.yaml", tests);
    let ended = folder.run("test tests.yaml -f service.yaml --filter-runtime native");
    ended.check(1, &[]);
    assert!(ended.stdout.contains("found     no answer"), "{}", ended.stdout);
}

#[test]
fn a_folder_of_tests_alone_says_what_is_missing() {
    let folder = Folder::with("tests/cases.yml", "testCases: []\n");
    let tests = "tests:\n- test_name: a\n  input: {authority: a, path: /}\n  validate: {cluster_name: ''}\n";
    folder.write("tests/routes.yaml", tests);
    let said = "tests holds tests and no resource; say with -f where the resources are";
    folder.run("test tests --filter-runtime native").check(2, &[said]);
}
