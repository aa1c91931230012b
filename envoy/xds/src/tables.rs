//! A route table for a filter of an old configuration and of a new one.
//!
//! The filter chooses a virtual host and a route, and writes the key of the route. Envoy chooses a virtual host by itself and looks
//! the key up there. While filter and table change one after the other, both may have chosen by different lists of hosts. So
//! [`union`] has, for every authority, the keys of the host that the old table has for it and of the host that the new one has:
//! whichever filter wrote a key, Envoy finds it, and a key says all that a route does.
//!
//! What a virtual host does to a request without a key is that of the new table. An exception is a host where only one of the two
//! redirects plain text to HTTPS, since `require_tls` would act on requests with a key too: such a host redirects requests without
//! a key only.
//!
//! Source of which host an authority belongs to: `fingerpost_envoy_http::domain`. Every virtual host has one domain.

use std::collections::BTreeMap;

use fingerpost_envoy_config::core::Extension;
use fingerpost_envoy_config::matcher::{StringMatcher, StringPattern};
use fingerpost_envoy_config::route::{
    Action, PathSpecifier, RedirectAction, Route, RouteConfiguration, TlsRequirement, VirtualHost,
};
use fingerpost_envoy_config::xds::{
    FieldMatcher, HttpRequestHeaderMatchInput, MatchAction, MatchInput, MatchMap, Matcher, MatcherList,
    MatcherTree, MatcherType, OnMatch, Predicate, SinglePredicate,
};
use fingerpost_envoy_http::domain::fit;

/// The table with the keys of both. Tables without keys, which match by themselves, can't be joined: none.
///
/// A filter that was configured for either finds all its routes there.
pub fn union(old: &RouteConfiguration, new: &RouteConfiguration) -> Option<RouteConfiguration> {
    if old == new {
        return Some(new.clone());
    }
    let (old_hosts, new_hosts) = (Hosts::new(old), Hosts::new(new));
    if old_hosts.match_by_themselves() || new_hosts.match_by_themselves() {
        return None;
    }
    let both = Both {
        old: old_hosts,
        new: new_hosts,
    };
    let (domains, guests) = both.places();
    let virtual_hosts = domains
        .iter()
        .filter_map(|domain| both.host(domain, guests.get(domain).map_or(&[], Vec::as_slice)));
    Some(RouteConfiguration {
        virtual_hosts: virtual_hosts.collect(),
        ..new.clone()
    })
}

/// Two tables by their domains.
struct Both<'t> {
    old: Hosts<'t>,
    new: Hosts<'t>,
}

impl<'t> Both<'t> {
    /// The domains of the joined table, and the hosts whose keys they hold beside their own.
    ///
    /// A host that only one table has, where the other has a wider one for its authorities, is a guest of the wider one: with a
    /// place of its own it would have to hold all the keys of that one.
    fn places(&self) -> (Vec<&'t str>, BTreeMap<&'t str, Vec<&'t VirtualHost>>) {
        let only_old = self.old.domains().filter(|it| self.new.exact(it).is_none());
        let mut domains: Vec<&str> = self.new.domains().chain(only_old).collect();
        // The wider first: a domain's place depends on those that are wider.
        domains.sort_by_key(|it| (!it.contains('*'), it.len()));
        let mut places: Vec<&str> = Vec::new();
        let mut wide: Vec<&str> = Vec::new();
        let mut guests: BTreeMap<&str, Vec<&VirtualHost>> = BTreeMap::new();
        for domain in domains {
            if let Some((guest, place)) = self.guest(domain, &wide) {
                guests.entry(place).or_default().push(guest);
                continue;
            }
            if domain.contains('*') {
                wide.push(domain);
            }
            places.push(domain);
        }
        (places, guests)
    }

    /// The host with this domain and which of the places can hold its keys; none if it needs its own.
    fn guest<'p>(&self, domain: &str, places: &[&'p str]) -> Option<(&'t VirtualHost, &'p str)> {
        let (host, other) = match (self.old.exact(domain), self.new.exact(domain)) {
            (Some(_), Some(_)) | (None, None) => return None,
            (Some(old), None) => (old, &self.new),
            (None, Some(new)) => (new, &self.old),
        };
        other.cover(domain)?;
        let fitting = places
            .iter()
            .filter_map(|place| Some((fit(place, domain)?, *place)));
        let (_, place) = fitting.max_by_key(|(fit, _)| *fit)?;
        let own = plain_text(host);
        let mut at_place = self.old.serving(place).into_iter().chain(self.new.serving(place));
        let is_alike = at_place.all(|it| plain_text(it) == own);
        (is_alike && own != PlainText::RedirectsWithoutKey).then_some((host, place))
    }

    /// The newer of the hosts with this domain.
    fn any(&self, domain: &str) -> Option<&'t VirtualHost> {
        self.new.exact(domain).or_else(|| self.old.exact(domain))
    }

    /// The joined host, with the keys of `guests` too.
    fn host(&self, domain: &str, guests: &[&'t VirtualHost]) -> Option<VirtualHost> {
        let newest = self.any(domain)?;
        let (old, new) = (self.old.serving(domain), self.new.serving(domain));
        let mut host = newest.clone();
        let mut on_no_match = newest.matcher.as_ref().and_then(|it| it.on_no_match.clone());
        let by_either: Vec<PlainText> = old.into_iter().chain(new).map(plain_text).collect();
        let differ = by_either.windows(2).any(|it| it.first() != it.last());
        if differ || by_either.contains(&PlainText::RedirectsWithoutKey) {
            host.require_tls = TlsRequirement::None;
            if plain_text(newest) != PlainText::RedirectsWithoutKey {
                on_no_match = Some(Box::new(OnMatch::Matcher(Box::new(redirect(on_no_match)))));
            }
        }
        let mut input = None;
        let mut map = BTreeMap::new();
        let sources = old.into_iter().chain(new).chain(guests.iter().copied());
        for source in sources {
            if let Some(tree) = keys(source) {
                input = input.or(Some(&tree.input));
                let keys = tree.exact_match_map.map.iter();
                map.extend(keys.map(|(key, action)| (key.clone(), action.clone())));
                for name in &source.request_headers_to_remove {
                    if !host.request_headers_to_remove.contains(name) {
                        host.request_headers_to_remove.push(name.clone());
                    }
                }
            }
        }
        host.matcher = match (input, on_no_match) {
            (Some(input), on_no_match) => Some(Matcher {
                matcher_type: MatcherType::MatcherTree(MatcherTree {
                    input: input.clone(),
                    exact_match_map: MatchMap { map },
                }),
                on_no_match,
            }),
            // Neither table has a route for these authorities.
            (None, _) => newest.matcher.clone(),
        };
        Some(host)
    }
}

