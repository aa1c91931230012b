//! Texts in a tree that keeps only once what several of them begin with. One walk along a value finds those that it
//! begins with: the length of the value counts, the number of texts does not.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::ops::Range;

/// Whether the case of ASCII letters counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// It does.
    Kept,
    /// It does not.
    Folded,
}

impl Case {
    /// What a text is known by.
    pub(super) fn fold(self, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Kept => text.to_vec(),
            Self::Folded => text.to_ascii_lowercase(),
        }
    }
}

/// Texts as [`Case::fold`] gives them, and their numbers.
pub(super) type Numbered = BTreeMap<Vec<u8>, usize>;

/// Texts, each with a number.
///
/// One type for all that is looked up by text: a generic one made the module a twentieth larger.
#[derive(Debug)]
pub(super) struct Trie {
    case: Case,
    /// The first is the root; siblings lie side by side, in the order of their first bytes.
    nodes: Vec<Node>,
    /// The first byte of each node's label.
    firsts: Vec<u8>,
    labels: Vec<u8>,
}

/// All that a node has ends where the same of the next node begins, so only the starts are kept. 32 bits are enough: a
/// configuration is shorter than 4 GiB.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// What leads here from the node above, in `labels`.
    label: u32,
    /// The first child, in `nodes`.
    children: u32,
    /// The number of the text that ends here, or [`NO_TEXT`].
    number: u32,
}

/// The number of a node at which no text ends.
const NO_TEXT: u32 = u32::MAX;

/// The texts below a node that has no children yet, and the length of what they share with it.
struct Below<'t> {
    texts: &'t [(Vec<u8>, usize)],
    depth: usize,
}

impl Trie {
    /// The tree of these texts.
    pub(super) fn new(texts: Numbered, case: Case) -> Self {
        let mut trie = Self {
            case,
            nodes: Vec::new(),
            firsts: Vec::new(),
            labels: Vec::new(),
        };
        let texts: Vec<_> = texts.into_iter().collect();
        trie.push(&[]);
        // Row by row rather than by recursion, since the configuration decides how deep this goes.
        let mut rows = VecDeque::from([Below {
            texts: &texts,
            depth: 0,
        }]);
        let mut at = 0;
        while let Some(Below { texts, depth }) = rows.pop_front() {
            let ends_here = texts.first().is_some_and(|(text, _)| text.len() == depth);
            let (own, longer) = texts.split_at(usize::from(ends_here));
            let start = trie.nodes.len();
            for texts in longer.chunk_by(|(one, _), (other, _)| one.get(depth) == other.get(depth)) {
                let label = shared(texts, depth);
                let depth = depth + label.len();
                trie.push(label);
                rows.push_back(Below { texts, depth });
            }
            if let Some(node) = trie.nodes.get_mut(at) {
                node.children = index(start);
                node.number = own.first().map_or(NO_TEXT, |(_, number)| index(*number));
            }
            at += 1;
        }
        trie.nodes.shrink_to_fit();
        trie.firsts.shrink_to_fit();
        trie.labels.shrink_to_fit();
        trie
    }

    fn push(&mut self, label: &[u8]) {
        self.nodes.push(Node {
            label: index(self.labels.len()),
            children: 0,
            number: NO_TEXT,
        });
        self.labels.extend_from_slice(label);
        self.firsts.push(label.first().copied().unwrap_or_default());
    }

    /// The texts that `value` begins with, the shortest first: what is left of the value behind each, and its
    /// number.
    pub(super) fn walk<'v>(&self, value: &'v [u8]) -> impl Iterator<Item = (&'v [u8], usize)> {
        let root = self.nodes.first().map(|node| (value, 0, node));
        core::iter::successors(root, |(rest, place, _)| self.below(*place, rest))
            .filter(|(_, _, node)| node.number != NO_TEXT)
            .map(|(rest, _, node)| (rest, node.number as usize))
    }

    /// The number of `value` itself.
    pub(super) fn get(&self, value: &[u8]) -> Option<usize> {
        self.walk(value)
            .find(|(rest, _)| rest.is_empty())
            .map(|(_, number)| number)
    }

    /// The node below that `rest` leads to: what is left then, its place, and itself.
    fn below<'v>(&self, place: usize, rest: &'v [u8]) -> Option<(&'v [u8], usize, &Node)> {
        let first = rest.first()?;
        let first = match self.case {
            Case::Kept => *first,
            Case::Folded => first.to_ascii_lowercase(),
        };
        let children = self.range(place, |node| node.children, self.nodes.len())?;
        let start = children.start;
        let place = start + self.firsts.get(children)?.binary_search(&first).ok()?;
        let label = self.range(place, |node| node.label, self.labels.len())?;
        let label = self.labels.get(label)?;
        let (start, rest) = rest.split_at_checked(label.len())?;
        let is_same = match self.case {
            Case::Kept => start == label,
            Case::Folded => start.eq_ignore_ascii_case(label),
        };
        is_same.then_some((rest, place, self.nodes.get(place)?))
    }

    /// From what the node at a place has to what the next one has, or to the end.
    fn range(&self, place: usize, start: fn(&Node) -> u32, end: usize) -> Option<Range<usize>> {
        let next = self.nodes.get(place + 1).map_or(end, |node| start(node) as usize);
        Some(start(self.nodes.get(place)?) as usize..next)
    }
}

