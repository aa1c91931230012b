//! A route: where it comes from, what it accepts, what it does.

use crate::{RouteMatch, is_default};
use fingerpost_routing::write_rule_name;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::str::FromStr;

/// One route: a rule's conditions and what follows from them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The rule that this route was made from. For people.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rule: RuleRef,
    /// What a request must have.
    #[serde(rename = "match", deserialize_with = "conditions")]
    pub matches: RouteMatch,
    /// The change of the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<Rewrite>,
    /// Who carries the rewrite out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rewritten_by: RewrittenBy,
    /// Where the request goes.
    pub action: Action,
}

/// Reads an object. Serde would also take a list of the fields' values, and an empty list for no condition.
fn conditions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RouteMatch, D::Error> {
    struct Conditions;

    impl<'de> Visitor<'de> for Conditions {
        type Value = RouteMatch;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of conditions")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RouteMatch, A::Error> {
            RouteMatch::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_map(Conditions)
}

impl Route {
    /// The same without the names that are for people.
    pub(crate) fn without_names(&self) -> Self {
        Self {
            rule: RuleRef::default(),
            matches: self.matches.clone(),
            rewrite: self.rewrite.clone(),
            rewritten_by: self.rewritten_by,
            action: self.action.without_names(),
        }
    }
}

/// Names the rule of a VirtualService behind a route, through its delegate if there is one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleRef {
    /// The root's rule, then the delegate's.
    pub rules: Vec<RuleStep>,
    /// The index in the rule's `match` list (`"0-1"` with a delegate); `None` for a rule without matches.
    #[serde(rename = "match", default)]
    pub matched: Option<String>,
}

/// One rule of one VirtualService.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleStep {
    /// `namespace/name`.
    pub virtual_service: String,
    /// The index in its `http` list.
    pub http: u32,
}

impl RuleRef {
    /// The rule's name without the match: `default/reviews http[1]`.
    #[must_use]
    pub fn without_match(&self) -> String {
        let rule = Self {
            rules: self.rules.clone(),
            matched: None,
        };
        rule.to_string()
    }
}

/// As [`write_rule_name`] writes it: `default/reviews http[1].match[0]`.
impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self.rules.iter().map(|it| (it.virtual_service.as_str(), it.http));
        write_rule_name(f, steps, self.matched.as_deref())
    }
}

/// The text does not name a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRuleName;

impl fmt::Display for InvalidRuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected the name of a rule, such as `default/reviews http[1].match[0]`")
    }
}

impl std::error::Error for InvalidRuleName {}

/// Reads what [`write_rule_name`] writes, as in the lines of an access log.
impl FromStr for RuleRef {
    type Err = InvalidRuleName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (steps, matched) = match text.rsplit_once("].match[") {
            Some((steps, matched)) => (steps, Some(matched.strip_suffix(']').ok_or(InvalidRuleName)?)),
            None => (text.strip_suffix(']').ok_or(InvalidRuleName)?, None),
        };
        let step = |text: &str| {
            let (virtual_service, http) = text.rsplit_once(" http[")?;
            Some(RuleStep {
                virtual_service: virtual_service.to_owned(),
                http: http.parse().ok()?,
            })
        };
        let rules = steps.split("] > ").map(|text| step(text).ok_or(InvalidRuleName));
        Ok(Self {
            rules: rules.collect::<Result<_, _>>()?,
            matched: matched.map(str::to_owned),
        })
    }
}

/// A change of the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rewrite {
    /// As Envoy's `prefix_rewrite`: replaces what a prefix match matched, and beside any other match the whole path.
    Uri(String),
    /// As Envoy's `regex_rewrite`: replaces every match.
    Regex(RegexRewrite),
}

/// Replaces every match of a pattern in the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegexRewrite {
    /// In RE2's syntax.
    pub pattern: String,
    /// May use `\0` to `\9` for what the groups matched, and `\\`.
    pub substitution: String,
}

/// Who carries a rewrite out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RewrittenBy {
    /// The filter, before the native route sees the request.
    #[default]
    Filter,
    /// The native route behind the key.
    Envoy,
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// To one of these destinations, by weight.
    Forward(Vec<Destination>),
    /// Answered by the native route: a redirect or a direct response.
    Reply(Reply),
}

impl Action {
    /// The same without the names that are for people.
    pub(crate) fn without_names(&self) -> Self {
        match self {
            Self::Forward(destinations) => {
                let nameless = |it: &Destination| Destination {
                    cluster: String::new(),
                    weight: it.weight,
                    key: it.key.clone(),
                };
                Self::Forward(destinations.iter().map(nameless).collect())
            }
            Self::Reply(reply) => Self::Reply(reply.clone()),
        }
    }

    /// The dispatch keys that it may lead to.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let (forwards, reply) = match self {
            Self::Forward(destinations) => (destinations.as_slice(), None),
            Self::Reply(reply) => (&[][..], Some(reply.key.as_str())),
        };
        forwards.iter().map(|it| it.key.as_str()).chain(reply)
    }
}

/// A cluster and the native route that leads to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// Envoy's name of the cluster; for people, the native route decides.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// Its share among its siblings. A lone destination takes all traffic whatever its weight.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: u32,
    /// The dispatch key of the native route.
    pub key: String,
}

/// The native route that answers by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The dispatch key of the native route.
    pub key: String,
}

fn one() -> u32 {
    1
}

fn is_one(weight: &u32) -> bool {
    *weight == one()
}

#[cfg(test)]
mod tests {
    use super::{InvalidRuleName, RuleRef};

    #[test]
    fn the_name_of_a_rule_is_read_as_it_is_written() {
        for name in [
            "default/reviews http[1]",
            "default/reviews http[1].match[0]",
            "web/root http[0] > shop/leaf http[12].match[0-2]",
        ] {
            let rule: RuleRef = name.parse().unwrap();
            assert_eq!(rule.to_string(), name);
        }
        let rule: RuleRef = "web/root http[0] > shop/leaf http[12].match[0-2]"
            .parse()
            .unwrap();
        assert_eq!((rule.rules.len(), rule.matched.as_deref()), (2, Some("0-2")));
        for text in [
            "",
            "-",
            "default/reviews",
            "default/reviews http[x]",
            "a http[0].match[1",
            "a http[0] > b",
        ] {
            assert_eq!(text.parse::<RuleRef>(), Err(InvalidRuleName), "{text}");
        }
    }
}
