//! From the events of the parser to the tree of one document.
//!
//! Anchors are shared, not copied, and what aliases add up to is bounded, so that a small file can't
//! become a large tree.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::mem::take;
use std::sync::Arc;

use libyaml_safer::{EventData, ScalarStyle};

use super::parse::{Document, Oddity, Remark, SyntaxError};
use super::{Entry, Node, Scalar, Value};
use crate::place::Place;

/// How many nodes aliases may expand to in one document.
const MOST_ALIASED_NODES: usize = 200_000;
/// How deep lists and maps may be nested, aliases included.
const DEEPEST: usize = 200;

/// A value with what the bounds need to know about it.
#[derive(Clone)]
struct Built {
    node: Arc<Node>,
    size: usize,
    depth: usize,
}

enum Open {
    List {
        items: Vec<Built>,
        anchor: Option<String>,
        place: Place,
    },
    Map {
        entries: Vec<(Key, Built)>,
        key: Option<Key>,
        anchor: Option<String>,
        place: Place,
    },
}

impl Open {
    fn anchor(&self) -> Option<&str> {
        match self {
            Self::List { anchor, .. } | Self::Map { anchor, .. } => anchor.as_deref(),
        }
    }
}

struct Key {
    text: Arc<str>,
    /// The text as written, if that means a boolean or number of another look.
    written: Option<String>,
    merge: bool,
    place: Place,
}

/// The keys of a source. Few are different, so all places of one share its text.
#[derive(Default)]
pub(super) struct Keys(HashSet<Arc<str>>);

impl Keys {
    fn shared(&mut self, key: &str) -> Arc<str> {
        if let Some(known) = self.0.get(key) {
            return Arc::clone(known);
        }
        let new = Arc::from(key);
        self.0.insert(Arc::clone(&new));
        new
    }
}

/// The tree of one document, as far as it has come.
pub(super) struct Builder<'k> {
    keys: &'k mut Keys,
    open: Vec<Open>,
    anchors: HashMap<String, Built>,
    aliased: usize,
    root: Option<Built>,
    remarks: Vec<Remark>,
    /// The line of the `---` that opened the document.
    separator: Option<u32>,
    beside_separator: Option<Place>,
}

impl<'k> Builder<'k> {
    pub(super) fn new(keys: &'k mut Keys) -> Self {
        Self {
            keys,
            open: Vec::new(),
            anchors: HashMap::new(),
            aliased: 0,
            root: None,
            remarks: Vec::new(),
            separator: None,
            beside_separator: None,
        }
    }

    /// Remembers the `---` before the document.
    pub(super) fn begin_after(&mut self, separator: Place) {
        self.separator = Some(separator.line);
    }

    /// The document, which is complete. What follows is the next one.
    pub(super) fn finish(&mut self) -> Document {
        let root = self.root.take().map(|it| it.node);
        self.anchors.clear();
        self.aliased = 0;
        Document {
            root: root.filter(|it| !it.is_null()),
            remarks: take(&mut self.remarks),
            beside_separator: self.beside_separator.take(),
            after_end: None,
        }
    }

    /// Takes the next event of the document, which is written at `place`.
    pub(super) fn take(&mut self, event: EventData, place: Place) -> Result<(), SyntaxError> {
        if self.separator.take() == Some(place.line) && place.end > place.start {
            self.beside_separator = Some(place);
        }
        match event {
            EventData::Scalar {
                anchor,
                tag,
                value,
                style,
                ..
            } => {
                let plain = style == ScalarStyle::Plain;
                let expects_key = matches!(self.open.last(), Some(Open::Map { key: None, .. }));
                if expects_key && plain && value == "<<" && tag.is_none() {
                    let text = self.keys.shared(&value);
                    return self.put_key(Key {
                        text,
                        written: None,
                        merge: true,
                        place,
                    });
                }
                let scalar = meaning(&value, plain, tag.as_deref())
                    .map_err(|message| SyntaxError { place, message })?;
                self.put(leaf(scalar, place), anchor)
            }
            EventData::SequenceStart { anchor, .. } => self.enter(Open::List {
                items: Vec::new(),
                anchor,
                place,
            }),
            EventData::MappingStart { anchor, .. } => self.enter(Open::Map {
                entries: Vec::new(),
                key: None,
                anchor,
                place,
            }),
            EventData::SequenceEnd | EventData::MappingEnd => self.leave(place),
            EventData::Alias { anchor } => self.put_alias(&anchor, place),
            _ => Ok(()),
        }
    }

