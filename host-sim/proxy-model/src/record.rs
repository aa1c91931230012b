//! The outcome of a request if every upstream is an echo server: what that receives, and what the client gets.

use std::collections::BTreeSet;
use std::time::Duration;

use fingerpost_envoy_http::header_map::get;

use crate::decision::{Answered, Forwarded, Routed};
use crate::echo::{self, EchoHeader};
use crate::outcome::{Outcome, SLACK_MS, Skipped};
use crate::request::{Request, Version};

/// What comes of `request`. The echo servers answer with these headers beside their own.
pub(crate) fn outcome(
    request: &Request,
    routed: Routed<'_>,
    beside: &[EchoHeader],
) -> Result<Outcome, Skipped> {
    match routed {
        Routed::Unanswered(failure) => Ok(Outcome::none(failure)),
        Routed::Passed { cluster } => echo::answer_bytes(request, cluster, beside),
        Routed::Answered(answered) => {
            let Answered {
                reply,
                to_head,
                rule,
                delay_ms,
                server_name,
                details: _,
            } = *answered;
            Ok(Outcome {
                rule,
                ..delayed(reply.into_sent(&server_name, request.version, to_head), delay_ms)
            })
        }
        Routed::Forwarded(forwarded) => of_an_echo(&forwarded, request.version, beside),
    }
}

fn of_an_echo(
    forwarded: &Forwarded<'_>,
    version: Version,
    beside: &[EchoHeader],
) -> Result<Outcome, Skipped> {
    refuse_the_unknowable(forwarded)?;
    let answer = echo::answer(forwarded.cluster(), beside);
    let reply = match forwarded.wants_an_upgrade() {
        true => forwarded.decline(answer)?,
        false => forwarded.finish(answer)?,
    };
    let seen = reply.into_sent(forwarded.server_name(), version, forwarded.to_head());
    let outcome = Outcome {
        status: seen.status,
        body: seen.body.filter(|it| it.as_bytes() != echo::BODY),
        response_headers: seen.response_headers,
        rule: forwarded.rule().cloned(),
        ..tally(forwarded)
    };
    Ok(delayed(outcome, forwarded.delay_ms()))
}

fn delayed(outcome: Outcome, delay_ms: u64) -> Outcome {
    Outcome {
        at_least_ms: delay_ms.saturating_sub(SLACK_MS),
        delay_ms,
        ..outcome
    }
}

/// An echo server on a busy machine may take this long.
const SHORT: Duration = Duration::from_millis(20);

/// Refuses what a model without a clock and without an upstream cannot predict.
fn refuse_the_unknowable(forwarded: &Forwarded<'_>) -> Result<(), Skipped> {
    let request = forwarded.headers();
    let reason = if get(request, "x-echo").is_some() {
        "an upstream that delays or fails is not modelled"
    } else if get(request, "x-envoy-force-trace").is_some() {
        "only a running proxy knows the value of x-request-id"
    } else if forwarded.wants_an_upgrade() && forwarded.stream.has_body {
        "what an upstream makes of an upgrade with a body is its own affair"
    } else if forwarded.wants_an_upgrade() && forwarded.stream.clusters.speaks_http2(forwarded.cluster()) {
        "what an upstream that gets HTTP/2 makes of an upgrade is its own affair"
    } else if forwarded.timeout().is_some_and(|it| it < SHORT) {
        "only a running proxy knows whether an upstream answers within so short a timeout"
    } else if forwarded.gives_a_cookie() {
        "only a running proxy knows the cookie it sets for consistent hashing"
    } else if get(request, ":path").is_some_and(|it| it.contains(&b' ')) {
        "what an upstream makes of a target with a blank in it is its own affair"
    } else {
        return Ok(());
    };
    Err(Skipped::because(reason))
}

/// Which clusters receive the request, how often, and as what.
fn tally(forwarded: &Forwarded<'_>) -> Outcome {
    let cluster = forwarded.cluster();
    let copies = forwarded.mirrors();
    let others: BTreeSet<&str> = copies.iter().copied().filter(|it| *it != cluster).collect();
    Outcome {
        cluster: Some(cluster.to_owned()),
        upstream: Some(echo::received(forwarded.headers(), forwarded.stream.has_body)),
        attempts: 1 + copies.iter().filter(|it| **it == cluster).count(),
        mirrors: others.into_iter().map(str::to_owned).collect(),
        ..Outcome::default()
    }
}
