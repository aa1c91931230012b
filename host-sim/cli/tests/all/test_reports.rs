//! `fingerpost test --format`: the same outcomes in the forms that other tools read.

use quick_junit::{NonSuccessKind, Report, TestCaseStatus};
use serde_json::Value;

use crate::run::{Folder, shop};

/// One of each: passed, failed, new, skipped. The second name holds what the formats must escape.
const TESTS: &str = "\
tests:
- name: v1 loses its prefix
  request: GET http://shop.example.com/v1/cart
  expect: {path: /cart}
- name: \"50 % <of>: a, b # c\"
  request: GET http://shop.example.com/v1/cart
  expect:
    path: /v1/cart
- name: what comes of it
  request: GET http://shop.example.com/old
- name: later
  request: GET http://shop.example.com/
  skip: waits for the shop
";

fn report(format: &str) -> String {
    let folder = Folder::with("shop.yaml", &shop());
    folder.write("routes.test.yaml", TESTS);
    let ended = folder.run(&format!(
        "test . --filter-runtime native --coverage --format {format}"
    ));
    ended.check(1, &[]);
    ended.stdout
}

#[test]
fn junit_has_a_suite_for_the_file_and_a_case_for_each_test() {
    let report = Report::deserialize_from_str(&report("junit")).expect("JUnit's XML");
    let [suite] = report.test_suites.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(suite.name.as_str(), "routes.test.yaml");
    assert_eq!((suite.tests, suite.failures), (4, 2));
    let [passed, failed, new, skipped] = suite.test_cases.as_slice() else {
        panic!("{suite:?}");
    };
    assert!(matches!(passed.status, TestCaseStatus::Success { .. }));
    assert_eq!(failed.name.as_str(), "50 % <of>: a, b # c");
    assert_eq!(failed.extra["line"].as_str(), "5");
    let TestCaseStatus::NonSuccess {
        kind,
        message,
        description,
        ..
    } = &failed.status
    else {
        panic!("{failed:?}");
    };
    assert_eq!(*kind, NonSuccessKind::Failure);
    let message = message.as_ref().map(|it| it.as_str());
    assert_eq!(message, Some("path: expected /v1/cart, found /cart"));
    let description = description.as_ref().map_or("", |it| it.as_str());
    assert!(description.contains("default/shop http[0].match[0] took it  shop.yaml:16"));
    assert!(matches!(&new.status, TestCaseStatus::NonSuccess { ty: Some(ty), .. } if ty.as_str() == "new"));
    assert!(
        matches!(&skipped.status, TestCaseStatus::Skipped { message: Some(why), .. }
        if why.as_str() == "waits for the shop")
    );
}

#[test]
fn tap_has_a_line_for_each_test_and_what_is_wrong_below_it() {
    let report = report("tap");
    let lines: Vec<&str> = report.lines().filter(|it| !it.starts_with(' ')).collect();
    assert_eq!(
        lines,
        [
            "TAP version 14",
            "1..4",
            "ok 1 - v1 loses its prefix",
            "not ok 2 - 50 % <of>: a, b \\# c",
            "not ok 3 - what comes of it",
            "ok 4 - later # SKIP waits for the shop",
        ]
    );
    let blocks: Vec<&str> = report.split("  ---\n").skip(1).collect();
    assert_eq!(blocks.len(), 2, "{report}");
    for block in blocks {
        let (block, _) = block.split_once("  ...\n").expect("an end");
        for line in block.lines() {
            let (_, value) = line.split_once(": ").expect("a field");
            serde_json::from_str::<Value>(value).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
    assert!(
        report.contains("  message: \"path: expected /v1/cart, found /cart\"\n"),
        "{report}"
    );
}

#[test]
fn github_gets_a_command_for_each_line_that_wants_a_look() {
    let report = report("github");
    let lines: Vec<&str> = report.lines().collect();
    let [failed, new, skipped, summary] = lines.as_slice() else {
        panic!("{report}");
    };
    assert!(
        failed.starts_with("::error file=routes.test.yaml,line=8,title=50 %25 <of>%3A a%2C b # c::GET shop."),
        "{failed}"
    );
    assert!(
        failed.contains("%0A  expected  /v1/cart%0A  found     /cart%0A"),
        "{failed}"
    );
    assert!(
        new.starts_with("::error file=routes.test.yaml,line=9,title=what comes of it::"),
        "{new}"
    );
    assert_eq!(
        *skipped,
        "::notice file=routes.test.yaml,line=11,title=later::waits for the shop"
    );
    assert!(summary.starts_with("1 passed, 1 failed, 1 new"), "{summary}");
}

#[test]
fn github_is_told_beside_the_rule_that_no_test_reaches_it() {
    let folder = Folder::with("shop.yaml", &shop());
    folder.write("routes.test.yaml", &TESTS.replace("/old", "/older"));
    let ended = folder.run("test . --filter-runtime native --coverage --format github");
    let warning = "::warning file=shop.yaml,line=19,title=no test reaches this::\
                   default/shop http[1].match[0] (exact /old)\n";
    assert!(ended.stdout.contains(warning), "{}", ended.stdout);
}
