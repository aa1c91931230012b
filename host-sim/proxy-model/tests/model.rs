//! What the corpus does not ask of the model: what it refuses to read, what it does not know, and its dice.

use std::time::Duration;

use fingerpost_proxy_model::{
    Failure, FilterSite, FilterVerdict, Forwarded, Headers, Model, Outcome, Reply, Request, Routed, Skipped,
    UpstreamFailure, Version, no_filter,
};
use serde_json::{Value, json};

/// A bootstrap with one listener, whose routes are these; clusters `a` and `b`.
fn bootstrap(routes: &Value, plugin: bool) -> Value {
    let any = |kind: &str| json!({"@type": format!("type.googleapis.com/envoy.extensions.filters.{kind}")});
    let mut filters = vec![
        json!({"name": "fault", "typed_config": any("http.fault.v3.HTTPFault")}),
        json!({"name": "cors", "typed_config": any("http.cors.v3.Cors")}),
        json!({"name": "router", "typed_config": any("http.router.v3.Router")}),
    ];
    if plugin {
        let mut wasm = any("http.wasm.v3.Wasm");
        let text = json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "c"});
        wasm["config"] = json!({"name": "p", "configuration": text,
            "vm_config": {"runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": "m.wasm"}}}});
        filters.insert(0, json!({"name": "wasm", "typed_config": wasm}));
    }
    let mut manager = any("network.http_connection_manager.v3.HttpConnectionManager");
    manager["use_remote_address"] = json!(true);
    manager["normalize_path"] = json!(true);
    manager["http_filters"] = filters.into();
    manager["route_config"] = json!({"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]});
    json!({"static_resources": {
        "listeners": [{
            "name": "edge",
            "address": {"socket_address": {"address": "0.0.0.0", "port_value": 8080}},
            "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
        }],
        "clusters": [{"name": "a"}, {"name": "b"}],
    }})
}

fn request(port: u16, headers: &[(&str, &str)]) -> Request {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Request {
        port,
        method: "GET".to_owned(),
        path: "/p".to_owned(),
        authority: Some("any.test".to_owned()),
        headers: headers.collect(),
        tls: None,
        version: Version::default(),
    }
}

fn forward(action: &Value) -> Value {
    json!([{"match": {"prefix": "/"}, "route": action}])
}

/// What comes of a request when the dice fall like this.
fn answer(routes: &Value, rolls: &[u64], headers: &[(&str, &str)]) -> Result<Outcome, Skipped> {
    let model = Model::new(&bootstrap(routes, false)).expect("a model");
    let mut rolls = rolls.iter().copied();
    let mut dice = || rolls.next().expect("no more throws than that");
    model.answer(&request(8080, headers), &mut no_filter, &mut dice)
}

#[track_caller]
fn refused(routes: &Value, reason: &str) {
    let error = Model::new(&bootstrap(routes, false))
        .expect_err("refused")
        .to_string();
    assert!(
        error.starts_with("edge: filter_chains[0]: all: routes[0]: "),
        "{error}"
    );
    assert!(error.contains(reason), "{error}");
}

#[test]
fn an_error_names_the_key_of_a_route() {
    let route = json!({"@type": "type.googleapis.com/envoy.config.route.v3.Route", "match": {"prefix": "/"},
        "route": {"cluster": "a", "hedge_policy": {}}});
    let input = json!({"@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
        "header_name": "x-key"});
    let mut bootstrap = bootstrap(&json!([]), false);
    let host = bootstrap.pointer_mut(
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts/0",
    );
    host.expect("a host")["matcher"] = json!({"matcher_tree": {
        "input": {"name": "key", "typed_config": input},
        "exact_match_map": {"map": {"k@1": {"action": {"name": "route", "typed_config": route}}}},
    }});
    let error = Model::new(&bootstrap).expect_err("refused").to_string();
    assert!(
        error.starts_with("edge: filter_chains[0]: all: matcher: k@1: "),
        "{error}"
    );
    assert!(error.contains("unknown field `hedge_policy`"), "{error}");
}

#[test]
fn what_the_model_does_not_know_it_refuses_and_names_the_place() {
    refused(
        &forward(&json!({"cluster": "a", "hedge_policy": {}})),
        "unknown field `hedge_policy`",
    );
    refused(
        &forward(&json!({"cluster": "a", "timeout": "soon"})),
        "invalid duration `soon`",
    );
    refused(&forward(&json!({})), "no variant of enum ClusterSpecifier");
    refused(
        &forward(&json!({"cluster": "a", "weighted_clusters": {"clusters": []}})),
        "unknown field `weighted_clusters`",
    );
    refused(
        &json!([{"match": {"prefix": "/", "headers": [{"name": "a", "string_match": {"contains": "b"}}]},
            "route": {"cluster": "a"}}]),
        "contains is not modelled",
    );
    refused(
        &json!([{"match": {"safe_regex": {"regex": "("}}, "route": {"cluster": "a"}}]),
        "(",
    );
    refused(&json!([{"match": {"prefix": "/"}}]), "no variant of enum Action");
}

#[track_caller]
fn goes_to(roll: u64, cluster: &str) {
    let clusters = json!([{"name": "a", "weight": 30}, {"name": "b", "weight": 70}]);
    let routes = forward(&json!({"weighted_clusters": {"clusters": clusters}}));
    let outcome = answer(&routes, &[roll], &[]).expect("an outcome");
    assert_eq!(outcome.cluster.as_deref(), Some(cluster), "{roll}");
}

#[test]
fn shares_lie_in_the_order_of_their_list() {
    goes_to(0, "a");
    goes_to(29, "a");
    goes_to(30, "b");
    goes_to(99, "b");
    goes_to(100, "a");
}

#[test]
fn one_throw_decides_about_all_mirrors_of_a_request() {
    let mirror = json!({"cluster": "b", "disable_shadow_host_suffix_append": true,
        "runtime_fraction": {"default_value": {"numerator": 50}}});
    let routes = forward(&json!({"cluster": "a", "request_mirror_policies": [mirror, mirror]}));
    for (roll, mirrors) in [(49, vec!["b"]), (50, vec![])] {
        let outcome = answer(&routes, &[roll], &[]).expect("an outcome");
        assert_eq!(outcome.mirrors, mirrors, "{roll}");
    }
}

#[test]
fn a_delay_and_an_abort_have_throws_of_their_own() {
    let half = json!({"numerator": 50});
    let fault = json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault", "delay": {"fixed_delay": "0.250s", "percentage": half},
        "abort": {"http_status": 418, "percentage": half}});
    let routes = json!([{"match": {"prefix": "/"}, "route": {"cluster": "a"},
        "typed_per_filter_config": {"envoy.filters.http.fault": fault}}]);
    for (rolls, status, delay) in [
        ([49, 49], 418, 250),
        ([49, 50], 200, 250),
        ([50, 49], 418, 0),
        ([50, 50], 200, 0),
    ] {
        let outcome = answer(&routes, &rolls, &[]).expect("an outcome");
        assert_eq!((outcome.status, outcome.delay_ms), (status, delay), "{rolls:?}");
    }
}

