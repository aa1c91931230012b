//! The routing core in process: the compiled config, loaded and asked as the filter asks it.
//!
//! It answers which rule, which destinations and which path. What Envoy makes of that (answers, retries, header
//! edits) is not asked here; nor is anything that ends before a filter runs.

use std::collections::BTreeMap;

use fingerpost_config_compiler::{Compiled, CompiledChain};
use fingerpost_routing::{Action, Decision, Header, RequestHead, Resolved, Roll, RouteTable};
use serde_json::Value;

use crate::case::{Case, Rule, RuleIndex};
use crate::compare::Difference;
use crate::compiled;
use crate::connection_manager::{Admission, Head, admit};
use crate::report::Verdict;

/// Every draw that a share is measured by.
const DRAWS: u64 = 10_000;

/// The loaded tables of a scenario.
pub struct Core {
    chains: Vec<Chain>,
    ports: BTreeMap<u16, String>,
}

/// The table of one filter chain, and which connections it serves.
struct Chain {
    listener: String,
    /// Server names; empty: any connection.
    server_names: Vec<String>,
    over_tls: bool,
    table: RouteTable,
    /// Virtual hosts that send plain text to HTTPS before any route is looked at.
    https_only: Vec<String>,
}

/// What the core says about a case.
enum Answer<'c> {
    /// It gets as far as the filter, which decides this.
    Decided(&'c Chain, Head),
    /// It ends before.
    Refused,
    /// No filter runs on that connection.
    NotHttp,
}

impl Core {
    /// Loads what was compiled.
    ///
    /// # Errors
    /// A config that the filter would refuse, with its reason.
    pub fn load(compiled: &Compiled) -> Result<Self, String> {
        let chains = compiled.chains.iter();
        let chains = chains.map(|chain| Chain::load(chain, &compiled.bootstrap));
        Ok(Self {
            chains: chains.collect::<Result<_, _>>()?,
            ports: compiled::ports(compiled),
        })
    }

    /// Asks one case.
    #[must_use]
    pub fn ask(&self, case: &Case) -> Verdict {
        match self.answer(case) {
            Answer::NotHttp => Verdict::Skipped("no filter runs on this connection"),
            Answer::Refused => Verdict::of(rule_difference(case.rule(), None)),
            Answer::Decided(chain, head) => chain.decide(&head, Roll(0), |decision| compare(case, decision)),
        }
    }

    /// Draws often, and compares the shares with the weights. Only for a case with weights.
    #[must_use]
    pub fn ask_shares(&self, case: &Case) -> Verdict {
        let Answer::Decided(chain, head) = self.answer(case) else {
            return Verdict::Skipped("no filter runs on this connection");
        };
        let mut drawn: BTreeMap<String, u32> = BTreeMap::new();
        for draw in 0..DRAWS {
            let cluster = chain.decide(&head, Roll(scattered(draw)), |decision| {
                let destination = decision.and_then(|resolved| resolved.destination);
                destination.map_or_else(String::new, |it| it.cluster.to_string())
            });
            *drawn.entry(cluster).or_default() += 1;
        }
        let (expected, got) = (percent(&case.weights), percent(&drawn));
        let clusters = expected
            .keys()
            .chain(got.keys().filter(|it| !expected.contains_key(*it)));
        let compared = clusters.map(|cluster| {
            let share = |shares: &BTreeMap<String, f64>| shares.get(cluster).copied().unwrap_or_default();
            (cluster, share(&expected), share(&got))
        });
        let off = compared.filter(|(_, expected, got)| (expected - got).abs() > 2.0);
        let shown = |percent: f64| format!("{percent:.1} %");
        Verdict::of(
            off.map(|(cluster, expected, got)| Difference::new(cluster, shown(expected), shown(got)))
                .collect(),
        )
    }

    fn answer(&self, case: &Case) -> Answer<'_> {
        let request = &case.request;
        let listener = self.ports.get(&request.port);
        let server_name = request
            .tls
            .as_ref()
            .map(|tls| tls.sni.as_deref().unwrap_or_default());
        let chains = self.chains.iter().filter(|it| Some(&it.listener) == listener);
        let Some(chain) = chains
            .filter_map(|it| Some((it.fit(server_name)?, it)))
            .max_by_key(|(fit, _)| *fit)
        else {
            return Answer::NotHttp;
        };
        match admit(request) {
            Admission::Admitted(head) => Answer::Decided(chain.1, head),
            Admission::Refused => Answer::Refused,
        }
    }
}

