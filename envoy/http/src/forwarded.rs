//! What trusted proxies before this one say about a client: its address in `x-forwarded-for`, its scheme in
//! `x-forwarded-proto`.
//!
//! Source: `mutateRequestHeaders` in Envoy's `source/common/http/conn_manager_utility.cc` and `getLastAddressFromXFF` in
//! `source/common/http/utility.cc`, for a connection manager with `use_remote_address`. Tried with Envoy 1.40.

use std::net::IpAddr;

use crate::header_map::{Headers, get};

/// The address of the client if so many proxies are trusted; none if it is the address of the connection, for no proxy
/// is trusted or there is no address where the first of them puts it.
#[must_use]
pub fn client_address(headers: &Headers, trusted_hops: u32) -> Option<IpAddr> {
    let last = usize::try_from(trusted_hops.checked_sub(1)?).ok()?;
    let addresses = std::str::from_utf8(get(headers, "x-forwarded-for")?).ok()?;
    let address = addresses.rsplit(',').nth(last)?;
    address.trim_matches([' ', '\t']).parse().ok()
}

/// The scheme that the client used: what trusted proxies say, else that of the connection.
///
/// The first is the value of `x-forwarded-proto`, which may be anything; the second that of `:scheme`.
#[must_use]
pub fn schemes<'h>(headers: &'h Headers, trusted_hops: u32, connection: &'h str) -> (&'h [u8], &'h [u8]) {
    let connection = connection.as_bytes();
    let said = get(headers, "x-forwarded-proto").filter(|_| trusted_hops > 0);
    let Some(said) = said else {
        return (connection, connection);
    };
    let is_scheme = said.eq_ignore_ascii_case(b"http") || said.eq_ignore_ascii_case(b"https");
    (said, if is_scheme { said } else { connection })
}

#[cfg(test)]
mod tests {
    use super::{client_address, schemes};
    use crate::header_map::Headers;

    fn headers(rows: &[(&str, &str)]) -> Headers {
        let rows = rows.iter();
        rows.map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    #[test]
    fn the_address_is_the_one_that_the_first_trusted_proxy_saw() {
        for (hops, forwarded, expected) in [
            (0, "192.0.2.1", None),
            (1, "192.0.2.1", Some("192.0.2.1")),
            (1, "192.0.2.9, 192.0.2.1", Some("192.0.2.1")),
            (2, "192.0.2.9, 192.0.2.1", Some("192.0.2.9")),
            (2, "192.0.2.1", None),
            (1, "unknown", None),
            (1, "2001:db8::1", Some("2001:db8::1")),
            (1, "", None),
        ] {
            let address = client_address(&headers(&[("x-forwarded-for", forwarded)]), hops);
            assert_eq!(
                address.map(|it| it.to_string()).as_deref(),
                expected,
                "{hops} {forwarded}"
            );
        }
        assert_eq!(client_address(&headers(&[]), 1), None);
    }

    #[test]
    fn the_scheme_is_what_a_trusted_proxy_says() {
        for (hops, said, expected) in [
            (0, Some("https"), ("http", "http")),
            (1, Some("https"), ("https", "https")),
            (1, Some("gopher"), ("gopher", "http")),
            (1, None, ("http", "http")),
        ] {
            let said: Vec<(&str, &str)> = said.map(|it| ("x-forwarded-proto", it)).into_iter().collect();
            let headers = headers(&said);
            let (forwarded, scheme) = schemes(&headers, hops, "http");
            let shown = (
                std::str::from_utf8(forwarded).expect("text"),
                std::str::from_utf8(scheme).expect("text"),
            );
            assert_eq!(shown, expected, "{hops} {said:?}");
        }
    }
}
