//! Cuts a stream into the texts that are parsed one by one, as kubectl does before it parses anything.
//!
//! A syntax error then costs one document, and a byte order mark may begin any of them. What is inside a document is
//! not looked at.
//! Source: `YAMLReader` of k8s.io/apimachinery `pkg/util/yaml/decoder.go`.

/// The text between two separators.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<'t> {
    /// What precedes the text and is not parsed: its separator line, a byte order mark.
    pub(super) skipped: &'t str,
    pub(super) text: &'t str,
}

/// The pieces in order. Their parts, joined, are the whole text.
pub(super) fn documents(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut start, mut skipped) = (0, 0);
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        // A separator after directives belongs to their document.
        if is_separator(line) && !has_directives(&text[start + skipped..offset]) {
            pieces.push(piece(&text[start..offset], skipped));
            (start, skipped) = (offset, line.len());
        }
        offset += line.len();
    }
    pieces.push(piece(&text[start..], skipped));
    pieces
}

fn piece(text: &str, skipped: usize) -> Piece<'_> {
    let mark = text[skipped..].starts_with('\u{feff}');
    let (skipped, text) = text.split_at(skipped + if mark { '\u{feff}'.len_utf8() } else { 0 });
    Piece { skipped, text }
}

/// Three hyphens with at most a comment behind them.
fn is_separator(line: &str) -> bool {
    let rest = line.strip_prefix("---").map(str::trim);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// Whether this is nothing but directives, such as `%YAML 1.1`, and comments.
fn has_directives(text: &str) -> bool {
    let is_beside = |line: &str| line.trim().is_empty() || line.starts_with('#');
    let mut lines = text.lines().filter(|line| !is_beside(line)).peekable();
    lines.peek().is_some() && lines.all(|line| line.starts_with('%'))
}

/// A document without the schemas of a CustomResourceDefinition, which has no part in routing: they are most of what
/// an installation of an operator is, and slow to parse. Other documents are whole.
pub(super) fn without_schemas(text: &str) -> &str {
    let mut offset = 0;
    let mut is_definition = false;
    for line in text.split_inclusive('\n') {
        is_definition |= line.trim_end() == "kind: CustomResourceDefinition";
        if is_definition && line.trim_end() == "spec:" {
            return &text[..offset];
        }
        // What comes in front of `spec` is short.
        if offset > LONGEST_HEAD {
            break;
        }
        offset += line.len();
    }
    text
}

/// In bytes: how far to look for the `spec` of a definition.
const LONGEST_HEAD: usize = 16 * 1024;

/// Cuts `{…} {…}` into its texts. Anything else stays in one piece.
pub(super) fn json_texts(text: &str) -> Vec<&str> {
    let mut texts = Vec::new();
    let mut rest = text;
    while let Some(end) = end_of_json(rest).filter(|&end| rest[end..].trim_start().starts_with('{')) {
        let (first, after) = rest.split_at(end);
        texts.push(first);
        rest = after;
    }
    texts.push(rest);
    texts
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

#[cfg(test)]
mod tests {
    use super::{documents, without_schemas};

    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        let pieces = documents(text);
        let texts: Vec<&str> = pieces.iter().map(|it| it.text).collect();
        assert_eq!(texts, want, "{text:?}");
        let joined: String = pieces.iter().flat_map(|it| [it.skipped, it.text]).collect();
        assert_eq!(joined, text);
    }

    #[test]
    fn a_separator_has_at_most_a_comment_behind_it() {
        check("a\n---\nb\n", &["a\n", "b\n"]);
        check("---  # c\na\n--- \r\n", &["", "a\n", ""]);
        check("a\n--- b\n----\n ---\n", &["a\n--- b\n----\n ---\n"]);
    }

    #[test]
    fn directives_stay_with_their_document() {
        check(
            "%YAML 1.1\n# c\n---\na\n---\nb",
            &["%YAML 1.1\n# c\n---\na\n", "b"],
        );
        check("# c\n---\na\n", &["# c\n", "a\n"]);
    }

    #[test]
    fn a_byte_order_mark_may_begin_each_document() {
        check("\u{feff}a\n---\n\u{feff}b\n", &["a\n", "b\n"]);
    }

    #[test]
    fn the_schemas_of_a_definition_are_not_parsed() {
        let head =
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\n";
        assert_eq!(without_schemas(&format!("{head}spec:\n  names: {{}}\n")), head);
        for whole in [
            "apiVersion: v1\nkind: Service\nspec:\n  ports: []\n",
            "kind: ConfigMap\ndata:\n  kind: CustomResourceDefinition\nspec:\n  a: 1\n",
        ] {
            assert_eq!(without_schemas(whole), whole);
        }
    }
}
