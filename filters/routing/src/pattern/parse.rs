//! RE2's syntax, read into a `regex_syntax` tree.
//!
//! `regex_syntax`'s own parser reads another language: there `\d` is Unicode, `[a&&b]` an intersection, `{id}`
//! an error. So this follows RE2's parse.cc token by token, with the flags that `RE2::Options` has by default:
//! Perl classes, one line. The stack of open groups is a list, so depth costs no call stack here.

use super::classes;
use super::encoding::Encoding;
use super::error::{InvalidPattern, MAX_DEPTH, MAX_REPEAT, Reason};
use super::runes::{RuneSet, any_byte};
use super::scan::Scan;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use regex_syntax::hir::{Capture, Hir, HirKind, Look, Repetition};

/// The most ranges that the classes of one pattern have together; RE2's limit on programs is below that.
const MAX_RANGES: usize = 100_000;

/// The last group that a substitution can name.
pub(super) const MAX_CAUGHT: u32 = 9;

/// A tree, and how many groups its text opens.
pub(super) struct Parsed {
    pub(super) hir: Hir,
    pub(super) groups: u32,
}

/// Reads a pattern.
pub(super) fn parse(text: &str, encoding: Encoding) -> Result<Parsed, InvalidPattern> {
    match encoding {
        Encoding::Utf8 => read(text, encoding),
        // In Latin-1 each byte is a character, also each byte of one that the author saw as a single one.
        Encoding::Latin1 => {
            let characters: String = text.bytes().map(char::from).collect();
            read(&characters, encoding).map_err(|error| error.in_bytes_of(&characters))
        }
    }
}

fn read(text: &str, encoding: Encoding) -> Result<Parsed, InvalidPattern> {
    let mut parser = Parser::new(text, encoding);
    while let Some(next) = parser.scan.peek() {
        parser.token(next)?;
    }
    parser.finish()
}

/// What `(?…)` switches.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    fold_case: bool,
    multi_line: bool,
    dot_newline: bool,
    swap_greed: bool,
}

/// A piece of the tree, with the measures that limits are about.
struct Piece {
    hir: Hir,
    /// Operators inside each other.
    depth: u32,
    /// The highest product of nested counts.
    copies: u32,
}

impl Piece {
    fn leaf(hir: Hir) -> Self {
        Self {
            hir,
            depth: 1,
            copies: 1,
        }
    }
}

/// A group that is open; the first is the whole text.
#[derive(Default)]
struct Open {
    /// Where its `(` is.
    offset: usize,
    /// `None` for `(?:`.
    index: Option<u32>,
    /// What to return to at `)`.
    outside: Flags,
    /// The branches before the last `|`.
    branches: Vec<Piece>,
    /// The branch that is being read.
    branch: Vec<Piece>,
}

