//! Words as a shell reads and writes them.
//!
//! `shlex` splits words as POSIX says. What bash adds and browsers copy, `$'…'`, is rewritten before; so is a line that
//! continues behind a backslash, and what follows the command (`| jq`, `> file`) is cut off.

use std::collections::HashSet;

use crate::error::CurlError;

/// How far the end of `${…}` or `$(…)` is looked for: a line of nothing but `${` must not take a minute.
const LONGEST_VARIABLE: usize = 256;

/// `text` as one word; quoted only where it must be.
#[must_use]
pub fn quote(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/.:_-+=,@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The words of a command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) words: Vec<String>,
    /// What follows the command, from the first `|`, `>`, `;` or `&` on.
    pub(crate) rest: Option<String>,
    /// What a shell would have replaced, such as `$TOKEN`.
    pub(crate) variables: Vec<String>,
}

/// Splits a command line into words.
pub(crate) fn split(line: &str) -> Result<Words, CurlError> {
    if line.contains("^\"") || line.lines().any(|it| it.trim_end().ends_with(" ^")) {
        return Err(CurlError::new(
            "this line is written for Windows' cmd: copy it as curl for bash",
        ));
    }
    let mut found = Words::default();
    let plain = plain(line, &mut found)?;
    let mut seen = HashSet::new();
    found.variables.retain(|it| seen.insert(it.clone()));
    found.words = shlex::split(&plain).ok_or_else(unclosed)?;
    Ok(found)
}

fn unclosed() -> CurlError {
    CurlError::new("a quote is not closed, or the line ends in a backslash")
}

/// The line without what only bash knows.
fn plain(line: &str, found: &mut Words) -> Result<String, CurlError> {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line.trim_end();
    while let Some(next) = rest.chars().next() {
        let is_start = plain.is_empty() || plain.ends_with(char::is_whitespace);
        let after = |length: usize| rest.get(length..).unwrap_or_default();
        match next {
            '\\' => {
                let line_end = ["\\\r\n", "\\\n"].into_iter().find(|it| rest.starts_with(it));
                if let Some(line_end) = line_end {
                    rest = after(line_end.len());
                    continue;
                }
                let length = rest.chars().take(2).map(char::len_utf8).sum();
                plain.push_str(&rest[..length]);
                rest = after(length);
            }
            '\'' => {
                let end = after(1).find('\'').ok_or_else(unclosed)? + 2;
                plain.push_str(&rest[..end]);
                rest = after(end);
            }
            '"' => {
                let end = end_of_double_quotes(rest).ok_or_else(unclosed)?;
                found.variables.extend(variables(&rest[..end]));
                plain.push_str(&rest[..end]);
                rest = after(end);
            }
            '$' if after(1).starts_with('\'') => {
                let (text, length) = ansi_c(after(2)).ok_or_else(unclosed)?;
                plain.push_str(&quote_always(&text));
                rest = after(2 + length);
            }
            '$' if after(1).starts_with('"') => rest = after(1), // translated by bash, if at all
            _ if is_start && ends_command(rest) => {
                found.rest = Some(rest.to_owned());
                break;
            }
            // Not a comment: in what is pasted it is part of a word.
            '#' if is_start => {
                plain.push_str("\\#");
                rest = after(1);
            }
            next => {
                if next == '$' {
                    found.variables.extend(variable(rest));
                }
                plain.push(next);
                rest = after(next.len_utf8());
            }
        }
    }
    Ok(plain)
}

/// Whether a word that begins so is one of the shell's own.
fn ends_command(rest: &str) -> bool {
    let unnumbered = rest.trim_start_matches(|it: char| it.is_ascii_digit());
    if unnumbered.starts_with(['>', '<']) {
        return true;
    }
    let own = rest.trim_start_matches(['|', ';', '&', '>']);
    own.len() < rest.len()
        && (own.is_empty() || own.starts_with(char::is_whitespace) || rest.starts_with('|'))
}

/// The length of a text in double quotes, with both of them.
fn end_of_double_quotes(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().skip(1);
    while let Some((index, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '"' => return Some(index + 1),
            _ => {}
        }
    }
    None
}

/// What a shell would replace in a text in double quotes.
fn variables(text: &str) -> impl Iterator<Item = String> {
    let unescaped = text
        .match_indices('$')
        .filter(|(index, _)| !text[..*index].ends_with('\\'));
    unescaped.filter_map(|(index, _)| variable(&text[index..]))
}

/// The variable or command that a text begins with, from its `$` on.
fn variable(text: &str) -> Option<String> {
    let name = text.strip_prefix('$')?;
    let closed_by = |end: char| {
        let mut near = name.char_indices().take(LONGEST_VARIABLE);
        near.find_map(|(index, it)| (it == end).then_some(index + 1))
    };
    let end = match name.chars().next()? {
        '{' => closed_by('}')?,
        '(' => closed_by(')')?,
        first if first.is_ascii_alphabetic() || first == '_' => name
            .find(|it: char| !it.is_ascii_alphanumeric() && it != '_')
            .unwrap_or(name.len()),
        _ => return None,
    };
    Some(format!("${}", &name[..end]))
}

