//! A request as bytes, whatever they are, and its form as one line of text.
//!
//! ```text
//! 80 GET a.test /a?q=1  x-a: 1  x-a: \xff  cookie: \{a*9000}
//! ```
//! The Gateway's port, the method, the authority, the target, and the version where it is not `HTTP/1.1`; then headers,
//! each behind two blanks. `\xff` is a byte, `\\` a backslash, `\-` nothing at all, `\{a*9000}` as many of that character; `\!` in the
//! place of the authority is a request without a `host`.

use std::fmt;

pub use fingerpost_proxy_model::Version;

use crate::case::Request;

/// What a client sends over plain TCP. `POST`, `PUT`, `PATCH` and whatever names a `transfer-encoding` carry
/// three bytes of body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The Gateway's server port.
    pub port: u16,
    /// The method.
    pub method: Vec<u8>,
    /// The `host` header, if there is one.
    pub authority: Option<Vec<u8>>,
    /// The request target.
    pub target: Vec<u8>,
    /// The other headers, in order.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The version of HTTP.
    pub version: Version,
}

/// In a line, the authority of a request without a `host`.
const NO_HOST: &str = r"\!";

pub(crate) const BODY: &str = "abc";

impl Sent {
    /// The bytes on the wire of HTTP/1, as case `case`.
    #[must_use]
    pub fn message(&self, case: &str) -> Vec<u8> {
        let mut bytes = [
            &self.method[..],
            b" ",
            &self.target,
            b" ",
            self.version.as_str().as_bytes(),
        ]
        .concat();
        if let Some(authority) = &self.authority {
            bytes.extend([b"\r\nhost: ", &authority[..]].concat());
        }
        for (name, value) in &self.headers {
            bytes.extend([b"\r\n", &name[..], b": ", value].concat());
        }
        bytes.extend(format!("\r\nx-case: {case}\r\n").bytes());
        match (self.header("transfer-encoding"), self.told_length()) {
            (Some(_), _) => bytes.extend(b"\r\n3\r\nabc\r\n0\r\n\r\n"),
            (None, Some(length)) => {
                bytes.extend(format!("content-length: {length}\r\n\r\n{BODY}").bytes());
            }
            (None, None) => bytes.extend(b"\r\n"),
        }
        bytes
    }

    /// The length that the message tells of its body, which the headers of the request do not show.
    #[must_use]
    pub fn told_length(&self) -> Option<usize> {
        (self.header("transfer-encoding").is_none() && self.has_body()).then_some(BODY.len())
    }

    /// Whether it comes with a body.
    #[must_use]
    pub fn has_body(&self) -> bool {
        matches!(&self.method[..], b"POST" | b"PUT" | b"PATCH")
    }

    /// Reads a line; see the module.
    ///
    /// # Errors
    /// Says what it lacks.
    pub fn parse(line: &str) -> Result<Self, String> {
        let wrong = || format!("`{line}`: expected `80 GET a.test /path  name: value`");
        let mut parts = line.split("  ");
        let head: Vec<&str> = parts.next().unwrap_or_default().split(' ').collect();
        let (head, version) = match head[..] {
            [ref head @ .., version] if head.len() == 4 => (head, version_of(version).ok_or_else(wrong)?),
            ref head => (head, Version::default()),
        };
        let &[port, method, authority, target] = head else {
            return Err(wrong());
        };
        let headers = parts.map(|part| {
            let (name, value) = part
                .split_once(": ")
                .or(part.strip_suffix(':').map(|it| (it, "")))
                .ok_or_else(wrong)?;
            Ok((unescaped(name)?, unescaped(value)?))
        });
        Ok(Self {
            port: port.parse().map_err(|_| wrong())?,
            method: unescaped(method)?,
            authority: (authority != NO_HOST).then(|| unescaped(authority)).transpose()?,
            target: unescaped(target)?,
            headers: headers.collect::<Result<_, String>>()?,
            version,
        })
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|(_, value)| &value[..])
    }
}

fn version_of(text: &str) -> Option<Version> {
    let all = [Version::Http10, Version::Http11, Version::Http2];
    all.into_iter().find(|version| version.as_str() == text)
}

