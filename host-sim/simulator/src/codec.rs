//! What Envoy's router and HTTP/1 codec make of what the filters leave: messages that they refuse, and lengths that lie.
//!
//! The rules are those of `source/common/http/header_utility.cc` and `source/common/router/router.cc`. What they let
//! through although no receiver can read it as it was meant is a [`Warning`].

use crate::headers::Headers;
use crate::local_reply::{LocalReply, Refusal};
use crate::message::Response;
use crate::stream::{HalfStream, Stream};
use crate::warning::Warning;
use fingerpost_envoy_http::header::{is_token_byte, is_value_byte};

/// `response.flags` of what is answered here.
pub(crate) mod flags {
    pub(crate) const UPSTREAM_TIMEOUT: i64 = 0x4;
    pub(crate) const NO_ROUTE: i64 = 0x100;
    pub(crate) const REFUSED_BY_CODEC: i64 = 0x4_0000;
}

/// How long Envoy's router waits for an answer, unless a route says otherwise.
pub(crate) const ROUTE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(15);

pub(crate) fn refusal(status: u32, details: &str, body: impl Into<Vec<u8>>, flags: i64) -> Refusal {
    let reply = LocalReply {
        status,
        details: details.replace(' ', "_"),
        body: body.into(),
        headers: Vec::new(),
        grpc_status: None,
    };
    (reply, flags)
}

/// Why the router does not send a request to its upstream.
pub(crate) fn refused_request(headers: &Headers) -> Option<Refusal> {
    let is_connect = headers.get(":method") == Some(b"CONNECT");
    let path = headers.get(":path").unwrap_or_default();
    if !is_connect && !path.starts_with(b"/") {
        return Some(refusal(404, "route_not_found", "", flags::NO_ROUTE));
    }
    let fault = match headers.get(":method") {
        None => Some(b"missing required header: :method".to_vec()),
        Some(_) => headers.iter().find_map(|(name, value)| fault(name, value)),
    }?;
    let details = format!(
        "filter_removed_required_request_headers{{{}}}",
        String::from_utf8_lossy(&fault)
    );
    Some(refusal(503, &details, fault, flags::REFUSED_BY_CODEC))
}

/// What is wrong with a header, in Envoy's words.
fn fault(name: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    if name.starts_with(b":") {
        None
    } else if !name.iter().copied().all(is_token_byte) {
        Some([b"invalid header name: ", escaped(name).as_slice()].concat())
    } else if !is_value(value) {
        Some([b"invalid header value for: ", escaped(name).as_slice()].concat())
    } else {
        None
    }
}

pub(crate) fn is_value(value: &[u8]) -> bool {
    value.iter().copied().all(is_value_byte)
}

/// As in JSON, but bytes that are not ASCII stay.
fn escaped(name: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(name.len());
    for byte in name {
        match byte {
            b'\n' => escaped.extend(b"\\n"),
            b'\r' => escaped.extend(b"\\r"),
            b'\t' => escaped.extend(b"\\t"),
            b'"' | b'\\' => escaped.extend([b'\\', *byte]),
            0..=0x1f => escaped.extend(format!("\\u{byte:04x}").into_bytes()),
            _ => escaped.push(*byte),
        }
    }
    escaped
}

/// Why a response does not go to the client.
pub(crate) fn refused_response(headers: &Headers) -> Option<Refusal> {
    if status(headers).is_some() {
        return None;
    }
    let fault = "missing required header: :status";
    let details = format!("filter_removed_required_response_headers{{{fault}}}");
    Some(refusal(502, &details, fault, 0))
}

/// As Envoy reads a status: a number of any size.
fn status(headers: &Headers) -> Option<u64> {
    headers.text(":status")?.trim_ascii().parse().ok()
}

/// What a client makes of response headers that Envoy sends as they are.
pub(crate) fn warn_of_response(side: &HalfStream, warnings: &mut Vec<Warning>) {
    for (name, value) in side.headers.iter().filter(|(name, _)| !name.starts_with(b":")) {
        let shown = name.escape_ascii();
        let text = if name.iter().chain(value).any(|byte| matches!(byte, b'\r' | b'\n')) {
            format!(
                "the response header {shown} has a line break, which Envoy sends: the client reads what follows as another header \
                 or as the body (response splitting); take line breaks out of values from outside"
            )
        } else if name.is_empty() || !name.iter().copied().all(is_token_byte) {
            format!("the response header {shown} has a name that clients refuse, and Envoy sends it")
        } else if !is_value(value) {
            format!(
                "the response header {shown} has a control character that clients refuse, and Envoy sends it"
            )
        } else {
            continue;
        };
        warnings.push(side.warning(name, text));
    }
    let text = match status(&side.headers) {
        Some(status @ (..=99 | 1000..)) => {
            format!(
                "the status {status} has not three digits, so clients refuse the response, and Envoy sends it"
            )
        }
        Some(status @ 100..=199) => {
            format!("after the status {status} a client waits for another response, and Envoy sends none")
        }
        Some(_) | None => return,
    };
    warnings.push(side.warning(b":status", text));
}

/// How a message is sent that says `content-length`.
enum Length {
    /// As long as the body, or not said.
    True,
    Less(usize),
    More(usize),
    Unreadable,
}

