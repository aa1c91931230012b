//! `explain`: the screens, their JSON form, and what is said where there is nothing to explain.
//!
//! The screens of the five questions lie in `tests/golden`. `FINGERPOST_BLESS=1` writes them again; then read them.

use std::env;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::run::{Ended, Folder, GATEWAY, SERVICE, SHOP, shop};

/// The screen for a request to the resources of `examples/08-why`.
#[track_caller]
fn golden(name: &str, request: &str) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let example = here.join("../../examples/08-why/resources.yaml");
    let resources = fs::read_to_string(&example).expect("the example can be read");
    let folder = Folder::with("resources.yaml", &resources);
    let ended = folder.run_at(100, &format!("explain -f resources.yaml {request}"));
    ended.check(0, &[]);
    for line in ended.stdout.lines() {
        assert!(line.chars().count() <= 100 && line.trim_end() == line, "{line:?}");
    }
    let file = here.join("tests/golden").join(format!("{name}.txt"));
    let shown = format!(
        "$ fingerpost explain -f resources.yaml {request}\n{}",
        ended.stdout
    );
    if env::var_os("FINGERPOST_BLESS").is_some() {
        fs::write(&file, &shown).expect("the golden file can be written");
    }
    let golden = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    assert_eq!(
        shown, golden,
        "{name}: run with FINGERPOST_BLESS=1 if that is right"
    );
}

#[test]
fn which_rule_stole_our_request() {
    golden("explain-stolen", "http://shop.example.com/api/v2/orders");
}

#[test]
fn why_404() {
    golden("explain-404", "http://shop.example.com/help");
    golden("explain-404-nearest", "http://shop.example.com/search/");
    golden("explain-404-host", "http://shop.example.org/");
}

#[test]
fn why_503() {
    golden("explain-503", "http://shop.example.com/search?q=tea");
}

#[test]
fn why_not_the_canary() {
    golden("explain-canary", "http://www.example.com/ -H x-canary:True");
}

#[test]
fn what_the_upstream_will_see() {
    golden(
        "explain-upstream",
        "POST http://shop.example.com/legacy/cart?id=7 -H x-debug:1 -H x-user:ann",
    );
}

#[test]
fn a_prefix_that_ends_inside_a_segment_is_told() {
    golden("explain-segment", "http://shop.example.com/apidocs");
}

#[test]
fn places_are_whole_and_lines_are_wrapped_only_to_a_known_width() {
    let folder = Folder::with("k8s/apps/shop/overlays/production/shop.yaml", &shop());
    let arguments = "explain -f k8s http://shop.example.com/v1/cart";
    let place = "k8s/apps/shop/overlays/production/shop.yaml:16:13";
    let piped = folder.run(arguments).stdout;
    assert!(piped.lines().any(|it| it.chars().count() > 100), "{piped}");
    for width in [60, 80, 100, 160] {
        let shown = folder.run_at(width, arguments).stdout;
        for text in [&shown, &piped] {
            // Of the rule, and in the list of rules.
            assert_eq!(text.matches(place).count(), 2, "{text}");
        }
        let words = |text: &str| {
            let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            words.sort();
            words
        };
        assert_eq!(words(&shown), words(&piped), "a word is broken at {width}");
        let longest = shown.lines().map(|it| it.chars().count()).max();
        assert!(longest <= Some(width.min(110)), "{shown}");
    }
}

/// The JSON form for a request to these resources.
#[track_caller]
fn ask(resources: &str, request: &str) -> Value {
    let folder = Folder::with("a.yaml", resources);
    let ended = folder.run(&format!("explain -f a.yaml --format json {request}"));
    ended.check(0, &[]);
    serde_json::from_str(&ended.stdout).expect("JSON")
}

/// A VirtualService of the gateway in [`GATEWAY`].
fn service(name: &str, hosts: &str, http: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}}}\nspec:\n  gateways: [gateway]\n  hosts: {hosts}\n  http:\n{http}"
    )
}