fn quote_always(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The text in `$'…'` and its length with the last quote, from behind the first.
fn ansi_c(text: &str) -> Option<(String, usize)> {
    let mut bytes = Vec::new();
    let mut high_half = None;
    let mut index = 0;
    loop {
        let character = text[index..].chars().next()?;
        index += character.len_utf8();
        if character == '\'' {
            return Some((String::from_utf8_lossy(&bytes).into_owned(), index));
        }
        if character != '\\' {
            bytes.extend(character.to_string().bytes());
            continue;
        }
        let escape = text[index..].chars().next()?;
        index += escape.len_utf8();
        let mut number = |most: usize, base: u32| {
            let digits = text[index..]
                .chars()
                .take(most)
                .take_while(|it| it.is_digit(base))
                .count();
            let value = u32::from_str_radix(&text[index..index + digits], base).ok();
            index += digits;
            value
        };
        match escape {
            'a' => bytes.push(7),
            'b' => bytes.push(8),
            'e' | 'E' => bytes.push(0x1b),
            'f' => bytes.push(0xc),
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            'v' => bytes.push(0xb),
            '0'..='7' => {
                index -= 1;
                let digits = text[index..]
                    .chars()
                    .take(3)
                    .take_while(|it| it.is_digit(8))
                    .count();
                let value = u32::from_str_radix(&text[index..index + digits], 8).unwrap_or_default();
                index += digits;
                bytes.push(u8::try_from(value & 0xff).unwrap_or_default());
            }
            'x' => bytes.extend(number(2, 16).and_then(|it| u8::try_from(it).ok())),
            'u' | 'U' => {
                let value = number(if escape == 'u' { 4 } else { 8 }, 16)?;
                // Browsers write characters above U+FFFF as two halves, as JavaScript has them.
                match (value, high_half.take()) {
                    (0xd800..=0xdbff, _) => high_half = Some(value),
                    (0xdc00..=0xdfff, Some(high)) => {
                        let value = 0x10000 + ((high - 0xd800) << 10) + (value - 0xdc00);
                        bytes.extend(char::from_u32(value)?.to_string().bytes());
                    }
                    _ => bytes.extend(char::from_u32(value)?.to_string().bytes()),
                }
            }
            '\\' | '\'' | '"' | '?' => bytes.push(u8::try_from(escape).unwrap_or_default()),
            other => bytes.extend(format!("\\{other}").bytes()),
        }
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

    #[track_caller]
    fn check(line: &str, expected: &[&str]) {
        assert_eq!(
            split(line).map(|it| it.words),
            Ok(expected.iter().map(|it| (*it).to_owned()).collect())
        );
    }

    #[test]
    fn words_are_split_as_bash_splits_them() {
        check(
            "curl  -H 'a: b'\t\"c d\" e\\ f",
            &["curl", "-H", "a: b", "c d", "e f"],
        );
        check("curl \\\n  -H \\\r\n 'a\nb' \\\n x", &["curl", "-H", "a\nb", "x"]);
        check(
            r#"curl "a\"b\\c\$d\e" 'it'\''s'"#,
            &["curl", r#"a"b\c$d\e"#, "it's"],
        );
        check(
            "curl http://a/?x=1&y=2#top '' #z",
            &["curl", "http://a/?x=1&y=2#top", "", "#z"],
        );
    }

    #[test]
    fn text_in_dollar_quotes_is_decoded() {
        check(
            r#"curl $'it\'s\n\u0041\x42\103\t\\ \"' -d $'\u00e9\ud83d\ude00' a$'b'"#,
            &["curl", "it's\nABC\t\\ \"", "-d", "é😀", "ab"],
        );
        check(r"curl $'\q'", &["curl", r"\q"]);
    }

    #[test]
    fn what_follows_the_command_is_cut_off() {
        for rest in [
            "| jq .",
            "> out.json",
            "2>&1 | less",
            "; echo",
            "&& echo",
            "&",
            "|jq",
        ] {
            let words = split(&format!("curl http://a/ {rest}")).expect("words");
            assert_eq!((words.words.len(), words.rest.as_deref()), (2, Some(rest)));
        }
        let words = split("curl -d '|' -d \\; 'a > b' a;b").expect("words");
        assert_eq!((words.words.len(), words.rest), (7, None));
    }

    #[test]
    fn variables_are_named() {
        let variables = |line: &str| split(line).expect("words").variables;
        assert_eq!(
            variables("curl -H \"a: $TOKEN\" $HOST/${PATH}"),
            ["$TOKEN", "$HOST", "${PATH}"]
        );
        assert_eq!(
            variables("curl $A $B/${A}$A \"$B $(date)\""),
            ["$A", "$B", "${A}", "$(date)"]
        );
        assert_eq!(variables("curl 'a $TOKEN' \"b \\$X\" $5"), [""; 0]);
    }

    #[test]
    fn only_the_variable_that_starts_here_is_looked_at() {
        assert_eq!(variable("$A$B$C").as_deref(), Some("$A"));
        assert_eq!(variable("${A}$B").as_deref(), Some("${A}"));
        let unclosed = "${".repeat(LONGEST_VARIABLE);
        assert_eq!(variable(&format!("{unclosed}}}")), None);
    }

    #[test]
    fn what_is_no_line_of_bash_is_refused() {
        for line in ["curl 'a", "curl \"a", "curl $'a", "curl ^\"http://a/^\" ^\n -H x"] {
            assert!(split(line).is_err(), "{line}");
        }
    }
}
