//! The rows of a screen, and how they become lines.

use anstyle::Style;
use fingerpost_explain::Place;
use fingerpost_resources::{Sources, visible};
use fingerpost_terminal::listing::FileNames;
use fingerpost_terminal::style::{DIM, paint};
use fingerpost_terminal::table::{self, Column, length};

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

/// One row: the margin, the text, and the right side.
struct Row {
    margin: Margin,
    text: (String, Style),
    right: (String, Style),
}

/// The margin.
pub(super) enum Margin {
    Blank,
    /// The name of a part.
    Label(&'static str, Style),
    /// A rule: whether it accepts, and its number.
    Rule(&'static str, Style, usize),
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
        let on_one_line = |(text, style): (String, Style)| (visible(&text).into_owned(), style);
        let (text, right) = (on_one_line(text), on_one_line(right));
        self.rows.push(Row { margin, text, right });
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
        let longest = self.rows.iter().map(|it| length(&it.right.0)).max();
        let right = longest.unwrap_or(0).min(room * 2 / 5);
        let mut screen = String::new();
        for row in &self.rows {
            match row.margin.written() {
                Some((margin, length)) => {
                    let lines = row.lines(room, right);
                    // The margin takes the place of the first line's blanks.
                    screen.push_str(&margin);
                    screen.push_str(&" ".repeat(MARGIN.saturating_sub(length)));
                    screen.push_str(lines.get(MARGIN..).unwrap_or(&lines));
                }
                None => screen.push('\n'),
            }
        }
        screen
    }
}

impl Row {
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
            Self::Rule(mark, style, position) => {
                let number = format!("{position:>DIGITS$}");
                let written = format!("  {} {}", paint(*style, mark), paint(DIM, &number));
                (written, length("  ✓ ") + length(&number))
            }
        })
    }
}
