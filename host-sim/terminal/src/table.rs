//! Tables that stay within a width: a cell that is too long is wrapped inside its column, never the line.

use anstyle::Style;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::screen::{paint, width_of};

/// Between two columns.
pub const GAP: usize = 2;
/// As a rule no column is made narrower than this.
const NARROWEST: usize = 8;
/// Behind these a long word may be cut.
const SEAMS: [char; 7] = ['/', '.', ',', '|', '-', '=', '&'];
/// As many rows are looked at when columns must give way.
const SAMPLE: usize = 100;

/// A column: its title, and how its cells look.
#[derive(Clone)]
pub struct Column {
    /// What is written above its cells.
    pub title: &'static str,
    /// The style of its cells.
    pub style: Style,
    /// How its cells are aligned.
    pub align: Align,
    /// No narrower than this, unless its cells are.
    pub least: usize,
}

/// The side of its column that a cell is aligned to.
#[derive(Clone, Copy)]
pub enum Align {
    /// For text.
    Left,
    /// For numbers.
    Right,
}

impl Column {
    /// A column of text.
    pub fn text(title: &'static str, style: Style) -> Self {
        Self {
            title,
            style,
            align: Align::Left,
            least: NARROWEST,
        }
    }

    /// The same, but no narrower than `least`, unless its cells are.
    pub fn at_least(self, least: usize) -> Self {
        Self { least, ..self }
    }

    /// A column of numbers.
    pub fn number(title: &'static str, style: Style) -> Self {
        Self {
            title,
            style,
            align: Align::Right,
            least: NARROWEST,
        }
    }
}

/// How many characters a line of prose on standard output may have: as many as the terminal shows. Without a terminal,
/// as many as `COLUMNS` says, and any number if it is not set: programs read lines, and whoever reads them later has a width
/// of their own.
pub fn width() -> Option<usize> {
    terminal_width().or_else(wanted_width)
}

/// What `COLUMNS` says.
pub(crate) fn wanted_width() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.parse().ok().filter(|it| *it > 0)
}

/// How many characters fit on a line of the terminal; none if standard output is not one.
pub fn terminal_width() -> Option<usize> {
    width_of(&std::io::stdout())
}

/// How wide each column becomes: as wide as its longest cell; and if that is too much, those give way first whose
/// narrowing makes the table the least longer.
pub fn fit(columns: &[Column], rows: &[Vec<String>], indent: usize, width: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = columns.iter().map(|it| length(it.title)).collect();
    for row in rows {
        for (have, cell) in widths.iter_mut().zip(row) {
            let longest = cell.split('\n').map(length).max().unwrap_or(0);
            *have = (*have).max(longest);
        }
    }
    let around = indent + GAP * widths.len().saturating_sub(1);
    let sample = rows.get(..SAMPLE).unwrap_or(rows);
    let mut heights: Vec<Vec<usize>> = (0..widths.len())
        .map(|it| heights_of(sample, it, widths[it]))
        .collect();
    // The indices hold: `columns`, `widths` and `heights` are equally long, as are `sample` and each of `heights`.
    while widths.iter().sum::<usize>() + around > width {
        let candidates =
            (0..widths.len()).filter(|it| widths[*it] > columns[*it].least.max(length(columns[*it].title)));
        let narrowed = candidates.map(|it| (it, heights_of(sample, it, widths[it] - 1)));
        let best = narrowed.min_by_key(|(it, new)| {
            let total: usize = (0..sample.len())
                .map(|row| {
                    let others = heights.iter().enumerate().filter(|(other, _)| other != it);
                    others.map(|(_, column)| column[row]).fold(new[row], usize::max)
                })
                .sum();
            let before: usize = heights[*it].iter().sum();
            (
                total,
                new.iter().sum::<usize>().saturating_sub(before),
                usize::MAX - widths[*it],
            )
        });
        let Some((column, new)) = best else {
            break; // a very narrow terminal: its own wrapping does the rest
        };
        widths[column] -= 1;
        heights[column] = new;
    }
    widths
}

/// How many lines each row's cell in this column needs.
fn heights_of(rows: &[Vec<String>], column: usize, width: usize) -> Vec<usize> {
    rows.iter()
        .map(|row| row.get(column).map_or(0, |cell| wrap(cell, width).len()))
        .collect()
}

/// The line of titles.
pub fn titles(columns: &[Column], widths: &[usize], indent: usize, style: Style) -> String {
    let titles: Vec<String> = columns.iter().map(|it| it.title.to_owned()).collect();
    let plain: Vec<(Style, Align)> = columns.iter().map(|it| (style, it.align)).collect();
    lay(&plain, widths, indent, &titles)
}

/// One row, on as many lines as its longest cell needs. Ends with a line feed.
pub fn row(columns: &[Column], widths: &[usize], indent: usize, cells: &[String]) -> String {
    let looks: Vec<(Style, Align)> = columns.iter().map(|it| (it.style, it.align)).collect();
    lay(&looks, widths, indent, cells)
}

