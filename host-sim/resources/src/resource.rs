//! A resource: its metadata, its spec, and where each field of it is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::place::Span;
use crate::yaml::Node;

/// A resource of a kind that the compiler reads.
#[derive(Debug, Clone)]
pub struct Resource<T> {
    /// Name, namespace, labels and so on.
    pub meta: Meta,
    /// What the user asked for.
    pub spec: T,
    /// Where it is written.
    pub origin: Origin,
}

/// The metadata of a resource, as far as anything depends on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meta {
    /// `metadata.name`; empty if missing.
    pub name: String,
    /// `metadata.namespace`; if missing, that of [`read_in`](crate::read_in).
    pub namespace: String,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// `metadata.creationTimestamp` as written: RFC 3339 in UTC, so it sorts as text.
    pub creation_timestamp: Option<String>,
    /// Whether it has a `metadata.deletionTimestamp`.
    pub is_being_deleted: bool,
}

impl Meta {
    /// `namespace/name`, by which Istio tells resources of one kind apart.
    pub fn qualified_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Istio's order of resources: by creation, then name, then namespace. Those without a creation
    /// time come first (istio `pilot/pkg/model/config.go`, `configCompareByCreationTime`).
    pub fn creation_order(&self) -> (Option<&str>, &str, &str) {
        (self.creation_timestamp.as_deref(), &self.name, &self.namespace)
    }
}

/// Where a resource is written.
#[derive(Debug, Clone)]
pub struct Origin {
    file: Arc<str>,
    subject: String,
    object: Arc<Node>,
    /// Fields that are written but could not be read; validation is silent about them.
    pub(crate) unread: Vec<String>,
}

impl Origin {
    pub(crate) fn new(file: &Arc<str>, subject: String, object: &Arc<Node>) -> Self {
        Self {
            file: Arc::clone(file),
            subject,
            object: Arc::clone(object),
            unread: Vec::new(),
        }
    }

    /// That of a resource that is implied, not written: findings about it are shown at `near`.
    #[must_use]
    pub fn implied(subject: impl Into<String>, near: &Self) -> Self {
        Self {
            file: Arc::clone(&near.file),
            subject: subject.into(),
            object: Arc::clone(&near.object),
            unread: Vec::new(),
        }
    }

    /// How diagnostics name the resource: `VirtualService prod/reviews`.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The name of the source it is written in.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Where the field at `path` is written, such as `spec.http[1].route[0].destination.host`.
    /// For a field that is not written: its nearest ancestor that is.
    pub fn at(&self, path: &str) -> Span {
        self.object.place_of(path).in_file(&self.file)
    }

    /// What is written at `path`.
    pub fn node(&self, path: &str) -> Option<&Node> {
        self.object.find(path)
    }

    /// Whether the field at `path` is written (and not null).
    pub fn has(&self, path: &str) -> bool {
        self.object.find(path).is_some_and(|node| !node.is_null())
    }

    /// Whether the field at `path` could not be read, or one around it or inside it.
    pub(crate) fn is_unread(&self, path: &str) -> bool {
        let inside = |inner: &str, outer: &str| {
            inner
                .strip_prefix(outer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.unread.iter().any(|it| inside(it, path) || inside(path, it))
    }
}
