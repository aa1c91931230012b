//! Reads the fields of other tools' files, and says what is wrong with them and where.
//!
//! A field may be written in either of its proto spellings. Which fields there are is said by who asks.

use fingerpost_resources::yaml::{Entry, Node, Scalar, Value};
use fingerpost_resources::{Code, Diagnostic, Diagnostics, closest, name_list};

use crate::test_file::TestFile;

/// What becomes of a field that the format does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// The tool ignores it: so do we, with a warning.
    Ignored,
    /// The tool refuses the file.
    Refused,
}

/// One file on its way to its cases.
pub(super) struct Reader<'r> {
    pub(super) file: &'r TestFile,
    pub(super) diagnostics: &'r mut Diagnostics,
    pub(super) unknown: Unknown,
    /// Whether a field that repeats may be written once, without a list: proto's text form.
    pub(super) lists_are_implied: bool,
}

/// A map, and where it is in the file.
#[derive(Debug, Clone)]
pub(super) struct Fields<'n> {
    entries: &'n [Entry],
    node: &'n Node,
    path: String,
}

impl Reader<'_> {
    pub(super) fn error(&mut self, node: &Node, path: &str, message: String) -> &mut Diagnostic {
        let span = self.file.span(node.place);
        let finding = self.diagnostics.error(Code::TestFile, message);
        finding.about("", path).at(span)
    }

    pub(super) fn warn(&mut self, node: &Node, path: &str, message: String) -> &mut Diagnostic {
        let span = self.file.span(node.place);
        let finding = self.diagnostics.warn(Code::TestFile, message);
        finding.about("", path).at(span)
    }

    fn wrong(&mut self, node: &Node, path: &str, wanted: &str) -> &mut Diagnostic {
        let message = format!("expected {wanted}, found {}", node.describe());
        self.error(node, path, message)
    }

    /// The node as a map that has no other fields than these. `what` is its name in the tool's own words.
    pub(super) fn fields<'n>(
        &mut self,
        node: &'n Node,
        path: &str,
        what: &str,
        known: &[&str],
    ) -> Option<Fields<'n>> {
        let Value::Map(entries) = &node.value else {
            let names = name_list(known, "and");
            self.wrong(node, path, "a map")
                .help(format!("its fields are {names}"));
            return None;
        };
        for entry in entries {
            if !known.iter().any(|it| is_key(&entry.key, it)) {
                self.unknown_field(entry, path, what, known);
            }
        }
        Some(Fields {
            entries,
            node,
            path: path.to_owned(),
        })
    }

    fn unknown_field(&mut self, entry: &Entry, path: &str, what: &str, known: &[&str]) {
        let help = match closest(&entry.key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its fields are {}", name_list(known, "and")),
        };
        let path = join(path, &entry.key);
        let span = self.file.span(entry.key_place);
        let message = format!("{what} has no field `{}`", entry.key);
        let finding = match self.unknown {
            Unknown::Ignored => {
                let message = format!("{message}: it is ignored");
                self.diagnostics.warn(Code::UnknownField, message)
            }
            Unknown::Refused => self.diagnostics.error(Code::UnknownField, message),
        };
        finding.about("", path).at(span).help(help);
    }

    /// A map inside a map.
    pub(super) fn inner<'n>(
        &mut self,
        of: &Fields<'n>,
        key: &str,
        what: &str,
        known: &[&str],
    ) -> Option<Fields<'n>> {
        let node = of.get(key)?;
        self.fields(node, &of.path_of(key), what, known)
    }

    /// The items of a list, each with its path.
    pub(super) fn items<'n>(&mut self, of: &Fields<'n>, key: &str) -> Vec<(String, &'n Node)> {
        let Some(node) = of.get(key) else {
            return Vec::new();
        };
        let path = of.path_of(key);
        match &node.value {
            Value::List(items) => items
                .iter()
                .enumerate()
                .map(|(at, it)| (format!("{path}[{at}]"), it.as_ref()))
                .collect(),
            _ if self.lists_are_implied => vec![(format!("{path}[0]"), node)],
            Value::Scalar(_) | Value::Map(_) => {
                self.wrong(node, &path, "a list")
                    .help(format!("put a `-` before each item of `{key}`"));
                Vec::new()
            }
        }
    }

    /// A text. Numbers and the like count as they are written.
    pub(super) fn text(&mut self, of: &Fields<'_>, key: &str) -> Option<String> {
        let node = of.get(key)?;
        self.as_text(node, &of.path_of(key))
    }

    pub(super) fn as_text(&mut self, node: &Node, path: &str) -> Option<String> {
        match &node.value {
            Value::Scalar(Scalar::Text(text)) => Some(text.clone()),
            Value::Scalar(scalar) if scalar.written().is_some() => scalar.written().cloned(),
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => {
                self.wrong(node, path, "a text");
                None
            }
        }
    }

    /// A text that must be there and not be empty.
    pub(super) fn required(&mut self, of: &Fields<'_>, key: &str, example: &str) -> Option<String> {
        let text = match of.get(key) {
            Some(_) => self.text(of, key)?,
            None => String::new(),
        };
        if text.is_empty() {
            let message = format!("`{key}` is missing");
            self.error(of.node, &of.path, message)
                .help(format!("write `{key}: {example}`"));
            return None;
        }
        Some(text)
    }

    /// True or false; false where it is not written.
    pub(super) fn flag(&mut self, of: &Fields<'_>, key: &str) -> bool {
        let Some(node) = of.get(key) else { return false };
        match &node.value {
            Value::Scalar(Scalar::Bool(it)) => it.value,
            // Proto's JSON form, and the plugin tester's YAML, take them in quotes.
            Value::Scalar(Scalar::Text(text)) if text == "true" => true,
            Value::Scalar(Scalar::Text(text)) if text == "false" => false,
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => {
                self.wrong(node, &of.path_of(key), "true or false");
                false
            }
        }
    }

    /// A whole number, which proto's JSON form allows in quotes.
    pub(super) fn number(&mut self, of: &Fields<'_>, key: &str) -> Option<i128> {
        let node = of.get(key)?;
        let number = match &node.value {
            Value::Scalar(Scalar::Integer(it)) => Some(it.value),
            Value::Scalar(Scalar::Float(it)) if it.value.fract() == 0.0 => Some(it.value as i128),
            Value::Scalar(Scalar::Text(text)) => text.parse().ok(),
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => None,
        };
        if number.is_none() {
            self.wrong(node, &of.path_of(key), "a whole number");
        }
        number
    }

    /// A whole number of some range.
    pub(super) fn small<T: TryFrom<i128>>(&mut self, of: &Fields<'_>, key: &str) -> Option<T> {
        let number = self.number(of, key)?;
        let small = T::try_from(number).ok();
        if let (None, Some(node)) = (&small, of.get(key)) {
            self.error(node, &of.path_of(key), format!("{number} is out of range"));
        }
        small
    }
}

impl<'n> Fields<'n> {
    /// The value of a field, unless it is null.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        let mut entries = self.entries.iter();
        let entry = entries.find(|it| is_key(&it.key, key))?;
        Some(entry.value.as_ref()).filter(|it| !it.is_null())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn node(&self) -> &'n Node {
        self.node
    }
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// Whether `key` is the proto field `name`, in either spelling.
fn is_key(key: &str, name: &str) -> bool {
    let mut upper = false;
    let mut camel = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '_' => upper = true,
            _ if upper => {
                camel.push(letter.to_ascii_uppercase());
                upper = false;
            }
            _ => camel.push(letter),
        }
    }
    key == name || key == camel
}