fn length(headers: &Headers, body: usize) -> Length {
    let Some(said) = headers.get("content-length") else {
        return Length::True;
    };
    let said = std::str::from_utf8(said)
        .ok()
        .map(str::trim_ascii)
        .map(str::parse::<usize>);
    match said {
        Some(Ok(said)) if said < body => Length::Less(said),
        Some(Ok(said)) if said > body => Length::More(said),
        Some(Ok(_)) => Length::True,
        Some(Err(_)) | None => Length::Unreadable,
    }
}

/// What the receiver of a request makes of its `content-length`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Framed {
    Whole,
    /// Only so many bytes are read as its body.
    Cut(usize),
    /// It is waited for the rest, in vain.
    Waits,
}

/// Compares what a request says of its body with the body.
pub(crate) fn frame_request(headers: &Headers, body: usize, what: &str) -> (Framed, String) {
    match length(headers, body) {
        Length::Less(said) => (
            Framed::Cut(said),
            format!(
                "content-length is {said}, and {what} has {body} bytes: the rest is read as the beginning of another request; \
                 remove content-length where a body is changed"
            ),
        ),
        Length::More(said) => (
            Framed::Waits,
            format!(
                "content-length is {said}, and {what} has {body} bytes: the other end waits for the rest until the time is out; \
                 remove content-length if the body has another length"
            ),
        ),
        Length::Unreadable => (
            Framed::Waits,
            format!(
                "content-length of {what} is not a number: the other end does not answer until the time is out"
            ),
        ),
        Length::True if body == 0 && headers.get("transfer-encoding") == Some(b"chunked") => (
            Framed::Waits,
            format!(
                "transfer-encoding is chunked, and {what} has no body: the other end waits for one until the time is out; leave \
                 transfer-encoding to Envoy"
            ),
        ),
        Length::True => (Framed::Whole, String::new()),
    }
}

/// Makes of a response what a client reads. False: the client waits for more, and the response never ends.
pub(crate) fn frame_response(stream: &Stream, response: &mut Response, warnings: &mut Vec<Warning>) -> bool {
    let side = &stream.response;
    let body: usize = response.body.iter().map(Vec::len).sum();
    if stream.request.headers.get(":method") == Some(b"HEAD") && body == 0 {
        return true;
    }
    if has_no_body(response.status()) {
        let status = response.status();
        // Of a status below 200 there is a warning already: nothing comes after it.
        if body > 0 && status >= 200 {
            let text = format!(
                "a response with status {status} has no body, and Envoy sends one of {body} bytes: remove it"
            );
            warnings.push(side.warning(b":status", text));
        }
        response.body.clear();
        return true;
    }
    let advice = "remove content-length in the callback for headers where the body is changed";
    let (text, whole) = match length(&response.headers, body) {
        Length::True => return true,
        Length::Less(said) => {
            cut(&mut response.body, said);
            response.trailers = None;
            (
                format!(
                    "content-length is {said}, and the response has {body} bytes: the client reads no more than {said}; {advice}"
                ),
                true,
            )
        }
        Length::More(said) => (
            format!(
                "content-length is {said}, and the response has {body} bytes: the client waits for the rest in vain; {advice}"
            ),
            false,
        ),
        Length::Unreadable => (
            "content-length of the response is not a number: clients refuse it".to_owned(),
            true,
        ),
    };
    warnings.push(side.warning(b"content-length", text));
    whole
}

/// Statuses whose responses end with their headers (RFC 9112, 6.3).
pub(crate) fn has_no_body(status: u16) -> bool {
    matches!(status, 100..=199 | 204 | 304)
}

/// Keeps only so many bytes.
pub(crate) fn cut(body: &mut Vec<Vec<u8>>, most: usize) {
    let mut left = most;
    for piece in body.iter_mut() {
        piece.truncate(left);
        left -= piece.len();
    }
    body.retain(|piece| !piece.is_empty());
}

/// What an HTTP/1 upstream's answer to this method is when it arrives: none has a body after HEAD, 204 or 304.
pub(crate) fn arrives(method: Option<&[u8]>, mut response: Response) -> Response {
    if method == Some(b"HEAD") || has_no_body(response.status()) {
        response.body.clear();
        response.trailers = None;
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HeaderMap;

    /// The body of the answer to a request with this header.
    fn answer(name: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        let mut headers = Headers::new(HeaderMap::Request);
        for (name, value) in [(&b":path"[..], &b"/"[..]), (b":method", b"GET"), (name, value)] {
            headers.add(name, value);
        }
        refused_request(&headers).map(|(reply, _)| reply.body)
    }

    #[test]
    fn a_name_is_shown_with_its_own_bytes() {
        for (name, shown) in [
            (&b"x-\xff"[..], &b"x-\xff"[..]),
            (b"x\r\n", b"x\\r\\n"),
            (b"x\0", b"x\\u0000"),
            (b"x y", b"x y"),
        ] {
            let expected = [b"invalid header name: ", shown].concat();
            assert_eq!(answer(name, b"1"), Some(expected));
        }
        assert_eq!(answer(b"x-a", b"caf\xe9\t"), None);
    }
}
