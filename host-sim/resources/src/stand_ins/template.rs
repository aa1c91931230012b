//! Reads a template of Helm or Jinja without the tool: roughly, for a first look.
//!
//! Decides what is put in place of its actions: a condition is taken to hold, a loop to run once, and a value is that of
//! `values.yaml` if it is written there, or a stand-in. Only resources of Istio are read, and only those that are valid then.
//! Lines stay where they are, so that a place in the text is one in the file.

mod expression;

use std::sync::Arc;

use crate::diagnostic::Diagnostics;
use crate::document_text::documents;
use crate::read::read;
use crate::source::Source;
use crate::stand_ins::Spot;
use crate::validate::validate;
use crate::yaml::{self, Node};
use expression::{Action, Expression};

/// What a template holds of Istio's resources. `None` if that can't be told without its tool.
///
/// `values` is the `values.yaml` of its chart.
pub fn read_template(source: &Source, values: Option<&Source>) -> Option<Source> {
    let roots = values.map(|it| yaml::parse(&it.text)).unwrap_or_default();
    let root = roots.into_iter().find_map(|it| it.ok()?.root);
    let filled = fill_in(source, root.as_ref());
    let mut text = String::with_capacity(filled.text.len());
    let mut is_any = false;
    for range in documents(&filled.text) {
        let document = filled.text.get(range).unwrap_or_default();
        if is_valid(document) {
            text.push_str(document);
            is_any = true;
        } else {
            text.extend(document.matches('\n'));
        }
    }
    let stand_ins = filled.stand_ins.clone();
    is_any.then(|| Source::new(source.name.clone(), text).with_stand_ins(stand_ins))
}

/// Whether a document is a resource of Istio without errors.
fn is_valid(document: &str) -> bool {
    let is_of_istio = document.contains("networking.istio.io/");
    if !is_of_istio {
        return false;
    }
    let mut found = Diagnostics::new();
    let resources = read(vec![Source::new("", document)], &mut found);
    validate(&resources, &|_| Ok(()), &mut found);
    let number = resources.gateways.len()
        + resources.virtual_services.len()
        + resources.destination_rules.len()
        + resources.service_entries.len();
    number > 0 && !found.has_errors()
}

/// A block that is open.
struct Block {
    /// What comes is not of the branch that is taken.
    is_left_out: bool,
    /// What a loop runs over.
    range: Option<String>,
}

fn fill_in(source: &Source, values: Option<&Arc<Node>>) -> Source {
    let mut out = String::with_capacity(source.text.len());
    let mut stand_ins = source.stand_ins.clone();
    let mut blocks: Vec<Block> = Vec::new();
    let mut rest = source.text.as_str();
    while let Some((before, whole, after)) = next_action(rest) {
        let is_left_out = blocks.iter().any(|it| it.is_left_out);
        push(&mut out, before, is_left_out);
        match Action::parse(whole) {
            Action::Nothing => push(&mut out, whole, true),
            Action::Begin { is_left_out, range } => {
                push(&mut out, whole, true);
                blocks.push(Block { is_left_out, range });
            }
            Action::Else => {
                push(&mut out, whole, true);
                if let Some(block) = blocks.last_mut() {
                    block.is_left_out = true;
                }
            }
            Action::End => {
                push(&mut out, whole, true);
                blocks.pop();
            }
            Action::Value(_) if is_left_out => push(&mut out, whole, true),
            Action::Value(text) => {
                let range = blocks.iter().rev().find_map(|it| it.range.as_deref());
                let expression = Expression::read(text, values.map(|it| it.as_ref()), range);
                if let Some(value) = put(&mut out, after, &expression) {
                    stand_ins.entry(whole.to_owned()).or_insert(value);
                }
                out.extend(whole.matches('\n'));
            }
        }
        rest = after;
    }
    push(&mut out, rest, blocks.iter().any(|it| it.is_left_out));
    Source::new(source.name.clone(), out).with_stand_ins(stand_ins)
}

/// Adds text, or the line breaks in it alone.
fn push(out: &mut String, text: &str, is_left_out: bool) {
    if is_left_out {
        out.extend(text.matches('\n'));
    } else {
        out.push_str(text);
    }
}

/// The text in front of the next action, the action, and what is behind it.
fn next_action(text: &str) -> Option<(&str, &str, &str)> {
    let forms = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")];
    let found = forms
        .into_iter()
        .filter_map(|(begin, end)| Some((text.find(begin)?, end)));
    let (start, end) = found.min_by_key(|(at, _)| *at)?;
    let (before, from) = text.split_at(start);
    let length = from.find(end)? + end.len();
    let (whole, after) = from.split_at(length);
    Some((before, whole, after))
}

/// Writes the value of an expression, and returns what it was if it is a stand-in.
fn put(out: &mut String, after: &str, expression: &Expression) -> Option<String> {
    let line = out.rsplit('\n').next().unwrap_or_default();
    let is_alone = line.trim().is_empty() && after.lines().next().is_none_or(|it| it.trim().is_empty());
    if is_alone {
        return put_list(out, expression);
    }
    let spot = Spot::of(out, after);
    let known = expression
        .text(spot.is_whole())
        .filter(|it| !spot.is_number() || is_number(it));
    let (value, is_stand_in) = match known {
        Some(value) => (value, false),
        None => (spot.value(&expression.name), true),
    };
    let value = match &expression.items[..] {
        _ if !spot.is_list() => value,
        [] => format!("[{value}]"),
        items => format!("[{}]", items.join(", ")),
    };
    out.push_str(&value);
    (is_stand_in && expression.items.is_empty()).then_some(value)
}