fn all(documents: &[&str]) -> String {
    documents.join("---\n")
}

#[test]
fn the_json_form_tells_the_same() {
    let told = ask(&shop(), "http://shop.example.com/v1/cart?x=1");
    assert_eq!(told["version"], 1);
    assert_eq!(told["listener"]["why"], "chosen by the scheme http");
    assert_eq!(told["host"]["kind"], "exact");
    let winner = json!({
        "rule": "default/shop http[0].match[0]", "rules": [{"virtual_service": "default/shop", "http": 0}],
        "match": "0", "conditions": "prefix /v1/", "file": "a.yaml", "line": 16, "column": 13,
    });
    let outcome = &told["outcome"];
    assert_eq!(
        (&outcome["kind"], &outcome["winner"]),
        (&json!("forward"), &winner)
    );
    assert_eq!(
        outcome["rewrite"],
        json!({"words": "/v1/ -> /", "before": "/v1/cart?x=1", "after": "/cart?x=1"})
    );
    let upstream = json!({
        "method": "GET", "path": "/cart?x=1", "authority": "shop.example.com",
        "headers": [
            ["x-envoy-attempt-count", "1"],
            ["x-envoy-external-address", "<client address>"],
            ["x-envoy-original-path", "/v1/cart?x=1"],
            ["x-forwarded-for", "<client address>"],
            ["x-forwarded-proto", "http"],
            ["x-request-id", "<random id>"],
        ],
    });
    assert_eq!(outcome["destinations"][0]["upstream"], upstream);
}

#[test]
fn a_redirect_is_told_with_its_location() {
    let told = ask(&shop(), "http://shop.example.com/old?x=1");
    let outcome = &told["outcome"];
    assert_eq!(
        (&outcome["kind"], &outcome["status"]),
        (&json!("answer"), &json!(301))
    );
    assert_eq!(outcome["location"], "http://shop.example.com/new?x=1");
}

#[test]
fn the_path_is_held_against_the_rules_as_the_proxy_normalises_it() {
    let told = ask(&shop(), "http://shop.example.com/a/../v1/x");
    assert_eq!(told["request"]["normalised"], "/v1/x");
    assert_eq!(told["outcome"]["kind"], "forward");
}

#[test]
fn a_host_header_goes_before_the_host_of_the_url() {
    let told = ask(&shop(), "http://10.0.0.1/v1/x -H Host:SHOP.example.com:8080");
    assert_eq!(told["host"]["domain"], "shop.example.com");
}

#[test]
fn the_nearest_miss_fails_the_fewest_conditions() {
    let rules = "
  - match: [{uri: {prefix: /cart}, method: {exact: POST}, headers: {x-a: {exact: '1'}}}]
    redirect: {uri: /1}
  - match: [{uri: {prefix: /cart}, method: {exact: PUT}}]
    redirect: {uri: /2}
  - match: [{uri: {prefix: /other}}]
    redirect: {uri: /3}
";
    let resources = all(&[GATEWAY, &service("shop", "[shop.example.com]", rules)]);
    let told = ask(&resources, "http://shop.example.com/cart");
    let miss = &told["nearest_miss"];
    assert_eq!(
        (&miss["position"], &miss["failed"][0]["on"]),
        (&json!(2), &json!("method"))
    );
    assert_eq!(
        (&miss["failed"][0]["expected"], &miss["failed"][0]["got"]),
        (&json!("method = PUT"), &json!("GET"))
    );
    let told = ask(&resources, "http://shop.example.com/elsewhere");
    assert_eq!(told["nearest_miss"], Value::Null);
}