impl Chain {
    fn load(compiled: &CompiledChain, bootstrap: &Value) -> Result<Self, String> {
        // As the filter gets it: through its text.
        let text = serde_json::to_vec(&compiled.config).map_err(|error| error.to_string())?;
        let config = fingerpost_routing_config::load(&text);
        let name = compiled.listener.as_str();
        let listeners = bootstrap["static_resources"]["listeners"].as_array();
        let listener = listeners.into_iter().flatten().find(|it| it["name"] == name);
        let chains = listener
            .and_then(|it| it["filter_chains"].as_array())
            .into_iter()
            .flatten();
        let (chain, routes) = chains
            .flat_map(|chain| {
                chain["filters"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(move |it| (chain, it))
            })
            .map(|(chain, filter)| (chain, &filter["typed_config"]["route_config"]))
            .find(|(_, routes)| routes["name"] == compiled.route_config.as_str())
            .ok_or_else(|| {
                format!(
                    "no chain of {name} has the route config {}",
                    compiled.route_config
                )
            })?;
        let hosts = routes["virtual_hosts"].as_array().into_iter().flatten();
        Ok(Self {
            listener: name.to_owned(),
            server_names: texts(&chain["filter_chain_match"]["server_names"]),
            over_tls: chain["transport_socket"].is_object(),
            table: config.map_err(|error| error.to_string())?,
            https_only: hosts
                .filter(|host| matches!(host["require_tls"].as_str(), Some("ALL" | "EXTERNAL_ONLY")))
                .map(|host| host["name"].as_str().unwrap_or_default().to_owned())
                .collect(),
        })
    }

    /// How closely the chain fits a connection, as Envoy picks chains: exact name, longest suffix, any.
    fn fit(&self, server_name: Option<&str>) -> Option<usize> {
        if self.over_tls != server_name.is_some() {
            return None;
        }
        let name = server_name.unwrap_or_default();
        let fits = self
            .server_names
            .iter()
            .filter_map(|pattern| match pattern.strip_prefix('*') {
                None => (pattern == name).then_some(usize::MAX),
                Some(suffix) => (name.len() > suffix.len() && name.ends_with(suffix)).then_some(suffix.len()),
            });
        if self.server_names.is_empty() {
            Some(0)
        } else {
            fits.max()
        }
    }

    /// Decides about a request, and hands the decision to `read`.
    fn decide<T>(&self, head: &Head, roll: Roll, read: impl FnOnce(Option<&Resolved<'_>>) -> T) -> T {
        let headers: Vec<Header<'_>> = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect();
        let request = RequestHead::new(Some(head.authority.as_bytes()), Some(head.path.as_bytes()))
            .with_method(Some(head.method.as_bytes()))
            .with_scheme(Some(head.scheme.as_bytes()))
            .with_headers(&headers);
        let host = self.table.virtual_host(request.authority());
        if host.is_some_and(|host| self.https_only.iter().any(|name| name == host.name())) {
            return read(None); // Envoy redirects, whatever key the filter sets
        }
        match self.table.decide(&request, || roll) {
            Decision::Routed(resolved) => read(Some(&resolved)),
            Decision::NoVirtualHost | Decision::NoRoute(_) => read(None),
        }
    }
}

fn compare(case: &Case, decision: Option<&Resolved<'_>>) -> Verdict {
    let got = decision.map(|resolved| rule(resolved));
    let mut differences = rule_difference(case.rule(), got.as_ref());
    let asked = case
        .outcomes()
        .iter()
        .find_map(|outcome| outcome.cluster.as_ref().zip(outcome.upstream.as_ref()));
    let (Some((cluster, upstream)), Some(resolved)) = (asked, decision) else {
        return Verdict::of(differences); // nobody was asked, so there is nothing more to compare
    };
    let expected = match case.weights.is_empty() {
        true => BTreeMap::from([(cluster.clone(), 1)]),
        false => case.weights.clone(),
    };
    let got = destinations(resolved);
    if percent(&expected) != percent(&got) {
        differences.push(Difference::new("cluster", listed(&expected), listed(&got)));
    }
    let Admission::Admitted(head) = admit(&case.request) else {
        return Verdict::of(differences);
    };
    let path = resolved
        .target
        .as_deref()
        .map_or_else(|| head.path.into(), String::from_utf8_lossy);
    if path != upstream.path {
        differences.push(Difference::new("upstream.path", &upstream.path, path));
    }
    Verdict::of(differences)
}

fn rule_difference(expected: Option<&Rule>, got: Option<&Rule>) -> Vec<Difference> {
    let shown = |rule: Option<&Rule>| rule.map(ToString::to_string).unwrap_or_default();
    match expected == got {
        true => Vec::new(),
        false => vec![Difference::new("rule", shown(expected), shown(got))],
    }
}

fn rule(resolved: &Resolved<'_>) -> Rule {
    let rule = &resolved.route.rule;
    let steps = rule.steps.iter();
    let step = |step: &fingerpost_routing::RuleStep| RuleIndex {
        virtual_service: step.virtual_service.to_string(),
        http: usize::try_from(step.http).unwrap_or(usize::MAX),
    };
    Rule {
        rules: steps.map(step).collect(),
        matched: rule.matched.as_ref().map(ToString::to_string),
    }
}

fn destinations(resolved: &Resolved<'_>) -> BTreeMap<String, u32> {
    let mut clusters = BTreeMap::new();
    match &resolved.route.action {
        Action::Reply(_) => {}
        Action::Forward(split) => {
            for (weight, destination) in split.destinations() {
                *clusters.entry(destination.cluster.to_string()).or_default() += weight;
            }
        }
    }
    clusters
}

/// Shares in percent, without those of nothing.
fn percent(weights: &BTreeMap<String, u32>) -> BTreeMap<String, f64> {
    let total: f64 = weights.values().copied().map(f64::from).sum();
    let shares = weights.iter().filter(|(_, weight)| **weight > 0);
    shares
        .map(|(cluster, weight)| (cluster.clone(), f64::from(*weight) * 100.0 / total))
        .collect()
}

fn listed(weights: &BTreeMap<String, u32>) -> String {
    weights
        .iter()
        .map(|(cluster, weight)| format!("{weight} x {cluster}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The same dice in every run (`SplitMix64`).
fn scattered(draw: u64) -> u64 {
    let mut bits = draw.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}
