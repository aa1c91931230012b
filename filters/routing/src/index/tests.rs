//! The index against the walk through the whole list, on any table and any request; and that it does spare checks.

use super::Index;
use crate::*;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

fn route(path: PathMatch, headers: Vec<HeaderMatch>, query: Vec<QueryMatch>) -> Route {
    Route {
        rule: Rule {
            steps: Vec::new(),
            matched: None,
        },
        matcher: RouteMatch { path, headers, query },
        rewrite: None,
        rewritten_by: RewrittenBy::Filter,
        action: Action::Reply(DispatchKey::parse("key").unwrap()),
    }
}

// Few letters, so that conditions meet each other and the requests.
const PATH: &str = "/?[abAk/]{0,4}";
const PATH_REGEX: &str = r"(\(\?i\))?\^?/?([abAk/]|\.\*|a\+|(a|b/)|\[aA\]|b\?){0,4}";
const VALUE: &str = "[ab,]{0,2}";
const VALUE_REGEX: &str = r"(\(\?i\))?([ab,]|\.\*|a\+){0,2}";

fn pattern(text: &'static str) -> impl Strategy<Value = Pattern> {
    (text, any::<bool>()).prop_filter_map("is no pattern", |(text, is_utf8)| {
        let encoding = if is_utf8 { Encoding::Utf8 } else { Encoding::Latin1 };
        Pattern::parse_as(&text, encoding).ok()
    })
}

fn path() -> impl Strategy<Value = PathMatch> {
    let text = || PATH.prop_map(String::into_boxed_str);
    prop_oneof![
        (text(), any::<bool>()).prop_map(|(path, ignore_case)| PathMatch::Exact { path, ignore_case }),
        (text(), any::<bool>()).prop_map(|(prefix, ignore_case)| PathMatch::Prefix { prefix, ignore_case }),
        pattern(PATH_REGEX).prop_map(PathMatch::Regex),
    ]
}

fn want() -> impl Strategy<Value = ValueMatch> {
    let text = || VALUE.prop_map(String::into_boxed_str);
    let exact = text().prop_map(StringMatch::Exact);
    let other = prop_oneof![
        text().prop_map(StringMatch::Prefix),
        pattern(VALUE_REGEX).prop_map(StringMatch::Regex)
    ];
    prop_oneof![
        1 => Just(()).prop_map(|()| ValueMatch::Present),
        2 => other.prop_map(ValueMatch::Text),
        6 => exact.prop_map(ValueMatch::Text),
    ]
}

fn header() -> impl Strategy<Value = HeaderMatch> {
    let name = prop::sample::select(vec!["x-a", "X-A", "x-b", "host", ":method", ":scheme", ":path"]);
    let often_not = || prop::bool::weighted(0.2);
    (name, want(), often_not(), often_not(), often_not()).prop_map(
        |(name, want, invert, missing_as_empty, joined)| HeaderMatch {
            name: HeaderName::parse(name),
            want,
            invert,
            missing_as_empty,
            repeated: if joined {
                RepeatedHeaders::Joined
            } else {
                RepeatedHeaders::Each
            },
        },
    )
}

fn query() -> impl Strategy<Value = QueryMatch> {
    let name = prop::sample::select(vec!["a", "A", "b", ""]);
    (name, want()).prop_map(|(name, want)| QueryMatch {
        name: name.into(),
        want,
    })
}

/// Half of the routes lie at one path, so that there are crowded buckets too.
fn any_route() -> impl Strategy<Value = Route> {
    let root = || PathMatch::Prefix {
        prefix: "/".into(),
        ignore_case: false,
    };
    let path = prop_oneof![path(), Just(()).prop_map(move |()| root())];
    let headers = prop::collection::vec(header(), 0..3);
    let query = prop::collection::vec(query(), 0..2);
    (path, headers, query).prop_map(|(path, headers, query)| route(path, headers, query))
}

type Texts = Vec<(String, String)>;

#[derive(Debug)]
struct Request {
    authority: Option<String>,
    method: Option<String>,
    target: Option<String>,
    headers: Texts,
}

fn request() -> impl Strategy<Value = Request> {
    let target = "/?[abAk/\u{212A}]{0,5}(\\?([aAb]?=?[ab,]{0,2}&?){0,3})?";
    let header = ("[xX]-[aAb]", VALUE);
    let mostly = |text| prop::option::weighted(0.9, text);
    let parts = (
        mostly(VALUE),
        mostly(VALUE),
        mostly(target),
        prop::collection::vec(header, 0..4),
    );
    parts.prop_map(|(authority, method, target, headers)| Request {
        authority,
        method,
        target,
        headers,
    })
}