fn pairs(headers: &[(&str, &str)]) -> Headers {
    let bytes = |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    headers.iter().map(bytes).collect()
}

/// What a client of a route gets that edits, delays and copies, and allows an origin to read, when its upstream
/// answers like this.
fn by_an_upstream(request: &Request, look: impl Fn(&Forwarded<'_>), answer: Reply) -> Result<Reply, Skipped> {
    let cors = json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy", "allow_origin_string_match": [{"exact": "https://o.test"}]});
    let delay = json!({"fixed_delay": "0.250s", "percentage": {"numerator": 100}});
    let routes = json!([{
        "match": {"prefix": "/"},
        "route": {"cluster": "a", "prefix_rewrite": "/new/",
            "request_mirror_policies": [{"cluster": "b", "disable_shadow_host_suffix_append": true}]},
        "request_headers_to_add": [{"header": {"key": "x-to", "value": "%REQ(:AUTHORITY)%"}}],
        "response_headers_to_add": [{"header": {"key": "x-from", "value": "%RESP(x-tag)% %RESPONSE_CODE%"}}],
        "response_headers_to_remove": ["x-private"],
        "metadata": {"filter_metadata": {"fingerpost":
            {"rules": [{"virtual_service": "default/vs", "http": 2}], "match": "1"}}},
        "typed_per_filter_config": {
            "envoy.filters.http.cors": cors,
            "envoy.filters.http.fault": {"@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault", "delay": delay},
        },
    }]);
    let model = Model::new(&bootstrap(&routes, false)).expect("a model");
    match model.route(request, &mut no_filter, &mut || 0)? {
        Routed::Forwarded(forwarded) => {
            look(&forwarded);
            forwarded.finish(answer)
        }
        other => panic!("expected to be forwarded: {other:?}"),
    }
}

#[test]
fn a_caller_with_upstreams_gets_the_cluster_and_the_request() {
    let look = |forwarded: &Forwarded<'_>| {
        assert_eq!((forwarded.cluster(), forwarded.mirrors()), ("a", &["b"][..]));
        assert_eq!((forwarded.delay_ms(), forwarded.to_head()), (250, false));
        assert_eq!(forwarded.rule().expect("a rule").matched.as_deref(), Some("1"));
        for (name, value) in [
            (":path", "/new/p"),
            (":authority", "any.test"),
            ("x-to", "any.test"),
        ] {
            let header = (name.as_bytes().to_vec(), value.as_bytes().to_vec());
            assert!(forwarded.headers().contains(&header), "{name}: {value}");
        }
    };
    let answer = Reply {
        status: 201,
        headers: pairs(&[("x-tag", "t"), ("x-private", "1"), ("connection", "close")]),
        body: b"made".to_vec(),
    };
    let reply =
        by_an_upstream(&request(8080, &[("origin", "https://o.test")]), look, answer).expect("a reply");
    let expected = pairs(&[
        ("x-tag", "t"),
        ("x-from", "t 201"),
        ("access-control-allow-origin", "https://o.test"),
    ]);
    assert_eq!(
        (reply.status, reply.headers, &reply.body[..]),
        (201, expected, &b"made"[..])
    );
}

