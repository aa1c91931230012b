//! `fingerpost rule`: what the code of a finding means. What it says is in `fingerpost-rules`.

use std::io::Write;

use anstyle::Style;
use clap::{Args, ValueEnum};
use fingerpost_resources::{Code, Severity, closest};
use fingerpost_rules::{Example, Rule as Explained, rule, rules};
use fingerpost_terminal::prose;
use fingerpost_terminal::screen;
use fingerpost_terminal::style::{BAD, BOLD, DIM, GOOD, ODD, paint};
use fingerpost_terminal::table::{self, Column};
use serde_json::{Value, json};

use crate::failure::Failure;

/// Explain the code of a finding
///
/// Shows what a code such as `unknown-host` means, why it matters, and an example with its fix. Without a code, lists all codes.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  fingerpost rule
  fingerpost rule unknown-host")]
pub(crate) struct Rule {
    /// Code of a finding: the name in brackets, as in `warning[unknown-host]`
    code: Option<String>,

    /// How to show it
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    #[value(alias = "human")]
    Text,
    /// One JSON object; for all codes, with a list `rules`
    Json,
}

impl Rule {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let found = self.code.as_deref().map(find).transpose()?;
        let (mut out, text) = match (self.format, found) {
            (Format::Text, Some(rule)) => (screen::stdout(), page(rule)),
            (Format::Text, None) => (screen::stdout(), list()),
            (Format::Json, Some(rule)) => {
                (screen::json_stdout(), format!("{:#}\n", versioned(as_json(rule))))
            }
            (Format::Json, None) => {
                let all: Vec<Value> = rules().into_iter().map(as_json).collect();
                (
                    screen::json_stdout(),
                    format!("{:#}\n", versioned(json!({"rules": all}))),
                )
            }
        };
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }
}

/// The rule of a code, or which codes are like it.
fn find(code: &str) -> Result<&'static Explained, Failure> {
    if let Some(found) = code.parse().ok().and_then(rule) {
        return Ok(found);
    }
    let known = || Code::ALL.iter().map(|it| it.as_str());
    let near: Vec<&str> = match closest(code, known()) {
        Some(near) => vec![near],
        None => known()
            .filter(|it| !code.is_empty() && it.contains(code))
            .collect(),
    };
    let near: Vec<String> = near.iter().map(|it| format!("`{it}`")).collect();
    Err(Failure::refused(if near.is_empty() {
        format!("no finding has the code `{code}`: `fingerpost rule` lists all codes")
    } else {
        format!(
            "no finding has the code `{code}`: did you mean {}?",
            near.join(" or ")
        )
    }))
}

/// A row for each code. Only titles are wrapped.
fn list() -> String {
    let cells = |rule: &&Explained| {
        [rule.code.as_str(), severity(rule).0, rule.title]
            .map(str::to_owned)
            .to_vec()
    };
    let rules = rules();
    let rows: Vec<Vec<String>> = rules.iter().map(cells).collect();
    let longest = |index: usize| {
        let cells = rows.iter().filter_map(|it| it.get(index));
        cells.map(|it| table::length(it)).max().unwrap_or_default()
    };
    let columns = |word: Style| {
        [
            Column::text("", BOLD).at_least(longest(0)),
            Column::text("", word).at_least(longest(1)),
            Column::text("", Style::new()),
        ]
    };
    let widths = table::fit(
        &columns(Style::new()),
        &rows,
        0,
        table::width().unwrap_or(usize::MAX),
    );
    let lines = rules.iter().zip(&rows);
    lines
        .map(|(rule, cells)| table::row(&columns(severity(rule).1), &widths, 0, cells))
        .collect()
}

fn page(rule: &Explained) -> String {
    let (word, style) = severity(rule);
    let width = table::width();
    let head = format!("{word}[{}]", rule.code);
    let title = prose::hanging(rule.title, head.len() + 1, width);
    let title: Vec<String> = title.lines().map(|it| paint(BOLD, it)).collect();
    let mut text = format!(
        "{} {}\n\n{}\n",
        paint(style, head),
        title.join("\n"),
        prose::hanging(rule.why, 0, width)
    );
    if let Some(example) = &rule.example {
        for (label, file) in [("wrong", example.wrong()), ("fixed", example.fixed())] {
            let lines = file.lines().map(|line| format!("  {line}\n"));
            text += &format!("\n{}\n{}", paint(DIM, label), lines.collect::<String>());
        }
        let command = paint(DIM, format_args!("reported by `{}`", example.command));
        text += &format!("\n{command}\n");
    }
    text
}

fn severity(rule: &Explained) -> (&'static str, Style) {
    match rule.severity {
        Severity::Error => ("error", BAD),
        Severity::Warning => ("warning", ODD),
        Severity::Note => ("note", GOOD),
    }
}

/// The form with its version, which comes first.
fn versioned(form: Value) -> Value {
    let mut versioned = json!({"version": 1});
    if let (Some(fields), Value::Object(form)) = (versioned.as_object_mut(), form) {
        fields.extend(form);
    }
    versioned
}

fn as_json(rule: &Explained) -> Value {
    let example =
        |it: &Example| json!({"command": it.command.to_string(), "wrong": it.wrong(), "fixed": it.fixed()});
    json!({
        "code": rule.code.as_str(),
        "severity": severity(rule).0,
        "title": rule.title,
        "why": rule.why,
        "example": rule.example.as_ref().map(example),
    })
}