fn with_head<T>(request: &Request, ask: impl FnOnce(&RequestHead<'_>) -> T) -> T {
    let bytes = |text: &'_ Option<String>| text.as_ref().map(|it| it.as_bytes().to_vec());
    let (authority, method, target) = (
        bytes(&request.authority),
        bytes(&request.method),
        bytes(&request.target),
    );
    let headers: Vec<Header<'_>> = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect();
    let head = RequestHead::new(authority.as_deref(), target.as_deref()).with_method(method.as_deref());
    ask(&head.with_headers(&headers))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_index_finds_what_a_walk_through_the_list_finds(
        routes in prop::collection::vec(any_route(), 0..40),
        requests in prop::collection::vec(request(), 1..8),
    ) {
        let host = VirtualHost::new("any", routes);
        for request in &requests {
            with_head(request, |head| {
                let walked = host.routes().iter().position(|it| it.matcher.check(head).is_ok());
                let found = host.select(head).map(|found| host.routes().iter().position(|it| core::ptr::eq(it, found)).unwrap());
                prop_assert_eq!(found, walked);
                let candidates: Vec<usize> = Index::new(host.routes()).candidates(head).collect();
                // Short lists have no index.
                let first = candidates.iter().copied().find(|it| host.routes()[*it].matcher.check(head).is_ok());
                prop_assert_eq!(first, walked);
                prop_assert!(candidates.is_sorted_by(|one, next| one < next), "{:?} are in list order", candidates);
                Ok(())
            })?;
        }
    }
}

const MANY: usize = 1_000;

/// Checks that of many routes only so many come out for a request that the last of them accepts.
#[track_caller]
fn check(nth: impl Fn(usize) -> Route, target: &str, headers: &[Header<'_>], most: usize) {
    let host = VirtualHost::new("many", (0..MANY).map(nth).collect());
    let head = RequestHead::new(Some(b"a.test"), Some(target.as_bytes())).with_headers(headers);
    let candidates: Vec<usize> = Index::new(host.routes()).candidates(&head).collect();
    assert_eq!(candidates.last(), Some(&(MANY - 1)));
    assert!(candidates.len() <= most, "{} candidates", candidates.len());
    assert!(
        host.select(&head)
            .is_some_and(|it| core::ptr::eq(it, &host.routes()[MANY - 1]))
    );
}

fn exact(path: String) -> PathMatch {
    PathMatch::Exact {
        path: path.into(),
        ignore_case: false,
    }
}

fn prefix(prefix: &str, ignore_case: bool) -> PathMatch {
    PathMatch::Prefix {
        prefix: prefix.into(),
        ignore_case,
    }
}

fn regex(text: &str) -> PathMatch {
    PathMatch::Regex(Pattern::parse(text).unwrap())
}

fn equal(name: &str, value: &str) -> HeaderMatch {
    HeaderMatch {
        name: HeaderName::parse(name),
        want: ValueMatch::Text(StringMatch::Exact(value.into())),
        invert: false,
        missing_as_empty: false,
        repeated: RepeatedHeaders::Each,
    }
}

#[test]
fn of_many_paths_one_is_checked() {
    check(
        |n| route(exact(format!("/p/{n}")), vec![], vec![]),
        "/p/999",
        &[],
        1,
    );
}

#[test]
fn of_many_prefixes_those_of_the_path_are_checked() {
    check(
        |n| route(prefix(&format!("/p/{n:05}"), false), vec![], vec![]),
        "/p/00999/x",
        &[],
        1,
    );
    check(
        |n| route(prefix(&format!("/P/{n:05}"), true), vec![], vec![]),
        "/p/00999/x",
        &[],
        1,
    );
}

#[test]
fn of_many_patterns_those_that_begin_as_the_path_are_checked() {
    check(
        |n| route(regex(&format!("/p/{n:05}/.*")), vec![], vec![]),
        "/p/00999/x",
        &[],
        1,
    );
    check(
        |n| route(regex(&format!("(?i)/P/{n:05}(/.*)?")), vec![], vec![]),
        "/p/00999/x",
        &[],
        1,
    );
}

#[test]
fn of_many_values_at_one_path_the_requests_own_is_checked() {
    let tenants = |n| {
        route(
            prefix("/", false),
            vec![equal(":scheme", "no"), equal("x-tenant", &format!("t{n}"))],
            vec![],
        )
    };
    let last = |n| {
        if n == MANY - 1 {
            route(prefix("/", false), vec![], vec![])
        } else {
            tenants(n)
        }
    };
    check(last, "/x", &[(b"x-other", b"t1"), (b"x-tenant", b"t7")], 2);
    check(
        |n| {
            route(
                prefix("/", false),
                vec![equal("x-tenant", &format!("t{n}"))],
                vec![],
            )
        },
        "/x",
        &[(b"x-tenant", b"t999")],
        1,
    );
}

#[test]
fn of_many_headers_the_requests_own_are_checked() {
    check(
        |n| route(prefix("/", false), vec![equal(&format!("x-{n}"), "1")], vec![]),
        "/x",
        &[(b"X-999", b"1")],
        1,
    );
}

#[test]
fn of_many_paths_with_a_header_each_one_is_checked() {
    check(
        |n| {
            route(
                prefix(&format!("/p/{n:05}"), false),
                vec![equal("x-v", "1")],
                vec![],
            )
        },
        "/p/00999",
        &[(b"x-v", b"1")],
        1,
    );
}

#[test]
fn of_many_parameters_the_requests_own_is_checked() {
    let want = |n| QueryMatch {
        name: "user".into(),
        want: ValueMatch::Text(StringMatch::Exact(Box::from(format!("{n}")))),
    };
    check(
        |n| route(prefix("/", false), vec![], vec![want(n)]),
        "/?a=1&user=999",
        &[],
        1,
    );
}