struct Parser<'t> {
    scan: Scan<'t>,
    encoding: Encoding,
    flags: Flags,
    open: Vec<Open>,
    current: Open,
    groups: u32,
    ranges: usize,
    /// The token before was a repetition.
    after_repetition: bool,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, encoding: Encoding) -> Self {
        Self {
            scan: Scan::new(text, encoding.highest_rune()),
            encoding,
            flags: Flags::default(),
            open: Vec::new(),
            current: Open::default(),
            groups: 0,
            ranges: 0,
            after_repetition: false,
        }
    }

    fn token(&mut self, next: char) -> Result<(), InvalidPattern> {
        let after_repetition = core::mem::take(&mut self.after_repetition);
        match next {
            '(' if self.scan.starts_with("(?") => self.perl_group()?,
            '(' => {
                let offset = self.scan.skip(1);
                self.open_capture(offset);
            }
            '|' => {
                self.scan.skip(1);
                let branch = concat(core::mem::take(&mut self.current.branch));
                self.current.branches.push(branch);
            }
            ')' => self.close()?,
            '^' => {
                self.scan.skip(1);
                self.push_look(if self.flags.multi_line {
                    Look::StartLF
                } else {
                    Look::Start
                });
            }
            '$' => {
                self.scan.skip(1);
                self.push_look(if self.flags.multi_line {
                    Look::EndLF
                } else {
                    Look::End
                });
            }
            '.' => {
                self.scan.skip(1);
                let set = if self.flags.dot_newline {
                    RuneSet::any()
                } else {
                    RuneSet::dot()
                };
                self.push_set(set);
            }
            '[' => self.bracket()?,
            '*' => self.repeat(0, None, 1, after_repetition)?,
            '+' => self.repeat(1, None, 1, after_repetition)?,
            '?' => self.repeat(0, Some(1), 1, after_repetition)?,
            '{' => match self.scan.counts() {
                Some((min, max, length)) => self.repeat(min, max, length, after_repetition)?,
                None => self.literal_char()?,
            },
            '\\' => self.escape()?,
            _ => self.literal_char()?,
        }
        Ok(())
    }

    fn push(&mut self, hir: Hir) {
        self.current.branch.push(Piece::leaf(hir));
    }

    fn push_set(&mut self, set: RuneSet) {
        self.push(set.into_hir(self.encoding));
    }

    fn push_look(&mut self, look: Look) {
        self.push(Hir::look(look));
    }

    /// The next character, as itself.
    fn literal_char(&mut self) -> Result<(), InvalidPattern> {
        match self.scan.next() {
            Some(char) => self.push_rune(u32::from(char)),
            None => Ok(()),
        }
    }

    fn push_rune(&mut self, rune: u32) -> Result<(), InvalidPattern> {
        let hir = match (self.encoding, char::from_u32(rune)) {
            (Encoding::Utf8, Some(char)) if !self.flags.fold_case => {
                Hir::literal(char.to_string().into_bytes())
            }
            _ => {
                let mut set = RuneSet::of(&[(rune, rune)]);
                if self.flags.fold_case {
                    set.fold_case(self.encoding);
                }
                self.spend(set.len())?;
                set.into_hir(self.encoding)
            }
        };
        self.push(hir);
        Ok(())
    }

    /// A class, with its other cases if they count, and turned round if it is negated.
    fn named(&mut self, mut set: RuneSet, negated: bool) -> Result<RuneSet, InvalidPattern> {
        // RE2 folds before it negates, so `(?i)\PLu` has no letter that is a capital in either case.
        if self.flags.fold_case {
            set.fold_case(self.encoding);
        }
        if negated {
            set.negate();
        }
        self.spend(set.len())?;
        Ok(set)
    }

    fn spend(&mut self, ranges: usize) -> Result<(), InvalidPattern> {
        self.ranges = self.ranges.saturating_add(ranges);
        if self.ranges > MAX_RANGES {
            Err(self.scan.error_here(Reason::TooLarge))
        } else {
            Ok(())
        }
    }

    fn escape(&mut self) -> Result<(), InvalidPattern> {
        let look = match self.scan.second() {
            Some('b') => Some(Look::WordAscii),
            Some('B') => Some(Look::WordAsciiNegate),
            Some('A') => Some(Look::Start),
            Some('z') => Some(Look::End),
            _ => None,
        };
        if let Some(look) = look {
            self.scan.skip(2);
            self.push_look(look);
            return Ok(());
        }
        match self.scan.second() {
            Some('C') => {
                self.scan.skip(2);
                self.push(any_byte());
                Ok(())
            }
            Some('Q') => {
                self.scan.skip(2);
                while !self.scan.take("\\E") && self.scan.peek().is_some() {
                    self.literal_char()?;
                }
                Ok(())
            }
            _ => match self.escaped_class()? {
                Some(set) => {
                    self.push_set(set);
                    Ok(())
                }
                None => {
                    let rune = self.scan.escaped_rune()?;
                    self.push_rune(rune)
                }
            },
        }
    }

    /// `\d` and `\p{…}` and their like, if the text goes on with one.
    fn escaped_class(&mut self) -> Result<Option<RuneSet>, InvalidPattern> {
        if !self.scan.starts_with("\\") {
            return Ok(None);
        }
        let Some(letter) = self.scan.second() else {
            return Ok(None);
        };
        if let Some(set) = classes::perl(letter.to_ascii_lowercase()) {
            self.scan.skip(2);
            return self.named(set, letter.is_ascii_uppercase()).map(Some);
        }
        if !matches!(letter, 'p' | 'P') {
            return Ok(None);
        }
        let (name, whole) = self.scan.class_name()?;
        let (name, inverted) = match name.strip_prefix('^') {
            Some(name) => (name, true),
            None => (name, false),
        };
        match classes::unicode(name) {
            Some(set) => self.named(set, (letter == 'P') != inverted).map(Some),
            None => Err(self
                .scan
                .error_before(whole, Reason::UnknownClass(whole.to_string()))),
        }
    }

    /// `[…]`
    fn bracket(&mut self) -> Result<(), InvalidPattern> {
        let start = self.scan.skip(1);
        let unclosed = InvalidPattern {
            offset: start,
            reason: Reason::MissingBracket,
        };
        let negated = self.scan.take("^");
        let mut set = RuneSet::default();
        let mut first = true;
        loop {
            match self.scan.peek() {
                None => return Err(unclosed),
                Some(']') if !first => break,
                Some(_) => first = false,
            }
            if let Some((name, whole)) = self.scan.posix_name() {
                let (bare, inverted) = match name.strip_prefix('^') {
                    Some(bare) => (bare, true),
                    None => (name, false),
                };
                let Some(class) = classes::posix(bare) else {
                    return Err(self
                        .scan
                        .error_before(whole, Reason::UnknownClass(whole.to_string())));
                };
                set.union(&self.named(class, inverted)?);
            } else if let Some(class) = self.escaped_class()? {
                set.union(&class);
            } else {
                let (lo, hi) = self.scan.class_range(&unclosed)?;
                let mut range = RuneSet::of(&[(lo, hi)]);
                if self.flags.fold_case {
                    range.fold_case(self.encoding);
                }
                self.spend(range.len())?;
                set.union(&range);
            }
        }
        self.scan.skip(1);
        if negated {
            set.negate();
        }
        self.push_set(set);
        Ok(())
    }

    fn repeat(
        &mut self,
        min: u32,
        max: Option<u32>,
        length: usize,
        after_repetition: bool,
    ) -> Result<(), InvalidPattern> {
        let counted = self.scan.starts_with("{");
        let offset = self.scan.skip(length);
        let lazy = self.scan.take("?");
        let refuse = |reason| Err(InvalidPattern { offset, reason });
        if after_repetition {
            return refuse(Reason::DoubleRepetition);
        }
        if min > MAX_REPEAT || max.is_some_and(|max| max > MAX_REPEAT || max < min) {
            return refuse(Reason::RepetitionTooLarge);
        }
        let Some(piece) = self.current.branch.pop() else {
            return refuse(Reason::NothingToRepeat);
        };
        let copies = if counted {
            piece.copies.saturating_mul(max.unwrap_or(min).max(1))
        } else {
            piece.copies
        };
        if copies > MAX_REPEAT {
            return refuse(Reason::RepetitionTooLarge);
        }
        if piece.depth >= MAX_DEPTH {
            return refuse(Reason::TooDeep);
        }
        let greedy = lazy == self.flags.swap_greed;
        let hir = Hir::repetition(Repetition {
            min,
            max,
            greedy,
            sub: Box::new(piece.hir),
        });
        self.current.branch.push(Piece {
            hir,
            depth: piece.depth + 1,
            copies,
        });
        self.after_repetition = true;
        Ok(())
    }

    fn open_capture(&mut self, offset: usize) {
        self.groups += 1;
        self.open_group(offset, Some(self.groups));
    }

    fn open_group(&mut self, offset: usize, index: Option<u32>) {
        let inner = Open {
            offset,
            index,
            outside: self.flags,
            ..Open::default()
        };
        self.open.push(core::mem::replace(&mut self.current, inner));
    }

    /// `(?…`: a named group, a group without capture, or flags.
    fn perl_group(&mut self) -> Result<(), InvalidPattern> {
        let start = self.scan.offset();
        if self.scan.group_name()? {
            self.open_capture(start);
            return Ok(());
        }
        self.scan.skip(2);
        let mut flags = self.flags;
        let (mut negated, mut any) = (false, false);
        loop {
            let switch = match self.scan.next() {
                Some('i') => &mut flags.fold_case,
                Some('m') => &mut flags.multi_line,
                Some('s') => &mut flags.dot_newline,
                Some('U') => &mut flags.swap_greed,
                Some('-') if !negated => {
                    (negated, any) = (true, false);
                    continue;
                }
                Some(':') if any || !negated => {
                    self.open_group(start, None);
                    break;
                }
                Some(')') if any || !negated => break,
                Some(_) | None => return Err(self.scan.error_since(start, Reason::UnknownGroup)),
            };
            *switch = !negated;
            any = true;
        }
        self.flags = flags;
        Ok(())
    }

    fn close(&mut self) -> Result<(), InvalidPattern> {
        let offset = self.scan.skip(1);
        let Some(outer) = self.open.pop() else {
            return Err(InvalidPattern {
                offset,
                reason: Reason::UnexpectedParenthesis,
            });
        };
        let group = core::mem::replace(&mut self.current, outer);
        self.flags = group.outside;
        let (start, index) = (group.offset, group.index);
        let mut piece = alternate(group.branches, group.branch);
        if index.is_some() {
            piece.depth += 1;
        }
        // What other groups catch cannot be read, and would cost the search memory for each of its states.
        if let Some(index) = index.filter(|&index| index <= MAX_CAUGHT) {
            piece.hir = Hir::capture(Capture {
                index,
                name: None,
                sub: Box::new(piece.hir),
            });
        }
        if piece.depth > MAX_DEPTH {
            return Err(InvalidPattern {
                offset: start,
                reason: Reason::TooDeep,
            });
        }
        self.current.branch.push(piece);
        Ok(())
    }

    fn finish(self) -> Result<Parsed, InvalidPattern> {
        if !self.open.is_empty() {
            return Err(InvalidPattern {
                offset: self.current.offset,
                reason: Reason::MissingParenthesis,
            });
        }
        let piece = alternate(self.current.branches, self.current.branch);
        Ok(Parsed {
            hir: piece.hir,
            groups: self.groups,
        })
    }
}

fn concat(pieces: Vec<Piece>) -> Piece {
    // Characters in a row are one text.
    let is_text = pieces
        .iter()
        .all(|piece| piece.depth == 1 && matches!(piece.hir.kind(), HirKind::Literal(_)));
    let whole = combine(pieces, Hir::concat);
    let depth = if is_text { 1 } else { whole.depth };
    Piece { depth, ..whole }
}

fn alternate(mut branches: Vec<Piece>, last: Vec<Piece>) -> Piece {
    branches.push(concat(last));
    combine(branches, Hir::alternation)
}

fn combine(pieces: Vec<Piece>, how: fn(Vec<Hir>) -> Hir) -> Piece {
    let inner = pieces.iter().map(|it| it.depth).max().unwrap_or(1);
    let depth = if pieces.len() > 1 { inner + 1 } else { inner };
    let copies = pieces.iter().map(|it| it.copies).max().unwrap_or(1);
    Piece {
        hir: how(pieces.into_iter().map(|it| it.hir).collect()),
        depth,
        copies,
    }
}