#[test]
fn what_only_a_recorder_has_to_know_does_not_keep_a_request_from_its_upstream() {
    let answer = Reply {
        status: 503,
        headers: Headers::new(),
        body: Vec::new(),
    };
    let directed = request(8080, &[("x-echo", "status=503")]);
    let reply = by_an_upstream(&directed, |_| (), answer).expect("a reply");
    assert_eq!(reply.status, 503);
}

#[track_caller]
fn unknown(value: &str, headers: &[(&str, &str)], reason: &str) {
    let edit = json!([{"header": {"key": "x-a", "value": value}}]);
    let routes =
        json!([{"match": {"prefix": "/"}, "route": {"cluster": "a"}, "request_headers_to_add": edit}]);
    let skipped = answer(&routes, &[], headers).expect_err("skipped");
    assert!(skipped.to_string().contains(reason), "{skipped}");
}

#[test]
fn the_model_says_where_it_stops() {
    unknown("1", &[("x-echo", "reset")], "an upstream that delays or fails");
    unknown(
        "%UPSTREAM_WIRE_BYTES_SENT%",
        &[],
        "only a running proxy knows %UPSTREAM_WIRE_BYTES_SENT%",
    );
    unknown("%START_TIME%", &[], "only a running proxy knows %START_TIME%");
    unknown(
        "%REQ(X-REQUEST-ID)%",
        &[],
        "only a running proxy knows the value of x-request-id",
    );
    unknown("%NO_SUCH%", &[], "Envoy has no variable %NO_SUCH%");
    unknown("%REQ(%", &[], "Envoy refuses the header value");
}