#[test]
fn what_is_easily_overlooked_about_a_condition_is_said() {
    for (matched, request, hint) in [
        (
            "uri: {exact: /a}",
            "/a/",
            "the slash at the end makes it another path",
        ),
        (
            "uri: {prefix: /a/}",
            "/a",
            "the slash at the end makes it another path",
        ),
        ("uri: {prefix: /Cart}", "/cart/1", "letter case counts"),
        (
            "uri: {exact: '/a?b=c'}",
            "/a?b=c",
            "the path is compared without its query",
        ),
        (
            "uri: {regex: /v1}",
            "/v1/x",
            "the pattern must match the whole value, not a part of it",
        ),
        (
            "headers: {x-a: {exact: 'true'}}",
            "/ -H x-a:TRUE",
            "letter case counts in values",
        ),
        (
            "authority: {exact: shop.example.com}",
            ":80/",
            "the port is part of the authority",
        ),
        (
            "withoutHeaders: {x-a: {regex: '.*'}}",
            "/",
            "a missing header counts as an empty one here",
        ),
    ] {
        let rule = format!("  - match: [{{{matched}}}]\n    redirect: {{uri: /1}}\n");
        let resources = all(&[GATEWAY, &service("shop", "[shop.example.com]", &rule)]);
        let told = ask(&resources, &format!("http://shop.example.com{request}"));
        assert_eq!(told["tried"][0]["failed"]["hint"], hint, "{matched}");
    }
}

#[test]
fn a_rule_is_called_shadowed_only_if_nothing_is_left_to_it() {
    let shadows = |first: &str, second: &str| {
        let rules = format!(
            "  - match: [{{{first}}}]\n    redirect: {{uri: /1}}\n  - match: [{{{second}}}]\n    redirect: {{uri: /2}}\n"
        );
        let resources = all(&[GATEWAY, &service("shop", "[shop.example.com]", &rules)]);
        let told = ask(&resources, "http://shop.example.com/a/b -H x-a:1");
        assert_eq!(told["too_late"][0]["position"], 2, "{second}");
        told["too_late"][0]["shadowed_by"] == 1
    };
    assert!(shadows("uri: {prefix: /a}", "uri: {prefix: /a/b}"));
    assert!(shadows(
        "uri: {prefix: /a}",
        "uri: {prefix: /a}, headers: {x-a: {exact: '1'}}"
    ));
    assert!(!shadows(
        "uri: {prefix: /a}, headers: {x-a: {exact: '1'}}",
        "uri: {prefix: /a/b}"
    ));
    assert!(!shadows("uri: {prefix: /a/b}", "uri: {prefix: /a}"));
    assert!(!shadows("uri: {prefix: /a}", "uri: {regex: '/a/.*'}")); // true, but not proved
}

#[test]
fn a_rule_that_istio_never_sends_is_named_with_what_stands_before_it() {
    let rules = "
  - route: [{destination: {host: shop}}]
  - match: [{uri: {prefix: /admin}}]
    redirect: {uri: /1}
  - match: [{port: 8080, uri: {prefix: /admin}}]
    redirect: {uri: /2}
";
    let resources = all(&[GATEWAY, &service("shop", "[shop.example.com]", rules), SERVICE]);
    let told = ask(&resources, "http://shop.example.com/admin");
    let left_out: Vec<&Value> = told["left_out"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["reason"])
        .collect();
    assert_eq!(
        left_out,
        [
            "default/shop http[0] takes every request, and Istio sends no rule of that VirtualService behind it",
            "its `port: 8080` is compared with the port of the Gateway's server, which is 80 here",
        ]
    );
    assert_eq!(told["warnings"][0]["code"], "left-out");
}

#[test]
fn a_virtual_service_that_is_not_served_is_a_reason_for_404() {
    let for_b = "  - route: [{destination: {host: shop}}]\n";
    let other = |change: fn(String) -> String| change(service("other", "[b.example.com]", for_b));
    for (document, reason) in [
        (
            other(|it| it),
            "no server of Gateway `default/gateway` has a host in common with it",
        ),
        (
            other(|it| it.replace("[gateway]", "[gatewya]")),
            "the input has no Gateway `default/gatewya`",
        ),
        (
            other(|it| it.replace("[gateway]", "[mesh]")),
            "it names no Gateway in `gateways`, so it is for sidecars only",
        ),
        (
            other(|it| it.replace("  hosts:", "  exportTo: [.]\n  hosts:")),
            "its `exportTo` names only `default`, and the gateway runs in namespace `istio-system`",
        ),
    ] {
        let told = ask(
            &all(&[GATEWAY, SHOP, SERVICE, &document]),
            "http://b.example.com/",
        );
        let outcome = &told["outcome"];
        assert_eq!(
            (&outcome["kind"], &outcome["status"]),
            (&json!("not_found"), &json!(404))
        );
        let said = outcome["reasons"][0]["message"].as_str().unwrap_or_default();
        assert_eq!(
            said,
            format!("VirtualService default/other is for `b.example.com`, but {reason}")
        );
    }
}

