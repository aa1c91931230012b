//! Maps, lists and values of a test file, with an error for whatever is not as it should be.
//!
//! Every error names the field and its place, and says what would do. What can't be read is left out, so that one run
//! tells all that is wrong.

use std::sync::Arc;
use std::time::Duration;

use fingerpost_resources::yaml::{Entry, Node, Scalar, Value};
use fingerpost_resources::{Code, Diagnostic, Diagnostics, Place, Span, closest, name_list};
use fingerpost_routing::{Encoding, Pattern};

use crate::test_file::TestFile;
use crate::want::Text;

/// The fields of a matcher of texts.
pub(super) const TEXT: &[&str] = &["exact", "prefix", "suffix", "contains", "regex", "present"];

/// A test file that is being read.
pub(super) struct Fields<'r> {
    pub(super) file: &'r TestFile,
    pub(super) diagnostics: &'r mut Diagnostics,
}

/// A value, and the path of the field that holds it.
#[derive(Clone)]
pub(super) struct Field<'n> {
    pub(super) node: &'n Node,
    pub(super) path: String,
}

impl<'n> Field<'n> {
    /// The value of an entry of this map.
    pub(super) fn field(&self, entry: &'n Entry) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self {
            node: &entry.value,
            path: format!("{}{dot}{}", self.path, entry.key),
        }
    }

    /// The items of this list.
    fn items(&self, items: &'n [Arc<Node>]) -> Vec<Self> {
        let item = |(index, node): (usize, &'n Arc<Node>)| Self {
            node,
            path: format!("{}[{index}]", self.path),
        };
        items.iter().enumerate().map(item).collect()
    }
}