    fn enter(&mut self, open: Open) -> Result<(), SyntaxError> {
        let (Open::List { place, .. } | Open::Map { place, .. }) = open;
        if let Some(Open::Map { key: None, .. }) = self.open.last() {
            let message = "a list or a map can't be the key of a map".to_owned();
            return Err(SyntaxError { place, message });
        }
        if self.open.len() >= DEEPEST {
            return Err(too_deep(place));
        }
        self.open.push(open);
        Ok(())
    }

    fn leave(&mut self, end: Place) -> Result<(), SyntaxError> {
        match self.open.pop() {
            Some(Open::List { items, anchor, place }) => {
                let (size, depth) = measure(items.iter());
                let value = Value::List(items.into_iter().map(|it| it.node).collect());
                let place = Place {
                    end: end.end.max(place.start),
                    ..place
                };
                self.put(
                    Built {
                        node: Arc::new(Node { value, place }),
                        size,
                        depth,
                    },
                    anchor,
                )
            }
            Some(Open::Map {
                entries,
                anchor,
                place,
                ..
            }) => {
                let (size, depth) = measure(entries.iter().map(|(_, value)| value));
                let value = Value::Map(self.merge(entries)?.into());
                let place = Place {
                    end: end.end.max(place.start),
                    ..place
                };
                self.put(
                    Built {
                        node: Arc::new(Node { value, place }),
                        size,
                        depth,
                    },
                    anchor,
                )
            }
            None => Ok(()),
        }
    }

    fn put_alias(&mut self, name: &str, place: Place) -> Result<(), SyntaxError> {
        let Some(built) = self.anchors.get(name).cloned() else {
            // The name may be a piece of a Secret: the source line shows it, where it may be shown.
            let message = if self.open.iter().any(|it| it.anchor() == Some(name)) {
                "this alias is inside the value that its anchor names"
            } else {
                "no anchor of this name is defined before the alias"
            };
            let message = message.to_owned();
            return Err(SyntaxError { place, message });
        };
        self.aliased = self.aliased.saturating_add(built.size);
        if self.aliased > MOST_ALIASED_NODES {
            let message =
                format!("the aliases of this document expand to more than {MOST_ALIASED_NODES} values");
            return Err(SyntaxError { place, message });
        }
        if built.depth + self.open.len() > DEEPEST {
            return Err(too_deep(place));
        }
        self.put(built, None)
    }

