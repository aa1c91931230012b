//! The rows of a screen, and how they become lines.

use anstyle::Style;
use fingerpost_explain::Place;
use fingerpost_resources::visible;

use crate::style::{DIM, paint};
use crate::table::{self, Column, length};

/// Where the text of every line begins.
const MARGIN: usize = 11;
/// How many digits the number of a rule has room for.
const DIGITS: usize = 4;
/// The text has no less room than this, however narrow the terminal.
const NARROWEST: usize = 20;
/// Without a width, texts up to this length have what is on their right in one column.
const ALIGNED: usize = 76;
pub(crate) const PLAIN: Style = Style::new();

/// A screen under construction.
#[derive(Default)]
pub(crate) struct Screen {
    rows: Vec<Row>,
}

/// A row.
enum Row {
    /// The margin, the text, and the right side.
    Text(TextRow),
    /// A rule.
    Rule(RuleRow),
}

struct TextRow {
    margin: Margin,
    text: (String, Style),
    right: (String, Style),
}

/// A rule that was tried.
pub(crate) struct RuleRow {
    /// Whether it accepts the request.
    pub(crate) mark: &'static str,
    pub(crate) style: Style,
    /// Its position, from 1.
    pub(crate) position: usize,
    /// The rule, the condition, and a remark.
    pub(crate) cells: [(String, Style); 3],
    /// Where it is written.
    pub(crate) place: (String, Style),
}

/// The margin.
pub(crate) enum Margin {
    Blank,
    /// The name of a part.
    Label(&'static str, Style),
    /// The status of the answer.
    Status(String, Style),
    /// An empty line, whatever the text.
    Gap,
}

impl Screen {
    /// A part of the screen that begins here.
    pub(crate) fn label(&mut self, label: &'static str, text: String, style: Style) {
        self.row(Margin::Label(label, DIM), (text, style), (String::new(), PLAIN));
    }

    /// The same, with the label in this style.
    pub(crate) fn label_in(&mut self, label: &'static str, look: Style, text: String, style: Style) {
        self.row(Margin::Label(label, look), (text, style), (String::new(), PLAIN));
    }

    /// A line below.
    pub(crate) fn text(&mut self, text: &str, style: Style) {
        self.row(Margin::Blank, (text.to_owned(), style), (String::new(), PLAIN));
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) {
        self.row(Margin::Gap, (String::new(), PLAIN), (String::new(), PLAIN));
    }

    /// A row. Blanks in front of the text set it in.
    pub(crate) fn row(&mut self, margin: Margin, text: (String, Style), right: (String, Style)) {
        let (text, right) = (on_one_line(text), on_one_line(right));
        self.rows.push(Row::Text(TextRow { margin, text, right }));
    }

    /// A rule.
    pub(crate) fn rule_row(&mut self, row: RuleRow) {
        let cells = row.cells.map(on_one_line);
        let place = on_one_line(row.place);
        self.rows.push(Row::Rule(RuleRow { cells, place, ..row }));
    }

    /// All rows as lines, none of them longer than `width`; without one, each row is one line. A place is never cut: programs
    /// and terminals that open it need all of it.
    pub(crate) fn lay(&self, width: Option<usize>) -> String {
        let columns = Columns::new(&self.rows, width);
        let rules = self.rule_columns(width);
        let mut screen = String::new();
        let is_gap = |row: &Row| matches!(row, Row::Text(row) if row.margin.written().is_none());
        let end = self
            .rows
            .iter()
            .rposition(|row| !is_gap(row))
            .map_or(0, |last| last + 1);
        for row in self.rows.iter().take(end) {
            let (margin, lines) = match row {
                Row::Text(row) => match row.margin.written() {
                    Some(margin) => (margin, row.lines(&columns)),
                    None => {
                        screen.push('\n');
                        continue;
                    }
                },
                Row::Rule(row) => (row.margin(), row.lines(&rules)),
            };
            // The margin takes the place of the first line's blanks.
            let (margin, length) = margin;
            screen.push_str(&margin);
            screen.push_str(&" ".repeat(MARGIN.saturating_sub(length)));
            screen.push_str(lines.get(MARGIN..).unwrap_or(&lines));
        }
        screen
    }

    /// The columns of rules. Without room for a fourth one, their places are on lines below them.
    fn rule_columns(&self, width: Option<usize>) -> RuleColumns {
        let rules = self.rows.iter().filter_map(|row| match row {
            Row::Rule(row) => Some(row),
            Row::Text(_) => None,
        });
        let texts = |row: &RuleRow| {
            row.cells
                .iter()
                .chain([&row.place])
                .map(|(text, _)| text.clone())
                .collect()
        };
        let rows: Vec<Vec<String>> = rules.map(texts).collect();
        let room = width.unwrap_or(usize::MAX);
        let longest_word = |index: usize| {
            let cells = rows.iter().filter_map(|row| row.get(index));
            cells.flat_map(|it| it.split(' ')).map(length).max().unwrap_or(0)
        };
        // No word is broken, and so no place.
        let words: Vec<usize> = (0..4).map(longest_word).collect();
        let columns: Vec<Column> = words
            .iter()
            .map(|it| Column::text("", PLAIN).at_least(*it))
            .collect();
        let beside = RuleColumns {
            widths: table::fit(&columns, &rows, MARGIN, room),
            place_below: false,
        };
        let fits = MARGIN + beside.widths.iter().sum::<usize>() + table::GAP * 3 <= room;
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|row| row.into_iter().take(3).collect())
            .collect();
        // Words stay whole as far as three columns of them have room.
        let third = room.saturating_sub(MARGIN + table::GAP * 2) / 3;
        let columns: Vec<Column> = words
            .iter()
            .take(3)
            .map(|it| Column::text("", PLAIN).at_least(third.min(*it)))
            .collect();
        let below = RuleColumns {
            widths: table::fit(&columns, &rows, MARGIN, room),
            place_below: true,
        };
        let height = |columns: &RuleColumns| {
            let rules = self.rows.iter().filter_map(|row| match row {
                Row::Rule(row) => Some(row.lines(columns).lines().count()),
                Row::Text(_) => None,
            });
            rules.sum::<usize>()
        };
        if fits && height(&beside) < height(&below) {
            beside
        } else {
            below
        }
    }
}

