//! The path of a field, put together while walking down and written out only when needed.

use std::fmt;

/// A field of a resource, such as `spec.http[1].match[0]`.
#[derive(Clone, Copy)]
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Field(&'p str),
    Item(usize),
}

impl<'p> Path<'p> {
    /// The object itself.
    pub(super) const ROOT: Path<'static> = Path {
        parent: None,
        step: Step::Root,
    };
    /// What the user asks for.
    pub(super) const SPEC: Path<'static> = Path {
        parent: None,
        step: Step::Field("spec"),
    };

    /// A field of a message, or an entry of a map.
    pub(super) fn field(&'p self, name: &'p str) -> Path<'p> {
        Path {
            parent: Some(self),
            step: Step::Field(name),
        }
    }

    /// An item of a list.
    pub(super) fn item(&'p self, index: usize) -> Path<'p> {
        Path {
            parent: Some(self),
            step: Step::Item(index),
        }
    }

    /// The last field.
    pub(super) fn name(&self) -> &'p str {
        match (self.step, self.parent) {
            (Step::Field(name), _) => name,
            (Step::Item(_), Some(parent)) => parent.name(),
            (Step::Item(_) | Step::Root, _) => "",
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match (self.step, self.parent) {
            (Step::Root, _) => Ok(()),
            (Step::Item(index), _) => write!(f, "[{index}]"),
            (Step::Field(name), None | Some(Path { step: Step::Root, .. })) => f.write_str(name),
            (Step::Field(name), Some(_)) => write!(f, ".{name}"),
        }
    }
}
