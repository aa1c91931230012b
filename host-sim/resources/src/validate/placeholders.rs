//! Values that another tool should have filled in, such as `${DOMAIN}`.
//!
//! They are invalid as names and numbers. What is wrong is that the tool has not run, so an error about one says that in
//! place of what is wrong with its letters.

use std::collections::BTreeSet;

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::source::Sources;

const TEMPLATE: &str = "this looks like a template: render it first, for example with `helm template`";
const FILLED_IN: &str =
    "run the tool that fills it in first, such as envsubst or Flux, and read what it writes: `-f -`";
const KUSTOMIZED: &str =
    "run the tool that fills it in first, such as kustomize, and read what it writes: `-f -`";
const SCRIPTED: &str = "run the script that fills it in first, such as one with sed, or write the value";

/// How placeholders begin and end, and what to do.
const FORMS: [(&str, &str, &str); 7] = [
    ("{{", "}}", TEMPLATE),
    ("${", "}", FILLED_IN),
    ("$(", ")", KUSTOMIZED),
    ("<<", ">>", SCRIPTED),
    ("###", "###", SCRIPTED),
    ("__", "__", SCRIPTED),
    ("<", ">", SCRIPTED),
];
/// A word that has one of these is a placeholder.
const WORDS: [&str; 3] = ["PLACEHOLDER", "CHANGEME", "CHANGE_ME"];
/// Errors about values in which these characters can be intended.
const OTHER_MEANING: [Code; 3] = [Code::BadRegex, Code::UnknownField, Code::Syntax];

/// Says of every error about a placeholder that it is one.
pub(super) fn explain(diagnostics: &mut Diagnostics, sources: &Sources) {
    for finding in diagnostics.iter_mut() {
        if finding.severity != Severity::Error || OTHER_MEANING.contains(&finding.code) {
            continue;
        }
        let Some((placeholder, help)) = written(finding, sources).and_then(placeholder) else {
            continue;
        };
        finding.message = format!("the value has the placeholder {placeholder}, which another tool fills in");
        finding.help(help);
    }
}

/// The placeholders that errors are about.
pub(crate) fn placeholders_of(diagnostics: &Diagnostics, sources: &Sources) -> BTreeSet<String> {
    let errors = diagnostics.iter().filter(|it| {
        let is_meant = it.code == Code::UnknownField || it.code == Code::BadRegex;
        it.severity == Severity::Error && !is_meant
    });
    errors
        .filter_map(|it| placeholder_in(written(it, sources)?))
        .map(str::to_owned)
        .collect()
}

/// The first placeholder of a value.
pub(crate) fn placeholder_in(value: &str) -> Option<&str> {
    placeholder(value).map(|(it, _)| it)
}

/// What is written where a finding points to, if it is one value on one line and not of a Secret.
fn written<'s>(finding: &Diagnostic, sources: &'s Sources) -> Option<&'s str> {
    if finding.subject.starts_with("Secret ") {
        return None;
    }
    let span = finding.span.as_ref()?;
    let text = sources.text(&span.file)?.get(span.bytes.clone())?;
    (!text.contains(['\n', '[']) && (!is_map(text) || braced(text).is_some())).then_some(text)
}

/// `{HOST}`: to YAML, a map with a key without a value.
fn braced(value: &str) -> Option<&str> {
    let name = value.strip_prefix('{')?.strip_suffix('}')?;
    let is_part = |it: char| it.is_ascii_uppercase() || it.is_ascii_digit() || matches!(it, '_' | '-');
    (name.len() > 1 && name.chars().all(is_part)).then_some(value)
}

fn is_map(text: &str) -> bool {
    text.starts_with('{') && !text.starts_with("{{")
}

/// The first placeholder of a value, and what to do.
fn placeholder(value: &str) -> Option<(&str, &'static str)> {
    for (begin, end, help) in FORMS {
        let Some((before, rest)) = value.split_once(begin) else {
            continue;
        };
        let Some((name, _)) = rest.split_once(end) else {
            continue;
        };
        let length = begin.len() + name.len() + end.len();
        let whole = value.get(before.len()..before.len() + length)?;
        if name.chars().any(|it| it.is_ascii_alphanumeric()) {
            return Some((whole, help));
        }
    }
    if let Some(whole) = braced(value) {
        return Some((whole, SCRIPTED));
    }
    if let Some(variable) = variable(value) {
        return Some((variable, FILLED_IN));
    }
    let mut words = value.split(|it: char| !it.is_ascii_alphanumeric() && it != '_');
    words
        .find(|word| WORDS.iter().any(|it| word.contains(it)))
        .map(|word| (word, SCRIPTED))
}

/// `$NAMESPACE`, as envsubst and shells take it too. `$1` is a group of a pattern.
fn variable(value: &str) -> Option<&str> {
    let (before, rest) = value.split_once('$')?;
    let is_part = |it: char| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_';
    let length = rest.find(|it| !is_part(it)).unwrap_or(rest.len());
    let is_name = length > 1 && rest.starts_with(|it: char| it.is_ascii_uppercase());
    is_name.then(|| value.get(before.len()..=before.len() + length))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: Option<&str>) {
        assert_eq!(placeholder(value).map(|(it, _)| it), expected, "{value}");
    }

    #[test]
    fn a_placeholder_is_known_by_its_marks_or_its_name() {
        check("shop.${DOMAIN}", Some("${DOMAIN}"));
        check("$(NAMESPACE).example.com", Some("$(NAMESPACE)"));
        check("{{ .Values.host }}", Some("{{ .Values.host }}"));
        check("$STUDENT_NS.example.com", Some("$STUDENT_NS"));
        check("###ZONE###", Some("###ZONE###"));
        check("__HOST__", Some("__HOST__"));
        check("<<__app__>>.<<__zone__>>", Some("<<__app__>>"));
        check("<your-domain>.com", Some("<your-domain>"));
        check("{YOUR_HOST}", Some("{YOUR_HOST}"));
        check("HOST_PLACEHOLDER.example.com", Some("HOST_PLACEHOLDER"));
        for value in [
            "my_shop.example.com",
            "shop.example.com:80",
            "a<b",
            "${",
            "__",
            "$1",
            "US$A",
        ] {
            check(value, None);
        }
    }
}
