//! Scenarios about messages that a router or a codec refuses, and about bodies that are not as long as it is said.

use crate::scenarios::{Scenario, get, gets, guest, scenario};
use fingerpost_simulator::Request;
use std::time::Duration;

/// Headers that a filter leaves and that a router or a codec refuses, or sends although a client does not.
pub(crate) fn refused() -> Scenario {
    const HEADERS: &[&str] = &[
        "value-crlf",
        "value-lf",
        "value-cr",
        "value-nul",
        "value-tab",
        "value-control",
        "value-latin",
        "name-crlf",
        "name-nul",
        "name-space",
        "name-colon",
        "name-empty",
        "name-pseudo",
        "underscore",
    ];
    const REQUESTS: &[&str] = &[
        "remove/:method",
        "remove/:path",
        "empty/:path",
        "remove/:authority",
        "remove/:scheme",
        "empty/:scheme",
        "path-bare",
        "method-odd",
        "scheme-odd",
        "broken-map",
    ];
    // What splits a response shows in its headers, and those are compared as a client reads them.
    const RESPONSES: &[&str] = &[
        "value-tab",
        "value-control",
        "value-latin",
        "name-pseudo",
        "underscore",
        "remove/:status",
        "empty/:status",
        "broken-map",
        "status/word",
        "status/-1",
        "status/200x",
        "status/0",
        "status/99",
        "status/150",
        "status/204",
        "status/304",
        "status/600",
        "status/1000",
    ];
    const REPLIES: &[&str] = &["0", "1", "99", "150", "204", "304", "600", "1000", "65536"];
    let paths = HEADERS
        .iter()
        .chain(REQUESTS)
        .map(|what| format!("/request/{what}"));
    let paths = paths
        .chain(RESPONSES.iter().map(|what| format!("/response/{what}")))
        .chain(REPLIES.iter().map(|what| format!("/reply/{what}")));
    let mut requests: Vec<Request> = paths.map(|path| get(&path)).collect();
    requests.push(
        Request::post("/request/value-nul")
            .authority("guest.example")
            .chunks(["one", "two"])
            .trailer("x-t", "1"),
    );
    requests.push(get("/response/remove/:status").header("x-answer", "chunks"));
    requests.push(get("/response/remove/:status").header("x-answer", "empty"));
    scenario("headers that are refused", vec![guest("codec")], requests)
}

/// Bodies that are not as long as their headers say.
pub(crate) fn lengths() -> Scenario {
    let mut requests = gets(&[
        "/response/length/5",
        "/response/length/13",
        "/response/length/20",
        "/response/length/0",
        "/response/remove/content-length",
        "/body/longer",
        "/call/GET",
        "/call/GET/5",
        "/call/POST/5",
        "/call/POST/0",
        "/call/HEAD",
        "/call/HEAD/5",
        "/request/length/0",
    ]);
    requests.push(get("/response/length/5").header("x-answer", "empty"));
    requests.push(get("/response/chunked"));
    let post = |path: &str| Request::post(path).authority("guest.example").body("hello");
    requests.push(post("/request/length/5"));
    requests.push(post("/request/remove/content-length"));
    requests.push(Request::new("HEAD", "/").authority("guest.example"));
    // Each of these waits for the route's timeout, which is long enough for a busy machine to answer all others.
    requests.push(get("/request/length/5"));
    requests.push(post("/request/length/6"));
    Scenario {
        route_timeout: Some(Duration::from_secs(3)),
        ..scenario("lengths that lie", vec![guest("codec")], requests)
    }
}

/// As [`lengths`], in pieces.
pub(crate) fn lengths_of_pieces() -> Scenario {
    let requests = [
        "/response/length/5",
        "/response/length/20",
        "/response/chunked",
        "/body/longer",
    ]
    .iter()
    .map(|path| get(path).header("x-answer", "chunks"));
    let mut requests: Vec<Request> = requests.collect();
    requests.push(
        Request::post("/request/length/3")
            .authority("guest.example")
            .chunks(["one"]),
    );
    scenario("lengths that lie, in pieces", vec![guest("codec")], requests)
}

/// Requests that no filter sees.
pub(crate) fn refused_requests() -> Scenario {
    let path = |path: &str| Request::get(path).authority("guest.example");
    let host = |request: Request, host: Option<&str>| {
        let mut request = request;
        request.headers.remove(b":authority");
        match host {
            Some(host) => request.authority(host),
            None => request,
        }
    };
    let requests = vec![
        get("/").header("x-a", "  blanks around\t "),
        path("/t#f"),
        path("no-slash"),
        path("/with space"),
        path("/caf%C3%A9"),
        Request::new("OPTIONS", "*").authority("guest.example"),
        Request::new("FOO", "/").authority("guest.example"),
        Request::new("get", "/").authority("guest.example"),
        host(path("/"), None),
        host(path("/"), Some("")),
        host(path("/"), Some("a b")),
        host(path("/"), Some("[::1]:80")),
        get("/").header("x a", "1"),
        get("/").header("x_a", "1"),
        get("/").header("x-a", "a\nb"),
        Request::post("/")
            .authority("guest.example")
            .header("content-length", "x"),
        get("/").header("x-a", "a".repeat(62_000)),
        (0..95).fold(get("/"), |request, number| {
            request.header(&format!("x-{number}"), "1")
        }),
        (0..101).fold(get("/"), |request, number| {
            request.header(&format!("x-{number}"), "1")
        }),
    ];
    scenario("requests that are refused", vec![guest("codec")], requests)
}
