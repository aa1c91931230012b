//! Words as a POSIX shell reads them back.

/// `text` as one word; quoted only where it must be.
pub(crate) fn quote(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/.:_-+=,@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_read_something_else() {
        for (text, quoted) in [
            ("out/envoy.json", "out/envoy.json"),
            ("", "''"),
            ("a b", "'a b'"),
            ("/x?a=1&b=$HOME", "'/x?a=1&b=$HOME'"),
            ("it's", r"'it'\''s'"),
            ("~", "'~'"),
        ] {
            assert_eq!(quote(text), quoted);
        }
    }
}
