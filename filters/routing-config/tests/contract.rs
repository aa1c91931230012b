//! The JSON contract, seen from outside: what is written, what is read, and what is refused where.

use fingerpost_routing::{Decision, RequestHead, Roll};
use fingerpost_routing_config::{
    Action, Destination, HeaderMatch, LoadError, NativeRoutes, PathMatch, QueryMatch, RegexEncoding,
    RegexRewrite, RepeatedHeaders, Reply, Revision, Rewrite, RewrittenBy, Route, RouteMatch, RoutingConfig,
    RuleRef, RuleStep, Upgrades, ValueMatch, VirtualHost, load, load_from,
};
use proptest::prelude::*;

fn rule(http: u32, matched: Option<&str>) -> RuleRef {
    let step = RuleStep {
        virtual_service: "default/vs".to_owned(),
        http,
    };
    RuleRef {
        rules: vec![step],
        matched: matched.map(str::to_owned),
    }
}

fn destination(cluster: &str, weight: u32) -> Destination {
    Destination {
        cluster: cluster.to_owned(),
        weight,
        key: format!("key-of-{cluster}"),
    }
}

fn everything() -> RoutingConfig {
    let full = Route {
        rule: rule(0, Some("1")),
        matches: RouteMatch {
            path: PathMatch::Prefix("/v1".to_owned()),
            ignore_case: true,
            headers: vec![HeaderMatch {
                name: "x-a".to_owned(),
                want: ValueMatch::Regex("a+".to_owned()),
                invert: true,
                missing_as_empty: true,
            }],
            query: vec![QueryMatch {
                name: "q".to_owned(),
                want: ValueMatch::Present,
            }],
        },
        rewrite: Some(Rewrite::Regex(RegexRewrite {
            pattern: "/(a)".to_owned(),
            substitution: r"/\1".to_owned(),
        })),
        rewritten_by: RewrittenBy::Envoy,
        action: Action::Forward(vec![destination("a", 80), destination("b", 20)]),
    };
    let plain = Route {
        rule: rule(1, None),
        matches: RouteMatch::path(PathMatch::Exact("/x".to_owned())),
        rewrite: Some(Rewrite::Uri("/".to_owned())),
        rewritten_by: RewrittenBy::Filter,
        action: Action::Reply(Reply { key: "k".to_owned() }),
    };
    let host = VirtualHost {
        name: "*:80".to_owned(),
        domains: vec!["*".to_owned()],
        routes: vec![full, plain],
    };
    let mut config = RoutingConfig::new(RepeatedHeaders::Joined, vec![host]);
    config.regex_encoding = RegexEncoding::Utf8;
    config.native_routes = NativeRoutes::IgnorePath;
    config.upgrades = Some(Upgrades {
        allowed: vec!["websocket".to_owned()],
        refused_by: "refused".to_owned(),
        refused_with_edits_by: [("key-of-b".to_owned(), "refused-for-b".to_owned())].into(),
    });
    config.revision = Some(Revision {
        table: "0.0.0.0_80/http.80".to_owned(),
        number: 1 << 47,
    });
    config
}

#[test]
fn what_is_written_is_read_back() {
    let json = serde_json::to_vec(&everything()).unwrap();
    assert_eq!(RoutingConfig::parse(&json), Ok(everything()));
}

#[test]
fn defaults_are_left_out_and_null_matches_are_kept() {
    let plain = &everything().virtual_hosts[0].routes[1];
    let expected = serde_json::json!({
        "rule": {"rules": [{"virtual_service": "default/vs", "http": 1}], "match": null},
        "match": {"path": {"exact": "/x"}},
        "rewrite": {"uri": "/"},
        "action": {"reply": {"key": "k"}},
    });
    assert_eq!(serde_json::to_value(plain).unwrap(), expected);
}

#[test]
fn a_loaded_table_decides() {
    let table = everything().load().unwrap();
    let head = RequestHead::new(Some(b"any.test"), Some(b"/V1/a?q"));
    let Decision::Routed(found) = table.decide(&head, || Roll(80)) else {
        panic!("no route")
    };
    assert_eq!(found.route.rule.to_string(), "default/vs http[0].match[1]");
    assert_eq!(found.key.as_str(), "key-of-b");
    assert_eq!(found.target.as_deref(), Some(&b"/V1/a?q"[..]));
}

