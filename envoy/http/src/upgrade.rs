//! Requests that want to go on in another protocol: WebSocket and the like, and `CONNECT`.
//!
//! Decides what counts as one, and that HTTP/2 over plain text is ignored. Which upgrades are allowed is configuration.
//! Source: `Utility::isUpgrade` in Envoy's `source/common/http/utility.cc`, and `http1/codec_impl.cc`. Tried with Envoy 1.40.

use std::borrow::Cow;

use crate::header_map::{Headers, get, remove, set};

/// The protocol that a request wants to go on in, in lower case: that of `upgrade`, or `connect`.
#[must_use]
pub fn wanted(headers: &Headers) -> Option<Cow<'_, str>> {
    if get(headers, ":method") == Some(b"CONNECT") {
        return Some(Cow::Borrowed("connect"));
    }
    let wanted = get(headers, "upgrade").filter(|_| connection_names(headers, "upgrade"))?;
    Some(Cow::Owned(String::from_utf8_lossy(wanted).to_ascii_lowercase()))
}

/// Removes the wish for HTTP/2, which Envoy's codec ignores.
pub(crate) fn forget_http2(headers: &mut Headers) {
    if wanted(headers).as_deref() != Some("h2c") {
        return;
    }
    remove(headers, "upgrade");
    remove(headers, "http2-settings");
    let connection = get(headers, "connection").unwrap_or_default();
    let is_kept = |token: &[u8]| {
        !["upgrade", "http2-settings"]
            .iter()
            .any(|it| token.eq_ignore_ascii_case(it.as_bytes()))
    };
    let kept: Vec<&[u8]> = tokens(connection).filter(|it| is_kept(it)).collect();
    match kept.join(&b","[..]) {
        none if none.is_empty() => remove(headers, "connection"),
        some => set(headers, "connection", some),
    }
}

fn connection_names(headers: &Headers, name: &str) -> bool {
    let connection = get(headers, "connection").unwrap_or_default();
    tokens(connection).any(|it| it.eq_ignore_ascii_case(name.as_bytes()))
}

/// The items of a list, without blanks around them and without empty ones.
pub(crate) fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{forget_http2, wanted};
    use crate::header_map::Headers;

    fn headers(rows: &[(&str, &str)]) -> Headers {
        let bytes = |text: &str| text.as_bytes().to_vec();
        rows.iter()
            .map(|(name, value)| (bytes(name), bytes(value)))
            .collect()
    }

    #[test]
    fn an_upgrade_takes_both_headers() {
        for (connection, upgrade, expected) in [
            ("keep-alive, Upgrade", Some("WebSocket"), Some("websocket")),
            ("upgrade", Some(""), Some("")),
            ("upgrade", None, None),
            ("close", Some("websocket"), None),
            ("x-upgrade", Some("websocket"), None),
        ] {
            let rows = [
                Some(("connection", connection)),
                upgrade.map(|it| ("upgrade", it)),
            ];
            let headers = headers(&rows.into_iter().flatten().collect::<Vec<_>>());
            assert_eq!(wanted(&headers).as_deref(), expected, "{connection}, {upgrade:?}");
        }
        assert_eq!(
            wanted(&headers(&[(":method", "CONNECT")])).as_deref(),
            Some("connect")
        );
    }

    #[test]
    fn an_upgrade_to_http2_is_ignored() {
        let upgrade = [
            ("connection", "Upgrade, close , HTTP2-Settings"),
            ("upgrade", "H2C"),
            ("http2-settings", "AAMA"),
        ];
        let mut wished = headers(&upgrade);
        forget_http2(&mut wished);
        assert_eq!(wished, headers(&[("connection", "close")]));
        let mut alone = headers(&upgrade[1..]);
        forget_http2(&mut alone);
        assert_eq!(alone, headers(&upgrade[1..]));
    }
}
