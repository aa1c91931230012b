//! Writes the curl command line of a request, to be pasted into a shell.

use std::net::SocketAddr;
use std::path::Path;

use fingerpost_config_compiler::ExampleRequest;

use crate::shell::quote;

/// Where a request is sent, and over what.
pub struct Way<'a> {
    /// The listener.
    pub address: SocketAddr,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// The directory of `client.crt` and `client.key`, where the listener wants a certificate that we can give.
    pub client: Option<&'a Path>,
}

/// The command line for a request.
#[must_use]
pub fn line(request: &ExampleRequest, way: &Way<'_>) -> String {
    let mut words = vec!["curl".to_owned(), if way.tls { "-sk" } else { "-s" }.to_owned()];
    let mut add = |new: &[&str]| words.extend(new.iter().map(|it| quote(it)));
    match request.method.as_str() {
        "GET" => {}
        "HEAD" => add(&["-I"]), // `-X HEAD` would wait for a body
        method => add(&["-X", method]),
    }
    let base = if way.tls {
        // The name must be in the URL: it is the server name of the handshake.
        add(&["--connect-to", &format!("::{}", way.address)]);
        format!("https://{}", request.authority)
    } else {
        add(&["-H", &format!("Host: {}", request.authority)]);
        format!("http://{}", way.address)
    };
    if let Some(folder) = way.client {
        let file = |name: &str| folder.join(name).to_string_lossy().into_owned();
        add(&["--cert", &file("client.crt"), "--key", &file("client.key")]);
    }
    for (name, value) in &request.headers {
        // `name:` would remove a header; `name;` sends it empty.
        let header = if value.is_empty() {
            format!("{name};")
        } else {
            format!("{name}: {value}")
        };
        add(&["-H", &header]);
    }
    let path = request.path.as_str();
    if path.contains(['[', ']', '{', '}']) {
        add(&["-g"]); // not a pattern of several URLs
    }
    if path.contains("/./") || path.contains("/../") || path.ends_with("/..") || path.ends_with("/.") {
        add(&["--path-as-is"]);
    }
    if path.contains([' ', '#']) {
        add(&["--request-target", path, &base]); // as it is: a URL can't say it
    } else {
        add(&[&format!("{base}{path}")]);
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> ExampleRequest {
        ExampleRequest {
            method: method.to_owned(),
            authority: "a.example.com".to_owned(),
            path: path.to_owned(),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    #[track_caller]
    fn check(request: &ExampleRequest, tls: bool, expected: &str) {
        let way = Way {
            address: ([127, 0, 0, 1], 8080).into(),
            tls,
            client: None,
        };
        assert_eq!(line(request, &way), expected);
    }

    #[test]
    fn a_plain_request_names_its_host() {
        let expected = "curl -s -H 'Host: a.example.com' http://127.0.0.1:8080/v1";
        check(&request("GET", "/v1", &[]), false, expected);
    }

    #[test]
    fn a_request_over_tls_names_its_host_in_the_url() {
        let expected = "curl -sk --connect-to ::127.0.0.1:8080 https://a.example.com/v1";
        check(&request("GET", "/v1", &[]), true, expected);
    }

    #[test]
    fn what_a_shell_or_curl_would_change_is_kept_from_it() {
        let headers = [("x-user", "it's me"), ("x-empty", "")];
        let expected = r"curl -s -X PUT -H 'Host: a.example.com' -H 'x-user: it'\''s me' -H 'x-empty;' 'http://127.0.0.1:8080/v1?a=1&b=2'";
        check(&request("PUT", "/v1?a=1&b=2", &headers), false, expected);
        let expected = "curl -s -H 'Host: a.example.com' -g 'http://127.0.0.1:8080/a[1]'";
        check(&request("GET", "/a[1]", &[]), false, expected);
        let expected = "curl -s -H 'Host: a.example.com' --request-target '/a b' http://127.0.0.1:8080";
        check(&request("GET", "/a b", &[]), false, expected);
    }
}
