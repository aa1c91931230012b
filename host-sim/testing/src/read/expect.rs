//! What a test expects.
//!
//! Every field is one expectation that must hold; under `not` it must not hold.

use fingerpost_proxy_model::Failure;
use fingerpost_resources::yaml::{Scalar, Value};
use fingerpost_resources::{Code, Place, name_list};
use http::HeaderName;

use super::fields::{At, Fields, written};
use crate::headers::{OF_REQUESTS, OF_RESPONSES};
use crate::suite::Expectation;
use crate::want::{Statuses, Text, Want};

/// The fields of `expect`.
pub(super) const EXPECT: &[&str] = &[
    "rule",
    "virtualHost",
    "cluster",
    "host",
    "subset",
    "port",
    "method",
    "path",
    "authority",
    "headers",
    "timeout",
    "mirrors",
    "weights",
    "status",
    "redirect",
    "response",
    "body",
    "delay",
    "error",
    "not",
];
/// The fields of its `response`.
pub(super) const RESPONSE: &[&str] = &["headers"];
/// The failures that `error` may name.
pub(super) const ERRORS: &[(&str, Failure)] = &[
    ("no listener", Failure::NoListener),
    ("closed", Failure::Closed),
    ("tls", Failure::Tls),
];
/// In place of a rule, a cluster, a subset, a mirror or a timeout: that there is none.
const NONE: &str = "none";

/// Reads what is expected.
pub(super) fn read(at: &At<'_>, to: &mut Fields<'_>) -> Vec<Expectation> {
    let mut reader = Reader {
        to,
        not: false,
        found: Vec::new(),
    };
    reader.block(at);
    reader.found
}

/// `row`, and of `base` what it leaves open.
pub(super) fn over(row: Vec<Expectation>, base: &[Expectation]) -> Vec<Expectation> {
    let is_in_row = |it: &&Expectation| !row.iter().any(|own| own.field == it.field);
    let mut all: Vec<Expectation> = base.iter().filter(is_in_row).cloned().collect();
    all.extend(row);
    all
}

/// Whether a header may have this name in lower case: a token (RFC 9110), or one of these pseudo headers.
fn is_header(name: &str, pseudo: &[&str]) -> bool {
    pseudo.contains(&name) || HeaderName::from_bytes(name.as_bytes()).is_ok()
}

struct Reader<'r, 'f> {
    to: &'r mut Fields<'f>,
    not: bool,
    found: Vec<Expectation>,
}

impl Reader<'_, '_> {
    fn block(&mut self, at: &At<'_>) {
        let what = if self.not { "not" } else { "expect" };
        self.not_empty(at, "{rule: shop, subset: v1}");
        for entry in self.to.map(at, what, EXPECT) {
            let value = at.field(entry);
            match entry.key.as_str() {
                "not" if !self.not => {
                    self.not = true;
                    self.block(&value);
                    self.not = false;
                }
                "not" => {
                    self.to
                        .refuse(
                            &value,
                            Code::NotNot,
                            "`not` is not allowed inside `not`".to_owned(),
                        )
                        .help("expect it as it is");
                }
                "headers" => self.headers("headers", OF_REQUESTS, &value, Want::RequestHeader),
                "response" => self.response(&value),
                key => {
                    if let Some(want) = self.want(key, &value) {
                        self.add(key.to_owned(), want, entry.key_place);
                    }
                }
            }
        }
    }

    /// Refuses an empty map or list: a test that it is all of asserts nothing, and passes.
    fn not_empty(&mut self, at: &At<'_>, example: &str) {
        let is_empty = match &at.node.value {
            Value::Map(entries) => entries.is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Scalar(_) => false,
        };
        if is_empty {
            self.to
                .refuse(at, Code::ExpectsNothing, "nothing is expected here".to_owned())
                .help(format!("write e.g. {example}"));
        }
    }

    fn add(&mut self, field: String, want: Want, place: Place) {
        let field = if self.not { format!("not.{field}") } else { field };
        let at = self.to.span(place);
        self.found.push(Expectation {
            field,
            want,
            not: self.not,
            at,
        });
    }

    fn response(&mut self, at: &At<'_>) {
        self.not_empty(at, "{headers: {x-user: jason}}");
        for entry in self.to.map(at, "response", RESPONSE) {
            self.headers(
                "response.headers",
                OF_RESPONSES,
                &at.field(entry),
                Want::ResponseHeader,
            );
        }
    }

