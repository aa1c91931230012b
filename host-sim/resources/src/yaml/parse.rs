//! Reads the documents of a stream as go-yaml reads them, so that kubectl and we see the same.
//!
//! A document with a syntax error is lost as a whole; the next one is read. `split` says where documents begin,
//! `dialect` where the parser differs from go-yaml, and `build` makes a tree of the events of one document.

use std::io::BufReader;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Arc;

use libyaml_safer::{Encoding, Error, Event, EventData, Mark, Parser};

use super::Node;
use super::build::{Builder, Keys};
use super::dialect::Dialect;
use super::split;
use crate::place::{Place, small};

/// One document of a stream.
#[derive(Debug)]
pub(crate) struct Document {
    /// `None` if the document is empty.
    pub(crate) root: Option<Arc<Node>>,
    pub(crate) remarks: Vec<Remark>,
    /// The place of content that begins on the line of the `---` before it.
    pub(crate) beside_separator: Option<Place>,
    /// Where text begins that follows the end of the document, and that go-yaml never looks at.
    pub(crate) after_end: Option<Place>,
}

/// What is odd about a key, though it can be read.
#[derive(Debug)]
pub(crate) struct Remark {
    pub(crate) key: String,
    /// Of the value, from the root of the document.
    pub(crate) path: String,
    pub(crate) place: Place,
    pub(crate) oddity: Oddity,
}

#[derive(Debug)]
pub(crate) enum Oddity {
    /// It was given before in the same map, at this place.
    Twice(Place),
    /// It is not what is written, since that means a boolean or a number.
    Written(String),
}

/// Why a document could not be read.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    pub(crate) place: Place,
    pub(crate) message: String,
}

/// Reads all documents of a stream; JSON texts may follow one another without a separator.
pub(crate) fn parse(text: &str) -> Vec<Result<Document, SyntaxError>> {
    let mut documents = Vec::new();
    let mut start = Start::default();
    let mut keys = Keys::default();
    for piece in split::documents(text) {
        start = start.after(piece.skipped);
        if piece.skipped.ends_with('\u{feff}') {
            start.column = 0;
        }
        for text in split::json_texts(piece.text) {
            parse_text(split::without_schemas(text), start, &mut keys, &mut documents);
            start = start.after(text);
        }
    }
    documents
}

/// Where a text begins in its source. All count from 0.
#[derive(Debug, Clone, Copy, Default)]
struct Start {
    line: usize,
    column: usize,
    byte: usize,
}

impl Start {
    fn after(self, text: &str) -> Self {
        let lines = text.matches('\n').count();
        let tail = text.rsplit('\n').next().unwrap_or_default().chars().count();
        let column = if lines == 0 { self.column + tail } else { tail };
        Self {
            line: self.line + lines,
            column,
            byte: self.byte + text.len(),
        }
    }

    /// The place of the `length` bytes that begin here.
    fn place(self, length: usize) -> Place {
        Place {
            line: small(self.line + 1),
            column: small(self.column + 1),
            start: small(self.byte),
            end: small(self.byte + length),
        }
    }
}

/// Turns the parser's marks into places of the source.
struct Marks<'d> {
    start: Start,
    text: &'d str,
    dialect: &'d Dialect<'d>,
}

impl Marks<'_> {
    fn at(&self, mark: &Mark) -> Start {
        let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        Start {
            line: self.start.line + number(mark.line),
            column: if mark.line == 0 { self.start.column } else { 0 } + number(mark.column),
            byte: self.start.byte + self.dialect.offset(mark),
        }
    }

    /// The place of what an event is about, behind its anchor and its tag.
    fn place(&self, event: &Event) -> Place {
        let (start, end) = (self.at(&event.start_mark), self.at(&event.end_mark));
        let bytes = start.byte - self.start.byte..end.byte.max(start.byte) - self.start.byte;
        let written = self.text.get(bytes).unwrap_or_default();
        let content = behind_properties(written, properties(&event.data));
        start
            .after(&written[..written.len() - content.len()])
            .place(content.len())
    }
}

