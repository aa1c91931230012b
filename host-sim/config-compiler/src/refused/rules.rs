//! Values of VirtualServices that Envoy refuses.
//!
//! Only rules and matches that became routes are checked: what no route uses refuses nothing.

use std::collections::BTreeSet;

use fingerpost_resources::{
    Code, Diagnostics, HeaderOperations, Headers, HttpDelayType, HttpMatchRequest, HttpRoute, StringMatch,
};
use fingerpost_routing_config::RuleRef;

use super::values::{self, LONGEST_PARAMETER, MOST_EDITS, Wrong};
use crate::listeners::BuiltListener;
use crate::matching;
use crate::mesh::Mesh;
use crate::options::EnvoyVersion;
use crate::routes::redirect_code;
use crate::virtual_services::{BoundVirtualService, Rule};

/// Checks every rule that some listener has a route of.
pub(crate) fn check(
    listeners: &[BuiltListener<'_>],
    services: &[BoundVirtualService<'_>],
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    let served: BTreeSet<&RuleRef> = listeners
        .iter()
        .flat_map(|it| &it.http)
        .flat_map(|chain| &chain.routes.virtual_hosts)
        .flat_map(|host| &host.routes)
        .map(|route| &route.rule)
        .collect();
    // A delegate's rule comes once for every root: the same value is reported once.
    let mut reported = BTreeSet::new();
    for rule in services.iter().flat_map(|service| &service.rules) {
        let is_served = |matched: Option<&String>| {
            let rule = RuleRef {
                rules: rule.steps.clone(),
                matched: matched.cloned(),
            };
            served.contains(&rule)
        };
        let matches: Vec<bool> = rule
            .matches
            .iter()
            .map(|(place, _)| is_served(Some(place)))
            .collect();
        let serves = if matches.is_empty() {
            is_served(None)
        } else {
            matches.contains(&true)
        };
        if !serves {
            continue;
        }
        let mut checker = Checker {
            rule,
            envoy: mesh.options.envoy,
            reported: &mut reported,
            diagnostics,
        };
        for ((index, (place, request)), is_served) in rule.matches.iter().enumerate().zip(&matches) {
            // The place of a merged match ends with the leaf's own index.
            let own = place
                .rsplit('-')
                .next()
                .and_then(|it| it.parse().ok())
                .unwrap_or(index);
            if *is_served {
                checker.conditions(request, own);
            }
        }
        checker.rule();
    }
}

struct Checker<'a, 'r> {
    rule: &'a Rule<'r>,
    envoy: EnvoyVersion,
    reported: &'a mut BTreeSet<(String, String)>,
    diagnostics: &'a mut Diagnostics,
}

impl Checker<'_, '_> {
    fn report(&mut self, field: &str, wrong: Option<Wrong>) {
        let Some(Wrong { message, help }) = wrong else {
            return;
        };
        if let Some(path) = self.new_path(field) {
            let finding = self.diagnostics.error(Code::EnvoyRefuses, message);
            finding.on(&self.rule.leaf.origin, path).help(help);
        }
    }

    /// The path of a field of the rule, unless a finding has it already.
    fn new_path(&mut self, field: &str) -> Option<String> {
        let path = format!("{}.{field}", self.rule.path);
        let subject = self.rule.leaf.origin.subject().to_owned();
        self.reported.insert((subject, path.clone())).then_some(path)
    }

    fn conditions(&mut self, request: &HttpMatchRequest, index: usize) {
        let at = format!("match[{index}]");
        for (field, matcher) in [
            ("scheme", &request.scheme),
            ("method", &request.method),
            ("authority", &request.authority),
        ] {
            self.report(&format!("{at}.{field}"), matcher.as_ref().and_then(text));
        }
        for (field, matchers) in [
            ("headers", &request.headers),
            ("withoutHeaders", &request.without_headers),
        ] {
            for (name, matcher) in matchers.iter().filter(|(name, _)| !matching::is_claim(name)) {
                let at = format!("{at}.{field}.{name}");
                let name = if name.is_empty() {
                    Some(Wrong::new(
                        "a header without a name: Envoy refuses the condition",
                        "write the name of the header",
                    ))
                } else {
                    values::line(name)
                };
                self.report(&at, name.or_else(|| text(matcher)));
            }
        }
        for (name, matcher) in &request.query_params {
            let at = format!("{at}.queryParams.{name}");
            self.report(&at, parameter(name).or_else(|| text(matcher)));
        }
    }

    fn rule(&mut self) {
        let rule = &self.rule.route;
        if let Some(redirect) = &rule.redirect {
            let code = redirect.redirect_code.unwrap_or(0);
            let wrong = redirect_code(code).is_err().then(|| {
                Wrong::new(
                    format!("Envoy has no redirect with status {code}; Istio makes a route without an action of it, which Envoy refuses"),
                    "use 301, 302, 303, 307 or 308",
                )
            });
            self.report("redirect.redirectCode", wrong);
            for (field, text) in [
                ("uri", &redirect.uri),
                ("prefixRewrite", &redirect.prefix_rewrite),
                ("authority", &redirect.authority),
            ] {
                self.report(&format!("redirect.{field}"), values::line(text));
            }
        } else if let Some(response) = &rule.direct_response {
            self.status("directResponse.status", response.status.map(i64::from));
        } else {
            self.forwarded(rule);
        }
        self.headers("headers", rule.headers.as_deref());
        self.per_filter(rule);
    }

    /// Fields that only act on forwarded requests.
    fn forwarded(&mut self, rule: &HttpRoute) {
        if let Some(rewrite) = &rule.rewrite {
            self.report("rewrite.authority", values::sent(&rewrite.authority));
            match &rewrite.uri_regex_rewrite {
                Some(regex) => self.report("rewrite.uriRegexRewrite.rewrite", values::sent(&regex.rewrite)),
                None => self.report("rewrite.uri", values::sent(&rewrite.uri)),
            }
        }
        self.report("timeout", rule.timeout.and_then(values::duration));
        if let Some(retries) = &rule.retries {
            self.report(
                "retries.perTryTimeout",
                retries.per_try_timeout.and_then(values::duration),
            );
            self.report(
                "retries.backoff",
                retries.backoff.and_then(values::positive_duration),
            );
        }
        let weighs = rule.route.len() > 1;
        for (index, destination) in rule.route.iter().enumerate() {
            if !weighs || destination.weight.unwrap_or(0) > 0 {
                self.headers(&format!("route[{index}].headers"), destination.headers.as_deref());
            }
        }
        let sum: i64 = rule
            .route
            .iter()
            .map(|it| i64::from(it.weight.unwrap_or(0)))
            .sum();
        let wrong = (weighs && sum > i64::from(u32::MAX)).then(|| {
            Wrong::new(
                format!("the weights add up to {sum}: Envoy accepts at most {}", u32::MAX),
                "write smaller weights in the same proportion",
            )
        });
        self.report("route", wrong);
    }

    fn headers(&mut self, path: &str, headers: Option<&Headers>) {
        let Some(headers) = headers else { return };
        if let Some(edits) = &headers.request {
            self.edits(&format!("{path}.request"), edits, values::request_header);
        }
        if let Some(edits) = &headers.response {
            self.edits(&format!("{path}.response"), edits, values::response_header);
        }
    }

    fn edits(&mut self, path: &str, edits: &HeaderOperations, name_of: fn(&str) -> Option<Wrong>) {
        let is_authority = |name: &str| name.starts_with(':') || name.eq_ignore_ascii_case("host");
        for (field, values) in [("set", &edits.set), ("add", &edits.add)] {
            for (name, value) in values {
                let path = format!("{path}.{field}.{name}");
                if is_authority(name) {
                    self.report(&path, values::sent(value));
                    continue;
                }
                self.report(
                    &path,
                    name_of(name).or_else(|| values::edit_value(value, self.envoy)),
                );
            }
        }
        for (index, name) in edits.remove.iter().enumerate() {
            self.report(&format!("{path}.remove[{index}]"), values::line(name));
        }
        let all = edits.set.len() + edits.add.len();
        let wrong = (all > MOST_EDITS).then(|| {
            Wrong::new(
                format!("{all} headers are set or added: Envoy accepts at most {MOST_EDITS}"),
                "remove some",
            )
        });
        self.report(path, wrong);
    }

    /// Faults and CORS, which apply to every kind of route.
    fn per_filter(&mut self, rule: &HttpRoute) {
        if let Some(fault) = &rule.fault {
            if let Some(delay) = &fault.delay {
                if let Some(HttpDelayType::FixedDelay(fixed)) = delay.http_delay_type {
                    self.report("fault.delay.fixedDelay", values::positive_duration(fixed));
                }
                let negative = delay.percentage.is_none() && delay.percent.is_some_and(|it| it < 0);
                let wrong =
                    negative.then(|| Wrong::new("a percentage below 0: Envoy refuses it", "write 0 to 100"));
                self.report("fault.delay.percent", wrong);
            }
            let status = fault.abort.as_ref().and_then(|it| it.error_type.as_ref());
            if let Some(fingerpost_resources::ErrorType::HttpStatus(status)) = status {
                self.status("fault.abort.httpStatus", Some(i64::from(*status)));
            }
        }
        if let Some(cors) = &rule.cors_policy {
            for (index, origin) in cors.allow_origins.iter().enumerate() {
                self.report(&format!("corsPolicy.allowOrigins[{index}]"), text(origin));
            }
        }
    }

    fn status(&mut self, field: &str, status: Option<i64>) {
        let odd = status.filter(|it| !(200..=599).contains(it));
        let wrong = odd.map(|status| {
            Wrong::new(
                format!("Envoy does not answer with status {status}: it accepts 200 to 599"),
                "use a status from 200 to 599",
            )
        });
        self.report(field, wrong);
    }
}

/// A text to compare with.
fn text(matcher: &StringMatch) -> Option<Wrong> {
    match matcher {
        StringMatch::Prefix(text) if text.is_empty() => Some(Wrong::new(
            "the prefix is empty: Envoy does not accept it",
            "leave the condition out, or write `regex: .*`",
        )),
        StringMatch::Regex(text) if text.is_empty() => Some(Wrong::new(
            "the regular expression is empty: Envoy does not accept it",
            "leave the condition out, or write `regex: .*`",
        )),
        StringMatch::Present | StringMatch::Exact(_) | StringMatch::Prefix(_) | StringMatch::Regex(_) => None,
    }
}

fn parameter(name: &str) -> Option<Wrong> {
    if name.is_empty() {
        return Some(Wrong::new(
            "a query parameter without a name: Envoy refuses the condition",
            "write the name of the parameter",
        ));
    }
    (name.len() > LONGEST_PARAMETER).then(|| {
        Wrong::new(
            format!(
                "the name has {} bytes: Envoy accepts at most {LONGEST_PARAMETER}",
                name.len()
            ),
            "shorten it",
        )
    })
}
