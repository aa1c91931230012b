//! `fingerpost request`: the recorded corpus, answered without an Envoy, and what a person sees.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::recorded;
use crate::run::{Ended, Folder, shop};

#[derive(Default)]
struct Tally {
    passed: usize,
    skipped: usize,
    different: Vec<String>,
}

#[test]
fn the_module_answers_the_corpus_as_recorded() {
    corpus("wasm");
}

#[test]
fn the_native_filter_answers_the_corpus_as_recorded() {
    corpus("native");
}

fn corpus(runtime: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("two folders deep");
    let conformance = root.join("tests/conformance");
    let mut tally = Tally::default();
    let entries = fs::read_dir(conformance.join("routing")).expect("the corpus is in the repository");
    for scenario in entries.flatten() {
        scenario_in(&conformance, &scenario.path(), runtime, &mut tally);
    }
    let Tally {
        passed,
        skipped,
        different,
    } = &tally;
    println!(
        "{runtime}: {passed} passed, {} failed, {skipped} skipped for their x-echo",
        different.len()
    );
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(
        passed + skipped >= 4_500,
        "only {} cases were asked",
        passed + skipped
    );
}

fn scenario_in(conformance: &Path, scenario: &Path, runtime: &str, tally: &mut Tally) {
    let resources = scenario.join("resources.yaml");
    let text = fs::read_to_string(&resources).expect("a scenario has resources");
    let cases: Vec<Value> =
        serde_json::from_slice(&fs::read(scenario.join("cases.json")).expect("a scenario has cases"))
            .expect("JSON");
    let mut arguments: Vec<String> = [
        "request",
        "--requests",
        "-",
        "--format",
        "json",
        "--filter-runtime",
        runtime,
    ]
    .map(str::to_owned)
    .into();
    for file in [&conformance.join("world.yaml"), &resources] {
        arguments.extend(["-f".to_owned(), file.to_string_lossy().into_owned()]);
    }
    for (comment, flag) in [
        ("# proxy-labels:", "--labels"),
        ("# proxy-namespace:", "--proxy-namespace"),
    ] {
        if let Some(value) = text.lines().find_map(|line| line.strip_prefix(comment)) {
            arguments.extend([flag.to_owned(), value.replace(' ', "")]);
        }
    }
    let requests: Vec<String> = cases.iter().map(|case| case["request"].to_string()).collect();
    let answers = answers(&arguments, &requests.join("\n"));
    assert_eq!(
        answers.len(),
        cases.len(),
        "an answer for every line of {}",
        scenario.display()
    );
    for (case, answer) in cases.iter().zip(&answers) {
        let is_timed = case["request"]["headers"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|it| it[0] == "x-echo");
        if answer.get("skipped").is_some() && is_timed {
            tally.skipped += 1;
        } else if is_recorded(case, answer) {
            tally.passed += 1;
        } else {
            tally.different.push(format!(
                "{}: {}\n  got {answer}",
                scenario.display(),
                case["request"]
            ));
        }
    }
}

/// Whether the answer is the one that was recorded, or one of them.
fn is_recorded(case: &Value, answer: &Value) -> bool {
    let alternatives = match case.get("expect_one_of").and_then(Value::as_array) {
        Some(several) => several.iter().collect(),
        None => vec![&case["expect"]],
    };
    let mut answer = answer.clone();
    recorded::reduce(&mut answer);
    without_the_mark(&mut answer);
    alternatives.into_iter().any(|it| {
        let mut recorded = it.clone();
        without_the_mark(&mut recorded);
        recorded == answer
    })
}

/// The recorded echo servers mark their answers. Those of the command do not.
fn without_the_mark(outcome: &mut Value) {
    if let Some(Value::Array(headers)) = outcome.get_mut("response_headers") {
        headers.retain(|header| header[0] != "server-extra");
    }
}

fn answers(arguments: &[String], requests: &str) -> Vec<Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_fingerpost"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command starts");
    let mut stdin = child.stdin.take().expect("it was asked for");
    let requests = requests.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(requests.as_bytes()));
    let output = child.wait_with_output().expect("the command ends");
    writer
        .join()
        .expect("the writer ends")
        .expect("all requests are read");
    let text = String::from_utf8(output.stdout).expect("JSON is text");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a line is an object"))
        .collect()
}

#[test]
fn a_person_sees_what_the_upstream_receives() {
    let folder = Folder::with("shop.yaml", &shop());
    let ended = folder.run("request -f shop.yaml http://shop.example.com/v1/cart?a=b");
    ended.check(0, &[]);
    for line in [
        "200  GET shop.example.com/v1/cart?a=b",
        "    GET /cart?a=b",
        "default/shop http[0].match[0]",
    ] {
        assert!(ended.stdout.contains(line), "`{line}` in\n{}", ended.stdout);
    }
}

#[test]
fn a_request_with_a_body_is_a_post_and_reaches_the_upstream() {
    let folder = Folder::with("shop.yaml", &shop());
    let ended = folder.run("request -f shop.yaml http://shop.example.com/v1/cart -d item=1");
    ended.check(0, &[]);
    for line in ["200  POST shop.example.com/v1/cart", "    POST /cart"] {
        assert!(ended.stdout.contains(line), "`{line}` in\n{}", ended.stdout);
    }
}

#[test]
fn a_line_that_is_no_request_is_answered_too_and_refused() {
    let folder = Folder::with("shop.yaml", &shop());
    let good = r#"{"port": 80, "method": "GET", "path": "/old", "authority": "shop.example.com"}"#;
    folder.write("requests.jsonl", &format!("{good}\nnonsense\n{good}\n"));
    let ended = folder.run("request -f shop.yaml --requests requests.jsonl --format json");
    ended.check(2, &["requests.jsonl: 1 line is not a request"]);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ended.stdout);
    assert!(lines[0].contains("\"status\":301") && lines[2] == lines[0]);
    assert!(
        lines[1].starts_with(r#"{"skipped":"line 2 is not a request"#),
        "{}",
        lines[1]
    );
}

#[test]
fn without_a_url_or_requests_the_usage_is_said() {
    let folder = Folder::with("shop.yaml", &shop());
    folder.run("request -f shop.yaml").check(2, &["URL"]);
    let missing: PathBuf = folder.join("none.jsonl");
    let ended = folder.run("request -f shop.yaml --requests none.jsonl");
    ended.check(2, &["none.jsonl"]);
    assert!(!missing.exists());
}

#[test]
fn the_first_request_finds_its_module_compiled() {
    let folder = Folder::with("shop.yaml", &shop());
    let ask = |runtime: &str| {
        let arguments =
            format!("request -f shop.yaml http://shop.example.com/v1/cart --filter-runtime {runtime}");
        let mut command = folder.command(&arguments);
        command.env("XDG_CACHE_HOME", folder.join("cache"));
        Ended::of(command.output().expect("the command ends"))
    };
    let ended = ask("wasm");
    ended.check(0, &[]);
    assert_eq!(ended.stdout, ask("native").stdout);
    assert_eq!(
        folder.list("cache"),
        Vec::<String>::new(),
        "the module was compiled now: build the machine code with `cargo xtask build` first"
    );
}

#[test]
fn a_request_needs_no_home() {
    let folder = Folder::with("shop.yaml", &shop());
    let mut command = folder.command("request -f shop.yaml http://shop.example.com/v1/cart");
    command
        .env_remove("HOME")
        .env("XDG_CACHE_HOME", "/proc/no-such-folder");
    let ended = Ended::of(command.output().expect("the command ends"));
    ended.check(0, &[]);
    assert!(ended.stdout.starts_with("200  GET"), "{}", ended.stdout);
}