#[test]
fn a_server_host_may_be_for_another_namespace() {
    let gateway = GATEWAY.replace("hosts: [shop.example.com]", "hosts: [team/shop.example.com]");
    let told = ask(&all(&[&gateway, SHOP, SERVICE]), "http://shop.example.com/v1/");
    let said = told["outcome"]["reasons"][0]["message"]
        .as_str()
        .unwrap_or_default();
    assert!(
        said.contains("takes VirtualServices of namespace `team` only, and this one is in `default`"),
        "{said}"
    );
}

#[test]
fn a_port_without_a_listener_and_a_listener_without_tls_are_told() {
    let kind = |request: &str| ask(&shop(), request)["outcome"].clone();
    assert_eq!(
        kind("http://shop.example.com/ --port 81")["message"],
        "no listener has port 81"
    );
    let outcome = kind("https://shop.example.com/");
    assert_eq!(outcome["kind"], "no_connection");
    assert_eq!(
        outcome["reasons"][0]["message"],
        "0.0.0.0_80 takes plain text only, and this is TLS: ask for http://shop.example.com/"
    );
}

#[test]
fn a_small_change_that_would_make_the_nearest_rule_match_is_the_fix() {
    for (matched, path, fix) in [
        (
            "uri: {prefix: /cart/}",
            "/cart",
            json!("add `- uri: {exact: /cart}` to its `match`"),
        ),
        (
            "uri: {exact: /cart}",
            "/cart/7",
            json!("write `uri: {prefix: /cart}`"),
        ),
        (
            "uri: {exact: /Cart}",
            "/cart",
            json!("set `ignoreUriCase: true` in the match"),
        ),
        (
            "uri: {exact: '/cart?id=7'}",
            "/cart?id=7",
            json!("match `/cart`, and the query with `queryParams`"),
        ),
        ("uri: {prefix: /other}", "/cart", Value::Null),
    ] {
        let rules = format!("  - match: [{{{matched}}}]\n    redirect: {{uri: /1}}\n");
        let resources = all(&[GATEWAY, &service("shop", "[shop.example.com]", &rules)]);
        let told = ask(&resources, &format!("http://shop.example.com{path}"));
        assert_eq!(told["tried"][0]["failed"]["fix"], fix, "{matched} for {path}");
    }
}

#[test]
fn of_many_rules_those_for_other_paths_are_counted() {
    let mut rules = String::new();
    for index in 0..40 {
        rules.push_str(&format!(
            "  - match: [{{uri: {{prefix: /p{index}/}}}}]\n    redirect: {{uri: /1}}\n"
        ));
    }
    let resources = all(&[GATEWAY, &service("shop", "[shop.example.com]", &rules)]);
    let folder = Folder::with("a.yaml", &resources);
    let ended = folder.run("explain -f a.yaml http://shop.example.com/p30/x");
    ended.check(0, &[]);
    assert!(
        ended.stdout.starts_with("301 "),
        "the answer comes first: {}",
        ended.stdout
    );
    for line in [
        "… 30 rules for other paths: prefix /p0/, prefix /p1/, ",
        "and 24 more (--all)",
        "9 more rules not reached",
    ] {
        assert!(ended.stdout.contains(line), "{}", ended.stdout);
    }
    let all = folder.run("explain -f a.yaml http://shop.example.com/p30/x --all");
    assert_eq!(all.stdout.matches("✗").count(), 30, "{}", all.stdout);
    assert!(!all.stdout.contains("for other paths"), "{}", all.stdout);
}

