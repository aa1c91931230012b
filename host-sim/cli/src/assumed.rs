//! What is taken to be in the rest of the cluster, in words: a line for each kind.

use std::collections::BTreeSet;

use fingerpost_config_compiler::Assumptions;
use fingerpost_resources::visible;
use fingerpost_terminal::messages::{Verbosity, note_once, verbosity};
use fingerpost_terminal::names::without_domain;
use fingerpost_terminal::{count, list};
use serde_json::{Value, json};

/// In characters: more of a placeholder is not shown.
const LONGEST_PLACEHOLDER: usize = 40;

/// Says what is assumed, once for each kind.
pub(crate) fn note(assumed: &Assumptions) {
    let Assumptions {
        gateways,
        hosts,
        values,
    } = assumed;
    let lines = [
        kind(gateways, "Gateway", " with HTTP on port 80"),
        kind(hosts, "service", ""),
        filled_in(values),
    ];
    lines.into_iter().flatten().for_each(note_once);
}

/// Names of one kind: `Gateway istio-system/public`, `12 services (a.default, … and 7 more)`.
pub(crate) fn names(names: &[String], noun: &str) -> String {
    match names {
        [one] => format!("{noun} {}", short(one)),
        several => {
            let names: Vec<String> = several.iter().map(|it| short(it)).collect();
            format!("{} ({})", count(several.len(), noun), list(&names, most_names()))
        }
    }
}

/// All that is assumed for any of the proxies, for JSON.
pub(crate) fn as_json<'a>(all: impl Iterator<Item = &'a Assumptions> + Clone) -> Vec<Value> {
    let of_kind = |kind: &str, names: &mut dyn Iterator<Item = &String>| {
        let names: BTreeSet<&String> = names.collect();
        let entries = names.into_iter().map(|name| json!({"kind": kind, "name": name}));
        entries.collect::<Vec<Value>>()
    };
    let gateways = of_kind("Gateway", &mut all.clone().flat_map(|it| &it.gateways));
    let services = of_kind("Service", &mut all.clone().flat_map(|it| &it.hosts));
    let values = of_kind("Value", &mut all.flat_map(|it| &it.values));
    [gateways, services, values].concat()
}

fn filled_in(values: &[String]) -> Option<String> {
    let what = match values.len() {
        0 => return None,
        1 => "is a stand-in",
        _ => "are stand-ins",
    };
    let short: Vec<String> = values.iter().map(|it| short_value(it)).collect();
    Some(format!(
        "{} {what} for what another tool fills in: --complete fills in nothing",
        names(&short, "value")
    ))
}

/// An expression of a template can be long.
fn short_value(value: &str) -> String {
    match value.char_indices().nth(LONGEST_PLACEHOLDER) {
        Some((end, _)) if value.rfind(" = ").is_some_and(|at| at > end) => {
            let (expression, value) = value.rsplit_once(" = ").unwrap_or_default();
            let start = expression.get(..end).unwrap_or(expression).trim_end();
            format!("{start}… = {value}")
        }
        Some(_) | None => value.to_owned(),
    }
}

fn kind(names: &[String], noun: &str, how: &str) -> Option<String> {
    let verb = match names.len() {
        0 => return None,
        1 => "is",
        _ => "are",
    };
    Some(format!(
        "{} {verb} not in the input and assumed to exist{how}: --complete assumes nothing",
        self::names(names, noun)
    ))
}

/// As many names are said; the rest is counted.
fn most_names() -> usize {
    match verbosity() {
        Verbosity::All => usize::MAX,
        Verbosity::Quiet | Verbosity::Usual => 5,
    }
}

fn short(name: &str) -> String {
    visible(&without_domain(name)).into_owned()
}
