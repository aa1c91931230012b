//! All pairs of small tables: whatever filter wrote a key, the joined table does what the old table or the new one would.

use fingerpost_envoy_config::route::DirectResponseAction;

use super::*;

/// Each but the last two inside others, and inside each other.
const DOMAINS: [&str; 5] = ["*", "*.b", "*.a.b", "x.a.b", "y.b"];
const AUTHORITIES: [&str; 6] = ["x.a.b", "y.a.b", "y.b", "x.b", "b", "z"];

/// A table by what it has for each of [`DOMAINS`].
type Sketch = [Option<PlainText>; DOMAINS.len()];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    NotFound,
    ToHttps,
    Key(String),
}

/// The table, with one key a host. `generation` makes its keys different from those of other tables.
fn table(generation: usize, sketch: &Sketch) -> RouteConfiguration {
    let hosts = DOMAINS.iter().zip(sketch);
    let hosts = hosts.filter_map(|(domain, plain_text)| {
        let require_tls = match (*plain_text)? {
            PlainText::Redirects => TlsRequirement::All,
            PlainText::Serves | PlainText::RedirectsWithoutKey => TlsRequirement::None,
        };
        let route = Route::new(
            PathSpecifier::Prefix(String::new()).into(),
            Action::DirectResponse(DirectResponseAction {
                status: 200,
                body: None,
            }),
        );
        let action = OnMatch::Action(Extension {
            name: "route".to_owned(),
            typed_config: MatchAction::Route(Box::new(route)),
        });
        let matcher = Matcher {
            matcher_type: MatcherType::MatcherTree(MatcherTree {
                input: Extension {
                    name: "key".to_owned(),
                    typed_config: MatchInput::RequestHeader(HttpRequestHeaderMatchInput {
                        header_name: "key".to_owned(),
                    }),
                },
                exact_match_map: MatchMap {
                    map: [(key(generation, domain), action)].into(),
                },
            }),
            on_no_match: None,
        };
        Some(VirtualHost {
            name: (*domain).to_owned(),
            domains: vec![(*domain).to_owned()],
            require_tls,
            matcher: Some(matcher),
            ..VirtualHost::default()
        })
    });
    RouteConfiguration {
        virtual_hosts: hosts.collect(),
        ..RouteConfiguration::default()
    }
}

/// The same with one virtual host for all that differ in their domains and keys alone, as the compiler writes it.
fn shared(generation: usize, sketch: &Sketch) -> RouteConfiguration {
    let mut hosts: Vec<VirtualHost> = Vec::new();
    for added in table(generation, sketch).virtual_hosts {
        let known = hosts.iter_mut().find(|it| it.require_tls == added.require_tls);
        let Some(known) = known else {
            hosts.push(added);
            continue;
        };
        known.name = "shared".to_owned();
        known.domains.extend(added.domains.clone());
        let own = keys(&added).expect("keys").exact_match_map.map.clone();
        match known.matcher.as_mut().map(|it| &mut it.matcher_type) {
            Some(MatcherType::MatcherTree(tree)) => tree.exact_match_map.map.extend(own),
            Some(MatcherType::MatcherList(_)) | None => panic!("{known:?}"),
        }
    }
    for (number, host) in hosts.iter_mut().enumerate() {
        host.name.push_str(&number.to_string());
    }
    RouteConfiguration {
        virtual_hosts: hosts,
        ..RouteConfiguration::default()
    }
}

/// Both forms of a table.
const FORMS: [fn(usize, &Sketch) -> RouteConfiguration; 2] = [table, shared];

fn key(generation: usize, domain: &str) -> String {
    format!("{generation} {domain}")
}

/// The domain that a filter with these hosts chooses, and what its host does to plain text.
fn chosen(sketch: &Sketch, authority: &str) -> Option<(&'static str, PlainText)> {
    let hosts = DOMAINS.iter().zip(sketch);
    let fitting = hosts.filter_map(|(domain, host)| Some((fit(domain, authority)?, *domain, (*host)?)));
    fitting
        .max_by_key(|(fit, ..)| *fit)
        .map(|(_, domain, plain_text)| (domain, plain_text))
}

