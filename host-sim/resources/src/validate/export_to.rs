//! `exportTo`: which namespaces see a resource.

use super::Checker;
use super::names::is_label;
use super::path::Path;
use crate::code::Code;

/// Whose `exportTo` it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Exported {
    /// One that may hide from everyone by `~`.
    ServiceEntry,
    /// One that is only for the clients that it selects, all of them in its namespace.
    SelectingRule,
    Other,
}

impl Checker<'_> {
    pub(super) fn export_to(&mut self, entries: &[String], kind: Exported) {
        let at = Path::SPEC.field("exportTo");
        let own = self.meta.namespace.as_str();
        let namespace = |entry: &str| {
            if entry == "." {
                own.to_owned()
            } else {
                entry.to_owned()
            }
        };
        let mut seen: Vec<String> = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let name = namespace(entry);
            if seen.contains(&name) {
                let what = if entry == "." {
                    "`.` is this namespace, which"
                } else {
                    entry
                };
                self.error(
                    Code::Duplicate,
                    &at.item(index),
                    format!("{what} is listed already"),
                );
            } else if entry == "~" && kind != Exported::ServiceEntry {
                self.error(
                    Code::BadExport,
                    &at.item(index),
                    "`~` (no namespace) is for ServiceEntry only",
                );
            } else if !matches!(name.as_str(), "*" | "~") && !is_label(&name) {
                self.error(
                    Code::BadExport,
                    &at.item(index),
                    format!("{entry:?} is not a namespace"),
                )
                .help("use `.` for this namespace, `*` for all, or the name of one");
            } else {
                seen.push(name);
            }
        }
        if kind == Exported::SelectingRule && !seen.is_empty() {
            if !seen.iter().any(|it| it == own) {
                self.error(
                    Code::BadExport,
                    &at,
                    "a rule with a workloadSelector stays in its own namespace",
                )
                .help("write `exportTo: [.]`, or leave it out");
            } else if seen.len() > 1 {
                self.error(
                    Code::BadExport,
                    &at,
                    "a rule with a workloadSelector has one entry here: `.`",
                );
            }
        }
        for (entry, meaning) in [("*", "all namespaces"), ("~", "no namespace")] {
            if entries.len() > 1 && seen.iter().any(|it| it == entry) {
                let message = format!("`{entry}` ({meaning}) must be the only entry");
                self.error(Code::BadExport, &at, message)
                    .help(format!("write `exportTo: ['{entry}']`"));
            }
        }
    }
}
