//! A request that a curl command line describes.

use fingerpost_simulated_proxy::{Url, host_of};

/// A request as curl would send it, less `user-agent` and `accept: */*`, which curl adds to every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurlRequest {
    /// As it is sent.
    pub method: String,
    /// Where it is sent.
    pub url: Url,
    /// The `host` header.
    pub host: HostHeader,
    /// The other headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The Gateway port that `--connect-to` leads to, if it names one.
    pub connect_port: Option<u32>,
    /// Whether `-L` is given.
    pub follows_redirects: bool,
    /// What the user should know about the command line, a line each.
    pub notes: Vec<String>,
    pub(crate) following: Following,
}

/// The `host` header of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum HostHeader {
    /// The host of the URL.
    #[default]
    OfUrl,
    /// Another one, or an empty one: `-H 'host: a'`, `-H 'host;'`.
    Given(String),
    /// None is sent: `-H 'host:'`.
    Removed,
}

/// What a request needs to know if it is redirected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Following {
    pub(crate) most: u32,
    /// What curl calls a POST: it has data or a form, whatever `-X` says.
    pub(crate) is_post: bool,
    /// `-X` is sent to every URL, whatever the status of a redirect asks for.
    pub(crate) keeps_method: bool,
    /// Credentials go to other hosts too.
    pub(crate) is_trusted: bool,
    /// `--post301`, `--post302`, `--post303`.
    pub(crate) keeps_post: Vec<u16>,
    /// The `referer` is always the URL before.
    pub(crate) sets_referer: bool,
    /// Headers that the body has brought along: they go when it goes.
    pub(crate) headers_of_body: Vec<String>,
    /// The cookies come from `-H`, and stay with their host; those of `-b` do not.
    pub(crate) cookies_are_private: bool,
    /// The pairs of `--connect-to`.
    pub(crate) connect_to: Vec<ConnectTo>,
    /// The host that a `host` header was given for.
    pub(crate) first_host: String,
}

/// `--connect-to HOST1:PORT1:HOST2:PORT2`. An empty part stands for any, or for the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectTo {
    pub(crate) host: String,
    pub(crate) port: Option<u32>,
    pub(crate) to_port: Option<u32>,
}

impl Following {
    /// The port that a connection to this URL goes to in the place of its own.
    pub(crate) fn connect_port(&self, url: &Url) -> Option<u32> {
        let port = url
            .port()
            .or(url.scheme.map(fingerpost_simulated_proxy::Scheme::port));
        let host = host_of(&url.authority);
        let found = self.connect_to.iter().find(|it| {
            let is_host = it.host.is_empty() || it.host.eq_ignore_ascii_case(host);
            is_host && (it.port.is_none() || it.port == port)
        });
        found?.to_port
    }
}

impl CurlRequest {
    /// The `host` header that is sent, if one is.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        match &self.host {
            HostHeader::OfUrl => Some(&self.url.authority),
            HostHeader::Given(host) => Some(host),
            HostHeader::Removed => None,
        }
    }
}
