//! Headers as Envoy keeps them: in order, names in lower case, pseudo headers among them.
//!
//! Which names are inline, so that a further value joins the first, is `fingerpost-envoy-http`'s to say.

pub(crate) use fingerpost_envoy_http::HeaderMap;
use fingerpost_envoy_http::is_inline;

/// Names and values. Pseudo headers come first.
pub type Headers = Vec<(Vec<u8>, Vec<u8>)>;

/// The first value.
pub(crate) fn get<'h>(headers: &'h Headers, name: &str) -> Option<&'h [u8]> {
    values(headers, name).next()
}

/// Every value, in order.
pub(crate) fn values<'h>(headers: &'h Headers, name: &str) -> impl Iterator<Item = &'h [u8]> {
    headers
        .iter()
        .filter(move |(key, _)| key == name.as_bytes())
        .map(|(_, value)| value.as_slice())
}

/// Puts this value in place of all others.
pub(crate) fn set(headers: &mut Headers, name: &str, value: impl Into<Vec<u8>>) {
    let mut value = Some(value.into());
    // The first of them keeps its place.
    headers.retain_mut(|(key, old)| match key == name.as_bytes() {
        false => true,
        true => value.take().map(|new| *old = new).is_some(),
    });
    if let Some(value) = value {
        headers.push((name.as_bytes().to_vec(), value));
    }
}

/// Adds a value after those that there are, or to the one of an inline name, where an empty one changes nothing.
pub(crate) fn add(headers: &mut Headers, map: HeaderMap, name: &str, value: &[u8]) {
    let earlier = headers
        .iter_mut()
        .find(|(key, _)| key == name.as_bytes() && is_inline(map, name));
    match earlier {
        Some(_) if value.is_empty() => {}
        Some((_, earlier)) => {
            if !earlier.is_empty() {
                earlier.push(b',');
            }
            earlier.extend_from_slice(value);
        }
        None => headers.push((name.as_bytes().to_vec(), value.to_vec())),
    }
}

/// Takes all values away.
pub(crate) fn remove(headers: &mut Headers, name: &str) {
    headers.retain(|(key, _)| key != name.as_bytes());
}

/// UTF-8, or else Latin-1: as an echo server notes what it receives.
pub(crate) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}
