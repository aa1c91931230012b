//! The pages of `docs/rules`, in Markdown.

use fingerpost_resources::Severity;

use crate::example::USUAL;
use crate::rule::Rule;
use crate::{THEMES, rules};

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The name of its file in `docs/rules`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The list of all codes, then a page for each.
pub fn pages() -> Vec<Page> {
    let index = Page {
        name: "README.md".to_owned(),
        text: index(),
    };
    let of_rules = rules().into_iter().map(|it| Page {
        name: format!("{}.md", it.code),
        text: page(it),
    });
    std::iter::once(index).chain(of_rules).collect()
}

/// The lines of the book's table of contents (`docs/SUMMARY.md`) for these pages.
pub fn summary() -> String {
    let line = |rule: &&Rule| format!("  - [{0}](rules/{0}.md)\n", rule.code);
    let rules = rules();
    let lines: String = rules.iter().map(line).collect();
    format!("- [Findings](rules/README.md)\n{lines}")
}

fn index() -> String {
    let mut text = "\
# Findings

Every finding has a code. `fingerpost rule CODE` explains one, and `fingerpost rule` lists them. An *error* stops `compile`; a \
*warning* says that the input does not do what it says, and is an error with `--strict`; a *note* is worth knowing.

"
    .to_owned();
    for (theme, rules) in THEMES {
        text += &format!("## {theme}\n\n| code | severity | what is wrong |\n|---|---|---|\n");
        let mut rules: Vec<&Rule> = rules.iter().collect();
        rules.sort_by_key(|it| it.code);
        for rule in rules {
            let code = rule.code;
            text += &format!(
                "| [`{code}`]({code}.md) | {} | {} |\n",
                severity(rule),
                rule.title
            );
        }
        text += "\n";
    }
    text += "\
## The usual resources

Each example is checked together with these, unless it has a resource of that kind and name itself:

```yaml
";
    text += &USUAL.map(|(_, it)| it).join("---\n");
    text + "```\n"
}

fn page(rule: &Rule) -> String {
    let mut text = format!(
        "# {}\n\n{}: {}.\n\n{}\n",
        rule.code,
        capitalised(severity(rule)),
        rule.title,
        rule.why
    );
    if let Some(example) = &rule.example {
        let beside = if example.is_whole_input() {
            ""
        } else {
            ", together with [the usual resources](README.md#the-usual-resources)"
        };
        text += &format!("\n## Wrong\n\n`{}` reports this{beside}:\n\n", example.command);
        text += &format!("```yaml\n{}```\n", example.wrong());
        text += &format!("\n## Fixed\n\n```yaml\n{}```\n", example.fixed());
    }
    text
}

fn severity(rule: &Rule) -> &'static str {
    match rule.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}
