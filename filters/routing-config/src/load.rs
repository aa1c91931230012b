//! From the configuration as shipped to the table that runs.
//!
//! Everything that can be wrong with a configuration is found here, and named by its place in the JSON.

use crate::memory::{PROGRAM_BYTES, Programs};
use crate::{
    Action, HeaderMatch, PathMatch, QueryMatch, RegexEncoding, RegexRewrite, RepeatedHeaders, Rewrite,
    RewrittenBy, Route, RouteMatch, RoutingConfig, RuleRef, VERSION, ValueMatch, VirtualHost,
};
use fingerpost_routing as run;
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
        match config.version {
            VERSION => Ok(config),
            other => Err(refused(
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
        let programs = Programs::default();
        let version = OfVersion::new(self, &programs);
        let mut table = run::RouteTable::default();
        for (index, host) in self.virtual_hosts.iter().enumerate() {
            let place = format_args!("virtual_hosts[{index}]").to_string();
            let routes = load_routes(host, version, &place)?;
            let domains = host.domains.iter().map(String::as_str);
            table
                .add(run::VirtualHost::new(&host.name, routes), domains)
                .map_err(|(at, error)| refused(&format_args!("{place}.domains[{at}]"), error))?;
        }
        Ok((table, programs.bytes()))
    }
}

/// What depends on the version of the proxy, and what all patterns of the table count for.
#[derive(Clone, Copy)]
struct OfVersion<'p> {
    repeated: run::RepeatedHeaders,
    encoding: run::Encoding,
    programs: &'p Programs,
}

impl<'p> OfVersion<'p> {
    fn new(config: &RoutingConfig, programs: &'p Programs) -> Self {
        let repeated = match config.repeated_headers {
            RepeatedHeaders::Each => run::RepeatedHeaders::Each,
            RepeatedHeaders::Joined => run::RepeatedHeaders::Joined,
        };
        let encoding = match config.regex_encoding {
            RegexEncoding::Latin1 => run::Encoding::Latin1,
            RegexEncoding::Utf8 => run::Encoding::Utf8,
        };
        Self {
            repeated,
            encoding,
            programs,
        }
    }
}

/// Reads a configuration and makes its table.
pub fn load(json: &[u8]) -> Result<run::RouteTable, LoadError> {
    RoutingConfig::parse(json)?.load()
}

fn refused(place: &dyn fmt::Display, reason: impl fmt::Display) -> LoadError {
    LoadError {
        place: place.to_string(),
        reason: reason.to_string(),
    }
}

fn load_routes(
    host: &VirtualHost,
    version: OfVersion<'_>,
    place: &str,
) -> Result<Vec<run::Route>, LoadError> {
    let routes = host.routes.iter().enumerate();
    routes
        .map(|(index, route)| load_route(route, version, &format_args!("{place}.routes[{index}]")))
        .collect()
}

fn load_route(
    route: &Route,
    version: OfVersion<'_>,
    place: &dyn fmt::Display,
) -> Result<run::Route, LoadError> {
    let matcher = load_match(&route.matches, version, &format_args!("{place}.match"))?;
    let rewrite = match &route.rewrite {
        None => None,
        Some(Rewrite::Uri(uri)) => Some(run::PathRewrite::uri(&matcher.path, uri)),
        Some(Rewrite::Regex(regex)) => Some(load_rewrite(
            regex,
            version,
            &format_args!("{place}.rewrite.regex"),
        )?),
    };
    let rewritten_by = match route.rewritten_by {
        RewrittenBy::Filter => run::RewrittenBy::Filter,
        RewrittenBy::Envoy => run::RewrittenBy::Envoy,
    };
    let action = load_action(&route.action, &format_args!("{place}.action"))?;
    Ok(run::Route {
        rule: load_rule(&route.rule),
        matcher,
        rewrite,
        rewritten_by,
        action,
    })
}

fn load_rule(rule: &RuleRef) -> run::Rule {
    let steps = rule.rules.iter().map(|step| run::RuleStep {
        virtual_service: step.virtual_service.as_str().into(),
        http: step.http,
    });
    run::Rule {
        steps: steps.collect(),
        matched: rule.matched.as_deref().map(Into::into),
    }
}

