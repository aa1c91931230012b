//! Which parts of a source must not be shown: documents that can hold a password or a private key.
//!
//! A message ends up in terminals and in logs of builds, so it quotes nothing from such a document. The decision is
//! made on the text, as a document with a syntax error has no `kind` that could be read; a document that only looks
//! like a Secret loses its source lines in messages, and nothing else.

use std::ops::Range;

/// What PEM begins with, in base64.
const ENCODED_PEM: &str = "LS0tLS1CRUdJTi";

/// The documents of `text`, as ranges of bytes, whose content must not be shown.
pub(crate) fn confidential_documents(text: &str) -> Vec<Range<usize>> {
    documents(text)
        .filter(|range| text.get(range.clone()).is_some_and(is_confidential))
        .collect()
}

/// Where each document is, its `---` included. JSON texts that follow one another count as one document.
fn documents(text: &str) -> impl Iterator<Item = Range<usize>> {
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

fn is_confidential(document: &str) -> bool {
    document.contains("PRIVATE KEY-----")
        || document.contains(ENCODED_PEM)
        || document.contains("Secret") && document.lines().any(names_secret)
}

/// Whether the line, without its comment, has `Secret` as a word of its own, as in `kind: Secret`.
fn names_secret(line: &str) -> bool {
    let code = match line.find(" #") {
        _ if line.starts_with('#') => "",
        Some(comment) => &line[..comment],
        None => line,
    };
    code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
        .any(|word| word == "Secret")
}

#[cfg(test)]
mod tests {
    use super::confidential_documents;

    /// The documents are separated by `---`; those that must not be shown contain a `!`.
    #[track_caller]
    fn check(text: &str) {
        let ranges = confidential_documents(text);
        let hidden = |at: usize| ranges.iter().any(|range| range.contains(&at));
        for (at, character) in text.char_indices().filter(|(_, it)| matches!(it, '!' | '?')) {
            assert_eq!(hidden(at), character == '!', "byte {at} of {text}");
        }
    }

    #[test]
    fn a_secret_is_hidden_however_it_is_written() {
        check(
            "kind: Gateway # with a Secret\na: ?\n---\nkind: Secret\ndata: {a: !}\n---\nkind: Gateway\nb: ?",
        );
        check("data: {a: !}\nkind: 'Secret'\n");
        check(r#"{"apiVersion": "v1", "kind":"Secret", "stringData": {"a": "!"}}"#);
        check("kind: List\nitems:\n- {kind: Secret, data: {a: !}}\n");
        check("kind: &kind Secret\ndata: {a: !\n--- # next\nkind: Service\na: ?\n");
        check("kind: Secret\r\ndata: !\r\n---\r\nkind: SecretStore\r\na: ?\r\n");
    }

    #[test]
    fn a_key_is_hidden_in_whatever_kind_it_is() {
        check("kind: ConfigMap\ndata:\n  a: |\n    -----BEGIN RSA PRIVATE KEY-----\n    !\n---\na: ?");
        check("a: LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t\nb: !");
        check("kind: ClientSecretReference\nsecretName: a\nb: ?");
    }
}
