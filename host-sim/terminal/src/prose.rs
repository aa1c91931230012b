//! Sentences on lines: how a text is wrapped between its words.
//!
//! No word is cut, so that a path, a host or a command can be copied: one that is longer than a line stays whole. Text between
//! backticks is one word, as far as a line has room for it. Tables wrap inside their columns and cut words: see `table`.

use crate::style::{DIM, paint};
use crate::table::length;

/// Prose is no wider than this, however wide the terminal: on longer lines the eye loses its place.
pub const WIDEST: usize = 110;
/// Where less room than this is left, the terminal wraps by itself.
const NARROWEST: usize = 20;

/// The text on lines of at most `width` columns. Its own lines stay lines.
#[must_use]
pub fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for written in text.split('\n') {
        let mut line = String::new();
        for (index, word) in words(written, width).into_iter().enumerate() {
            if index > 0 && length(&line) + 1 + length(&word) > width {
                lines.push(std::mem::take(&mut line));
            } else if index > 0 {
                line.push(' ');
            }
            line.push_str(&word);
        }
        lines.push(line);
    }
    lines
}

/// The text behind something that takes `indent` columns: later lines begin below its first one. Without a width, only its own
/// lines are lines.
#[must_use]
pub fn hanging(text: &str, indent: usize, width: Option<usize>) -> String {
    let room = width.map(|it| it.min(WIDEST).saturating_sub(indent));
    let room = room.filter(|it| *it >= NARROWEST).unwrap_or(usize::MAX);
    lines(text, room).join(&format!("\n{}", " ".repeat(indent)))
}

/// Labels with their texts beside them, set in, a line each.
#[must_use]
pub fn labelled(facts: &[(&str, String)], inset: usize, width: Option<usize>) -> String {
    let longest = facts
        .iter()
        .map(|(label, _)| label.len())
        .max()
        .unwrap_or_default();
    let line = |(label, fact): &(&str, String)| {
        let fact = hanging(fact, inset + longest + 2, width);
        let label = paint(DIM, format_args!("{label:longest$}"));
        format!("{}{label}  {fact}\n", " ".repeat(inset))
    };
    facts.iter().map(line).collect()
}

/// What is never cut: words, and what is between two backticks, if a line has room for it.
fn words(line: &str, width: usize) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_open = false;
    for piece in line.split(' ') {
        let is_inside = is_open;
        if piece.matches('`').count() % 2 == 1 {
            is_open = !is_open;
        }
        match words.last_mut() {
            Some(quoted) if is_inside && length(quoted) + 1 + length(piece) <= width => {
                quoted.push(' ');
                quoted.push_str(piece);
            }
            Some(_) | None => words.push(piece.to_owned()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_wrapped_between_words_and_no_word_is_cut() {
        let check = |text, width, expected: &[&str]| assert_eq!(lines(text, width), expected, "{text}");
        check("one two three", 7, &["one two", "three"]);
        check(
            "see k8s/prod/shop.yaml now",
            10,
            &["see", "k8s/prod/shop.yaml", "now"],
        );
        check("one\ntwo three", 20, &["one", "two three"]);
        check("a 日本語 b", 8, &["a 日本語", "b"]);
        check("", 4, &[""]);
    }

    #[test]
    fn a_quoted_command_stays_on_one_line_where_it_fits() {
        let check = |text, width, expected: &[&str]| assert_eq!(lines(text, width), expected, "{text}");
        check("run `a b c`, then go", 12, &["run `a b c`,", "then go"]);
        check("please run `a b c`", 12, &["please run", "`a b c`"]);
        check("`one two three`", 8, &["`one two", "three`"]);
        // One without a partner holds what follows, as a pair would.
        check("a ` b", 3, &["a", "` b"]);
    }

    #[test]
    fn later_lines_begin_below_the_first() {
        assert_eq!(
            hanging("one two three four five", 6, Some(26)),
            "one two three four\n      five"
        );
        assert_eq!(hanging("one two three\nfour", 2, None), "one two three\n  four");
        assert_eq!(hanging("one two three", 6, Some(12)), "one two three");
    }
}
