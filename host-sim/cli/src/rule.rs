//! How a rule is named to people: `default/reviews http[1]`, through a delegate `web/root http[0] > shop/leaf http[1]`.

use fingerpost_routing_config::RuleRef;

/// The rule's name, without the match.
pub(crate) fn name(rule: &RuleRef) -> String {
    let steps = rule
        .rules
        .iter()
        .map(|step| format!("{} http[{}]", step.virtual_service, step.http));
    steps.collect::<Vec<_>>().join(" > ")
}

/// The name with the match: `default/reviews http[1] match[0]`.
pub(crate) fn full_name(rule: &RuleRef) -> String {
    match &rule.matched {
        Some(index) => format!("{} match[{index}]", name(rule)),
        None => name(rule),
    }
}
