//! Shows findings as rustc shows its own: the line they are about, a caret under it, and what would do.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::source::Sources;

/// All findings, each with the line it is about, an empty line between them.
pub fn render(diagnostics: &Diagnostics, sources: &Sources, colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut text = String::new();
    for diagnostic in diagnostics {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&renderer.render(&[report(diagnostic, sources)]));
        text.push('\n');
    }
    text
}

fn report<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(&diagnostic.message).id(diagnostic.code));
    if let Some(snippet) = snippet(diagnostic, sources) {
        group = group.element(snippet);
    }
    let place = match (diagnostic.subject.as_str(), diagnostic.path.as_str()) {
        ("", "") => None,
        (one, "") | ("", one) => Some(format!("in {one}")),
        (subject, path) => Some(format!("in {subject}, {path}")),
    };
    if let Some(place) = place {
        group = group.element(Level::NOTE.message(place));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help));
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
    let end = if end > from { end } else { from };
    let annotation = AnnotationKind::Primary.span(from..end);
    Some(
        Snippet::source(shown)
            .path(&*span.file)
            .line_start(span.line)
            .annotation(annotation),
    )
}
