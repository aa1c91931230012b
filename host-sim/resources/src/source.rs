//! The texts that resources are read from.
//!
//! Opening files is the caller's work. A source whose bytes are not UTF-8 is kept, so that the
//! error about it can show the line.

use std::collections::BTreeMap;
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
    /// What was filled in for placeholders, by the placeholder as it was written.
    pub(crate) stand_ins: BTreeMap<String, String>,
    /// What [`Source::documents`] found, so that a text that is looked into and then read is parsed once.
    parsed: Arc<OnceLock<Vec<Result<Document, SyntaxError>>>>,
}

/// Where the bytes of a source stopped being UTF-8.
#[derive(Debug, Clone)]
pub(crate) struct NotUtf8 {
    /// Offset in the bytes as given, which is also the offset in `text`.
    pub(crate) offset: usize,
    pub(crate) byte: u8,
    /// The text is UTF-16, as PowerShell writes it, and is shown as such.
    pub(crate) is_utf16: bool,
}

impl Source {
    /// A source from text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            not_utf8: None,
            stand_ins: BTreeMap::new(),
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
                let utf16 = utf16(&bytes);
                let is_utf16 = utf16.is_some();
                Self {
                    name: name.into(),
                    text: utf16.unwrap_or_else(|| String::from_utf8_lossy(&bytes).into_owned()),
                    not_utf8: Some(NotUtf8 {
                        offset,
                        byte,
                        is_utf16,
                    }),
                    stand_ins: BTreeMap::new(),
                    parsed: Arc::default(),
                }
            }
        }
    }

    /// Says what was filled in.
    pub(crate) fn with_stand_ins(self, stand_ins: BTreeMap<String, String>) -> Self {
        Self { stand_ins, ..self }
    }

    /// Says of a value that is not in the text what is taken for it.
    pub fn add_stand_in(&mut self, missing: impl Into<String>, value: impl Into<String>) {
        self.stand_ins.insert(missing.into(), value.into());
    }

    /// The placeholders of the text, and what was filled in for each: the text has that.
    pub fn stand_ins(&self) -> impl Iterator<Item = (&str, &str)> {
        self.stand_ins
            .iter()
            .map(|(it, with)| (it.as_str(), with.as_str()))
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

/// The text behind the mark of UTF-16's byte order, if there is one.
fn utf16(bytes: &[u8]) -> Option<String> {
    let is_little_endian = match bytes.get(..2)? {
        [0xff, 0xfe] => true,
        [0xfe, 0xff] => false,
        _ => return None,
    };
    let (pairs, _) = bytes.get(2..)?.as_chunks::<2>();
    let unit = |pair: &[u8; 2]| match is_little_endian {
        true => u16::from_le_bytes(*pair),
        false => u16::from_be_bytes(*pair),
    };
    let units: Vec<u16> = pairs.iter().map(unit).collect();
    Some(String::from_utf16_lossy(&units))
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

    /// What was filled in for placeholders in the source with this name, by placeholder.
    pub fn stand_ins(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        self.iter()
            .filter(move |it| it.name == name)
            .flat_map(Source::stand_ins)
    }

    /// Every source, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }
}
