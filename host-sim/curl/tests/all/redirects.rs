//! Which request follows a redirect.

use fingerpost_curl::{Redirects, Stop};

use crate::{request, shown};

/// What is sent to `location` after `curl <flags> http://a/x` was answered with `status`.
fn next(flags: &str, status: u16, location: &str) -> Result<Vec<String>, Stop> {
    let request = request(&format!("curl -L {flags} http://a/x")).expect("a request");
    assert!(request.follows_redirects);
    Redirects::default()
        .next(&request, status, location)
        .map(|it| shown(&it))
}

#[track_caller]
fn check(flags: &str, status: u16, expected: &[&str]) {
    let next = next(flags, status, "http://a/y").unwrap_or_else(|stop| panic!("{flags} {status}: {stop}"));
    assert_eq!(next, expected, "{flags} {status}");
}

#[test]
fn the_status_decides_about_the_method() {
    for status in [301, 302, 303] {
        check("-d z", status, &["GET http://a/y"]);
        check("-I", status, &["HEAD http://a/y"]);
        check("", status, &["GET http://a/y"]);
    }
    let same = [
        "POST http://a/y",
        "content-length: 1",
        "content-type: application/x-www-form-urlencoded",
    ];
    check("-d z", 307, &same);
    check("-d z", 308, &same);
    check("-d z --post301", 301, &same);
    check("-d z --post301", 302, &["GET http://a/y"]);
    check("-T a.txt", 301, &["PUT http://a/y", "content-length: 13"]);
    check("-T a.txt", 303, &["GET http://a/y"]);
}

#[test]
fn a_method_that_was_asked_for_stays() {
    check("-X POST", 301, &["POST http://a/y"]);
    check("-X PUT -d z", 303, &["PUT http://a/y"]);
    check("-X PUT -d z", 301, &["PUT http://a/y"]);
    check("-X DELETE", 302, &["DELETE http://a/y"]);
}

#[test]
fn headers_of_the_user_stay_and_credentials_stay_at_home() {
    check(
        "-H 'x-a: 1' -d z -H 'content-type: a/b'",
        302,
        &["GET http://a/y", "content-type: a/b", "x-a: 1"],
    );
    let to = |flags: &str, location: &str| next(flags, 302, location).expect("a request");
    let flags = "-H 'x-a: 1' -H 'authorization: t' -H 'cookie: c=1'";
    assert_eq!(to(flags, "/y").len(), 4);
    assert_eq!(to(flags, "http://b/y"), ["GET http://b/y", "x-a: 1"]);
    assert_eq!(to(flags, "http://a:81/y"), ["GET http://a:81/y", "x-a: 1"]);
    assert_eq!(to(flags, "https://a/y"), ["GET https://a/y", "x-a: 1"]);
    assert_eq!(to(&format!("--location-trusted {flags}"), "http://b/y").len(), 4);
    assert_eq!(
        to("-b c=1 -u u:p", "http://b/y"),
        ["GET http://b/y", "cookie: c=1"]
    );
}

#[test]
fn a_host_header_belongs_to_the_first_host() {
    assert_eq!(
        next("-H 'host: h'", 302, "/y"),
        Ok(vec!["GET http://a/y".to_owned(), "host: h".to_owned()])
    );
    assert_eq!(
        next("-H 'host: h'", 302, "http://b/"),
        Ok(vec!["GET http://b/".to_owned()])
    );
}

#[test]
fn the_referer_may_be_the_url_before() {
    check("-e ';auto'", 302, &["GET http://a/y", "referer: http://a/x"]);
    check("-e http://r/", 302, &["GET http://a/y", "referer: http://r/"]);
}

#[test]
fn it_ends_when_a_request_comes_again() {
    let mut redirects = Redirects::default();
    let first = request("curl -L http://a/x").expect("a request");
    let second = redirects.next(&first, 302, "/y").expect("another");
    assert_eq!(
        redirects.next(&second, 302, "http://A:80/x"),
        Err(Stop::Repeats("GET http://A:80/x".to_owned()))
    );
    assert_eq!(
        next("", 301, "/x"),
        Err(Stop::Repeats("GET http://a/x".to_owned()))
    );
    // Another method is another request.
    assert!(next("-d z", 303, "/x").is_ok());
}

#[test]
fn it_ends_after_so_many() {
    for (flags, most) in [
        ("", 50),
        ("--max-redirs 2", 2),
        ("--max-redirs 0", 0),
        ("--max-redirs -1", 1000),
    ] {
        let mut redirects = Redirects::default();
        let mut request = request(&format!("curl -L {flags} http://a/0")).expect("a request");
        let mut followed = 0;
        let stop = loop {
            match redirects.next(&request, 302, &format!("/{}", followed + 1)) {
                Ok(next) => request = next,
                Err(stop) => break stop,
            }
            followed += 1;
        };
        assert_eq!((followed, stop), (most, Stop::TooMany(most)));
    }
}

#[test]
fn what_is_not_http_is_not_followed() {
    for location in ["ftp://b/", "mailto:me@example.com", "http://"] {
        assert!(
            matches!(next("", 302, location), Err(Stop::NotFollowed(_))),
            "{location}"
        );
    }
}
