//! Who may see a resource: `exportTo`.
//!
//! Source: istio `pilot/pkg/model/push_context.go`, `pkg/config/visibility`; docs/istio-routing.md 1.9.

use std::collections::BTreeSet;

/// Where a resource is exported to. An empty set is the mesh's default: everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Exports(BTreeSet<String>);

impl Exports {
    /// Reads an `exportTo` list of a resource in `namespace`: `.` is that namespace.
    pub(crate) fn new(names: &[String], namespace: &str) -> Self {
        let resolve = |name: &String| {
            if name == "." {
                namespace.to_owned()
            } else {
                name.clone()
            }
        };
        Self(names.iter().map(resolve).collect())
    }

    /// Whether a proxy in `namespace` may see the resource.
    pub(crate) fn reach(&self, namespace: &str) -> bool {
        self.0.is_empty() || self.0.contains("*") || self.0.contains(namespace)
    }

    /// Whether everyone may see it.
    pub(crate) fn are_public(&self) -> bool {
        self.0.is_empty() || self.0.contains("*")
    }
}
