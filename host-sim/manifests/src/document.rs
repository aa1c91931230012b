//! One document of a manifest: data, and what a person should know about it.

use serde::Serialize;
use serde_json::Value;

use crate::refusal::Refusal;
use crate::yaml;

/// The largest object that a cluster stores: the default of etcd's `--max-request-bytes`.
const LARGEST_OBJECT: usize = 1_572_864;

/// An object for a cluster, with a comment above it.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The lines of the comment, without `#`.
    pub comment: Vec<String>,
    /// The object.
    pub content: Value,
}

impl Document {
    /// Takes an object as it is serialised: it must hold texts, numbers, flags, lists and maps with texts as keys.
    pub(crate) fn new(comment: &[&str], content: &impl Serialize) -> Self {
        let lines = comment.iter().flat_map(|it| it.lines());
        Self {
            comment: lines.map(str::to_owned).collect(),
            // Such types always serialise.
            content: serde_json::to_value(content).unwrap_or_default(),
        }
    }

    /// The length of the object as JSON, in bytes: what the cluster stores.
    pub fn json_bytes(&self) -> usize {
        self.content.to_string().len()
    }

    /// The object's kind, such as `EnvoyFilter`.
    pub fn kind(&self) -> &str {
        self.content["kind"].as_str().unwrap_or_default()
    }

    /// The object's name.
    pub fn name(&self) -> &str {
        self.content["metadata"]["name"].as_str().unwrap_or_default()
    }
}

/// The documents, if a cluster can store each of them; `help` says what to do about one that is too large.
pub(crate) fn storable(documents: Vec<Document>, help: &str) -> Result<Vec<Document>, Vec<Refusal>> {
    let refused = documents.iter().filter_map(|document| {
        let bytes = document.json_bytes();
        (bytes > LARGEST_OBJECT).then(|| Refusal {
            reason: format!(
                "{} {} has {bytes} bytes; a cluster stores at most {LARGEST_OBJECT} in one object",
                document.kind(),
                document.name()
            ),
            help: help.to_owned(),
        })
    });
    let refused: Vec<Refusal> = refused.collect();
    if refused.is_empty() {
        Ok(documents)
    } else {
        Err(refused)
    }
}

/// The documents as a YAML stream, each with its comment.
pub fn to_yaml(documents: &[Document]) -> String {
    let mut text = String::new();
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            text.push_str("---\n");
        }
        for line in &document.comment {
            text.push_str(format!("# {line}").trim_end());
            text.push('\n');
        }
        text.push_str(&yaml::write(&document.content));
    }
    text
}
