//! Where go-yaml, which kubectl and istioctl read with, takes what libyaml refuses.
//!
//! libyaml's scanner is go-yaml's ancestor, and both read the same text alike but for three things:
//! - a colon at the end of a plain scalar in a flow collection, `[db8::]`: libyaml refuses it;
//! - a comma behind a tag, `[!t, a]`: the parser does not take it, and would end the process;
//! - a block scalar that ends with the text, without a line break: the parser would end the process.
//!
//! So the parser gets a text in which other characters replace those colons and commas, one for one, and which
//! ends in a line break. [`Dialect`] makes that text, and takes the changes back from what was parsed.
//! Source: `yaml_parser_scan_plain_scalar` in go.yaml.in/yaml/v2 `scannerc.go` and in libyaml `scanner.c`.

use std::borrow::Cow;

use libyaml_safer::{Event, EventData, Mark, ScalarStyle};

/// A text for the parser, and how it differs from the one that was given.
pub(super) struct Dialect<'t> {
    text: Cow<'t, str>,
    /// The characters that replace a colon and a comma.
    colon: char,
    comma: char,
    /// The offsets of the replaced characters in `text`.
    replaced: Vec<usize>,
    /// Whether a line break was added.
    is_longer: bool,
}

impl<'t> Dialect<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let mut unused = ('\u{e000}'..='\u{f8ff}').filter(|it| !text.contains(*it));
        // A text that holds the whole private area is read without replacements.
        let (colon, comma) = (unused.next().unwrap_or(':'), unused.next().unwrap_or(','));
        let mut dialect = Self {
            text: Cow::Borrowed(text),
            colon,
            comma,
            replaced: Vec::new(),
            is_longer: !text.is_empty() && !text.ends_with(['\n', '\r']),
        };
        let places = places(text);
        if dialect.is_longer || !places.is_empty() {
            let mut changed = String::with_capacity(text.len() + 2 * places.len() + 1);
            let mut done = 0;
            for place in places {
                changed.push_str(&text[done..place]);
                dialect.replaced.push(changed.len());
                changed.push(if text[place..].starts_with(':') {
                    colon
                } else {
                    comma
                });
                done = place + 1;
            }
            changed.push_str(&text[done..]);
            if dialect.is_longer {
                changed.push('\n');
            }
            dialect.text = Cow::Owned(changed);
        }
        dialect
    }

    /// What the parser reads.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The offset in the text as given.
    pub(super) fn offset(&self, mark: &Mark) -> usize {
        let offset = usize::try_from(mark.index).unwrap_or(usize::MAX);
        let before = self.replaced.partition_point(|it| *it < offset);
        let added = before * (self.colon.len_utf8() - ':'.len_utf8());
        (offset - added).min(self.text.len() - self.replaced.len() * 2 - usize::from(self.is_longer))
    }

    /// Takes the changes back from what was parsed.
    pub(super) fn restore(&self, event: &mut Event) {
        let is_at_end = event.end_mark.index >= self.text.len() as u64;
        match &mut event.data {
            EventData::Scalar {
                anchor,
                tag,
                value,
                style,
                ..
            } => {
                if self.is_longer && is_at_end && matches!(style, ScalarStyle::Literal | ScalarStyle::Folded)
                {
                    value.truncate(value.strip_suffix('\n').unwrap_or(value).len());
                }
                self.restore_text(value);
                [anchor, tag]
                    .into_iter()
                    .flatten()
                    .for_each(|it| self.restore_text(it));
            }
            EventData::SequenceStart { anchor, tag, .. } | EventData::MappingStart { anchor, tag, .. } => {
                [anchor, tag]
                    .into_iter()
                    .flatten()
                    .for_each(|it| self.restore_text(it));
            }
            _ => {}
        }
    }

    fn restore_text(&self, text: &mut String) {
        if !self.replaced.is_empty() && text.contains([self.colon, self.comma]) {
            *text = text.replace(self.colon, ":").replace(self.comma, ",");
        }
    }
}

