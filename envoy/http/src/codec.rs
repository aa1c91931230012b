//! What Envoy's codecs make of a request before the connection manager sees it, and what they refuse.
//!
//! The checks are in Envoy's order, since a request can fail several and the first decides the answer. HTTP/2 is covered
//! as far as it is like HTTP/1; [`is_too_large`] is not refused there.
//! Source: Envoy `source/common/http/http1/balsa_parser.cc`, then `onHeadersCompleteImpl` and `onHeadersCompleteBase` in
//! `http1/codec_impl.cc`, then `header_utility.cc`. Tried with Envoy 1.40: each pair of these faults in one request.

use std::borrow::Cow;

use crate::header::{is_token_byte, is_value_byte};
use crate::header_map::{Headers, add, get, remove, set};
use crate::nominated::remove_nominated;
use crate::syntax::{MOST_HEADER_BYTES, MOST_HEADERS};
use crate::target::{InvalidTarget, Target, is_readable};
use crate::{HeaderMap, is_authority_byte, is_method, upgrade};

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.0 and everything older; gateways refuse it.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
}

/// A request as a client sends it.
#[derive(Debug, Clone)]
pub struct Received<'r> {
    /// The version.
    pub protocol: Protocol,
    /// Whether it comes over TLS.
    pub over_tls: bool,
    /// The method.
    pub method: &'r [u8],
    /// The request target.
    pub target: &'r [u8],
    /// The header fields in order, `host` among them, as they are written: any case, blanks around the value.
    pub fields: Vec<(&'r [u8], &'r [u8])>,
}

/// A request that the codec refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The status of the answer.
    pub status: u16,
    /// Envoy's name for the reason, as `%RESPONSE_CODE_DETAILS%` has it.
    pub details: &'static str,
}

/// A request as the codec hands it to the connection manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'r> {
    /// The headers. `:authority` is missing where the request has no host, `:path` of `CONNECT`, and `:scheme` where
    /// HTTP/1 has no URL as its target.
    pub headers: Headers,
    /// What the target names.
    pub target: Target<'r>,
}

impl Refused {
    fn bad_request(details: &'static str) -> Self {
        Self { status: 400, details }
    }

    /// The body of the answer, which is the phrase of its status.
    #[must_use]
    pub fn body(&self) -> &'static str {
        match self.status {
            403 => "Forbidden",
            426 => "Upgrade Required",
            431 => "Request Header Fields Too Large",
            501 => "Not Implemented",
            _ => "Bad Request",
        }
    }
}

/// Reads a request.
///
/// # Errors
/// The answer of the codec, if it refuses the request.
pub fn decode<'r>(request: &Received<'r>) -> Result<Decoded<'r>, Refused> {
    let is_http1 = request.protocol != Protocol::Http2;
    let is_connect = request.method == b"CONNECT";
    let syntax_error = Refused::bad_request(if has_control_character(request) {
        "http1.invalid_characters"
    } else {
        "http1.codec_error"
    });
    // HTTP/2 has no list of methods.
    if (is_http1 && !is_method(request.method)) || !is_readable(request.target, is_connect) {
        return Err(syntax_error);
    }
    if is_http1 && head_size(request) > MOST_HEADER_BYTES {
        return Err(Refused {
            status: 431,
            details: "http1.headers_too_large",
        });
    }
    let fields = read_fields(&request.fields).ok_or(syntax_error)?;
    if fields
        .iter()
        .filter(|(name, _)| *name == b"content-length")
        .count()
        > 1
    {
        return Err(syntax_error);
    }
    if is_http1 && fields.len() > MOST_HEADERS {
        return Err(Refused {
            status: 431,
            details: "http1.too_many_headers",
        });
    }
    let mut headers = joined(request, fields);
    upgrade::forget_http2(&mut headers);
    check_framing(&mut headers, is_connect)?;
    if !is_connect && upgrade::wanted(&headers).is_none() {
        remove_nominated(&mut headers)
            .map_err(|_| Refused::bad_request("http1.connection_header_rejected"))?;
    }
    let target = read_target(request, &mut headers)?;
    if request.protocol == Protocol::Http10 {
        return Err(Refused {
            status: 426,
            details: "low_version",
        });
    }
    let authority = get(&headers, ":authority").unwrap_or_default();
    if !authority.iter().all(|it| is_authority_byte(*it)) {
        return Err(Refused::bad_request("http.invalid_authority"));
    }
    Ok(Decoded { headers, target })
}

