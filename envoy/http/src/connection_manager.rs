//! Requests that the connection manager answers itself, with an empty body, before any filter sees them.
//!
//! Source: `decodeHeaders` in Envoy's `source/common/http/conn_manager_impl.cc`, whose order the functions follow, and
//! `maybeNormalizePath` in `conn_manager_utility.cc`. Tried with Envoy 1.40.

use crate::codec::Refused;
use crate::header_map::{Headers, get};

/// What a connection manager does with the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathRules {
    /// Whether a path with a fragment is refused; else the fragment is removed. Envoy's default is to refuse it.
    pub refuses_fragments: bool,
    /// `normalize_path`, which refuses a path with an escaped NUL.
    pub normalizes: bool,
}

/// Checks that a request has the headers that it needs.
///
/// # Errors
/// The answer to a request without them.
pub fn check_headers(headers: &Headers) -> Result<(), Refused> {
    if get(headers, ":authority").is_none() {
        return Err(refused(400, "missing_host_header"));
    }
    if get(headers, ":method") == Some(b"QUERY") && get(headers, "content-type").is_none() {
        return Err(refused(400, "query_missing_content_type"));
    }
    Ok(())
}

/// Checks a path with its query, and removes its fragment.
///
/// # Errors
/// The answer to a request with another path.
pub fn check_path(path: &[u8], rules: PathRules) -> Result<&[u8], Refused> {
    if !path.starts_with(b"/") {
        return Err(refused(404, "absolute_path_rejected"));
    }
    let fragment = path.iter().position(|byte| *byte == b'#');
    if fragment.is_some() && rules.refuses_fragments {
        return Err(refused(400, "path_normalization_failed"));
    }
    let path = &path[..fragment.unwrap_or(path.len())];
    let query = path.iter().position(|byte| *byte == b'?');
    let has_nul = path[..query.unwrap_or(path.len())]
        .windows(3)
        .any(|it| it == b"%00");
    if rules.normalizes && has_nul {
        return Err(refused(400, "path_normalization_failed"));
    }
    Ok(path)
}

fn refused(status: u16, details: &'static str) -> Refused {
    Refused { status, details }
}

#[cfg(test)]
mod tests {
    use super::{PathRules, check_headers, check_path};
    use crate::header_map::Headers;

    #[test]
    fn a_path_needs_a_slash_and_no_nul() {
        let rules = PathRules {
            refuses_fragments: false,
            normalizes: true,
        };
        for (path, expected) in [
            ("/a?b=%00", Ok("/a?b=%00")),
            ("/a?b#c", Ok("/a?b")),
            ("/a%00", Err((400, "path_normalization_failed"))),
            ("*", Err((404, "absolute_path_rejected"))),
            ("?q", Err((404, "absolute_path_rejected"))),
        ] {
            let checked = check_path(path.as_bytes(), rules);
            let checked = checked.map_err(|it| (it.status, it.details));
            assert_eq!(checked, expected.map(str::as_bytes), "{path}");
        }
    }

    #[test]
    fn a_fragment_is_refused_by_default() {
        let rules = PathRules {
            refuses_fragments: true,
            normalizes: false,
        };
        assert!(check_path(b"/a#b", rules).is_err());
        assert_eq!(check_path(b"/a%00", rules), Ok(&b"/a%00"[..]));
    }

    #[test]
    fn a_request_needs_a_host_and_a_query_its_content_type() {
        let check = |rows: &[(&str, &str)]| {
            let rows = rows.iter();
            let headers: Headers = rows
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect();
            check_headers(&headers).map_err(|it| it.details)
        };
        assert_eq!(check(&[(":method", "GET")]), Err("missing_host_header"));
        assert_eq!(check(&[(":method", "GET"), (":authority", "")]), Ok(()));
        let query = [(":authority", "a"), (":method", "QUERY"), ("content-type", "a/b")];
        assert_eq!(check(&query[..2]), Err("query_missing_content_type"));
        assert_eq!(check(&query), Ok(()));
    }
}
