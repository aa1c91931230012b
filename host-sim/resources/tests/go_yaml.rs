//! Whatever kubectl's YAML library reads, we read with the same result.
//!
//! The results in `go-yaml/` were recorded from that library; its README says how.

use fingerpost_resources::yaml::{Node, Scalar, Value};
use fingerpost_resources::{Diagnostics, Source};
use serde_json::Value as Json;

#[test]
fn documents_mean_what_kubectl_takes_them_for() {
    let mut wrong = Vec::new();
    for line in include_str!("go-yaml/documents.jsonl").lines() {
        let row: Json = serde_json::from_str(line).expect("a row is JSON");
        let text = row["text"].as_str().expect("a row has a text");
        let mut diagnostics = Diagnostics::new();
        let trees = fingerpost_resources::trees(&Source::new("in.yaml", text), &mut diagnostics);
        let read = trees.first().map_or(Json::Null, |root| json(root));
        if !is_same(&read, &row["json"]) {
            wrong.push(format!(
                "{text}\nread as {read}\nnot    {}\n{diagnostics:?}",
                row["json"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

fn json(node: &Node) -> Json {
    match &node.value {
        Value::Scalar(Scalar::Null) => Json::Null,
        Value::Scalar(Scalar::Bool(it)) => Json::from(it.value),
        Value::Scalar(Scalar::Integer(it)) => Json::from(it.value as f64), // as the numbers of JSON are compared
        Value::Scalar(Scalar::Float(it)) => Json::from(it.value),
        Value::Scalar(Scalar::Text(text)) => Json::from(text.as_str()),
        Value::List(items) => items.iter().map(|item| json(item)).collect(),
        Value::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.to_string(), json(&entry.value)))
            .collect(),
    }
}

/// Whether these are the same but for the look of numbers: `1` and `1.0`.
fn is_same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => one.as_f64() == other.as_f64(),
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, one)| other.get(key).is_some_and(|other| is_same(one, other)))
        }
        _ => one == other,
    }
}
