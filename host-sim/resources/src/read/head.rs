//! What is around the spec of every object: its metadata, and which keys it has at all.

use crate::code::Code;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::Reader;
use crate::decode::closest;
use crate::resource::{Meta, Origin};
use crate::yaml::{Node, Scalar, Value};

impl Reader<'_> {
    /// What all objects have: the metadata, read leniently, and the keys beside the spec.
    pub(super) fn head(&mut self, object: &Arc<Node>, kind: &str, strict: bool) -> (Meta, Origin, String) {
        let metadata = object.get("metadata");
        let text = |key: &str| match metadata.and_then(|it| it.get(key)).map(|it| &it.value) {
            Some(Value::Scalar(scalar)) if *scalar != Scalar::Null => Some(scalar.as_text()),
            _ => None,
        };
        let texts = |key: &str| match metadata.and_then(|it| it.get(key)).map(|it| &it.value) {
            Some(Value::Map(entries)) => entries
                .iter()
                .filter_map(|entry| match &entry.value.value {
                    Value::Scalar(Scalar::Null) => Some((entry.key.to_string(), String::new())),
                    Value::Scalar(scalar) => Some((entry.key.to_string(), scalar.as_text())),
                    Value::List(_) | Value::Map(_) => None,
                })
                .collect(),
            _ => BTreeMap::new(),
        };
        let namespace = text("namespace").filter(|it| !it.is_empty());
        self.resources.without_namespace += usize::from(namespace.is_none());
        let meta = Meta {
            name: text("name").unwrap_or_default(),
            namespace: namespace.unwrap_or_else(|| self.namespace.to_owned()),
            labels: texts("labels"),
            annotations: texts("annotations"),
            creation_timestamp: text("creationTimestamp"),
            is_being_deleted: text("deletionTimestamp").is_some(),
        };
        let name = if meta.name.is_empty() {
            "(no name)"
        } else {
            &meta.name
        };
        let subject = format!("{kind} {}/{name}", meta.namespace);
        if strict {
            self.refuse_unknown_keys(object, &subject);
        }
        (meta, Origin::new(self.file, subject.clone(), object), subject)
    }

    fn refuse_unknown_keys(&mut self, object: &Node, subject: &str) {
        const KEYS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];
        let Value::Map(entries) = &object.value else {
            return;
        };
        for entry in entries.iter().filter(|it| !KEYS.contains(&&*it.key)) {
            let help = match closest(&entry.key, KEYS.into_iter()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("move `{}` into `spec`, if that is where it belongs", entry.key),
            };
            self.diagnostics
                .error(
                    Code::UnknownField,
                    format!("a resource has no field `{}`", entry.key),
                )
                .about(subject, &*entry.key)
                .at(entry.key_place.in_file(self.file))
                .help(help);
        }
    }
}
