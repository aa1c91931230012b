//! `xds/type/matcher/v3`: the tree of conditions by which a virtual host finds a route.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::core::Extension;
use crate::matcher::StringMatcher;
use crate::route::{Route, RouteList};

/// `xds.type.matcher.v3.Matcher`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matcher {
    #[serde(flatten)]
    pub matcher_type: MatcherType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_no_match: Option<Box<OnMatch>>,
}

/// `matcher_type` of a [`Matcher`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatcherType {
    MatcherList(MatcherList),
    MatcherTree(MatcherTree),
}

/// `xds.type.matcher.v3.Matcher.MatcherTree`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatcherTree {
    pub input: Extension<MatchInput>,
    pub exact_match_map: MatchMap,
}

/// `xds.type.matcher.v3.Matcher.MatcherTree.MatchMap`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchMap {
    pub map: BTreeMap<String, OnMatch>,
}

/// `xds.type.matcher.v3.Matcher.MatcherList`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatcherList {
    pub matchers: Vec<FieldMatcher>,
}

/// `xds.type.matcher.v3.Matcher.MatcherList.FieldMatcher`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldMatcher {
    pub predicate: Predicate,
    pub on_match: OnMatch,
}

/// `xds.type.matcher.v3.Matcher.OnMatch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMatch {
    Matcher(Box<Matcher>),
    Action(Extension<MatchAction>),
}

/// What is done where a matcher of a virtual host matches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "@type")]
pub enum MatchAction {
    #[serde(rename = "type.googleapis.com/envoy.config.route.v3.Route")]
    Route(Box<Route>),
    #[serde(rename = "type.googleapis.com/envoy.config.route.v3.RouteList")]
    RouteList(RouteList),
}

/// What a matcher looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "@type")]
pub enum MatchInput {
    #[serde(rename = "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput")]
    RequestHeader(HttpRequestHeaderMatchInput),
}

/// `envoy.type.matcher.v3.HttpRequestHeaderMatchInput`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpRequestHeaderMatchInput {
    pub header_name: String,
}

/// `xds.type.matcher.v3.Matcher.MatcherList.Predicate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Predicate {
    SinglePredicate(SinglePredicate),
    NotMatcher(Box<Self>),
}

/// `xds.type.matcher.v3.Matcher.MatcherList.Predicate.SinglePredicate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinglePredicate {
    pub input: Extension<MatchInput>,
    pub value_match: StringMatcher,
}
