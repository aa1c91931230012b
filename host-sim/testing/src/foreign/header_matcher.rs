//! Reads Envoy's `HeaderMatcher`, with its present and its deprecated ways of saying the same.
//!
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-headermatcher>

use std::sync::Arc;
use std::time::Duration;

use fingerpost_resources::yaml::Node;
use fingerpost_routing::Pattern;

use super::fields::{Fields, Reader};
use crate::want_foreign::{HeaderWant, Matcher, Side};

const MATCHER: [&str; 12] = [
    "name",
    "string_match",
    "exact_match",
    "prefix_match",
    "suffix_match",
    "contains_match",
    "safe_regex_match",
    "regex_match",
    "range_match",
    "present_match",
    "invert_match",
    "treat_missing_header_as_empty",
];
const STRING_MATCH: [&str; 6] = [
    "exact",
    "prefix",
    "suffix",
    "contains",
    "safe_regex",
    "ignore_case",
];
const REGEX: [&str; 2] = ["regex", "google_re2"];
const RANGE: [&str; 2] = ["start", "end"];
const DURATION: [&str; 2] = ["seconds", "nanos"];

/// Reads one condition.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node, path: &str, side: Side) -> Option<HeaderWant> {
    let fields = reader.fields(node, path, "a header match", &MATCHER)?;
    let name = header_name(reader.required(&fields, "name", "x-user")?);
    let (matcher, ignore_case) = matcher(reader, &fields)?;
    Some(HeaderWant {
        invert: reader.flag(&fields, "invert_match"),
        missing_as_empty: reader.flag(&fields, "treat_missing_header_as_empty"),
        ignore_case,
        ..HeaderWant::new(side, &name, matcher)
    })
}

/// What Envoy calls a header.
pub(super) fn header_name(name: String) -> String {
    match name.eq_ignore_ascii_case("host") {
        true => ":authority".to_owned(),
        false => name,
    }
}

fn matcher(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<(Matcher, bool)> {
    let one_of = &MATCHER[1..10]; // a constant of twelve
    let set: Vec<&str> = one_of.iter().copied().filter(|it| fields.has(it)).collect();
    if let [first, second, ..] = set.as_slice() {
        let message = format!("`{first}` and `{second}` are both set: a header match has one of them");
        reader.error(fields.node(), fields.path(), message);
        return None;
    }
    // Without any the header must be there.
    let Some(key) = set.first().copied() else {
        return Some((Matcher::Present(true), false));
    };
    let matcher = match key {
        "string_match" => return string_match(reader, fields),
        "exact_match" => Matcher::Exact(reader.text(fields, key)?),
        "prefix_match" => Matcher::Prefix(reader.text(fields, key)?),
        "suffix_match" => Matcher::Suffix(reader.text(fields, key)?),
        "contains_match" => Matcher::Contains(reader.text(fields, key)?),
        "regex_match" => Matcher::Regex(pattern(reader, fields, key)?),
        "safe_regex_match" => Matcher::Regex(safe_regex(reader, fields, key)?),
        "range_match" => {
            let range = reader.inner(fields, key, "`range_match`", &RANGE)?;
            let start = reader.small(&range, "start").unwrap_or_default();
            Matcher::Range(start, reader.small(&range, "end").unwrap_or_default())
        }
        _ => Matcher::Present(reader.flag(fields, "present_match")),
    };
    Some((matcher, false))
}

fn string_match(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<(Matcher, bool)> {
    let of = reader.inner(fields, "string_match", "`string_match`", &STRING_MATCH)?;
    let ignore_case = reader.flag(&of, "ignore_case");
    let set: Vec<&str> = STRING_MATCH[..5]
        .iter()
        .copied()
        .filter(|it| of.has(it))
        .collect(); // a constant of six
    let [key] = set.as_slice() else {
        let message = "`string_match` has one of exact, prefix, suffix, contains and safe_regex".to_owned();
        reader.error(of.node(), of.path(), message);
        return None;
    };
    let matcher = match *key {
        "exact" => Matcher::Exact(reader.text(&of, key)?),
        "prefix" => Matcher::Prefix(reader.text(&of, key)?),
        "suffix" => Matcher::Suffix(reader.text(&of, key)?),
        "contains" => Matcher::Contains(reader.text(&of, key)?),
        _ => Matcher::Regex(safe_regex(reader, &of, key)?),
    };
    Some((matcher, ignore_case))
}

/// `{regex: …}`, with or without the engine.
fn safe_regex(reader: &mut Reader<'_>, of: &Fields<'_>, key: &str) -> Option<Arc<Pattern>> {
    let regex = reader.inner(of, key, &format!("`{key}`"), &REGEX)?;
    pattern(reader, &regex, "regex")
}

/// A pattern in RE2's syntax.
pub(super) fn pattern(reader: &mut Reader<'_>, of: &Fields<'_>, key: &str) -> Option<Arc<Pattern>> {
    let text = reader.required(of, key, "'v[0-9]+'")?;
    match Pattern::parse(&text) {
        Ok(pattern) => Some(Arc::new(pattern)),
        Err(error) => {
            let node = of.get(key)?;
            reader.error(node, &of.path_of(key), format!("invalid RE2 pattern: {error}"));
            None
        }
    }
}

/// A duration: `2.5s`, or in proto's text form `{seconds: 2 nanos: 500000000}`.
pub(super) fn duration(reader: &mut Reader<'_>, of: &Fields<'_>, key: &str) -> Option<Duration> {
    let node = of.get(key)?;
    if matches!(node.value, fingerpost_resources::yaml::Value::Map(_)) {
        let parts = reader.inner(of, key, "a duration", &DURATION)?;
        let seconds = reader.small(&parts, "seconds").unwrap_or_default();
        return Some(Duration::new(
            seconds,
            reader.small(&parts, "nanos").unwrap_or_default(),
        ));
    }
    let text = reader.text(of, key)?;
    let seconds = text.strip_suffix('s').and_then(|it| it.parse::<f64>().ok());
    let duration = seconds.and_then(|it| Duration::try_from_secs_f64(it).ok());
    if duration.is_none() {
        let message = format!("invalid duration `{text}`");
        reader
            .error(node, &of.path_of(key), message)
            .help("write e.g. `15s` or `0.5s`");
    }
    duration
}