/// A place in one of the lists. Lists of four billion entries do not fit into a VM.
fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(NO_TEXT)
}

/// What all of these sorted texts go on with behind `depth`.
fn shared(texts: &[(Vec<u8>, usize)], depth: usize) -> &[u8] {
    let (Some((first, _)), Some((last, _))) = (texts.first(), texts.last()) else {
        return &[];
    };
    let first = first.get(depth..).unwrap_or_default();
    let last = last.get(depth..).unwrap_or_default();
    let length = first
        .iter()
        .zip(last)
        .take_while(|(one, other)| one == other)
        .count();
    first.get(..length).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Case, Trie};
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn trie(texts: &[&str], case: Case) -> Trie {
        let texts = texts.iter().map(|text| (case.fold(text.as_bytes()), 0));
        Trie::new(texts.collect(), case)
    }

    #[track_caller]
    fn check(trie: &Trie, value: &str, left: &[&str]) {
        let found: Vec<_> = trie.walk(value.as_bytes()).map(|(rest, _)| rest).collect();
        let expected: Vec<_> = left.iter().map(|it| it.as_bytes()).collect();
        assert_eq!(found, expected, "{value}");
        assert_eq!(
            trie.get(value.as_bytes()).is_some(),
            left.contains(&""),
            "{value}"
        );
    }

    #[test]
    fn the_texts_that_a_value_begins_with_come_shortest_first() {
        let texts = trie(&["", "/a", "/ab/c", "/abc", "/b"], Case::Kept);
        check(&texts, "/ab/cd", &["/ab/cd", "b/cd", "d"]);
        check(&texts, "/ab/c", &["/ab/c", "b/c", ""]);
        check(&texts, "/", &["/"]);
        check(&texts, "", &[""]);
        check(&texts, "/B", &["/B"]);
    }

    #[test]
    fn folded_texts_have_no_case() {
        check(&trie(&["/Ab", "/aB/Ç"], Case::Folded), "/AB/Ç", &["/Ç", ""]);
        check(&trie(&["/ç"], Case::Folded), "/Ç", &[]);
    }

    #[test]
    fn without_texts_nothing_is_found() {
        let none = trie(&[], Case::Kept);
        check(&none, "/", &[]);
    }

    #[test]
    fn depth_does_not_hurt() {
        let texts: Vec<_> = (0..5_000).map(|length| "a".repeat(length)).collect();
        let texts: Vec<_> = texts.iter().map(|it| &**it).collect();
        assert_eq!(
            trie(&texts, Case::Kept)
                .walk("a".repeat(6_000).as_bytes())
                .count(),
            5_000
        );
    }

    proptest! {
        #[test]
        fn a_walk_finds_what_a_look_at_each_text_finds(
            texts in prop::collection::btree_set("[abA]{0,5}", 0..24),
            value in "[abA]{0,7}",
            folded: bool,
        ) {
            let case = if folded { Case::Folded } else { Case::Kept };
            let trie = trie(&texts.iter().map(|it| &**it).collect::<Vec<_>>(), case);
            let folded: BTreeSet<_> = texts.iter().map(|text| case.fold(text.as_bytes())).collect();
            let known = case.fold(value.as_bytes());
            let expected: BTreeSet<_> = folded.iter().filter(|it| known.starts_with(it)).map(Vec::len).collect();
            let found: Vec<_> = trie.walk(value.as_bytes()).map(|(rest, _)| value.len() - rest.len()).collect();
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