/// One of so many cases is asked: each is a process.
const STRIDE: usize = 41;

/// The corpus was recorded from Istio's control plane and a stock Envoy: no word of it is ours.
#[test]
fn the_winner_is_the_one_that_istio_and_envoy_chose() {
    let conformance = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance");
    let mut scenarios: Vec<_> = fs::read_dir(conformance.join("routing"))
        .expect("the corpus can be listed")
        .flatten()
        .map(|it| it.path())
        .collect();
    scenarios.sort();
    let mut cases = Vec::new();
    for scenario in scenarios {
        let text = fs::read_to_string(scenario.join("cases.json")).expect("cases can be read");
        let all: Vec<Value> = serde_json::from_str(&text).expect("JSON");
        cases.extend(all.into_iter().map(|case| (scenario.clone(), case)));
    }
    let folder = Folder::new();
    let mut asked = 0;
    for (scenario, case) in cases.iter().step_by(STRIDE) {
        let (request, expected) = (&case["request"], &case["expect"]);
        let text = |key: &str| request[key].as_str().unwrap_or_default();
        // TLS without a server name can't be said by a URL, nor can a target that is no path.
        if !request["tls"].is_null() || !text("path").starts_with('/') || text("path").contains('#') {
            continue;
        }
        let resources = scenario.join("resources.yaml");
        let written = fs::read_to_string(&resources).expect("resources can be read");
        let mut command = folder.command("explain --format json");
        command.arg("-f").arg(conformance.join("world.yaml"));
        command.arg("-f").arg(&resources);
        for (mark, option) in [
            ("# proxy-labels: ", "--labels"),
            ("# proxy-namespace: ", "--proxy-namespace"),
        ] {
            if let Some(value) = written.lines().find_map(|line| line.strip_prefix(mark)) {
                command.args([option, value.trim()]);
            }
        }
        command.args(["--port", &request["port"].to_string(), text("method")]);
        command.arg(format!("http://{}{}", text("authority"), text("path")));
        let headers = request["headers"].as_array().expect("a list");
        for header in headers {
            let part = |index: usize| header[index].as_str().unwrap_or_default();
            command.arg("-H").arg(format!("{}: {}", part(0), part(1)));
        }
        let ended = Ended::of(command.output().expect("the command runs"));
        let name = format!("{}: {request}", scenario.display());
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.stderr);
        let told: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let winner = &told["outcome"]["winner"];
        let expected = match case["expect_one_of"].get(0) {
            Some(first) => first,
            None => expected,
        };
        assert_eq!(winner["rules"], expected["rule"]["rules"], "{name}");
        assert_eq!(winner["match"], expected["rule"]["match"], "{name}");
        asked += 1;
    }
    assert!(asked >= 80, "only {asked} cases were asked");
}

#[test]
fn colour_is_used_where_it_is_asked_for() {
    let folder = Folder::with("a.yaml", &shop());
    let plain = folder.run("explain -f a.yaml http://shop.example.com/v1/");
    let coloured = folder.run("explain -f a.yaml http://shop.example.com/v1/ --color always");
    assert!(!plain.stdout.contains('\u{1b}'));
    assert!(coloured.stdout.contains("\u{1b}[32m✓"), "{}", coloured.stdout);
}

#[test]
fn a_request_that_cannot_be_read_is_refused() {
    let folder = Folder::with("a.yaml", &shop());
    for (request, said) in [
        ("", "<URL>"),
        ("/path", "it names no host"),
        (
            "ftp://a.com/",
            "`ftp` is neither http nor https; for a port of another protocol",
        ),
        ("http://a.com/ -H nonsense", "expected `name: value`"),
    ] {
        folder
            .run(&format!("explain -f a.yaml {request}"))
            .check(2, &[said]);
    }
}
