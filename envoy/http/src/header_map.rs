//! Headers as Envoy keeps them: in order, names in lower case, pseudo headers first.
//!
//! Decides what adding, setting and removing a header does. Which names are inline is in [`crate::is_inline`], which
//! names and values are accepted in [`crate::header`].
//! Source: Envoy `source/common/http/header_map_impl.cc`.

use crate::{HeaderMap, is_inline};

/// Names in lower case with their values; pseudo headers come first. A name may repeat.
pub type Headers = Vec<(Vec<u8>, Vec<u8>)>;

/// The first value of `name`, which is in lower case.
#[must_use]
pub fn get<'h>(headers: &'h Headers, name: &str) -> Option<&'h [u8]> {
    values(headers, name).next()
}

/// Every value of `name`, in order.
pub fn values<'h>(headers: &'h Headers, name: &str) -> impl Iterator<Item = &'h [u8]> {
    headers
        .iter()
        .filter(move |(key, _)| key == name.as_bytes())
        .map(|(_, value)| value.as_slice())
}

/// Replaces every value of `name` by this one, at the position of the first.
pub fn set(headers: &mut Headers, name: &str, value: impl Into<Vec<u8>>) {
    let mut value = Some(value.into());
    headers.retain_mut(|(key, old)| {
        if key != name.as_bytes() {
            return true;
        }
        value.take().map(|new| *old = new).is_some()
    });
    if let Some(value) = value {
        insert(headers, name.as_bytes(), value);
    }
}

/// Adds a value of `name`. An inline header has one value, to which a further one is appended behind a comma; an empty
/// value changes nothing there.
pub fn add(headers: &mut Headers, map: HeaderMap, name: &[u8], value: &[u8]) {
    let is_inline = std::str::from_utf8(name).is_ok_and(|name| is_inline(map, name));
    let present = headers.iter_mut().find(|(key, _)| is_inline && key == name);
    match present {
        Some(_) if value.is_empty() => {}
        Some((_, present)) => {
            if !present.is_empty() {
                present.push(b',');
            }
            present.extend_from_slice(value);
        }
        None => insert(headers, name, value.to_vec()),
    }
}

/// Removes every value of `name`.
pub fn remove(headers: &mut Headers, name: &str) {
    headers.retain(|(key, _)| key != name.as_bytes());
}

/// Adds an entry: a pseudo header after the other pseudo headers, any other at the end.
fn insert(headers: &mut Headers, name: &[u8], value: Vec<u8>) {
    let index = if name.starts_with(b":") {
        headers
            .iter()
            .take_while(|(key, _)| key.starts_with(b":"))
            .count()
    } else {
        headers.len()
    };
    headers.insert(index, (name.to_vec(), value));
}

#[cfg(test)]
mod tests {
    use super::{Headers, add, get, remove, set, values};
    use crate::HeaderMap;

    fn headers(rows: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in rows {
            add(
                &mut headers,
                HeaderMap::Request,
                name.as_bytes(),
                value.as_bytes(),
            );
        }
        headers
    }

    fn shown(headers: &Headers) -> Vec<String> {
        let rows = headers.iter();
        rows.map(|(name, value)| format!("{}: {}", name.escape_ascii(), value.escape_ascii()))
            .collect()
    }

    #[test]
    fn inline_headers_have_one_value_and_others_several() {
        let rows = [
            ("user-agent", "a"),
            ("x-a", "1"),
            ("user-agent", "b"),
            ("x-a", "2"),
        ];
        let all = headers(&rows);
        assert_eq!(shown(&all), ["user-agent: a,b", "x-a: 1", "x-a: 2"]);
        assert_eq!(get(&all, "x-a"), Some(&b"1"[..]));
        assert_eq!(values(&all, "x-a").count(), 2);
    }

    #[test]
    fn an_empty_value_adds_no_comma() {
        assert_eq!(shown(&headers(&[("te", ""), ("te", "a"), ("te", "")])), ["te: a"]);
        assert_eq!(shown(&headers(&[("x-a", ""), ("x-a", "a")])), ["x-a: ", "x-a: a"]);
    }

    #[test]
    fn pseudo_headers_stay_in_front() {
        let mut all = headers(&[(":path", "/"), ("x-a", "1"), (":method", "GET")]);
        set(&mut all, ":scheme", "http");
        assert_eq!(
            shown(&all),
            [":path: /", ":method: GET", ":scheme: http", "x-a: 1"]
        );
    }

    #[test]
    fn setting_leaves_one_value_and_removing_none() {
        let mut all = headers(&[("x-a", "1"), ("x-b", "1"), ("x-a", "2")]);
        set(&mut all, "x-a", "3");
        assert_eq!(shown(&all), ["x-a: 3", "x-b: 1"]);
        remove(&mut all, "x-a");
        assert_eq!(shown(&all), ["x-b: 1"]);
    }
}