    fn put(&mut self, built: Built, anchor: Option<String>) -> Result<(), SyntaxError> {
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, built.clone());
        }
        match self.open.last_mut() {
            Some(Open::List { items, .. }) => items.push(built),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                Some(key) => entries.push((key, built)),
                None => match &built.node.value {
                    Value::Scalar(scalar) => {
                        let (text, place) = (scalar.as_text(), built.node.place);
                        let written = scalar.written().filter(|it| **it != text).cloned();
                        *key = Some(Key {
                            text: self.keys.shared(&text),
                            written,
                            merge: false,
                            place,
                        });
                    }
                    Value::List(_) | Value::Map(_) => {
                        let message = "a list or a map can't be the key of a map".to_owned();
                        return Err(SyntaxError {
                            place: built.node.place,
                            message,
                        });
                    }
                },
            },
            None => self.root = Some(built),
        }
        Ok(())
    }

    /// Something odd about a key of the map that has just been left.
    fn remark(&mut self, key: &Key, oddity: Oddity) {
        let mut path = String::new();
        for open in &self.open {
            match open {
                Open::List { items, .. } => {
                    let _ = write!(path, "[{}]", items.len()); // writing to a String can't fail
                }
                Open::Map { key: Some(key), .. } => {
                    path.push_str(if path.is_empty() { "" } else { "." });
                    path.push_str(&key.text);
                }
                Open::Map { key: None, .. } => {}
            }
        }
        path.push_str(if path.is_empty() { "" } else { "." });
        path.push_str(&key.text);
        let (key, place) = (key.text.to_string(), key.place);
        self.remarks.push(Remark {
            key,
            path,
            place,
            oddity,
        });
    }

    fn put_key(&mut self, new: Key) -> Result<(), SyntaxError> {
        if let Some(Open::Map { key, .. }) = self.open.last_mut() {
            *key = Some(new);
        }
        Ok(())
    }

    /// Each key once, merge keys spread out. As in go-yaml 2 everything counts in the order in
    /// which it is written: a merge key overrides a key that comes before it.
    fn merge(&mut self, written: Vec<(Key, Built)>) -> Result<Vec<Entry>, SyntaxError> {
        let mut entries: Vec<Entry> = Vec::with_capacity(written.len());
        let mut index: HashMap<Arc<str>, usize> = HashMap::new();
        let mut own: HashMap<Arc<str>, Place> = HashMap::new();
        for (key, value) in written {
            if key.merge {
                for merged in merged_maps(&value.node)?.into_iter().rev() {
                    for entry in merged {
                        set(&mut entries, &mut index, entry.clone());
                    }
                }
                continue;
            }
            if let Some(first) = own.insert(key.text.clone(), key.place) {
                self.remark(&key, Oddity::Twice(first));
            }
            if let Some(written) = &key.written {
                self.remark(&key, Oddity::Written(written.clone()));
            }
            let entry = Entry {
                key: key.text,
                key_place: key.place,
                value: value.node,
            };
            set(&mut entries, &mut index, entry);
        }
        Ok(entries)
    }
}

fn set(entries: &mut Vec<Entry>, index: &mut HashMap<Arc<str>, usize>, entry: Entry) {
    match index.get(&entry.key).and_then(|&at| entries.get_mut(at)) {
        Some(slot) => *slot = entry,
        None => {
            index.insert(entry.key.clone(), entries.len());
            entries.push(entry);
        }
    }
}

/// The maps that a merge key names: one, or a list of them, of which the first counts most.
fn merged_maps(node: &Node) -> Result<Vec<&[Entry]>, SyntaxError> {
    let refuse = |node: &Node| SyntaxError {
        place: node.place,
        message: format!("`<<` wants a map or a list of maps, this is {}", node.type_name()),
    };
    match &node.value {
        Value::Map(entries) => Ok(vec![entries]),
        Value::List(items) => items
            .iter()
            .map(|item| match &item.value {
                Value::Map(entries) => Ok(entries.as_ref()),
                Value::Scalar(_) | Value::List(_) => Err(refuse(item)),
            })
            .collect(),
        Value::Scalar(_) => Err(refuse(node)),
    }
}

fn meaning(text: &str, plain: bool, tag: Option<&str>) -> Result<Scalar, String> {
    match tag {
        Some(tag) => match tag.strip_prefix("tag:yaml.org,2002:") {
            Some(core) => Scalar::tagged(core, text),
            None => Ok(Scalar::Text(text.to_owned())),
        },
        None if plain => Ok(Scalar::plain(text)),
        None => Ok(Scalar::Text(text.to_owned())),
    }
}

fn leaf(scalar: Scalar, place: Place) -> Built {
    Built {
        node: Arc::new(Node {
            value: Value::Scalar(scalar),
            place,
        }),
        size: 1,
        depth: 0,
    }
}

fn measure<'a>(children: impl Iterator<Item = &'a Built>) -> (usize, usize) {
    children.fold((1, 1), |(size, depth), child| {
        (size.saturating_add(child.size), depth.max(child.depth + 1))
    })
}

fn too_deep(place: Place) -> SyntaxError {
    SyntaxError {
        place,
        message: format!("lists and maps are nested more than {DEEPEST} deep"),
    }
}
