//! The rules of each generation, and what they answer. The two are written apart: the rules in Istio's words, the answers as
//! Istio's documents give them.

use std::fmt::Write as _;
use std::net::SocketAddr;

/// How many services there are; each generation's rules lead to one of them, so clusters come and go.
pub(crate) const SERVICES: u64 = 5;
/// The listeners that the clients ask.
pub(crate) const LISTENERS: [&str; 2] = ["0.0.0.0_8080", "0.0.0.0_8081"];

/// A request: the index of its listener, its host and its path.
pub(crate) type Question = (usize, &'static str, &'static str);

/// What is asked, again and again.
pub(crate) const QUESTIONS: [Question; 6] = [
    (0, "shop.test", "/a"),
    (0, "shop.test", "/gone"),
    (0, "x.wild.test", "/p"),
    (0, "secure.test", "/p"),
    (0, "moved.test", "/p"),
    (1, "moved.test", "/p"),
];

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    NotFound,
    Redirect(String),
    /// The service that got the request, and the path that it got.
    From(String, String),
}

impl Answer {
    /// Whether no other generation answers so.
    pub(crate) fn is_unique(&self) -> bool {
        matches!(self, Self::From(..))
    }
}

/// What a generation answers.
pub(crate) fn answer(generation: u64, question: Question) -> Answer {
    let from = |path: &str| {
        Answer::From(
            format!("s{}", generation % SERVICES),
            format!("/{path}{generation}"),
        )
    };
    let is_even = generation.is_multiple_of(2);
    match question {
        (_, "shop.test", "/a") => from("a"),
        (_, "shop.test", "/gone") if is_even => from("gone"),
        (_, "x.wild.test", _) if is_even => from("x"),
        (_, "x.wild.test", _) => from("w"),
        (_, "secure.test", path) if redirects(generation) => {
            Answer::Redirect(format!("https://secure.test{path}"))
        }
        (_, "secure.test", _) => from("s"),
        (0, "moved.test", _) if is_even => from("m"),
        (1, "moved.test", _) if !is_even => from("n"),
        _ => Answer::NotFound,
    }
}

fn redirects(generation: u64) -> bool {
    generation % 6 < 3
}

/// The last changes open and close a listener too. Connections to it that is gone would be waited for, so not all do.
fn has_third_listener(generation: u64) -> bool {
    generation >= 950 && generation % 20 < 10
}

/// The resources of a generation.
pub(crate) fn resources(generation: u64, endpoints: &[SocketAddr]) -> String {
    let mut text = String::new();
    let is_even = generation.is_multiple_of(2);
    let redirect = if redirects(generation) {
        "tls: {httpsRedirect: true}"
    } else {
        ""
    };
    let mut servers = format!(
        "  - {{port: {{number: 8080, name: a, protocol: HTTP}}, hosts: [shop.test, '*.wild.test', moved.test]}}\n  \
         - {{port: {{number: 8080, name: a, protocol: HTTP}}, hosts: [secure.test], {redirect}}}\n  \
         - {{port: {{number: 8081, name: b, protocol: HTTP}}, hosts: ['*']}}\n"
    );
    if has_third_listener(generation) {
        servers += "  - {port: {number: 8082, name: c, protocol: HTTP}, hosts: ['*']}\n";
    }
    let _ = write!(
        text,
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: gw, namespace: istio-system}}\nspec:\n  \
         selector: {{istio: ingressgateway}}\n  servers:\n{servers}"
    );
    let service = generation % SERVICES;
    let mut rule = |host: &str, port: u16, matches: &[(&str, &str)]| {
        let name = format!("{}-{port}", host.replace(['*', '.'], "-").trim_start_matches('-'));
        let _ = write!(
            text,
            "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}, namespace: default}}\nspec:\n  \
             hosts: ['{host}']\n  gateways: [istio-system/gw]\n  http:\n"
        );
        for (path, rewrite) in matches {
            let _ = write!(
                text,
                "  - match: [{{uri: {{exact: {path}}}, port: {port}}}]\n    rewrite: {{uri: /{rewrite}{generation}}}\n    \
                 route: [{{destination: {{host: s{service}.test, port: {{number: 80}}}}}}]\n"
            );
        }
    };
    rule(
        "shop.test",
        8080,
        if is_even {
            &[("/a", "a"), ("/gone", "gone")]
        } else {
            &[("/a", "a")]
        },
    );
    rule("*.wild.test", 8080, &[("/p", "w")]);
    if is_even {
        rule("x.wild.test", 8080, &[("/p", "x")]);
    }
    rule("secure.test", 8080, &[("/p", "s")]);
    let (port, rewrite) = if is_even { (8080, "m") } else { (8081, "n") };
    rule("moved.test", port, &[("/p", rewrite)]);
    // A host for each other listener, so that both are there in all generations.
    rule("other.test", 8081, &[("/p", "o")]);
    if has_third_listener(generation) {
        rule("third.test", 8082, &[("/p", "t")]);
    }
    for (index, endpoint) in endpoints.iter().enumerate() {
        let _ = write!(
            text,
            "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: s{index}, namespace: default}}\nspec:\n  \
             hosts: [s{index}.test]\n  ports: [{{number: 80, name: http, protocol: HTTP}}]\n  resolution: STATIC\n  \
             endpoints: [{{address: {}, ports: {{http: {}}}}}]\n",
            endpoint.ip(),
            endpoint.port()
        );
    }
    text
}
