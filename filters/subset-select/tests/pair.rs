//! `subset-select` and then `uri-rewrite` do what `virtual-service` does, on any table and any request.

use fingerpost_filter_kit::{HeaderBlock, Host, HostError, Level, Part, RouteFilter};
use fingerpost_routing::Finder;
use fingerpost_routing_config::{
    Action, Destination, HeaderMatch, NativeRoutes, PathMatch, QueryMatch, RegexRewrite, RepeatedHeaders,
    Reply, Rewrite, RewrittenBy, Route, RouteMatch, RoutingConfig, RuleRef, Upgrades, ValueMatch,
    VirtualHost,
};
use fingerpost_subset_select::{SubsetSelect, SubsetSelectFilter};
use fingerpost_uri_rewrite::{UriRewrite, UriRewriteFilter};
use fingerpost_virtual_service::{VirtualService, VirtualServiceFilter};
use proptest::prelude::*;
use std::cell::RefCell;

type Headers = Vec<(String, Vec<u8>)>;

/// A proxy with one request, to which filters can be put one after the other.
#[derive(Debug, Default)]
struct Proxy {
    configuration: Vec<u8>,
    headers: RefCell<Headers>,
    random: u64,
    refuses: Option<&'static str>,
    log: RefCell<Vec<(Level, String)>>,
    properties: RefCell<Headers>,
}

impl Proxy {
    fn new(config: &RoutingConfig, headers: Headers, random: u64) -> Self {
        Self {
            configuration: serde_json::to_vec(config).unwrap(),
            headers: headers.into(),
            random,
            ..Self::default()
        }
    }

    /// Configures a filter and puts the request to it.
    fn run<P: Part + Default>(&self) {
        let mut filter = RouteFilter::<P>::default();
        assert!(filter.on_configure(self), "{:?}", self.log);
        filter.on_request_headers(self);
    }

    /// The request as it goes on, its headers sorted by name.
    fn headers(&self) -> Headers {
        let mut headers = self.headers.borrow().clone();
        headers.sort_by(|(one, _), (other, _)| one.cmp(other));
        headers
    }

    fn header(&self, name: &str) -> Option<String> {
        let headers = self.headers.borrow();
        let found = headers.iter().find(|(key, _)| key == name)?;
        Some(String::from_utf8(found.1.clone()).unwrap())
    }

    fn warnings(&self) -> usize {
        let log = self.log.borrow();
        log.iter().filter(|(level, _)| *level == Level::Warn).count()
    }
}

impl Host for Proxy {
    fn plugin_configuration(&self, start: usize) -> Result<Vec<u8>, HostError> {
        Ok(self.configuration.get(start..).unwrap_or_default().to_vec())
    }

    fn request_headers(&self) -> Result<HeaderBlock, HostError> {
        let headers = self.headers.borrow();
        Ok(HeaderBlock::from_pairs(
            headers.iter().map(|(name, value)| (name.as_bytes(), &**value)),
        ))
    }

    fn set_request_header(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        if self.refuses == Some(name) {
            return Err(HostError {
                call: "set",
                status: 10,
            });
        }
        self.remove_request_header(name)?;
        self.headers.borrow_mut().push((name.to_owned(), value.to_vec()));
        Ok(())
    }

    fn remove_request_header(&self, name: &str) -> Result<(), HostError> {
        self.headers
            .borrow_mut()
            .retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        Ok(())
    }

    fn set_property(&self, name: &str, value: &[u8]) -> Result<(), HostError> {
        self.properties
            .borrow_mut()
            .push((name.to_owned(), value.to_vec()));
        Ok(())
    }

    fn random(&self) -> Result<u64, HostError> {
        Ok(self.random)
    }

    fn log(&self, level: Level, message: &str) {
        self.log.borrow_mut().push((level, message.to_owned()));
    }
}

fn path() -> impl Strategy<Value = PathMatch> {
    prop_oneof![
        "/[ab]{0,2}".prop_map(PathMatch::Exact),
        "/[ab]{0,2}".prop_map(PathMatch::Prefix),
        "/[ab]?(a\\+|\\.\\*|\\[ab\\])".prop_map(PathMatch::Regex),
    ]
}

fn want() -> impl Strategy<Value = ValueMatch> {
    prop_oneof![
        Just(ValueMatch::Present),
        "[ab]?".prop_map(ValueMatch::Exact),
        "[ab]?".prop_map(ValueMatch::Prefix),
        "[ab]\\+?".prop_map(ValueMatch::Regex),
    ]
}

/// Also on what the filters themselves set: a filter that runs second must not see the first one's work.
fn header() -> impl Strategy<Value = HeaderMatch> {
    let name = prop::sample::select(vec![
        "x-a",
        ":path",
        ":authority",
        "x-fingerpost-route",
        "x-envoy-original-path",
    ]);
    (name, want(), any::<bool>(), any::<bool>()).prop_map(|(name, want, invert, missing_as_empty)| {
        HeaderMatch {
            name: name.to_owned(),
            want,
            invert,
            missing_as_empty,
        }
    })
}

