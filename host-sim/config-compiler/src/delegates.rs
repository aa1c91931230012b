//! What a rule that delegates becomes: the delegate's rules, each merged with the root's.
//!
//! Decides the merge of fields and of matches, and which pairs conflict. It does not look the
//! delegate up (that is `virtual_services`).
//! Source: istio `pilot/pkg/model/virtualservice.go`, `mergeHTTPRoute` and below; spec 2.8.

use std::collections::BTreeMap;

use fingerpost_resources::{HttpMatchRequest, HttpRoute, StringMatch};

/// A match and its place: the index in its `match` list, `root-leaf` where two were merged.
pub(crate) type NamedMatch = (String, HttpMatchRequest);

/// A delegate's rule merged into the root's, or `None` if no pair of matches is compatible.
pub(crate) fn merge_rule(
    root: &HttpRoute,
    root_matches: &[NamedMatch],
    leaf: &HttpRoute,
    leaf_matches: &[NamedMatch],
) -> Option<(HttpRoute, Vec<NamedMatch>)> {
    let matches = merge_matches(root_matches, leaf_matches)?;
    let mut merged = leaf.clone();
    merged.matches = matches.iter().map(|(_, it)| it.clone()).collect();
    merged.delegate = None;
    merged.name = match (root.name.as_str(), leaf.name.as_str()) {
        ("", name) | (name, "") => name.to_owned(),
        (outer, inner) => format!("{outer}-{inner}"),
    };
    // A field of the root counts only where the delegate leaves the whole of it unset.
    merged.rewrite = merged.rewrite.or_else(|| root.rewrite.clone());
    merged.direct_response = merged.direct_response.or_else(|| root.direct_response.clone());
    merged.timeout = merged.timeout.or(root.timeout);
    merged.retries = merged.retries.or_else(|| root.retries.clone());
    merged.fault = merged.fault.or_else(|| root.fault.clone());
    merged.mirror = merged.mirror.or_else(|| root.mirror.clone());
    merged.mirror_percent = merged.mirror_percent.or(root.mirror_percent);
    merged.mirror_percentage = merged
        .mirror_percentage
        .or_else(|| root.mirror_percentage.clone());
    merged.cors_policy = merged.cors_policy.or_else(|| root.cors_policy.clone());
    merged.headers = merged.headers.or_else(|| root.headers.clone());
    if merged.mirrors.is_empty() {
        merged.mirrors = root.mirrors.clone();
    }
    Some((merged, matches))
}

/// Every delegate match with every root match that it does not contradict.
fn merge_matches(root: &[NamedMatch], leaf: &[NamedMatch]) -> Option<Vec<NamedMatch>> {
    if root.is_empty() {
        return Some(leaf.to_vec());
    }
    if leaf.is_empty() {
        return Some(root.to_vec());
    }
    let mut merged = Vec::new();
    for (leaf_place, inner) in leaf {
        let before = merged.len();
        for (root_place, outer) in root {
            if !conflicts(outer, inner) {
                merged.push((format!("{root_place}-{leaf_place}"), merge_match(outer, inner)));
            }
        }
        // One delegate match that fits no root match loses the whole rule.
        if merged.len() == before {
            return None;
        }
    }
    Some(merged)
}

fn merge_match(root: &HttpMatchRequest, leaf: &HttpMatchRequest) -> HttpMatchRequest {
    let mut merged = leaf.clone();
    merged.name = match (root.name.as_str(), leaf.name.as_str()) {
        ("", name) | (name, "") => name.to_owned(),
        (outer, inner) => format!("{outer}-{inner}"),
    };
    merged.uri = merged.uri.or_else(|| root.uri.clone());
    merged.scheme = merged.scheme.or_else(|| root.scheme.clone());
    merged.method = merged.method.or_else(|| root.method.clone());
    merged.authority = merged.authority.or_else(|| root.authority.clone());
    merged.port = merged.port.filter(|port| *port != 0).or(root.port);
    if merged.source_namespace.is_empty() {
        merged.source_namespace = root.source_namespace.clone();
    }
    if merged.gateways.is_empty() {
        merged.gateways = root.gateways.clone();
    }
    if merged.stat_prefix.is_empty() {
        merged.stat_prefix = root.stat_prefix.clone();
    }
    union(&mut merged.headers, &root.headers);
    union(&mut merged.without_headers, &root.without_headers);
    union(&mut merged.query_params, &root.query_params);
    union(&mut merged.source_labels, &root.source_labels);
    merged
}

