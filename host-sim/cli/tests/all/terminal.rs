//! Text of others on a screen: no command lets it control the terminal, and none hides a part of it.

use std::io::{BufReader, Read};
use std::process::Stdio;

use rustix::process::Signal;

use crate::run::{Folder, send, until};

/// Sets the title of the terminal, colours, erases and begins lines anew, turns the direction of text, and is nothing.
const HOSTILE: &str = r"\e]0;owned\a\e[35m\e[2K\r\n\u202e\u2066\u200b\u2028\x7f\x9b35m";
/// How a screen shows it.
const SHOWN: &str =
    r"\u{1b}]0;owned\u{7}\u{1b}[35m\u{1b}[2K\r\n\u{202e}\u{2066}\u{200b}\u{2028}\u{7f}\u{9b}35m";

/// Every field that a screen shows and in which such text is valid, has it.
const RESOURCES: &str = r#"
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gate}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: "http", protocol: HTTP}, hosts: ["*"]}]
---
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: default}
spec: {ports: [{name: "http$", port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: "shop$"}
spec:
  hosts: ["*"]
  gateways: [gate]
  http:
  - name: "rule$"
    match:
    - name: "match$"
      uri: {prefix: "/a$"}
      headers: {x-a: {exact: "b$"}}
      queryParams: {"c$": {exact: "d$"}}
    rewrite: {uri: "/e\u202e"} # Envoy refuses control characters here
    route: [{destination: {host: shop}}]
  - match: [{uri: {regex: "/f\e\u202e"}}, {uri: {prefix: /}, withoutHeaders: {x-g: {prefix: "h$"}}}]
    directResponse: {status: 200, body: {string: "i$"}}
"#;

const TESTS: &str = r#"
tests:
- {name: "passes$", request: "GET http://a/j", expect: {status: 200}}
- {name: "fails$", request: "GET http://a/k", expect: {status: 201, path: "/l$"}}
- {name: "skipped$", skip: "reason$", request: "GET http://a/m", expect: {status: 200}}
- {name: "new$", request: "GET http://a/n"}
"#;

const EXPECTED: &str = r#"{"requests": [{"request": {"port": 80, "path": "/o", "authority": "a"},
  "expect": {"status": 201, "cluster": "p$"}}]}"#;

fn folder() -> Folder {
    let folder = Folder::with("shop.yaml", &RESOURCES.replace('$', HOSTILE));
    folder.write("shop.test.yaml", &TESTS.replace('$', HOSTILE));
    folder.write("expected.json", &EXPECTED.replace('$', &json(HOSTILE)));
    // Lines that no command can read: the messages about them quote them.
    folder.write(
        "syntax.yaml",
        &format!("a: [\"{HOSTILE}\": {{")
            .replace(r"\e", "\u{1b}")
            .replace(r"\x9b", "\u{9b}"),
    );
    folder.write(
        "wrong.yaml",
        &RESOURCES
            .replace("status: 200", "status: \"q$\", \"r$\": 1")
            .replace('$', HOSTILE),
    );
    folder.write("name-\u{1b}[35m\u{202e}.yaml", "kind: [");
    folder
}

/// The escapes of YAML as those of JSON.
fn json(text: &str) -> String {
    let text = text.replace(r"\e", r"\u001b").replace(r"\a", r"\u0007");
    text.replace(r"\x7f", r"\u007f").replace(r"\x9b", r"\u009b")
}

/// No character of the output does anything but the styles that `fingerpost` itself uses.
#[track_caller]
fn check_harmless(command: &str, text: &str) {
    let mut rest = text;
    while let Some((before, style)) = rest.split_once('\u{1b}') {
        check_plain(command, before);
        let end = style
            .find('m')
            .filter(|_| style.starts_with('['))
            .unwrap_or_default();
        let numbers = style.get(1..end).unwrap_or("no style");
        let is_ours = numbers
            .split(';')
            .all(|it| it.bytes().all(|byte| byte.is_ascii_digit()) && it != "35");
        assert!(is_ours, "{command}: {style:?}");
        rest = &style[end..];
    }
    check_plain(command, rest);
}

#[track_caller]
fn check_plain(command: &str, text: &str) {
    let bad = |c: char| c.is_control() && c != '\n' || "\u{202e}\u{2066}\u{200b}\u{2028}".contains(c);
    assert_eq!(text.find(bad), None, "{command}: {text:?}");
    assert!(
        !text.lines().any(|line| line.starts_with("\\u{202e}")),
        "{command}: a line begins in a field:\n{text}"
    );
}

#[track_caller]
fn check(folder: &Folder, command: &str, shows: &[&str]) {
    for colour in ["always", "never"] {
        let ended = folder.run(&format!("{command} --color {colour}"));
        let said = [ended.stdout, ended.stderr].join("\n");
        check_harmless(command, &said);
        // Long text may be wrapped, between styles of ours.
        let flat = unwrapped(&said);
        for text in shows {
            let text = unwrapped(&text.replace('$', SHOWN));
            assert!(
                flat.contains(&text),
                "{command} --color {colour} does not show {text} in\n{said}"
            );
        }
    }
}

