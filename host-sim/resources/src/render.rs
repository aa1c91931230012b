//! Shows findings as rustc shows its own: the line they are about, a caret under it, and what would do.
//!
//! Which findings are shown, and in which order, is the caller's matter.
//! A line of a Secret is not shown, only where it is.

use std::collections::HashMap;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::brief::brief;
use crate::confidential::confidential_documents;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::place::Span;
use crate::source::Sources;
use crate::visible::{visible, visible_lines};

/// All findings, each with the line it is about, an empty line between them.
pub fn render(diagnostics: &Diagnostics, sources: &Sources, colour: bool) -> String {
    let mut renderer = FindingRenderer::new(sources, colour);
    let texts: Vec<String> = diagnostics.iter().map(|it| renderer.render(it)).collect();
    texts.join("\n")
}

/// Renders findings one by one.
pub struct FindingRenderer<'s> {
    sources: &'s Sources,
    renderer: Renderer,
    wrap: Option<Wrap>,
    confidential: Confidential,
}

/// How sentences are wrapped.
#[derive(Clone, Copy)]
struct Wrap {
    /// No sentence ends behind this column.
    width: usize,
    /// The lines of a text, of at most so many columns.
    lines: fn(&str, usize) -> Vec<String>,
}

/// Sentences have at least this much room, however narrow the terminal.
const NARROWEST: usize = 24;

impl Wrap {
    /// The text behind something that takes `indent` columns. Its later lines are set in when it is rendered.
    fn wrap(self, text: &str, indent: usize) -> String {
        (self.lines)(text, self.width.saturating_sub(indent).max(NARROWEST)).join("\n")
    }
}

impl<'s> FindingRenderer<'s> {
    /// For findings about these sources. With `colour`, the text has ANSI styles.
    pub fn new(sources: &'s Sources, colour: bool) -> Self {
        Self {
            sources,
            renderer: if colour {
                Renderer::styled()
            } else {
                Renderer::plain()
            },
            wrap: None,
            confidential: Confidential::default(),
        }
    }

    /// For a terminal of so many columns: `lines` wraps sentences, which end before the column `widest`, and lines of a source
    /// that are too long are cut.
    #[must_use]
    pub fn within(self, columns: usize, widest: usize, lines: fn(&str, usize) -> Vec<String>) -> Self {
        Self {
            renderer: self.renderer.term_width(columns),
            wrap: Some(Wrap {
                width: columns.min(widest),
                lines,
            }),
            ..self
        }
    }

    /// A finding with the line it is about. Ends with a line feed.
    pub fn render(&mut self, diagnostic: &Diagnostic) -> String {
        let report = report(diagnostic, self.sources, &mut self.confidential, self.wrap);
        self.renderer.render(&[report]) + "\n"
    }
}

/// The parts of the sources that are not shown, by the name of the source.
#[derive(Default)]
struct Confidential(HashMap<String, Vec<Range<usize>>>);

impl Confidential {
    fn contains(&mut self, span: &Span, sources: &Sources) -> bool {
        let text = sources.text(&span.file).unwrap_or_default();
        let ranges = self
            .0
            .entry(span.file.to_string())
            .or_insert_with(|| confidential_documents(text));
        let start = span.bytes.start;
        // A syntax error at the very end is behind the last byte.
        let is_inside =
            |range: &Range<usize>| range.contains(&start) || range.end == text.len() && start >= range.end;
        ranges.iter().any(is_inside)
    }
}

fn report<'a>(
    diagnostic: &'a Diagnostic,
    sources: &'a Sources,
    confidential: &mut Confidential,
    wrap: Option<Wrap>,
) -> Group<'a> {
    let (level, name) = match diagnostic.severity {
        Severity::Error => (Level::ERROR, "error"),
        Severity::Warning => (Level::WARNING, "warning"),
        Severity::Note => (Level::NOTE, "note"),
    };
    let code = diagnostic.code.as_str();
    let wrapped = |text: &str, indent: usize| match wrap {
        Some(wrap) => wrap.wrap(&visible(text), indent),
        None => visible(text).into_owned(),
    };
    let title = level.primary_title(wrapped(&diagnostic.message, format!("{name}[{code}]: ").len()));
    let mut group = Group::with_title(title.id(code));
    // `12 | ` before a line of the source, and `   = help: ` below it.
    let digits = diagnostic.span.as_ref().map_or(0, |it| it.line.to_string().len());
    let below = |label: &str| digits + " = ".len() + label.len() + ": ".len();
    if let Some(span) = diagnostic
        .span
        .as_ref()
        .filter(|span| confidential.contains(span, sources))
    {
        let place = Origin::path(visible(&span.file))
            .line(span.line)
            .char_column(span.column);
        let reason = "the line is not shown, as it can hold a part of a Secret";
        group = group
            .element(place)
            .element(Level::NOTE.message(wrapped(reason, below("note"))));
    } else if let Some(snippet) = snippet(diagnostic, sources) {
        group = group.element(snippet);
    }
    let place = match (diagnostic.subject.as_str(), diagnostic.path.as_str()) {
        ("", "") => None,
        (one, "") | ("", one) => Some(format!("in {one}")),
        (subject, path) => Some(format!("in {subject}, {path}")),
    };
    if let Some(place) = place {
        group = group.element(Level::NOTE.message(wrapped(&brief(&place), below("note"))));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(wrapped(help, below("help"))));
    }
    group
}

/// The line that the finding is about; a longer place is shown by its first line.
fn snippet<'a>(
    diagnostic: &'a Diagnostic,
    sources: &'a Sources,
) -> Option<Snippet<'a, annotate_snippets::Annotation<'a>>> {
    let span = diagnostic.span.as_ref()?;
    let text = sources.text(&span.file)?;
    let start = span.bytes.start.min(text.len());
    let line_start = text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
    let rest = text.get(line_start..)?;
    let line = rest.split('\n').next().unwrap_or_default().trim_end_matches('\r');
    let shown = line.trim_start_matches('\u{feff}');
    let cut = line.len() - shown.len();
    let from = (start - line_start).saturating_sub(cut).min(shown.len());
    let end = (span.bytes.end.max(start) - line_start)
        .saturating_sub(cut)
        .min(shown.len());
    let end = end.max(from);
    let (before, marked, behind) = (shown.get(..from)?, shown.get(from..end)?, shown.get(end..)?);
    let [before, marked, behind] = [before, marked, behind].map(visible_lines);
    let annotation = AnnotationKind::Primary.span(before.len()..before.len() + marked.len());
    Some(
        Snippet::source([before, marked, behind].concat())
            .path(visible(&span.file))
            .line_start(span.line)
            .annotation(annotation),
    )
}
