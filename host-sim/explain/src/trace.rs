//! Follows a request step by step: listener, virtual host, rules.
//!
//! Decides nothing about routing: each step calls the crates that do, and records the result.

use fingerpost_config_compiler::{Compilation, RouteSummary, Termination};
use fingerpost_proxy_model::{Failure as NoAnswer, Request, undecided};
use fingerpost_routing::{HeaderMatch, HeaderName, RequestHead, Route};
use fingerpost_simulated_proxy::{Scheme, ServerName, Url, listener};

use crate::alternatives;
use crate::assumed;
use crate::chain::{Answering, Chain};
use crate::connection::Chains;
use crate::error::ExplainError;
use crate::explanation::{ExplainedRequest, Explanation, Listener, Outcome, Place, Source, TooLate, Tried};
use crate::forward;
use crate::mismatch::text;
use crate::not_found;
use crate::proxy::{self, Reception, Router};
use crate::warnings;

/// As [`explain`], for a request that was sent.
///
/// # Errors
/// Those of [`explain`].
pub fn explain_sent(loaded: &Compilation, sent: &Request) -> Result<Explanation, ExplainError> {
    let url = Url {
        scheme: Some(if sent.tls.is_some() {
            Scheme::Https
        } else {
            Scheme::Http
        }),
        authority: sent.host().to_owned(),
        target: sent.path.clone(),
    };
    let sni = sent.tls.as_ref().and_then(|it| it.sni.as_deref());
    explain(
        loaded,
        &Question {
            method: &sent.method,
            url: &url,
            authority: sent.authority.as_deref(),
            headers: &sent.headers,
            port: Some(u32::from(sent.port)),
            server_name: ServerName::parse(Some(sni.unwrap_or_default())),
        },
    )
}

/// A request to be explained.
#[derive(Debug, Clone)]
pub struct Question<'q> {
    /// In upper case.
    pub method: &'q str,
    /// Where it is sent.
    pub url: &'q Url,
    /// The `host` header; none if none is sent.
    pub authority: Option<&'q str>,
    /// The other headers.
    pub headers: &'q [(String, String)],
    /// The Gateway port that it is sent to, if not that of the URL.
    pub port: Option<u32>,
    /// The server name, over TLS.
    pub server_name: ServerName,
}

/// Explains a request.
///
/// # Errors
/// The model or the filter fails, or the listener's port is invalid.
pub fn explain(loaded: &Compilation, question: &Question<'_>) -> Result<Explanation, ExplainError> {
    let mut told = explain_answer(loaded, question)?;
    told.assumed = assumed::of_explanation(loaded, &told);
    if question.port.is_none() && told.listener.is_some() {
        let summary = &loaded.compiled.summary;
        told.warnings
            .extend(warnings::unserved_port(question.url, summary));
    }
    Ok(told)
}

/// All of it, but what it rests on.
fn explain_answer(loaded: &Compilation, question: &Question<'_>) -> Result<Explanation, ExplainError> {
    let Question {
        method,
        url,
        authority,
        headers,
        port,
        ref server_name,
    } = *question;
    let summary = &loaded.compiled.summary;
    let found = listener(port, url.port(), url.scheme, summary);
    let scheme = url.scheme.unwrap_or_else(|| match &found {
        Some((listener, _)) if proxy::speaks(summary, &listener.name) == (true, false) => Scheme::Https,
        Some(_) | None => Scheme::Http,
    });
    let sni = server_name
        .for_host(&url.authority)
        .filter(|_| scheme == Scheme::Https);
    let name = sni.as_deref().unwrap_or_default();
    let wanted = port.or(url.port()).unwrap_or(scheme.port());
    let no_listener = not_found::no_listener(loaded, wanted, authority.unwrap_or_default(), &url.target);
    let mut told = Explanation {
        version: 1,
        request: ExplainedRequest {
            method: method.to_owned(),
            scheme,
            authority: authority.map(str::to_owned),
            path: url.target.clone(),
            normalised: None,
            headers: headers.to_vec(),
        },
        proxy: loaded.options.labels.clone(),
        assumed: Vec::new(),
        listener: None,
        tls: None,
        host: None,
        tried: Vec::new(),
        not_reached: 0,
        too_late: Vec::new(),
        left_out: Vec::new(),
        outcome: no_listener,
        nearest_miss: None,
        warnings: Vec::new(),
    };
    let Some((listener, why)) = found else {
        return Ok(told);
    };
    told.listener = Some(Listener {
        name: listener.name.clone(),
        port: listener.port,
        listen_port: listener.listen_port,
        protocol: listener.protocol.clone(),
        why: why.to_string(),
    });
    let request = proxy::request(&told.request, sni.clone(), listener.port)?;
    let model = proxy::model(&loaded.compiled, &listener.name, request.port)?;
    let chains = Chains::new(listener, &model, request.port);
    if scheme == Scheme::Https && listener.chains.iter().any(|it| speaks_tls(it.termination)) {
        told.tls = Some(chains.chosen(sni.as_deref()));
    }
    let received = match proxy::receive(&model, &request)? {
        Reception::Received(received) => received,
        Reception::Refused { status, details } => {
            let details = details.map(|it| format!(" ({it})")).unwrap_or_default();
            let message = format!("the proxy refuses it before any rule is tried{details}");
            told.outcome = Outcome::Refused { status, message };
            return Ok(told);
        }
        Reception::Bytes | Reception::NoConnection(NoAnswer::Closed)
            if not_found::passes_some(listener, scheme, name) =>
        {
            let route = not_found::route_of_bytes(listener, scheme, name);
            told.outcome = Outcome::Bytes {
                destination: route.map(|it| it.destination()).unwrap_or_default(),
                place: Place::new(route.and_then(|it| it.span.as_ref())),
            };
            told.warnings = warnings::of_connections(summary, route, told.request.host());
            return Ok(told);
        }
        Reception::Bytes => {
            told.outcome = not_found::no_connection(NoAnswer::Closed, summary, listener, scheme, name, url);
            return Ok(told);
        }
        Reception::NoConnection(error) => {
            told.outcome = not_found::no_connection(error, summary, listener, scheme, name, url);
            return Ok(told);
        }
    };
    let target = received.target();
    if target != told.request.path {
        told.request.normalised = Some(target);
    }
    let plain = received.plain();
    let head = received.head(&plain);
    let chain = Chain::new(loaded, listener, &received.route_config)?;
    let Some(answering) = chain.answering(head.authority()) else {
        told.outcome = not_found::no_host(summary, &chain, listener, told.request.host());
        if told.tls.is_some() {
            chains.tell_reuse(&mut told, sni.as_deref());
        }
        return Ok(told);
    };
    told.host = Some(alternatives::host(&chain, answering, &head));
    let router = Router::new(
        &loaded.resources,
        &loaded.options,
        answering.summary,
        &listener.name,
        request.port,
    )?;
    let came_by_https = plain.contains(&(b"x-forwarded-proto", b"https"));
    if answering.summary.redirects_to_https && !came_by_https {
        let outcome = router.answer(&request, 0);
        told.outcome = Outcome::ToHttps {
            status: outcome.as_ref().map_or(301, |it| it.status),
            location: outcome.as_ref().and_then(forward::location),
        };
        told.warnings = warnings::untrusted_proto(&told, loaded.options.trusted_hops)
            .into_iter()
            .collect();
        return Ok(told);
    }
    told.left_out = alternatives::left_out(&chain, answering, &head)?;
    if let Some((open, header)) = undecided(answering.running, &head) {
        told.outcome = of_a_run(answering, &head, (open, header), &mut told);
        return Ok(told);
    }
    let winner = try_rules(answering, &head, &mut told);
    told.outcome = match winner {
        Some(_) if chain.table.refuses_upgrade(&head) => refused_upgrade(&chain, &head, &request, &router),
        Some((route, running)) => forward::outcome(route, running, &head, &request, &router),
        None => {
            told.nearest_miss = alternatives::nearest(answering, &head);
            not_found::no_rule(&told, summary)
        }
    };
    told.warnings = warnings::warnings(&told, loaded, winner.map(|(route, _)| route));
    if told.tls.is_some() {
        chains.tell_reuse(&mut told, sni.as_deref());
    }
    Ok(told)
}