#[test]
fn upgrades_are_refused_by_the_keys_that_are_named_for_it() {
    let config = everything();
    let json = serde_json::to_vec(&config).unwrap();
    let upgrade = [(&b"upgrade"[..], &b"other"[..])];
    for table in [config.load().unwrap(), streamed(&json).unwrap()] {
        for (target, dice, expected) in [
            (&b"/V1/a?q"[..], 0, Some("refused")),
            (b"/V1/a?q", 80, Some("refused-for-b")),
            (b"/x", 0, Some("refused")),
            (b"/y", 0, None),
        ] {
            let head = RequestHead::new(Some(b"any.test"), Some(target)).with_headers(&upgrade);
            let decision = table.decide(&head, || Roll(dice));
            assert_eq!(decision.key().map(|it| it.as_str()), expected);
        }
    }
    let keys: Vec<&str> = config.keys(&config.virtual_hosts[0]).collect();
    assert_eq!(keys, ["key-of-a", "key-of-b", "k", "refused-for-b", "refused"]);
}

/// One virtual host with one route, in which `from` is replaced.
fn with(from: &str, to: &str) -> String {
    let good = r#"{"version":1,"virtual_hosts":[{"name":"h","domains":["*"],"routes":[{"rule":{"rules":[]},
        "match":{"path":{"prefix":"/"}},"action":{"forward":[{"cluster":"c","key":"k"}]}}]}]}"#;
    assert!(good.contains(from), "{from}");
    good.replace(from, to)
}

/// As a filter loads it, in one pass.
fn streamed(json: &[u8]) -> Result<fingerpost_routing::RouteTable, LoadError> {
    load_from(|| json).map(|loaded| loaded.table)
}

