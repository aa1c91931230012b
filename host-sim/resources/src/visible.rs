//! Shows text from files, modules and requests: no character of it is invisible or controls a terminal.
//!
//! Every screen uses this one rule. It is about how text is shown, not about which text is valid.

use std::borrow::Cow;

/// `text` on one line, with each character that a terminal would act on or not show as an escape: `\u{1b}`, `\n`.
///
/// These are Unicode's control characters (C0, DEL, C1), format characters (such as those that change the direction of
/// a line, or have no width), and separators of lines.
pub fn visible(text: &str) -> Cow<'_, str> {
    escape(text, is_hidden)
}

/// As [`visible`], but lines stay lines and tabs tabs: for text that was put together from several pieces.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    escape(text, |c| is_hidden(c) && !matches!(c, '\n' | '\t'))
}

/// As [`visible_lines`], for JSON: with JSON's own escapes, so that it stays the same JSON.
pub fn visible_json(json: &str) -> Cow<'_, str> {
    rewritten(json, |shown, c| {
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            shown.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

/// As [`visible_lines`], for YAML in which each such character is in a double-quoted text or in a comment: with YAML's own
/// escapes, so that it stays the same YAML.
pub fn visible_yaml(yaml: &str) -> Cow<'_, str> {
    rewritten(yaml, |shown, c| {
        let number = u32::from(c);
        let escape = if number > 0xffff {
            format!("\\U{number:08x}")
        } else {
            format!("\\u{number:04x}")
        };
        shown.push_str(&escape);
    })
}

/// `text` with what `escape` adds in place of each character that is not shown.
fn rewritten(text: &str, escape: impl Fn(&mut String, char)) -> Cow<'_, str> {
    let is_escaped = |c| is_hidden(c) && !matches!(c, '\n' | '\t' | '\r');
    if !text.contains(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_escaped(c) {
            escape(&mut shown, c);
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn escape(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_escaped(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Unicode's general categories Cc, Cf, Zl and Zp, and the letters without any shape (Default_Ignorable_Code_Point).
fn is_hidden(c: char) -> bool {
    c.is_control()
        || !c.is_ascii()
            && matches!(c,
                '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
                | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_escaped_and_all_else_is_kept() {
        for (text, shown) in [
            ("/a\u{1b}[31m\u{7}", "/a\\u{1b}[31m\\u{7}"),
            ("a\r\nb\tc\0", "a\\r\\nb\\tc\\u{0}"),
            ("\u{9b}31m \u{7f}", "\\u{9b}31m \\u{7f}"),
            (
                "\u{202e}\u{2066}\u{200b}\u{2028}\u{feff}",
                "\\u{202e}\\u{2066}\\u{200b}\\u{2028}\\u{feff}",
            ),
            ("grün 日本 e\u{301} \\d+ \"x\"", "grün 日本 e\u{301} \\d+ \"x\""),
        ] {
            assert_eq!(visible(text), shown);
        }
        assert_eq!(visible_lines("a\n\tb\r"), "a\n\tb\\r");
    }

    #[test]
    fn json_stays_the_same_json() {
        assert_eq!(
            visible_json("{\"a\":\n\"\u{202e}\u{7f}\u{e0001}\"}"),
            "{\"a\":\n\"\\u202e\\u007f\\udb40\\udc01\"}"
        );
    }

    #[test]
    fn yaml_stays_the_same_yaml() {
        assert_eq!(
            visible_yaml("a: \"grün \u{202e}\u{7f}\u{e0001}\"\n"),
            "a: \"grün \\u202e\\u007f\\U000e0001\"\n"
        );
    }
}
