//! What the `--help` of `up` and `serve` says of the echo servers.

/// The paragraph of `--help` about echo servers. `$retries` is the line about `times`, where requests are retried.
macro_rules! echo_help {
    ($retries:literal) => {
        concat!(
            "\
Echo servers answer 200 with the request that they received, as JSON. A header x-echo asks for something else; its parts
are joined by `;`:
  status=503   this status
  delay=0.7    after so many seconds
  reset        no answer: the connection is closed
",
            $retries,
            "\
They echo WebSockets, and answer grpc.health.v1.Health/Check."
        )
    };
}
pub(crate) use echo_help;
