//! A model of what Envoy's connection manager does to a request before the first filter sees it.
//!
//! The core engine needs it, since the filter never meets a request as the client sent it. It covers what a
//! gateway's listener is set to (`normalize_path`, escaped slashes kept, slashes not merged, remote address used)
//! and what the corpus asks about; it is no HTTP server. The path's rules are those of Envoy's
//! `PathUtil::canonicalPath`, that is of Chromium's URL library.

use fingerpost_envoy_http::{HeaderMap, is_inline};

use crate::case::Request;

/// What becomes of a request on its way to the filters.
#[derive(Debug)]
pub enum Admission {
    /// It reaches the filters like this.
    Admitted(Head),
    /// Envoy answers 400 by itself.
    Refused,
}

/// A request's head as a filter reads it.
#[derive(Debug)]
pub struct Head {
    /// `:authority`, as sent.
    pub authority: String,
    /// `:method`.
    pub method: String,
    /// `:path`, normalised.
    pub path: String,
    /// `:scheme`.
    pub scheme: &'static str,
    /// The other headers, names in lower case, in order.
    pub headers: Vec<(String, String)>,
}

/// Checks and normalises `request`.
#[must_use]
pub fn admit(request: &Request) -> Admission {
    let target = &request.path;
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) || target.contains("%00") {
        return Admission::Refused;
    }
    let target = target.split('#').next().unwrap_or_default(); // as the runtime layer of our bootstraps says
    let (authority, path) = match target.split_once("://") {
        // The absolute form names the authority anew (RFC 9112, 3.2.2).
        Some(("http" | "https", rest)) => match rest.find('/') {
            Some(slash) => (&rest[..slash], &rest[slash..]),
            None => (rest, "/"),
        },
        _ => (request.authority.as_str(), target),
    };
    if !path.starts_with('/') {
        return Admission::Refused;
    }
    let scheme = if request.tls.is_some() { "https" } else { "http" };
    let mut headers = joined(&request.headers);
    headers.push(("x-forwarded-proto".to_owned(), scheme.to_owned()));
    Admission::Admitted(Head {
        authority: authority.to_owned(),
        method: request.method.clone(),
        path: normalise(path),
        scheme,
        headers,
    })
}

/// The headers in lower case, without those that only Envoy may set, repeated ones joined where Envoy joins them.
fn joined(sent: &[(String, String)]) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::with_capacity(sent.len());
    for (name, value) in sent {
        let (name, value) = (name.to_ascii_lowercase(), value.trim_matches([' ', '\t']));
        if STRIPPED.contains(&name.as_str()) {
            continue;
        }
        let earlier = headers
            .iter_mut()
            .find(|(earlier, _)| *earlier == name && is_inline(HeaderMap::Request, &name));
        match earlier {
            Some((_, earlier)) => *earlier += &format!(",{value}"),
            None => headers.push((name, value.to_owned())),
        }
    }
    headers
}

/// At the edge no client may set these. Tried with 1.40.
const STRIPPED: &[&str] = &[
    "te",
    "x-envoy-decorator-operation",
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-external-address",
    "x-envoy-force-trace",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-internal",
    "x-envoy-ip-tags",
    "x-envoy-max-retries",
    "x-envoy-original-host",
    "x-envoy-original-path",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-upstream-stream-duration-ms",
    "x-forwarded-client-cert",
    "x-forwarded-proto",
    "x-request-id",
];

/// The normalised path; the query stays as it is.
fn normalise(path: &str) -> String {
    let end = path.find('?').unwrap_or(path.len());
    let (path, query) = path.split_at(end);
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'/' | b'\\' => {
                out.push(b'/');
                rest = past_dot_segments(&mut out, rest);
            }
            b'%' => rest = past_escape(&mut out, rest),
            _ if is_escaped(byte) => out.extend(format!("%{byte:02X}").bytes()),
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned() + query
}

/// Takes `.` and `..` segments off the front of `rest`, which follows a slash.
fn past_dot_segments<'p>(out: &mut Vec<u8>, mut rest: &'p [u8]) -> &'p [u8] {
    while let Some(after) = past_dot(rest) {
        let (after, is_double) = match past_dot(after) {
            Some(after) => (after, true),
            None => (after, false),
        };
        rest = match after.first() {
            None => after,
            Some(b'/' | b'\\') => &after[1..],
            // Parameters go with the segment: `/a/..;x/b` is `/b`.
            Some(b';') => match after.iter().position(|byte| matches!(byte, b'/' | b'\\')) {
                Some(slash) => &after[slash + 1..],
                None => &[],
            },
            Some(_) => return rest, // a name that begins with a dot
        };
        if is_double {
            let parent = out[..out.len() - 1].iter().rposition(|byte| *byte == b'/');
            out.truncate(parent.unwrap_or(0) + 1);
        }
    }
    rest
}

