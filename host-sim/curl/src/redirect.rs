//! Which request follows a redirect, as curl's `-L` does it.
//!
//! 301, 302 and 303 turn POST into GET, and 303 every other method too, except HEAD; other statuses keep the method. `-X` is
//! sent to every URL. Credentials stay with the host that they were given for. The rules are those of curl's
//! `Curl_http_follow` (`lib/http.c`) and of its manual.

use std::fmt;

use fingerpost_simulated_proxy::{Scheme, Url, host_of};

use crate::request::{CurlRequest, HostHeader};
use crate::url_parts;

/// Follows redirects from one request, and knows those that it has seen.
#[derive(Debug, Default)]
pub struct Redirects {
    seen: Vec<SeenRequest>,
}

/// What tells the requests of one chain apart.
#[derive(Debug, PartialEq, Eq)]
struct SeenRequest {
    method: String,
    /// With the port, even the usual one.
    url: String,
    host: HostHeader,
}

/// Why redirects are not followed any further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// This request was answered before.
    Repeats(String),
    /// As many as `--max-redirs` allows, or as this command follows where it allows any number, were followed.
    TooMany(u32),
    /// The location is no URL that HTTP can be spoken to.
    NotFollowed(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repeats(request) => {
                write!(f, "the redirects never end: they lead to {request} again")
            }
            Self::TooMany(number) => {
                write!(
                    f,
                    "stopped after {number} redirects: no more are followed (--max-redirs)"
                )
            }
            Self::NotFollowed(reason) => write!(f, "the redirect is not followed: {reason}"),
        }
    }
}

impl Redirects {
    /// The request after `request`, which was answered with this status and location.
    ///
    /// # Errors
    /// The reason why there is none.
    pub fn next(&mut self, request: &CurlRequest, status: u16, location: &str) -> Result<CurlRequest, Stop> {
        self.seen.push(SeenRequest::of(request));
        let url = url_parts::join(&request.url, location).map_err(|it| Stop::NotFollowed(it.to_string()))?;
        let next = follow(request, status, url);
        let wanted = SeenRequest::of(&next);
        if self.seen.contains(&wanted) {
            let url = &next.url;
            let scheme = url.scheme.map_or("http", Scheme::as_str);
            return Err(Stop::Repeats(format!(
                "{} {scheme}://{}{}",
                next.method, url.authority, url.target
            )));
        }
        let most = request.following.most;
        if self.seen.len() > most as usize {
            return Err(Stop::TooMany(most));
        }
        Ok(next)
    }
}

impl SeenRequest {
    fn of(request: &CurlRequest) -> Self {
        let url = &request.url;
        let scheme = url.scheme.unwrap_or(Scheme::Http);
        let host = host_of(&url.authority).to_ascii_lowercase();
        let port = url.port().unwrap_or(scheme.port());
        Self {
            method: request.method.clone(),
            url: format!("{}://{host}:{port}{}", scheme.as_str(), url.target),
            host: request.host.clone(),
        }
    }
}

fn follow(request: &CurlRequest, status: u16, url: Url) -> CurlRequest {
    let following = &request.following;
    let mut next = request.clone();
    next.notes = Vec::new();
    let keeps_post = following.is_post && following.keeps_post.contains(&status);
    let becomes_get = match status {
        301 | 302 => following.is_post && !keeps_post,
        303 => !keeps_post,
        _ => false,
    };
    if becomes_get {
        next.following.is_post = false;
        if !following.keeps_method && next.method != "HEAD" {
            next.method = "GET".to_owned();
        }
        // The body is not sent again, even where -X keeps the method.
        next.headers
            .retain(|(name, _)| !following.headers_of_body.contains(name));
    }
    let port = |url: &Url| url.port().or(url.scheme.map(Scheme::port));
    let is_same_origin = host_of(&url.authority).eq_ignore_ascii_case(host_of(&request.url.authority))
        && port(&url) == port(&request.url)
        && url.scheme == request.url.scheme;
    if !is_same_origin && !following.is_trusted {
        let is_private =
            |name: &str| name == "authorization" || (name == "cookie" && following.cookies_are_private);
        next.headers.retain(|(name, _)| !is_private(name));
    }
    // A `host` header was meant for the first host.
    if !host_of(&url.authority).eq_ignore_ascii_case(&following.first_host) {
        next.host = HostHeader::OfUrl;
    }
    if following.sets_referer {
        next.headers.retain(|(name, _)| name != "referer");
        let scheme = request.url.scheme.map_or("http", Scheme::as_str);
        let referer = format!("{scheme}://{}{}", request.url.authority, request.url.target);
        next.headers.push(("referer".to_owned(), referer));
    }
    next.connect_port = following.connect_port(&url);
    next.url = url;
    next
}
