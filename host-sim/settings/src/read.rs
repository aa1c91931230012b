//! Reads `fingerpost.yaml`.
//!
//! Everything that is wrong is reported with its place. Values are checked here, where the place is known, and handed on
//! as the texts that the command's options take.

use std::path::Path;
use std::sync::Arc;

use fingerpost_resources::yaml::{Entry, Node, Scalar, Value};
use fingerpost_resources::{Code, Diagnostic, Diagnostics, Place, Source, closest, name_list, trees};

use crate::Values;
use crate::check::check;
use crate::setting::{Kind, SETTINGS};

/// The fields of an ignored finding that is for some files only.
pub(crate) const IGNORED: &[&str] = &["code", "paths"];

/// The settings of a file. `folder` is where it is: paths in it are relative to that. None if there are errors.
pub fn read(source: &Source, folder: &Path, diagnostics: &mut Diagnostics) -> Option<Values> {
    let mut reader = Reader {
        file: Arc::from(source.name.as_str()),
        folder,
        found: Diagnostics::new(),
    };
    let mut values = Values::new();
    let documents = trees(source, &mut reader.found);
    if let [_, second, ..] = documents.as_slice() {
        reader.error(
            second.place,
            Code::SeveralDocuments,
            "settings are one document".to_owned(),
        );
    }
    if let Some(root) = documents.first().filter(|it| !it.is_null()) {
        reader.settings(root, &mut values);
    }
    let found = reader.found;
    let is_good = !found.has_errors();
    diagnostics.extend(found);
    is_good.then_some(values)
}

struct Reader<'r> {
    file: Arc<str>,
    folder: &'r Path,
    found: Diagnostics,
}