impl Fields<'_> {
    /// A place of this file.
    pub(super) fn span(&self, place: Place) -> Span {
        self.file.span(place)
    }

    /// Reports something about a value.
    pub(super) fn refuse(&mut self, field: &Field<'_>, code: Code, message: String) -> &mut Diagnostic {
        let span = self.file.span(field.node.place);
        self.diagnostics
            .error(code, message)
            .about("", field.path.clone())
            .at(span)
    }

    /// Reports that something else was expected.
    pub(super) fn expected(&mut self, field: &Field<'_>, what: &str) -> &mut Diagnostic {
        let message = format!("expected {what}, found {}", field.node.describe());
        self.refuse(field, Code::WrongType, message)
    }

    /// The entries of a map that has these fields and no others. Unknown ones are reported and left out.
    pub(super) fn map<'n>(&mut self, field: &Field<'n>, what: &str, fields: &[&str]) -> Vec<&'n Entry> {
        let Value::Map(entries) = &field.node.value else {
            self.expected(field, &format!("a map with {}", name_list(fields, "or")));
            return Vec::new();
        };
        let mut known = Vec::new();
        for entry in entries {
            if fields.contains(&&*entry.key) {
                known.push(entry);
                continue;
            }
            let help = match closest(&entry.key, fields.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its fields are {}", name_list(fields, "and")),
            };
            let span = self.span(entry.key_place);
            self.diagnostics
                .error(Code::UnknownField, format!("{what} has no field `{}`", entry.key))
                .about("", field.field(entry).path)
                .at(span)
                .help(help);
        }
        known
    }

    /// The entries of a map with names of the user's own.
    pub(super) fn any_map<'n>(&mut self, field: &Field<'n>, example: &str) -> &'n [Entry] {
        match &field.node.value {
            Value::Map(entries) => entries,
            Value::Scalar(_) | Value::List(_) => {
                self.expected(field, "a map").help(format!("write {example}"));
                &[]
            }
        }
    }

    /// The items of a list.
    pub(super) fn list<'n>(&mut self, field: &Field<'n>, example: &str) -> Vec<Field<'n>> {
        match &field.node.value {
            Value::List(items) => field.items(items),
            Value::Scalar(_) | Value::Map(_) => {
                self.expected(field, "a list").help(format!("write {example}"));
                Vec::new()
            }
        }
    }

    /// The items of a list, or the one value that replaces it.
    pub(super) fn one_or_more<'n>(&mut self, field: &Field<'n>) -> Vec<Field<'n>> {
        match &field.node.value {
            Value::List(items) => field.items(items),
            Value::Scalar(_) | Value::Map(_) => vec![field.clone()],
        }
    }

    /// A text; numbers and booleans as they are written.
    pub(super) fn text(&mut self, field: &Field<'_>, example: &str) -> Option<String> {
        match written(field.node) {
            Some(text) => Some(text),
            None => {
                self.expected(field, "a text")
                    .help(format!("write e.g. {example}"));
                None
            }
        }
    }

    /// A whole number within bounds.
    pub(super) fn number(&mut self, field: &Field<'_>, from: u32, to: u32, example: &str) -> Option<u32> {
        let number = match &field.node.value {
            Value::Scalar(Scalar::Integer(it)) => u32::try_from(it.value).ok(),
            _ => None,
        };
        let fitting = number.filter(|it| (from..=to).contains(it));
        if fitting.is_none() {
            self.expected(field, &format!("a whole number from {from} to {to}"))
                .help(format!("write e.g. {example}"));
        }
        fitting
    }

    /// True or false.
    pub(super) fn boolean(&mut self, field: &Field<'_>) -> Option<bool> {
        if let Value::Scalar(Scalar::Bool(it)) = &field.node.value {
            return Some(it.value);
        }
        self.expected(field, "true or false");
        None
    }

    /// A time such as `1.5s`, `300ms`, `1m30s`, as Istio writes it.
    pub(super) fn duration(&mut self, field: &Field<'_>) -> Option<Duration> {
        let found = written(field.node).and_then(|it| duration(&it));
        if found.is_none() {
            self.expected(field, "a duration")
                .help("write e.g. 5s, 1.5s or 300ms");
        }
        found
    }

    /// What a text must be: the text itself, or a map with one condition.
    pub(super) fn matcher(&mut self, field: &Field<'_>) -> Option<Text> {
        if let Some(text) = written(field.node) {
            return Some(Text::Exact(text));
        }
        let Value::Map(_) = &field.node.value else {
            self.expected(field, "a text, or a map with one condition")
                .help("write e.g. /cart, {regex: \"/v[0-9]+\"} or {present: false}");
            return None;
        };
        let entries = self.map(field, "a condition", TEXT);
        let [entry] = entries.as_slice() else {
            if !entries.is_empty() {
                self.refuse(field, Code::WrongType, "a condition has one field".to_owned())
                    .help(format!("leave one of {}", name_list(TEXT, "and")));
            }
            return None;
        };
        let value = field.field(entry);
        if *entry.key == *"present" {
            let present = self.boolean(&value)?;
            return Some(if present { Text::Present } else { Text::Absent });
        }
        let text = self.text(&value, "/cart")?;
        match &*entry.key {
            "prefix" => Some(Text::Prefix(text)),
            "suffix" => Some(Text::Suffix(text)),
            "contains" => Some(Text::Contains(text)),
            "regex" => match Pattern::parse_as(&text, Encoding::Utf8) {
                Ok(pattern) => Some(Text::Regex(Arc::new(pattern))),
                Err(error) => {
                    self.refuse(&value, Code::WrongRegex, error.to_string())
                        .help("patterns are RE2's, and the whole text must match");
                    None
                }
            },
            _ => Some(Text::Exact(text)),
        }
    }
}

/// A scalar that is not null, as it is written.
pub(super) fn written(node: &Node) -> Option<String> {
    match &node.value {
        Value::Scalar(Scalar::Text(text)) => Some(text.clone()),
        Value::Scalar(scalar) => scalar.written().cloned(),
        Value::List(_) | Value::Map(_) => None,
    }
}

fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|it: char| !it.is_ascii_digit() && it != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|it: char| it.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        sum += Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        rest = tail;
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_as_in_istio() {
        for (text, millis) in [
            ("5s", 5000),
            ("1.5s", 1500),
            ("300ms", 300),
            ("1m30s", 90_000),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "s", "5 s", "-1s", "5x"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