fn matches() -> impl Strategy<Value = RouteMatch> {
    let query = ("[ab]", want()).prop_map(|(name, want)| QueryMatch { name, want });
    let headers = prop::collection::vec(header(), 0..2);
    let query = prop::collection::vec(query, 0..2);
    (path(), any::<bool>(), headers, query).prop_map(|(path, ignore_case, headers, query)| RouteMatch {
        path,
        ignore_case,
        headers,
        query,
    })
}

fn rewrite() -> impl Strategy<Value = Rewrite> {
    let regex =
        ("\\(?[ab]\\)?\\+?", "/?\\\\[0-2]").prop_filter_map("is no pattern", |(pattern, substitution)| {
            Finder::parse(&pattern).ok()?;
            Some(Rewrite::Regex(RegexRewrite {
                pattern,
                substitution,
            }))
        });
    prop_oneof!["/?[ab]{0,2}".prop_map(Rewrite::Uri), regex]
}

fn action() -> impl Strategy<Value = Action> {
    let destination = ("[a-d]", 1..4u32).prop_map(|(key, weight)| Destination {
        cluster: key.clone(),
        weight,
        key,
    });
    prop_oneof![
        3 => prop::collection::vec(destination, 1..4).prop_map(Action::Forward),
        1 => "[a-d]".prop_map(|key| Action::Reply(Reply { key })),
    ]
}

fn route() -> impl Strategy<Value = Route> {
    let by = prop::sample::select(vec![RewrittenBy::Filter, RewrittenBy::Filter, RewrittenBy::Envoy]);
    let parts = (matches(), prop::option::weighted(0.7, rewrite()), by, action());
    parts.prop_map(|(matches, rewrite, rewritten_by, action)| Route {
        rule: RuleRef {
            rules: Vec::new(),
            matched: None,
        },
        matches,
        rewrite,
        rewritten_by,
        action,
    })
}

fn config() -> impl Strategy<Value = RoutingConfig> {
    let routes = || prop::collection::vec(route(), 0..8);
    let repeated = prop::sample::select(vec![RepeatedHeaders::Each, RepeatedHeaders::Joined]);
    let host = |domain: &str, routes| VirtualHost {
        name: domain.to_owned(),
        domains: vec![domain.to_owned()],
        routes,
    };
    let parts = (
        repeated,
        routes(),
        prop::option::of(routes()),
        any::<bool>(),
        any::<bool>(),
    );
    parts.prop_map(move |(repeated, routes, others, name_rules, refuses_upgrades)| {
        let others = others.map(|routes| host("*", routes));
        RoutingConfig {
            name_rules,
            upgrades: refuses_upgrades.then(upgrades),
            ..RoutingConfig::new(repeated, [host("a", routes)].into_iter().chain(others).collect())
        }
    })
}

fn upgrades() -> Upgrades {
    Upgrades {
        allowed: vec!["a".to_owned()],
        refused_by: "refused".to_owned(),
        refused_with_edits_by: [("b".to_owned(), "refused-for-b".to_owned())].into(),
    }
}

fn request() -> impl Strategy<Value = Headers> {
    let names = "x-[ab]|x-fingerpost-route|x-envoy-original-path|upgrade";
    let plain = prop::collection::vec((names, "[ab]?"), 0..3);
    let target = prop::option::weighted(0.9, "/[abA]{0,3}(\\?[ab]=[ab]?)?(#a)?");
    (prop::option::weighted(0.9, "[ab]"), target, plain).prop_map(|(authority, target, plain)| {
        let pseudo = [(":authority", authority), (":path", target)];
        let pseudo = pseudo
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let all = pseudo.chain(plain);
        all.map(|(name, value)| (name, value.into_bytes())).collect()
    })
}

/// What comes of a request by the whole filter, and by the other two one after the other.
fn whole_and_pair(config: &RoutingConfig, request: &Headers, random: u64) -> [Proxy; 2] {
    let whole = Proxy::new(config, request.clone(), random);
    whole.run::<VirtualService>();
    let pair = Proxy::new(config, request.clone(), random);
    pair.run::<SubsetSelect>();
    pair.run::<UriRewrite>();
    [whole, pair]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn one_after_the_other_they_do_what_the_whole_does(
        config in config(),
        requests in prop::collection::vec(request(), 1..6),
        random: u64,
    ) {
        for request in requests {
            let [whole, pair] = whole_and_pair(&config, &request, random);
            prop_assert_eq!(whole.headers(), pair.headers());
            prop_assert_eq!(whole.properties.take(), pair.properties.take());
            prop_assert_eq!((whole.log.take(), pair.log.take()), (Vec::new(), Vec::new()));
        }
    }
}

/// One route that rewrites, and one that shares its requests between two destinations.
fn small() -> RoutingConfig {
    let json = r#"{"version": 1, "virtual_hosts": [{"name": "h", "domains": ["*"], "routes": [
        {"rule": {"rules": []}, "match": {"path": {"prefix": "/old"}}, "rewrite": {"uri": "/new"},
         "action": {"forward": [{"cluster": "a", "key": "a"}, {"cluster": "b", "key": "b"}]}}]}]}"#;
    serde_json::from_str(json).unwrap()
}