/// How many of an anchor and a tag a node has.
fn properties(data: &EventData) -> usize {
    match data {
        EventData::Scalar { anchor, tag, .. }
        | EventData::SequenceStart { anchor, tag, .. }
        | EventData::MappingStart { anchor, tag, .. } => {
            usize::from(anchor.is_some()) + usize::from(tag.is_some())
        }
        _ => 0,
    }
}

/// What follows so many words. A comment may follow each.
fn behind_properties(text: &str, properties: usize) -> &str {
    let mut rest = text;
    for _ in 0..properties {
        rest = rest.trim_start_matches(|char: char| !char.is_whitespace());
        rest = rest.trim_start();
        while rest.starts_with('#') {
            rest = rest.trim_start_matches(|char| char != '\n').trim_start();
        }
    }
    rest
}

fn parse_text(text: &str, start: Start, keys: &mut Keys, documents: &mut Vec<Result<Document, SyntaxError>>) {
    let dialect = Dialect::of(text);
    let marks = Marks {
        start,
        text,
        dialect: &dialect,
    };
    let mut parser = Parser::new();
    // The parser keeps what a read gives it as characters, four bytes each: so it gets a little at a time.
    parser.set_input(BufReader::new(dialect.text().as_bytes()));
    parser.set_encoding(Encoding::Utf8);
    let mut builder = Builder::new(keys);
    let known = documents.len();
    let mut last = start.place(0);
    loop {
        // The parser panics on a few malformed texts that `dialect` does not recognise. It is not used after that.
        let Ok(event) = catch_unwind(AssertUnwindSafe(|| parser.parse())) else {
            documents.push(Err(SyntaxError {
                place: last,
                message: "cannot parse what follows".to_owned(),
            }));
            return;
        };
        let result = match event {
            Ok(mut event) => {
                dialect.restore(&mut event);
                let place = marks.place(&event);
                last = place;
                match event.data {
                    EventData::StreamEnd => return,
                    EventData::StreamStart { .. } => Ok(()),
                    EventData::DocumentStart { implicit, .. } => {
                        if !implicit {
                            builder.begin_after(place);
                        }
                        Ok(())
                    }
                    EventData::DocumentEnd { .. } => {
                        documents.push(Ok(builder.finish()));
                        Ok(())
                    }
                    data => builder.take(data, place),
                }
            }
            Err(error) => {
                let error = syntax_error(&error, text, &marks);
                // go-yaml reads one document and does not look further.
                if let Some([.., Ok(last)]) = documents.get_mut(known..) {
                    last.after_end = Some(error.place);
                    return;
                }
                Err(error)
            }
        };
        if let Err(error) = result {
            documents.push(Err(error));
            return;
        }
    }
}

/// Whether [`read`](crate::read) catches this panic, which comes from the YAML parser, and turns it into an error.
/// A panic hook has nothing to report then.
pub fn is_caught(panic: &PanicHookInfo<'_>) -> bool {
    panic
        .location()
        .is_some_and(|location| location.file().contains("libyaml-safer"))
}

fn syntax_error(error: &Error, text: &str, marks: &Marks<'_>) -> SyntaxError {
    let Some(mark) = error.problem_mark() else {
        return refused_character(text, marks.start);
    };
    let message = match (error.context(), error.context_mark()) {
        (Some(context), Some(begin)) if begin.line != mark.line => {
            let line = marks.at(&begin).line + 1;
            format!("{} {context} that begins on line {line}", error.problem())
        }
        (Some(context), _) => format!("{} {context}", error.problem()),
        (None, _) => error.problem().to_owned(),
    };
    let written = text.trim_end();
    let place = if marks.dialect.offset(&mark) < written.len() {
        marks.at(&mark).place(0)
    } else {
        // The parser notices what is missing at the very end; people look where the text ends.
        marks.start.after(written).place(0)
    };
    SyntaxError { place, message }
}

/// The parser checks the characters before it knows their lines.
fn refused_character(text: &str, start: Start) -> SyntaxError {
    let is_taken = |char: &char| matches!(char, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..);
    let (offset, char) = text
        .char_indices()
        .find(|(_, char)| !is_taken(char))
        .unwrap_or_default();
    SyntaxError {
        place: start.after(&text[..offset]).place(char.len_utf8()),
        message: format!("the character {} is not allowed", char.escape_unicode()),
    }
}
