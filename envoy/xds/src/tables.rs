//! A route table for a filter of an old configuration and of a new one.
//!
//! The filter chooses a virtual host and a route, and writes the key of the route. Envoy chooses a virtual host by itself and looks
//! the key up there. While filter and table change one after the other, both may have chosen by different lists of hosts. So
//! [`union`] has, for every authority, the keys of the host that the old table has for it and of the host that the new one has:
//! whichever filter wrote a key, Envoy finds it, and a key says all that a route does.
//!
//! A virtual host can have the domains and the keys of thousands of hosts, and a table can have thousands of virtual hosts. So that
//! the joined table is not much longer than both, a domain belongs to the longer of its two virtual hosts, which then has the keys of
//! the shorter one too. What happens to a request without a key is that of the longer one: until the change has ended, both are right.
//! An exception is a domain where only one of the two redirects plain text to HTTPS, since `require_tls` would act on requests with
//! a key too: such a host redirects requests without a key only.
//!
//! Source of which host an authority belongs to: `fingerpost_envoy_http::domain`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ptr;

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
    joined(old, new, Base::Longer)
}

/// Whose virtual host says all but the keys, for a domain that both tables have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// That with more keys, so that the fewer ones are added to it.
    Longer,
    /// That of the new table.
    New,
}

/// The table with the keys of both, as [`union`].
pub(crate) fn joined(
    old: &RouteConfiguration,
    new: &RouteConfiguration,
    base: Base,
) -> Option<RouteConfiguration> {
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
        base,
    };
    let mut names = BTreeSet::new();
    let virtual_hosts = both.joined_hosts().into_iter().map(|joined| {
        let mut host = joined.into_virtual_host();
        while !names.insert(host.name.clone()) {
            host.name.push('+');
        }
        host
    });
    Some(RouteConfiguration {
        virtual_hosts: virtual_hosts.collect(),
        ..new.clone()
    })
}

/// Two tables by their domains.
struct Both<'t> {
    old: Hosts<'t>,
    new: Hosts<'t>,
    base: Base,
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

    /// The hosts of the joined table.
    fn joined_hosts(&self) -> Vec<JoinedHost<'t>> {
        let (domains, guests) = self.places();
        let mut joined: Vec<JoinedHost<'_>> = Vec::new();
        let mut indexes: HashMap<(*const VirtualHost, bool), usize> = HashMap::new();
        for domain in domains {
            let (old, new) = (self.old.serving(domain), self.new.serving(domain));
            let length = |host: &VirtualHost| keys(host).map_or(0, |it| it.exact_match_map.map.len());
            let either = old.into_iter().chain(new);
            let base = match self.base {
                Base::Longer => either.max_by_key(|it| length(it)),
                Base::New => either.last(),
            };
            let Some(base) = base else { continue };
            let by_either: Vec<PlainText> = old.into_iter().chain(new).map(plain_text).collect();
            let differ = by_either.windows(2).any(|it| it.first() != it.last());
            let redirects_without_key = differ || by_either.contains(&PlainText::RedirectsWithoutKey);
            let index = *indexes
                .entry((ptr::from_ref(base), redirects_without_key))
                .or_insert_with(|| {
                    joined.push(JoinedHost {
                        base,
                        redirects_without_key,
                        domains: Vec::new(),
                        sources: Vec::new(),
                    });
                    joined.len() - 1
                });
            let Some(host) = joined.get_mut(index) else {
                continue;
            };
            host.domains.push(domain);
            let guests = guests.get(domain).into_iter().flatten().copied();
            host.sources.extend(old.into_iter().chain(new).chain(guests));
        }
        joined
    }
}

/// A virtual host of the joined table.
struct JoinedHost<'t> {
    /// Says all but the domains and the keys.
    base: &'t VirtualHost,
    /// Whether it redirects plain text to HTTPS if there is no key.
    redirects_without_key: bool,
    domains: Vec<&'t str>,
    /// Whose keys it holds, the newer behind the older.
    sources: Vec<&'t VirtualHost>,
}

impl JoinedHost<'_> {
    fn into_virtual_host(self) -> VirtualHost {
        let Self {
            base,
            redirects_without_key,
            domains,
            sources,
        } = self;
        let mut host = VirtualHost {
            name: base.name.clone(),
            domains: domains.into_iter().map(str::to_owned).collect(),
            require_tls: base.require_tls,
            include_request_attempt_count: base.include_request_attempt_count,
            routes: Vec::new(),
            request_headers_to_add: base.request_headers_to_add.clone(),
            request_headers_to_remove: base.request_headers_to_remove.clone(),
            response_headers_to_add: base.response_headers_to_add.clone(),
            response_headers_to_remove: base.response_headers_to_remove.clone(),
            matcher: None,
        };
        let mut on_no_match = base.matcher.as_ref().and_then(|it| it.on_no_match.clone());
        if redirects_without_key {
            host.require_tls = TlsRequirement::None;
            if plain_text(base) != PlainText::RedirectsWithoutKey {
                on_no_match = Some(Box::new(OnMatch::Matcher(Box::new(redirect(on_no_match)))));
            }
        }
        let mut input = None;
        let mut map = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for source in sources {
            if !seen.insert(ptr::from_ref(source)) {
                continue;
            }
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
        // Without keys, neither table has a route for these authorities.
        host.matcher = input.map(|input| Matcher {
            matcher_type: MatcherType::MatcherTree(MatcherTree {
                input: input.clone(),
                exact_match_map: MatchMap { map },
            }),
            on_no_match,
        });
        host
    }
}

/// The virtual hosts of a table by their domains.
struct Hosts<'t> {
    by_domain: HashMap<&'t str, &'t VirtualHost>,
    /// Those with a star, which can be wider than others.
    wide: Vec<(&'t str, &'t VirtualHost)>,
    /// In the table's order.
    ordered: Vec<&'t VirtualHost>,
}

impl<'t> Hosts<'t> {
    fn new(table: &'t RouteConfiguration) -> Self {
        let ordered: Vec<&VirtualHost> = table.virtual_hosts.iter().collect();
        let named = ordered
            .iter()
            .flat_map(|host| host.domains.iter().map(|domain| (domain.as_str(), *host)));
        Self {
            by_domain: named.clone().collect(),
            wide: named.filter(|(domain, _)| domain.contains('*')).collect(),
            ordered,
        }
    }

    fn domains(&self) -> impl Iterator<Item = &'t str> {
        self.ordered
            .iter()
            .flat_map(|it| it.domains.iter().map(String::as_str))
    }

    fn exact(&self, domain: &str) -> Option<&'t VirtualHost> {
        self.by_domain.get(domain).copied()
    }

    /// The host for the authorities of `domain`, if no host has that domain.
    fn cover(&self, domain: &str) -> Option<&'t VirtualHost> {
        let wider = self.wide.iter().filter(|(it, _)| *it != domain);
        let fitting = wider.filter_map(|(wider, host)| Some((fit(wider, domain)?, *host)));
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
