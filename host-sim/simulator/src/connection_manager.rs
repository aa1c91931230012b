//! What Envoy does, with its defaults, to a request before the first filter sees it and to a response on either side of the filters.
//!
//! Only what every connection manager does to a request from outside (`conn_manager_utility.cc`, and the HTTP/1 codec).
//! What a bootstrap sets otherwise (path normalisation, `use_remote_address`, early mutations) is not here.

use crate::HeaderMap;
use crate::codec;
use crate::headers::Headers;
use crate::local_reply::Refusal;
use crate::message::{Request, Response};
use fingerpost_envoy_http::codec::{Decoded, Protocol, Received, Refused, decode};
use fingerpost_envoy_http::connection_manager::{PathRules, check_headers, check_path};
use fingerpost_envoy_http::edge::{Position, strip};
use fingerpost_envoy_http::upgrade;

/// What Envoy does with a path unless its configuration says otherwise.
const PATH_RULES: PathRules = PathRules {
    refuses_fragments: true,
    normalizes: false,
};

impl Request {
    /// A request as a client sends it by HTTP/1: turned into what the first filter sees. Blanks around values are gone; a
    /// request that Envoy answers before its filters gets that answer, and of the filters only `proxy_on_log` is called.
    #[must_use]
    pub fn received(mut self) -> Self {
        let scheme = self.headers.get(":scheme").unwrap_or(b"http").to_vec();
        let decoded = decode(&sent(&self.headers, scheme == b"https"));
        let refused = match &decoded {
            Ok(decoded) => refused_by_manager(decoded),
            Err(error) => Some(refusal(*error, error.body(), codec::flags::REFUSED_BY_CODEC)),
        };
        let mut headers = match decoded {
            Ok(decoded) => decoded.headers,
            // Only `proxy_on_log` sees these.
            Err(_) => trimmed(&self.headers).into_list(),
        };
        strip(&mut headers, Position::Inside);
        let mut headers = Headers::from_list(HeaderMap::Request, headers);
        for (name, value) in [
            (":scheme", &scheme[..]),
            ("x-forwarded-proto", &scheme[..]),
            ("x-request-id", b"00000000-0000-4000-8000-000000000000"),
        ] {
            if headers.get(name).is_none() {
                headers.add(name.as_bytes(), value);
            }
        }
        self.refused = refused.map(Box::new);
        self.headers = headers;
        self
    }
}

/// The request as HTTP/1 has it: pseudo headers are its first line and `host`.
fn sent(headers: &Headers, over_tls: bool) -> Received<'_> {
    let host = headers.get(":authority").map(|value| (&b"host"[..], value));
    let others = headers.iter().filter(|(name, _)| !name.starts_with(b":"));
    let others = others.map(|(name, value)| (&name[..], &value[..]));
    let is_connect = headers.get(":method") == Some(b"CONNECT");
    let target = if is_connect { ":authority" } else { ":path" };
    Received {
        protocol: Protocol::Http11,
        over_tls,
        method: headers.get(":method").unwrap_or_default(),
        target: headers.get(target).unwrap_or_default(),
        fields: host.into_iter().chain(others).collect(),
    }
}

fn trimmed(headers: &Headers) -> Headers {
    let mut trimmed = Headers::new(HeaderMap::Request);
    for (name, value) in headers.iter() {
        trimmed.add(name, value.trim_ascii());
    }
    trimmed
}

/// What the connection manager answers to a request that the codec accepts.
fn refused_by_manager(decoded: &Decoded<'_>) -> Option<Refusal> {
    let headers = &decoded.headers;
    let checked = check_headers(headers).and_then(|()| match decoded.target.path {
        Some(path) => check_path(path, PATH_RULES).map(|_| ()),
        None => Ok(()),
    });
    if let Err(error) = checked {
        return Some(refusal(error, "", 0));
    }
    let upgrades = decoded.target.path.is_some() && upgrade::wanted(headers).is_some();
    // No route of this proxy allows one.
    upgrades.then(|| codec::refusal(403, "upgrade_failed", "", 0))
}

fn refusal(error: Refused, body: &str, flags: i64) -> Refusal {
    codec::refusal(u32::from(error.status), error.details, body, flags)
}

impl Response {
    /// A response as an HTTP/1 upstream sends it: turned into what the first filter sees of it.
    #[must_use]
    pub fn received(mut self) -> Self {
        let long = self.body.iter().any(|piece| !piece.is_empty()) || self.trailers.is_some();
        if long && self.headers.get("content-length").is_none() {
            self.headers.set(b"transfer-encoding", b"chunked");
        }
        self.headers.set(b"x-envoy-upstream-service-time", b"0");
        self
    }
}

/// Makes of a response's headers what the connection manager sends to the client.
pub(crate) fn send(headers: &mut Headers) {
    if headers.get("upgrade").is_none() {
        headers.remove(b"connection");
    }
    for name in ["keep-alive", "proxy-connection", "transfer-encoding"] {
        headers.remove(name.as_bytes());
    }
}
