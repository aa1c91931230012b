//! The document: a version and the virtual hosts.

use crate::{Route, VERSION, is_default};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A whole routing configuration, as one listener's filter reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingConfig {
    /// Must be [`VERSION`].
    pub version: u32,
    /// What a header condition sees of a header that a request repeats.
    #[serde(default, skip_serializing_if = "is_default")]
    pub repeated_headers: RepeatedHeaders,
    /// What a character is to the patterns.
    #[serde(default, skip_serializing_if = "is_default")]
    pub regex_encoding: RegexEncoding,
    /// How the proxy finds its own route. Only `uri-rewrite` looks at it, to warn where it is out of place.
    #[serde(default, skip_serializing_if = "is_default")]
    pub native_routes: NativeRoutes,
    /// Whether the filter names the rule and the virtual host of each request that it routes, for access logs: as
    /// [`RULE_PROPERTY`](crate::RULE_PROPERTY) and [`VIRTUAL_HOST_PROPERTY`](crate::VIRTUAL_HOST_PROPERTY).
    #[serde(default, skip_serializing_if = "is_default")]
    pub name_rules: bool,
    /// Which upgrades the filter refuses. None: it leaves all to the proxy, which then needs routes that match by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrades: Option<Upgrades>,
    /// Which version of the configuration this is, for metrics. Plays no part in any decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// The virtual hosts. A domain belongs to one of them only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub virtual_hosts: Vec<VirtualHost>,
}

impl RoutingConfig {
    /// A configuration of these hosts, at the current version, with patterns as the newest Envoy reads them.
    pub fn new(repeated_headers: RepeatedHeaders, virtual_hosts: Vec<VirtualHost>) -> Self {
        Self {
            version: VERSION,
            repeated_headers,
            regex_encoding: RegexEncoding::default(),
            native_routes: NativeRoutes::default(),
            name_rules: false,
            upgrades: None,
            revision: None,
            virtual_hosts,
        }
    }

    /// The configuration as a filter needs it: if it is not to name rules, without the names that are for people.
    ///
    /// They would be half of the JSON, and Envoy keeps eight copies of that.
    pub fn for_filter(&self) -> Cow<'_, Self> {
        if self.name_rules {
            return Cow::Borrowed(self);
        }
        let nameless = |host: &VirtualHost| VirtualHost {
            name: String::new(),
            domains: host.domains.clone(),
            routes: host.routes.iter().map(Route::without_names).collect(),
        };
        Cow::Owned(Self {
            version: self.version,
            repeated_headers: self.repeated_headers,
            regex_encoding: self.regex_encoding,
            native_routes: self.native_routes,
            name_rules: self.name_rules,
            upgrades: self.upgrades.clone(),
            revision: self.revision.clone(),
            virtual_hosts: self.virtual_hosts.iter().map(nameless).collect(),
        })
    }

    /// The dispatch keys that the filter may write for requests to `host`, one of this configuration.
    pub fn keys<'c>(&'c self, host: &'c VirtualHost) -> impl Iterator<Item = &'c str> {
        let chosen = || host.routes.iter().flat_map(|it| it.action.keys());
        let refusals = self.upgrades.iter().flat_map(move |upgrades| {
            let edited = chosen().filter_map(|key| upgrades.refused_with_edits_by.get(key));
            edited.chain([&upgrades.refused_by]).map(String::as_str)
        });
        chosen().chain(refusals)
    }
}

/// Which requests to go on in another protocol the proxy allows, and the native routes that refuse the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upgrades {
    /// As `upgrade_configs` of the connection manager; case plays no part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<String>,
    /// The dispatch key of the native route that refuses.
    pub refused_by: String,
    /// By the dispatch key of a native route that edits responses: that of the one that refuses with the same edits.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused_with_edits_by: BTreeMap<String, String>,
}

/// A version of a configuration, for metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revision {
    /// Which of the proxy's tables this is, such as `0.0.0.0_80/http.80`.
    pub table: String,
    /// The same for the same content. Below 2^53, so that a metric shows it exactly.
    pub number: u64,
}

/// What a header condition sees of a header that a request repeats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatedHeaders {
    /// Every value by itself, one that fits is enough: Envoy from 1.39 on.
    #[default]
    Each,
    /// One text, the values joined by commas: Envoy up to 1.38.
    Joined,
}

/// What a character is to the patterns, in their text and in the values they are held against.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegexEncoding {
    /// A byte: Envoy from 1.40 on.
    #[default]
    Latin1,
    /// A code point in UTF-8: Envoy up to 1.39.
    Utf8,
}

/// How the proxy finds its own route, after the filters have run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NativeRoutes {
    /// By the dispatch key, as in what the compiler writes.
    #[default]
    ByKey,
    /// By something else than the key and the path.
    IgnorePath,
}

/// The routes of some domains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VirtualHost {
    /// For people: logs and explanations.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// An exact name, `*suffix`, or `*`.
    pub domains: Vec<String>,
    /// In order; the first that accepts a request wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
}
