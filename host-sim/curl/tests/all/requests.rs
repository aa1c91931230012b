//! The request of each flag.

use crate::{request, shown};

/// `flags` come before `http://h/p`.
#[track_caller]
fn check(flags: &str, expected: &[&str]) {
    let line = format!("curl {flags} http://h/p");
    let request = request(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
    assert_eq!(shown(&request), expected, "{line}");
}

#[track_caller]
fn refused(flags: &str, reason: &str) {
    let error = request(&format!("curl {flags} http://h/p"))
        .expect_err(flags)
        .to_string();
    assert!(error.contains(reason), "{flags}: {error}");
}

const FORM: &str = "content-type: application/x-www-form-urlencoded";
const JSON: &str = "content-type: application/json";

#[test]
fn the_method_follows_from_the_other_flags() {
    check("", &["GET http://h/p"]);
    check("-I", &["HEAD http://h/p"]);
    check("-X PURGE", &["PURGE http://h/p"]);
    check("-I -X GET", &["GET http://h/p"]);
    check("-X put -d a", &["put http://h/p", "content-length: 1", FORM]);
    check("-T a.txt", &["PUT http://h/p", "content-length: 13"]);
    refused("-I -d a", "-I sends HEAD");
    refused("-X 'A B'", "invalid method");
}

#[test]
fn data_is_a_form_and_pieces_are_joined() {
    check(
        "-d a=b --data-ascii c=d",
        &["POST http://h/p", "content-length: 7", FORM],
    );
    check("-d @a.txt", &["POST http://h/p", "content-length: 10", FORM]);
    check("-d @-", &["POST http://h/p", "content-length: 2", FORM]);
    check(
        "--data-binary @a.txt",
        &["POST http://h/p", "content-length: 13", FORM],
    );
    check(
        "--data-raw @a.txt",
        &["POST http://h/p", "content-length: 6", FORM],
    );
    check("-d ''", &["POST http://h/p", "content-length: 0", FORM]);
    check(
        "-d a -H 'Content-Type: text/plain'",
        &["POST http://h/p", "content-length: 1", "content-type: text/plain"],
    );
    check("-d a -H content-type:", &["POST http://h/p", "content-length: 1"]);
    check(
        "-d a -H 'transfer-encoding: chunked'",
        &["POST http://h/p", FORM, "transfer-encoding: chunked"],
    );
    refused("-d @missing", "missing: not found");
    refused("-d a -F b=c", "one body");
}

#[test]
fn json_sets_two_headers_and_is_joined_without_a_separator() {
    let accept = "accept: application/json";
    check(
        "--json '{\"a\":' --json 1}",
        &["POST http://h/p", accept, "content-length: 7", JSON],
    );
    check(
        "--json @a.txt",
        &["POST http://h/p", accept, "content-length: 13", JSON],
    );
    check(
        "--json 1 -H 'accept: text/html' -H 'content-type: a/b'",
        &[
            "POST http://h/p",
            "accept: text/html",
            "content-length: 1",
            "content-type: a/b",
        ],
    );
}

#[test]
fn data_becomes_the_query_with_get() {
    check("-G -d a=b -d c", &["GET http://h/p?a=b&c"]);
    check(
        "-G --data-urlencode 'q=a b&c/ü' --data-urlencode '=x y' --data-urlencode z",
        &["GET http://h/p?q=a+b%26c%2F%C3%BC&x+y&z"],
    );
    check(
        "-G --data-urlencode n@a.txt",
        &["GET http://h/p?n=one%0D%0Atwo+%26+2%0A"],
    );
    check("-IG -d a", &["HEAD http://h/p?a"]);
    check("-G -X POST -d a", &["POST http://h/p?a"]);
    check(
        "--url-query 'a=b c' --url-query +d=%20",
        &["GET http://h/p?a=b+c&d=%20"],
    );
}

#[test]
fn a_form_has_its_length_and_its_type() {
    let request =
        request("curl -F a=b -F 'f=@a.txt;type=text/plain' -F 't=<a.txt' http://h/p").expect("a request");
    assert_eq!(request.method, "POST");
    let header = |name: &str| {
        let mut found = request.headers.iter().filter(|(it, _)| it == name);
        found.next().map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    assert!(header("content-type").starts_with("multipart/form-data; boundary=------------------------"));
    assert_eq!(header("content-length"), "411");
}

#[test]
fn headers_are_added_sent_empty_and_taken_away() {
    check(
        "-H 'X-A: b: c' -H 'x-a:2'",
        &["GET http://h/p", "x-a: 2", "x-a: b: c"],
    );
    check("-H 'x-a;' -H 'x-b:' -H 'x-c: '", &["GET http://h/p", "x-a: "]);
    check("-H @h.txt", &["GET http://h/p", "x-a: 1", "x-b: "]);
    check(
        "-H 'Host: a.example.com'",
        &["GET http://h/p", "host: a.example.com"],
    );
    check("-H 'host:'", &["GET http://h/p", "no host"]);
    check("-H 'host;'", &["GET http://h/p", "host: "]);
    check(
        "-H 'host:' -H 'host: a' -H 'host: b'",
        &["GET http://h/p", "host: a"],
    );
    check("-A me -H 'user-agent:'", &["GET http://h/p"]);
    check(
        "-u a:b -H 'authorization: x'",
        &["GET http://h/p", "authorization: x"],
    );
    refused("-H x-a", "expected `name: value`");
    refused("-H ': a'", "its name is not one");
}

#[test]
fn other_flags_are_headers() {
    check("-u 'a:b:c'", &["GET http://h/p", "authorization: Basic YTpiOmM="]);
    check(
        "--oauth2-bearer t",
        &["GET http://h/p", "authorization: Bearer t"],
    );
    check(
        "-A 'Mozilla/5.0 (X11)' -e http://a/",
        &[
            "GET http://h/p",
            "referer: http://a/",
            "user-agent: Mozilla/5.0 (X11)",
        ],
    );
    check("-A '' -e ''", &["GET http://h/p"]);
    check(
        "-b a=1 -b 'b=2; c=3'",
        &["GET http://h/p", "cookie: a=1; b=2; c=3"],
    );
    check("-r 0-9", &["GET http://h/p", "range: bytes=0-9"]);
    check("--request-target '*' -X OPTIONS", &["OPTIONS http://h*"]);
    refused("-u me", "ask for the password");
}

#[test]
fn a_user_in_the_url_is_a_header() {
    let request = request("curl http://a:b%40@h/p").expect("a request");
    assert_eq!(
        shown(&request),
        ["GET http://h/p", "authorization: Basic YTpiQA=="]
    );
}

#[test]
fn an_upload_into_a_folder_has_the_name_of_the_file() {
    let request = request("curl -T a.txt http://h/up/").expect("a request");
    assert_eq!(shown(&request), ["PUT http://h/up/a.txt", "content-length: 13"]);
}

#[test]
fn the_port_of_another_address_is_known() {
    let port = |flags: &str| request(&format!("curl {flags} https://h/p")).map(|it| it.connect_port);
    assert_eq!(port("--connect-to ::127.0.0.1:8443"), Ok(Some(8443)));
    assert_eq!(port("--connect-to h:443:[::1]:8443"), Ok(Some(8443)));
    assert_eq!(port("--connect-to other::127.0.0.1:8443"), Ok(None));
    assert_eq!(port("--connect-to h:80:127.0.0.1:8443"), Ok(None));
    assert_eq!(port("--connect-to [h]:443:[::2]:8080"), Ok(None));
    for wrong in [
        "127.0.0.1",
        "::127.0.0.1:99999",
        ":99999:127.0.0.1:80",
        "[::1:80:[::2]:80",
    ] {
        assert!(port(&format!("--connect-to {wrong}")).is_err(), "{wrong}");
    }
    let bracketed = request("curl --connect-to [::1]:80:[::2]:8080 http://[::1]/p");
    assert_eq!(bracketed.map(|it| it.connect_port), Ok(Some(8080)));
    assert!(request("curl http://h:99999/").is_err());
    assert!(request("curl http://[::1]:65535/").is_ok());
}

#[test]
fn what_a_browser_copies_is_read() {
    let line = "curl 'https://shop.example.com/api/cart?x=1' \\\n  -X 'PUT' \\\n  -H 'accept: application/json' \\\n  \
                -H 'accept-language: de,en;q=0.9' \\\n  -b 'session=abc; theme=dark' \\\n  -H 'content-type: application/json' \\\n  \
                -H 'user-agent: Mozilla/5.0 (X11; Linux x86_64)' \\\n  --data-raw $'{\"name\":\"it\\'s \\u00e9\"}' \\\n  --compressed";
    let request = request(line).expect("a request");
    assert_eq!(
        shown(&request),
        [
            "PUT https://shop.example.com/api/cart?x=1",
            "accept-encoding: deflate, gzip, br, zstd",
            "accept-language: de,en;q=0.9",
            "accept: application/json",
            "content-length: 18",
            "content-type: application/json",
            "cookie: session=abc; theme=dark",
            "user-agent: Mozilla/5.0 (X11; Linux x86_64)",
        ]
    );
}
