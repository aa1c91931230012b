//! What is wrong with what the user wrote: where, what, and what would do.
//!
//! Diagnostics accumulate: reading goes on after an error. `render` decides how they look.

use std::borrow::Cow;
use std::fmt;

use crate::brief::brief;
use crate::code::Code;
use crate::place::Span;
use crate::resource::Origin;

/// Whether a finding stops the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The input can't be used as it is.
    Error,
    /// The input can be used, but does not do what it says, or fails in a running proxy.
    Warning,
    /// Worth knowing; the input can be right as it is. `--strict` does not count it.
    Note,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it stops the user.
    pub severity: Severity,
    /// What kind of finding it is.
    pub code: Code,
    /// The resource, such as `VirtualService prod/reviews`; empty if none is known.
    pub subject: String,
    /// The field, such as `spec.http[1].route[0]`; empty if it is about the whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What would do.
    pub help: Option<String>,
    /// Where it is written.
    pub span: Option<Span>,
}

fn shortened(text: String) -> String {
    match brief(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(short) => short,
    }
}

impl Diagnostic {
    /// A finding without a place, to be completed with the methods below.
    pub fn new(severity: Severity, code: Code, message: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            subject: String::new(),
            path: String::new(),
            message: shortened(message.into()),
            help: None,
            span: None,
        }
    }

    /// Says which field of which resource this is about; the span follows from that.
    pub fn on(&mut self, origin: &Origin, path: impl Into<String>) -> &mut Self {
        self.path = path.into();
        self.subject = origin.subject().to_owned();
        self.span = Some(origin.at(&self.path));
        self
    }

    /// Names what this is about if it is not a resource.
    pub fn about(&mut self, subject: impl Into<String>, path: impl Into<String>) -> &mut Self {
        self.subject = subject.into();
        self.path = path.into();
        self
    }

    /// Points at a place.
    pub fn at(&mut self, span: Span) -> &mut Self {
        self.span = Some(span);
        self
    }

    /// Says what would do.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(shortened(help.into()));
        self
    }
}

/// The one-line form: `VirtualService prod/reviews: spec.http[1].route[0].destination.subset: message`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.subject, &self.path] {
            if !part.is_empty() {
                write!(f, "{part}: ")?;
            }
        }
        f.write_str(&self.message)
    }
}

/// Findings in the order in which they were made.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// No findings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an error and gives it back to be completed: `.on(&origin, path).help(..)`.
    pub fn error(&mut self, code: Code, message: impl Into<String>) -> &mut Diagnostic {
        self.push(Diagnostic::new(Severity::Error, code, message))
    }

    /// Adds a warning and gives it back to be completed.
    pub fn warn(&mut self, code: Code, message: impl Into<String>) -> &mut Diagnostic {
        self.push(Diagnostic::new(Severity::Warning, code, message))
    }

    /// Adds a note and gives it back to be completed.
    pub fn note(&mut self, code: Code, message: impl Into<String>) -> &mut Diagnostic {
        self.push(Diagnostic::new(Severity::Note, code, message))
    }

    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) -> &mut Diagnostic {
        self.0.push_mut(diagnostic)
    }

    /// Whether any finding is an error.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|it| it.severity == Severity::Error)
    }

    /// How many findings of this severity there are.
    pub fn count(&self, severity: Severity) -> usize {
        self.0.iter().filter(|it| it.severity == severity).count()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many findings there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The findings in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// The findings in order, to be completed.
    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Diagnostic> {
        self.0.iter_mut()
    }

    /// Puts the findings of each file into source order; those without a place keep theirs, at the end.
    pub fn sort_by_place(&mut self) {
        let mut files = Vec::new();
        for span in self.0.iter().filter_map(|it| it.span.as_ref()) {
            if !files.contains(&span.file) {
                files.push(span.file.clone());
            }
        }
        self.0.sort_by_key(|it| match &it.span {
            Some(span) => (files.iter().position(|file| *file == span.file), span.bytes.start),
            None => (Some(files.len()), 0),
        });
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, findings: I) {
        self.0.extend(findings);
    }
}
