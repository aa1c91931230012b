//! What a conformance case records of a request: every upstream is an echo server, and the client notes what it gets.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::echo;
use crate::headers::{get, text};
use crate::outcome::{Outcome, SLACK_MS, Skipped};
use crate::reply::Reply;
use crate::request::Request;
use crate::routed::{Answered, Forwarded, Routed};

/// What is recorded of `request`.
pub(crate) fn outcome(request: &Request, routed: Routed<'_>) -> Result<Outcome, Skipped> {
    match routed {
        Routed::Unanswered(failure) => Ok(Outcome::none(failure)),
        Routed::Passed { cluster } => echo::answer_bytes(request, cluster),
        Routed::Answered(answered) => {
            let Answered {
                reply,
                to_head,
                rule,
                delay_ms,
            } = *answered;
            Ok(Outcome {
                rule,
                ..delayed(reply.into_received(to_head, request.version), delay_ms)
            })
        }
        Routed::Forwarded(forwarded) => of_an_echo(request, &forwarded),
    }
}

fn of_an_echo(request: &Request, forwarded: &Forwarded<'_>) -> Result<Outcome, Skipped> {
    refuse_the_unknowable(forwarded)?;
    let answer = echo::answer(forwarded.cluster());
    let reply = match forwarded.wants_an_upgrade() {
        true => forwarded.decline(answer)?,
        false => forwarded.finish(answer)?,
    };
    let asked = tally(forwarded, &reply);
    let seen = reply.into_received(forwarded.to_head(), request.version);
    let outcome = Outcome {
        status: seen.status,
        body: seen.body,
        response_headers: seen.response_headers,
        rule: forwarded.rule().cloned(),
        ..asked
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

/// Whatever an echo server answers sooner than that, it may on a bad day answer too late.
const SHORT: Duration = Duration::from_millis(20);

/// What a model without a clock and without an upstream can't say.
fn refuse_the_unknowable(forwarded: &Forwarded<'_>) -> Result<(), Skipped> {
    let request = forwarded.headers();
    let reason = if get(request, "x-echo").is_some() {
        "an upstream that delays or fails is not modelled"
    } else if get(request, "x-envoy-force-trace").is_some() {
        "only a running proxy knows the value of x-request-id"
    } else if forwarded.wants_an_upgrade() && forwarded.stream.has_body {
        "what an upstream makes of an upgrade with a body is its own affair"
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

/// Who was asked, how often, and for what. Who answered is read from the answer, as a client would do it; else it is
/// the only one that was asked.
fn tally(forwarded: &Forwarded<'_>, reply: &Reply) -> Outcome {
    let asked = || forwarded.mirrors().iter().copied().chain([forwarded.cluster()]);
    let named = get(&reply.headers, echo::CLUSTER).map(text);
    let clusters: BTreeSet<&str> = asked().collect();
    let only = clusters.first().filter(|_| clusters.len() == 1);
    let main = named.or_else(|| only.map(|it| (*it).to_owned()));
    let is_main = |cluster: &str| Some(cluster) == main.as_deref();
    let attempts = asked().filter(|it| is_main(it)).count();
    let others = clusters.iter().filter(|it| !is_main(it));
    let others: Vec<String> = others.map(|it| (*it).to_owned()).collect();
    let (mirrors, hits) = match main {
        Some(_) => (others, Vec::new()),
        None => (Vec::new(), others),
    };
    Outcome {
        upstream: (attempts > 0).then(|| echo::received(forwarded.headers())),
        attempts: attempts.max(1),
        mirrors,
        hits,
        cluster: main,
        ..Outcome::default()
    }
}
