//! Shortens what messages quote: a value of thousands of characters hides the sentence around it.
//!
//! Every finding and every error passes through here. What is cut is the middle; the place that a finding has leads to all of it.

use std::borrow::Cow;

/// Longer quotes and words are cut, in characters. A host name has at most 253.
const LONGEST: usize = 260;
/// So much of the beginning is kept, and so much of the end.
const HEAD: usize = 120;
const TAIL: usize = 30;

/// The text with everything that is quoted, and every word, cut to a length at which the rest can still be read.
#[must_use]
pub fn brief(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return Cow::Borrowed(text);
    }
    let mut short = String::with_capacity(text.len().min(4 * LONGEST));
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(piece_length(rest));
        push_cut(piece, &mut short);
        rest = behind;
    }
    Cow::Owned(short)
}

/// How long the first piece is, in bytes: what is between two marks with the marks, or all up to a blank or a mark.
fn piece_length(text: &str) -> usize {
    let mut characters = text.char_indices();
    let Some((_, first)) = characters.next() else {
        return 0;
    };
    if is_mark(first) {
        let mut is_escaped = false;
        for (index, character) in characters {
            if character == first && !is_escaped {
                return index + character.len_utf8();
            }
            is_escaped = character == '\\' && !is_escaped && first == '"';
        }
        // It is never closed: a mark like any character.
        return first.len_utf8();
    }
    let end = characters.find(|(_, it)| it.is_whitespace() || is_mark(*it));
    match end {
        Some((index, character)) if character.is_whitespace() => index + character.len_utf8(),
        Some((index, _)) => index,
        None => text.len(),
    }
}

fn is_mark(character: char) -> bool {
    matches!(character, '`' | '"')
}

fn push_cut(piece: &str, short: &mut String) {
    let number = piece.chars().count();
    if number <= LONGEST {
        return short.push_str(piece);
    }
    short.extend(piece.chars().take(HEAD));
    short.push_str(&format!("… ({} more characters) …", number - HEAD - TAIL));
    short.extend(piece.chars().skip(number - TAIL));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_quotes_and_words_are_cut_in_the_middle() {
        let (a, b) = ("a".repeat(400), "b c ".repeat(100));
        // The word ends with its colon and the blank.
        let expected = format!("no host {}… (252 more characters) …{}: 503", &a[..120], &a[..28]);
        assert_eq!(brief(&format!("no host {a}: 503")), expected);
        let quoted = brief(&format!("invalid value `{b}`: expected `x`")).into_owned();
        assert!(quoted.starts_with("invalid value `b c b c"), "{quoted}");
        assert!(quoted.ends_with("b c `: expected `x`"), "{quoted}");
        assert!(quoted.len() < 260, "{quoted}");
    }

    #[test]
    fn what_is_short_stays_however_much_there_is_of_it() {
        let sentence = "the field `spec.hosts[0]` is \"not a \\\" host\", see the page. ".repeat(30);
        assert_eq!(brief(&sentence), sentence);
        let open = format!("a quote ` that never ends {}", "x ".repeat(300));
        assert_eq!(brief(&open), open);
    }

    #[test]
    fn characters_are_not_cut_in_two() {
        let text = "日本".repeat(400);
        assert!(brief(&text).starts_with("日本日本"));
    }
}
