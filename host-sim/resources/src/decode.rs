//! From trees to typed messages, by the rules of proto3's JSON form.
//!
//! Errors accumulate: what can't be read becomes its default, and the path is remembered so that
//! validation does not complain about the same place again. Which fields a message has is said
//! where it is declared (`message!`); which values make sense is said in `validate`.

mod duration;
mod message;
mod oneof;
mod scalars;
mod suggest;

use crate::code::Code;
pub(crate) use message::{
    Field, Message, Schema, choice, decode_message, is_key, message, warn_of_snake_case,
};
pub(crate) use oneof::{OneOf, decode_alone, oneof};
pub use suggest::{closest, name_list};

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::place::Place;
use crate::yaml::{Entry, Node, Value};

/// A type that can be read from a value that is there. What is missing or null is the default.
pub(crate) trait Decode: Sized + Default {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Self;

    /// The fields, if this is a message or holds messages.
    fn schema() -> Option<&'static Schema> {
        None
    }
}

/// Where decoding is, and where its findings go.
pub(crate) struct Decoder<'d> {
    pub(crate) file: &'d Arc<str>,
    pub(crate) subject: String,
    pub(crate) diagnostics: &'d mut Diagnostics,
    /// Whether unknown fields are errors.
    pub(crate) strict: bool,
    /// Whether messages must not quote values: they belong to a Secret.
    pub(crate) is_confidential: bool,
    path: String,
    /// The messages around the present place, outermost first, each with its path.
    around: Vec<(&'static Schema, String)>,
    /// Fields that could not be read.
    pub(crate) unread: Vec<String>,
}

impl<'d> Decoder<'d> {
    pub(crate) fn new(
        file: &'d Arc<str>,
        subject: String,
        strict: bool,
        diagnostics: &'d mut Diagnostics,
    ) -> Self {
        let (path, around, unread) = (String::new(), Vec::new(), Vec::new());
        Self {
            file,
            subject,
            diagnostics,
            strict,
            is_confidential: false,
            path,
            around,
            unread,
        }
    }

    /// Decodes the value of a field.
    pub(crate) fn field<T: Decode>(&mut self, entry: &Entry) -> T {
        if entry.value.is_null() {
            return T::default();
        }
        let length = self.enter_field(&entry.key);
        let value = T::decode(&entry.value, self);
        self.path.truncate(length);
        value
    }

    pub(crate) fn enter_field(&mut self, key: &str) -> usize {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        length
    }

    pub(crate) fn leave_field(&mut self, length: usize) {
        self.path.truncate(length);
    }

    fn item<T: Decode>(&mut self, index: usize, node: &Node) -> T {
        if node.is_null() {
            return T::default();
        }
        let length = self.path.len();
        let _ = write!(self.path, "[{index}]"); // writing to a String can't fail
        let value = T::decode(node, self);
        self.path.truncate(length);
        value
    }

    /// The path of the value that is being decoded.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// An error about the value that is being decoded.
    pub(crate) fn refuse(&mut self, code: Code, place: Place, message: String) -> &mut Diagnostic {
        self.unread.push(self.path.clone());
        let span = place.in_file(self.file);
        self.diagnostics
            .error(code, message)
            .about(&self.subject, &self.path)
            .at(span)
    }

    /// A warning about the value that is being decoded.
    pub(crate) fn warn(&mut self, code: Code, place: Place, message: String) -> &mut Diagnostic {
        let span = place.in_file(self.file);
        self.diagnostics
            .warn(code, message)
            .about(&self.subject, &self.path)
            .at(span)
    }

    /// "found …, wanted …".
    pub(crate) fn wrong_type(&mut self, node: &Node, wanted: &str) -> &mut Diagnostic {
        let found = if self.is_confidential {
            node.type_name().to_owned()
        } else {
            node.describe()
        };
        let message = format!("expected {wanted}, found {found}");
        self.refuse(Code::WrongType, node.place, message)
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Self {
        Some(T::decode(node, cx))
    }

    fn schema() -> Option<&'static Schema> {
        T::schema()
    }
}

/// For fields that few resources have, so that the others are small.
impl<T: Decode> Decode for Box<T> {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Self {
        Self::new(T::decode(node, cx))
    }

    fn schema() -> Option<&'static Schema> {
        T::schema()
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Self {
        match &node.value {
            Value::List(items) => items.iter().enumerate().map(|(at, it)| cx.item(at, it)).collect(),
            Value::Scalar(_) | Value::Map(_) => {
                let field = cx.path().rsplit('.').next().unwrap_or_default().to_owned();
                let is_confidential = cx.is_confidential;
                let finding = cx.wrong_type(node, "a list");
                match &node.value {
                    Value::Scalar(_) if is_confidential => {}
                    Value::Scalar(scalar) => {
                        finding.help(format!("write `{field}: [{}]`", scalar.as_yaml()));
                    }
                    _ => {
                        finding.help(format!(
                            "put a `-` before the first field of each item of `{field}`"
                        ));
                    }
                }
                Vec::new()
            }
        }
    }

    fn schema() -> Option<&'static Schema> {
        T::schema()
    }
}

impl<T: Decode> Decode for BTreeMap<String, T> {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Self {
        match &node.value {
            Value::Map(entries) => entries
                .iter()
                .map(|it| (it.key.to_string(), cx.field(it)))
                .collect(),
            Value::Scalar(_) | Value::List(_) => {
                let field = cx.path().rsplit('.').next().unwrap_or_default().to_owned();
                cx.wrong_type(node, "a map")
                    .help(format!("write `{field}: {{name: value}}`"));
                BTreeMap::new()
            }
        }
    }
}
