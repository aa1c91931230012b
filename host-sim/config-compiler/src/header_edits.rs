//! `headers` of a rule or a destination as edits that Envoy makes.
//!
//! Source: istio `pilot/pkg/networking/core/route/route.go`, `TranslateHeadersOperations`; spec 3.10.

use std::collections::BTreeMap;

use fingerpost_resources::{HeaderOperations, Headers};
use serde_json::{Value, json};

use crate::proto::Fields;

/// What is done to the headers of a request and of its response.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeaderEdits {
    request: Edits,
    response: Edits,
    /// The authority that the upstream receives: an edit of `host` or `:authority`.
    pub authority: Option<String>,
}

#[derive(Debug, Clone, Default)]
struct Edits {
    add: Vec<(String, String, bool)>,
    remove: Vec<String>,
}

impl HeaderEdits {
    /// Reads `headers`. Nothing is done where there are none.
    pub(crate) fn new(headers: Option<&Headers>) -> Self {
        let Some(headers) = headers else {
            return Self::default();
        };
        let request = headers.request.as_ref();
        Self {
            request: Edits::new(request),
            response: Edits::new(headers.response.as_ref()),
            authority: request.and_then(authority),
        }
    }

    /// Adds the edits of a destination after those of its rule: they come later, and win.
    pub(crate) fn then(mut self, destination: &Self) -> Self {
        self.request.extend(&destination.request);
        self.response.extend(&destination.response);
        self.authority = self.authority.or_else(|| destination.authority.clone());
        self
    }

    /// Writes the edits as fields of an Envoy `Route` or `ClusterWeight`.
    pub(crate) fn write(&self, fields: &mut Fields) {
        self.request.write("request", fields);
        self.response.write("response", fields);
    }

    /// Whether an edit would tell a path that the filter has rewritten from one that Envoy's router
    /// rewrites after the edits: by a variable that reads it, or by touching `x-envoy-original-path`.
    pub(crate) fn look_at_the_path(&self) -> bool {
        self.request.look_at_the_path() || self.response.look_at_the_path()
    }
}

impl Edits {
    fn new(operations: Option<&HeaderOperations>) -> Self {
        let Some(operations) = operations else {
            return Self::default();
        };
        let mut edits = Self::default();
        for (values, overwrites) in [(&operations.set, true), (&operations.add, false)] {
            for (name, value) in values.iter().filter(|(name, _)| !is_internal(name)) {
                edits.add.push((name.clone(), value.clone(), overwrites));
            }
        }
        edits.remove = operations
            .remove
            .iter()
            .filter(|name| !is_internal(name))
            .cloned()
            .collect();
        edits
    }

    fn extend(&mut self, later: &Self) {
        self.add.extend_from_slice(&later.add);
        self.remove.extend_from_slice(&later.remove);
    }

    fn write(&self, direction: &str, fields: &mut Fields) {
        let add: Vec<Value> = self
            .add
            .iter()
            .map(|(key, value, overwrites)| {
                let header = json!({"key": key, "value": value});
                match overwrites {
                    true => json!({"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}),
                    // Envoy's default, APPEND_IF_EXISTS_OR_ADD.
                    false => json!({"header": header}),
                }
            })
            .collect();
        if !add.is_empty() {
            fields.insert(format!("{direction}_headers_to_add"), add.into());
        }
        if !self.remove.is_empty() {
            fields.insert(
                format!("{direction}_headers_to_remove"),
                self.remove.clone().into(),
            );
        }
    }

    fn look_at_the_path(&self) -> bool {
        let names = self.add.iter().map(|(name, _, _)| name).chain(&self.remove);
        names
            .into_iter()
            .any(|name| name.eq_ignore_ascii_case("x-envoy-original-path"))
            || self.add.iter().any(|(_, value, _)| reads_the_path(value))
    }
}

/// Whether a format string has a variable that may read the path. Expressions may read anything.
fn reads_the_path(value: &str) -> bool {
    let value = value.to_ascii_uppercase();
    value.contains('%') && (value.contains("PATH") || value.contains("CEL(") || value.contains("QUERY"))
}

/// Envoy's own headers and the authority are no plain edits (istio route.go, `isInternalHeader`).
fn is_internal(name: &str) -> bool {
    name.starts_with(':') || name.eq_ignore_ascii_case("host")
}

/// The authority that the operations give: `set` before `add`.
fn authority(operations: &HeaderOperations) -> Option<String> {
    let given = |values: &BTreeMap<String, String>| {
        values
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority"))
            .map(|(_, value)| value.clone())
    };
    given(&operations.set).or_else(|| given(&operations.add))
}
