//! A client that has every pattern of a large table learn as much as it can: the VM's memory stays within bounds.

use fingerpost_routing_config::{
    Action, Destination, PathMatch, RepeatedHeaders, RewrittenBy, Route, RouteMatch, RoutingConfig, RuleRef,
    VirtualHost,
};
use fingerpost_simulator::{HeaderMap, Headers, Plugin, Request, Verdict};
use fingerpost_tests::engines::simulator::module;
use fingerpost_tests::generate::Dice;

/// Rules of the table, each with a pattern that tells 2^13 sets of states apart.
const RULES: usize = 14_000;
/// Letters of each path. So many can make almost as many sets.
const LETTERS: usize = 2_500;
/// A fifth of what Envoy gives: what the table itself takes, and then what all its patterns may learn together.
const MEMORY: usize = 208 << 20;

/// How many requests a filter does not see.
const REQUESTS: usize = 30_000;
/// What the module needs, and little more.
const LITTLE_MEMORY: usize = 1_600 << 10;

/// Every request is answered right, and the module never asks for more memory than it is to have.
pub(crate) fn a_client_cannot_fill_the_vm() -> Result<(), String> {
    let hosts = vec![VirtualHost {
        name: "all".to_owned(),
        domains: vec!["*".to_owned()],
        routes: (0..RULES).map(rule).collect(),
    }];
    let config = RoutingConfig::new(RepeatedHeaders::Each, hosts);
    let config = serde_json::to_string(&config).map_err(|error| error.to_string())?;
    let plugin = Plugin::of(module()?)
        .config(&*config)
        .memory(MEMORY)
        .fuel(u64::MAX);
    let mut simulator = plugin.start().map_err(|error| error.to_string())?;
    let mut dice = Dice::new(1);
    for index in 0..RULES {
        let letters: Vec<u8> = (0..LETTERS).map(|_| b"ab"[(dice.draw() % 2) as usize]).collect();
        let path = [format!("/p{index}/").as_bytes(), &letters].concat();
        let pairs = [(":authority", b"a.test".to_vec()), (":path", path)];
        let headers = pairs.map(|(name, value)| (name.as_bytes().to_vec(), value));
        let verdict = simulator.decide(Headers::from_list(HeaderMap::Request, headers.into()));
        if let Some(failure) = simulator.take_failures().pop() {
            return Err(format!("request {index}: {failure}"));
        }
        let Verdict::Continue { headers: changed, .. } = verdict else {
            return Err(format!("request {index}: {verdict:?}"));
        };
        let is_routed = changed.into_list().iter().any(|(_, value)| value == b"key");
        if is_routed != (letters[LETTERS - 13] == b'a') {
            return Err(format!("request {index}: is_routed is {is_routed}"));
        }
    }
    Ok(())
}

/// Requests that Envoy answers before the filters run: it creates a stream for each, and tells the filter no more of it. All of
/// them together would not fit into [`LITTLE_MEMORY`].
pub(crate) fn requests_that_no_filter_sees_leave_nothing() -> Result<(), String> {
    let plugin = Plugin::of(module()?)
        .config(r#"{"version":1,"virtual_hosts":[{"domains":["a.test"],"routes":[{"match":{},"action":{"reply":{"key":"k"}}}]}]}"#)
        .memory(LITTLE_MEMORY);
    let mut simulator = plugin.start().map_err(|error| error.to_string())?;
    let mut request = |headers: &[(&str, &str)]| {
        let bytes = |text: &str| text.as_bytes().to_vec();
        let headers = headers.iter().map(|(name, value)| (bytes(name), bytes(value)));
        let headers = Headers::from_list(HeaderMap::Request, headers.collect());
        let outcome = simulator.request(Request::from_headers(headers).received());
        match simulator.take_failures().pop() {
            Some(failure) => Err(failure.to_string()),
            None => Ok(outcome),
        }
    };
    let seen = [(":method", "GET"), (":path", "/"), (":authority", "a.test")];
    let without_host = [(":method", "GET"), (":path", "/")];
    for index in 0..REQUESTS {
        let name = |error: String| format!("request {index}: {error}");
        let outcome = request(&without_host).map_err(name)?;
        if outcome.status() != 400 {
            return Err(format!("a request without a host got {}", outcome.status()));
        }
        // Now and then one that the filter sees.
        if index % 100 == 0 {
            request(&seen).map_err(name)?;
        }
    }
    Ok(())
}

fn rule(index: usize) -> Route {
    Route {
        rule: RuleRef {
            rules: Vec::new(),
            matched: None,
        },
        matches: RouteMatch::path(PathMatch::Regex(format!("/p{index}/(a|b)*a(a|b){{12}}"))),
        rewrite: None,
        rewritten_by: RewrittenBy::Filter,
        action: Action::Forward(vec![Destination {
            cluster: "apples".to_owned(),
            weight: 1,
            key: "key".to_owned(),
        }]),
    }
}
