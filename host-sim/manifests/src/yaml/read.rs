//! Reads manifests as data. What they mean is not looked at.

use std::fmt;

use fingerpost_resources::yaml::{Node, Scalar, Value as Tree};
use fingerpost_resources::{Diagnostics, Severity, Source, trees};
use serde_json::{Map, Number, Value};

/// A text that is not YAML: where, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidYaml(String);

impl fmt::Display for InvalidYaml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidYaml {}

/// The documents of a stream, as data. `file` names it in errors.
///
/// # Errors
/// The text is not YAML.
pub fn documents(file: &str, text: &str) -> Result<Vec<Value>, InvalidYaml> {
    let mut diagnostics = Diagnostics::new();
    let trees = trees(&Source::new(file, text), &mut diagnostics);
    if let Some(error) = diagnostics.iter().find(|it| it.severity == Severity::Error) {
        return Err(InvalidYaml(format!("{file}: {}", error.message)));
    }
    Ok(trees.iter().map(|it| data(it)).collect())
}

fn data(node: &Node) -> Value {
    match &node.value {
        Tree::Scalar(scalar) => scalar_data(scalar),
        Tree::List(items) => items.iter().map(|it| data(it)).collect(),
        Tree::Map(entries) => {
            let fields = entries.iter().map(|it| (it.key.to_string(), data(&it.value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

fn scalar_data(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Bool(it) => it.value.into(),
        Scalar::Integer(it) => {
            i64::try_from(it.value).map_or_else(|_| Value::String(it.text.clone()), Value::from)
        }
        Scalar::Float(it) => {
            Number::from_f64(it.value).map_or_else(|| Value::String(it.text.clone()), Value::Number)
        }
        Scalar::Text(text) => text.as_str().into(),
    }
}