#[test]
fn how_much_of_a_body_has_come_is_known_only_where_there_is_none() {
    let edit = json!([{"header": {"key": "x-a", "value": "%BYTES_RECEIVED%"}}]);
    let routes =
        json!([{"match": {"prefix": "/"}, "route": {"cluster": "a"}, "response_headers_to_add": edit}]);
    let received = ("x-a".to_owned(), "0".to_owned());
    for headers in [&[][..], &[("content-length", "0")]] {
        let outcome = answer(&routes, &[], headers).expect("an outcome");
        assert!(outcome.response_headers.contains(&received), "{headers:?}");
    }
    for header in [("content-length", "3"), ("transfer-encoding", "chunked")] {
        let skipped = answer(&routes, &[], &[header]).expect_err("skipped");
        assert!(skipped.to_string().contains("%BYTES_RECEIVED%"), "{skipped}");
    }
}

#[test]
fn a_short_timeout_may_pass_before_an_echo_answers() {
    for (timeout, is_known) in [("0.001s", false), ("0.300s", true), ("0s", true)] {
        let outcome = answer(&forward(&json!({"cluster": "a", "timeout": timeout})), &[], &[]);
        assert_eq!(outcome.is_ok(), is_known, "{timeout}: {outcome:?}");
    }
}

#[test]
fn a_refused_request_has_a_route_only_where_its_client_tells_a_scheme() {
    let edit = json!([{"header": {"key": "x-a", "value": "%RESPONSE_CODE_DETAILS%"}}]);
    let rule = json!({"filter_metadata": {"fingerpost": {"rules": [{"virtual_service": "d/v", "http": 0}]}}});
    let routes = json!([
        {"match": {"prefix": "/c"}, "route": {"cluster": "a"}, "response_headers_to_add": edit, "metadata": rule},
        {"match": {"prefix": "/r"}, "direct_response": {"status": 200}, "response_headers_to_add": edit, "metadata": rule},
    ]);
    let model = Model::new(&bootstrap(&routes, false)).expect("a model");
    for (path, scheme, has_rule, is_edited) in [
        ("/c/%00", None, false, false),
        ("/c/%00", Some("odd"), true, true),
        ("/c/%00", Some(""), false, false),
        ("/r/%00", Some("http"), true, false),
        ("/x/../c/%00", Some("http"), false, false),
    ] {
        let headers = scheme.map(|it| ("x-forwarded-proto", it));
        let mut request = request(8080, headers.as_slice());
        path.clone_into(&mut request.path);
        let outcome = model
            .answer(&request, &mut no_filter, &mut || 0)
            .expect("an outcome");
        let edited = outcome.response_headers.iter();
        let edited = edited.filter(|(_, value)| value == "path_normalization_failed");
        assert_eq!(outcome.status, 400, "{path}");
        assert_eq!(
            (outcome.rule.is_some(), edited.count() > 0),
            (has_rule, is_edited),
            "{path}, {scheme:?}"
        );
    }
}

/// A model whose one listener lets requests go on in WebSocket.
fn with_websocket() -> Model {
    let mut bootstrap = bootstrap(&forward(&json!({"cluster": "a"})), false);
    let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    bootstrap.pointer_mut(manager).expect("a manager")["upgrade_configs"] =
        json!([{"upgrade_type": "websocket"}]);
    Model::new(&bootstrap).expect("a model")
}

#[test]
fn an_upgrade_gets_as_far_as_an_upstream_that_declines_it() {
    let model = with_websocket();
    let ask = |to| request(8080, &[("connection", "upgrade"), ("upgrade", to)]);
    let answer = |request: &Request| {
        model
            .answer(request, &mut no_filter, &mut || 0)
            .expect("an outcome")
    };
    let declined = answer(&ask("WebSocket"));
    assert_eq!((declined.status, declined.cluster.as_deref()), (200, Some("a")));
    assert_eq!(declined.body.as_deref(), Some(""));
    let refused = answer(&ask("other"));
    assert_eq!((refused.status, refused.cluster), (403, None));
    // The caller gets an error: the model could not take what comes back the way back.
    let ask = ask("websocket");
    let skipped = model.route(&ask, &mut no_filter, &mut || 0).expect_err("skipped");
    assert!(skipped.to_string().contains("an upgrade"), "{skipped}");
}

