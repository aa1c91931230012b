//! How a test names a rule: `reviews`, `prod/reviews http[1]`, `reviews http[canary].match[0]`, `root > leaf http[2]`.
//!
//! Anything left out will do: a name alone means any rule of the VirtualService. Between brackets is the index, or
//! the `name` that the rule or the match has in the VirtualService. `reviews#1.0` is short for
//! `reviews http[1].match[0]`, and needs no quotes in YAML. A blank will do for the dot between the brackets.

use std::fmt;
use std::str::FromStr;

use fingerpost_resources::{HttpRoute, Resources, VirtualService};
use fingerpost_routing_config::RuleRef;

/// A rule by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RuleName {
    steps: Vec<Step>,
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    /// `name` or `namespace/name`.
    virtual_service: String,
    http: Option<Which>,
    matched: Option<Which>,
}

/// One item of a list, by its index or by its own name. `0-1` is a match through a delegate.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Which(String);

impl RuleName {
    /// Whether it names this rule. Without a `>` it may name either end of a chain of delegates.
    pub(crate) fn names(&self, rule: &RuleRef, resources: &Resources) -> bool {
        let count = rule.rules.len();
        let indexes: Vec<&str> = match &rule.matched {
            Some(matched) if count > 1 => matched.split('-').collect(),
            Some(matched) => vec![matched],
            None => Vec::new(),
        };
        let fits = |step: &Step, at: usize| {
            let Some(of) = rule.rules.get(at) else {
                return false;
            };
            let found = virtual_service(resources, &of.virtual_service);
            let http = found.and_then(|it| it.http.get(usize::try_from(of.http).ok()?));
            let name = of.virtual_service.split_once('/').map_or("", |(_, name)| name);
            let index = indexes.get(at).copied();
            let match_name = index
                .and_then(|index| http?.matches.get(index.parse::<usize>().ok()?))
                .map(|it| it.name.as_str());
            (step.virtual_service == of.virtual_service || step.virtual_service == name)
                && step
                    .http
                    .as_ref()
                    .is_none_or(|it| it.is(&of.http.to_string(), http.map(|http| http.name.as_str())))
                && step.matched.as_ref().is_none_or(|it| {
                    Some(it.0.as_str()) == rule.matched.as_deref()
                        || index.is_some_and(|index| it.is(index, match_name))
                })
        };
        match self.steps.as_slice() {
            [only] => (0..count).any(|at| fits(only, at)),
            steps => steps.len() == count && steps.iter().enumerate().all(|(at, step)| fits(step, at)),
        }
    }
}

/// What of a rule's name is nowhere in the input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MissingRule {
    /// No VirtualService has the name.
    VirtualService(String),
    /// The VirtualService has no such rule, or the rule no such match.
    Item {
        /// As it is written in the test.
        virtual_service: String,
        /// `http` or `match`.
        list: &'static str,
        /// What is between the brackets.
        which: String,
        /// The names that its items have.
        names: Vec<String>,
        /// How many items it has.
        count: usize,
    },
}

impl RuleName {
    /// What of the name no VirtualService of the input has; the first if there are several.
    pub(super) fn missing(&self, resources: &Resources) -> Option<MissingRule> {
        self.steps.iter().find_map(|it| it.missing(resources))
    }
}