/// On a line of its own, an expression writes lines of YAML: only those of lists of names can be told.
fn put_list(out: &mut String, expression: &Expression) -> Option<String> {
    let line = out.lines().rev().find(|it| !it.trim().is_empty())?;
    let key = line.trim().trim_start_matches("- ").strip_suffix(':')?;
    if !matches!(key, "hosts" | "gateways") {
        return None;
    }
    let value = match key {
        "hosts" => format!("{}.example.com", expression.name),
        _ => expression.name.clone(),
    };
    let deeper = line.len() - line.trim_start().len() + 4;
    let start = out.rfind('\n').map_or(0, |it| it + 1);
    out.truncate(start);
    out.extend(std::iter::repeat_n(' ', deeper));
    if !expression.items.is_empty() {
        out.push_str(&format!("[{}]", expression.items.join(", ")));
        return None;
    }
    out.push_str(&format!("[{value}]"));
    Some(value)
}

fn is_number(text: &str) -> bool {
    text.parse::<u32>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: &str =
        "ingress: {host: shop.example.org, hosts: [a.example.org, b.example.org], port: 8080}\nempty: ''\n";

    #[track_caller]
    fn check(template: &str, want: &str) {
        let values = yaml::parse(VALUES)
            .remove(0)
            .expect("YAML")
            .root
            .expect("a value");
        let filled = fill_in(&Source::new("a.yaml", template), Some(&values));
        let lines = |text: &str| -> Vec<String> { text.lines().map(|it| it.trim_end().to_owned()).collect() };
        assert_eq!(lines(&filled.text), lines(want), "{template}");
    }

    #[test]
    fn values_are_those_of_the_chart_or_stand_ins() {
        check(
            "hosts:\n- {{ .Values.ingress.host | quote }}\n- \"{{ .Values.other.host }}\"\n- {{ .Values.empty }}\n\
             name: {{ include \"shop.fullname\" . }}-a\nnumber: {{ .Values.service.port }}\nport: {{ .Values.ingress.port }}\n",
            "hosts:\n- shop.example.org\n- \"other-host.example.com\"\n- empty.example.com\n\
             name: shop-a\nnumber: 80\nport: 8080\n",
        );
        check(
            "prefix: {{ .Values.path | default \"/api\" }}\n",
            "prefix: /api\n",
        );
        check("uri: {{ .Values.path }}\n", "uri: /path\n");
    }

    #[test]
    fn conditions_hold_and_loops_run_once() {
        check(
            "{{- if .Values.on }}\na: 1\n{{- else if .b }}\na: 2\n{{- end }}\nnumber: {{if .Rand}}80{{else}}443{{end}}\n",
            "\na: 1\n\n\n\nnumber: 80\n",
        );
        check(
            "hosts:\n{{- range .Values.ingress.hosts }}\n- {{ . }}\n{{- end }}\n{% for it in all %}\nb: {{ it }}\n{% endfor %}\n",
            "hosts:\n\n- a.example.org\n\n\nb: it\n\n",
        );
        check(
            "{{- define \"x\" }}\na: 1\n{{- end }}\n{{- /* a\nb */}}\nb: 1\n",
            "\n\n\n\n\nb: 1\n",
        );
    }

    #[test]
    fn lists_of_names_are_written_as_lists() {
        check(
            "  hosts:\n    {{- toYaml .Values.ingress.hosts | nindent 4 }}\n  gateways: {{ .Values.gateways }}\n",
            "  hosts:\n      [a.example.org, b.example.org]\n  gateways: [gateways]\n",
        );
        check(
            "hosts:\n  {{ toYaml .Values.names }}\n",
            "hosts:\n    [names.example.com]\n",
        );
    }

    #[test]
    fn only_valid_resources_of_istio_are_read() {
        let template = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\napiVersion: networking.istio.io/v1\n\
                        kind: VirtualService\nmetadata: {name: a}\nspec:\n  hosts: ['{{ .Values.host }}']\n  http: \
                        [{route: [{destination: {host: a}}]}]\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n\
                        metadata: {name: b}\nspec:\n  {{- toYaml .Values.spec | nindent 2 }}\n";
        let read = read_template(&Source::new("a.yaml", template), None).expect("a resource");
        assert!(read.text.contains("hosts: ['host.example.com']"), "{}", read.text);
        assert!(
            !read.text.contains("Service\nmetadata: {name: a}\n---"),
            "{}",
            read.text
        );
        assert!(!read.text.contains("name: b"), "{}", read.text);
        assert_eq!(read.text.matches('\n').count(), template.matches('\n').count());
        assert!(read_template(&Source::new("a.yaml", "kind: VirtualService\n{{ x }}: 1\n"), None).is_none());
    }
}
