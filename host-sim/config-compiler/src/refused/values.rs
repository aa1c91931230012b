//! Limits on single values, in words that say what is wrong with one.

use std::time::Duration;

use fingerpost_envoy_http::format::{self, Part};
use fingerpost_envoy_http::header;
use fingerpost_envoy_http::variable;

use crate::options::EnvoyVersion;

/// The longest duration that Envoy accepts, in seconds: nanoseconds in 64 bits (`DurationUtil::validateDuration`).
pub(crate) const MOST_SECONDS: u64 = 9_223_372_035;
/// The longest name and value of a header edit, in bytes (`core.v3.HeaderValue`).
pub(crate) const LONGEST_EDIT: usize = 16_384;
/// The most edits of one list (`route.v3.Route`).
pub(crate) const MOST_EDITS: usize = 1_000;
/// The longest name of a query parameter in a condition, in bytes (`route.v3.QueryParameterMatcher`).
pub(crate) const LONGEST_PARAMETER: usize = 1_024;
/// The largest ring (`cluster.v3.Cluster.RingHashLbConfig`).
pub(crate) const LARGEST_RING: u64 = 8_388_608;
/// The largest table (`cluster.v3.Cluster.MaglevLbConfig`).
pub(crate) const LARGEST_TABLE: u64 = 5_000_011;
/// The longest path of a Unix socket, in bytes: `sockaddr_un` less its end.
pub(crate) const LONGEST_SOCKET_PATH: usize = 107;

/// What is wrong with a value.
pub(crate) struct Wrong {
    pub message: String,
    pub help: &'static str,
}

impl Wrong {
    pub(crate) fn new(message: impl Into<String>, help: &'static str) -> Self {
        Self {
            message: message.into(),
            help,
        }
    }
}

/// Text that Envoy sends upstream in a header: a path, an authority.
pub(crate) fn sent(text: &str) -> Option<Wrong> {
    let letter = header::forbidden_in_value(text)?;
    Some(Wrong::new(
        format!(
            "Envoy does not send a {}: it refuses the configuration, or answers every request with 503",
            named(letter)
        ),
        "remove the control character; a YAML block `|` leaves a line break at the end, `|-` does not",
    ))
}

/// Text of a header of which Envoy refuses only what would end a line.
pub(crate) fn line(text: &str) -> Option<Wrong> {
    let letter = header::forbidden_anywhere(text)?;
    Some(Wrong::new(
        format!("Envoy refuses a {} here", named(letter)),
        "remove it; a YAML block `|` leaves a line break at the end, `|-` does not",
    ))
}

/// A header that a request gets.
pub(crate) fn request_header(name: &str) -> Option<Wrong> {
    if header::is_name(name) {
        return edit_length(name);
    }
    Some(Wrong::new(
        format!(
            "`{}` is not a valid header name: Envoy refuses the configuration, or answers every request with 503",
            shown(name)
        ),
        "a header name has letters, digits and any of ! # $ % & ' * + - . ^ _ ` | ~",
    ))
}

/// A header that a response gets. Envoy passes odd names on to the client.
pub(crate) fn response_header(name: &str) -> Option<Wrong> {
    line(name).or_else(|| edit_length(name))
}

/// The value of a header edit, with its variables.
pub(crate) fn edit_value(text: &str, envoy: EnvoyVersion) -> Option<Wrong> {
    const HELP: &str = "Envoy's variables: https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#command-operators";
    if let Some(wrong) = sent(text).or_else(|| edit_length(text)) {
        return Some(wrong);
    }
    let parts = match format::parse(text) {
        Ok(parts) => parts,
        Err(error) => {
            return Some(Wrong::new(
                format!("Envoy refuses the value: {error}"),
                "a percent sign is written `%%`",
            ));
        }
    };
    parts.iter().find_map(|part| match part {
        Part::Text(_) => None,
        Part::Variable(call) => variable::check(call, envoy.minor())
            .err()
            .map(|error| Wrong::new(format!("Envoy refuses the value: {error}"), HELP)),
    })
}

fn edit_length(text: &str) -> Option<Wrong> {
    (text.len() > LONGEST_EDIT).then(|| {
        Wrong::new(
            format!(
                "it has {} bytes, Envoy accepts at most {LONGEST_EDIT}",
                text.len()
            ),
            "shorten it",
        )
    })
}

/// A duration that Envoy reads.
pub(crate) fn duration(given: Duration) -> Option<Wrong> {
    (given.as_secs() > MOST_SECONDS).then(|| {
        Wrong::new(
            format!("{given:?} is too long: Envoy accepts at most {MOST_SECONDS}s"),
            "write a shorter duration",
        )
    })
}

/// A duration that must not be 0.
pub(crate) fn positive_duration(given: Duration) -> Option<Wrong> {
    if given.is_zero() {
        return Some(Wrong::new(
            "the duration is 0: Envoy does not accept it here",
            "write for example `1s`, or leave the field out",
        ));
    }
    duration(given)
}

/// A duration that Envoy reads as a number of seconds, in 32 bits.
pub(crate) fn seconds(given: Duration) -> Option<Wrong> {
    (given.as_secs() > u64::from(u32::MAX)).then(|| {
        Wrong::new(
            format!("{given:?} is too long: Envoy accepts at most {}s", u32::MAX),
            "write a shorter duration",
        )
    })
}

/// Whether a Maglev table may have that size.
pub(crate) fn table_size(size: u64) -> Option<Wrong> {
    const HELP: &str = "take a prime such as 65537, Envoy's default";
    if size > LARGEST_TABLE {
        return Some(Wrong::new(
            format!("{size} is too large: Envoy accepts at most {LARGEST_TABLE}"),
            HELP,
        ));
    }
    let is_prime = size >= 2
        && (2..)
            .take_while(|it| it * it <= size)
            .all(|it| !size.is_multiple_of(it));
    (!is_prime).then(|| Wrong::new(format!("{size} is not a prime: Envoy refuses the table"), HELP))
}

/// Control characters have no shape; their names do.
fn named(letter: char) -> String {
    match letter {
        '\n' | '\r' => "line break".to_owned(),
        '\0' => "NUL".to_owned(),
        other => format!("control character {other:?}"),
    }
}

fn shown(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    short.escape_debug().collect()
}

#[cfg(test)]
mod tests {
    use super::{edit_value, request_header, sent, table_size};
    use crate::options::EnvoyVersion;

    #[test]
    fn a_table_has_a_prime_size() {
        for size in [2, 3, 5, 65_537, 5_000_011] {
            assert!(table_size(size).is_none(), "{size}");
        }
        for size in [0, 1, 4, 65_536, 5_000_012, 5_000_021, u64::MAX] {
            assert!(table_size(size).is_some(), "{size}");
        }
    }

    #[test]
    fn texts_are_those_that_envoy_sends() {
        assert!(sent("/a b\tä").is_none());
        assert!(sent("/a\nb").is_some() && sent("/a\u{1}").is_some() && sent("/\0").is_some());
        assert!(request_header("x-a").is_none() && request_header(&"x".repeat(16_384)).is_none());
        assert!(request_header("a b").is_some() && request_header(&"x".repeat(16_385)).is_some());
        assert!(edit_value("%REQ(a)% 100%%", EnvoyVersion::NEWEST).is_none());
        assert!(edit_value("%UNKNOWN%", EnvoyVersion::NEWEST).is_some());
        assert!(edit_value("%LISTENER_NAME%", EnvoyVersion::NEWEST).is_none());
        assert!(edit_value("%LISTENER_NAME%", EnvoyVersion::OLDEST).is_some());
    }
}
