//! The path as a gateway normalises it (`normalize_path`, slashes kept).
//!
//! The rules are those of Envoy's `PathUtil::canonicalPath`, that is of Chromium's URL library: dot segments are
//! resolved, backslashes become slashes, unreserved characters are unescaped and unsafe ones escaped.

/// The normalised target; its query stays as it is.
#[must_use]
pub fn normalise(target: &[u8]) -> Vec<u8> {
    let end = target
        .iter()
        .position(|byte| *byte == b'?')
        .unwrap_or(target.len());
    let (path, query) = target.split_at(end);
    let mut out: Vec<u8> = Vec::with_capacity(target.len());
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'/' | b'\\' => {
                out.push(b'/');
                rest = past_dot_segments(&mut out, rest);
            }
            b'%' => rest = past_escape(&mut out, rest),
            _ if is_escaped(byte) => out.extend(format!("%{byte:02X}").bytes()),
            _ => out.push(byte),
        }
    }
    out.extend_from_slice(query);
    out
}

/// Resolves the `.` and `..` segments at the start of `rest`, which follows a slash.
fn past_dot_segments<'p>(out: &mut Vec<u8>, mut rest: &'p [u8]) -> &'p [u8] {
    while let Some(after) = past_dot(rest) {
        let (after, is_double) = match past_dot(after) {
            Some(after) => (after, true),
            None => (after, false),
        };
        rest = match after.first() {
            None => after,
            Some(b'/' | b'\\') => &after[1..],
            // Parameters go with the segment: `/a/..;x/b` is `/b`.
            Some(b';') => match after.iter().position(|byte| matches!(byte, b'/' | b'\\')) {
                Some(slash) => &after[slash + 1..],
                None => &[],
            },
            Some(_) => return rest, // a name that begins with a dot
        };
        if is_double {
            // `out` ends with the slash that `rest` follows.
            let parent = out[..out.len() - 1].iter().rposition(|byte| *byte == b'/');
            out.truncate(parent.unwrap_or(0) + 1);
        }
    }
    rest
}

/// What follows a dot, written as such or escaped.
fn past_dot(text: &[u8]) -> Option<&[u8]> {
    [b".".as_slice(), b"%2e", b"%2E"]
        .iter()
        .find_map(|dot| text.strip_prefix(*dot))
}

/// Decodes an escape, of which `rest` is what follows the `%`, if it means an unreserved character.
fn past_escape<'p>(out: &mut Vec<u8>, rest: &'p [u8]) -> &'p [u8] {
    match escaped(rest) {
        Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
            out.push(byte);
            &rest[2..] // the two digits
        }
        _ => {
            out.push(b'%');
            rest
        }
    }
}

/// The byte that two hexadecimal digits at the start of `digits` mean.
#[must_use]
pub fn escaped(digits: &[u8]) -> Option<u8> {
    let digits = digits
        .get(..2)
        .filter(|it| it.iter().all(u8::is_ascii_hexdigit))?;
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Whether a path shows this byte only as an escape.
fn is_escaped(byte: u8) -> bool {
    byte <= b' ' || byte >= 0x7f || b"\"#<>?^`{|}".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[track_caller]
    fn check(rows: &[(&str, &str)]) {
        for (path, expected) in rows {
            let normalised = normalise(path.as_bytes());
            assert_eq!(String::from_utf8_lossy(&normalised), *expected, "{path}");
        }
    }

    #[test]
    fn dot_segments_are_resolved_escaped_or_not() {
        check(&[
            ("/a/../b", "/b"),
            ("/a/.", "/a/"),
            ("/../../x", "/x"),
            ("/a/%2e%2e/u", "/u"),
            ("/a//%2e%2e/u", "/a/u"),
        ]);
    }

    #[test]
    fn a_name_may_begin_with_dots_and_a_dot_segment_may_have_parameters() {
        check(&[
            ("/.a", "/.a"),
            ("/a/b/..;x", "/a/"),
            ("/a/.;/b", "/a/b"),
            ("/...", "/..."),
        ]);
    }

    #[test]
    fn slashes_are_kept_and_backslashes_become_slashes() {
        check(&[
            ("//d", "//d"),
            ("/a//.", "/a//"),
            ("/a\\b", "/a/b"),
            ("/a%2Fb%5c", "/a%2Fb%5c"),
        ]);
    }

    #[test]
    fn unreserved_escapes_are_decoded_and_unsafe_characters_escaped() {
        check(&[
            ("/%61%7e", "/a~"),
            ("/b%20c", "/b%20c"),
            ("/%zz%4", "/%zz%4"),
            ("/x{2,3}|", "/x%7B2,3%7D%7C"),
        ]);
    }

    #[test]
    fn a_query_is_left_alone() {
        check(&[("/a/../b?c=/../d&e=%61", "/b?c=/../d&e=%61")]);
    }
}
