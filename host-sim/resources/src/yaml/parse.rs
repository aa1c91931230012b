//! Reads the documents of a stream.
//!
//! A document with a syntax error is lost as a whole; the next one is read. How a tree comes of the
//! events of one document is told in `build`.

use std::sync::Arc;

use granit_parser::{Event, Marker, Parser};

use super::Node;
use super::build::Builder;
use crate::source::{Place, small};

/// One document of a stream.
#[derive(Debug)]
pub(crate) struct Document {
    /// `None` if the document is empty.
    pub(crate) root: Option<Arc<Node>>,
    pub(crate) remarks: Vec<Remark>,
    /// The place of content that begins on the line of the `---` before it.
    pub(crate) beside_separator: Option<Place>,
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
    let start = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let mut base = Base {
        line: 0,
        column: 0,
        byte: start,
    };
    for chunk in split_json(&text[start..]) {
        parse_stream(chunk, base, &mut documents);
        base = base.after(chunk);
    }
    documents
}

/// Where a chunk begins in the source.
#[derive(Clone, Copy)]
pub(super) struct Base {
    line: usize,
    column: usize,
    byte: usize,
}

impl Base {
    fn after(self, chunk: &str) -> Self {
        let lines = chunk.matches('\n').count();
        let tail = chunk.rsplit('\n').next().unwrap_or_default().chars().count();
        let column = if lines == 0 { self.column + tail } else { tail };
        Self {
            line: self.line + lines,
            column,
            byte: self.byte + chunk.len(),
        }
    }

    pub(super) fn place(self, start: &Marker, end: &Marker) -> Place {
        let from = self.byte + start.byte_offset().unwrap_or(0);
        let until = self.byte + end.byte_offset().unwrap_or(0);
        let column = if start.line() <= 1 { self.column } else { 0 } + start.col() + 1;
        Place {
            line: small(self.line + start.line()),
            column: small(column),
            start: small(from),
            end: small(until.max(from)),
        }
    }
}

/// Cuts `{…} {…}` into its texts. Anything else stays in one piece.
fn split_json(text: &str) -> Vec<&str> {
    let mut chunks = Vec::new();
    let mut rest = text;
    while let Some(end) = end_of_json(rest).filter(|&end| rest[end..].trim_start().starts_with('{')) {
        let (chunk, after) = rest.split_at(end);
        chunks.push(chunk);
        rest = after;
    }
    chunks.push(rest);
    chunks
}

/// The offset after the `}` that closes the `{` at the start of `text`.
fn end_of_json(text: &str) -> Option<usize> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

fn parse_stream(text: &str, base: Base, documents: &mut Vec<Result<Document, SyntaxError>>) {
    let options = granit_parser::options! { emit_comments: false, simple_key_max_lookahead: 4096 };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder::new(base);
    while let Some(event) = parser.next_event() {
        let result = match event {
            Ok((Event::StreamStart | Event::StreamEnd, _)) => Ok(()),
            Ok((Event::DocumentStart(explicit, _), span)) => {
                builder = Builder::new(base);
                if explicit {
                    builder.begin_after(base.place(&span.start, &span.end));
                }
                Ok(())
            }
            Ok((Event::DocumentEnd, _)) => {
                documents.push(Ok(std::mem::replace(&mut builder, Builder::new(base)).finish()));
                Ok(())
            }
            Ok((event, span)) => builder.take(event, span),
            Err(error) => {
                let place = base.place(error.marker(), error.marker());
                Err(SyntaxError {
                    place,
                    message: error.info(),
                })
            }
        };
        if let Err(error) = result {
            documents.push(Err(error));
            if !parser.proceed_next_document().unwrap_or(false) {
                return;
            }
        }
    }
}
