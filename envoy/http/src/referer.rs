//! Which values Envoy accepts as a `referer`; it removes others.
//!
//! Source: `mutateRequestHeaders` in Envoy's `source/common/http/conn_manager_utility.cc`. Tried with Envoy 1.40.

/// Whether a value is a referer: a URL, or a reference relative to one, and neither with a user or a fragment.
pub(crate) fn is_referer(value: &[u8]) -> bool {
    let absolute = std::str::from_utf8(value)
        .ok()
        .and_then(|it| it.split_once("://"));
    match absolute {
        Some((scheme, rest)) if is_scheme(scheme) && is_hierarchy(rest) => true,
        _ => {
            let first_segment = value.split(|byte| *byte == b'/').next().unwrap_or_default();
            let is_allowed =
                |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:@/?".contains(byte);
            value.iter().all(is_allowed) && !first_segment.contains(&b':')
        }
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|it: char| it.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"+-.".contains(&it))
}

/// An authority without a user, a path and a query.
fn is_hierarchy(text: &str) -> bool {
    let (authority, rest) = text.split_at(text.find(['/', '?']).unwrap_or(text.len()));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_name = !host.is_empty()
        && host
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"-.".contains(&it));
    let is_address = host.starts_with('[') && host.ends_with(']');
    (is_name || is_address)
        && port.is_none_or(|it| it.parse::<u16>().is_ok())
        && rest.bytes().all(|it| it.is_ascii_graphic() && it != b'#')
}