/// A place, as in `shop.yaml:12:5`: terminals and editors open it.
pub(crate) fn place(place: &Place) -> String {
    match (&place.file, place.line, place.column) {
        (Some(file), Some(line), Some(column)) => format!("{file}:{line}:{column}"),
        (Some(file), Some(line), None) => format!("{file}:{line}"),
        (Some(_) | None, _, _) => String::new(),
    }
}

/// Where texts and what is on their right are.
struct Columns {
    /// The width of both together; none if nothing is wrapped.
    room: Option<usize>,
    /// The width of a text with something on its right.
    left: usize,
}

/// The columns of rules.
struct RuleColumns {
    widths: Vec<usize>,
    place_below: bool,
}

impl Columns {
    fn new(rows: &[Row], width: Option<usize>) -> Self {
        let texts = || {
            rows.iter().filter_map(|row| match row {
                Row::Text(row) if !row.right.0.is_empty() => Some(row),
                Row::Text(_) | Row::Rule(_) => None,
            })
        };
        let Some(width) = width else {
            let lefts = texts().map(|row| length(&row.text.0)).filter(|it| *it <= ALIGNED);
            return Self {
                room: None,
                left: lefts.max().unwrap_or(0),
            };
        };
        let room = width.saturating_sub(MARGIN).max(NARROWEST);
        // Those on the right that are longer are on lines of their own.
        let rights = texts()
            .map(|row| length(&row.right.0))
            .filter(|it| *it <= room / 2);
        let left = room - rights.max().unwrap_or(0) - table::GAP;
        Self {
            room: Some(room),
            left,
        }
    }
}

fn on_one_line((text, style): (String, Style)) -> (String, Style) {
    (visible(&text).into_owned(), style)
}

impl RuleRow {
    fn margin(&self) -> (String, usize) {
        let number = format!("{:>DIGITS$}", self.position);
        let written = format!("  {} {}", paint(self.style, self.mark), paint(DIM, &number));
        (written, length("  ✓ ") + length(&number))
    }

    fn lines(&self, columns: &RuleColumns) -> String {
        let cells = self.cells.iter().chain([&self.place]).take(columns.widths.len());
        let looks: Vec<Column> = cells.clone().map(|(_, style)| Column::text("", *style)).collect();
        let texts: Vec<String> = cells.map(|(text, _)| text.clone()).collect();
        let mut lines = table::row(&looks, &columns.widths, MARGIN, &texts);
        if columns.place_below && !self.place.0.is_empty() {
            lines.push_str(&line_of(&self.place, MARGIN));
        }
        lines
    }
}

/// A line that is not wrapped.
fn line_of((text, style): &(String, Style), indent: usize) -> String {
    format!("{}{}\n", " ".repeat(indent), paint(*style, text))
}

impl TextRow {
    /// The row in its columns, without its margin.
    fn lines(&self, columns: &Columns) -> String {
        let text = self.text.0.trim_start();
        let inset = length(&self.text.0) - length(text);
        let indent = MARGIN + inset;
        let wrapped = |widths: &[usize], cells: &[&(String, Style)]| {
            let looks: Vec<Column> = cells.iter().map(|(_, style)| Column::text("", *style)).collect();
            let texts: Vec<String> = cells
                .iter()
                .map(|(text, _)| text.trim_start().to_owned())
                .collect();
            table::row(&looks, widths, indent, &texts)
        };
        let (left, right) = (columns.left.saturating_sub(inset), length(&self.right.0));
        match columns.room {
            None if right == 0 => wrapped(&[length(text)], &[&self.text]),
            None => wrapped(&[left.max(length(text)), right], &[&self.text, &self.right]),
            Some(room) if right == 0 => wrapped(&[room.saturating_sub(inset)], &[&self.text]),
            Some(room) if right + columns.left + table::GAP <= room => {
                wrapped(&[left, right], &[&self.text, &self.right])
            }
            Some(room) if inset + length(text) + table::GAP + right <= room => wrapped(
                &[room - inset - table::GAP - right, right],
                &[&self.text, &self.right],
            ),
            Some(room) => {
                wrapped(&[room.saturating_sub(inset)], &[&self.text]) + &line_of(&self.right, indent)
            }
        }
    }
}

impl Margin {
    /// What is written in it, and how long that is. None for an empty line.
    fn written(&self) -> Option<(String, usize)> {
        Some(match self {
            Self::Gap => return None,
            Self::Blank => (String::new(), 0),
            Self::Label(label, style) => (paint(*style, label), length(label)),
            Self::Status(status, style) => (paint(style.bold(), status), length(status)),
        })
    }
}
