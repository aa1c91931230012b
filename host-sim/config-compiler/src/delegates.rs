//! What a rule that delegates becomes: the delegate's rules, each merged with the root's.
//!
//! Decides the merge of fields and of matches, and which pairs conflict. It does not look the
//! delegate up (that is `virtual_services`).
//! Source: istio `pilot/pkg/model/virtualservice.go`, `mergeHTTPRoute` and below; docs/istio-routing.md 2.8.

use std::collections::BTreeMap;

use fingerpost_resources::{HttpMatchRequest, HttpRoute, StringMatch};

use crate::condition_text::describe_written;
use crate::resolved::Resolved;

/// A match and its name: the index in its `match` list, `root-leaf` where two were merged.
pub(crate) type NamedMatch<'r> = (String, Resolved<'r, HttpMatchRequest>);

/// Why Istio drops a rule that delegates, or one of its delegate's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DelegateFault {
    /// The input has no such VirtualService.
    NotFound {
        /// `namespace/name`.
        delegate: String,
    },
    /// It has `hosts`, so it is not a delegate.
    HasHosts {
        /// `namespace/name`.
        delegate: String,
    },
    /// Its `exportTo` leaves out the namespace of the rule that delegates.
    NotExported {
        /// `namespace/name`.
        delegate: String,
        /// That of the rule that delegates.
        namespace: String,
    },
    /// A match of the delegate's rule is not a case of the match of the rule that delegates.
    Conflict(DelegateConflict),
}

/// A condition of a delegate's match that is not a case of the root's condition on the same field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegateConflict {
    /// The field of the match, such as `uri` or `headers.x-user`.
    pub field: String,
    /// What the root's match has there, such as `prefix /api/`.
    pub root: String,
    /// What the delegate's match has there.
    pub leaf: String,
    /// Whether one of the two is a regex: Istio does not compare those with anything.
    pub has_regex: bool,
}

/// A delegate's rule merged into the root's, or the first conflict of a match of the delegate that is compatible with
/// none of the root's. The merged matches are beside the merged rule, not in it.
pub(crate) fn merge_rule<'r>(
    root: &HttpRoute,
    root_matches: &[NamedMatch<'r>],
    leaf: &HttpRoute,
    leaf_matches: &[NamedMatch<'r>],
) -> Result<(HttpRoute, Vec<NamedMatch<'r>>), DelegateConflict> {
    let matches = merge_matches(root_matches, leaf_matches)?;
    let mut merged = leaf.clone();
    merged.matches = Vec::new();
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
    Ok((merged, matches))
}

/// Every delegate match with every root match that it does not contradict.
fn merge_matches<'r>(
    root: &[NamedMatch<'r>],
    leaf: &[NamedMatch<'r>],
) -> Result<Vec<NamedMatch<'r>>, DelegateConflict> {
    if root.is_empty() {
        return Ok(leaf.to_vec());
    }
    if leaf.is_empty() {
        return Ok(root.to_vec());
    }
    let mut merged = Vec::new();
    for (leaf_index, inner) in leaf {
        let before = merged.len();
        let mut first_conflict = None;
        for (root_index, outer) in root {
            match conflict(outer, inner) {
                None => {
                    let name = format!("{root_index}-{leaf_index}");
                    merged.push((name, Resolved::Copy(Box::new(merge_match(outer, inner)))));
                }
                Some(conflict) => first_conflict = first_conflict.or(Some(conflict)),
            }
        }
        // One delegate match that fits no root match loses the whole rule.
        if let Some(conflict) = first_conflict.filter(|_| merged.len() == before) {
            return Err(conflict);
        }
    }
    Ok(merged)
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

fn conflict(root: &HttpMatchRequest, leaf: &HttpMatchRequest) -> Option<DelegateConflict> {
    let of = |field: &str, root: String, leaf: String| DelegateConflict {
        field: field.to_owned(),
        root,
        leaf,
        has_regex: false,
    };
    let of_strings = |field: String, root: &StringMatch, leaf: &StringMatch| DelegateConflict {
        has_regex: [root, leaf].iter().any(|it| matches!(it, StringMatch::Regex(_))),
        ..of(&field, describe_written(root), describe_written(leaf))
    };
    let strings = [
        ("uri", &root.uri, &leaf.uri),
        ("scheme", &root.scheme, &leaf.scheme),
        ("method", &root.method, &leaf.method),
        ("authority", &root.authority, &leaf.authority),
    ];
    for (field, outer, inner) in strings {
        if let (Some(outer), Some(inner)) = (outer, inner)
            && strings_conflict(Some(outer), Some(inner))
        {
            return Some(of_strings(field.to_owned(), outer, inner));
        }
    }
    let folds = |it: &HttpMatchRequest| it.ignore_uri_case.unwrap_or(false);
    if folds(root) != folds(leaf) {
        let [outer, inner] = [folds(root), folds(leaf)].map(|it| it.to_string());
        return Some(of("ignoreUriCase", outer, inner));
    }
    let maps = [
        ("headers", &root.headers, &leaf.headers),
        ("withoutHeaders", &root.without_headers, &leaf.without_headers),
        ("queryParams", &root.query_params, &leaf.query_params),
    ];
    for (field, outer, inner) in maps {
        for (name, inner) in inner {
            if let Some(outer) = outer.get(name)
                && strings_conflict(Some(outer), Some(inner))
            {
                return Some(of_strings(format!("{field}.{name}"), outer, inner));
            }
        }
    }
    let ports = (root.port.unwrap_or(0), leaf.port.unwrap_or(0));
    if ports.0 != 0 && ports.1 != 0 && ports.0 != ports.1 {
        return Some(of("port", ports.0.to_string(), ports.1.to_string()));
    }
    if !root.source_namespace.is_empty() && root.source_namespace != leaf.source_namespace {
        let (outer, inner) = (root.source_namespace.clone(), leaf.source_namespace.clone());
        return Some(of("sourceNamespace", outer, inner));
    }
    for (key, inner) in &leaf.source_labels {
        if let Some(outer) = root.source_labels.get(key).filter(|outer| *outer != inner) {
            let field = format!("sourceLabels.{key}");
            return Some(of(&field, outer.clone(), inner.clone()));
        }
    }
    gateways_conflict(&root.gateways, &leaf.gateways)
        .then(|| of("gateways", root.gateways.join(", "), leaf.gateways.join(", ")))
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
