//! From the events of the parser to trees, one for each document of a stream.
//!
//! A document with a syntax error is lost as a whole; the next one is read. Anchors are shared, not
//! copied, and what aliases add up to is bounded, so that a small file can't become a large tree.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};

use super::{Entry, Node, Scalar, Value};
use crate::source::{Place, small};

/// How many nodes aliases may stand for in one document.
const MOST_ALIASED_NODES: usize = 200_000;
/// How deep lists and maps may be nested, aliases included.
const DEEPEST: usize = 200;

/// One document of a stream.
#[derive(Debug)]
pub(crate) struct Document {
    /// `None` if the document is empty.
    pub(crate) root: Option<Arc<Node>>,
    /// Keys that were given before in the same map.
    pub(crate) duplicates: Vec<Duplicate>,
    /// The place of content that begins on the line of the `---` before it.
    pub(crate) beside_separator: Option<Place>,
}

/// A key that was given before in the same map.
#[derive(Debug)]
pub(crate) struct Duplicate {
    pub(crate) key: String,
    /// Of the value, from the root of the document.
    pub(crate) path: String,
    pub(crate) place: Place,
    pub(crate) first: Place,
}

/// Why a document could not be read.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    pub(crate) place: Place,
    pub(crate) message: String,
}

/// Reads all documents of a stream; JSON texts may follow one another without a separator.
pub(crate) fn parse(text: &str) -> Vec<Result<Document, SyntaxError>> {
    let mut documents = Vec::new();
    let start = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let mut base = Base {
        line: 0,
        column: 0,
        byte: start,
    };
    for chunk in split_json(&text[start..]) {
        parse_stream(chunk, base, &mut documents);
        base = base.after(chunk);
    }
    documents
}

/// Where a chunk begins in the source.
#[derive(Clone, Copy)]
struct Base {
    line: usize,
    column: usize,
    byte: usize,
}

impl Base {
    fn after(self, chunk: &str) -> Self {
        let lines = chunk.matches('\n').count();
        let tail = chunk.rsplit('\n').next().unwrap_or_default().chars().count();
        let column = if lines == 0 { self.column + tail } else { tail };
        Self {
            line: self.line + lines,
            column,
            byte: self.byte + chunk.len(),
        }
    }

    fn place(self, start: &Marker, end: &Marker) -> Place {
        let from = self.byte + start.byte_offset().unwrap_or(0);
        let until = self.byte + end.byte_offset().unwrap_or(0);
        let column = if start.line() <= 1 { self.column } else { 0 } + start.col() + 1;
        Place {
            line: small(self.line + start.line()),
            column: small(column),
            start: small(from),
            end: small(until.max(from)),
        }
    }
}

/// Cuts `{…} {…}` into its texts. Anything else stays in one piece.
fn split_json(text: &str) -> Vec<&str> {
    let mut chunks = Vec::new();
    let mut rest = text;
    while let Some(end) = end_of_json(rest).filter(|&end| rest[end..].trim_start().starts_with('{')) {
        let (chunk, after) = rest.split_at(end);
        chunks.push(chunk);
        rest = after;
    }
    chunks.push(rest);
    chunks
}

/// The offset after the `}` that closes the `{` at the start of `text`.
fn end_of_json(text: &str) -> Option<usize> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

fn parse_stream(text: &str, base: Base, documents: &mut Vec<Result<Document, SyntaxError>>) {
    let options = granit_parser::options! { emit_comments: false, simple_key_max_lookahead: 4096 };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder::new(base);
    while let Some(event) = parser.next_event() {
        let result = match event {
            Ok((Event::StreamStart | Event::StreamEnd, _)) => Ok(()),
            Ok((Event::DocumentStart(explicit, _), span)) => {
                builder = Builder::new(base);
                builder.separator = explicit.then(|| base.place(&span.start, &span.end).line);
                Ok(())
            }
            Ok((Event::DocumentEnd, _)) => {
                documents.push(Ok(std::mem::replace(&mut builder, Builder::new(base)).finish()));
                Ok(())
            }
            Ok((event, span)) => builder.take(event, span),
            Err(error) => {
                let place = base.place(error.marker(), error.marker());
                Err(SyntaxError {
                    place,
                    message: error.info(),
                })
            }
        };
        if let Err(error) = result {
            documents.push(Err(error));
            if !parser.proceed_next_document().unwrap_or(false) {
                return;
            }
        }
    }
}

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
        anchor: usize,
        place: Place,
    },
    Map {
        entries: Vec<(Key, Built)>,
        key: Option<Key>,
        anchor: usize,
        place: Place,
    },
}

struct Key {
    text: String,
    merge: bool,
    place: Place,
}

struct Builder {
    base: Base,
    open: Vec<Open>,
    anchors: HashMap<usize, Built>,
    aliased: usize,
    root: Option<Built>,
    duplicates: Vec<Duplicate>,
    /// The line of the `---` that opened the document.
    separator: Option<u32>,
    beside_separator: Option<Place>,
}

