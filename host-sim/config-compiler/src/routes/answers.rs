//! Rules that Envoy answers itself: redirects and direct responses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fingerpost_envoy_config::core::DataSource;
use fingerpost_envoy_config::route::{DirectResponseAction, RedirectAction, RedirectResponseCode};
use fingerpost_resources::{DirectBody, HttpDirectResponse, HttpRedirect, RedirectPort};

use crate::matching::GatewayPort;

/// Istio route.go, `ApplyRedirect`; docs/istio-routing.md 3.2.
pub(super) fn redirect(
    given: &HttpRedirect,
    gateway_port: GatewayPort<'_>,
    server_has_tls: bool,
) -> RedirectAction {
    let (path_redirect, prefix_rewrite) = if given.prefix_rewrite.is_empty() {
        (Some(given.uri.clone()), None)
    } else {
        (None, Some(given.prefix_rewrite.clone()))
    };
    let port = match given.redirect_port {
        Some(RedirectPort::Number(number)) => number,
        Some(RedirectPort::FromRequestPort) => gateway_port.port,
        Some(RedirectPort::FromProtocolDefault) | None => 0,
    };
    let scheme = match given.scheme.as_str() {
        "" if server_has_tls => "https",
        "" => "http",
        scheme => scheme,
    };
    let is_default = (scheme == "http" && port == 80) || (scheme == "https" && port == 443);
    RedirectAction {
        path_redirect,
        prefix_rewrite,
        host_redirect: given.authority.clone(),
        scheme_redirect: given.scheme.clone(),
        port_redirect: if is_default { 0 } else { port },
        // A code that Envoy does not have is an error: `refused`.
        response_code: redirect_code(given.redirect_code.unwrap_or(0)).unwrap_or_default(),
    }
}

/// Envoy has no redirect with that status.
#[derive(Debug)]
pub(crate) struct UnknownRedirect;

/// Envoy's code of a redirect's status (istio route.go, `ApplyRedirect`).
pub(crate) fn redirect_code(status: u32) -> Result<RedirectResponseCode, UnknownRedirect> {
    Ok(match status {
        0 | 301 => RedirectResponseCode::MovedPermanently,
        302 => RedirectResponseCode::Found,
        303 => RedirectResponseCode::SeeOther,
        307 => RedirectResponseCode::TemporaryRedirect,
        308 => RedirectResponseCode::PermanentRedirect,
        _ => return Err(UnknownRedirect),
    })
}

/// An answer with this status and body; the status is 200 where none is given.
pub(super) fn direct_response(given: &HttpDirectResponse) -> DirectResponseAction {
    DirectResponseAction {
        status: given.status.unwrap_or(200),
        body: given.body.as_ref().map(|body| match body {
            DirectBody::Text(text) => DataSource::InlineString(text.clone()),
            DirectBody::Bytes(bytes) => DataSource::InlineBytes(BASE64.encode(bytes)),
        }),
    }
}