fn load_match(
    matches: &RouteMatch,
    version: OfVersion<'_>,
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
            run::PathMatch::Regex(pattern(text, version, &format_args!("{place}.path.regex"))?)
        }
    };
    let headers = matches.headers.iter().enumerate();
    let headers = headers.map(|(at, it)| load_header(it, version, &format_args!("{place}.headers[{at}]")));
    let query = matches.query.iter().enumerate();
    let query = query.map(|(at, it)| load_query(it, version, &format_args!("{place}.query[{at}]")));
    Ok(run::RouteMatch {
        path,
        headers: headers.collect::<Result<_, _>>()?,
        query: query.collect::<Result<_, _>>()?,
    })
}

fn load_header(
    header: &HeaderMatch,
    version: OfVersion<'_>,
    place: &dyn fmt::Display,
) -> Result<run::HeaderMatch, LoadError> {
    Ok(run::HeaderMatch {
        name: run::HeaderName::parse(&header.name),
        want: load_value(&header.want, version, place)?,
        invert: header.invert,
        missing_as_empty: header.missing_as_empty,
        repeated: version.repeated,
    })
}

fn load_query(
    query: &QueryMatch,
    version: OfVersion<'_>,
    place: &dyn fmt::Display,
) -> Result<run::QueryMatch, LoadError> {
    Ok(run::QueryMatch {
        name: query.name.as_str().into(),
        want: load_value(&query.want, version, place)?,
    })
}

fn load_value(
    want: &ValueMatch,
    version: OfVersion<'_>,
    place: &dyn fmt::Display,
) -> Result<run::ValueMatch, LoadError> {
    let text = match want {
        ValueMatch::Present => return Ok(run::ValueMatch::Present),
        ValueMatch::Exact(text) => run::StringMatch::Exact(text.as_str().into()),
        ValueMatch::Prefix(text) => run::StringMatch::Prefix(text.as_str().into()),
        ValueMatch::Regex(text) => {
            run::StringMatch::Regex(pattern(text, version, &format_args!("{place}.regex"))?)
        }
    };
    Ok(run::ValueMatch::Text(text))
}

fn pattern(text: &str, version: OfVersion<'_>, place: &dyn fmt::Display) -> Result<run::Pattern, LoadError> {
    let pattern = run::Pattern::parse_as(text, version.encoding)
        .map_err(|error| refused(place, format_args!("`{text}`: {error}")))?;
    count(pattern.program_bytes(), version, place)?;
    Ok(pattern)
}

/// Counts the program of a pattern.
fn count(bytes: usize, version: OfVersion<'_>, place: &dyn fmt::Display) -> Result<(), LoadError> {
    if version.programs.count(bytes) {
        return Ok(());
    }
    let reason = format!("the patterns of the table take more than {PROGRAM_BYTES} bytes");
    Err(refused(place, reason))
}

fn load_rewrite(
    regex: &RegexRewrite,
    version: OfVersion<'_>,
    place: &dyn fmt::Display,
) -> Result<run::PathRewrite, LoadError> {
    let RegexRewrite {
        pattern,
        substitution,
    } = regex;
    let finder = run::Finder::parse_as(pattern, version.encoding).map_err(|error| {
        refused(
            &format_args!("{place}.pattern"),
            format_args!("`{pattern}`: {error}"),
        )
    })?;
    count(finder.program_bytes(), version, place)?;
    let with = run::Substitution::new(substitution, finder.groups());
    Ok(run::PathRewrite::Regex {
        pattern: finder,
        with,
    })
}

fn load_action(action: &Action, place: &dyn fmt::Display) -> Result<run::Action, LoadError> {
    match action {
        Action::Reply(reply) => Ok(run::Action::Reply(key(
            &reply.key,
            &format_args!("{place}.reply"),
        )?)),
        Action::Forward(destinations) => {
            let mut weighted = Vec::with_capacity(destinations.len());
            for (at, it) in destinations.iter().enumerate() {
                let key = key(&it.key, &format_args!("{place}.forward[{at}]"))?;
                weighted.push((
                    it.weight,
                    run::Destination {
                        cluster: it.cluster.as_str().into(),
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

fn key(text: &str, place: &dyn fmt::Display) -> Result<run::DispatchKey, LoadError> {
    run::DispatchKey::parse(text)
        .ok_or_else(|| refused(&format_args!("{place}.key"), "an empty key leads nowhere"))
}
