//! A URL as people write it, in the parts that matter to a proxy.

use std::str::FromStr;

use serde::Serialize;

/// How the client speaks to the listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Plain text.
    Http,
    /// TLS.
    Https,
}

/// A URL, in the parts that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// None: whatever the listener speaks.
    pub scheme: Option<Scheme>,
    /// The host, with the port if there is one.
    pub authority: String,
    /// The path with the query. A fragment stays with the client.
    pub target: String,
}

impl Scheme {
    /// `http` or `https`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port where a URL names none.
    #[must_use]
    pub fn port(self) -> u32 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Url {
    /// The port in the URL.
    #[must_use]
    pub fn port(&self) -> Option<u32> {
        let (host, port) = self.authority.rsplit_once(':')?;
        let is_address = host.starts_with('[') && !host.ends_with(']'); // the colon is inside `[…]`
        port.parse().ok().filter(|_| !is_address)
    }
}

/// Which server name a TLS client sends (SNI).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ServerName {
    /// The host of the URL, as curl and browsers do; none if that is an address (RFC 6066, section 3).
    #[default]
    OfUrl,
    /// This one.
    Given(String),
    /// None.
    Omitted,
}

impl ServerName {
    /// What a user gives for it: an empty text for none.
    #[must_use]
    pub fn parse(given: Option<&str>) -> Self {
        match given {
            None => Self::OfUrl,
            Some("") => Self::Omitted,
            Some(name) => Self::Given(name.to_owned()),
        }
    }

    /// What is sent to a server with this authority.
    #[must_use]
    pub fn for_host(&self, authority: &str) -> Option<String> {
        match self {
            Self::Given(name) => Some(name.clone()),
            Self::Omitted => None,
            Self::OfUrl => {
                let host = host_of(authority);
                let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
                (!is_address).then(|| host.to_owned())
            }
        }
    }
}

/// An authority without its port.
#[must_use]
pub fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
        Some(_) | None => authority,
    }
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Some(Scheme::Http), rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Some(Scheme::Https), rest),
            Some((scheme, _)) if scheme.bytes().all(|it| it.is_ascii_alphanumeric()) => {
                return Err(format!(
                    "`{scheme}` is neither http nor https; for a port of another protocol, write http://HOST:PORT/"
                ));
            }
            Some(_) | None => (None, text),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.is_empty() {
            return Err("it names no host: expected e.g. http://shop.example.com/cart".to_owned());
        }
        let target = target.split('#').next().unwrap_or_default();
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self {
            scheme,
            authority: authority.to_owned(),
            target: format!("{slash}{target}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_in_parts() {
        for (text, scheme, authority, target) in [
            ("http://a.com/b?c=d", Some(Scheme::Http), "a.com", "/b?c=d"),
            ("HTTPS://a.com:8443", Some(Scheme::Https), "a.com:8443", "/"),
            ("a.com/b#c", None, "a.com", "/b"),
            ("http://a.com?q", Some(Scheme::Http), "a.com", "/?q"),
            ("a.com/x?u=http://b", None, "a.com", "/x?u=http://b"),
        ] {
            let url: Url = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            let parts = (url.scheme, url.authority.as_str(), url.target.as_str());
            assert_eq!(parts, (scheme, authority, target), "{text}");
        }
        for text in ["/path", "ftp://a.com/", ""] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_client_sends_no_address_as_server_name() {
        for (given, authority, sent) in [
            (None, "a.com:8443", Some("a.com")),
            (None, "10.0.0.1", None),
            (None, "[::1]:443", None),
            (Some("b.com"), "a.com", Some("b.com")),
            (Some(""), "a.com", None),
        ] {
            let sni = ServerName::parse(given).for_host(authority);
            assert_eq!(sni.as_deref(), sent, "{given:?} {authority}");
        }
    }

    #[test]
    fn the_port_is_what_follows_the_host() {
        let port = |text: &str| text.parse::<Url>().ok().and_then(|it| it.port());
        assert_eq!(port("http://a.com:8080/"), Some(8080));
        assert_eq!(port("http://a.com/"), None);
        assert_eq!(port("http://[::1]/"), None);
        assert_eq!(port("http://[::1]:81/"), Some(81));
    }
}
