//! Reads YAML back, by the reader of the user's files.

use fingerpost_resources::yaml::{Node, Scalar, Value as Tree};
use fingerpost_resources::{Diagnostics, Source, trees};
use serde_json::{Map, Number, Value};

/// The documents of a stream, as data.
#[track_caller]
pub(crate) fn documents(text: &str) -> Vec<Value> {
    let mut diagnostics = Diagnostics::new();
    let trees = trees(&Source::new("manifests.yaml", text), &mut diagnostics);
    assert!(diagnostics.iter().next().is_none(), "{diagnostics:?}");
    trees.iter().map(|it| data(it)).collect()
}

fn data(node: &Node) -> Value {
    match &node.value {
        Tree::Scalar(scalar) => scalar_data(scalar),
        Tree::List(items) => items.iter().map(|it| data(it)).collect(),
        Tree::Map(entries) => {
            let fields = entries.iter().map(|it| (it.key.clone(), data(&it.value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}

fn scalar_data(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Bool(flag, _) => (*flag).into(),
        Scalar::Integer(number, _) => i64::try_from(*number).expect("a number of a manifest").into(),
        Scalar::Float(number, _) => Number::from_f64(*number).expect("a number of JSON").into(),
        Scalar::Text(text) => text.as_str().into(),
    }
}