/// Whether the headers are more or longer than Envoy's limits allow.
#[must_use]
pub fn is_too_large(request: &Received<'_>) -> bool {
    request.fields.len() > MOST_HEADERS || head_size(request) > MOST_HEADER_BYTES
}

/// The bytes of the head of an HTTP/1 message, with one blank behind each colon.
fn head_size(request: &Received<'_>) -> usize {
    let line = request.method.len() + request.target.len() + "  HTTP/1.1\r\n".len();
    let fields = request.fields.iter();
    let fields = fields.map(|(name, value)| name.len() + value.len() + ": \r\n".len());
    line + fields.sum::<usize>() + "\r\n".len()
}

/// Whether a byte of the head is a control character, which only changes the name of an error.
fn has_control_character(request: &Received<'_>) -> bool {
    let fields = request.fields.iter().flat_map(|(name, value)| [*name, *value]);
    let all = [request.method, request.target].into_iter().chain(fields);
    all.flatten()
        .any(|byte| byte.is_ascii_control() && !b"\t\r\n".contains(byte))
}

/// A name in lower case, and a trimmed value.
type Field<'f> = (Vec<u8>, Cow<'f, [u8]>);

/// Names in lower case and trimmed values; nothing if one is invalid. A line that begins with a blank continues the value
/// before it.
fn read_fields<'f>(written: &[(&'f [u8], &'f [u8])]) -> Option<Vec<Field<'f>>> {
    let mut lines: Vec<(&[u8], Cow<'f, [u8]>)> = Vec::with_capacity(written.len());
    for (name, value) in written.iter().copied() {
        if name.starts_with(b" ") || name.starts_with(b"\t") {
            let (_, before) = lines.last_mut()?;
            *before = [&before[..], name, b": ", value].concat().into();
            continue;
        }
        // A colon ends the name, wherever it comes from.
        let colon = name.iter().position(|byte| *byte == b':');
        lines.push(match colon {
            None => (name, Cow::Borrowed(value)),
            Some(at) => (&name[..at], [&name[at + 1..], b": ", value].concat().into()),
        });
    }
    let fields = lines.into_iter().map(|(name, value)| {
        let value = match value {
            Cow::Borrowed(value) if !value.contains(&b'\r') => Cow::Borrowed(trimmed(value)),
            // A lone CR is left out.
            value => {
                let kept: Vec<u8> = value.iter().copied().filter(|byte| *byte != b'\r').collect();
                Cow::Owned(trimmed(&kept).to_vec())
            }
        };
        let name = name.to_ascii_lowercase();
        let is_name = !name.is_empty() && name.iter().copied().all(is_token_byte);
        let is_length = name != b"content-length" || is_length(&value);
        let is_value = value.iter().copied().all(is_value_byte);
        (is_name && is_value && is_length).then_some((name, value))
    });
    fields.collect()
}

fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Whether a `content-length` is a number of 64 bits.
fn is_length(text: &[u8]) -> bool {
    let digits = std::str::from_utf8(text).ok();
    let digits = digits.filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()));
    digits.is_some_and(|it| it.parse::<u64>().is_ok())
}

/// The header map of these fields, without what the target says.
fn joined(request: &Received<'_>, fields: Vec<Field<'_>>) -> Headers {
    let mut headers = Headers::with_capacity(fields.len() + 10);
    let mut cookie = Vec::new();
    for (name, value) in fields {
        // RFC 9113, 8.2.3: HTTP/2 joins the pieces of a split `cookie`. If all of them are empty, Envoy adds no
        // `cookie` (`Utility::reconstituteCrumbledCookies`).
        if request.protocol == Protocol::Http2 && name == b"cookie" {
            if !cookie.is_empty() {
                cookie.extend(b"; ");
            }
            cookie.extend_from_slice(&value);
            continue;
        }
        let name = if name == b"host" { b":authority" } else { &name[..] };
        add(&mut headers, HeaderMap::Request, name, &value);
    }
    if !cookie.is_empty() {
        add(&mut headers, HeaderMap::Request, b"cookie", &cookie);
    }
    headers
}

