//! YAML as a tree that knows where everything was written.
//!
//! The meaning of plain scalars is that of `sigs.k8s.io/yaml`, which reads resources in Kubernetes
//! and Istio: YAML 1.1 with `yes` and `off` as booleans. What a resource is, is not decided here.
//! Other files that people write beside their resources can be read by the same rules: [`trees`](crate::trees) gives
//! their documents, and [`Part`](crate::Part) reads a piece of a resource inside one of them.

mod build;
mod dialect;
mod parse;
mod scalar;
mod split;

pub use parse::is_caught;
pub(crate) use parse::{Document, Oddity, SyntaxError, parse};
pub(crate) use scalar::short;
pub use scalar::{Scalar, Written};

use std::sync::Arc;

use crate::camel_case::camel_case;
use crate::place::Place;

/// A value and where it is written.
#[derive(Debug, Clone)]
pub struct Node {
    /// What is written.
    pub value: Value,
    /// Where.
    pub place: Place,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub enum Value {
    /// A text, a number and so on.
    Scalar(Scalar),
    /// The items in order.
    List(Box<[Arc<Node>]>),
    /// Each key once; in the order of first appearance.
    Map(Box<[Entry]>),
}

/// A key of a map and what it leads to.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key, always a text. Entries with the same key share it.
    pub key: Arc<str>,
    /// Where the key is written.
    pub key_place: Place,
    /// The value.
    pub value: Arc<Node>,
}

impl Node {
    /// Whether it is nothing at all.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(Scalar::Null))
    }

    /// The value behind a key, if this is a map.
    pub fn get(&self, key: &str) -> Option<&Arc<Node>> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|it| *it.key == *key).map(|it| &it.value),
            Value::Scalar(_) | Value::List(_) => None,
        }
    }

    /// What this is, for messages: `the text "80"`, `a list`.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Scalar(scalar) => scalar.describe(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }

    /// What kind of value this is, without the value: `a text`, `a list`.
    pub(crate) fn type_name(&self) -> &'static str {
        match &self.value {
            Value::Scalar(scalar) => scalar.type_name(),
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// The node at `path`, if it is written.
    pub(crate) fn find(&self, path: &str) -> Option<&Node> {
        let mut walk = Walk {
            node: self,
            place: self.place,
            rest: path,
        };
        while walk.step() {}
        walk.rest.is_empty().then_some(walk.node)
    }

    /// The place of the field at `path`, or of its nearest ancestor.
    pub(crate) fn place_of(&self, path: &str) -> Place {
        let mut walk = Walk {
            node: self,
            place: self.place,
            rest: path,
        };
        while walk.step() {}
        walk.place
    }
}

struct Walk<'n, 'p> {
    node: &'n Node,
    place: Place,
    rest: &'p str,
}

impl Walk<'_, '_> {
    /// Goes one step down; false at the end of the path or of what is written.
    fn step(&mut self) -> bool {
        let rest = self.rest.strip_prefix('.').unwrap_or(self.rest);
        match &self.node.value {
            Value::Map(entries) => {
                // Keys may hold dots (`app.kubernetes.io/name`), so the longest key that fits counts.
                let fitting = entries
                    .iter()
                    .filter_map(|it| Some((it, after_key(rest, &it.key)?)));
                let Some((entry, rest)) = fitting.max_by_key(|(it, _)| it.key.len()) else {
                    return false;
                };
                // A scalar is shown by its value, a block by its key.
                let scalar = matches!(&entry.value.value, Value::Scalar(it) if *it != Scalar::Null);
                self.place = if scalar {
                    entry.value.place
                } else {
                    entry.key_place
                };
                (self.node, self.rest) = (&entry.value, rest);
                true
            }
            Value::List(items) => {
                let Some((index, rest)) = rest.strip_prefix('[').and_then(|it| it.split_once(']')) else {
                    return false;
                };
                let Some(item) = index.parse::<usize>().ok().and_then(|it| items.get(it)) else {
                    return false;
                };
                (self.node, self.place, self.rest) = (item, item.place, rest);
                true
            }
            Value::Scalar(_) => false,
        }
    }
}

/// What follows `key` at the start of `path`. A field may be written in either of its spellings.
fn after_key<'p>(path: &'p str, key: &str) -> Option<&'p str> {
    let rest = match path.strip_prefix(key) {
        Some(rest) => rest,
        None if key.contains('_') => path.strip_prefix(&camel_case(key))?,
        None => return None,
    };
    (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
}
