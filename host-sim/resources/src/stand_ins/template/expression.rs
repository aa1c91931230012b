//! What an action of a template says, as far as that can be told by looking at it.

use crate::stand_ins::name_of;
use crate::yaml::{Node, Scalar, Value};

/// Functions that leave a value as it is, or nearly.
const PLAIN: [&str; 14] = [
    "quote",
    "squote",
    "lower",
    "trim",
    "tpl",
    "toString",
    "int",
    "toYaml",
    "nindent",
    "indent",
    "default",
    "required",
    "trunc",
    "trimSuffix",
];

/// What is between the marks of an action.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action<'t> {
    /// A comment, or a variable.
    Nothing,
    /// Of a block: `if`, `with`, `range`, `for`, and `define`, which is left out.
    Begin {
        is_left_out: bool,
        range: Option<String>,
    },
    /// Another branch.
    Else,
    /// Of a block.
    End,
    /// What is written in its place.
    Value(&'t str),
}

impl<'t> Action<'t> {
    /// Of the action with its marks.
    pub(super) fn parse(whole: &'t str) -> Self {
        let inner = whole.get(2..whole.len().saturating_sub(2)).unwrap_or_default();
        let inner = inner.trim_start_matches('-').trim_end_matches('-').trim();
        if whole.starts_with("{#") || inner.starts_with("/*") {
            return Self::Nothing;
        }
        let (word, rest) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
        let is_assignment = inner.starts_with('$') && (inner.contains(":=") || inner.contains(" = "));
        match word {
            "if" | "with" | "block" => Self::Begin {
                is_left_out: false,
                range: None,
            },
            "range" | "for" => Self::Begin {
                is_left_out: false,
                range: Some(rest.to_owned()),
            },
            "define" | "macro" => Self::Begin {
                is_left_out: true,
                range: None,
            },
            "else" | "elif" => Self::Else,
            "end" | "endif" | "endfor" | "endmacro" | "endwith" => Self::End,
            _ if is_assignment || whole.starts_with("{%") => Self::Nothing,
            _ => Self::Value(inner),
        }
    }
}

/// What a value is.
#[derive(Debug)]
pub(super) struct Expression {
    /// Its name, for a stand-in.
    pub(super) name: String,
    /// The text in the values of the chart.
    known: Option<String>,
    /// The list there.
    pub(super) items: Vec<String>,
}

impl Expression {
    /// Of the text in an action. `range` is what the loop around it runs over.
    pub(super) fn read(text: &str, values: Option<&Node>, range: Option<&str>) -> Self {
        // The item of a loop is the first of its list.
        let is_item = matches!(text.split([' ', '|']).next(), Some("." | "$")) && range.is_some();
        let text = match range {
            Some(range) if is_item => range,
            Some(_) | None => text,
        };
        let path = path_of(text);
        let node = path.as_deref().and_then(|it| find(values?, it));
        let is_plain = words_of(text).all(|it| PLAIN.contains(&it));
        let node = node.filter(|_| is_plain);
        let items = node.map(items).unwrap_or_default();
        let first = items.first().filter(|_| is_item).cloned();
        Self {
            name: name(text, path.as_deref()),
            known: first
                .or_else(|| node.and_then(scalar))
                .or_else(|| release(text))
                .or_else(|| default(text)),
            items: if is_item { Vec::new() } else { items },
        }
    }

    /// The text that is known. What YAML would take for something else is quoted if it is all of a value.
    pub(super) fn text(&self, is_whole: bool) -> Option<String> {
        let text = self.known.as_deref()?;
        let is_plain = |it: char| it.is_alphanumeric() || matches!(it, '.' | '-' | '_' | '/');
        if !is_whole || text.chars().all(is_plain) {
            return Some(text.to_owned()).filter(|it| !it.contains(['"', '\'', '\n']));
        }
        Some(format!("{text:?}"))
    }
}

/// `a.b` of `.Values.a.b`.
fn path_of(text: &str) -> Option<String> {
    let (_, rest) = text.split_once(".Values.")?;
    let end = rest.find(|it: char| !(it.is_ascii_alphanumeric() || matches!(it, '_' | '.' | '-')));
    rest.get(..end.unwrap_or(rest.len()))
        .map(|it| it.trim_end_matches('.').to_owned())
}

/// The words that are functions.
fn words_of(text: &str) -> impl Iterator<Item = &str> {
    let outside = text.split('"').step_by(2); // of the quotes
    let words = outside.flat_map(|it| it.split([' ', '|', '(', ')', '\n', '\t']));
    words.filter(|it| it.starts_with(|it: char| it.is_ascii_alphabetic()))
}

fn find<'n>(values: &'n Node, path: &str) -> Option<&'n Node> {
    path.split('.')
        .try_fold(values, |node, key| node.get(key).map(|it| it.as_ref()))
}

fn scalar(node: &Node) -> Option<String> {
    let text = match &node.value {
        Value::Scalar(Scalar::Text(text)) => text.clone(),
        Value::Scalar(Scalar::Integer(it)) => it.value.to_string(),
        Value::Scalar(_) | Value::List(_) | Value::Map(_) => return None,
    };
    (!text.is_empty() && !text.contains("{{")).then_some(text)
}

fn items(node: &Node) -> Vec<String> {
    match &node.value {
        Value::List(items) => items
            .iter()
            .filter_map(|it| scalar(it))
            .map(|it| {
                if it.starts_with('*') {
                    format!("{it:?}")
                } else {
                    it
                }
            })
            .collect(),
        Value::Scalar(_) | Value::Map(_) => Vec::new(),
    }
}

/// What Helm fills in where nothing is said.
fn release(text: &str) -> Option<String> {
    let word = text.split([' ', '|']).next().unwrap_or_default();
    match word {
        ".Release.Name" | "$.Release.Name" => Some("release-name".to_owned()),
        ".Release.Namespace" | "$.Release.Namespace" => Some("default".to_owned()),
        _ => None,
    }
}

/// `a` of `default "a"`.
fn default(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("default ")?;
    let rest = rest.trim_start();
    let value = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?.0,
        None => rest
            .split([' ', ')'])
            .next()
            .filter(|it| it.chars().all(|it| it.is_ascii_digit()))?,
    };
    (!value.is_empty()).then(|| value.to_owned())
}

/// A name for the value: the path of the values, the chart of a template that makes its names.
fn name(text: &str, path: Option<&str>) -> String {
    if let Some(path) = path {
        return name_of(path);
    }
    let included = text
        .split_once("include \"")
        .or_else(|| text.split_once("template \""));
    if let Some((name, _)) = included.and_then(|(_, rest)| rest.split_once('"')) {
        let chart = name
            .strip_suffix(".fullname")
            .or_else(|| name.strip_suffix(".name"));
        return name_of(chart.unwrap_or(name));
    }
    let words = || {
        text.split([' ', '|', '(', ')'])
            .filter(|it| it.contains(|it: char| it.is_ascii_alphanumeric()))
    };
    // `.a` and `$a` are data, a word in front of them is a function.
    let first = words()
        .find(|it| it.starts_with(['.', '$']))
        .or_else(|| words().next());
    name_of(
        first
            .unwrap_or_default()
            .trim_start_matches(".Release")
            .trim_start_matches(".Chart"),
    )
}
