//! The rows of a screen, and how they become lines.

use anstyle::Style;
use fingerpost_explain::Place;
use fingerpost_resources::{Sources, visible};

use crate::listing::FileNames;
use crate::style::{DIM, paint};
use crate::table::{self, Column, length};

/// Where the text of every line begins.
const MARGIN: usize = 11;
/// How many digits the number of a rule has room for.
const DIGITS: usize = 4;
/// The text has no less room than this, however narrow the terminal.
const NARROWEST: usize = 20;
pub(super) const PLAIN: Style = Style::new();

/// A screen under construction.
pub(super) struct Screen {
    names: FileNames,
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
pub(super) struct RuleRow {
    /// Whether it accepts the request.
    pub(super) mark: &'static str,
    pub(super) style: Style,
    /// Its position, from 1.
    pub(super) position: usize,
    /// The rule, the condition, a remark, and where it is written.
    pub(super) cells: [(String, Style); 4],
}

/// The margin.
pub(super) enum Margin {
    Blank,
    /// The name of a part.
    Label(&'static str, Style),
    /// The status of the answer.
    Status(String, Style),
    /// An empty line, whatever the text.
    Gap,
}

impl Screen {
    pub(super) fn new(sources: &Sources) -> Self {
        Self {
            names: FileNames::new(sources),
            rows: Vec::new(),
        }
    }

    /// A part of the screen that begins here.
    pub(super) fn label(&mut self, label: &'static str, text: String, style: Style) {
        self.row(Margin::Label(label, DIM), (text, style), (String::new(), PLAIN));
    }

    /// The same, with the label in this style.
    pub(super) fn label_in(&mut self, label: &'static str, look: Style, text: String, style: Style) {
        self.row(Margin::Label(label, look), (text, style), (String::new(), PLAIN));
    }

    /// A line below.
    pub(super) fn text(&mut self, text: &str, style: Style) {
        self.row(Margin::Blank, (text.to_owned(), style), (String::new(), PLAIN));
    }

    /// An empty line.
    pub(super) fn gap(&mut self) {
        self.row(Margin::Gap, (String::new(), PLAIN), (String::new(), PLAIN));
    }

    /// A row. Blanks in front of the text set it in.
    pub(super) fn row(&mut self, margin: Margin, text: (String, Style), right: (String, Style)) {
        let (text, right) = (on_one_line(text), on_one_line(right));
        self.rows.push(Row::Text(TextRow { margin, text, right }));
    }

    /// A rule.
    pub(super) fn rule_row(&mut self, row: RuleRow) {
        let cells = row.cells.map(on_one_line);
        self.rows.push(Row::Rule(RuleRow { cells, ..row }));
    }

    /// A file and a line, as in `shop.yaml:12`.
    pub(super) fn place(&self, place: &Place) -> String {
        match (&place.file, place.line) {
            (Some(file), Some(line)) => format!("{}:{line}", self.names.short(file)),
            _ => String::new(),
        }
    }

    /// All rows as lines, none of them longer than `width`.
    pub(super) fn lay(&self, width: usize) -> String {
        let room = width.saturating_sub(MARGIN + table::GAP).max(NARROWEST);
        let texts = self.rows.iter().filter_map(|row| match row {
            Row::Text(row) => Some(length(&row.right.0)),
            Row::Rule(_) => None,
        });
        let right = texts.max().unwrap_or(0).min(room * 2 / 5);
        let widths = self.rule_widths(width);
        let mut screen = String::new();
        for row in &self.rows {
            let (margin, lines) = match row {
                Row::Text(row) => match row.margin.written() {
                    Some(margin) => (margin, row.lines(room, right)),
                    None => {
                        screen.push('\n');
                        continue;
                    }
                },
                Row::Rule(row) => (row.margin(), row.lines(&widths)),
            };
            // The margin takes the place of the first line's blanks.
            let (margin, length) = margin;
            screen.push_str(&margin);
            screen.push_str(&" ".repeat(MARGIN.saturating_sub(length)));
            screen.push_str(lines.get(MARGIN..).unwrap_or(&lines));
        }
        screen
    }

    /// The widths of the columns of rules. Where they are written is left out if there is no room for it.
    fn rule_widths(&self, width: usize) -> Vec<usize> {
        let rules = self.rows.iter().filter_map(|row| match row {
            Row::Rule(row) => Some(row),
            Row::Text(_) => None,
        });
        let rows: Vec<Vec<String>> = rules
            .map(|row| row.cells.iter().map(|(text, _)| text.clone()).collect())
            .collect();
        let Some(first) = rows.first() else {
            return Vec::new();
        };
        let columns: Vec<Column> = first.iter().map(|_| Column::text("", PLAIN)).collect();
        let widths = table::fit(&columns, &rows, MARGIN, usize::MAX);
        let all = MARGIN + widths.iter().sum::<usize>() + table::GAP * 3;
        if all <= width {
            return widths;
        }
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.iter().take(3).cloned().collect())
            .collect();
        table::fit(columns.get(..3).unwrap_or_default(), &rows, MARGIN, width)
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

    /// As many cells as there are widths.
    fn lines(&self, widths: &[usize]) -> String {
        let cells = self.cells.iter().take(widths.len());
        let columns: Vec<Column> = cells.clone().map(|(_, style)| Column::text("", *style)).collect();
        let texts: Vec<String> = cells.map(|(text, _)| text.clone()).collect();
        table::row(&columns, widths, MARGIN, &texts)
    }
}

impl TextRow {
    /// The row in its columns, without its margin.
    fn lines(&self, room: usize, right: usize) -> String {
        let text = self.text.0.trim_start();
        let inset = length(&self.text.0) - length(text);
        let mut columns = vec![Column::text("", self.text.1)];
        let mut cells = vec![text.to_owned()];
        let mut widths = vec![room + table::GAP - inset];
        if !self.right.0.is_empty() {
            widths = vec![room - right - inset, right];
            columns.push(Column::text("", self.right.1));
            cells.push(self.right.0.clone());
        }
        table::row(&columns, &widths, MARGIN + inset, &cells)
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