/// What follows a dot, written as such or escaped.
fn past_dot(text: &[u8]) -> Option<&[u8]> {
    [b".".as_slice(), b"%2e", b"%2E"]
        .iter()
        .find_map(|dot| text.strip_prefix(*dot))
}

/// Decodes an escape, of which `rest` is what follows the `%`, if it stands for an unreserved character.
fn past_escape<'p>(out: &mut Vec<u8>, rest: &'p [u8]) -> &'p [u8] {
    let decoded = rest
        .get(..2)
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .and_then(|digits| u8::from_str_radix(digits, 16).ok());
    match decoded {
        Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
            out.push(byte);
            &rest[2..]
        }
        _ => {
            out.push(b'%');
            rest
        }
    }
}

/// Whether a path shows this byte only as an escape.
fn is_escaped(byte: u8) -> bool {
    byte <= b' ' || byte >= 0x7f || b"\"#<>?^`{|}".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::{Admission, admit, joined, normalise};
    use crate::case::Request;

    fn check(rows: &[(&str, &str)]) {
        for (path, expected) in rows {
            assert_eq!(normalise(path), *expected, "{path}");
        }
    }

    #[test]
    fn dot_segments_are_resolved() {
        check(&[
            ("/a/../b", "/b"),
            ("/a/.", "/a/"),
            ("/a/..", "/"),
            ("/../../x", "/x"),
            ("/a/./b/", "/a/b/"),
        ]);
    }

    #[test]
    fn escaped_dots_are_dots() {
        check(&[
            ("/a/%2e%2e/u", "/u"),
            ("/a/.%2E/u", "/u"),
            ("//%2e%2e/u", "/u"),
            ("/a//%2e%2e/u", "/a/u"),
        ]);
    }

    #[test]
    fn a_name_may_begin_with_dots_and_a_dot_segment_may_have_parameters() {
        check(&[
            ("/.a", "/.a"),
            ("/a/b/..;x", "/a/"),
            ("/a/.;/b", "/a/b"),
            ("/..a/b", "/..a/b"),
            ("/...", "/..."),
        ]);
    }

    #[test]
    fn slashes_are_kept_and_backslashes_become_slashes() {
        check(&[
            ("//d", "//d"),
            ("/a//.", "/a//"),
            ("/a\\b", "/a/b"),
            ("/a%2Fb%5c", "/a%2Fb%5c"),
        ]);
    }

    #[test]
    fn unreserved_escapes_are_decoded_and_others_kept() {
        check(&[("/%61%7e", "/a~"), ("/b%20c", "/b%20c"), ("/%zz%4", "/%zz%4")]);
    }

    #[test]
    fn what_a_path_may_not_show_is_escaped() {
        check(&[
            ("/x{2,3}", "/x%7B2,3%7D"),
            ("/^|`\"<>", "/%5E%7C%60%22%3C%3E"),
            ("/[!$&()*+,;=:@]'", "/[!$&()*+,;=:@]'"),
        ]);
    }

    #[test]
    fn a_query_is_left_alone() {
        check(&[("/a/../b?c=/../d&e=%61", "/b?c=/../d&e=%61")]);
    }

    fn admitted(path: &str) -> Option<(String, String)> {
        let request = Request {
            port: 80,
            method: "GET".to_owned(),
            path: path.to_owned(),
            authority: "a.test".to_owned(),
            headers: Vec::new(),
            tls: None,
        };
        match admit(&request) {
            Admission::Admitted(head) => Some((head.authority, head.path)),
            Admission::Refused => None,
        }
    }

    #[test]
    fn a_target_that_is_no_path_is_refused() {
        for path in ["tail", "/a b", "/a%00", "/\u{e9}", "*", ""] {
            assert_eq!(admitted(path), None, "{path}");
        }
    }

    #[test]
    fn a_fragment_is_cut_off() {
        assert_eq!(admitted("/a?b#c"), Some(("a.test".to_owned(), "/a?b".to_owned())));
    }

    #[test]
    fn repeated_headers_are_joined_where_envoy_joins_them() {
        let sent = [
            ("User-Agent", "a"),
            ("x-a", "1"),
            ("user-agent", " b "),
            ("X-A", "2"),
            ("x-request-id", "1"),
        ];
        let sent = sent.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let joined = joined(&sent);
        let shown: Vec<_> = joined
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        assert_eq!(shown, ["user-agent: a,b", "x-a: 1", "x-a: 2"]);
    }

    #[test]
    fn the_absolute_form_names_the_authority() {
        assert_eq!(
            admitted("http://b.test/x"),
            Some(("b.test".to_owned(), "/x".to_owned()))
        );
    }
}
