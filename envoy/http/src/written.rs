//! Headers that Envoy writes by itself with a value that exists only while it runs: an id, an address, a time.
//!
//! Code that shows or checks such a header without a running Envoy knows that it exists, but not its value. It has
//! a placeholder in angle brackets instead, as `x-forwarded-for: 192.0.2.1,<client address>`. What the
//! configuration and the request decide (`x-forwarded-proto`, `x-envoy-attempt-count`, `x-envoy-expected-rq-timeout-ms`,
//! `server`) has its real value and is not here. Read from a stock Envoy 1.40; in its source `conn_manager_utility.cc`,
//! `conn_manager_impl.cc` and `router.cc`.

use std::net::IpAddr;

/// For `x-envoy-external-address`, and the end of `x-forwarded-for`: the address of the client's connection.
pub const CLIENT_ADDRESS: &str = "<client address>";
/// For `x-request-id`: a UUID for each request.
pub const RANDOM_ID: &str = "<random id>";
/// For `date`: when the response is sent.
pub const NOW: &str = "<now>";
/// For `x-envoy-upstream-service-time`: how long the upstream took.
pub const MILLISECONDS: &str = "<milliseconds>";

/// What in `value` only a running Envoy knows, in words for a sentence; none if the whole value is known.
#[must_use]
pub fn value_of_a_run(value: &str) -> Option<&'static str> {
    VALUES
        .iter()
        .find(|(placeholder, _)| value.contains(placeholder))
        .map(|(_, words)| *words)
}

/// A condition on the value of a header.
#[derive(Debug, Clone, Copy)]
pub enum ValueCondition<'c> {
    /// The header is there.
    Present,
    /// The value is this text.
    Exact(&'c str),
    /// The value begins with this text.
    Prefix(&'c str),
    /// The value matches a pattern.
    Pattern,
}

/// What Envoy writes into a header of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenValue {
    /// A UUID: `x-request-id`.
    RequestId,
    /// The address of the client: all of `x-envoy-external-address`, the end of `x-forwarded-for`.
    ClientAddress,
}

impl WrittenValue {
    /// Whether only a run knows if a value of this kind, behind the `known` part of its header, meets a condition. That a header
    /// is there is certain, and so is that a text that can't be such a value is not it. A pattern over what the request itself
    /// says is taken to be about that.
    #[must_use]
    pub fn decides(self, known: &str, condition: ValueCondition<'_>) -> bool {
        match condition {
            ValueCondition::Present => false,
            ValueCondition::Exact(text) => text.strip_prefix(known).is_some_and(|it| self.can_be(it)),
            // A prefix that ends inside the known part is decided by it.
            ValueCondition::Prefix(text) => text
                .strip_prefix(known)
                .is_some_and(|it| !it.is_empty() && self.can_begin_with(it)),
            ValueCondition::Pattern => known.is_empty(),
        }
    }

    fn can_be(self, text: &str) -> bool {
        match self {
            Self::RequestId => text.len() == UUID.len() && self.can_begin_with(text),
            Self::ClientAddress => text.parse::<IpAddr>().is_ok(),
        }
    }

    fn can_begin_with(self, text: &str) -> bool {
        let is_digit = |it: char| matches!(it, '0'..='9' | 'a'..='f');
        match self {
            Self::RequestId => {
                let mut places = UUID.chars();
                text.chars().all(|it| match places.next() {
                    Some('-') => it == '-',
                    Some(_) => is_digit(it),
                    None => false,
                })
            }
            Self::ClientAddress => text.chars().all(|it| is_digit(it) || matches!(it, '.' | ':')),
        }
    }
}

/// The form of an id.
const UUID: &str = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

/// Headers about a connection, which Envoy sets on each side: they say nothing about the request.
#[must_use]
pub fn is_about_the_connection(name: &str) -> bool {
    matches!(
        name,
        "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding"
    )
}

const VALUES: &[(&str, &str)] = &[
    (CLIENT_ADDRESS, "the address of the client"),
    (RANDOM_ID, "the id that Envoy makes for each request"),
    (NOW, "the time of the response"),
    (MILLISECONDS, "how long the upstream takes"),
];

#[cfg(test)]
mod tests {
    use super::{CLIENT_ADDRESS, ValueCondition, WrittenValue, value_of_a_run};

    #[test]
    fn what_a_run_decides_of_an_id() {
        use ValueCondition::{Exact, Pattern, Prefix, Present};
        for (condition, decides) in [
            (Exact("0b9c4f62-93c5-4a1e-8f0e-1d2c3b4a5f60"), true),
            (Exact("mine"), false),
            (Exact("0b9c4f62"), false),
            (Exact("0B9C4F62-93c5-4a1e-8f0e-1d2c3b4a5f60"), false),
            (Prefix("0"), true),
            (Prefix("0b9c4f62-"), true),
            (Prefix("0b9c4f6-"), false),
            (Prefix("req-"), false),
            (Prefix(""), false),
            (Pattern, true),
            (Present, false),
        ] {
            assert_eq!(
                WrittenValue::RequestId.decides("", condition),
                decides,
                "{condition:?}"
            );
        }
    }

    #[test]
    fn what_a_run_decides_of_an_address() {
        use ValueCondition::{Exact, Pattern, Prefix};
        for (known, condition, decides) in [
            ("", Exact("203.0.113.7"), true),
            ("", Exact("::1"), true),
            ("", Exact("office"), false),
            ("", Prefix("10."), true),
            ("", Pattern, true),
            ("192.0.2.1,", Exact("192.0.2.1,203.0.113.7"), true),
            ("192.0.2.1,", Exact("203.0.113.7"), false),
            ("192.0.2.1,", Prefix("192.0."), false),
            ("192.0.2.1,", Prefix("10."), false),
            ("192.0.2.1,", Prefix("192.0.2.1,10."), true),
            ("192.0.2.1,", Pattern, false),
        ] {
            let decided = WrittenValue::ClientAddress.decides(known, condition);
            assert_eq!(decided, decides, "{known} {condition:?}");
        }
    }

    #[test]
    fn a_placeholder_makes_the_whole_value_unknown() {
        let value = format!("192.0.2.1,{CLIENT_ADDRESS}");
        assert_eq!(value_of_a_run(&value), Some("the address of the client"));
        assert_eq!(value_of_a_run("192.0.2.1"), None);
        assert_eq!(value_of_a_run(""), None);
    }
}
