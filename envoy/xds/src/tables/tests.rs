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
    let fitting = hosts.filter_map(|host| Some((fit(domain(host)?, authority)?, host)));
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
    for old in &sketches {
        for new in &sketches {
            let joined = union(&table(0, old), &table(1, new)).expect("tables with keys");
            let fault = fault(&joined, &[old, new]);
            assert_eq!(fault, None, "{old:?} to {new:?}");
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
            let halfway = union(&table(0, first), &table(1, second)).expect("tables with keys");
            for third in sketches.iter().step_by(17) {
                let joined = union(&halfway, &table(2, third)).expect("tables with keys");
                let fault = fault(&joined, &[first, second, third]);
                assert_eq!(fault, None, "{first:?} to {second:?} to {third:?}");
            }
            for back in [(0, first), (1, second)] {
                let joined = union(&halfway, &table(back.0, back.1)).expect("tables with keys");
                assert_eq!(
                    fault(&joined, &[first, second]),
                    None,
                    "{first:?} to {second:?} and back"
                );
            }
        }
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
    let domains: Vec<_> = joined.virtual_hosts.iter().filter_map(domain).collect();
    assert_eq!(domains, ["*"]);
}