fn union<V: Clone>(leaf: &mut BTreeMap<String, V>, root: &BTreeMap<String, V>) {
    for (key, value) in root {
        leaf.entry(key.clone()).or_insert_with(|| value.clone());
    }
}

fn conflicts(root: &HttpMatchRequest, leaf: &HttpMatchRequest) -> bool {
    let strings = [
        (&root.uri, &leaf.uri),
        (&root.scheme, &leaf.scheme),
        (&root.method, &leaf.method),
        (&root.authority, &leaf.authority),
    ];
    let maps = [
        (&root.headers, &leaf.headers),
        (&root.without_headers, &leaf.without_headers),
        (&root.query_params, &leaf.query_params),
    ];
    let ports = (root.port.unwrap_or(0), leaf.port.unwrap_or(0));
    root.ignore_uri_case.unwrap_or(false) != leaf.ignore_uri_case.unwrap_or(false)
        || strings
            .iter()
            .any(|(outer, inner)| strings_conflict(outer.as_ref(), inner.as_ref()))
        || maps.iter().any(|(outer, inner)| {
            inner
                .iter()
                .any(|(key, value)| strings_conflict(outer.get(key), Some(value)))
        })
        || (ports.0 != 0 && ports.1 != 0 && ports.0 != ports.1)
        || (!root.source_namespace.is_empty() && root.source_namespace != leaf.source_namespace)
        || leaf
            .source_labels
            .iter()
            .any(|(key, value)| root.source_labels.get(key).is_some_and(|outer| outer != value))
        || gateways_conflict(&root.gateways, &leaf.gateways)
}

/// The delegate's condition must be a case of the root's.
fn strings_conflict(root: Option<&StringMatch>, leaf: Option<&StringMatch>) -> bool {
    let (Some(root), Some(leaf)) = (root, leaf) else {
        return false;
    };
    match (root, leaf) {
        (StringMatch::Regex(_), _) | (_, StringMatch::Regex(_)) => true,
        (StringMatch::Exact(outer), StringMatch::Exact(inner)) => outer.is_empty() || outer != inner,
        (StringMatch::Prefix(outer), StringMatch::Exact(inner) | StringMatch::Prefix(inner)) => {
            outer.is_empty() || !inner.starts_with(outer.as_str())
        }
        (StringMatch::Exact(_), StringMatch::Prefix(_) | StringMatch::Present)
        | (StringMatch::Prefix(_), StringMatch::Present)
        | (StringMatch::Present, _) => true,
    }
}

fn gateways_conflict(root: &[String], leaf: &[String]) -> bool {
    if root.is_empty() || leaf.is_empty() {
        return false;
    }
    leaf.len() > root.len() || leaf.iter().any(|gateway| !root.contains(gateway))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Option<StringMatch> {
        Some(StringMatch::Exact(text.to_owned()))
    }

    fn prefix(text: &str) -> Option<StringMatch> {
        Some(StringMatch::Prefix(text.to_owned()))
    }

    fn regex(text: &str) -> Option<StringMatch> {
        Some(StringMatch::Regex(text.to_owned()))
    }

    #[test]
    fn a_delegate_narrows_the_condition_of_its_root_or_conflicts_with_it() {
        for (root, leaf, conflict) in [
            (None, exact("/a"), false),
            (exact("/a"), None, false),
            (exact("/a"), exact("/a"), false),
            (exact("/a"), exact("/b"), true),
            (exact("/a"), prefix("/a"), true),
            (prefix("/a"), prefix("/a/b"), false),
            (prefix("/a"), prefix("/ab"), false),
            (prefix("/a"), exact("/b"), true),
            (prefix("/a/b"), prefix("/a"), true),
            (regex("/a"), regex("/a"), true),
            (prefix("/a"), regex("/a.*"), true),
            (regex("/a"), None, false),
        ] {
            assert_eq!(
                strings_conflict(root.as_ref(), leaf.as_ref()),
                conflict,
                "{root:?} with {leaf:?}"
            );
        }
    }
}
