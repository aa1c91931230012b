//! What a request header `x-echo` asks for: parts joined by `;`.
//!
//! | part | meaning |
//! |---|---|
//! | `status=503` | answer with this status, of 200 to 599 |
//! | `delay=0.7` | wait so many seconds first |
//! | `reset` | hang up without an answer |
//! | `times=2` | the rest holds for the first two attempts only |
//!
//! Attempts are counted for each value of `x-case` on each cluster, so that a mirrored copy does not use up the main
//! request's; a request without `x-case` counts as `x-envoy-attempt-count` says. A part that can't be read is answered with 400
//! and the reason.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use super::{Received, lock};

/// How to answer one request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Directive {
    pub(super) status: u16,
    pub(super) delay: Duration,
    pub(super) reset: bool,
}

const PLAIN: Directive = Directive {
    status: 200,
    delay: Duration::ZERO,
    reset: false,
};

/// How often each case was received by each cluster.
#[derive(Default)]
pub(super) struct Attempts(Mutex<HashMap<(String, String), u32>>);

impl Attempts {
    /// Counts the request, and says how to answer it; or what of that can't be read.
    pub(super) fn directive(&self, received: &Received) -> Result<Directive, String> {
        let Some(text) = received.header("x-echo") else {
            return Ok(PLAIN);
        };
        let (directive, times) = parse(text)?;
        Ok(match times {
            Some(times) if self.count(received) > times => PLAIN,
            _ => directive,
        })
    }

    fn count(&self, received: &Received) -> u32 {
        let Some(case) = received.header("x-case") else {
            return received
                .header("x-envoy-attempt-count")
                .and_then(|it| it.parse().ok())
                .unwrap_or(1);
        };
        let mut counts = lock(&self.0);
        let count = counts
            .entry((received.cluster.clone(), case.to_owned()))
            .or_default();
        *count += 1;
        *count
    }
}

fn parse(text: &str) -> Result<(Directive, Option<u32>), String> {
    let mut directive = PLAIN;
    let mut times = None;
    for part in text.split(';').map(str::trim).filter(|it| !it.is_empty()) {
        let invalid = |expected: &str| format!("x-echo: `{part}`: expected {expected}");
        match part.split_once('=').unwrap_or((part, "")) {
            ("status", value) => {
                let status = final_status(value);
                directive.status =
                    status.ok_or_else(|| invalid("a status from 200 to 599, as status=503"))?;
            }
            ("delay", value) => {
                let delay = seconds(value);
                directive.delay = delay.ok_or_else(|| invalid("a number of seconds, as delay=0.7"))?;
            }
            ("reset", "") => directive.reset = true,
            ("times", value) => {
                let number = value.parse();
                times = Some(number.map_err(|_| invalid("a number of attempts, as times=2"))?);
            }
            _ => return Err(invalid("status=…, delay=…, reset or times=…")),
        }
    }
    Ok((directive, times))
}

fn seconds(text: &str) -> Option<Duration> {
    let seconds = text.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// A status that ends a request: Envoy waits on after one below 200, and refuses what HTTP does not know.
fn final_status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|status| (200..=599).contains(status))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn received(cluster: &str, headers: &[(&str, &str)]) -> Received {
        Received {
            cluster: cluster.to_owned(),
            method: "GET".to_owned(),
            path: "/".to_owned(),
            authority: "a".to_owned(),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            at: Instant::now(),
        }
    }

    #[test]
    fn parts_are_joined_in_any_order() {
        let expected = Directive {
            status: 503,
            delay: Duration::from_millis(700),
            reset: true,
        };
        assert_eq!(
            parse("reset; delay=0.7;status=503;times=2"),
            Ok((expected, Some(2)))
        );
        assert_eq!(parse(""), Ok((PLAIN, None)));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for part in [
            "delay=soon",
            "delay=",
            "delay=-1",
            "delay=nan",
            "delay=1s",
            "times=x",
            "times=-1",
            "reset=1",
            "stauts=503",
            "503",
        ] {
            let reason = parse(&format!("status=503;{part}")).expect_err(part);
            assert!(
                reason.starts_with(&format!("x-echo: `{part}`: expected ")),
                "{reason}"
            );
        }
    }

    #[test]
    fn a_status_that_ends_no_request_is_refused() {
        for status in [
            "0", "99", "100", "101", "199", "600", "65535", "65536", "", "-1", "ok",
        ] {
            assert!(parse(&format!("status={status}")).is_err(), "{status}");
        }
        for status in [200, 599] {
            let (directive, _) = parse(&format!("status={status}")).expect("a status");
            assert_eq!(directive.status, status);
        }
    }

    #[test]
    fn after_so_many_times_the_answer_is_plain_again_for_that_case_on_that_cluster() {
        let attempts = Attempts::default();
        let status = |cluster, case| {
            attempts
                .directive(&received(
                    cluster,
                    &[("x-echo", "status=503;times=1"), ("x-case", case)],
                ))
                .expect("a directive")
                .status
        };
        assert_eq!(
            [
                status("a", "1"),
                status("a", "1"),
                status("b", "1"),
                status("a", "2")
            ],
            [503, 200, 503, 503]
        );
    }

    #[test]
    fn without_a_case_the_proxys_own_count_holds() {
        let attempts = Attempts::default();
        let status = |attempt| {
            let headers = [
                ("x-echo", "status=503;times=1"),
                ("x-envoy-attempt-count", attempt),
            ];
            attempts
                .directive(&received("a", &headers))
                .expect("a directive")
                .status
        };
        assert_eq!([status("1"), status("1"), status("2")], [503, 503, 200]);
    }
}
