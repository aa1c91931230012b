//! Where the documents of a text are, and whether they are templates, without reading them: also a text that is not YAML
//! has documents.

use std::ops::Range;

/// How the marks of templates begin: those of Helm, Jinja, ERB and Terraform.
const TEMPLATE_MARKS: [&str; 4] = ["{{", "{%", "<%", "%{"];

/// Where each document is, its `---` included. JSON texts that follow one another count as one document.
pub(crate) fn documents(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    let mut separators = text.match_indices("\n---").map(|(at, _)| at + 1).filter(|at| {
        let rest = &text[at + 3..]; // behind the three dashes that were found
        rest.is_empty() || rest.starts_with(char::is_whitespace)
    });
    let mut is_last = false;
    std::iter::from_fn(move || {
        if is_last {
            return None;
        }
        let end = separators.next().unwrap_or(text.len());
        is_last = end == text.len();
        Some(std::mem::replace(&mut start, end)..end)
    })
}

/// Whether a text has a mark of a template.
pub(crate) fn has_template_mark(text: &str) -> bool {
    TEMPLATE_MARKS.iter().any(|mark| text.contains(mark))
}

/// The document that has this byte.
pub(crate) fn document_at(text: &str, byte: usize) -> &str {
    let mut documents = documents(text);
    let range = documents.find(|range| range.contains(&byte) || range.end == text.len());
    range.and_then(|range| text.get(range)).unwrap_or(text)
}