#[test]
fn a_target_with_a_blank_is_the_upstreams_affair() {
    let routes = forward(&json!({"cluster": "a", "prefix_rewrite": "/n m"}));
    let skipped = answer(&routes, &[], &[]).expect_err("skipped");
    assert!(skipped.to_string().contains("a target with a blank"), "{skipped}");
    let routes = forward(&json!({"cluster": "a", "prefix_rewrite": "/n%20m"}));
    assert_eq!(answer(&routes, &[], &[]).expect("an outcome").status, 200);
}

#[test]
fn a_cookie_for_hashing_is_known_only_where_the_client_has_it() {
    let hash = json!([{"cookie": {"name": "s", "ttl": "60s"}}]);
    let routes = forward(&json!({"cluster": "a", "hash_policy": hash}));
    let mut bootstrap = bootstrap(&routes, false);
    bootstrap["static_resources"]["clusters"][0]["lb_policy"] = json!("RING_HASH");
    let model = Model::new(&bootstrap).expect("a model");
    let ask = |cookie| model.answer(&request(8080, &[("cookie", cookie)]), &mut no_filter, &mut || 0);
    assert_eq!(ask("a=1; s=x").expect("an outcome").status, 200);
    for cookie in ["a=1", "s=", "S=x", "xs=x"] {
        assert!(
            ask(cookie)
                .expect_err("skipped")
                .to_string()
                .contains("consistent hashing"),
            "{cookie}"
        );
    }
}

#[test]
fn a_port_is_the_listeners_own_or_a_declared_one() {
    let model = Model::new(&bootstrap(&forward(&json!({"cluster": "a"})), false)).expect("a model");
    let model = model.with_declared_port(80, "edge");
    let ask = |port| {
        model
            .answer(&request(port, &[]), &mut no_filter, &mut || 0)
            .expect("an outcome")
    };
    assert_eq!(ask(80).status, 200);
    assert_eq!(ask(8080).status, 200);
    assert_eq!(ask(81).error, Some(Failure::NoListener));
}

#[test]
fn a_filter_sees_its_site_and_may_change_the_route_or_answer() {
    let routes = json!([
        {"match": {"prefix": "/", "headers": [{"name": "x-to", "string_match": {"exact": "b"}}]}, "route": {"cluster": "b"}},
        {"match": {"prefix": "/"}, "route": {"cluster": "a"}},
    ]);
    let model = Model::new(&bootstrap(&routes, true)).expect("a model");
    let mut sent_to_b = |site: &FilterSite<'_>, headers: &mut Headers| {
        assert_eq!(
            (site.listener, site.plugin, site.module, site.configuration),
            ("edge", "p", "m.wasm", &b"c"[..])
        );
        assert_eq!(
            headers.first(),
            Some(&(b":authority".to_vec(), b"any.test".to_vec()))
        );
        headers.push((b"x-to".to_vec(), b"b".to_vec()));
        FilterVerdict::Continue
    };
    let outcome = model
        .answer(&request(8080, &[]), &mut sent_to_b, &mut || 0)
        .expect("an outcome");
    assert_eq!(outcome.cluster.as_deref(), Some("b"));
    let mut teapot = |_: &FilterSite<'_>, _: &mut Headers| FilterVerdict::Reply {
        status: 418,
        headers: vec![(b"x-by".to_vec(), b"filter".to_vec())],
        body: b"tea".to_vec(),
    };
    let outcome = model
        .answer(&request(8080, &[]), &mut teapot, &mut || 0)
        .expect("an outcome");
    let as_json = serde_json::to_value(&outcome).expect("JSON");
    let headers = json!([
        ["content-length", "3"],
        ["content-type", "text/plain"],
        ["date", "<now>"],
        ["server", "envoy"],
        ["x-by", "filter"],
    ]);
    assert_eq!(
        as_json,
        json!({"status": 418, "body": "tea", "response_headers": headers})
    );
}

