//! Rules and matches that never come into play because of earlier ones.
//!
//! The findings are those of `istioctl analyze`, which are coarse: they compare texts. What a set of
//! rules really does is for the compiled table to say.

use crate::code::Code;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use super::Checker;
use super::path::Path;
use crate::virtual_service::{HttpMatchRequest, HttpRoute, StringMatch, VirtualService};

pub(super) fn check(it: &VirtualService, to: &mut Checker<'_>) {
    if to.has_unread_matches() {
        return; // a condition that could not be read would look like none
    }
    let http = Path::SPEC.field("http");
    let rules = it
        .http
        .iter()
        .map(|rule| rule.matches.iter().map(nameless).collect());
    check_order(rules, &http, to);
    check_prefixes(&it.http, &http, to);
    let tls = it.tls.iter().map(|rule| rule.matches.iter().collect());
    check_order(tls, &Path::SPEC.field("tls"), to);
    let tcp = it.tcp.iter().map(|rule| rule.matches.iter().collect());
    check_order(tcp, &Path::SPEC.field("tcp"), to);
}

/// A match without what does not decide.
fn nameless(it: &HttpMatchRequest) -> HttpMatchRequest {
    HttpMatchRequest {
        name: String::new(),
        port: it.port.filter(|it| *it != 0),
        ignore_uri_case: it.ignore_uri_case.filter(|it| *it),
        ..it.clone()
    }
}

fn check_order<M: Debug>(rules: impl Iterator<Item = Vec<M>>, at: &Path<'_>, to: &mut Checker<'_>) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut open = None;
    for (index, matches) in rules.enumerate() {
        let at = at.item(index);
        if matches.is_empty() {
            if let Some(earlier) = open {
                let message =
                    format!("never used: rule {earlier} has no matches either and takes everything");
                to.warn(Code::UnreachableRule, &at, message)
                    .help("only the last rule can do without matches");
            }
            open = Some(index);
            continue;
        }
        let list = at.field("match");
        for (position, it) in matches.iter().enumerate() {
            if let Some(earlier) = open {
                let message = format!("never used: rule {earlier} has no matches and takes everything");
                to.warn(Code::UnreachableRule, &list.item(position), message)
                    .help(format!("move rule {earlier} to the end"));
            } else if let Some(earlier) = seen.get(&format!("{it:?}")) {
                let message = format!("never used: rule {earlier} has the same match");
                to.warn(Code::UnreachableMatch, &list.item(position), message);
            } else {
                seen.insert(format!("{it:?}"), index);
            }
        }
    }
}

/// Prefixes that begin with an earlier rule's prefix. Istio looks at what follows as texts, and takes
/// a missing method for GET: `coveredValidation`. Where that is wrong, the finding is a note.
fn check_prefixes(rules: &[HttpRoute], at: &Path<'_>, to: &mut Checker<'_>) {
    let mut earlier: HashMap<&str, Vec<(usize, usize, &HttpMatchRequest)>> = HashMap::new();
    for (index, rule) in rules.iter().enumerate() {
        if rule.matches.is_empty() {
            return; // what follows has been reported above
        }
        for (position, it) in rule.matches.iter().enumerate() {
            let Some(StringMatch::Prefix(prefix)) = &it.uri else {
                continue;
            };
            if prefix.is_empty() {
                continue;
            }
            let shorter = prefix.char_indices().skip(1).map(|(end, _)| &prefix[..end]);
            let covering = shorter
                .filter_map(|it| earlier.get(it))
                .flatten()
                .filter(|(_, _, by)| seems_covered(it, by))
                .min_by_key(|(index, position, _)| (*index, *position));
            if let Some((rule, by_position, by)) = covering {
                let place = format!("`match[{by_position}]` of rule {rule}");
                let rule_at = at.item(index);
                let list = rule_at.field("match");
                let at = list.item(position);
                if is_covered(it, by) {
                    to.warn(
                        Code::UnreachableMatch,
                        &at,
                        format!("never used: {place} takes all of it with a shorter prefix"),
                    );
                } else {
                    let message =
                        format!("`istioctl analyze` reports this match as unused because of {place}");
                    to.note(Code::UnreachableMatch, &at, message)
                        .help("it compares the conditions as texts; some requests do reach this match");
                }
            }
            earlier.entry(prefix).or_default().push((index, position, it));
        }
    }
}

fn seems_covered(it: &HttpMatchRequest, by: &HttpMatchRequest) -> bool {
    let text = |it: Option<&StringMatch>| match it {
        Some(StringMatch::Exact(text)) if !text.is_empty() => format!("exact:{text}"),
        Some(StringMatch::Prefix(text)) if !text.is_empty() => format!("prefix:{text}"),
        _ => String::new(),
    };
    let method = |it: &HttpMatchRequest| match text(it.method.as_ref()) {
        none if none.is_empty() => "exact:GET".to_owned(),
        some => some,
    };
    let all = |it: &BTreeMap<String, StringMatch>, by: &BTreeMap<String, StringMatch>| {
        it.len() == by.len()
            && by.iter().all(|(name, wide)| {
                it.get(name)
                    .is_some_and(|narrow| text(Some(wide)).starts_with(&text(Some(narrow))))
            })
    };
    it.port.unwrap_or(0) == by.port.unwrap_or(0)
        && method(by).starts_with(&method(it))
        && text(by.authority.as_ref()).starts_with(&text(it.authority.as_ref()))
        && all(&it.headers, &by.headers)
        && all(&it.query_params, &by.query_params)
        && all(&it.without_headers, &by.without_headers)
}

/// Whether every request that fits `it` fits `by`, whose prefix is shorter.
fn is_covered(it: &HttpMatchRequest, by: &HttpMatchRequest) -> bool {
    fn all<T: PartialEq>(it: &BTreeMap<String, T>, by: &BTreeMap<String, T>) -> bool {
        by.iter().all(|(name, wanted)| it.get(name) == Some(wanted))
    }
    let part = |it: &Option<StringMatch>, by: &Option<StringMatch>| by.is_none() || it == by;
    part(&it.method, &by.method)
        && part(&it.scheme, &by.scheme)
        && part(&it.authority, &by.authority)
        && (by.port.unwrap_or(0) == 0 || it.port == by.port)
        && (by.gateways.is_empty() || it.gateways == by.gateways)
        && (by.source_namespace.is_empty() || it.source_namespace == by.source_namespace)
        && (by.ignore_uri_case == Some(true) || it.ignore_uri_case != Some(true))
        && all(&it.headers, &by.headers)
        && all(&it.without_headers, &by.without_headers)
        && all(&it.query_params, &by.query_params)
        && all(&it.source_labels, &by.source_labels)
}