#[track_caller]
fn refused(json: &str, expected: &str) {
    for loaded in [load(json.as_bytes()), streamed(json.as_bytes())] {
        let error = loaded.unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn the_example_to_be_broken_is_good() {
    assert!(load(with("c", "c").as_bytes()).is_ok());
    assert!(streamed(with("c", "c").as_bytes()).is_ok());
}

#[test]
fn what_is_refused_is_named_by_its_place() {
    refused(
        &with(r#"{"prefix":"/"}"#, r#"{"regex":"a("}"#),
        "virtual_hosts[0].routes[0].match.path.regex: `a(`: at byte 1: ",
    );
    refused(
        &with(
            r#"{"prefix":"/"}"#,
            r#"{"prefix":"/"},"headers":[{"name":"x","regex":"*"}]"#,
        ),
        "virtual_hosts[0].routes[0].match.headers[0].regex: `*`: at byte 0: ",
    );
    refused(
        &with(
            r#""action""#,
            r#""rewrite":{"regex":{"pattern":"[","substitution":""}},"action""#,
        ),
        "virtual_hosts[0].routes[0].rewrite.regex.pattern: `[`: ",
    );
    refused(
        &with(r#"{"cluster":"c","key":"k"}"#, ""),
        "virtual_hosts[0].routes[0].action.forward: ",
    );
    refused(
        &with(r#""key":"k""#, r#""key":"""#),
        "virtual_hosts[0].routes[0].action.forward[0].key: ",
    );
    refused(
        &with(r#"["*"]"#, r#"["a.b","a.b"]"#),
        "virtual_hosts[0].domains[1]: domain `a.b` is there twice",
    );
    refused(&with(r#"["*"]"#, r#"["a.*"]"#), "virtual_hosts[0].domains[0]: ");
    refused(&with(r#""version":1"#, r#""version":2"#), "version: 2 is unknown");
    let upgrades = |fields| format!(r#""version":1,"upgrades":{{{fields}}}"#);
    refused(
        &with(r#""version":1"#, &upgrades(r#""refused_by":"""#)),
        "upgrades.refused_by: ",
    );
    refused(
        &with(
            r#""version":1"#,
            &upgrades(r#""refused_by":"k","refused_with_edits_by":{"a":""}"#),
        ),
        "upgrades.refused_with_edits_by[\"a\"]: ",
    );
}

#[test]
fn what_has_no_place_in_the_contract_is_refused() {
    for (from, to) in [
        (r#""version":1"#, r#""version":1,"more":0"#),
        (r#""prefix":"/""#, r#""prefix":"/","exact":"/""#),
        (r#"{"prefix":"/"}"#, r#"{"prefix":"/"},"headers":[{"name":"x"}]"#),
        (
            r#"{"prefix":"/"}"#,
            r#"{"prefix":"/"},"headers":[{"name":"x","exact":"a","prefix":"a"}]"#,
        ),
        (
            r#"{"prefix":"/"}"#,
            r#"{"prefix":"/"},"query":[{"name":"x","exact":"a","invert":true}]"#,
        ),
        (r#""key":"k""#, r#""key":"k","weight":-1"#),
        (r#""version":1"#, r#""version":1,"upgrades":{}"#),
        (
            r#""version":1"#,
            r#""version":1,"upgrades":{"refused_by":"k","more":0}"#,
        ),
        (r#""version":1,"#, ""),
        (r#""version":1,"#, r#""version":1,"version":1,"#),
        (r#""domains":["*"],"#, ""),
        (r#""domains":["*"],"#, r#""domains":["*"],"domains":[],"#),
        (r#""name":"h","#, r#""name":"h","more":0,"#),
        (r#"}]}]}"#, r#"}]}],"virtual_hosts":[]}"#),
        (r#"}]}]}"#, r#"}]}]},"#),
    ] {
        refused(&with(from, to), "not a routing configuration: ");
    }
}

#[test]
fn a_table_that_is_loaded_in_one_pass_decides_alike_and_has_no_names() {
    let json = serde_json::to_vec(&everything()).unwrap();
    let (whole, loaded) = (load(&json).unwrap(), load_from(|| &*json).unwrap());
    let expected = RoutingConfig {
        virtual_hosts: Vec::new(),
        ..everything()
    };
    assert_eq!(loaded.config, expected);
    assert_eq!(loaded.programs, everything().load_measured().unwrap().1);
    for (target, dice) in [
        (&b"/V1/a?q"[..], 0),
        (b"/V1/a?q", 80),
        (b"/v1", 0),
        (b"/x", 0),
        (b"/y", 0),
    ] {
        let head = RequestHead::new(Some(b"any.test"), Some(target));
        let upgrade = [(&b"upgrade"[..], &b"other"[..])];
        for head in [head, head.with_headers(&upgrade)] {
            let [whole, streamed] =
                [&whole, &loaded.table].map(|table| match table.decide(&head, || Roll(dice)) {
                    Decision::NoVirtualHost => None,
                    Decision::NoRoute(_) => Some((None, None)),
                    Decision::Routed(found) => Some((Some(found.key.clone()), found.target)),
                    Decision::UpgradeRefused(refused) => Some((Some(refused.key.clone()), None)),
                });
            assert_eq!(whole, streamed);
        }
    }
    let host = &loaded.table.hosts()[0];
    assert_eq!(
        (host.name(), host.routes()[0].rule.to_string().as_str()),
        ("", "")
    );
}

#[test]
fn settings_behind_the_virtual_hosts_count_too() {
    let json = with(r#"{"prefix":"/"}"#, r#"{"regex":"/."}"#);
    for (settings, accepts) in [(r#","regex_encoding":"utf8"}"#, true), ("}", false)] {
        let json = format!("{}{settings}", json.strip_suffix('}').unwrap());
        let head = RequestHead::new(Some(b"h"), Some("/\u{e9}".as_bytes()));
        for table in [load(json.as_bytes()).unwrap(), streamed(json.as_bytes()).unwrap()] {
            let is_routed = matches!(table.decide(&head, || Roll(0)), Decision::Routed(_));
            assert_eq!(is_routed, accepts, "{json}");
        }
    }
}

#[test]
fn a_configuration_that_cannot_be_read_to_its_end_is_refused() {
    let json = with("c", "c");
    let (half, _) = json.as_bytes().split_at(json.len() / 2);
    let broken = || std::io::Read::chain(half, Broken);
    let error = load_from(broken).unwrap_err().to_string();
    assert!(
        error.starts_with("not a routing configuration: broken"),
        "{error}"
    );
}

struct Broken;

impl std::io::Read for Broken {
    fn read(&mut self, _buffer: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other("broken"))
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_table_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(load(&bytes).is_err() && streamed(&bytes).is_err());
    }

    #[test]
    fn a_broken_document_is_a_table_or_an_error(at in 0usize..4096, byte: u8, cut in 0usize..4096) {
        let mut json = serde_json::to_vec(&everything()).unwrap();
        let length = json.len();
        json[at % length] = byte;
        json.truncate(length - cut % length);
        let (whole, streamed) = (load(&json), streamed(&json));
        prop_assert_eq!(whole.is_ok(), streamed.is_ok());
        if let Ok(table) = whole {
            prop_assert_eq!(table.hosts().len(), 1);
        }
    }

    #[test]
    fn depth_does_not_hurt(depth in 1usize..100_000) {
        let json = "[".repeat(depth);
        prop_assert!(load(json.as_bytes()).is_err());
    }
}