impl Reader<'_> {
    fn settings(&mut self, root: &Node, values: &mut Values) {
        let fields: Vec<&str> = SETTINGS.iter().map(|it| it.field).collect();
        for entry in self.map(root, "fingerpost.yaml", &fields) {
            let Some(setting) = SETTINGS.iter().find(|it| *it.field == *entry.key) else {
                continue; // `map` has reported it
            };
            let texts = self.values(setting.kind, &entry.key, &entry.value);
            values.insert(setting.option, texts);
        }
    }

    fn values(&mut self, kind: Kind, path: &str, node: &Node) -> Vec<String> {
        match kind {
            Kind::OneOf(_)
            | Kind::EnvoyVersion
            | Kind::Locality
            | Kind::Number
            | Kind::Namespace
            | Kind::Domain => {
                let text = self.text(path, node);
                self.checked(kind, path, node, text).into_iter().collect()
            }
            Kind::Flag => match &node.value {
                Value::Scalar(Scalar::Bool(it)) => vec![it.value.to_string()],
                Value::Scalar(_) | Value::List(_) | Value::Map(_) => {
                    self.expected(path, node, "true or false");
                    Vec::new()
                }
            },
            Kind::Labels => self.labels(path, node).into_iter().collect(),
            Kind::Paths => self.paths(path, node),
            Kind::Ignored => {
                let items = self.one_or_more(path, node);
                items
                    .into_iter()
                    .flat_map(|(path, item)| self.ignored(&path, item))
                    .collect()
            }
        }
    }

    /// `k=v,…` of a map.
    fn labels(&mut self, path: &str, node: &Node) -> Option<String> {
        let Value::Map(entries) = &node.value else {
            self.expected(path, node, "a map of labels")
                .help("write e.g. labels: {istio: ingressgateway}");
            return None;
        };
        let labels: Option<Vec<String>> = entries
            .iter()
            .map(|it| {
                let value = self.text(&format!("{path}.{}", it.key), &it.value)?;
                Some(format!("{}={value}", it.key))
            })
            .collect();
        let text = labels?.join(",");
        self.checked(Kind::Labels, path, node, Some(text))
    }

    /// A code, or a map of a code and paths.
    fn ignored(&mut self, path: &str, node: &Node) -> Vec<String> {
        let Value::Map(_) = &node.value else {
            let text = self.text(path, node);
            let code = self.code(path, node, text);
            return code.into_iter().collect();
        };
        let entries = self.map(node, path, IGNORED);
        let field = |key: &str| entries.iter().find(|it| *it.key == *key).map(|it| &it.value);
        let Some(code) = field("code") else {
            self.error(node.place, Code::MissingField, format!("{path} needs `code`"));
            return Vec::new();
        };
        let text = self.text(&format!("{path}.code"), code);
        let Some(code) = self.code(path, code, text) else {
            return Vec::new();
        };
        let Some(paths) = field("paths") else {
            return vec![code];
        };
        let paths = self.paths(&format!("{path}.paths"), paths);
        paths.iter().map(|it| format!("{code}:{it}")).collect()
    }

    /// Paths, from the working folder.
    fn paths(&mut self, path: &str, node: &Node) -> Vec<String> {
        let items = self.one_or_more(path, node);
        let texts: Vec<String> = items
            .into_iter()
            .filter_map(|(path, item)| self.text(&path, item))
            .collect();
        let from_here = texts.iter().map(|it| self.folder.join(it));
        from_here.map(|it| it.to_string_lossy().into_owned()).collect()
    }

    /// The code of a finding. Without a path: that has a field of its own.
    fn code(&mut self, path: &str, node: &Node, text: Option<String>) -> Option<String> {
        if text.as_ref().is_some_and(|it| it.contains(':')) {
            let reason = "write {code: …, paths: […]}".to_owned();
            self.error(node.place, Code::BadValue, reason).about("", path);
            return None;
        }
        self.checked(Kind::Ignored, path, node, text)
    }

    /// A text that is a value of this kind; else it is reported.
    fn checked(&mut self, kind: Kind, path: &str, node: &Node, text: Option<String>) -> Option<String> {
        let text = text?;
        match check(kind, &text) {
            Ok(()) => Some(text),
            Err(reason) => {
                self.error(node.place, Code::BadValue, reason).about("", path);
                None
            }
        }
    }

    /// The entries of a map that has these fields and no others.
    fn map<'n>(&mut self, node: &'n Node, what: &str, fields: &[&str]) -> Vec<&'n Entry> {
        let Value::Map(entries) = &node.value else {
            self.expected(what, node, &format!("a map with {}", name_list(fields, "or")));
            return Vec::new();
        };
        let (known, unknown): (Vec<_>, Vec<_>) = entries.iter().partition(|it| fields.contains(&&*it.key));
        for entry in unknown {
            let help = match closest(&entry.key, fields.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its fields are {}", name_list(fields, "and")),
            };
            let message = format!("{what} has no field `{}`", entry.key);
            self.error(entry.key_place, Code::UnknownField, message)
                .help(help);
        }
        known
    }

    /// The items of a list, or the one value in place of it, each with its path.
    fn one_or_more<'n>(&mut self, path: &str, node: &'n Node) -> Vec<(String, &'n Node)> {
        match &node.value {
            Value::List(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| (format!("{path}[{index}]"), &**item))
                .collect(),
            Value::Scalar(_) | Value::Map(_) => vec![(path.to_owned(), node)],
        }
    }

    /// A text; numbers as they are written, so that `envoy: 1.40` is that.
    fn text(&mut self, path: &str, node: &Node) -> Option<String> {
        match &node.value {
            Value::Scalar(Scalar::Text(text)) => Some(text.clone()),
            Value::Scalar(scalar) if scalar.written().is_some() => scalar.written().cloned(),
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => {
                self.expected(path, node, "a text");
                None
            }
        }
    }

    fn expected(&mut self, path: &str, node: &Node, what: &str) -> &mut Diagnostic {
        let message = format!("expected {what}, found {}", node.describe());
        self.error(node.place, Code::WrongType, message).about("", path)
    }

    fn error(&mut self, place: Place, code: Code, message: String) -> &mut Diagnostic {
        let span = place.in_file(&self.file);
        self.found.error(code, message).at(span)
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
