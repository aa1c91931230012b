//! `headers` of a rule or a destination as edits that Envoy makes.
//!
//! Source: istio `pilot/pkg/networking/core/route/route.go`, `TranslateHeadersOperations`; docs/istio-routing.md 3.10.

use std::collections::BTreeMap;

use fingerpost_envoy_config::core::{HeaderAppendAction, HeaderValue, HeaderValueOption};
use fingerpost_resources::{HeaderOperations, Headers};

/// One edit of the headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderEdit {
    /// Takes the place of what is there.
    Set(String, String),
    /// Added to the existing values.
    Add(String, String),
    /// Takes it away.
    Remove(String),
}

/// What is done to the headers of a request and of its response.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeaderEdits {
    /// To those of the request.
    pub request: Edits,
    /// To those of the response.
    pub response: Edits,
    /// The authority that the upstream receives: an edit of `host` or `:authority`.
    pub authority: Option<String>,
}

/// The edits of one direction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edits(Vec<HeaderEdit>);

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
        self.request.0.extend_from_slice(&destination.request.0);
        self.response.0.extend_from_slice(&destination.response.0);
        self.authority = self.authority.or_else(|| destination.authority.clone());
        self
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
        let plain = |name: &&String| !is_internal(name);
        let pairs = |values: &BTreeMap<String, String>, edit: fn(String, String) -> HeaderEdit| {
            let values = values.iter().filter(|(name, _)| plain(name));
            let edits = values.map(|(name, value)| edit(name.clone(), value.clone()));
            edits.collect::<Vec<_>>()
        };
        let mut edits = pairs(&operations.set, HeaderEdit::Set);
        edits.extend(pairs(&operations.add, HeaderEdit::Add));
        let removed = operations.remove.iter().filter(plain);
        edits.extend(removed.cloned().map(HeaderEdit::Remove));
        Self(edits)
    }

    /// These and then `later` in one list, where Envoy would make them one list after the other. It makes one list at once: it
    /// removes, then overwrites, then adds.
    pub(crate) fn before(&self, later: &Self) -> Self {
        let is_undone = |name: &str| {
            later.0.iter().any(|edit| match edit {
                HeaderEdit::Set(other, _) | HeaderEdit::Remove(other) => other.eq_ignore_ascii_case(name),
                HeaderEdit::Add(..) => false,
            })
        };
        let counts = |edit: &&HeaderEdit| match edit {
            HeaderEdit::Set(name, _) | HeaderEdit::Add(name, _) => !is_undone(name),
            HeaderEdit::Remove(_) => true,
        };
        Self(self.0.iter().filter(counts).chain(&later.0).cloned().collect())
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In the order in which they are made: Envoy removes before it adds (its `HeaderParser::evaluateHeaders`).
    pub(crate) fn in_order(&self) -> Vec<HeaderEdit> {
        let removes = |edit: &&HeaderEdit| matches!(edit, HeaderEdit::Remove(_));
        let removed = self.0.iter().filter(removes);
        let written = self.0.iter().filter(|edit| !removes(edit));
        removed.chain(written).cloned().collect()
    }

    /// Those that write a header, for Envoy.
    pub(crate) fn to_add(&self) -> Vec<HeaderValueOption> {
        let written = self.0.iter().filter_map(|edit| {
            let (name, value, append_action) = match edit {
                HeaderEdit::Set(name, value) => (name, value, HeaderAppendAction::OverwriteIfExistsOrAdd),
                HeaderEdit::Add(name, value) => (name, value, HeaderAppendAction::AppendIfExistsOrAdd),
                HeaderEdit::Remove(_) => return None,
            };
            Some(HeaderValueOption {
                header: HeaderValue {
                    key: name.clone(),
                    value: value.clone(),
                },
                append_action,
                keep_empty_value: false,
            })
        });
        written.collect()
    }

    /// The names of the headers that are removed, for Envoy.
    pub(crate) fn to_remove(&self) -> Vec<String> {
        let removed = self.0.iter().filter_map(|edit| match edit {
            HeaderEdit::Remove(name) => Some(name.clone()),
            HeaderEdit::Set(..) | HeaderEdit::Add(..) => None,
        });
        removed.collect()
    }

    fn look_at_the_path(&self) -> bool {
        self.0.iter().any(|edit| {
            let (name, value) = match edit {
                HeaderEdit::Set(name, value) | HeaderEdit::Add(name, value) => (name, value.as_str()),
                HeaderEdit::Remove(name) => (name, ""),
            };
            name.eq_ignore_ascii_case("x-envoy-original-path") || reads_the_path(value)
        })
    }
}

/// Whether a format string has a variable that may read the path. Expressions may read anything.
fn reads_the_path(value: &str) -> bool {
    let value = value.to_ascii_uppercase();
    value.contains('%') && (value.contains("PATH") || value.contains("CEL(") || value.contains("QUERY"))
}

/// Envoy's own headers and the authority are not plain edits (istio route.go, `isInternalHeader`).
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
