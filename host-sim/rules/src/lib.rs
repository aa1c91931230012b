//! What each code of a finding means: why it matters, and an example with its fix.
//!
//! `fingerpost rule CODE` shows a [`Rule`], and `cargo xtask docs` writes the pages of `docs/rules` ([`pages`]). Tests hold
//! that each example has the finding and each fix has not. Findings are made in other crates: this one has no rule about
//! routing.

mod binding;
mod destinations;
mod example;
mod fields;
mod gateways;
mod http_rules;
mod not_routed;
mod pages;
mod reading;
mod requests;
mod rule;
mod test_files;

use fingerpost_resources::Code;

pub use example::{Command, Example, USUAL};
pub use pages::{Page, pages, summary};
pub use rule::Rule;

/// All rules, by what they are about.
const THEMES: [(&str, &[Rule]); 9] = [
    ("Files and documents", reading::RULES),
    ("Fields", fields::RULES),
    ("Gateways", gateways::RULES),
    ("What a VirtualService is bound to", binding::RULES),
    ("Rules", http_rules::RULES),
    ("Destinations", destinations::RULES),
    ("What is not supported", not_routed::RULES),
    ("Requests given to `explain`", requests::RULES),
    ("Test files", test_files::RULES),
];

/// All rules, in the order of their codes.
pub fn rules() -> Vec<&'static Rule> {
    let mut all: Vec<&Rule> = THEMES.iter().flat_map(|(_, rules)| *rules).collect();
    all.sort_by_key(|it| it.code);
    all
}

/// The rule of a code.
pub fn rule(code: Code) -> Option<&'static Rule> {
    THEMES
        .iter()
        .flat_map(|(_, rules)| *rules)
        .find(|it| it.code == code)
}

#[cfg(test)]
mod tests {
    use fingerpost_resources::Code;

    use super::rules;

    #[test]
    fn every_code_has_one_rule() {
        let explained: Vec<Code> = rules().iter().map(|it| it.code).collect();
        assert_eq!(explained, Code::ALL);
    }

    /// A code without an example is on this list, with the reason.
    #[test]
    fn nearly_every_rule_has_an_example() {
        let without: Vec<&str> = rules()
            .iter()
            .filter(|it| it.example.is_none())
            .map(|it| it.code.as_str())
            .collect();
        assert_eq!(
            without,
            [
                "certificate-expired", // a whole certificate
                "certificate-host",    // a whole certificate
                "gateway-left-out",    // the option `--no-gateway` alone
                "no-room-to-reload",   // 100 MB of rules
                "not-utf-8",           // bytes
                "staple-left-out",     // a whole certificate
                "too-long",            // a megabyte
            ]
        );
    }

    #[test]
    fn titles_are_short_sentences() {
        for rule in rules() {
            assert!(
                !rule.title.ends_with('.') && rule.title.len() <= 90,
                "{}",
                rule.code
            );
            assert!(rule.why.ends_with('.'), "{}", rule.code);
        }
    }
}