fn speaks_tls(termination: Termination) -> bool {
    match termination {
        Termination::Https | Termination::TlsToTcp | Termination::Passthrough => true,
        Termination::PlainHttp | Termination::Tcp => false,
    }
}

/// What comes of a request that a rule takes, but that asks for an upgrade which the proxy does not allow.
fn refused_upgrade(chain: &Chain<'_>, head: &RequestHead<'_>, request: &Request, router: &Router) -> Outcome {
    let wanted: Vec<String> = head.values(&HeaderName::parse("upgrade")).map(text).collect();
    let allowed = chain.config.upgrades.iter().flat_map(|it| &it.allowed);
    let allowed: Vec<&str> = allowed.map(String::as_str).collect();
    Outcome::Refused {
        status: router.answer(request, 0).map_or(403, |it| it.status),
        message: format!(
            "the rule takes it, but the proxy refuses an upgrade to `{}`: it allows {} only",
            wanted.join(","),
            allowed.join(", ")
        ),
    }
}

/// What comes of a request if only a run knows whether this route takes it: the route is the last that is tried.
fn of_a_run(
    answering: Answering<'_>,
    head: &RequestHead<'_>,
    (open, header): (&Route, &HeaderMatch),
    told: &mut Explanation,
) -> Outcome {
    let mut asking = String::new();
    for (index, (route, running)) in answering.routes().enumerate() {
        let Some(source) = Source::of(route) else {
            continue;
        };
        let conditions = answering.conditions(route, running);
        let is_open = std::ptr::eq(running, open);
        let failed = if is_open {
            Some(conditions.header(header, head))
        } else {
            conditions.failed(head).into_iter().next()
        };
        if let Some(failed) = failed.as_ref().filter(|_| is_open) {
            asking = format!("{} takes it if {}", source.rule, failed.expected);
        }
        told.tried.push(Tried {
            position: index + 1,
            source,
            failed,
        });
        if is_open {
            told.not_reached = answering.routes().count() - index - 1;
            break;
        }
    }
    Outcome::Unknown {
        message: format!(
            "only a running Envoy knows the value of {}: {asking}",
            header.name.as_str()
        ),
    }
}

/// Tries the rules in order and records each result. Returns the winner.
fn try_rules<'a>(
    answering: Answering<'a>,
    head: &RequestHead<'_>,
    told: &mut Explanation,
) -> Option<(&'a RouteSummary, &'a Route)> {
    let mut winner: Option<(&RouteSummary, &Route)> = None;
    for (index, (route, running)) in answering.routes().enumerate() {
        let Some(source) = Source::of(route) else {
            continue;
        };
        let position = index + 1;
        let failed = answering.conditions(route, running).failed(head);
        match (winner, failed.is_empty()) {
            (None, accepts) => {
                if accepts {
                    winner = Some((route, running));
                }
                told.tried.push(Tried {
                    position,
                    source,
                    failed: failed.into_iter().next(),
                });
            }
            (Some(_), accepts) => {
                told.not_reached += 1;
                if accepts {
                    told.too_late.push(TooLate {
                        position,
                        source,
                        shadowed_by: alternatives::shadow(answering, index),
                    });
                }
            }
        }
    }
    winner
}
