//! From the configuration as shipped to the table that runs.
//!
//! Everything that can be wrong with a configuration is found here, and named by its place in the JSON.

use crate::loading::{Loading, Settings};
use crate::memory::PROGRAM_BYTES;
use crate::{
    Action, HeaderMatch, PathMatch, QueryMatch, RegexRewrite, Rewrite, RewrittenBy, Route, RouteMatch,
    RoutingConfig, RuleRef, Upgrades, VERSION, ValueMatch,
};
use fingerpost_routing as run;
use std::collections::BTreeMap;
use std::fmt;

/// Why a configuration cannot be taken, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    /// The place in the JSON, as in `virtual_hosts[0].routes[3].match.path.regex`. Empty: the whole.
    pub place: String,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            f.write_str(&self.reason)
        } else {
            write!(f, "{}: {}", self.place, self.reason)
        }
    }
}

impl std::error::Error for LoadError {}

impl RoutingConfig {
    /// Reads a configuration from JSON.
    pub fn parse(json: &[u8]) -> Result<Self, LoadError> {
        let config: Self = serde_json::from_slice(json).map_err(|error| LoadError {
            place: String::new(),
            reason: format!("not a routing configuration: {error}"),
        })?;
        Self::check_version(Some(config.version))?;
        Ok(config)
    }

    /// Whether this code reads a version.
    pub(crate) fn check_version(version: Option<u32>) -> Result<(), LoadError> {
        match version {
            None | Some(VERSION) => Ok(()),
            Some(other) => Err(refused(
                &"version",
                format!("{other} is unknown; this filter reads version {VERSION}"),
            )),
        }
    }

    /// Makes the table that runs.
    pub fn load(&self) -> Result<run::RouteTable, LoadError> {
        self.load_measured().map(|(table, _)| table)
    }

    /// Makes the table that runs, and says how many bytes the programs of its patterns take.
    ///
    /// # Errors
    /// As for `load`: the same configuration always loads, or never.
    pub fn load_measured(&self) -> Result<(run::RouteTable, usize), LoadError> {
        let mut loading = Loading::new(Settings {
            repeated_headers: self.repeated_headers,
            regex_encoding: self.regex_encoding,
            names_rules: true,
        });
        for (index, host) in self.virtual_hosts.iter().enumerate() {
            let place = format_args!("virtual_hosts[{index}]").to_string();
            let routes = host.routes.iter().enumerate();
            let routes = routes
                .map(|(index, route)| load_route(route, &loading, &format_args!("{place}.routes[{index}]")));
            let routes = routes.collect::<Result<_, _>>()?;
            loading.add(&host.name, &host.domains, routes, &place)?;
        }
        if let Some(upgrades) = &self.upgrades {
            loading.refuse_upgrades(load_upgrades(upgrades, &loading)?);
        }
        Ok(loading.finish())
    }
}

/// Reads a configuration and makes its table.
pub fn load(json: &[u8]) -> Result<run::RouteTable, LoadError> {
    RoutingConfig::parse(json)?.load()
}

/// An error at a place.
pub(crate) fn refused(place: &dyn fmt::Display, reason: impl fmt::Display) -> LoadError {
    LoadError {
        place: place.to_string(),
        reason: reason.to_string(),
    }
}

/// One route as it runs.
#[inline(never)]
pub(crate) fn load_route(
    route: &Route,
    loading: &Loading,
    place: &dyn fmt::Display,
) -> Result<run::Route, LoadError> {
    let matcher = load_match(&route.matches, loading, &format_args!("{place}.match"))?;
    let rewrite = match &route.rewrite {
        None => None,
        Some(Rewrite::Uri(uri)) => Some(run::PathRewrite::uri(&matcher.path, uri)),
        Some(Rewrite::Regex(regex)) => Some(load_rewrite(
            regex,
            loading,
            &format_args!("{place}.rewrite.regex"),
        )?),
    };
    let rewritten_by = match route.rewritten_by {
        RewrittenBy::Filter => run::RewrittenBy::Filter,
        RewrittenBy::Envoy => run::RewrittenBy::Envoy,
    };
    let action = load_action(&route.action, loading, &format_args!("{place}.action"))?;
    Ok(run::Route {
        rule: load_rule(&route.rule, loading),
        matcher,
        rewrite,
        rewritten_by,
        action,
    })
}

#[inline(never)]
fn load_rule(rule: &RuleRef, loading: &Loading) -> run::Rule {
    if !loading.names_rules() {
        return run::Rule {
            steps: Vec::new(),
            matched: None,
        };
    }
    let steps = rule.rules.iter().map(|step| run::RuleStep {
        virtual_service: step.virtual_service.as_str().into(),
        http: step.http,
    });
    run::Rule {
        steps: steps.collect(),
        matched: rule.matched.as_deref().map(Into::into),
    }
}