    fn headers(&mut self, field: &str, pseudo: &[&str], at: &At<'_>, want: fn(String, Text) -> Want) {
        self.not_empty(at, "{x-user: jason}");
        for entry in self.to.any_map(at, "{x-user: jason}") {
            let value = at.field(entry);
            let name = entry.key.to_ascii_lowercase();
            if !is_header(&name, pseudo) {
                let span = self.to.span(entry.key_place);
                self.to
                    .diagnostics
                    .error(Code::WrongHeader, format!("invalid header name `{}`", entry.key))
                    .about("", value.path)
                    .at(span)
                    .help(format!(
                        "write e.g. x-user, or a pseudo header: {}",
                        name_list(pseudo, "or")
                    ));
                continue;
            }
            let text = match &value.node.value {
                Value::List(_) => {
                    let values = self.to.list(&value, "[a, b]");
                    let values = values.iter().filter_map(|it| self.to.text(it, "jason"));
                    Some(Text::Values(values.collect()))
                }
                Value::Scalar(_) | Value::Map(_) => self.to.matcher(&value),
            };
            if let Some(text) = text {
                self.add(format!("{field}.{name}"), want(name, text), entry.key_place);
            }
        }
    }

    fn want(&mut self, key: &str, at: &At<'_>) -> Option<Want> {
        let none = written(at.node).is_some_and(|it| it == NONE);
        Some(match key {
            "rule" if none => Want::NoRule,
            "rule" => Want::Rule(self.rule(at)?),
            "virtualHost" => Want::Domain(self.to.matcher(at)?),
            "cluster" if none => Want::NoCluster,
            "cluster" => Want::Cluster(self.to.matcher(at)?),
            "host" => Want::Host(self.to.text(at, "reviews.default.svc.cluster.local")?),
            "subset" if none => Want::Subset(String::new()),
            "subset" => Want::Subset(self.to.text(at, "v1")?),
            "port" => Want::Port(self.to.number(at, 1, 65535, "80")?),
            "method" => Want::Method(self.to.matcher(at)?),
            "path" => Want::Path(self.to.matcher(at)?),
            "authority" => Want::Authority(self.to.matcher(at)?),
            "timeout" if none => Want::Timeout(None),
            "timeout" => Want::Timeout(Some(self.to.duration(at)?)),
            "mirrors" if none => Want::Mirrors(Vec::new()),
            "mirrors" => {
                let items = self.to.one_or_more(at);
                let names = items.iter().filter_map(|it| self.to.text(it, "reviews"));
                Want::Mirrors(names.collect())
            }
            "weights" => Want::Weights(self.weights(at)?),
            "status" => Want::Status(self.statuses(at)?),
            "redirect" => Want::Location(self.to.matcher(at)?),
            "body" => Want::Body(self.to.matcher(at)?),
            "delay" => Want::Delay(self.to.duration(at)?),
            "error" => Want::NoAnswer(self.error(at)?),
            _ => return None, // `map` has let nothing else through
        })
    }

    fn rule(&mut self, at: &At<'_>) -> Option<crate::rule_name::RuleName> {
        let text = self.to.text(at, "shop http[0]")?;
        text.parse()
            .map_err(|reason| {
                self.to
                    .refuse(at, Code::WrongRule, reason)
                    .help("`none` is for a request that no rule takes");
            })
            .ok()
    }

    /// `200`, `[200, 204]`, `2xx`.
    fn statuses(&mut self, at: &At<'_>) -> Option<Statuses> {
        if let Some(text) = written(at.node)
            && let Some(digit) = text.strip_suffix("xx")
            && let Ok(digit @ 1..=5) = digit.parse()
        {
            return Some(Statuses::Class(digit));
        }
        self.not_empty(at, "200 or 4xx");
        let mut statuses = Vec::new();
        for item in self.to.one_or_more(at) {
            let status = self.to.number(&item, 100, 599, "200 or 4xx")?;
            statuses.push(u16::try_from(status).ok()?);
        }
        Some(Statuses::OneOf(statuses))
    }

    fn weights(&mut self, at: &At<'_>) -> Option<Vec<(String, u32)>> {
        self.not_empty(at, "{v1: 90, v2: 10}");
        let entries = self.to.any_map(at, "{v1: 90, v2: 10}");
        let mut weights = Vec::new();
        for entry in entries {
            let weight = self.to.number(&at.field(entry), 0, u32::MAX, "90")?;
            weights.push((entry.key.clone(), weight));
        }
        if !entries.is_empty() && weights.iter().all(|(_, weight)| *weight == 0) {
            self.to
                .refuse(at, Code::NoWeight, "the weights add up to nothing".to_owned())
                .help("write e.g. {v1: 90, v2: 10}");
            return None;
        }
        (!weights.is_empty()).then_some(weights)
    }

    fn error(&mut self, at: &At<'_>) -> Option<Failure> {
        let text = match &at.node.value {
            Value::Scalar(Scalar::Text(text)) => text.as_str(),
            _ => "",
        };
        let found = ERRORS.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            self.to
                .expected(at, "one of `no listener`, `closed` and `tls`")
                .help("a status is expected with `status`");
        }
        found.map(|(_, failure)| *failure)
    }
}
