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

pub(super) fn check(service: &VirtualService, cx: &mut Checker<'_>) {
    if cx.has_unread_matches() {
        return; // a condition that could not be read would look like none
    }
    let http = Path::SPEC.field("http");
    let rules = service
        .http
        .iter()
        .map(|rule| rule.matches.iter().map(nameless).collect());
    check_order(rules, "http", cx);
    check_prefixes(&service.http, &http, cx);
    let tls = service.tls.iter().map(|rule| rule.matches.iter().collect());
    check_order(tls, "tls", cx);
    let tcp = service.tcp.iter().map(|rule| rule.matches.iter().collect());
    check_order(tcp, "tcp", cx);
}

/// A match without what does not decide.
fn nameless(request: &HttpMatchRequest) -> HttpMatchRequest {
    HttpMatchRequest {
        name: String::new(),
        port: request.port.filter(|it| *it != 0),
        ignore_uri_case: request.ignore_uri_case.filter(|it| *it),
        ..request.clone()
    }
}

/// The rules of a list, each with its matches. `kind` is the list's name.
fn check_order<M: Debug>(rules: impl Iterator<Item = Vec<M>>, kind: &'static str, cx: &mut Checker<'_>) {
    let path = Path::SPEC.field(kind);
    let mut seen: HashMap<String, String> = HashMap::new();
    let mut open = None;
    for (index, matches) in rules.enumerate() {
        let path = path.item(index);
        if matches.is_empty() {
            if let Some(earlier) = &open {
                let message =
                    format!("never reached: {earlier} has no matches either and takes every request");
                cx.warn(Code::UnreachableRule, &path, message)
                    .help("only the last rule can do without matches");
            }
            open = Some(format!("{kind}[{index}]"));
            continue;
        }
        let list = path.field("match");
        for (position, it) in matches.iter().enumerate() {
            if let Some(earlier) = &open {
                let message = format!("never reached: {earlier} has no matches and takes every request");
                cx.warn(Code::UnreachableRule, &list.item(position), message)
                    .help(format!("move {earlier} to the end"));
            } else if let Some(earlier) = seen.get(&format!("{it:?}")) {
                let message = format!("never reached: {earlier} has the same match");
                cx.warn(Code::UnreachableMatch, &list.item(position), message);
            } else {
                seen.insert(format!("{it:?}"), format!("{kind}[{index}].match[{position}]"));
            }
        }
    }
}

/// Prefixes that begin with an earlier rule's prefix. Istio looks at what follows as texts, and takes
/// a missing method for GET: `coveredValidation`. Where that is wrong, the finding is a note.
fn check_prefixes(rules: &[HttpRoute], path: &Path<'_>, cx: &mut Checker<'_>) {
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
            if let Some((rule, by_position, by)) = covering
                && let Some(StringMatch::Prefix(by_prefix)) = &by.uri
            {
                let place = format!("http[{rule}].match[{by_position}]");
                let rule_at = path.item(index);
                let list = rule_at.field("match");
                let path = list.item(position);
                if is_covered(it, by) {
                    cx.warn(
                        Code::UnreachableMatch,
                        &path,
                        format!(
                            "never reached: {place} (prefix `{by_prefix}`) takes the same requests first"
                        ),
                    );
                } else {
                    let message =
                        format!("`istioctl analyze` reports this match as unused because of {place}");
                    cx.note(Code::UnreachableMatch, &path, message)
                        .help("it compares the conditions as texts; some requests do reach this match");
                }
            }
            earlier.entry(prefix).or_default().push((index, position, it));
        }
    }
}

fn seems_covered(later: &HttpMatchRequest, earlier: &HttpMatchRequest) -> bool {
    let text = |it: Option<&StringMatch>| match it {
        Some(StringMatch::Exact(text)) if !text.is_empty() => format!("exact:{text}"),
        Some(StringMatch::Prefix(text)) if !text.is_empty() => format!("prefix:{text}"),
        _ => String::new(),
    };
    let method = |it: &HttpMatchRequest| match text(it.method.as_ref()) {
        none if none.is_empty() => "exact:GET".to_owned(),
        some => some,
    };
    let all = |it: &BTreeMap<String, StringMatch>, earlier: &BTreeMap<String, StringMatch>| {
        it.len() == earlier.len()
            && earlier.iter().all(|(name, wide)| {
                it.get(name)
                    .is_some_and(|narrow| text(Some(wide)).starts_with(&text(Some(narrow))))
            })
    };
    later.port.unwrap_or(0) == earlier.port.unwrap_or(0)
        && method(earlier).starts_with(&method(later))
        && text(earlier.authority.as_ref()).starts_with(&text(later.authority.as_ref()))
        && all(&later.headers, &earlier.headers)
        && all(&later.query_params, &earlier.query_params)
        && all(&later.without_headers, &earlier.without_headers)
}

/// Whether every request that fits `later` fits `earlier`, whose prefix is shorter.
fn is_covered(later: &HttpMatchRequest, earlier: &HttpMatchRequest) -> bool {
    fn all<T: PartialEq>(later: &BTreeMap<String, T>, earlier: &BTreeMap<String, T>) -> bool {
        earlier
            .iter()
            .all(|(name, wanted)| later.get(name) == Some(wanted))
    }
    let part =
        |later: &Option<StringMatch>, earlier: &Option<StringMatch>| earlier.is_none() || later == earlier;
    part(&later.method, &earlier.method)
        && part(&later.scheme, &earlier.scheme)
        && part(&later.authority, &earlier.authority)
        && (earlier.port.unwrap_or(0) == 0 || later.port == earlier.port)
        && (earlier.gateways.is_empty() || later.gateways == earlier.gateways)
        && (earlier.source_namespace.is_empty() || later.source_namespace == earlier.source_namespace)
        && (earlier.ignore_uri_case == Some(true) || later.ignore_uri_case != Some(true))
        && all(&later.headers, &earlier.headers)
        && all(&later.without_headers, &earlier.without_headers)
        && all(&later.query_params, &earlier.query_params)
        && all(&later.source_labels, &earlier.source_labels)
}
