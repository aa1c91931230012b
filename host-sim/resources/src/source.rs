//! The texts that resources are read from.
//!
//! Opening files is the caller's work. A source whose bytes are not UTF-8 is kept, so that the
//! error about it can show the line.

use std::sync::{Arc, OnceLock};

use crate::yaml::{self, Document, SyntaxError};

/// One text to read: a file, standard input, a test.
#[derive(Debug, Clone)]
pub struct Source {
    /// What diagnostics call it, as a rule the path as the user gave it.
    pub name: String,
    /// The text; with replacement characters where the bytes were not UTF-8.
    pub text: String,
    pub(crate) not_utf8: Option<NotUtf8>,
    /// What [`Source::documents`] found, so that a text that is looked into and then read is parsed once.
    parsed: Arc<OnceLock<Vec<Result<Document, SyntaxError>>>>,
}

/// Where the bytes of a source stopped being UTF-8.
#[derive(Debug, Clone)]
pub(crate) struct NotUtf8 {
    /// Offset in the bytes as given, which is also the offset in `text`.
    pub(crate) offset: usize,
    pub(crate) byte: u8,
}

impl Source {
    /// A source from text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            not_utf8: None,
            parsed: Arc::default(),
        }
    }

    /// A source from bytes as they lie in a file. Bytes that are not UTF-8 become an error when the source is read.
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::new(name, text),
            Err(error) => {
                let offset = error.utf8_error().valid_up_to();
                let bytes = error.into_bytes();
                let byte = bytes.get(offset).copied().unwrap_or(0);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                Self {
                    name: name.into(),
                    text,
                    not_utf8: Some(NotUtf8 { offset, byte }),
                    parsed: Arc::default(),
                }
            }
        }
    }

    /// The documents of the text, or why one can't be read. They are kept until [`Source::forget_documents`].
    pub(crate) fn documents(&self) -> &[Result<Document, SyntaxError>] {
        self.parsed.get_or_init(|| yaml::parse(&self.text))
    }

    /// Frees the documents.
    pub(crate) fn forget_documents(&mut self) {
        self.parsed = Arc::default();
    }
}

/// All texts that were read, for showing source lines.
#[derive(Debug, Clone, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// These texts.
    pub fn new(sources: Vec<Source>) -> Self {
        Self(sources)
    }

    /// The text of the source with this name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|source| source.name == name)
            .map(|source| source.text.as_str())
    }

    /// Every source, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }
}