/// The virtual hosts of a table by their domains.
struct Hosts<'t> {
    by_domain: BTreeMap<&'t str, &'t VirtualHost>,
    /// Those with a star, which can be wider than others.
    wide: Vec<&'t VirtualHost>,
    /// In the table's order.
    ordered: Vec<&'t VirtualHost>,
}

impl<'t> Hosts<'t> {
    fn new(table: &'t RouteConfiguration) -> Self {
        Self::of(table.virtual_hosts.iter())
    }

    fn of(hosts: impl Iterator<Item = &'t VirtualHost>) -> Self {
        let ordered: Vec<&VirtualHost> = hosts.filter(|it| domain(it).is_some()).collect();
        let named = ordered.iter().filter_map(|it| Some((domain(it)?, *it)));
        Self {
            by_domain: named.clone().collect(),
            wide: named
                .filter(|(domain, _)| domain.contains('*'))
                .map(|(_, it)| it)
                .collect(),
            ordered,
        }
    }

    fn domains(&self) -> impl Iterator<Item = &'t str> {
        self.ordered.iter().filter_map(|it| domain(it))
    }

    fn exact(&self, domain: &str) -> Option<&'t VirtualHost> {
        self.by_domain.get(domain).copied()
    }

    /// The host for the authorities of `domain`, if no host has that domain.
    fn cover(&self, domain: &str) -> Option<&'t VirtualHost> {
        let fitting = self.wide.iter().filter_map(|host| {
            let wider = self::domain(host).filter(|it| *it != domain)?;
            Some((fit(wider, domain)?, *host))
        });
        fitting.max_by_key(|(fit, _)| *fit).map(|(_, host)| host)
    }

    /// The host for the authorities of `domain`.
    fn serving(&self, domain: &str) -> Option<&'t VirtualHost> {
        self.exact(domain).or_else(|| self.cover(domain))
    }

    fn match_by_themselves(&self) -> bool {
        self.ordered.iter().any(|it| !it.routes.is_empty())
    }
}

fn domain(host: &VirtualHost) -> Option<&str> {
    host.domains.first().map(String::as_str)
}

/// What a virtual host does to plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PlainText {
    Serves,
    /// To HTTPS, whatever the request has.
    Redirects,
    /// The same, of requests without a key: a host of a joined table.
    RedirectsWithoutKey,
}

fn plain_text(host: &VirtualHost) -> PlainText {
    match host.require_tls {
        TlsRequirement::All | TlsRequirement::ExternalOnly => return PlainText::Redirects,
        TlsRequirement::None => {}
    }
    let on_no_match = host.matcher.as_ref().and_then(|it| it.on_no_match.as_deref());
    match on_no_match {
        Some(OnMatch::Matcher(matcher)) if matcher.matcher_type == redirect(None).matcher_type => {
            PlainText::RedirectsWithoutKey
        }
        Some(OnMatch::Matcher(_) | OnMatch::Action(_)) | None => PlainText::Serves,
    }
}

/// The routes of a virtual host by their keys.
fn keys(host: &VirtualHost) -> Option<&MatcherTree> {
    match &host.matcher.as_ref()?.matcher_type {
        MatcherType::MatcherTree(tree) => Some(tree),
        MatcherType::MatcherList(_) => None,
    }
}

/// Redirects plain text to HTTPS as `require_tls` does; what came over TLS is for `next`.
fn redirect(next: Option<Box<OnMatch>>) -> Matcher {
    let input = Extension {
        name: "x-forwarded-proto".to_owned(),
        typed_config: MatchInput::RequestHeader(HttpRequestHeaderMatchInput {
            header_name: "x-forwarded-proto".to_owned(),
        }),
    };
    let over_tls = Predicate::SinglePredicate(SinglePredicate {
        input,
        value_match: StringMatcher {
            pattern: StringPattern::Exact("https".to_owned()),
            ignore_case: false,
        },
    });
    let to_https = Route::new(
        PathSpecifier::Prefix(String::new()).into(),
        Action::Redirect(RedirectAction {
            scheme_redirect: "https".to_owned(),
            ..RedirectAction::default()
        }),
    );
    Matcher {
        matcher_type: MatcherType::MatcherList(MatcherList {
            matchers: vec![FieldMatcher {
                predicate: Predicate::NotMatcher(Box::new(over_tls)),
                on_match: OnMatch::Action(Extension {
                    name: "route".to_owned(),
                    typed_config: MatchAction::Route(Box::new(to_https)),
                }),
            }],
        }),
        on_no_match: next,
    }
}

#[cfg(test)]
mod tests;
