//! Where a redirect leads: Envoy's `RedirectAction`, and the one to HTTPS of a whole virtual host.

use fingerpost_envoy_config::route::{RedirectAction, RedirectResponseCode};
use fingerpost_envoy_http::header_map::{Headers, get};

use crate::ModelError;
use crate::rewrite::Rewrite;
use crate::route_match::PathMatch;

/// A redirect.
#[derive(Debug)]
pub(crate) struct Redirect {
    pub(crate) status: u16,
    scheme: Option<String>,
    host: Option<String>,
    port: Option<u32>,
    path: NewPath,
}

#[derive(Debug)]
enum NewPath {
    /// As it was.
    Kept,
    /// This text; if it has a query, it replaces the query too.
    Whole(String),
    Rewritten(Rewrite),
}

impl Redirect {
    pub(crate) fn read(action: RedirectAction) -> Result<Self, ModelError> {
        let RedirectAction {
            path_redirect,
            prefix_rewrite,
            host_redirect,
            scheme_redirect,
            port_redirect,
            response_code,
        } = action;
        let given = |text: String| Some(text).filter(|it| !it.is_empty());
        let path = match Rewrite::read(prefix_rewrite, None)? {
            Some(rewrite) => NewPath::Rewritten(rewrite),
            None => path_redirect
                .and_then(given)
                .map_or(NewPath::Kept, NewPath::Whole),
        };
        Ok(Self {
            status: match response_code {
                RedirectResponseCode::MovedPermanently => 301,
                RedirectResponseCode::Found => 302,
                RedirectResponseCode::SeeOther => 303,
                RedirectResponseCode::TemporaryRedirect => 307,
                RedirectResponseCode::PermanentRedirect => 308,
            },
            scheme: given(scheme_redirect),
            host: given(host_redirect),
            port: Some(port_redirect).filter(|it| *it != 0),
            path,
        })
    }

    /// The `location` that it sends `request` to, on a route with this match.
    pub(crate) fn location(&self, request: &Headers, matched: &PathMatch) -> Vec<u8> {
        let old_scheme = get(request, ":scheme").unwrap_or_default();
        let scheme = self.scheme.as_ref().map_or(old_scheme, |it| it.as_bytes());
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let host = match &self.host {
            Some(host) => host.as_bytes(),
            None => kept_host(request, scheme, !port.is_empty()),
        };
        let target = get(request, ":path").unwrap_or_default();
        let query = target
            .iter()
            .position(|byte| *byte == b'?')
            .map_or(&[][..], |at| &target[at..]);
        let path = match &self.path {
            NewPath::Kept => target.to_vec(),
            NewPath::Whole(path) if path.contains('?') => path.as_bytes().to_vec(),
            NewPath::Whole(path) => [path.as_bytes(), query].concat(),
            NewPath::Rewritten(rewrite) => rewrite.apply(target, matched).unwrap_or_else(|| target.to_vec()),
        };
        let slash: &[u8] = if path.starts_with(b"/") { b"" } else { b"/" };
        [scheme, b"://", host, port.as_bytes(), slash, &path].concat()
    }
}

/// The request's own host. It loses its port to a new one, and the default port of the old scheme to a new scheme.
fn kept_host<'h>(request: &'h Headers, scheme: &[u8], has_new_port: bool) -> &'h [u8] {
    let host = get(request, ":authority").unwrap_or_default();
    let Some(colon) = port_start(host) else {
        return host;
    };
    let (name, port) = host.split_at(colon);
    let came_by = get(request, "x-forwarded-proto").unwrap_or_default();
    let is_default = match came_by {
        b"https" => port == b":443",
        b"http" => port == b":80",
        _ => false,
    };
    match has_new_port || (scheme != came_by && is_default) {
        true => name,
        false => host,
    }
}

/// Where the port begins, with its colon; the colons of an IPv6 address are none.
fn port_start(host: &[u8]) -> Option<usize> {
    let colon = host.iter().rposition(|byte| *byte == b':')?;
    let in_brackets = host.first() == Some(&b'[') && host.get(colon.wrapping_sub(1)) != Some(&b']');
    (!in_brackets).then_some(colon)
}

/// Where `require_tls` sends a request.
pub(crate) fn to_https(request: &Headers) -> Vec<u8> {
    let host = get(request, ":authority").unwrap_or_default();
    let target = get(request, ":path").unwrap_or_default();
    [b"https://", host, target].concat()
}

/// Where a direct response with a status that wants a `location` sends a request: to where it came from.
pub(crate) fn to_itself(request: &Headers) -> Vec<u8> {
    let scheme = get(request, ":scheme").unwrap_or_default();
    let target = get(request, ":path").unwrap_or_default();
    [scheme, b"://", kept_host(request, scheme, false), target].concat()
}
