//! `routes`: the tables and their JSON form.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::run::{Ended, Folder, GATEWAY, SERVICE, SHOP, shop};

#[test]
fn rules_are_listed_in_the_order_in_which_they_are_tried() {
    let folder = Folder::with("shop.yaml", &shop());
    let ended = folder.run("routes -f shop.yaml");
    ended.check(0, &[]);
    let expected = "\
0.0.0.0_80  HTTP
  host                 match        rewrite    destination        rule                  source
  shop.example.com  1  prefix /v1/  /v1/ -> /  shop.default:80    default/shop http[0]  shop.yaml:16:13
  shop.example.com  2  exact /old              redirect 301 /new  default/shop http[1]  shop.yaml:19:13
";
    assert_eq!(ended.stdout, expected);
}

#[test]
fn into_a_pipe_every_rule_is_one_line_with_its_host_however_long() {
    let long = SHOP.replace(
        "/v1/",
        "/a/path/that/is/so/long/that/it/cannot/be/on/one/line/of/the/table/of/a/hundred/columns/v1/",
    );
    let folder = Folder::with(
        "a-directory/with-a-long-name/shop.yaml",
        &[GATEWAY, &long, SERVICE].join("---\n"),
    );
    let ended = folder.run("routes -f a-directory");
    ended.check(0, &[]);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{}", ended.stdout);
    for (line, rule) in lines.iter().skip(2).zip(["http[0]", "http[1]"]) {
        assert!(line.trim_start().starts_with("shop.example.com"), "{line}");
        assert!(
            line.contains(rule) && line.contains(" a-directory/with-a-long-name/shop.yaml:"),
            "{line}"
        );
    }
}

#[test]
fn the_json_form_tells_the_same() {
    let folder = Folder::with("shop.yaml", &shop());
    let ended = folder.run("routes -f shop.yaml --format json");
    ended.check(0, &[]);
    let shown: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(shown["version"], 1);
    let listener = &shown["listeners"][0];
    assert_eq!(
        (&listener["name"], &listener["port"], &listener["protocol"]),
        (&json!("0.0.0.0_80"), &json!(80), &json!("HTTP"))
    );
    assert_eq!(listener["hosts"][0]["domains"], json!(["shop.example.com"]));
    let expected = json!({
        "rule": "default/shop http[0].match[0]", "rules": [{"virtual_service": "default/shop", "http": 0}],
        "match": "0", "conditions": "prefix /v1/", "rewrite": "/v1/ -> /",
        "destination": "shop.default.svc.cluster.local:80", "mirrors": [], "virtual_service": "default/shop",
        "file": "shop.yaml", "line": 16, "column": 13,
    });
    assert_eq!(listener["hosts"][0]["rules"][0], expected);
}

#[test]
fn copies_are_shown_and_a_comma_in_a_redirect_is_part_of_it() {
    let rules = "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [gateway]
  http:
  - match: [{uri: {prefix: /a}}]
    route: [{destination: {host: shop}}]
    mirrors: [{destination: {host: shop, port: {number: 80}}, percentage: {value: 2.5}}]
  - redirect: {authority: 'q, r', uri: /u}
";
    let folder = Folder::with("shop.yaml", &[GATEWAY, rules, SERVICE].join("---\n"));
    let ended = folder.run("routes -f shop.yaml");
    for text in [
        "shop.default:80, mirror 2.5% shop.default:80  ",
        "redirect 301 q, r/u  ",
    ] {
        assert!(ended.stdout.contains(text), "{text} is not in:\n{}", ended.stdout);
    }
    let ended = folder.run("routes -f shop.yaml --format json");
    let shown: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let rules = &shown["listeners"][0]["hosts"][0]["rules"];
    assert_eq!(
        rules[0]["mirrors"],
        json!(["2.5% shop.default.svc.cluster.local:80"])
    );
    assert_eq!(rules[1]["destination"], "redirect 301 q, r/u");
}

#[test]
fn a_port_and_a_host_choose_what_is_shown() {
    let folder = Folder::with("shop.yaml", &shop());
    let shown = |arguments: &str| folder.run(&format!("routes -f shop.yaml {arguments}"));
    assert_eq!(
        shown("--port 80 --host SHOP.example.com").stdout,
        shown("").stdout
    );
    shown("--port 81").check(2, &["no listener has port 81: there is 80"]);
    shown("--host a.com").check(2, &["no listener has a host `a.com`: there is shop.example.com"]);
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let folder = Folder::with("shop.yaml", &shop());
    let mut child = folder
        .command("routes -f shop.yaml")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    drop(child.stdout.take());
    let ended = Ended::of(child.wait_with_output().expect("the command ends"));
    ended.check(0, &[]);
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_closed_standard_error_is_not_an_error_either() {
    let folder = Folder::with("shop.yaml", "nonsense");
    let mut child = folder
        .command("routes -f shop.yaml")
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    drop(child.stderr.take());
    let status = child.wait().expect("the command ends");
    assert_eq!(status.code(), Some(2));
}
