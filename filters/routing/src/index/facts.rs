//! What a route can insist on beside its path: that a header or a query parameter has one certain value.
//!
//! A table knows its facts by number. A request is looked through once for those that hold; a route that insists on
//! any other cannot be the one.

use super::trie::{Case, Numbered, Trie};
use crate::query::parameters;
use crate::{HeaderMatch, HeaderName, QueryMatch, RepeatedHeaders, RequestHead, RouteMatch};
use alloc::vec::Vec;

/// A value without which a route does not accept a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fact<'r> {
    /// Of a header, whatever the case of its name.
    Header(&'r str, &'r [u8]),
    /// Of a query parameter.
    Query(&'r str, &'r [u8]),
}

/// All the facts that a route insists on.
pub(super) fn of_route(matcher: &RouteMatch) -> impl Iterator<Item = Fact<'_>> {
    let headers = matcher.headers.iter().filter_map(of_header);
    headers.chain(matcher.query.iter().filter_map(of_parameter))
}

fn of_header(header: &HeaderMatch) -> Option<Fact<'_>> {
    let text = header.want.literal()?;
    let holds_without = header.invert || (header.missing_as_empty && text.is_empty());
    // Only several values together have a comma between them, so a text without one is a value by itself.
    let may_be_joined = header.repeated == RepeatedHeaders::Joined && text.contains(&b',');
    (!holds_without && !may_be_joined).then_some(Fact::Header(header.name.as_str(), text))
}

fn of_parameter(parameter: &QueryMatch) -> Option<Fact<'_>> {
    Some(Fact::Query(&parameter.name, parameter.want.literal()?))
}

/// Gives facts their numbers, from 1 on.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    last: usize,
    headers: Names,
    query: Names,
}

/// Names, and by the number of a name its values with the numbers of the facts.
#[derive(Debug, Default)]
struct Names {
    names: Numbered,
    values: Vec<Numbered>,
}

impl Numbering {
    /// The number of a fact.
    pub(super) fn number(&mut self, fact: Fact<'_>) -> usize {
        let (names, name, value) = match fact {
            Fact::Header(name, value) => (&mut self.headers, Case::Folded.fold(name.as_bytes()), value),
            Fact::Query(name, value) => (&mut self.query, Case::Kept.fold(name.as_bytes()), value),
        };
        let next = names.values.len();
        let name = *names.names.entry(name).or_insert(next);
        if name == next {
            names.values.push(Numbered::new());
        }
        let next = self.last + 1;
        let number = names
            .values
            .get_mut(name)
            .map(|it| *it.entry(value.to_vec()).or_insert(next));
        self.last = self.last.max(number.unwrap_or_default());
        number.unwrap_or_default()
    }

    /// No more facts.
    pub(super) fn finish(self) -> Facts {
        let tree = |it: Names, case| Tree {
            names: Trie::new(it.names, case),
            values: it
                .values
                .into_iter()
                .map(|values| Trie::new(values, Case::Kept))
                .collect(),
        };
        Facts {
            headers: tree(self.headers, Case::Folded),
            query: tree(self.query, Case::Kept),
        }
    }
}

/// The facts of a table.
#[derive(Debug)]
pub(super) struct Facts {
    headers: Tree,
    query: Tree,
}

#[derive(Debug)]
struct Tree {
    names: Trie,
    values: Vec<Trie>,
}

impl Tree {
    fn get(&self, name: &[u8], value: &[u8]) -> Option<usize> {
        self.values.get(self.names.get(name)?)?.get(value)
    }
}

impl Facts {
    /// The numbers of those that hold for a request, each once. Of a repeated query parameter every value counts
    /// here, although only the first does to a route: what is too much is checked once more, what is missing is not.
    pub(super) fn of(&self, head: &RequestHead<'_>) -> Vec<usize> {
        let mut numbers = Numbers::default();
        if !self.headers.values.is_empty() {
            for name in HeaderName::PSEUDO {
                let value = head.values(&name).next();
                numbers.add(value.and_then(|value| self.headers.get(name.as_str().as_bytes(), value)));
            }
            for (name, value) in head.headers() {
                numbers.add(self.headers.get(name, value));
            }
        }
        if !self.query.values.is_empty() {
            for (name, value) in head.query().into_iter().flat_map(parameters) {
                numbers.add(self.query.get(name, value));
            }
        }
        numbers.0
    }
}

/// Numbers in order, each once. Few of what a request has are facts of a table.
#[derive(Debug, Default)]
struct Numbers(Vec<usize>);

impl Numbers {
    fn add(&mut self, number: Option<usize>) {
        if let Some(number) = number
            && let Err(place) = self.0.binary_search(&number)
        {
            self.0.insert(place, number);
        }
    }
}
