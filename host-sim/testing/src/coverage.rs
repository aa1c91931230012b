//! Which rules and matches no case has reached.
//!
//! What counts are the matches of the compiled routes: a rule without matches counts as one. What is bound to no
//! listener can't be reached, and does not count.

use std::collections::{BTreeMap, BTreeSet};

use fingerpost_resources::Span;
use fingerpost_routing_config::RuleRef;
use serde::Serialize;

use crate::compiled_proxy::CompiledProxy;

/// The matches that there are, and those that were reached.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    /// By file, place and name, so that several suites may be about the same files.
    all: BTreeMap<Key, String>,
    reached: BTreeSet<Key>,
}

/// The file, line and column of a match, and its name.
type Key = (String, usize, usize, RuleRef);

/// What there is to say about it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// How many matches there are.
    pub matches: usize,
    /// How many of them were reached.
    pub matches_reached: usize,
    /// How many rules there are.
    pub rules: usize,
    /// How many of them were reached, by any of their matches.
    pub rules_reached: usize,
    /// The part of the matches that was reached, cut to two digits.
    pub percent: f64,
    /// The others.
    pub missing: Vec<Missing>,
}

/// A match that no case reached.
#[derive(Debug, Serialize)]
pub struct Missing {
    /// The file that it is written in.
    pub file: String,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// The rule, with the match.
    pub rule: String,
    /// What it asks of a request.
    pub conditions: String,
}

impl Coverage {
    /// Counts the matches of a proxy.
    pub(super) fn count(&mut self, proxy: &CompiledProxy) {
        for (_, _, route) in proxy.compilation.compiled.summary.routes() {
            if let (Some(rule), Some(span)) = (&route.rule, &route.span) {
                self.all.insert(key(rule, span), route.matches.clone());
            }
        }
    }

    /// Notes that a request reached a match.
    pub(super) fn reach(&mut self, rule: &RuleRef, proxy: &CompiledProxy) {
        if let Some(span) = proxy.route(rule).and_then(|it| it.span.as_ref()) {
            self.reached.insert(key(rule, span));
        }
    }

    /// What has come of it.
    pub(super) fn report(&self) -> Report {
        let rules = |keys: &mut dyn Iterator<Item = &Key>| {
            let names: BTreeSet<_> = keys.map(|(file, _, _, rule)| (file, &rule.rules)).collect();
            names.len()
        };
        let reached: Vec<_> = self.all.keys().filter(|it| self.reached.contains(it)).collect();
        let missing = self.all.iter().filter(|(key, _)| !self.reached.contains(key));
        let missing = missing.map(|((file, line, column, found), conditions)| Missing {
            file: file.clone(),
            line: *line,
            column: *column,
            rule: found.to_string(),
            conditions: conditions.clone(),
        });
        let (all, some) = (self.all.len(), reached.len());
        Report {
            matches: all,
            matches_reached: some,
            rules: rules(&mut self.all.keys()),
            rules_reached: rules(&mut reached.into_iter()),
            // Cut, so that 100 means all of them. Nothing to reach is all of it.
            percent: (some * 10_000).checked_div(all).unwrap_or(10_000) as f64 / 100.0,
            missing: missing.collect(),
        }
    }
}

fn key(rule: &RuleRef, span: &Span) -> Key {
    (span.file.to_string(), span.line, span.column, rule.clone())
}
