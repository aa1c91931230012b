//! Which routes of a virtual host are worth a check, so that the cost of a request does not grow with the table.
//!
//! Every route lies in one bucket, by what its path must be or begin with: a literal path or prefix, or what a
//! pattern's matches all begin with. In a bucket of many, those that insist on a certain value of a header or a
//! query parameter are kept apart by it. A request opens the buckets that its path passes through and in each the
//! parts that its headers call for, and the routes therein come out in list order.
//!
//! Nothing is decided here: no route is left out that would accept the request, and those that come out are still to
//! be checked. So the first that passes is the first of the list, and a property test holds it to that.

mod facts;
#[cfg(test)]
mod tests;
mod trie;

use crate::{PathMatch, RequestHead, Route};
use alloc::boxed::Box;
use alloc::collections::binary_heap::{BinaryHeap, PeekMut};
use alloc::vec::Vec;
use core::cmp::Reverse;
use facts::{Facts, Numbering};
use trie::{Case, Numbered, Trie};

/// Up to so many routes in a bucket are checked one by one: that takes less time than telling them apart.
pub(crate) const FEW: usize = 8;

/// Represents a route that no fact tells apart.
const NO_FACT: usize = 0;

/// The index of one virtual host's routes.
#[derive(Debug)]
pub(crate) struct Index {
    /// Literals, by number.
    literals: Vec<Literal>,
    /// The numbers of those whose case counts.
    kept: Trie,
    /// The numbers of the others.
    folded: Trie,
    facts: Facts,
}

/// The routes behind one literal.
#[derive(Debug)]
struct Literal {
    /// Those that want it to be the whole path.
    exact: Bucket,
    /// Those that want the path to begin with it.
    prefix: Bucket,
}

/// The number of a fact and the place of a route, in this order.
type Entry = (usize, usize);

#[derive(Debug)]
struct Bucket(Box<[Entry]>);

impl Index {
    /// The index of these routes.
    pub(crate) fn new(routes: &[Route]) -> Self {
        let (mut kept, mut folded) = (Numbered::new(), Numbered::new());
        let mut places: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
        for (place, route) in routes.iter().enumerate() {
            let (literal, case, is_whole) = literal(&route.matcher.path);
            let numbers = match case {
                Case::Kept => &mut kept,
                Case::Folded => &mut folded,
            };
            let next = places.len();
            let number = *numbers.entry(case.fold(literal)).or_insert(next);
            if number == next {
                places.push(Default::default());
            }
            if let Some((exact, prefix)) = places.get_mut(number) {
                if is_whole { exact } else { prefix }.push(place);
            }
        }
        let mut numbering = Numbering::default();
        let literals = places.iter().map(|(exact, prefix)| Literal {
            exact: Bucket::new(exact, routes, &mut numbering),
            prefix: Bucket::new(prefix, routes, &mut numbering),
        });
        Self {
            literals: literals.collect(),
            kept: Trie::new(kept, Case::Kept),
            folded: Trie::new(folded, Case::Folded),
            facts: numbering.finish(),
        }
    }

    /// The places of the routes that may accept the request, in list order.
    pub(crate) fn candidates(&self, head: &RequestHead<'_>) -> Candidates<'_> {
        let mut facts = None;
        let mut parts = Vec::new();
        for bucket in self.buckets(head.path().unwrap_or_default()) {
            parts.extend(bucket.part(NO_FACT));
            if bucket.is_split() {
                let facts = facts.get_or_insert_with(|| self.facts.of(head));
                parts.extend(facts.iter().filter_map(|fact| bucket.part(*fact)));
            }
        }
        Candidates(parts.into())
    }

    /// The buckets that a path passes through.
    fn buckets<'i>(&'i self, path: &[u8]) -> impl Iterator<Item = &'i Bucket> {
        let walks = self.kept.walk(path).chain(self.folded.walk(path));
        let passed = walks.filter_map(|(rest, number)| Some((rest, self.literals.get(number)?)));
        passed.flat_map(|(rest, literal)| {
            let exact = rest.is_empty().then_some(&literal.exact);
            exact.into_iter().chain([&literal.prefix])
        })
    }
}

/// What a path must be (true) or begin with (false) to be accepted.
fn literal(path: &PathMatch) -> (&[u8], Case, bool) {
    let case = |ignore_case| if ignore_case { Case::Folded } else { Case::Kept };
    match path {
        PathMatch::Exact { path, ignore_case } => (path.as_bytes(), case(*ignore_case), true),
        PathMatch::Prefix { prefix, ignore_case } => (prefix.as_bytes(), case(*ignore_case), false),
        PathMatch::Regex(pattern) => match pattern.literal() {
            Some(whole) => (whole, Case::Kept, true),
            None => {
                let (start, ignore_case) = pattern.start();
                (start, case(ignore_case), false)
            }
        },
    }
}

impl Bucket {
    fn new(places: &[usize], routes: &[Route], numbering: &mut Numbering) -> Self {
        let mut facts = |place: usize| -> Vec<usize> {
            let route = routes.get(place).filter(|_| places.len() > FEW);
            let facts = route.into_iter().flat_map(|it| facts::of_route(&it.matcher));
            facts.map(|fact| numbering.number(fact)).collect()
        };
        let routes: Vec<_> = places.iter().map(|place| (*place, facts(*place))).collect();
        let insisted = routes
            .iter()
            .flat_map(|(place, facts)| facts.iter().map(|fact| (*fact, *place)));
        let mut all: Vec<Entry> = insisted.collect();
        all.sort_unstable();
        let count = |fact: usize| {
            all.partition_point(|(it, _)| *it <= fact) - all.partition_point(|(it, _)| *it < fact)
        };
        // Of several facts, the one that the fewest routes insist on tells the most.
        let rarest = |facts: &[usize]| facts.iter().map(|fact| (count(*fact), *fact)).min();
        let entry =
            |(place, facts): &(usize, Vec<usize>)| (rarest(facts).map_or(NO_FACT, |(_, it)| it), *place);
        let mut entries: Vec<Entry> = routes.iter().map(entry).collect();
        entries.sort_unstable();
        Self(entries.into())
    }

    fn is_split(&self) -> bool {
        self.0.last().is_some_and(|(fact, _)| *fact != NO_FACT)
    }

    /// The routes that are kept apart by a fact.
    fn part(&self, fact: usize) -> Option<Part<'_>> {
        let start = self.0.partition_point(|(it, _)| *it < fact);
        let from = self.0.get(start..)?;
        let part = from.get(..from.partition_point(|(it, _)| *it == fact))?;
        let ((_, first), rest) = part.split_first()?;
        Some(Reverse((*first, rest)))
    }
}

/// The place of the next route, and the entries of those that follow.
type Part<'i> = Reverse<(usize, &'i [Entry])>;

/// Places of routes, in list order.
#[derive(Debug)]
pub(crate) struct Candidates<'i>(BinaryHeap<Part<'i>>);

impl Iterator for Candidates<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let mut part = self.0.peek_mut()?;
        let Reverse((place, rest)) = *part;
        match rest.split_first() {
            Some(((_, next), rest)) => *part = Reverse((*next, rest)),
            None => drop(PeekMut::pop(part)),
        }
        Some(place)
    }
}
