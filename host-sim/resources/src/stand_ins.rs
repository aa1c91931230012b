//! Values for placeholders such as `${DOMAIN}`, so that a repository can be read before its tools have run.
//!
//! Decides which placeholders get a value and which value that is: its own name, in the form that the field takes. Only
//! those are filled in that would be an error, or that name a resource. Whether to fill in at all is the caller's matter.
//! A source remembers what was filled in ([`Source::stand_ins`]), so that every answer can say it.

mod spot;
mod template;

use std::collections::BTreeSet;

use crate::contents::has_resource;
use crate::diagnostic::Diagnostics;
use crate::read::read;
use crate::resource::Meta;
use crate::source::Source;
use crate::validate::{placeholder_in, placeholders_of, validate};
pub(crate) use spot::Spot;
pub use template::read_template;

/// How often to look again: a resource that can be read now may have other placeholders.
const MOST_PASSES: usize = 4;
/// What every placeholder has one of.
const MARKS: [&str; 7] = ["${", "$(", "###", "__", "<", "PLACEHOLDER", "CHANGE"];

/// Fills in placeholders of the tools that write into YAML: envsubst, Flux, kustomize, sed. Templates are left as they are.
pub fn fill_in(sources: &mut [Source]) {
    for _ in 0..MOST_PASSES {
        let placeholders = unfilled(sources);
        if placeholders.is_empty() {
            return;
        }
        for source in sources.iter_mut() {
            fill_in_one(source, &placeholders);
        }
    }
}

/// The placeholders that make a value invalid, or are part of a name.
fn unfilled(sources: &[Source]) -> BTreeSet<String> {
    let has_kind = |it: &&Source| {
        has_resource(it, &|api, kind| {
            api.starts_with("networking.istio.io/") || kind == "Service"
        })
    };
    let marked = sources.iter().filter(has_kind).filter(|it| has_mark(&it.text));
    let marked: Vec<Source> = marked.cloned().collect();
    if marked.is_empty() {
        return BTreeSet::new();
    }
    let mut diagnostics = Diagnostics::new();
    let resources = read(marked, &mut diagnostics);
    validate(&resources, &|_| Ok(()), &mut diagnostics);
    let mut found = placeholders_of(&diagnostics, &resources.sources);
    let names = resources.gateways.iter().map(|it| &it.meta);
    let names = names
        .chain(resources.virtual_services.iter().map(|it| &it.meta))
        .chain(resources.destination_rules.iter().map(|it| &it.meta))
        .chain(resources.service_entries.iter().map(|it| &it.meta))
        .chain(resources.services.iter().map(|it| &it.meta));
    let names = names.flat_map(|Meta { name, namespace, .. }| [name, namespace]);
    found.extend(names.filter_map(|it| placeholder_in(it)).map(str::to_owned));
    found.retain(|it| !it.starts_with("{{"));
    found
}

/// Also `$NAMESPACE`, and `{HOST}`, which YAML takes for a map.
fn has_mark(text: &str) -> bool {
    let has_capital_behind = |mark| {
        let mut rests = text.match_indices(mark).map(|(at, _)| &text[at + 1..]);
        rests.any(|it| it.starts_with(|it: char| it.is_ascii_uppercase()))
    };
    MARKS.iter().any(|it| text.contains(it)) || has_capital_behind('$') || has_capital_behind('{')
}

