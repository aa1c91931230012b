//! Which findings say the same about different things.

use fingerpost_resources::{Diagnostic, Severity};

/// Findings with the same cause.
pub(super) struct Group<'d> {
    /// Never empty, in the order in which they were found.
    pub(super) findings: Vec<&'d Diagnostic>,
    /// The words of the message and of the help that all of them share: where another thing would do, the cause is another.
    cause: [String; 2],
}

impl<'d> Group<'d> {
    /// The findings in groups: errors first, then warnings, then notes; groups of one severity in the order of their
    /// first findings.
    pub(super) fn all(findings: impl IntoIterator<Item = &'d Diagnostic>) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for finding in findings {
            let help = finding.help.as_deref().unwrap_or_default();
            let cause = [&finding.message, help].map(common_words);
            let alike = |it: &&mut Self| {
                let first = it.findings.first();
                first.is_some_and(|it| (it.severity, it.code) == (finding.severity, finding.code))
                    && it.cause == cause
            };
            match groups.iter_mut().find(alike) {
                Some(group) => group.findings.push(finding),
                None => groups.push(Self {
                    findings: vec![finding],
                    cause,
                }),
            }
        }
        groups.sort_by_key(|it| it.severity());
        groups
    }

    pub(super) fn severity(&self) -> Severity {
        self.findings.first().map_or(Severity::Note, |it| it.severity)
    }
}

/// The text without what is peculiar to one place: names, values, numbers. Lists of such things count as one.
fn common_words(text: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    let text = without_quotes(text);
    for word in text.split_whitespace() {
        let word = if is_peculiar(word) { PLACEHOLDER } else { word };
        match words.as_slice() {
            [.., PLACEHOLDER, "and" | "or"] if word == PLACEHOLDER => {
                words.pop();
            }
            [.., PLACEHOLDER] if word == PLACEHOLDER => {}
            _ => words.push(word),
        }
    }
    words.join(" ")
}

/// Stands in a cause for what is peculiar to one place.
const PLACEHOLDER: &str = "…";

/// Whether a word is a name, a value or a number, not a word of the sentence.
fn is_peculiar(word: &str) -> bool {
    let word = word.trim_matches([',', '.', ':', ';', '(', ')']);
    word == PLACEHOLDER || word.contains(|it: char| it.is_ascii_digit() || "./:=@_*[]".contains(it))
}

/// The text with a placeholder for everything between double quotes or backticks.
fn without_quotes(text: &str) -> String {
    let mut rest = text;
    let mut bare = String::new();
    while let Some(start) = rest.find(['"', '`']) {
        let (before, quoted) = rest.split_at(start);
        let mark = if quoted.starts_with('"') { '"' } else { '`' };
        bare.push_str(before);
        let Some(end) = quoted.get(1..).and_then(|it| it.find(mark)) else {
            rest = quoted;
            break;
        };
        bare.push_str(PLACEHOLDER);
        rest = quoted.get(end + 2..).unwrap_or_default();
    }
    bare + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_values_and_numbers_are_no_part_of_a_cause() {
        let check = |one, other| assert_eq!(common_words(one), common_words(other));
        check(
            "no service has the host a.default.svc.cluster.local",
            "no service has the host b.shop.svc.cluster.local",
        );
        check("unknown field `a b`", "unknown field `c`");
        check(
            "weights add up to 90, not to 100",
            "weights add up to 80, not to 100",
        );
        check("it has \"v1\", \"v2\" and \"v3\"", "it has \"v1\"");
        check("named a/b at x.yaml:3: only", "named c/d at y.yaml:14: only");
    }

    #[test]
    fn other_words_are_another_cause() {
        let check = |one, other| assert_ne!(common_words(one), common_words(other));
        check("unknown field `a`", "unknown value `a`");
        check(
            "Gateway default/a is given again",
            "VirtualService default/a is given again",
        );
        check("a quote \" that never ends", "a quote \" that goes on");
    }
}