/// What Envoy does by `table` with a request in plain text that has this key.
fn answer(table: &RouteConfiguration, authority: &str, key: Option<&str>) -> Answer {
    let hosts = table.virtual_hosts.iter();
    let domains = hosts.flat_map(|host| host.domains.iter().map(move |it| (it, host)));
    let fitting = domains.filter_map(|(domain, host)| Some((fit(domain, authority)?, host)));
    let Some((_, host)) = fitting.max_by_key(|(fit, _)| *fit) else {
        return Answer::NotFound;
    };
    match plain_text(host) {
        PlainText::Redirects => return Answer::ToHttps,
        PlainText::Serves | PlainText::RedirectsWithoutKey => {}
    }
    let found = key.filter(|it| keys(host).is_some_and(|tree| tree.exact_match_map.map.contains_key(*it)));
    match (found, plain_text(host)) {
        (Some(key), _) => Answer::Key(key.to_owned()),
        (None, PlainText::RedirectsWithoutKey) => Answer::ToHttps,
        (None, _) => Answer::NotFound,
    }
}

/// What is wrong with `joined` for a filter of one of `generations`, of which all may be under way.
fn fault(joined: &RouteConfiguration, generations: &[&Sketch]) -> Option<String> {
    for (generation, sketch) in generations.iter().enumerate() {
        for authority in AUTHORITIES {
            let redirected = |it: &&Sketch| {
                chosen(it, authority).is_some_and(|(_, plain_text)| plain_text == PlainText::Redirects)
            };
            let some_redirect = generations.iter().any(redirected);
            let check = |key: Option<&str>, allowed: &[Answer]| {
                let found = answer(joined, authority, key);
                let message =
                    format!("filter {generation}, {authority}, key {key:?}: {found:?}, not {allowed:?}");
                (!allowed.contains(&found)).then_some(message)
            };
            let not_found = if some_redirect {
                vec![Answer::NotFound, Answer::ToHttps]
            } else {
                vec![Answer::NotFound]
            };
            let wrong = match chosen(sketch, authority) {
                Some((_, PlainText::Redirects)) => check(None, &[Answer::ToHttps]),
                Some((domain, _)) => {
                    let key = key(generation, domain);
                    check(Some(&key), &[Answer::Key(key.clone())]).or_else(|| check(None, &not_found))
                }
                None => check(None, &not_found),
            };
            if wrong.is_some() {
                return wrong;
            }
        }
    }
    None
}

/// A name or a domain that two virtual hosts have, which Envoy refuses.
fn repeated(table: &RouteConfiguration) -> Option<&String> {
    let mut known = BTreeSet::new();
    let names = table.virtual_hosts.iter().map(|it| &it.name);
    let domains = table.virtual_hosts.iter().flat_map(|it| &it.domains);
    let mut twice = names.filter(|it| !known.insert(*it)).collect::<Vec<_>>();
    known.clear();
    twice.extend(domains.filter(|it| !known.insert(*it)));
    twice.first().copied()
}

fn sketches() -> Vec<Sketch> {
    let choices = [None, Some(PlainText::Serves), Some(PlainText::Redirects)];
    let number = choices.len().pow(u32::try_from(DOMAINS.len()).expect("few"));
    let sketch = |number: usize| {
        let mut rest = number;
        [(); DOMAINS.len()].map(|()| {
            let choice = choices.get(rest % choices.len()).copied().flatten();
            rest /= choices.len();
            choice
        })
    };
    (0..number).map(sketch).collect()
}

#[test]
fn a_key_of_either_filter_is_found_and_no_other_answer_is_new() {
    let sketches = sketches();
    // The number of tables is odd, so each has each form before and after.
    let mut forms = FORMS
        .into_iter()
        .flat_map(|it| FORMS.map(|other| (it, other)))
        .cycle();
    for old in &sketches {
        for new in &sketches {
            let (before, after) = forms.next().expect("endless");
            let joined = union(&before(0, old), &after(1, new)).expect("tables with keys");
            let fault = fault(&joined, &[old, new]);
            assert_eq!(fault, None, "{old:?} to {new:?}");
            assert_eq!(repeated(&joined), None, "{old:?} to {new:?}");
        }
    }
}

