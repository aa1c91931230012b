//! Headers that a client asks to be removed, by naming them in `connection` (RFC 9110, 7.6.1).
//!
//! Source: `Utility::sanitizeConnectionHeader` in Envoy's `source/common/http/utility.cc`. Tried with Envoy 1.40.

use crate::header_map::{Headers, get, remove, set};
use crate::upgrade::tokens;

/// With as many names, the request is refused.
const TOO_MANY: usize = 10;
/// With as long a `te`, a request that names it is refused.
const TOO_LONG_TE: usize = 256;

/// Headers that a client may not have removed, besides pseudo headers.
const PROTECTED: &[&str] = &["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];
/// Words about the connection, which name no header.
const OPTIONS: &[&str] = &["close", "connection", "http2-settings", "keep-alive", "upgrade"];

/// `connection` names a header that a client may not have removed, or too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forbidden;

/// Removes the headers that `connection` names. `host` is one of them: then the request has no authority.
pub(crate) fn remove_nominated(headers: &mut Headers) -> Result<(), Forbidden> {
    let connection = get(headers, "connection")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let names: Vec<&[u8]> = tokens(&connection).collect();
    if names.len() >= TOO_MANY {
        return Err(Forbidden);
    }
    for name in names {
        // A name that is not UTF-8 is not the name of a header.
        let Ok(name) = std::str::from_utf8(name) else {
            continue;
        };
        match name {
            "host" => remove(headers, ":authority"),
            "te" => keep_trailers(headers)?,
            _ if name.starts_with(':') || PROTECTED.contains(&name) => return Err(Forbidden),
            _ if OPTIONS.contains(&name) => {}
            _ => remove(headers, name),
        }
    }
    Ok(())
}

/// A nominated `te` keeps its wish for trailers.
fn keep_trailers(headers: &mut Headers) -> Result<(), Forbidden> {
    let Some(te) = get(headers, "te") else {
        return Ok(());
    };
    if te.len() >= TOO_LONG_TE {
        return Err(Forbidden);
    }
    if tokens(te).any(|it| it.eq_ignore_ascii_case(b"trailers")) {
        set(headers, "te", "trailers");
    } else {
        remove(headers, "te");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Forbidden, remove_nominated};
    use crate::header_map::{Headers, get};

    fn nominate(connection: &str, te: &str) -> Result<Headers, Forbidden> {
        let rows = [
            (":authority", "a"),
            ("connection", connection),
            ("te", te),
            ("x-a", "1"),
        ];
        let mut headers: Headers = rows.map(|(name, value)| (name.into(), value.into())).into();
        remove_nominated(&mut headers).map(|()| headers)
    }

    #[test]
    fn a_client_may_not_have_every_header_removed() {
        for connection in [
            ":path",
            ":x",
            "X-Forwarded-For",
            "close, x-forwarded-proto",
            "x-a,:method",
        ] {
            assert_eq!(nominate(connection, "gzip"), Err(Forbidden), "{connection}");
        }
        for connection in [
            "x-forwarded-foo",
            "x-a",
            "content-length",
            ";path",
            "\":path\"",
            "",
        ] {
            assert!(nominate(connection, "gzip").is_ok(), "{connection}");
        }
    }

    #[test]
    fn ten_names_are_too_many() {
        for name in ["y", "close"] {
            assert!(nominate(&[name; 9].join(","), "gzip").is_ok(), "{name}");
            assert_eq!(nominate(&[name; 10].join(","), "gzip"), Err(Forbidden), "{name}");
        }
        assert!(nominate(&",".repeat(20), "gzip").is_ok());
    }

    #[test]
    fn a_named_header_is_removed_and_te_keeps_trailers() {
        for (te, kept) in [
            ("gzip", None),
            ("gzip, Trailers", Some("trailers")),
            ("trailers;q=1", None),
        ] {
            let headers = nominate("x-a, Host, te", te).unwrap();
            assert_eq!(get(&headers, "te"), kept.map(str::as_bytes), "{te}");
            assert_eq!(get(&headers, ":authority"), None);
            assert_eq!(get(&headers, "x-a"), None);
        }
        assert_eq!(nominate("te", &"g".repeat(256)), Err(Forbidden));
        assert!(nominate("close", &"g".repeat(256)).is_ok());
    }
}
