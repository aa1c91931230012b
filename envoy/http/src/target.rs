//! The target of a request line: which characters it may have, and which authority and path it names.
//!
//! The two checks happen at different times, with others in between: see [`crate::codec`].
//! Source: `isUrlValid` in Envoy's `source/common/http/http1/balsa_parser.cc`, then `Utility::Url`, which is Chromium's URL
//! library; `http://a/b` replaces the authority by RFC 9112, 3.2.2. Tried with Envoy 1.40.

use std::net::IpAddr;

use crate::is_authority_byte;

/// What a request target names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'r> {
    /// The authority of a URL and of `CONNECT`; none where the `host` header has it.
    pub authority: Option<&'r [u8]>,
    /// The path with its query. It starts with a slash, but for `OPTIONS *` and `http://a?q`. None of `CONNECT`.
    pub path: Option<&'r [u8]>,
    /// Whether it is a URL with the scheme `https`.
    pub is_https: bool,
}

/// Why a target is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InvalidTarget {
    /// No URL.
    Url,
    /// A URL with another scheme than `http` and `https`.
    Scheme,
}

/// Whether the parser accepts a target of a request line.
pub(crate) fn is_readable(target: &[u8], is_connect: bool) -> bool {
    let is_visible = |text: &[u8]| text.iter().all(u8::is_ascii_graphic);
    if target.starts_with(b"/") || target.starts_with(b"*") {
        return is_visible(target);
    }
    let rest = if is_connect {
        Some(target)
    } else {
        after_scheme(target)
    };
    rest.is_some_and(|rest| {
        let (authority, path) = split_authority(rest);
        !target.is_empty()
            && authority.iter().all(|byte| is_authority_byte(*byte))
            && !authority.windows(2).any(|pair| pair == b"@@")
            && is_visible(path)
    })
}

impl<'r> Target<'r> {
    /// Reads the target of a request.
    ///
    /// # Errors
    /// A target that the codec refuses after it has read the headers.
    pub(crate) fn read(method: &[u8], target: &'r [u8]) -> Result<Self, InvalidTarget> {
        if method == b"CONNECT" {
            return match can_be_connected(target) {
                false => Err(InvalidTarget::Url),
                true => Ok(Self {
                    authority: Some(target),
                    path: None,
                    is_https: false,
                }),
            };
        }
        if target.starts_with(b"/") || (method == b"OPTIONS" && target.starts_with(b"*")) {
            return Ok(Self {
                authority: None,
                path: Some(target),
                is_https: false,
            });
        }
        let rest = after_scheme(target).ok_or(InvalidTarget::Url)?;
        let scheme = &target[..target.len() - rest.len() - b"://".len()];
        let (authority, path) = split_authority(rest);
        let authority = without_user(authority).filter(|it| is_authority(it));
        let authority = authority.ok_or(InvalidTarget::Url)?;
        let is_https = scheme.eq_ignore_ascii_case(b"https");
        if !is_https && !scheme.eq_ignore_ascii_case(b"http") {
            return Err(InvalidTarget::Scheme);
        }
        Ok(Self {
            authority: Some(authority),
            path: Some(if path.is_empty() { b"/" } else { path }),
            is_https,
        })
    }
}

/// What follows `scheme://`.
fn after_scheme(target: &[u8]) -> Option<&[u8]> {
    let end = target
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric() && !b"+-.".contains(byte))?;
    let (scheme, rest) = target.split_at(end);
    let begins = scheme.first().is_some_and(u8::is_ascii_alphabetic);
    rest.strip_prefix(b"://").filter(|_| begins)
}

/// The authority at the start of `text`, and the path and query behind it.
fn split_authority(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| matches!(byte, b'/' | b'?'));
    text.split_at(end.unwrap_or(text.len()))
}

/// Whether `CONNECT` may name this: a name and a port, and nothing else.
fn can_be_connected(authority: &[u8]) -> bool {
    is_authority(authority) && !authority.ends_with(b"]") && authority.contains(&b':')
}

fn without_user(authority: &[u8]) -> Option<&[u8]> {
    match authority.iter().position(|byte| *byte == b'@') {
        None => Some(authority),
        Some(at) => authority[..at]
            .iter()
            .all(|byte| is_user_byte(*byte))
            .then_some(&authority[at + 1..]),
    }
}

