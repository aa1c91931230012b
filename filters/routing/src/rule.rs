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
        for (index, step) in self.steps.iter().enumerate() {
            let arrow = if index > 0 { " -> " } else { "" };
            write!(f, "{arrow}{} http[{}]", step.virtual_service, step.http)?;
        }
        match &self.matched {
            Some(index) => write!(f, " match[{index}]"),
            None => Ok(()),
        }
    }
}
