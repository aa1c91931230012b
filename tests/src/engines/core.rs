//! The routing core in process: the compiled config, loaded and asked as the filter asks it.
//!
//! It answers which rule, which destinations and which path. What Envoy makes of that (answers, retries, header
//! edits) is not asked here; nor is anything that ends before a filter runs. Which filter a request reaches, and as what,
//! is `fingerpost-proxy-model`'s answer.

use std::collections::BTreeMap;

use fingerpost_config_compiler::Compiled;
use fingerpost_envoy_http::header_map;
use fingerpost_proxy_model::{FilterSite, FilterVerdict, Headers, Model, Routed};
use fingerpost_routing::{Action, Decision, Header, RequestHead, Resolved, Roll, RouteTable};

use super::simulator::asked;
use crate::case::{Case, Rule, RuleIndex};
use crate::compare::Difference;
use crate::compiled;
use crate::report::Verdict;

/// Every draw that a share is measured by.
const DRAWS: u64 = 10_000;

/// The loaded tables of a scenario, and the proxy around them.
pub struct Core {
    model: Model,
    /// The table of each filter, by the names of its listener and its route configuration.
    tables: BTreeMap<(String, String), RouteTable>,
}

/// What the core says about a case.
enum Answer<'c> {
    /// It gets as far as the filter, which decides this.
    Decided(Reached<'c>),
    /// The proxy answers before the filter runs.
    Refused,
    /// No filter runs on that connection.
    NotHttp,
}

/// A request that has reached a filter.
struct Reached<'c> {
    table: &'c RouteTable,
    headers: Headers,
    /// Whether Envoy redirects it to HTTPS, whatever key the filter sets.
    to_https: bool,
}

impl Core {
    /// Loads what was compiled.
    ///
    /// # Errors
    /// A config that the filter would refuse, or a bootstrap that the model does not know, with the reason.
    pub fn load(compiled: &Compiled) -> Result<Self, String> {
        let model = Model::new(&compiled.bootstrap_json()).map_err(|error| format!("the model: {error}"))?;
        let ports = compiled::ports(compiled).into_iter();
        let tables = compiled.chains.iter().map(|chain| {
            let text = serde_json::to_vec(&chain.config).map_err(|error| error.to_string())?;
            let table = fingerpost_routing_config::load(&text).map_err(|error| error.to_string())?;
            Ok(((chain.listener.clone(), chain.route_config.clone()), table))
        });
        Ok(Self {
            model: ports.fold(model, |model, (port, name)| model.with_declared_port(port, name)),
            tables: tables.collect::<Result<_, String>>()?,
        })
    }

    /// Asks one case.
    #[must_use]
    pub fn ask(&self, case: &Case) -> Verdict {
        match self.answer(case) {
            Err(reason) => Verdict::Failed(vec![Difference::new("outcome", "an answer", reason)]),
            Ok(Answer::NotHttp) => Verdict::Skipped("no filter runs on this connection"),
            Ok(Answer::Refused) => Verdict::of(rule_difference(case.rule(), None)),
            Ok(Answer::Decided(reached)) => reached.decide(Roll(0), |decision| {
                compare(case, reached.header(":path"), decision)
            }),
        }
    }

    /// Draws often, and compares the shares with the weights. Only for a case with weights.
    #[must_use]
    pub fn ask_shares(&self, case: &Case) -> Verdict {
        let reached = match self.answer(case) {
            Ok(Answer::Decided(reached)) => reached,
            Ok(Answer::NotHttp | Answer::Refused) => {
                return Verdict::Skipped("no filter runs on this connection");
            }
            Err(reason) => {
                return Verdict::Failed(vec![Difference::new("outcome", "an answer", reason)]);
            }
        };
        let mut drawn: BTreeMap<String, u32> = BTreeMap::new();
        for draw in 0..DRAWS {
            let cluster = reached.decide(Roll(scattered(draw)), |decision| {
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

    /// Sends a case to the proxy, with a filter that notes what it sees.
    fn answer(&self, case: &Case) -> Result<Answer<'_>, String> {
        let request = asked(&case.request);
        let mut seen = None;
        let mut filter = |site: &FilterSite<'_>, headers: &mut Headers| {
            let route_config = site.plugin.rsplit('/').next().unwrap_or_default();
            seen = Some((site.listener.to_owned(), route_config.to_owned(), headers.clone()));
            FilterVerdict::Continue
        };
        let routed = self.model.route(&request, &mut filter, &mut || 0);
        if let Some((listener, route_config, headers)) = seen {
            let key = (listener, route_config);
            let table = self.tables.get(&key);
            return Ok(Answer::Decided(Reached {
                table: table.ok_or_else(|| format!("no table of {key:?}"))?,
                headers,
                // Without a key, nothing else redirects.
                to_https: matches!(&routed, Ok(Routed::Answered(answered)) if answered.reply.status == 301),
            }));
        }
        match routed {
            Ok(Routed::Answered(_)) => Ok(Answer::Refused),
            Ok(Routed::Unanswered(_) | Routed::Passed { .. }) => Ok(Answer::NotHttp),
            Ok(Routed::Forwarded(forwarded)) => {
                Err(format!("no filter runs, and it goes to {}", forwarded.cluster()))
            }
            Err(skipped) => Err(skipped.to_string()),
        }
    }
}

impl Reached<'_> {
    /// Decides about the request, and hands the decision to `read`.
    fn decide<T>(&self, roll: Roll, read: impl FnOnce(Option<&Resolved<'_>>) -> T) -> T {
        let plain = self.headers.iter().filter(|(name, _)| !name.starts_with(b":"));
        let plain: Vec<Header<'_>> = plain
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
            .collect();
        let request = RequestHead::new(self.header(":authority"), self.header(":path"))
            .with_method(self.header(":method"))
            .with_scheme(self.header(":scheme"))
            .with_headers(&plain);
        if self.to_https {
            return read(None);
        }
        match self.table.decide(&request, || roll) {
            Decision::Routed(resolved) => read(Some(&resolved)),
            Decision::NoVirtualHost | Decision::NoRoute(_) | Decision::UpgradeRefused(_) => read(None),
        }
    }

    fn header(&self, name: &str) -> Option<&[u8]> {
        header_map::get(&self.headers, name)
    }
}

/// Compares a decision about a request with this `:path`.
fn compare(case: &Case, path: Option<&[u8]>, decision: Option<&Resolved<'_>>) -> Verdict {
    let got = decision.map(|resolved| rule(resolved));
    let mut differences = rule_difference(case.rule(), got.as_ref());
    let asked = case
        .outcomes()
        .iter()
        .find_map(|outcome| outcome.cluster.as_ref().zip(outcome.upstream.as_ref()));
    let (Some((cluster, upstream)), Some(resolved)) = (asked, decision) else {
        return Verdict::of(differences); // no upstream received it, so there is nothing more to compare
    };
    let expected = match case.weights.is_empty() {
        true => BTreeMap::from([(cluster.clone(), 1)]),
        false => case.weights.clone(),
    };
    let got = destinations(resolved);
    if percent(&expected) != percent(&got) {
        differences.push(Difference::new("cluster", listed(&expected), listed(&got)));
    }
    let path = resolved.target.as_deref().or(path).unwrap_or_default();
    let path = String::from_utf8_lossy(path);
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
