//! Shows findings as rustc shows its own: the line they are about, a caret under it, and what would do.
//!
//! Which findings are shown, and in which order, is the caller's matter.
//! A line of a Secret is not shown, only where it is.

use std::collections::HashMap;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

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
    confidential: Confidential,
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
            confidential: Confidential::default(),
        }
    }

    /// A finding with the line it is about. Ends with a line feed.
    pub fn render(&mut self, diagnostic: &Diagnostic) -> String {
        let report = report(diagnostic, self.sources, &mut self.confidential);
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
) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let title = level.primary_title(visible(&diagnostic.message));
    let mut group = Group::with_title(title.id(diagnostic.code.as_str()));
    if let Some(span) = diagnostic
        .span
        .as_ref()
        .filter(|span| confidential.contains(span, sources))
    {
        let place = Origin::path(visible(&span.file))
            .line(span.line)
            .char_column(span.column);
        group = group
            .element(place)
            .element(Level::NOTE.message("the line is not shown, as it can hold a part of a Secret"));
    } else if let Some(snippet) = snippet(diagnostic, sources) {
        group = group.element(snippet);
    }
    let place = match (diagnostic.subject.as_str(), diagnostic.path.as_str()) {
        ("", "") => None,
        (one, "") | ("", one) => Some(format!("in {one}")),
        (subject, path) => Some(format!("in {subject}, {path}")),
    };
    if let Some(place) = place {
        group = group.element(Level::NOTE.message(visible(&place).into_owned()));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(visible(help)));
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