/// A change that was stopped halfway, and another one from there.
#[test]
fn a_joined_table_can_be_joined_again() {
    let sketches = sketches();
    // Steps without a common divisor, so that all kinds of neighbours meet.
    for first in sketches.iter().step_by(11) {
        for second in sketches.iter().step_by(13) {
            for form in FORMS {
                let halfway = union(&form(0, first), &form(1, second)).expect("tables with keys");
                for third in sketches.iter().step_by(17) {
                    let joined = union(&halfway, &form(2, third)).expect("tables with keys");
                    let fault = fault(&joined, &[first, second, third]);
                    assert_eq!(fault, None, "{first:?} to {second:?} to {third:?}");
                    assert_eq!(repeated(&joined), None, "{first:?} to {second:?} to {third:?}");
                }
                for back in [(0, first), (1, second)] {
                    let joined = union(&halfway, &form(back.0, back.1)).expect("tables with keys");
                    assert_eq!(
                        fault(&joined, &[first, second]),
                        None,
                        "{first:?} to {second:?} and back"
                    );
                }
            }
        }
    }
}

/// Each of many hosts leaves a shared virtual host, or joins one.
#[test]
fn a_joined_table_is_not_much_longer_than_both() {
    const HOSTS: usize = 500;
    let own = |generation: usize| {
        let sketch = [Some(PlainText::Serves), None, None, None, None];
        let host = |number: usize| {
            let mut host = table(generation * HOSTS + number, &sketch)
                .virtual_hosts
                .remove(0);
            host.domains = vec![format!("{number}.test")];
            host.name.clone_from(&host.domains[0]);
            host
        };
        RouteConfiguration {
            virtual_hosts: (0..HOSTS).map(host).collect(),
            ..RouteConfiguration::default()
        }
    };
    let one = |generation: usize| {
        let mut table = own(generation);
        let mut hosts = table.virtual_hosts.drain(..);
        let mut all = hosts.next().expect("a host");
        for added in hosts {
            all.domains.extend(added.domains.clone());
            let own = keys(&added).expect("keys").exact_match_map.map.clone();
            match all.matcher.as_mut().map(|it| &mut it.matcher_type) {
                Some(MatcherType::MatcherTree(tree)) => tree.exact_match_map.map.extend(own),
                Some(MatcherType::MatcherList(_)) | None => panic!("{all:?}"),
            }
        }
        RouteConfiguration {
            virtual_hosts: vec![all],
            ..RouteConfiguration::default()
        }
    };
    for (old, new) in [
        (own(0), one(1)),
        (one(0), own(1)),
        (one(0), one(1)),
        (own(0), own(1)),
    ] {
        let joined = union(&old, &new).expect("tables with keys");
        let length = |it: &VirtualHost| keys(it).map_or(0, |tree| tree.exact_match_map.map.len());
        assert_eq!(joined.virtual_hosts.iter().map(length).sum::<usize>(), 2 * HOSTS);
        let domains = joined.virtual_hosts.iter().map(|it| it.domains.len());
        assert_eq!(domains.sum::<usize>(), HOSTS);
    }
}

#[test]
fn a_wide_host_lends_its_keys_to_no_host_that_is_added() {
    let only = |wide: bool| {
        let mut sketch: Sketch = [None; DOMAINS.len()];
        sketch[0] = Some(PlainText::Serves);
        sketch[3] = (!wide).then_some(PlainText::Serves);
        sketch
    };
    let (wide, both) = (only(true), only(false));
    let joined = union(&table(0, &wide), &table(1, &both)).expect("tables with keys");
    let domains: Vec<_> = joined.virtual_hosts.iter().flat_map(|it| &it.domains).collect();
    assert_eq!(domains, ["*"]);
}
