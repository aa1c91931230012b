//! Requests to go on in another protocol, such as WebSocket, and CONNECT: which of them the proxy refuses.
//!
//! Envoy judges an upgrade before the filters run, and refuses it with 403 only if the request has a route by then. Where the filter
//! chooses the route, it is for the filter to refuse. What Envoy does not read as an upgrade (`connection` must name it) has no
//! `upgrade` header any more when filters run, so the header alone decides, as for Envoy itself.
//!
//! Source: Envoy's `mutateRequestHeaders` in `conn_manager_utility.cc`, `createUpgradeFilterChain` in `filter_manager.cc`, and
//! `decodeHeaders` in `conn_manager_impl.cc`.

use crate::{DispatchKey, RequestHead};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Which upgrades the proxy allows, and the native routes that answer the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrades {
    /// The protocols that it allows; case plays no part.
    pub allowed: Vec<Box<str>>,
    /// The native route that refuses.
    pub refused_by: DispatchKey,
    /// By the key of a native route that edits responses: the one that refuses with these edits.
    pub refused_with_edits_by: BTreeMap<Box<str>, DispatchKey>,
}

impl Upgrades {
    /// Whether the request is an upgrade that the proxy does not allow.
    #[inline(never)]
    pub(crate) fn refuse(&self, head: &RequestHead<'_>) -> bool {
        let is_upgrade = |(name, _): &&(&[u8], &[u8])| name.eq_ignore_ascii_case(b"upgrade");
        let mut upgrades = head.headers().iter().filter(is_upgrade);
        let protocol = match (upgrades.next(), upgrades.next()) {
            (Some((_, protocol)), None) => *protocol,
            // Envoy joins them to one text, which names no protocol.
            (Some(_), Some(_)) => return true,
            (None, _) => match head.method() {
                Some(method @ b"CONNECT") => method,
                Some(_) | None => return false,
            },
        };
        let mut allowed = self.allowed.iter();
        !allowed.any(|it| it.as_bytes().eq_ignore_ascii_case(protocol))
    }

    /// The native route that refuses a request for which this one was chosen.
    pub(crate) fn refusal(&self, chosen: &DispatchKey) -> &DispatchKey {
        let edited = self.refused_with_edits_by.get(chosen.as_str());
        edited.unwrap_or(&self.refused_by)
    }
}

#[cfg(test)]
mod tests {
    use super::Upgrades;
    use crate::{DispatchKey, Header, RequestHead};
    use alloc::collections::BTreeMap;
    use alloc::vec;
    use alloc::vec::Vec;

    #[track_caller]
    fn check(method: &str, values: &[&str], refused: bool) {
        let upgrades = Upgrades {
            allowed: vec!["websocket".into()],
            refused_by: DispatchKey::parse("refused").unwrap(),
            refused_with_edits_by: BTreeMap::new(),
        };
        let headers: Vec<Header<'_>> = values
            .iter()
            .map(|it| (&b"Upgrade"[..], it.as_bytes()))
            .chain([(&b"x-upgrade"[..], &b"other"[..])])
            .collect();
        let head = RequestHead::new(None, Some(b"/"))
            .with_method(Some(method.as_bytes()))
            .with_headers(&headers);
        assert_eq!(upgrades.refuse(&head), refused, "{method} {values:?}");
    }

    #[test]
    fn what_has_no_upgrade_header_is_no_upgrade() {
        check("GET", &[], false);
    }

    #[test]
    fn an_allowed_protocol_is_named_whole_and_in_any_case() {
        check("GET", &["websocket"], false);
        check("GET", &["WebSocket"], false);
        for other in ["", "other", "websocket, other", "websocket ", "websocket/13"] {
            check("GET", &[other], true);
        }
    }

    #[test]
    fn a_repeated_header_is_one_text() {
        check("GET", &["websocket", "websocket"], true);
        check("GET", &["other", "websocket"], true);
    }

    #[test]
    fn connect_is_an_upgrade_unless_it_names_another_protocol() {
        check("CONNECT", &[], true);
        check("CONNECT", &["websocket"], false);
        check("connect", &[], false);
    }
}
