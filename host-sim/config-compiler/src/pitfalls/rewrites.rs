//! Rewrites that leave another path than was meant.

use std::collections::BTreeSet;

use fingerpost_resources::{Code, Diagnostics, HttpRewrite, StringMatch};

use crate::virtual_services::{BoundVirtualService, Rule};

/// Reports them for the rules of a VirtualService, each rule once.
pub(super) fn check(service: &BoundVirtualService<'_>, diagnostics: &mut Diagnostics) {
    let mut seen: BTreeSet<(&str, &str)> = BTreeSet::new();
    for rule in &service.rules {
        let Some(rewrite) = &rule.route.rewrite else {
            continue;
        };
        // The root of a delegate may be the one that rewrites.
        let at = format!("{}.rewrite", rule.path);
        if rule.route.route.is_empty()
            || !rule.leaf.origin.has(&at)
            || !seen.insert((rule.leaf.origin.subject(), &rule.path))
        {
            continue;
        }
        groups(rule, rewrite, &at, diagnostics);
        joined_segments(rule, rewrite, &at, diagnostics);
    }
}

/// `$1` does not refer to a group.
fn groups(rule: &Rule<'_>, rewrite: &HttpRewrite, path: &str, diagnostics: &mut Diagnostics) {
    let origin = &rule.leaf.origin;
    if let Some(regex) = &rewrite.uri_regex_rewrite
        && let Some(group) = group(&regex.rewrite, '$')
    {
        let message = format!("`${group}` is written into the path as it is: groups are `\\{group}` here");
        let help = format!("write `rewrite: '{}'`", regex.rewrite.replace('$', "\\"));
        diagnostics
            .warn(Code::RewriteGroup, message)
            .on(origin, format!("{path}.uriRegexRewrite.rewrite"))
            .help(help);
    }
    let found = ['$', '\\']
        .into_iter()
        .find_map(|sign| Some((sign, group(&rewrite.uri, sign)?)));
    if let Some((sign, group)) = found {
        let message = format!("`{sign}{group}` is written into the path as it is: `uri` knows no groups");
        diagnostics
            .warn(Code::RewriteGroup, message)
            .on(origin, format!("{path}.uri"))
            .help("use `uriRegexRewrite`, where groups are written `\\1`");
    }
}

/// The digit of the first group that is written with `sign`.
fn group(text: &str, sign: char) -> Option<char> {
    let mut behind = text.split(sign).skip(1).filter_map(|it| it.chars().next());
    behind.find(char::is_ascii_digit)
}

/// A prefix that ends with a slash, and a text in its place that does not: what follows is glued to it.
fn joined_segments(rule: &Rule<'_>, rewrite: &HttpRewrite, path: &str, diagnostics: &mut Diagnostics) {
    let uri = rewrite.uri.as_str();
    if uri.is_empty() || uri.ends_with('/') || uri.contains('?') || rewrite.uri_regex_rewrite.is_some() {
        return;
    }
    let prefix = |uri: Option<&StringMatch>| match uri {
        Some(StringMatch::Prefix(prefix)) => Some(prefix.clone()),
        Some(StringMatch::Present) | None => Some("/".to_owned()),
        Some(StringMatch::Exact(_) | StringMatch::Regex(_)) => None,
    };
    let everything = rule.matches.is_empty().then(|| "/".to_owned());
    let prefixes = rule.matches.iter().filter_map(|(_, it)| prefix(it.uri.as_ref()));
    let Some(prefix) = everything
        .into_iter()
        .chain(prefixes)
        .find(|it| it.ends_with('/'))
    else {
        return;
    };
    let message = format!("`{prefix}` is replaced by `{uri}`, so `{prefix}name` goes out as `{uri}name`");
    diagnostics
        .warn(Code::RewriteJoinsSegments, message)
        .on(&rule.leaf.origin, format!("{path}.uri"))
        .help(format!("write `uri: {uri}/`"));
}