fn fill_in_one(source: &mut Source, placeholders: &BTreeSet<String>) {
    if !placeholders.iter().any(|it| source.text.contains(it.as_str())) {
        return;
    }
    let text = source.text.clone();
    let mut filled = String::with_capacity(text.len());
    let mut stand_ins = source.stand_ins.clone();
    let mut rest = text.as_str();
    while let Some((at, placeholder)) = first(rest, placeholders) {
        let (before, from) = rest.split_at(at);
        filled.push_str(before);
        rest = &from[placeholder.len()..];
        let spot = Spot::of(&filled, rest);
        let value = default_of(placeholder).unwrap_or_else(|| spot.value(&name_of(placeholder)));
        if spot.is_number() && filled.ends_with(['"', '\'']) && rest.starts_with(['"', '\'']) {
            filled.pop();
            rest = &rest[1..]; // a quote is one byte
        }
        filled.push_str(&value);
        stand_ins.entry(placeholder.to_owned()).or_insert(value);
    }
    filled.push_str(rest);
    *source = Source::new(source.name.clone(), filled).with_stand_ins(stand_ins);
}

/// The placeholder that comes first, and the longest of those.
fn first<'p>(text: &str, placeholders: &'p BTreeSet<String>) -> Option<(usize, &'p str)> {
    let found = placeholders
        .iter()
        .filter_map(|it| Some((text.find(it.as_str())?, it.as_str())));
    found.min_by_key(|(at, it)| (*at, usize::MAX - it.len()))
}

/// `b` of `${A:-b}` and `${A:=b}`, as a shell and Flux fill in.
fn default_of(placeholder: &str) -> Option<String> {
    let inner = placeholder.strip_prefix("${")?.strip_suffix('}')?;
    let (_, default) = inner.split_once(":-").or_else(|| inner.split_once(":="))?;
    (!default.is_empty()).then(|| default.to_owned())
}

/// The name of a placeholder, as a name of Kubernetes: `your-domain` of `<YOUR_DOMAIN>`.
pub(crate) fn name_of(placeholder: &str) -> String {
    let words = placeholder.split(|it: char| !it.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|it| !it.is_empty()).collect();
    let name = words.join("-").to_ascii_lowercase();
    let name = name.get(..name.len().min(spot::LONGEST_NAME)).unwrap_or_default();
    match name.trim_end_matches('-') {
        "" => "value".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let head = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec:\n";
        let mut sources = [Source::new("a.yaml", format!("{head}{text}"))];
        fill_in(&mut sources);
        assert_eq!(sources[0].text, format!("{head}{want}"));
    }

    #[test]
    fn a_placeholder_gets_its_name_in_the_form_of_the_field() {
        check(
            "  hosts: ['shop.${DOMAIN}', \"${HOST:-a.example.org}\"]\n  http:\n  - timeout: ${TIMEOUT}\n    route:\n    \
             - destination: {host: $(SERVICE).$(NAMESPACE).svc, port: {number: \"${PORT}\"}}\n      weight: $WEIGHT\n",
            "  hosts: ['shop.domain.example.com', \"a.example.org\"]\n  http:\n  - timeout: 10s\n    route:\n    \
             - destination: {host: service.namespace.svc, port: {number: 80}}\n      weight: 1\n",
        );
        check(
            "  hosts:\n  - {YOUR_HOST}\n  - <your-app>.example.org\n  http: [{route: [{destination: {host: a}}]}]\n",
            "  hosts:\n  - your-host.example.com\n  - your-app.example.org\n  http: [{route: [{destination: {host: a}}]}]\n",
        );
    }

    #[test]
    fn what_is_valid_is_left_alone() {
        let valid = "  hosts: [a.example.org]\n  http:\n  - headers: {request: {set: {x: '__a__ <b>'}}}\n    \
                     match: [{uri: {regex: '/(?P<id>[0-9]+)$'}}]\n    route: [{destination: {host: a}}]\n";
        check(valid, valid);
    }

    #[test]
    fn it_says_what_was_filled_in() {
        let text = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: a}\nspec:\n  servers:\n  \
                    - {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*.${DOMAIN}']}\n";
        let mut sources = [Source::new("a.yaml", text)];
        fill_in(&mut sources);
        let said: Vec<String> = sources[0]
            .stand_ins()
            .map(|(it, with)| format!("{it} = {with}"))
            .collect();
        assert_eq!(said, ["${DOMAIN} = domain.example.com"]);
    }
}
