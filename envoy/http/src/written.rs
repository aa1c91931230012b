//! Headers that Envoy writes by itself with a value that exists only while it runs: an id, an address, a time.
//!
//! Code that shows or checks such a header without a running Envoy knows that it exists, but not its value. It has
//! a placeholder in angle brackets instead, as `x-forwarded-for: 192.0.2.1,<client address>`. What the
//! configuration and the request decide (`x-forwarded-proto`, `x-envoy-attempt-count`, `x-envoy-expected-rq-timeout-ms`,
//! `server`) has its real value and is not here. Read from a stock Envoy 1.40; in its source `conn_manager_utility.cc`,
//! `conn_manager_impl.cc` and `router.cc`.

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
    use super::{CLIENT_ADDRESS, value_of_a_run};

    #[test]
    fn a_placeholder_makes_the_whole_value_unknown() {
        let value = format!("192.0.2.1,{CLIENT_ADDRESS}");
        assert_eq!(value_of_a_run(&value), Some("the address of the client"));
        assert_eq!(value_of_a_run("192.0.2.1"), None);
        assert_eq!(value_of_a_run(""), None);
    }
}