#[test]
fn a_cluster_that_does_not_answer_is_told_in_envoys_words_and_edited() {
    let edit = json!({"header": {"key": "x-flags", "value": "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%"}});
    let routes = json!([{"match": {"prefix": "/"}, "route": {"cluster": "a", "timeout": "1.500s"},
        "response_headers_to_add": [edit]}]);
    let model = Model::new(&bootstrap(&routes, false)).expect("a model");
    let request = request(8080, &[]);
    let routed = model.route(&request, &mut no_filter, &mut || 0);
    let Ok(Routed::Forwarded(forwarded)) = routed else {
        panic!("expected to be forwarded: {routed:?}");
    };
    assert_eq!(forwarded.timeout(), Some(Duration::from_millis(1500)));
    for (silence, status, body, flags) in [
        (
            UpstreamFailure::NoEndpoint,
            503,
            "no healthy upstream",
            "UH no_healthy_upstream",
        ),
        (
            UpstreamFailure::TimedOut,
            504,
            "upstream request timeout",
            "UT response_timeout",
        ),
    ] {
        let reply = forwarded.fail(silence).expect("an answer");
        assert_eq!((reply.status, reply.body.as_slice()), (status, body.as_bytes()));
        let flags = (b"x-flags".to_vec(), flags.as_bytes().to_vec());
        assert!(reply.headers.contains(&flags), "{:?}", reply.headers);
    }
    let reason = forwarded
        .fail(UpstreamFailure::Unreachable)
        .expect_err("not known")
        .reason;
    assert!(reason.contains("RESPONSE_FLAGS"), "{reason}");
}

#[test]
fn a_cluster_without_endpoints_answers_nothing_and_nothing_is_copied() {
    let edit = json!({"header": {"key": "x-flags", "value": "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%"}});
    let mirror = json!({"cluster": "b", "disable_shadow_host_suffix_append": true});
    let routes = json!([{"match": {"prefix": "/"}, "route": {"cluster": "a", "request_mirror_policies": [mirror]},
        "response_headers_to_add": [edit]}]);
    let empty = |cluster: usize| {
        let mut bootstrap = bootstrap(&routes, false);
        bootstrap["static_resources"]["clusters"][cluster]["load_assignment"] =
            json!({"endpoints": [{"lb_endpoints": []}]});
        let model = Model::new(&bootstrap).expect("a model");
        model.answer(&request(8080, &[]), &mut no_filter, &mut || 0)
    };
    let asked = empty(0).expect("an outcome");
    assert_eq!(
        (asked.status, asked.cluster, asked.body.as_deref()),
        (503, None, Some("no healthy upstream"))
    );
    assert_eq!(asked.mirrors, Vec::<String>::new());
    let flags = ("x-flags".to_owned(), "UH no_healthy_upstream".to_owned());
    assert!(
        asked.response_headers.contains(&flags),
        "{:?}",
        asked.response_headers
    );
    let copied = empty(1).expect("an outcome");
    assert_eq!((copied.status, copied.cluster.as_deref()), (200, Some("a")));
    assert_eq!(copied.mirrors, Vec::<String>::new());
}

#[test]
fn a_domain_may_end_in_a_star_and_comes_after_those_that_begin_with_one() {
    let mut bootstrap = bootstrap(&json!([]), false);
    let table = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config";
    let host = |domain: &str| {
        let reply = json!([{"match": {"prefix": "/"}, "direct_response":
            {"status": 200, "body": {"inline_string": domain}}}]);
        json!({"name": domain, "domains": [domain], "routes": reply})
    };
    let hosts = ["a.*", "a.b.*", "*.test", "A.*.C", "*", "default/*"].map(host);
    *bootstrap.pointer_mut(table).expect("a table") = json!({"virtual_hosts": hosts});
    let model = Model::new(&bootstrap).expect("a model");
    for (authority, domain) in [
        ("a.example", "a.*"),
        ("A.B.example", "a.b.*"),
        ("a.b.test", "*.test"),
        ("a.", "*"),
        ("a.*.c", "A.*.C"),
        ("a.b.c", "a.b.*"),
        ("b.example", "*"),
    ] {
        let request = Request {
            authority: Some(authority.to_owned()),
            ..request(8080, &[])
        };
        let outcome = model
            .answer(&request, &mut no_filter, &mut || 0)
            .expect("an outcome");
        assert_eq!(outcome.body.as_deref(), Some(domain), "{authority}");
    }
}
