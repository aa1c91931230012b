//! Which parts of a source must not be shown: documents that can hold a password or a private key.
//!
//! A message ends up in terminals and in logs of builds, so it quotes nothing from such a document. The decision is
//! made on the text, as a document with a syntax error has no `kind` that could be read; a document that only looks
//! like a Secret loses its source lines in messages, and nothing else. `data` alone looks like one, unless the document has
//! a kind that is known to hold no secrets, such as ConfigMap.

use std::fmt;
use std::ops::{Deref, Range};

use crate::decode::{Decode, Decoder};
use crate::document_text::documents;
use crate::yaml::Node;

/// A value of a Secret: neither the messages about it nor its debug form show it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hidden<T>(T);

impl<T> Deref for Hidden<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

impl<T: Decode> Decode for Hidden<T> {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Self {
        let outer = std::mem::replace(&mut cx.is_confidential, true);
        let value = T::decode(node, cx);
        cx.is_confidential = outer;
        Self(value)
    }
}

/// What PEM begins with.
const PEM: &str = "-----BEGIN";
/// The same in base64.
const ENCODED_PEM: &str = "LS0tLS1CRUdJTi";

/// Whether `text` has PEM in it, perhaps in base64: a certificate or a key, not the path or the name of one.
pub(crate) fn holds_pem(text: &str) -> bool {
    text.contains(PEM) || text.contains(ENCODED_PEM)
}

/// The documents of `text`, as ranges of bytes, whose content must not be shown.
pub(crate) fn confidential_documents(text: &str) -> Vec<Range<usize>> {
    documents(text)
        .filter(|range| text.get(range.clone()).is_some_and(is_confidential))
        .collect()
}

fn is_confidential(document: &str) -> bool {
    document.contains("PRIVATE KEY-----")
        || holds_pem(document)
        || document.lines().any(names_secret)
        || document.lines().any(has_key_of_secret) && !has_open_kind(document)
}

/// Whether every `kind` in the document is one that holds no password under `data`.
fn has_open_kind(document: &str) -> bool {
    let mut kinds = document.lines().flat_map(kinds).peekable();
    kinds.peek().is_some() && kinds.all(|kind| OPEN_KINDS.contains(&kind))
}

const OPEN_KINDS: [&str; 10] = [
    "ConfigMap",
    "DestinationRule",
    "EndpointSlice",
    "Endpoints",
    "Gateway",
    "Pod",
    "Service",
    "ServiceEntry",
    "VirtualService",
    "WorkloadEntry",
];

/// The values of the keys `kind` in a line, as far as they are one plain or quoted word.
fn kinds(line: &str) -> impl Iterator<Item = &str> {
    keys(line).filter(|(key, _)| *key == "kind").map(|(_, value)| {
        let value = value.trim_start().trim_start_matches(['"', '\'']);
        let end = value.find(|c: char| !c.is_alphanumeric()).unwrap_or(value.len());
        &value[..end] // `find` gives a boundary of a character
    })
}

/// Whether the line, without its comment, has the separate word `Secret`, as in `kind: Secret`.
fn names_secret(line: &str) -> bool {
    let code = match line.find(" #") {
        _ if line.starts_with('#') => "",
        Some(comment) => &line[..comment],
        None => line,
    };
    code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
        .any(|word| word == "Secret")
}

/// Whether the line has the key `data` or `stringData`: a Secret that lost its `kind` still has these.
fn has_key_of_secret(line: &str) -> bool {
    keys(line).any(|(key, _)| {
        ["data", "stringData"]
            .iter()
            .any(|it| it.eq_ignore_ascii_case(key))
    })
}

/// The words before the colons of a line, each with what follows its colon.
fn keys(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.match_indices(':').filter_map(|(at, _)| {
        let key = line[..at].trim_end().trim_end_matches(['"', '\'']); // a colon has one byte
        let mut words = key.rsplit(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')));
        Some((words.next()?, &line[at + 1..]))
    })
}

#[cfg(test)]
mod tests {
    use super::confidential_documents;
    use crate::diagnostic::Diagnostics;
    use crate::{Source, read};

    #[test]
    fn the_debug_form_of_a_secret_shows_no_value() {
        let gateway = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}\nspec:\n  servers:\n  \
                       - {hosts: ['*'], port: {number: 443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: a}}\n";
        let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: aGVsbG8=}\nstringData: {b: hunter2}\n";
        let text = format!("{gateway}---\n{secret}");
        let secrets = read(vec![Source::new("a.yaml", text)], &mut Diagnostics::new()).secrets;
        let secret = &secrets.first().expect("a Secret").spec;
        assert_eq!(
            (secret.value("a"), secret.value("b")),
            (Some(&b"hello"[..]), Some(&b"hunter2"[..]))
        );
        let debug = format!("{secret:?}");
        assert!(
            debug.contains("[hidden]") && !debug.contains("hunter2") && !debug.contains("104"),
            "{debug}"
        );
    }

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
    fn a_secret_without_its_kind_is_hidden() {
        check("stringData: {tls.key: !}\n---\nmetadata: {name: a}\nb: ?");
        check("apiVersion: v1\ndata:\n  tls.key: !\n");
        check(r#"{"apiVersion": "v1", "metadata": {}, "data" : {"a": "!"}}"#);
        check("kind: secret\nstringdata: {a: !}\n---\nmetadata: {labels: {app.data: a, big-data: b}}\nb: ?");
    }

    #[test]
    fn a_kind_that_holds_no_secret_is_shown() {
        check("kind: ConfigMap\ndata: {a: ?}\n---\ndata: {a: !}");
        check("apiVersion: v1\ndata:\n  a: ?\nkind: \"ConfigMap\" # of a Gateway\n");
        check(r#"{"kind":"Gateway", "metadata": {}, "data" : {"a": "?"}}"#);
        check("kind: ConfigMap\ndata: {kind: Secret, a: !}");
        check("kind: Secrte\ndata: {a: !}\n---\nkind: List\nitems:\n- kind: ConfigMap\n  data: {a: !}");
        check("kind:\n  ConfigMap\ndata: {a: !}");
    }

    #[test]
    fn a_key_is_hidden_in_whatever_kind_it_is() {
        check("kind: ConfigMap\ndata:\n  a: |\n    -----BEGIN RSA PRIVATE KEY-----\n    !\n---\na: ?");
        check("a: LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t\nb: !");
        check("kind: Gateway\na: '-----BEGIN EC PRIVATE'\nb: !");
        check("kind: ClientSecretReference\nsecretName: a\nb: ?");
    }
}