impl From<&Request> for Sent {
    /// A case of the recorded corpus, whose texts are UTF-8.
    fn from(request: &Request) -> Self {
        let bytes = |text: &String| text.clone().into_bytes();
        let headers = request.headers.iter();
        Self {
            port: request.port,
            method: bytes(&request.method),
            authority: Some(bytes(&request.authority)),
            target: bytes(&request.path),
            headers: headers.map(|(name, value)| (bytes(name), bytes(value))).collect(),
            version: Version::default(),
        }
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [method, target] = [&self.method, &self.target].map(|it| escaped(it, true));
        let authority = self
            .authority
            .as_ref()
            .map_or_else(|| NO_HOST.to_owned(), |it| escaped(it, true));
        write!(f, "{} {method} {authority} {target}", self.port)?;
        if self.version != Version::default() {
            write!(f, " {}", self.version.as_str())?;
        }
        for (name, value) in &self.headers {
            write!(f, "  {}: {}", escaped(name, true), escaped(value, false))?;
        }
        Ok(())
    }
}

/// So many bytes of one kind in a row are written as a count.
const RUN: usize = 40;

fn escaped(bytes: &[u8], is_word: bool) -> String {
    if bytes.is_empty() && is_word {
        return "\\-".to_owned();
    }
    let mut text = String::new();
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        let run = rest.iter().take_while(|it| *it == first).count();
        let is_plain = first.is_ascii_graphic() && *first != b'\\';
        if run >= RUN && is_plain {
            text += &format!("\\{{{}*{run}}}", char::from(*first));
            rest = &rest[run..];
            continue;
        }
        match first {
            b'\\' => text.push_str("\\\\"),
            // A blank beside another, or at an end, would be taken for a separator.
            b' ' if !is_word && !text.is_empty() && !text.ends_with(' ') && rest.len() > 1 => text.push(' '),
            _ if is_plain => text.push(char::from(*first)),
            _ => text += &format!("\\x{first:02x}"),
        }
        rest = &rest[1..];
    }
    text
}

fn unescaped(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        bytes.extend(plain.bytes());
        let wrong = || format!("`{text}`: `\\` must be followed by x and two digits, `\\`, `-` or {{a*9}}");
        let mut chars = escape.chars();
        rest = match chars.next() {
            Some('\\') => {
                bytes.push(b'\\');
                chars.as_str()
            }
            Some('-') => chars.as_str(),
            Some('x') => {
                let digits = escape.get(1..3).ok_or_else(wrong)?;
                bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
                &escape[3..]
            }
            Some('{') => {
                let (run, rest) = escape[1..].split_once('}').ok_or_else(wrong)?;
                let (what, count) = run.split_once('*').ok_or_else(wrong)?;
                let count = count.parse().map_err(|_| wrong())?;
                bytes.extend(what.as_bytes().repeat(count));
                rest
            }
            _ => return Err(wrong()),
        };
    }
    bytes.extend(rest.bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::Sent;

    #[test]
    fn a_line_is_read_as_it_is_written() {
        for line in [
            "80 GET a.test /a?q=1  x-a: 1  x-a: ",
            r"80 \x00 \- \xff\x20\\  X-A: a b\x20\x20c  x: \{a*9000}",
            "8080 GET [::1]:80 *  :path: /a",
            "80 GET a.test /a HTTP/1.0  x-a: 1",
            "80 GET a.test /a HTTP/2",
            r"80 GET \! /a  x-a: 1",
        ] {
            let sent = Sent::parse(line).expect(line);
            assert_eq!(
                Sent::parse(&sent.to_string()),
                Ok(sent.clone()),
                "{line} -> {sent}"
            );
        }
        let sent = Sent::parse(r"80 \x00 \- \xff\x20\\  X-A: a b\x20\x20c").expect("a line");
        assert_eq!(
            (&sent.method[..], &sent.target[..]),
            (&b"\0"[..], &b"\xff \\"[..])
        );
        assert_eq!(sent.headers, [(b"X-A".to_vec(), b"a b  c".to_vec())]);
    }

    #[test]
    fn a_request_is_sent_as_written() {
        let sent = Sent::parse("80 PUT A.test /a  X-A: 1").expect("a line");
        let expected =
            "PUT /a HTTP/1.1\r\nhost: A.test\r\nX-A: 1\r\nx-case: 7\r\ncontent-length: 3\r\n\r\nabc";
        assert_eq!(sent.message("7"), expected.as_bytes());
        let sent = Sent::parse(r"80 GET \! /").expect("a line");
        assert_eq!(sent.message("7"), b"GET / HTTP/1.1\r\nx-case: 7\r\n\r\n");
    }
}
