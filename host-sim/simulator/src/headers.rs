//! A header map as Envoy keeps one: ordered, lower-case names, pseudo headers first, some names never repeated.
//!
//! It does not judge names or values: that is the codec's work on either side of the filters.

use crate::limits;
use std::ops::Deref;

/// Which header map it is: Envoy joins repeated values of other names in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderKind {
    /// Of a request; `host` is another name for `:authority`.
    #[default]
    Request,
    /// Of a response.
    Response,
    /// Trailers, either way.
    Trailers,
}

/// Headers, in order. Reads like a slice of pairs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    kind: HeaderKind,
    list: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Headers {
    /// An empty map.
    pub fn new(kind: HeaderKind) -> Self {
        Self {
            kind,
            list: Vec::new(),
        }
    }

    /// A map of these pairs as they are: already lower-case, pseudo headers first.
    pub fn from_list(kind: HeaderKind, list: Vec<(Vec<u8>, Vec<u8>)>) -> Self {
        Self { kind, list }
    }

    /// The pairs, for whoever wants to own them.
    pub fn into_list(self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.list
    }

    /// The first value under this name, in any case.
    pub fn get(&self, name: &(impl AsRef<[u8]> + ?Sized)) -> Option<&[u8]> {
        let name = self.real_name(name.as_ref());
        let found = self.list.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }

    /// The first value under this name as text, if it is UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Every value under this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let name = self.real_name(name.as_bytes());
        let same = self
            .list
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        same.map(|(_, value)| value.as_slice())
    }

    /// Adds a value. A name that Envoy keeps once has it joined to the value it has.
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        let name = self.real_name(name).to_ascii_lowercase();
        if kept_once(self.kind, &name)
            && let Some((_, present)) = self.list.iter_mut().find(|(key, _)| *key == name)
        {
            if !value.is_empty() {
                if !present.is_empty() {
                    present.push(b',');
                }
                present.extend_from_slice(value);
            }
            return;
        }
        let place = match name.first() {
            Some(b':') => self
                .list
                .iter()
                .take_while(|(key, _)| key.first() == Some(&b':'))
                .count(),
            _ => self.list.len(),
        };
        self.list.insert(place, (name, value.to_vec()));
    }

    /// Gives a name this value and no other, behind all others: Envoy removes and adds.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        self.add(name, value);
    }

    /// As [`Headers::set`], but in the place of the value that is there: how a test writes a map, not how Envoy changes one.
    pub(crate) fn overwrite(&mut self, name: &[u8], value: &[u8]) {
        match self.list.iter_mut().find(|(key, _)| key == name) {
            Some((_, present)) => *present = value.to_vec(),
            None => self.add(name, value),
        }
    }

    /// Takes every value of a name away.
    pub fn remove(&mut self, name: &[u8]) {
        let name = self.real_name(name).to_ascii_lowercase();
        self.list.retain(|(key, _)| *key != name);
    }

    /// Puts these pairs in place of everything.
    pub(crate) fn replace_all(&mut self, pairs: &[(&[u8], &[u8])]) {
        self.list.clear();
        for (name, value) in pairs {
            self.add(name, value);
        }
    }

    /// The bytes of all names and values, as Envoy counts them.
    pub fn byte_size(&self) -> usize {
        self.list
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum()
    }

    /// The bytes that the map takes, as the budget counts them.
    pub(crate) fn weight(&self) -> usize {
        self.byte_size() + self.list.len() * limits::ENTRY_BYTES
    }

    fn real_name<'n>(&self, name: &'n [u8]) -> &'n [u8] {
        match self.kind {
            HeaderKind::Request if name.eq_ignore_ascii_case(b"host") => b":authority",
            _ => name,
        }
    }
}

impl Deref for Headers {
    type Target = [(Vec<u8>, Vec<u8>)];

    fn deref(&self) -> &Self::Target {
        &self.list
    }
}

/// Names that Envoy 1.40 keeps in a field of their own, so that a second value joins the first (`source/common/http/header_map_impl.cc`).
fn kept_once(kind: HeaderKind, name: &[u8]) -> bool {
    let Ok(name) = std::str::from_utf8(name) else {
        return false;
    };
    let both = ONCE.contains(&name);
    match kind {
        HeaderKind::Request => both || ONCE_IN_REQUESTS.contains(&name),
        HeaderKind::Response => both || ONCE_IN_RESPONSES.contains(&name),
        HeaderKind::Trailers => matches!(name, "grpc-status" | "grpc-message"),
    }
}

const ONCE: &[&str] = &[
    "connection",
    "content-length",
    "content-type",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-envoy-attempt-count",
    "x-envoy-decorator-operation",
    "x-request-id",
];

const ONCE_IN_REQUESTS: &[&str] = &[
    ":authority",
    ":method",
    ":path",
    ":protocol",
    ":scheme",
    "accept",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "access-control-request-private-network",
    "authorization",
    "cache-control",
    "cdn-loop",
    "content-encoding",
    "expect",
    "grpc-accept-encoding",
    "grpc-timeout",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "origin",
    "pragma",
    "proxy-status",
    "referer",
    "te",
    "user-agent",
    "x-client-trace-id",
    "x-envoy-downstream-service-cluster",
    "x-envoy-downstream-service-node",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-external-address",
    "x-envoy-force-trace",
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-internal",
    "x-envoy-ip-tags",
    "x-envoy-is-timeout-retry",
    "x-envoy-max-retries",
    "x-envoy-original-host",
    "x-envoy-original-path",
    "x-envoy-original-url",
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
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
];

const ONCE_IN_RESPONSES: &[&str] = &[
    ":status",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-allow-private-network",
    "access-control-expose-headers",
    "access-control-max-age",
    "age",
    "cache-control",
    "content-encoding",
    "date",
    "etag",
    "expires",
    "grpc-message",
    "grpc-status",
    "last-modified",
    "location",
    "proxy-status",
    "server",
    "vary",
    "x-envoy-degraded",
    "x-envoy-immediate-health-check-fail",
    "x-envoy-ratelimited",
    "x-envoy-upstream-canary",
    "x-envoy-upstream-healthchecked-cluster",
    "x-envoy-upstream-service-time",
];