/// The offsets of the colons and commas to replace. More are found than need it, in comments and in quoted
/// texts of several lines: it is taken back there as well.
fn places(text: &str) -> Vec<usize> {
    let mut places = Vec::new();
    let mut previous = '\n';
    // The character that begins the current word: a tag, an anchor, a plain scalar.
    let mut first = '\n';
    let mut ends_key = false;
    // Whether the word may be, or end in, a tag.
    let mut has_tag = false;
    let mut quote = None;
    let mut chars = text.char_indices().peekable();
    while let Some((offset, char)) = chars.next() {
        let next = chars.peek().map_or('\n', |(_, next)| *next);
        if let Some(mark) = quote {
            if char == '\\' && mark == '"' && next != '\n' {
                chars.next();
            } else if char == mark || is_break(char) {
                // What follows a closing quote is judged by it; a line break may be in a text that is not quoted.
                (quote, previous, first) = (None, char, mark);
            }
            continue;
        }
        if char == '#' && previous.is_whitespace() {
            while chars.next_if(|(_, it)| !is_break(*it)).is_some() {}
            continue;
        }
        let begins_word = ends_key || previous.is_whitespace() || matches!(previous, '[' | '{' | ',');
        if begins_word {
            // A word after a plain one belongs to the same scalar.
            let continues = previous.is_whitespace() && !ends_key && is_plain(first);
            if matches!(char, '"' | '\'') && !continues {
                quote = Some(char);
            }
            if !continues || !char.is_whitespace() {
                first = if continues && !"!&*[]{},#".contains(char) {
                    'a'
                } else {
                    char
                };
            }
            has_tag = false;
        }
        // In a plain scalar, and behind a letter or a digit, a `!` begins no tag.
        has_tag |= char == '!' && !previous.is_alphanumeric() && !is_plain(first);
        let follows_token =
            begins_word || matches!(previous, '"' | '\'' | ']' | '}' | '?') || matches!(first, '&' | '*');
        let ends_plain = char == ':' && !follows_token && matches!(next, ',' | '?' | '[' | ']' | '{' | '}');
        if ends_plain || (char == ',' && has_tag) {
            places.push(offset);
        }
        // A colon in a tag is a part of it.
        ends_key = char == ':' && follows_token && !has_tag;
        let is_indicator = matches!(char, ':' | '-' | '?') && next.is_whitespace();
        if is_indicator || matches!(char, ',' | '[' | ']' | '{' | '}') {
            first = char;
        }
        previous = char;
    }
    places
}

/// The line breaks of YAML 1.1.
fn is_break(char: char) -> bool {
    matches!(char, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether a word that begins with `first` is a plain scalar, or a part of one.
fn is_plain(first: char) -> bool {
    !first.is_whitespace() && !"!&*'\"[]{},?:|>%@`#\u{feff}".contains(first)
}

#[cfg(test)]
mod tests {
    use super::{Dialect, places};

    #[track_caller]
    fn check(text: &str, want: &[usize]) {
        assert_eq!(places(text), want, "{text}");
    }

    #[test]
    fn colons_that_end_a_plain_scalar_need_a_stand_in() {
        check("[db8::]", &[5]);
        check("{a:, b: c}", &[2]);
        check("[a:?]", &[2]);
    }

    #[test]
    fn colons_between_key_and_value_stay() {
        check(r#"{"a":[1], 'b':{}, c: [1], [d]:[e]}"#, &[]);
        check("{&x:[1], *y:[2]}", &[]);
    }

    #[test]
    fn commas_behind_a_tag_need_a_stand_in() {
        check("[!t, a]", &[3]);
        check(r#"{"a":!t,}"#, &[7]);
        check(r#"{"a": "b"!, c: d}"#, &[10]);
        check("[?!, a]", &[3]);
        check("[a!b, c!, d]", &[]);
        check("[!t'x':,]", &[7]);
        check("[a 'b, !t, c]", &[9]);
    }

    #[test]
    fn an_exclamation_mark_in_a_text_is_not_a_tag() {
        check(r#"["!", '!', "a !", "\"!", b]"#, &[]);
        check(r#"{"a": "what?!", "b": "(!)","c":1}"#, &[]);
        check("[a.!b, c d.!, e]", &[]);
        check("- it 'is !t\n- [!t, a]", &[17]);
        check("[ # it's !,\n\"a\"!, b]", &[16]);
    }

    #[test]
    fn offsets_are_those_of_the_text_as_given() {
        let text = "[é:, b:, c]";
        let dialect = Dialect::of(text);
        let mut mark = libyaml_safer::Mark::default();
        mark.index = dialect.text().find('c').expect("it is there") as u64;
        assert_eq!(Some(dialect.offset(&mark)), text.find('c'));
    }
}
