//! What a test expects.
//!
//! Every field is one expectation that must hold; under `not` it must not hold.

use fingerpost_proxy_model::Failure;
use fingerpost_resources::yaml::{Scalar, Value};
use fingerpost_resources::{Code, Place, name_list};
use http::HeaderName;

use super::fields::{Field, Fields, written};
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
pub(super) fn read(field: &Field<'_>, cx: &mut Fields<'_>) -> Vec<Expectation> {
    let mut reader = Reader {
        cx,
        not: false,
        found: Vec::new(),
    };
    reader.block(field);
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
    cx: &'r mut Fields<'f>,
    not: bool,
    found: Vec<Expectation>,
}

impl Reader<'_, '_> {
    fn block(&mut self, field: &Field<'_>) {
        let what = if self.not { "not" } else { "expect" };
        self.not_empty(field, "{rule: shop, subset: v1}");
        for entry in self.cx.map(field, what, EXPECT) {
            let value = field.field(entry);
            match &*entry.key {
                "not" if !self.not => {
                    self.not = true;
                    self.block(&value);
                    self.not = false;
                }
                "not" => {
                    self.cx
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
    fn not_empty(&mut self, field: &Field<'_>, example: &str) {
        let is_empty = match &field.node.value {
            Value::Map(entries) => entries.is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Scalar(_) => false,
        };
        if is_empty {
            self.cx
                .refuse(field, Code::ExpectsNothing, "nothing is expected here".to_owned())
                .help(format!("write e.g. {example}"));
        }
    }

    fn add(&mut self, field: String, want: Want, place: Place) {
        let field = if self.not { format!("not.{field}") } else { field };
        let at = self.cx.span(place);
        self.found.push(Expectation {
            field,
            want,
            not: self.not,
            at,
        });
    }

    fn response(&mut self, field: &Field<'_>) {
        self.not_empty(field, "{headers: {x-user: jason}}");
        for entry in self.cx.map(field, "response", RESPONSE) {
            self.headers(
                "response.headers",
                OF_RESPONSES,
                &field.field(entry),
                Want::ResponseHeader,
            );
        }
    }

    fn headers(&mut self, field: &str, pseudo: &[&str], headers: &Field<'_>, want: fn(String, Text) -> Want) {
        self.not_empty(headers, "{x-user: jason}");
        for entry in self.cx.any_map(headers, "{x-user: jason}") {
            let value = headers.field(entry);
            let name = entry.key.to_ascii_lowercase();
            if !is_header(&name, pseudo) {
                let span = self.cx.span(entry.key_place);
                self.cx
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
                    let values = self.cx.list(&value, "[a, b]");
                    let values = values.iter().filter_map(|it| self.cx.text(it, "jason"));
                    Some(Text::Values(values.collect()))
                }
                Value::Scalar(_) | Value::Map(_) => self.cx.matcher(&value),
            };
            if let Some(text) = text {
                self.add(format!("{field}.{name}"), want(name, text), entry.key_place);
            }
        }
    }

    fn want(&mut self, key: &str, field: &Field<'_>) -> Option<Want> {
        let none = written(field.node).is_some_and(|it| it == NONE);
        Some(match key {
            "rule" if none => Want::NoRule,
            "rule" => Want::Rule(self.rule(field)?),
            "virtualHost" => Want::Domain(self.cx.matcher(field)?),
            "cluster" if none => Want::NoCluster,
            "cluster" => Want::Cluster(self.cx.matcher(field)?),
            "host" => Want::Host(self.cx.text(field, "reviews.default.svc.cluster.local")?),
            "subset" if none => Want::Subset(String::new()),
            "subset" => Want::Subset(self.cx.text(field, "v1")?),
            "port" => Want::Port(self.cx.number(field, 1, 65535, "80")?),
            "method" => Want::Method(self.cx.matcher(field)?),
            "path" => Want::Path(self.cx.matcher(field)?),
            "authority" => Want::Authority(self.cx.matcher(field)?),
            "timeout" if none => Want::Timeout(None),
            "timeout" => Want::Timeout(Some(self.cx.duration(field)?)),
            "mirrors" if none => Want::Mirrors(Vec::new()),
            "mirrors" => {
                let items = self.cx.one_or_more(field);
                let names = items.iter().filter_map(|it| self.cx.text(it, "reviews"));
                Want::Mirrors(names.collect())
            }
            "weights" => Want::Weights(self.weights(field)?),
            "status" => Want::Status(self.statuses(field)?),
            "redirect" => Want::Location(self.cx.matcher(field)?),
            "body" => Want::Body(self.cx.matcher(field)?),
            "delay" => Want::Delay(self.cx.duration(field)?),
            "error" => Want::NoAnswer(self.error(field)?),
            _ => return None, // `map` has let nothing else through
        })
    }

    fn rule(&mut self, field: &Field<'_>) -> Option<crate::rule_name::RuleName> {
        let text = self.cx.text(field, "shop http[0]")?;
        text.parse()
            .map_err(|reason| {
                self.cx
                    .refuse(field, Code::WrongRule, reason)
                    .help("`none` is for a request that no rule takes");
            })
            .ok()
    }

    /// `200`, `[200, 204]`, `2xx`.
    fn statuses(&mut self, field: &Field<'_>) -> Option<Statuses> {
        if let Some(text) = written(field.node)
            && let Some(digit) = text.strip_suffix("xx")
            && let Ok(digit @ 1..=5) = digit.parse()
        {
            return Some(Statuses::Class(digit));
        }
        self.not_empty(field, "200 or 4xx");
        let mut statuses = Vec::new();
        for item in self.cx.one_or_more(field) {
            let status = self.cx.number(&item, 100, 599, "200 or 4xx")?;
            statuses.push(u16::try_from(status).ok()?);
        }
        Some(Statuses::OneOf(statuses))
    }

    fn weights(&mut self, field: &Field<'_>) -> Option<Vec<(String, u32)>> {
        self.not_empty(field, "{v1: 90, v2: 10}");
        let entries = self.cx.any_map(field, "{v1: 90, v2: 10}");
        let mut weights = Vec::new();
        for entry in entries {
            let weight = self.cx.number(&field.field(entry), 0, u32::MAX, "90")?;
            weights.push((entry.key.to_string(), weight));
        }
        if !entries.is_empty() && weights.iter().all(|(_, weight)| *weight == 0) {
            self.cx
                .refuse(field, Code::NoWeight, "the weights add up to nothing".to_owned())
                .help("write e.g. {v1: 90, v2: 10}");
            return None;
        }
        (!weights.is_empty()).then_some(weights)
    }

    fn error(&mut self, field: &Field<'_>) -> Option<Failure> {
        let text = match &field.node.value {
            Value::Scalar(Scalar::Text(text)) => text.as_str(),
            _ => "",
        };
        let found = ERRORS.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            self.cx
                .expected(field, "one of `no listener`, `closed` and `tls`")
                .help("a status is expected with `status`");
        }
        found.map(|(_, failure)| *failure)
    }
}
