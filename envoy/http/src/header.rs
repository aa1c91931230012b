//! Which names and values of headers Envoy accepts.
//!
//! Two rules apply at different times. The configuration must not have NUL, CR or LF in a header (Envoy's
//! `well_known_regex`, `strict: false`): otherwise Envoy does not start. The router checks what it is about to send
//! against RFC 9110: a name that is not a token, or a value with a control character, makes it answer 503.

/// Whether Envoy's router sends a header of that name: a token of RFC 9110, section 5.6.2.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_token_byte)
}

/// Whether `byte` may be part of a token of RFC 9110.
#[must_use]
pub fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The first character of a value that Envoy's router does not send: a control character other than a tab.
#[must_use]
pub fn forbidden_in_value(value: &str) -> Option<char> {
    value
        .chars()
        .find(|it| u8::try_from(*it).is_ok_and(|byte| !is_value_byte(byte)))
}

/// Whether Envoy's router sends `byte` in a value, and its codec takes it there.
#[must_use]
pub fn is_value_byte(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

/// The first character that Envoy accepts in no text of a header at all: NUL, CR or LF.
#[must_use]
pub fn forbidden_anywhere(text: &str) -> Option<char> {
    text.chars().find(|it| matches!(it, '\0' | '\r' | '\n'))
}

#[cfg(test)]
mod tests {
    use super::{forbidden_in_value, is_name};

    /// Measured with Envoy 1.40: one request for each ASCII character inside a name or a value.
    #[test]
    fn names_are_tokens_and_values_have_no_control_characters() {
        for name in ["a", "X-A_b.c", "a!#$%&'*+^`|~"] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "", "a b", "a:b", ":path", "a(b", "a/b", "a\"b", "a\tb", "a@b", "ä", "a\u{7f}",
        ] {
            assert!(!is_name(name), "{name}");
        }
        assert_eq!(forbidden_in_value("a b\tc ä \"(:"), None);
        assert_eq!(forbidden_in_value("a\u{1}b"), Some('\u{1}'));
        assert_eq!(forbidden_in_value("a\u{7f}b"), Some('\u{7f}'));
    }
}
