//! The parts of a URL that curl takes out of it before it sends a request, or puts into it.

use fingerpost_simulated_proxy::Url;

use crate::error::CurlError;

/// A URL and the `user:password` that it names, percent-decoded.
pub(crate) fn parse(text: &str) -> Result<(Url, Option<String>), CurlError> {
    let mut url: Url = text
        .parse()
        .map_err(|error| CurlError::new(format!("invalid URL `{text}`: {error}")))?;
    let user = match url.authority.rsplit_once('@') {
        Some((user, host)) => {
            let user = decoded(user);
            url.authority = host.to_owned();
            Some(user)
        }
        None => None,
    };
    let port = url.authority.rsplit_once(':').map(|(_, port)| port);
    let is_number = |it: &&str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    if let Some(port) = port.filter(is_number)
        && port.parse::<u16>().is_err()
    {
        return Err(CurlError::new(format!(
            "invalid URL `{text}`: {port} is not a port, which is 65535 at most"
        )));
    }
    Ok((url, user))
}

/// Adds to the query.
pub(crate) fn add_query(url: &mut Url, query: &str) {
    if query.is_empty() {
        return;
    }
    let target = &mut url.target;
    if !target.contains('?') {
        target.push('?');
    } else if !target.ends_with(['?', '&']) {
        target.push('&');
    }
    target.push_str(query);
}

/// The URL that a redirect leads to (RFC 3986, section 5.2); an error says why curl does not follow it.
pub(crate) fn join(base: &Url, location: &str) -> Result<Url, CurlError> {
    let location = location.split('#').next().unwrap_or_default();
    let is_absolute = location.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|it: char| it.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || b"+-.".contains(&it))
    });
    if is_absolute {
        if !location.contains("://") {
            return Err(CurlError::new(format!("`{location}` is neither http nor https")));
        }
        return parse(location).map(|(url, _)| url);
    }
    let mut url = base.clone();
    if let Some(rest) = location.strip_prefix("//") {
        let scheme = base
            .scheme
            .map(|it| format!("{}://", it.as_str()))
            .unwrap_or_default();
        return parse(&format!("{scheme}{rest}")).map(|(url, _)| url);
    }
    let path = base.target.split('?').next().unwrap_or_default();
    url.target = match location.chars().next() {
        None => base.target.clone(),
        Some('/') => without_dots(location),
        Some('?') => format!("{path}{location}"),
        Some(_) => {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            without_dots(&format!("{folder}/{location}"))
        }
    };
    Ok(url)
}

/// A path with its query, without `.` and `..` segments (RFC 3986, section 5.2.4).
pub(crate) fn without_dots(target: &str) -> String {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    for (index, segment) in segments.iter().enumerate() {
        let is_last = index + 1 == segments.len();
        match *segment {
            "." | ".." => {
                if *segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    let query = query.map(|it| format!("?{it}")).unwrap_or_default();
    format!("/{}{query}", kept.join("/"))
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let pair = behind.get(..2).and_then(|it| std::str::from_utf8(it).ok());
        let byte = pair.and_then(|it| u8::from_str_radix(it, 16).ok());
        match byte.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(location: &str, expected: &str) {
        let base: Url = "http://a.example.com:8080/x/y?q".parse().expect("a URL");
        let url = join(&base, location).expect("a URL");
        let scheme = url.scheme.map_or("", fingerpost_simulated_proxy::Scheme::as_str);
        assert_eq!(
            format!("{scheme}://{}{}", url.authority, url.target),
            expected,
            "{location}"
        );
    }

    #[test]
    fn a_location_may_be_relative() {
        check("https://b.example.com/z#top", "https://b.example.com/z");
        check("//b.example.com/z", "http://b.example.com/z");
        check("/z?u=http://c", "http://a.example.com:8080/z?u=http://c");
        check("z", "http://a.example.com:8080/x/z");
        check("../z", "http://a.example.com:8080/z");
        check("?r", "http://a.example.com:8080/x/y?r");
        check("", "http://a.example.com:8080/x/y?q");
    }

    #[test]
    fn other_schemes_are_not_followed() {
        let base: Url = "http://a.example.com/".parse().expect("a URL");
        assert!(join(&base, "ftp://b.example.com/").is_err());
        assert!(join(&base, "mailto:me@example.com").is_err());
    }

    #[test]
    fn dots_go_as_curl_removes_them() {
        for (target, expected) in [
            ("/a/../b", "/b"),
            ("/a/./b/", "/a/b/"),
            ("/a/..", "/"),
            ("/../a?x=/../y", "/a?x=/../y"),
            ("/a//b", "/a//b"),
        ] {
            assert_eq!(without_dots(target), expected);
        }
    }

    #[test]
    fn a_user_in_the_url_is_taken_out() {
        let (url, user) = parse("http://me:p%40ss@a.example.com/x@y").expect("a URL");
        assert_eq!(
            (url.authority.as_str(), url.target.as_str()),
            ("a.example.com", "/x@y")
        );
        assert_eq!(user.as_deref(), Some("me:p@ss"));
    }
}
