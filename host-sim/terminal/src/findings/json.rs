//! Findings and notes in the JSON forms of the commands; `docs/json.md` has them.

use fingerpost_resources::{Diagnostic, Diagnostics, Severity};
use serde_json::{Value, json};

use super::wanted;
use crate::messages;

/// The answer of a command, a JSON object, with what the command says on standard error: `findings` and `notes`.
pub fn with_findings(mut answer: Value, findings: &Diagnostics) -> Value {
    if let Some(fields) = answer.as_object_mut() {
        let findings: Vec<Value> = wanted(findings).iter().map(finding).collect();
        fields.insert("findings".to_owned(), findings.into());
        fields.insert("notes".to_owned(), messages::notes().into());
    }
    answer
}

/// The answer of a command whose input is refused.
pub fn only_findings(findings: &Diagnostics) -> Value {
    with_findings(json!({"version": 1}), findings)
}

fn finding(finding: &Diagnostic) -> Value {
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let span = finding.span.as_ref();
    json!({
        "code": finding.code.to_string(),
        "severity": severity,
        "message": finding.message,
        "help": finding.help,
        "resource": known(&finding.subject),
        "field": known(&finding.path),
        "file": span.map(|it| &*it.file),
        "line": span.map(|it| it.line),
        "column": span.map(|it| it.column),
    })
}
