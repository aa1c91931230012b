//! Holds a block of a test against the same block of the rule that applies: istio-config-validator's question.
//!
//! Blocks are compared as what they mean, not as they are spelt. Which rule applies is known by then.

use std::fmt::Write as _;

use fingerpost_config_compiler::is_stand_in;
use fingerpost_resources::yaml::{Node, Scalar, Value};
use fingerpost_resources::{HttpRoute, Resource, Resources, VirtualService};
use fingerpost_routing_config::RuleRef;

use crate::want_foreign::{Block, RuleBlock};

/// What a comparison comes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    /// The blocks are equal.
    Equal,
    /// They are not; the rule's block, in a line.
    Different(String),
    /// There is nothing to compare with, for this reason.
    Unknown(String),
}

/// A rule and the resource that holds it.
struct Step<'r> {
    resource: &'r Resource<VirtualService>,
    http: u32,
    rule: &'r HttpRoute,
}

impl RuleBlock {
    /// Compares with the rule that applies, if one does.
    pub(crate) fn compare(&self, rule: Option<&RuleRef>, resources: &Resources) -> Compared {
        let Some(rule) = rule else {
            return Compared::Different("no rule applies".to_owned());
        };
        let steps: Vec<Step<'_>> = rule
            .rules
            .iter()
            .filter_map(|step| {
                let mut all = resources.virtual_services.iter();
                let resource = all.find(|it| it.meta.qualified_name() == step.virtual_service)?;
                let rule = resource.spec.http.get(usize::try_from(step.http).ok()?)?;
                Some(Step {
                    resource,
                    http: step.http,
                    rule,
                })
            })
            .collect();
        let (Some(root), Some(leaf)) = (steps.first(), steps.last()) else {
            return Compared::Unknown("the rule that applies is in no resource".to_owned());
        };
        if self.block == Block::Route && is_stand_in(leaf.resource) {
            let name = leaf.resource.meta.qualified_name();
            return Compared::Unknown(format!("the delegate {name} is not in the input"));
        }
        if self.block == Block::Delegate && !has(self.block, root.rule) {
            let (name, http) = (root.resource.meta.qualified_name(), root.http);
            return Compared::Unknown(format!(
                "{name} http[{http}] does not delegate: istio-config-validator leaves `delegate` aside then"
            ));
        }
        // What a delegate leaves unset is its root's.
        let effective = if has(self.block, leaf.rule) { leaf } else { root };
        let candidates = match self.block {
            Block::Delegate => [root, root],
            Block::Route | Block::Redirect => [leaf, leaf],
            Block::Rewrite | Block::Fault | Block::Headers if self.names_route => [effective, effective],
            // Without a `route` the original never looks behind the root.
            Block::Rewrite | Block::Fault | Block::Headers => [effective, root],
        };
        if candidates.iter().any(|it| equal(self.block, &self.rule, it.rule)) {
            return Compared::Equal;
        }
        Compared::Different(
            candidates
                .first()
                .map_or_else(String::new, |it| it.shown(self.block)),
        )
    }
}

impl Step<'_> {
    /// The block as it is written.
    fn shown(&self, block: Block) -> String {
        let path = format!("spec.http[{}].{}", self.http, block.name());
        match self.resource.origin.node(&path) {
            Some(node) if has(block, self.rule) => flow(node),
            Some(_) | None => format!("no `{}`", block.name()),
        }
    }
}

fn equal(block: Block, one: &HttpRoute, other: &HttpRoute) -> bool {
    match block {
        Block::Route => one.route == other.route,
        Block::Redirect => one.redirect == other.redirect,
        Block::Rewrite => one.rewrite == other.rewrite,
        Block::Fault => one.fault == other.fault,
        Block::Headers => one.headers == other.headers,
        Block::Delegate => one.delegate == other.delegate,
    }
}

fn has(block: Block, rule: &HttpRoute) -> bool {
    match block {
        Block::Route => !rule.route.is_empty(),
        Block::Redirect => rule.redirect.is_some(),
        Block::Rewrite => rule.rewrite.is_some(),
        Block::Fault => rule.fault.is_some(),
        Block::Headers => rule.headers.is_some(),
        Block::Delegate => rule.delegate.is_some(),
    }
}

/// A value in a line: `{host: reviews, port: {number: 80}}`.
pub(crate) fn flow(node: &Node) -> String {
    let mut text = String::new();
    write_flow(node, &mut text);
    text
}

fn write_flow(node: &Node, text: &mut String) {
    match &node.value {
        Value::Scalar(Scalar::Null) => text.push_str("null"),
        Value::Scalar(Scalar::Text(value)) if is_plain(value) => text.push_str(value),
        Value::Scalar(Scalar::Text(value)) => {
            let _ = write!(text, "{value:?}"); // writing to a String can't fail
        }
        Value::Scalar(scalar) => text.push_str(scalar.written().map_or("", String::as_str)),
        Value::List(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                text.push_str(if at > 0 { ", " } else { "" });
                write_flow(item, text);
            }
            text.push(']');
        }
        Value::Map(entries) => {
            text.push('{');
            for (at, entry) in entries.iter().enumerate() {
                let _ = write!(text, "{}{}: ", if at > 0 { ", " } else { "" }, entry.key);
                write_flow(&entry.value, text);
            }
            text.push('}');
        }
    }
}

/// Whether a text needs no quotes to be taken for one.
fn is_plain(text: &str) -> bool {
    let letters = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.' | '/');
    matches!(Scalar::plain(text), Scalar::Text(_)) && text.chars().all(letters)
}