/// Refuses a request whose end is ambiguous (RFC 9112, 6.3).
fn check_framing(headers: &mut Headers, is_connect: bool) -> Result<(), Refused> {
    if is_connect && let Some(length) = get(headers, "content-length") {
        if length != b"0" {
            return Err(Refused::bad_request("http1.body_disallowed"));
        }
        remove(headers, "content-length");
    }
    let Some(encoding) = get(headers, "transfer-encoding") else {
        return Ok(());
    };
    if get(headers, "content-length").is_some() {
        return Err(Refused::bad_request(
            "http1.content_length_and_chunked_not_allowed",
        ));
    }
    if is_connect || !encoding.eq_ignore_ascii_case(b"chunked") {
        return Err(Refused {
            status: 501,
            details: "http1.invalid_transfer_encoding",
        });
    }
    Ok(())
}

/// Adds what the target and the connection say to the headers.
fn read_target<'r>(request: &Received<'r>, headers: &mut Headers) -> Result<Target<'r>, Refused> {
    let target = Target::read(request.method, request.target).map_err(|invalid| {
        Refused::bad_request(match invalid {
            InvalidTarget::Url => "http1.invalid_url",
            InvalidTarget::Scheme => "http1.invalid_scheme",
        })
    })?;
    if target.is_https && !request.over_tls {
        return Err(Refused {
            status: 403,
            details: "http1.https_url_on_plaintext_connection",
        });
    }
    if let Some(authority) = target.authority {
        set(headers, ":authority", authority);
    }
    if let Some(path) = target.path {
        set(headers, ":path", path);
    }
    set(headers, ":method", request.method);
    if request.protocol == Protocol::Http2 {
        set(
            headers,
            ":scheme",
            if request.over_tls { "https" } else { "http" },
        );
    } else if target.authority.is_some() && target.path.is_some() {
        set(headers, ":scheme", if target.is_https { "https" } else { "http" });
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::{Protocol, Received, decode};
    use crate::header_map::get;

    /// Something wrong with a request, and what Envoy 1.40 answers to it alone. The order of the list is that of Envoy's
    /// checks: of two faults the first decides.
    struct Fault {
        method: Option<&'static str>,
        target: Option<&'static str>,
        host: Option<&'static str>,
        fields: Vec<(String, String)>,
        answer: (u16, &'static str),
    }

    fn fault(answer: (u16, &'static str)) -> Fault {
        Fault {
            method: None,
            target: None,
            host: None,
            fields: Vec::new(),
            answer,
        }
    }

    fn fields(answer: (u16, &'static str), rows: &[(&str, &str)]) -> Fault {
        let rows = rows.iter();
        Fault {
            fields: rows
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..fault(answer)
        }
    }

    fn target(answer: (u16, &'static str), target: &'static str) -> Fault {
        Fault {
            target: Some(target),
            ..fault(answer)
        }
    }

    fn faults() -> Vec<Fault> {
        let many: Vec<(String, String)> = (0..100).map(|it| (format!("x-{it}"), String::new())).collect();
        vec![
            Fault {
                method: Some("FOO"),
                ..fault((400, "http1.codec_error"))
            },
            target((400, "http1.codec_error"), "a"),
            fields((431, "http1.headers_too_large"), &[("x-l", &"l".repeat(62_000))]),
            fields((400, "http1.codec_error"), &[("a(b", "1")]),
            fields((400, "http1.codec_error"), &[("content-length", "x")]),
            Fault {
                fields: many,
                ..fault((431, "http1.too_many_headers"))
            },
            fields(
                (400, "http1.content_length_and_chunked_not_allowed"),
                &[("transfer-encoding", "chunked"), ("content-length", "3")],
            ),
            fields(
                (501, "http1.invalid_transfer_encoding"),
                &[("transfer-encoding", "gzip")],
            ),
            fields(
                (400, "http1.connection_header_rejected"),
                &[("connection", ":path")],
            ),
            target((400, "http1.invalid_url"), "*"),
            target((400, "http1.invalid_scheme"), "ftp://a/"),
            target((403, "http1.https_url_on_plaintext_connection"), "https://a/"),
        ]
    }

    /// The answer to a request with these faults; 200 if it gets as far as the connection manager.
    fn answer(protocol: Protocol, faults: &[&Fault]) -> (u16, &'static str) {
        let all = || faults.iter();
        let fields = all().flat_map(|it| &it.fields);
        let fields = fields.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let host = all().find_map(|it| it.host).unwrap_or("a.test");
        let decoded = decode(&Received {
            protocol,
            over_tls: false,
            method: all().find_map(|it| it.method).unwrap_or("GET").as_bytes(),
            target: all().find_map(|it| it.target).unwrap_or("/").as_bytes(),
            fields: std::iter::once((&b"host"[..], host.as_bytes()))
                .chain(fields)
                .collect(),
        });
        decoded.map_or_else(|refused| (refused.status, refused.details), |_| (200, ""))
    }

    #[test]
    fn of_two_faults_the_first_decides() {
        let low_version = fault((426, "low_version"));
        let authority = Fault {
            host: Some("a<b"),
            ..fault((400, "http.invalid_authority"))
        };
        for (protocol, last) in [(Protocol::Http11, &authority), (Protocol::Http10, &low_version)] {
            let faults = faults();
            for (index, first) in faults.iter().enumerate() {
                assert_eq!(answer(protocol, &[first]), first.answer, "{protocol:?}");
                for second in faults.iter().skip(index + 1).chain([last]) {
                    if first.target.is_some() && second.target.is_some() {
                        continue;
                    }
                    let got = answer(protocol, &[first, second]);
                    assert_eq!(got, first.answer, "{protocol:?}, {:?}", second.answer);
                }
            }
            assert_eq!(answer(protocol, &[last]), last.answer);
        }
        assert_eq!(answer(Protocol::Http10, &[&authority]), low_version.answer);
    }

    #[test]
    fn a_control_character_changes_the_name_of_the_error_only() {
        let control = fields((400, "http1.invalid_characters"), &[("x-a", "a\u{1}")]);
        let name = fields((400, "http1.codec_error"), &[("a(b", "1")]);
        for faults in [vec![&control], vec![&name, &control]] {
            assert_eq!(answer(Protocol::Http11, &faults), control.answer);
        }
    }

    #[test]
    fn connect_has_no_body_and_checks_no_nominated_header() {
        let connect = |rows: &[(&str, &str)]| {
            let fault = Fault {
                method: Some("CONNECT"),
                target: Some("a.test:80"),
                ..fields((200, ""), rows)
            };
            answer(Protocol::Http11, &[&fault])
        };
        assert_eq!(connect(&[("content-length", "0")]).0, 200);
        assert_eq!(
            connect(&[("content-length", "3")]),
            (400, "http1.body_disallowed")
        );
        assert_eq!(connect(&[("transfer-encoding", "chunked")]).0, 501);
        assert_eq!(connect(&[("connection", ":path")]).0, 200);
    }

    /// Measured: a message of 61,440 bytes is accepted.
    #[test]
    fn the_whole_head_counts() {
        let row = |length: usize| fields((200, ""), &[("x-l", &"l".repeat(length))]);
        assert_eq!(answer(Protocol::Http11, &[&row(61_401)]).0, 200);
        assert_eq!(answer(Protocol::Http11, &[&row(61_402)]).0, 431);
    }

    fn value(rows: &[(&str, &str)], name: &str) -> Option<String> {
        let rows = rows.iter();
        let received = Received {
            protocol: Protocol::Http11,
            over_tls: false,
            method: b"GET",
            target: b"/",
            fields: rows
                .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
                .collect(),
        };
        let decoded = decode(&received).ok()?;
        get(&decoded.headers, name).map(|it| String::from_utf8_lossy(it).into_owned())
    }

    #[test]
    fn values_lose_blanks_and_carriage_returns() {
        for (written, read) in [(" a b\t", "a b"), ("\ra\rb\r", "ab"), ("a\u{e9}", "a\u{e9}")] {
            assert_eq!(value(&[("X-A", written)], "x-a").as_deref(), Some(read));
        }
        assert_eq!(
            value(&[("X-A", "1"), (" X-B", "2")], "x-a").as_deref(),
            Some("1 X-B: 2")
        );
        assert_eq!(value(&[("X-A:b", "c")], "x-a").as_deref(), Some("b: c"));
    }

    #[test]
    fn two_hosts_are_joined_and_a_url_replaces_them() {
        let rows = [("Host", "a"), ("host", "b")];
        assert_eq!(value(&rows, ":authority").as_deref(), Some("a,b"));
        assert_eq!(
            value(&[("connection", "host"), ("host", "a")], ":authority"),
            None
        );
    }

    #[test]
    fn a_length_has_sixty_four_bits() {
        for (length, is_accepted) in [
            ("18446744073709551615", true),
            ("00000000000000000000000001", true),
            ("18446744073709551616", false),
            ("+1", false),
            ("", false),
        ] {
            let read = value(&[("content-length", length)], "content-length");
            assert_eq!(read.is_some(), is_accepted, "{length}");
        }
    }
}