#[inline(never)]
fn load_match(
    matches: &RouteMatch,
    loading: &Loading,
    place: &dyn fmt::Display,
) -> Result<run::RouteMatch, LoadError> {
    let ignore_case = matches.ignore_case;
    let path = match &matches.path {
        PathMatch::Exact(path) => run::PathMatch::Exact {
            path: path.as_str().into(),
            ignore_case,
        },
        PathMatch::Prefix(prefix) => run::PathMatch::Prefix {
            prefix: prefix.as_str().into(),
            ignore_case,
        },
        PathMatch::Regex(text) => {
            run::PathMatch::Regex(pattern(text, loading, &format_args!("{place}.path.regex"))?)
        }
    };
    let headers = matches.headers.iter().enumerate();
    let headers = headers.map(|(at, it)| load_header(it, loading, &format_args!("{place}.headers[{at}]")));
    let query = matches.query.iter().enumerate();
    let query = query.map(|(at, it)| load_query(it, loading, &format_args!("{place}.query[{at}]")));
    Ok(run::RouteMatch {
        path,
        headers: headers.collect::<Result<_, _>>()?,
        query: query.collect::<Result<_, _>>()?,
    })
}

#[inline(never)]
fn load_header(
    header: &HeaderMatch,
    loading: &Loading,
    place: &dyn fmt::Display,
) -> Result<run::HeaderMatch, LoadError> {
    Ok(run::HeaderMatch {
        name: run::HeaderName::parse(&header.name),
        want: load_value(&header.want, loading, place)?,
        invert: header.invert,
        missing_as_empty: header.missing_as_empty,
        repeated: loading.repeated(),
    })
}

#[inline(never)]
fn load_query(
    query: &QueryMatch,
    loading: &Loading,
    place: &dyn fmt::Display,
) -> Result<run::QueryMatch, LoadError> {
    Ok(run::QueryMatch {
        name: query.name.as_str().into(),
        want: load_value(&query.want, loading, place)?,
    })
}

fn load_value(
    want: &ValueMatch,
    loading: &Loading,
    place: &dyn fmt::Display,
) -> Result<run::ValueMatch, LoadError> {
    let text = match want {
        ValueMatch::Present => return Ok(run::ValueMatch::Present),
        ValueMatch::Exact(text) => run::StringMatch::Exact(text.as_str().into()),
        ValueMatch::Prefix(text) => run::StringMatch::Prefix(text.as_str().into()),
        ValueMatch::Regex(text) => {
            run::StringMatch::Regex(pattern(text, loading, &format_args!("{place}.regex"))?)
        }
    };
    Ok(run::ValueMatch::Text(text))
}

fn pattern(text: &str, loading: &Loading, place: &dyn fmt::Display) -> Result<run::Pattern, LoadError> {
    let pattern = run::Pattern::parse_as(text, loading.encoding())
        .map_err(|error| refused(place, format_args!("`{text}`: {error}")))?;
    count(pattern.program_bytes(), loading, place)?;
    Ok(pattern)
}

/// Counts the program of a pattern.
fn count(bytes: usize, loading: &Loading, place: &dyn fmt::Display) -> Result<(), LoadError> {
    if loading.programs.count(bytes) {
        return Ok(());
    }
    let reason = format!("the patterns of the table take more than {PROGRAM_BYTES} bytes");
    Err(refused(place, reason))
}

#[inline(never)]
fn load_rewrite(
    regex: &RegexRewrite,
    loading: &Loading,
    place: &dyn fmt::Display,
) -> Result<run::PathRewrite, LoadError> {
    let RegexRewrite {
        pattern,
        substitution,
    } = regex;
    let finder = run::Finder::parse_as(pattern, loading.encoding()).map_err(|error| {
        refused(
            &format_args!("{place}.pattern"),
            format_args!("`{pattern}`: {error}"),
        )
    })?;
    count(finder.program_bytes(), loading, place)?;
    let with = run::Substitution::new(substitution, finder.groups());
    Ok(run::PathRewrite::Regex {
        pattern: finder,
        with,
    })
}

#[inline(never)]
fn load_action(
    action: &Action,
    loading: &Loading,
    place: &dyn fmt::Display,
) -> Result<run::Action, LoadError> {
    match action {
        Action::Reply(reply) => Ok(run::Action::Reply(
            loading.key(&reply.key, &format_args!("{place}.reply.key"))?,
        )),
        Action::Forward(destinations) => {
            let mut weighted = Vec::with_capacity(destinations.len());
            for (at, it) in destinations.iter().enumerate() {
                let key = loading.key(&it.key, &format_args!("{place}.forward[{at}].key"))?;
                weighted.push((
                    it.weight,
                    run::Destination {
                        cluster: loading.name(&it.cluster).into(),
                        key,
                    },
                ));
            }
            let split = run::Split::new(weighted);
            split
                .map(run::Action::Forward)
                .map_err(|error| refused(&format_args!("{place}.forward"), error))
        }
    }
}

#[inline(never)]
pub(crate) fn load_upgrades(upgrades: &Upgrades, loading: &Loading) -> Result<run::Upgrades, LoadError> {
    // One by one: to collect them would put code to sort them into the module.
    let mut edited = BTreeMap::new();
    for (chosen, refusal) in &upgrades.refused_with_edits_by {
        let place = format_args!("upgrades.refused_with_edits_by[{chosen:?}]").to_string();
        edited.insert(chosen.as_str().into(), loading.key(refusal, &place)?);
    }
    Ok(run::Upgrades {
        allowed: upgrades.allowed.iter().map(|it| it.as_str().into()).collect(),
        refused_by: loading.key(&upgrades.refused_by, &"upgrades.refused_by")?,
        refused_with_edits_by: edited,
    })
}