fn is_user_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()%;:&=+$,".contains(&byte)
}

/// Whether a URL may have this authority: a name without underscores or an address in brackets, and perhaps a port. An
/// address with a zone is refused: which zones exist depends on the machine.
fn is_authority(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    let (is_host, port) = match text.strip_prefix('[').and_then(|it| it.split_once(']')) {
        Some((address, port)) => (address.parse::<IpAddr>().is_ok(), port),
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (!name.is_empty() && name.bytes().all(is_host_byte), port)
        }
    };
    let is_port = |it: &str| it.bytes().all(|it| it.is_ascii_digit()) && it.parse::<u16>().is_ok();
    is_host && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::{InvalidTarget, Target, is_readable};

    /// What Envoy 1.40 says of a target: 400 before it reads the headers, 400 after, or what the target names.
    enum Said {
        Unreadable,
        Refused(InvalidTarget),
        Named(Option<&'static str>, Option<&'static str>),
    }
    use Said::{Named, Refused, Unreadable};

    #[track_caller]
    fn check(method: &str, rows: &[(&str, Said)]) {
        for (target, said) in rows {
            let bytes = target.as_bytes();
            let readable = is_readable(bytes, method == "CONNECT");
            let read = Target::read(method.as_bytes(), bytes);
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let named = read.map(|it| (it.authority.map(text), it.path.map(text)));
            match said {
                Unreadable => assert!(!readable, "{method} {target}"),
                Refused(why) => assert_eq!((readable, named), (true, Err(*why)), "{method} {target}"),
                Named(authority, path) => {
                    let expected = (authority.map(str::to_owned), path.map(str::to_owned));
                    assert_eq!((readable, named), (true, Ok(expected)), "{method} {target}");
                }
            }
        }
    }

    #[test]
    fn a_path_has_visible_characters() {
        check(
            "GET",
            &[
                ("/", Named(None, Some("/"))),
                ("/a|\"<>?b#c", Named(None, Some("/a|\"<>?b#c"))),
                ("/a\tb", Unreadable),
                ("/\u{e9}", Unreadable),
                ("", Unreadable),
                ("a", Unreadable),
                ("?q", Unreadable),
                ("*", Refused(InvalidTarget::Url)),
            ],
        );
        check("OPTIONS", &[("*x", Named(None, Some("*x")))]);
    }

    #[test]
    fn a_url_names_the_authority() {
        check(
            "GET",
            &[
                ("http://b.test/x?y", Named(Some("b.test"), Some("/x?y"))),
                ("HTTP://b.test", Named(Some("b.test"), Some("/"))),
                ("http://b.test?q", Named(Some("b.test"), Some("?q"))),
                ("http://u:p@a:80/", Named(Some("a:80"), Some("/"))),
                ("http://[::1]:80/", Named(Some("[::1]:80"), Some("/"))),
                ("http://a/b\"|c", Named(Some("a"), Some("/b\"|c"))),
            ],
        );
    }

    #[test]
    fn some_urls_are_refused_only_after_the_headers() {
        let url = || Refused(InvalidTarget::Url);
        check(
            "GET",
            &[
                ("http://", url()),
                ("http:///a", url()),
                ("http://a_b/", url()),
                ("http://u@b@a/", url()),
                ("http://a:/", url()),
                ("http://a:99999/", url()),
                ("http://[::1/", url()),
                ("http://a%20/", url()),
                ("ftp://a_b/", url()),
                ("ftp://a/", Refused(InvalidTarget::Scheme)),
                ("http:/", Unreadable),
                ("1x://a/", Unreadable),
                ("http://u@@a/", Unreadable),
                ("http://a#f", Unreadable),
                ("http://a|b/", Unreadable),
                ("http://a\u{e9}/", Unreadable),
            ],
        );
    }

    #[test]
    fn connect_names_a_host_and_a_port() {
        let url = || Refused(InvalidTarget::Url);
        check(
            "CONNECT",
            &[
                ("a.test:80", Named(Some("a.test:80"), None)),
                ("a.test", url()),
                ("/a", url()),
                ("*", url()),
                ("a:80/", url()),
                ("http://a/", url()),
                ("u@@a:80", Unreadable),
                ("a#f", Unreadable),
            ],
        );
    }
}
