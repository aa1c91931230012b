//! The native routes by which upgrades are refused, in a table whose routes are found by key.
//!
//! Envoy refuses an upgrade to a protocol that it does not allow with 403 before any filter runs, but only where a route takes the
//! request by then, and with that route's edits of the response; where none does, the filters run and the answer is 404
//! (`ConnectionManagerImpl::ActiveStream::decodeHeaders`). Without a key no route takes a request, so the filter decides: it leads an
//! upgrade that a rule takes to one of these. Which requests are upgrades is decided in `fingerpost-routing`.

use fingerpost_envoy_config::route::{Action, DirectResponseAction, PathSpecifier, Route as EnvoyRoute};

use crate::header_edits::Edits;
use crate::routes::route::{Route, Share};

/// The protocols that a gateway lets its clients go on in.
pub(crate) const ALLOWED: [&str; 1] = ["websocket"];

/// The native route that refuses without edits.
pub(crate) fn plain() -> EnvoyRoute {
    let refused = Action::DirectResponse(DirectResponseAction {
        status: 403,
        body: None,
    });
    EnvoyRoute::new(PathSpecifier::Prefix(String::new()).into(), refused)
}

/// The native route that refuses for a route that forwards, or for one of its shares. None if they do not edit responses.
pub(crate) fn with_edits(route: &Route<'_>, share: Option<&Share>) -> Option<EnvoyRoute> {
    let of_rule = &route.edits.response;
    let joined = share.map(|it| it.edits.response.before(of_rule));
    let edits: &Edits = joined.as_ref().unwrap_or(of_rule);
    (!edits.is_empty()).then(|| EnvoyRoute {
        // An edit can show it.
        name: route.name.clone(),
        response_headers_to_add: edits.to_add(),
        response_headers_to_remove: edits.to_remove(),
        ..plain()
    })
}
