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

#[derive(Debug)]
struct Node {
    /// What leads here from the node above, in `labels`.
    label: Range<usize>,
    /// Places in `nodes`.
    children: Range<usize>,
    /// The number of the text that ends here.
    number: Option<usize>,
}

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
            let children = start..trie.nodes.len();
            if let Some(node) = trie.nodes.get_mut(at) {
                node.children = children;
                node.number = own.first().map(|(_, number)| *number);
            }
            at += 1;
        }
        trie
    }

    fn push(&mut self, label: &[u8]) {
        let start = self.labels.len();
        self.labels.extend_from_slice(label);
        self.firsts.push(label.first().copied().unwrap_or_default());
        self.nodes.push(Node {
            label: start..self.labels.len(),
            children: 0..0,
            number: None,
        });
    }

    /// The texts that `value` begins with, the shortest first: what is left of the value behind each, and its
    /// number.
    pub(super) fn walk<'v>(&self, value: &'v [u8]) -> impl Iterator<Item = (&'v [u8], usize)> {
        let root = self.nodes.first().map(|node| (value, node));
        core::iter::successors(root, |(rest, node)| self.below(node, rest))
            .filter_map(|(rest, node)| Some((rest, node.number?)))
    }

    /// The number of `value` itself.
    pub(super) fn get(&self, value: &[u8]) -> Option<usize> {
        self.walk(value)
            .find(|(rest, _)| rest.is_empty())
            .map(|(_, number)| number)
    }

    fn below<'v>(&self, node: &Node, rest: &'v [u8]) -> Option<(&'v [u8], &Node)> {
        let first = rest.first()?;
        let first = match self.case {
            Case::Kept => *first,
            Case::Folded => first.to_ascii_lowercase(),
        };
        let siblings = self.firsts.get(node.children.clone())?;
        let place = node.children.start + siblings.binary_search(&first).ok()?;
        let child = self.nodes.get(place)?;
        let label = self.labels.get(child.label.clone())?;
        let (start, rest) = rest.split_at_checked(label.len())?;
        let is_same = match self.case {
            Case::Kept => start == label,
            Case::Folded => start.eq_ignore_ascii_case(label),
        };
        is_same.then_some((rest, child))
    }
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
