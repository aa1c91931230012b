//! `fingerpost rule`, and that no page of it lies: each example has the finding, and each fix has not.

use fingerpost_rules::{Command, Example, Rule, rules};
use serde_json::Value;

use crate::run::Folder;

/// The codes that a command reports for a file of an example, as `warning[unknown-host]`.
fn reported(example: &Example, file: &str) -> (Vec<String>, String) {
    let (resources, tests) = example.inputs(file);
    let folder = Folder::with("resources.yaml", &resources);
    folder.write("routes.test.yaml", &tests.unwrap_or_default());
    let ended = match example.command {
        Command::Compile => folder.run("compile -f resources.yaml -o out"),
        Command::Test => folder.run("test -f resources.yaml routes.test.yaml"),
        Command::TestWithoutGateway => folder.run("test -f resources.yaml routes.test.yaml --no-gateway"),
        Command::Explain { url, header } => {
            let mut command = folder.command("explain -f resources.yaml --format json");
            command.arg(url);
            if !header.is_empty() {
                command.args(["-H", header]);
            }
            crate::run::Ended::of(command.output().expect("the command runs"))
        }
    };
    let said = format!("{}\n{}", ended.stderr, ended.stdout);
    if let Command::Explain { .. } = example.command {
        let told: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
        let warnings = told["warnings"].as_array().cloned().unwrap_or_default();
        let codes = warnings.iter().filter_map(|it| it["code"].as_str());
        return (codes.map(|it| format!("warning[{it}]")).collect(), said);
    }
    let found = ended.stderr.lines().filter_map(|line| {
        let (code, rest) = line.split_once(']')?;
        rest.starts_with(':').then(|| format!("{code}]"))
    });
    (found.collect(), said)
}

/// What an example gets wrong, if anything.
fn lie(rule: &Rule, example: &Example) -> Option<String> {
    let severity = format!("{:?}", rule.severity).to_lowercase();
    let code = format!("{severity}[{}]", rule.code);
    let (found, said) = reported(example, &example.wrong());
    if !found.contains(&code) {
        return Some(format!("the example does not have {code}, but {found:?}\n{said}"));
    }
    // What an example is silent about, such as a certificate, its fix is too.
    let (mut left, said) = reported(example, &example.fixed());
    left.retain(|it| *it == code || !found.contains(it));
    (!left.is_empty()).then(|| format!("the fix of {code} has {left:?}\n{said}"))
}

#[test]
fn every_example_has_its_finding_and_every_fix_has_none() {
    let lies: Vec<String> = rules()
        .into_iter()
        .filter_map(|rule| rule.example.as_ref().and_then(|it| lie(rule, it)))
        .collect();
    assert!(lies.is_empty(), "{}", lies.join("\n---\n"));
}

#[test]
fn a_code_is_explained() {
    let folder = Folder::new();
    let ended = folder.run("rule unknown-host");
    ended.check(0, &[]);
    for text in ["warning[unknown-host]", "503", "wrong", "fixed", "host: web.shop"] {
        assert!(
            ended.stdout.contains(text),
            "{text:?} is not in:\n{}",
            ended.stdout
        );
    }
    let told: Value =
        serde_json::from_str(&folder.run("rule unknown-host --format json").stdout).expect("JSON");
    assert_eq!(told["code"], "unknown-host");
    assert_eq!(told["severity"], "warning");
    assert_eq!(told["example"]["command"], "fingerpost compile");
}

#[test]
fn all_codes_are_listed() {
    let folder = Folder::new();
    let ended = folder.run("rule");
    ended.check(0, &[]);
    assert_eq!(ended.stdout.lines().count(), rules().len());
    let all: Value = serde_json::from_str(&folder.run("rule --format json").stdout).expect("JSON");
    assert_eq!(all["version"], 1);
    assert_eq!(all["rules"].as_array().map(Vec::len), Some(rules().len()));
}

#[test]
fn an_unknown_code_is_answered_with_similar_ones() {
    let folder = Folder::new();
    folder.run("rule unknown-hst").check(2, &["`unknown-host`"]);
    folder.run("rule endpoints").check(2, &["`no-endpoints`"]);
    folder
        .run("rule xyzzy")
        .check(2, &["`fingerpost rule` lists all codes"]);
}