fn lay(looks: &[(Style, Align)], widths: &[usize], indent: usize, cells: &[String]) -> String {
    let wrapped: Vec<Vec<String>> = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| wrap(cell, *width))
        .collect();
    let lines = wrapped.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for line in 0..lines {
        let mut blanks = indent;
        for ((cell, width), (style, align)) in wrapped.iter().zip(widths).zip(looks) {
            let piece = cell.get(line).map_or("", String::as_str);
            let missing = width.saturating_sub(length(piece));
            let (before, behind) = match align {
                Align::Left => (0, missing),
                Align::Right => (missing, 0),
            };
            blanks += before;
            if !piece.is_empty() {
                text.push_str(&" ".repeat(blanks));
                text.push_str(&paint(*style, piece));
                blanks = 0;
            }
            blanks += behind + GAP;
        }
        text.push('\n');
    }
    text
}

/// Cuts a text into lines: at its line feeds, between words, else behind a seam in a word, else anywhere.
fn wrap(text: &str, width: usize) -> Vec<String> {
    text.split('\n').flat_map(|it| wrap_line(it, width)).collect()
}

fn wrap_line(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let blank = usize::from(!line.is_empty());
        let room = width.saturating_sub(length(&line) + blank);
        let mut rest = word;
        if length(word) > room {
            // A word that must be cut anyway starts on this line, if it has a seam here.
            let head = seam(word, room).filter(|_| length(word) > width && blank == 1);
            if let Some((head, tail)) = head.map(|at| word.split_at(at)) {
                line.push(' ');
                line.push_str(head);
                rest = tail;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            while length(rest) > width {
                let (head, tail) = rest.split_at(cut(rest, width));
                lines.push(head.to_owned());
                rest = tail;
            }
        } else if blank == 1 {
            line.push(' ');
        }
        line.push_str(rest);
    }
    lines.push(line);
    lines
}

/// Where to cut a word that is longer than `width`, in bytes.
fn cut(word: &str, width: usize) -> usize {
    // At least one character, however wide it is: otherwise the rest would never become shorter.
    let first = word.chars().next().map_or(0, char::len_utf8);
    let end = fitting(word, width).max(first);
    seam(word, width).filter(|at| at * 2 > end).unwrap_or(end)
}

/// The end of the last piece of a word that fits into `width`, in bytes.
fn seam(word: &str, width: usize) -> Option<usize> {
    let end = fitting(word, width);
    let head = word.get(..end)?;
    head.rfind(SEAMS).map(|at| at + 1) // they are all one byte long
}

/// How much of a word fits into `width`, in bytes.
fn fitting(word: &str, width: usize) -> usize {
    let mut taken = 0;
    let end = word.char_indices().find(|(_, character)| {
        taken += character.width().unwrap_or(0);
        taken > width
    });
    end.map_or(word.len(), |(at, _)| at)
}

/// How many columns of a terminal a text takes: two for each wide character, as in Chinese.
pub fn length(text: &str) -> usize {
    text.width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_words_then_behind_a_seam_then_anywhere() {
        let check = |text, width, expected: &[&str]| assert_eq!(wrap(text, width), expected, "{text}");
        check("one two three", 7, &["one two", "three"]);
        check("reviews.default.svc", 16, &["reviews.default.", "svc"]);
        check("abcdefghij", 4, &["abcd", "efgh", "ij"]);
        check("90% reviews.default.svc", 12, &["90% reviews.", "default.svc"]);
        check("a, b\nc", 8, &["a, b", "c"]);
        check("", 4, &[""]);
        check("a 日本語", 5, &["a", "日本", "語"]);
    }

    #[test]
    fn a_wide_character_takes_two_columns() {
        let columns = [Column::text("A", Style::new()), Column::text("B", Style::new())];
        let rows = [["日本", "x"], ["abcd", "y"]].map(|it| it.map(str::to_owned).to_vec());
        let widths = fit(&columns, &rows, 0, 40);
        let lines = rows.map(|cells| crate::screen::unstyled(&row(&columns, &widths, 0, &cells)));
        assert_eq!(lines, ["日本  x\n", "abcd  y\n"]);
    }

    #[test]
    fn the_column_gives_way_that_costs_the_fewest_lines() {
        let columns = [Column::text("A", Style::new()), Column::text("B", Style::new())];
        let mut rows = vec![vec!["three short words".to_owned(), "one".to_owned()]; 3];
        rows.push(vec!["one".to_owned(), "many words ".repeat(6)]);
        assert_eq!(fit(&columns, &rows, 2, 51), [17, 30]);
    }

    #[test]
    fn no_line_of_a_row_is_longer_than_the_width_or_ends_in_blanks() {
        let columns = [
            Column::text("A", Style::new()),
            Column::number("B", Style::new()),
            Column::text("C", Style::new()),
        ];
        let cells = vec![
            "a long text of words".to_owned(),
            "7".to_owned(),
            "path/".repeat(20),
        ];
        let widths = fit(&columns, std::slice::from_ref(&cells), 2, 40);
        let text = row(&columns, &widths, 2, &cells);
        for line in text.lines() {
            assert!(length(line) <= 40 && line.trim_end() == line, "{line:?}");
        }
        assert_eq!(
            text.replace(['\n', ' '], ""),
            cells_without_blanks(&columns, &widths, &cells)
        );
    }

    fn cells_without_blanks(_: &[Column], widths: &[usize], cells: &[String]) -> String {
        let wrapped: Vec<Vec<String>> = cells
            .iter()
            .zip(widths)
            .map(|(it, width)| wrap(it, *width))
            .collect();
        let lines = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        (0..lines)
            .flat_map(|line| wrapped.iter().filter_map(move |cell| cell.get(line)))
            .map(|piece| piece.replace(' ', ""))
            .collect()
    }
}
