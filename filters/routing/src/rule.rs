//! The name of a rule, for logs and explanations. Plays no part in any decision.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

/// The rule of a VirtualService behind a route.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    /// The root's rule, then the delegate's.
    pub steps: Vec<RuleStep>,
    /// The index in the rule's `match` list (`0-1` with a delegate); none for a rule without matches.
    pub matched: Option<Box<str>>,
}

/// One rule of one VirtualService.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RuleStep {
    /// `namespace/name`.
    pub virtual_service: Box<str>,
    /// The index in its `http` list.
    pub http: u32,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self.steps.iter().map(|it| (&*it.virtual_service, it.http));
        write_rule_name(f, steps, self.matched.as_deref())
    }
}

/// Names a rule or a match of it as all output does, with the indexes of Istio's field path: `default/reviews
/// http[1].match[0]`, and through a delegate `web/root http[0] > shop/leaf http[1].match[0-2]`.
///
/// A step is `namespace/name` of a VirtualService and the index in its `http` list.
///
/// # Errors
/// Those of `to`.
pub fn write_rule_name<'n>(
    to: &mut impl fmt::Write,
    steps: impl IntoIterator<Item = (&'n str, u32)>,
    matched: Option<&str>,
) -> fmt::Result {
    for (index, (virtual_service, http)) in steps.into_iter().enumerate() {
        let arrow = if index > 0 { " > " } else { "" };
        write!(to, "{arrow}{virtual_service} http[{http}]")?;
    }
    match matched {
        Some(index) => write!(to, ".match[{index}]"),
        None => Ok(()),
    }
}
