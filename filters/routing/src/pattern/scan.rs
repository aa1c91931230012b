//! The text of a pattern, read from left to right.

use super::error::{InvalidPattern, Reason};
use alloc::string::{String, ToString};

pub(super) struct Scan<'t> {
    text: &'t str,
    rest: &'t str,
    /// The highest code point that an escape may name.
    highest: u32,
}

impl<'t> Scan<'t> {
    pub(super) fn new(text: &'t str, highest: u32) -> Self {
        Self {
            text,
            rest: text,
            highest,
        }
    }

    pub(super) fn offset(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// The character after the next one.
    pub(super) fn second(&self) -> Option<char> {
        self.rest.chars().nth(1)
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    pub(super) fn starts_with(&self, text: &str) -> bool {
        self.rest.starts_with(text)
    }

    /// Goes past `text` if it comes next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Goes past some characters; returns where they began.
    pub(super) fn skip(&mut self, chars: usize) -> usize {
        let start = self.offset();
        for _ in 0..chars {
            self.next();
        }
        start
    }

    pub(super) fn error_here(&self, reason: Reason) -> InvalidPattern {
        InvalidPattern {
            offset: self.offset(),
            reason,
        }
    }

    /// An error about `whole`, which was just read.
    pub(super) fn error_before(&self, whole: &str, reason: Reason) -> InvalidPattern {
        InvalidPattern {
            offset: self.offset().saturating_sub(whole.len()),
            reason,
        }
    }

    /// An error about all that was read since `start`.
    pub(super) fn error_since(&self, start: usize, reason: fn(String) -> Reason) -> InvalidPattern {
        let read = self.text.get(start..self.offset()).unwrap_or_default();
        InvalidPattern {
            offset: start,
            reason: reason(read.to_string()),
        }
    }

    /// `{2}`, `{2,}` or `{2,3}`: the counts and the length. Anything else is literal text.
    pub(super) fn counts(&self) -> Option<(u32, Option<u32>, usize)> {
        let inner = self.rest.strip_prefix('{')?;
        let (inner, _) = inner.split_once('}')?;
        let length = inner.len() + 2;
        match inner.split_once(',') {
            None => count(inner).map(|exactly| (exactly, Some(exactly), length)),
            Some((min, "")) => Some((count(min)?, None, length)),
            Some((min, max)) => Some((count(min)?, Some(count(max)?), length)),
        }
    }

    /// The name in `\p{name}` or `\pN`, and the whole of it.
    pub(super) fn class_name(&mut self) -> Result<(&'t str, &'t str), InvalidPattern> {
        let from = self.rest;
        let start = self.skip(2);
        let name = if self.take("{") {
            let Some((name, rest)) = self.rest.split_once('}') else {
                return Err(InvalidPattern {
                    offset: start,
                    reason: Reason::UnknownClass(from.to_string()),
                });
            };
            self.rest = rest;
            name
        } else {
            let before = self.rest;
            self.next();
            before.get(..before.len() - self.rest.len()).unwrap_or_default()
        };
        Ok((name, from.get(..from.len() - self.rest.len()).unwrap_or_default()))
    }

    /// The name in `[:name:]`, and the whole of it. Without the closing `:]` it is none.
    pub(super) fn posix_name(&mut self) -> Option<(&'t str, &'t str)> {
        let from = self.rest;
        let (name, rest) = from.strip_prefix("[:")?.split_once(":]")?;
        self.rest = rest;
        Some((name, from.get(..from.len() - rest.len()).unwrap_or_default()))
    }

    /// A character or a range inside `[…]`.
    pub(super) fn class_range(&mut self, unclosed: &InvalidPattern) -> Result<(u32, u32), InvalidPattern> {
        let start = self.offset();
        let lo = self.class_rune(unclosed)?;
        // `[a-]` has the hyphen itself; `[a-` is unclosed either way.
        if !self.starts_with("-") || matches!(self.second(), None | Some(']')) {
            return Ok((lo, lo));
        }
        self.skip(1);
        let hi = self.class_rune(unclosed)?;
        if hi < lo {
            return Err(InvalidPattern {
                offset: start,
                reason: Reason::BadRange,
            });
        }
        Ok((lo, hi))
    }

    fn class_rune(&mut self, unclosed: &InvalidPattern) -> Result<u32, InvalidPattern> {
        match self.peek() {
            None => Err(unclosed.clone()),
            Some('\\') => self.escaped_rune(),
            Some(char) => {
                self.next();
                Ok(u32::from(char))
            }
        }
    }

    /// The code point of an escape.
    pub(super) fn escaped_rune(&mut self) -> Result<u32, InvalidPattern> {
        let start = self.skip(1);
        let Some(next) = self.next() else {
            return Err(InvalidPattern {
                offset: start,
                reason: Reason::TrailingBackslash,
            });
        };
        let rune = match next {
            // A single digit other than 0 would be a back-reference.
            '1'..='7' if !matches!(self.peek(), Some('0'..='7')) => None,
            '0'..='7' => {
                Some(self.octal(u32::from(next) - u32::from('0'))).filter(|code| *code <= self.highest)
            }
            'x' => self.hexadecimal(),
            'a' => Some(0x07),
            'f' => Some(0x0C),
            'n' => Some(0x0A),
            'r' => Some(0x0D),
            't' => Some(0x09),
            'v' => Some(0x0B),
            _ if next.is_ascii() && !next.is_ascii_alphanumeric() => Some(u32::from(next)),
            _ => None,
        };
        rune.ok_or_else(|| self.error_since(start, Reason::UnknownEscape))
    }

    /// Up to two more octal digits.
    fn octal(&mut self, first: u32) -> u32 {
        let mut code = first;
        for _ in 0..2 {
            match self.peek() {
                Some(digit @ '0'..='7') => {
                    self.next();
                    code = code * 8 + (u32::from(digit) - u32::from('0'));
                }
                _ => break,
            }
        }
        code
    }

    /// `\x` is past: two digits, or any number of them in braces.
    fn hexadecimal(&mut self) -> Option<u32> {
        if !self.take("{") {
            let high = self.next()?.to_digit(16)?;
            let low = self.next()?.to_digit(16)?;
            return Some(high * 16 + low);
        }
        let mut code = self.next()?.to_digit(16)?;
        loop {
            match self.next()? {
                '}' => return Some(code),
                digit => code = code * 16 + digit.to_digit(16)?,
            }
            if code > self.highest {
                return None;
            }
        }
    }

    /// Goes past `(?P<name>` or `(?<name>`, if the text goes on with one.
    pub(super) fn group_name(&mut self) -> Result<bool, InvalidPattern> {
        let start = self.offset();
        if self.starts_with("(?<=") || self.starts_with("(?<!") {
            self.skip(4);
            return Err(self.error_since(start, Reason::UnknownGroup));
        }
        if !self.take("(?P<") && !self.take("(?<") {
            return Ok(false);
        }
        match self.rest.split_once('>') {
            Some((name, rest)) if !name.is_empty() && name.chars().all(is_name_char) => {
                self.rest = rest;
                Ok(true)
            }
            _ => Err(InvalidPattern {
                offset: start,
                reason: Reason::BadGroupName,
            }),
        }
    }
}

/// Near enough to RE2's list of categories; exact for ASCII and Latin-1.
fn is_name_char(char: char) -> bool {
    char.is_alphabetic() || char.is_ascii_digit() || char == '_'
}

/// A count as RE2 reads it: one to nine digits, without a leading zero.
fn count(text: &str) -> Option<u32> {
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if leading_zero || text.len() > 9 || !text.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}