impl Step {
    fn missing(&self, resources: &Resources) -> Option<MissingRule> {
        let all = resources.virtual_services.iter();
        let meant: Vec<&VirtualService> = all
            .filter(|it| {
                self.virtual_service == it.meta.name || self.virtual_service == it.meta.qualified_name()
            })
            .map(|it| &it.spec)
            .collect();
        if meant.is_empty() {
            return Some(MissingRule::VirtualService(self.virtual_service.clone()));
        }
        let missing = |list, which: &Which, names: Vec<String>, count| MissingRule::Item {
            virtual_service: self.virtual_service.clone(),
            list,
            which: which.0.clone(),
            names,
            count,
        };
        let rules = || meant.iter().flat_map(|it| it.http.iter().enumerate());
        let is_meant = |(index, rule): &(usize, &HttpRoute)| {
            let http = self.http.as_ref();
            http.is_none_or(|it| it.is(&index.to_string(), Some(&rule.name)))
        };
        let found: Vec<&HttpRoute> = rules().filter(is_meant).map(|(_, rule)| rule).collect();
        if let Some(http) = self.http.as_ref().filter(|_| found.is_empty()) {
            let names = rules().map(|(_, it)| it.name.clone()).filter(|it| !it.is_empty());
            return Some(missing("http", http, names.collect(), rules().count()));
        }
        // With a delegate a match is written as both indexes, `0-1`: each counts in its own rule.
        let matched = self.matched.as_ref().filter(|it| !it.0.contains('-'))?;
        let matches = || found.iter().flat_map(|it| it.matches.iter().enumerate());
        let is_there = matches().any(|(index, it)| matched.is(&index.to_string(), Some(&it.name)));
        let names = matches()
            .map(|(_, it)| it.name.clone())
            .filter(|it| !it.is_empty());
        let longest = found.iter().map(|it| it.matches.len()).max().unwrap_or_default();
        (!is_there).then(|| missing("match", matched, names.collect(), longest))
    }
}

impl Which {
    fn is(&self, index: &str, name: Option<&str>) -> bool {
        self.0 == index || name.is_some_and(|it| !it.is_empty() && it == self.0)
    }
}

/// A VirtualService by `namespace/name`.
pub(crate) fn virtual_service<'r>(resources: &'r Resources, name: &str) -> Option<&'r VirtualService> {
    let mut all = resources.virtual_services.iter();
    all.find(|it| it.meta.qualified_name() == name).map(|it| &it.spec)
}

impl FromStr for RuleName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let steps: Result<Vec<Step>, String> = text.split('>').map(step).collect();
        Ok(Self {
            steps: steps?,
            text: text.trim().to_owned(),
        })
    }
}

fn step(text: &str) -> Result<Step, String> {
    let wrong = || {
        format!(
            "`{}` names no rule: expected e.g. reviews, prod/reviews http[1] or reviews http[1].match[0], which is reviews#1.0 for short",
            text.trim()
        )
    };
    let mut words = text.split_whitespace();
    let first = words.next().filter(|it| !it.contains('[')).ok_or_else(wrong)?;
    let (virtual_service, short) = match first.split_once('#') {
        Some((name, short)) => (name, Some(short)),
        None => (first, None),
    };
    let mut step = Step {
        virtual_service: virtual_service.to_owned(),
        http: None,
        matched: None,
    };
    if let Some(short) = short {
        let (http, matched) = match short.split_once('.') {
            Some((http, matched)) => (http, Some(matched)),
            None => (short, None),
        };
        if http.is_empty() || matched.is_some_and(str::is_empty) {
            return Err(wrong());
        }
        step.http = Some(Which(http.to_owned()));
        step.matched = matched.map(|it| Which(it.to_owned()));
    }
    for word in words.flat_map(items) {
        let (list, which) = word
            .strip_suffix(']')
            .and_then(|it| it.split_once('['))
            .filter(|(_, which)| !which.is_empty())
            .ok_or_else(wrong)?;
        let place = match list {
            "http" => &mut step.http,
            "match" => &mut step.matched,
            _ => return Err(wrong()),
        };
        if place.replace(Which(which.to_owned())).is_some() {
            return Err(wrong());
        }
    }
    Ok(step)
}

/// `http[1].match[0]` as `http[1]` and `match[0]`. A name between brackets may have dots.
fn items(word: &str) -> impl Iterator<Item = &str> {
    let (first, second) = match word.split_once("].match[") {
        Some((first, _)) => (&word[..=first.len()], word.get(first.len() + 2..)),
        None => (word, None),
    };
    std::iter::once(first).chain(second)
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