impl Builder {
    fn new(base: Base) -> Self {
        Self {
            base,
            open: Vec::new(),
            anchors: HashMap::new(),
            aliased: 0,
            root: None,
            duplicates: Vec::new(),
            separator: None,
            beside_separator: None,
        }
    }

    fn finish(self) -> Document {
        let root = self.root.map(|it| it.node).filter(|it| !it.is_null());
        Document {
            root,
            duplicates: self.duplicates,
            beside_separator: self.beside_separator,
        }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), SyntaxError> {
        let place = self.base.place(&span.start, &span.end);
        if self.separator.take() == Some(place.line) && !span.is_empty() {
            self.beside_separator = Some(place);
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let expects_key = matches!(self.open.last(), Some(Open::Map { key: None, .. }));
                if expects_key && plain && text == "<<" && tag.is_none() {
                    return self.put_key(Key {
                        text: "<<".to_owned(),
                        merge: true,
                        place,
                    });
                }
                let scalar = meaning(&text, plain, tag.as_deref())
                    .map_err(|message| SyntaxError { place, message })?;
                self.put(leaf(scalar, place), anchor)
            }
            Event::SequenceStart(_, anchor, _) => self.enter(Open::List {
                items: Vec::new(),
                anchor,
                place,
            }),
            Event::MappingStart(_, anchor, _) => self.enter(Open::Map {
                entries: Vec::new(),
                key: None,
                anchor,
                place,
            }),
            Event::SequenceEnd | Event::MappingEnd => self.leave(place),
            Event::Alias(id) => self.put_alias(id, place),
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
                let value = Value::Map(self.merge(entries)?);
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

    fn put_alias(&mut self, id: usize, place: Place) -> Result<(), SyntaxError> {
        let Some(built) = self.anchors.get(&id).cloned() else {
            let message = "this alias stands inside the value that its anchor names".to_owned();
            return Err(SyntaxError { place, message });
        };
        self.aliased = self.aliased.saturating_add(built.size);
        if self.aliased > MOST_ALIASED_NODES {
            let message =
                format!("the aliases of this document stand for more than {MOST_ALIASED_NODES} values");
            return Err(SyntaxError { place, message });
        }
        if built.depth + self.open.len() > DEEPEST {
            return Err(too_deep(place));
        }
        self.put(built, 0)
    }

    fn put(&mut self, built: Built, anchor: usize) -> Result<(), SyntaxError> {
        if anchor != 0 {
            self.anchors.insert(anchor, built.clone());
        }
        match self.open.last_mut() {
            Some(Open::List { items, .. }) => items.push(built),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                Some(key) => entries.push((key, built)),
                None => match &built.node.value {
                    Value::Scalar(scalar) => {
                        *key = Some(Key {
                            text: scalar.as_text(),
                            merge: false,
                            place: built.node.place,
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

    /// The path of a key of the map that has just been left.
    fn path_of(&self, key: &str) -> String {
        let mut path = String::new();
        for open in &self.open {
            match open {
                Open::List { items, .. } => path.push_str(&format!("[{}]", items.len())),
                Open::Map { key: Some(key), .. } => {
                    path.push_str(if path.is_empty() { "" } else { "." });
                    path.push_str(&key.text);
                }
                Open::Map { key: None, .. } => {}
            }
        }
        path.push_str(if path.is_empty() { "" } else { "." });
        path + key
    }

    fn put_key(&mut self, it: Key) -> Result<(), SyntaxError> {
        if let Some(Open::Map { key, .. }) = self.open.last_mut() {
            *key = Some(it);
        }
        Ok(())
    }

    /// Each key once, merge keys spread out. As in go-yaml 2 everything counts in the order in
    /// which it is written: a merge key after a key of its own overrides that key.
    fn merge(&mut self, written: Vec<(Key, Built)>) -> Result<Vec<Entry>, SyntaxError> {
        let mut entries: Vec<Entry> = Vec::with_capacity(written.len());
        let mut index: HashMap<String, usize> = HashMap::new();
        let mut own: HashMap<String, Place> = HashMap::new();
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
                let path = self.path_of(&key.text);
                self.duplicates.push(Duplicate {
                    key: key.text.clone(),
                    path,
                    place: key.place,
                    first,
                });
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

fn set(entries: &mut Vec<Entry>, index: &mut HashMap<String, usize>, entry: Entry) {
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
        message: format!("`<<` wants a map or a list of maps, this is {}", node.describe()),
    };
    match &node.value {
        Value::Map(entries) => Ok(vec![entries]),
        Value::List(items) => items
            .iter()
            .map(|item| match &item.value {
                Value::Map(entries) => Ok(entries.as_slice()),
                Value::Scalar(_) | Value::List(_) => Err(refuse(item)),
            })
            .collect(),
        Value::Scalar(_) => Err(refuse(node)),
    }
}

fn meaning(text: &str, plain: bool, tag: Option<&Tag>) -> Result<Scalar, String> {
    match tag {
        Some(tag) => match tag.core_suffix() {
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