/// Without styles and blanks.
fn unwrapped(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string();
    text.split_whitespace().collect()
}

#[test]
fn nothing_in_the_files_controls_the_terminal() {
    let folder = folder();
    let input = "-f shop.yaml";
    check(&folder, &format!("routes {input}"), &["regex /f\\u{1b}\\u{202e}"]);
    check(&folder, &format!("clusters {input}"), &["default/shop\\u{1b}"]);
    check(
        &folder,
        &format!("clusters shop {input}"),
        &["default/shop\\u{1b}"],
    );
    check(
        &folder,
        &format!("explain http://a/a {input} -H x-a:b --all"),
        &[
            "default/shop\\u{1b}",
            "regex /f\\u{1b}\\u{202e}",
            "a\\u{1b}]0;owned",
        ],
    );
    check(
        &folder,
        &format!("request http://a/s {input}"),
        &["default/shop\\u{1b}", "i\\u{1b}"],
    );
    check(&folder, &format!("compile {input} -o out"), &[]);
    check(&folder, &format!("manifests --kubernetes {input}"), &[]);
    check(
        &folder,
        &format!("manifests --istio --image r.test/f:1 {input}"),
        &[],
    );
    check(
        &folder,
        &format!("sync {input} -o sync --admin unix:no.sock"),
        &[],
    );
    check(
        &folder,
        &format!("up {input} --engine native --check expected.json"),
        &["p$"],
    );
    for format in ["human", "tap", "junit", "github"] {
        check(
            &folder,
            &format!("test shop.test.yaml {input} --filter-runtime native --format {format}"),
            &["fails"],
        );
    }
    check(
        &folder,
        &format!("test shop.test.yaml {input} --filter-runtime native"),
        &["fails$", "passes$", "skipped$", "/l$"],
    );
    check(&folder, "routes -f syntax.yaml", &[]);
    check(&folder, "routes -f wrong.yaml", &["q\\u{1b}", "r$"]);
    check(
        &folder,
        "routes -f . --list-skipped",
        &["name-\\u{1b}[35m\\u{202e}.yaml"],
    );
}

#[test]
fn json_stays_json_and_harmless() {
    let folder = folder();
    for command in [
        "routes",
        "clusters",
        "explain http://a/a",
        "request http://a/s",
        "test shop.test.yaml --filter-runtime native",
    ] {
        let command = format!("{command} -f shop.yaml --format json");
        let ended = folder.run(&command);
        check_harmless(&command, &ended.stdout);
        let value: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let text = value.to_string();
        assert!(
            text.contains('\u{202e}') && text.contains('\u{9b}'),
            "{command}: {text}"
        );
    }
}

#[test]
fn a_running_server_is_no_exception() {
    let folder = folder();
    for colour in ["always", "never"] {
        let mut child = folder
            .command(&format!("serve -f shop.yaml --color {colour}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut said = until(&mut stdout, "Requests appear here");
        folder.write(
            "shop.yaml",
            &RESOURCES.replace("/a$", "/z$").replace('$', HOSTILE),
        );
        let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        said.push_str(&until(&mut stderr, "/z"));
        send(child.id(), Signal::TERM);
        stdout.read_to_string(&mut said).expect("text");
        assert_eq!(child.wait().expect("it ends").code(), Some(0));
        check_harmless("serve", &said);
        assert!(said.contains("\\u{1b}]0;owned"), "{said}");
        folder.write("shop.yaml", &RESOURCES.replace('$', HOSTILE));
    }
}

/// Findings, notes, errors and pages are wrapped between words; only what is copied, a path or a command, may be longer.
#[test]
fn no_line_is_wider_than_the_terminal() {
    let folder = Folder::with(
        "a.yaml",
        &crate::run::shop().replace("host: shop", "host: a-service-that-nobody-has-ever-written-down"),
    );
    let long = "a/path/that/is/longer/than/the/terminal/is/wide/but/stays/one/word.yaml";
    for arguments in [
        "rule",
        "rule shadowed",
        "routes -f a.yaml",
        "clusters -f a.yaml a-service",
        "compile -f a.yaml -o out",
        "request -f a.yaml http://other.example.com/",
        "explain -f a.yaml http://shop.example.com/",
        "explain -f a.yaml http://shop.example.com/ http://b/",
        &format!("routes -f {long}"),
    ] {
        let ended = folder.run_at(60, arguments);
        let is_too_long = |line: &&str| {
            let words = line.split_whitespace();
            let is_copied = line.contains('`') || words.clone().any(|it| it.len() > 30);
            line.chars().count() > 60 && !is_copied
        };
        // A table in a pipe is for programs: one line a rule.
        let stdout = if arguments.starts_with("routes") {
            ""
        } else {
            &ended.stdout
        };
        let all = format!("{stdout}{}", ended.stderr);
        let long: Vec<&str> = all.lines().filter(is_too_long).collect();
        assert!(long.is_empty(), "{arguments}: {long:#?}");
        let broken = all.lines().find(|it| it.trim_end() != *it);
        assert_eq!(broken, None, "{arguments}: {all}");
    }
    let piped = folder.run("rule");
    assert!(piped.stdout.lines().any(|it| it.len() > 80), "{}", piped.stdout);
}