fn old() -> Headers {
    vec![(":path".to_owned(), b"/old/x?q".to_vec())]
}

#[test]
fn each_does_its_own_part_alone() {
    let proxy = Proxy::new(&small(), old(), 1);
    proxy.run::<SubsetSelect>();
    assert_eq!(proxy.header("x-fingerpost-route").as_deref(), Some("b"));
    assert_eq!(proxy.header(":path").as_deref(), Some("/old/x?q"));

    let proxy = Proxy::new(&small(), old(), 1);
    proxy.run::<UriRewrite>();
    assert_eq!(proxy.header("x-fingerpost-route"), None);
    assert_eq!(proxy.header(":path").as_deref(), Some("/new/x?q"));
    assert_eq!(proxy.header("x-envoy-original-path").as_deref(), Some("/old/x?q"));
}

#[test]
fn an_upgrade_that_is_refused_keeps_its_path() {
    let config = RoutingConfig {
        upgrades: Some(upgrades()),
        ..small()
    };
    for (protocol, key, path) in [("a", "b", "/new/x?q"), ("b", "refused-for-b", "/old/x?q")] {
        let request = [old(), vec![("upgrade".to_owned(), protocol.into())]].concat();
        for proxy in whole_and_pair(&config, &request, 1) {
            assert_eq!(proxy.header("x-fingerpost-route").as_deref(), Some(key));
            assert_eq!(proxy.header(":path").as_deref(), Some(path));
            assert_eq!(
                proxy.header("x-envoy-original-path").is_some(),
                path != "/old/x?q"
            );
        }
    }
}

#[test]
fn rules_are_named_if_the_configuration_wants_it() {
    for (name_rules, expected) in [
        (true, &["fingerpost.rule", "fingerpost.virtual_host"][..]),
        (false, &[]),
    ] {
        let config = RoutingConfig {
            name_rules,
            ..small()
        };
        for proxy in whole_and_pair(&config, &old(), 1) {
            let properties = proxy.properties.take();
            let names: Vec<&str> = properties.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, expected);
        }
    }
}

#[test]
fn in_the_wrong_order_the_second_sees_the_new_path_and_the_first_warns() {
    let proxy = Proxy::new(&small(), old(), 1);
    proxy.run::<UriRewrite>();
    proxy.run::<SubsetSelect>();
    assert_eq!(proxy.header("x-fingerpost-route"), None);
    assert_eq!(proxy.warnings(), 1);
}

#[test]
fn a_rewrite_without_a_key_is_warned_about_once() {
    let mut filter = UriRewriteFilter::default();
    let proxy = Proxy::new(&small(), old(), 0);
    assert!(filter.on_configure(&proxy));
    for _ in 0..3 {
        *proxy.headers.borrow_mut() = old();
        // As the proxy does: one copy for each stream.
        filter.clone().on_request_headers(&proxy);
    }
    assert_eq!(proxy.warnings(), 1);
    let (_, message) = &proxy.log.borrow()[0];
    assert!(
        message.contains("subset-select") && message.contains(r#""native_routes": "ignore_path""#),
        "{message}"
    );
}

#[test]
fn where_the_table_ignores_the_path_or_nothing_is_rewritten_there_is_no_warning() {
    let mut ignores = small();
    ignores.native_routes = NativeRoutes::IgnorePath;
    let other = vec![(":path".to_owned(), b"/other".to_vec())];
    for (config, request) in [(ignores, old()), (small(), other)] {
        let proxy = Proxy::new(&config, request, 0);
        proxy.run::<UriRewrite>();
        assert_eq!(proxy.warnings(), 0);
    }
}

#[test]
fn when_the_path_cannot_be_set_the_request_leads_nowhere() {
    let proxy = Proxy {
        refuses: Some(":path"),
        ..Proxy::new(&small(), old(), 0)
    };
    proxy.run::<SubsetSelect>();
    assert!(proxy.header("x-fingerpost-route").is_some());
    proxy.run::<UriRewrite>();
    assert_eq!(proxy.header("x-fingerpost-route"), None);
    assert_eq!(proxy.header(":path").as_deref(), Some("/old/x?q"));
}

#[test]
fn a_configuration_that_is_refused_leaves_the_table_as_it_was() {
    let (mut select, mut rewrite, mut whole) = (
        SubsetSelectFilter::default(),
        UriRewriteFilter::default(),
        VirtualServiceFilter::default(),
    );
    let good = Proxy::new(&small(), old(), 0);
    assert!(select.on_configure(&good) && rewrite.on_configure(&good) && whole.on_configure(&good));
    let bad = Proxy {
        configuration: b"{}".to_vec(),
        ..Proxy::default()
    };
    assert!(!select.on_configure(&bad) && !rewrite.on_configure(&bad) && !whole.on_configure(&bad));
    select.on_request_headers(&good);
    rewrite.on_request_headers(&good);
    let together = good.headers();
    *good.headers.borrow_mut() = old();
    whole.on_request_headers(&good);
    assert_eq!(good.headers(), together);
    assert_eq!(good.header("x-fingerpost-route").as_deref(), Some("a"));
}
