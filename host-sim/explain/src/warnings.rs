//! What would surprise the author of the rules. Every warning is about this request, and is proved by it.

use fingerpost_config_compiler::{ClusterProtocol, Compilation, Part, RouteSummary, Summary};
use fingerpost_resources::Code;
use fingerpost_routing_config::{PathMatch, Rewrite};
use fingerpost_simulated_proxy::{Scheme, Url, host_of};

use crate::chain::would_answer;
use crate::explanation::{Destination, Explanation, Outcome, Source, Tried, Warning};
use crate::not_found;

/// The warnings, the gravest first.
pub(crate) fn warnings(
    told: &Explanation,
    loaded: &Compilation,
    winner: Option<&RouteSummary>,
) -> Vec<Warning> {
    let summary = &loaded.compiled.summary;
    let mut found = Vec::new();
    if let Outcome::Forward(forward) = &told.outcome {
        for destination in &forward.destinations {
            if let Some(missing) = &destination.missing {
                found.push(Warning {
                    code: match destination.endpoints {
                        Some(_) => Code::NoEndpoints,
                        None => Code::NoCluster,
                    },
                    message: format!("{}: requests get 503", missing.message),
                    help: missing.help.clone(),
                });
            }
        }
    }
    faults(told, &mut found);
    origin(told, &mut found);
    grpc(told, loaded, &mut found);
    websocket(told, loaded, &mut found);
    found.extend(untrusted_proto(told, loaded.options.trusted_hops));
    shadowed(told, &mut found);
    if winner.is_some() {
        for left_out in &told.left_out {
            found.push(Warning {
                code: Code::LeftOut,
                message: format!("{} is not used: {}", left_out.source.rule, left_out.reason),
                help: None,
            });
        }
    }
    if winner.is_some() {
        unread_routes(told, summary, &mut found);
    }
    if let Some(winner) = winner {
        inside_a_segment(told, winner, &mut found);
        slashes(told, winner, &mut found);
    }
    found
}

/// What would surprise about a connection that is passed on as it is.
pub(crate) fn of_connections(
    summary: &Summary,
    route: Option<&RouteSummary>,
    authority: &str,
) -> Vec<Warning> {
    let missing = route.into_iter().flat_map(|it| &it.missing);
    let closed = missing.map(|it| Warning {
        code: Code::ClosedConnections,
        message: format!(
            "{} % of the connections are closed: {}",
            it.percent, it.reason.message
        ),
        help: Some(it.reason.help.clone()),
    });
    let lost = not_found::lost_connections(summary, host_of(authority)).map(|(it, reason)| Warning {
        code: it.cause.code(),
        message: reason.message,
        help: reason.help,
    });
    closed.chain(lost).collect()
}

/// No client reaches the port of the URL.
pub(crate) fn unserved_port(url: &Url, summary: &Summary) -> Option<Warning> {
    fingerpost_simulated_proxy::unserved_port(url, summary).map(|it| Warning {
        code: Code::PortNotServed,
        message: it.to_string(),
        help: None,
    })
}

/// A resource that is not read may take the request in a cluster. Where no rule does, it is a reason for the 404.
fn unread_routes(told: &Explanation, summary: &Summary, found: &mut Vec<Warning>) {
    let authority = host_of(told.request.host());
    for unserved in &summary.unserved {
        let Part::Other { name, hosts } = &unserved.part else {
            continue;
        };
        let host = hosts
            .iter()
            .find(|it| would_answer(it, Some(authority.as_bytes())));
        if let Some(host) = host {
            found.push(Warning {
                code: unserved.cause.code(),
                message: format!(
                    "{name} is for `{host}` too, and {}: in the cluster the answer may differ",
                    unserved.cause.reason()
                ),
                help: None,
            });
        }
    }
}

/// A fault answers before the request reaches an upstream.
fn faults(told: &Explanation, found: &mut Vec<Warning>) {
    let policies = match &told.outcome {
        Outcome::Forward(forward) => &forward.policies,
        Outcome::Answer { policies, .. } => policies,
        Outcome::ToHttps { .. }
        | Outcome::NotFound { .. }
        | Outcome::Refused { .. }
        | Outcome::Unknown { .. }
        | Outcome::NoConnection { .. }
        | Outcome::Bytes { .. } => return,
    };
    for fault in policies.iter().filter(|it| it.name == "fault") {
        found.push(Warning {
            code: Code::Fault,
            message: format!("the rule injects a fault: {}", fault.words),
            help: None,
        });
    }
}

/// gRPC needs HTTP/2 on the whole way. What a service speaks that is assumed, or missing, is not known.
fn grpc(told: &Explanation, loaded: &Compilation, found: &mut Vec<Warning>) {
    let Outcome::Forward(forward) = &told.outcome else {
        return;
    };
    let mut headers = told.request.headers.iter();
    let is_grpc = headers.any(|(name, value)| {
        // gRPC-Web goes over HTTP/1.1 too.
        let rest = value.strip_prefix("application/grpc");
        name.eq_ignore_ascii_case("content-type")
            && rest.is_some_and(|it| it.is_empty() || it.starts_with(['+', ';', ' ']))
    });
    if !is_grpc {
        return;
    }
    let gets_http1 =
        |it: &&Destination| it.protocol == ClusterProtocol::Http1 && !loaded.assumed.hosts.contains(&it.host);
    for it in forward.destinations.iter().filter(gets_http1) {
        found.push(Warning {
            code: Code::GrpcOverHttp1,
            message: format!(
                "the request is gRPC, and port {} of {} gets {}",
                it.port, it.host, it.protocol
            ),
            help: Some(
                "name the Service's port `grpc` or `grpc-…`, or give it `appProtocol: grpc`".to_owned(),
            ),
        });
    }
}

/// Envoy asks for a WebSocket over HTTP/2 by extended CONNECT (RFC 8441), which few servers offer.
fn websocket(told: &Explanation, loaded: &Compilation, found: &mut Vec<Warning>) {
    let Outcome::Forward(forward) = &told.outcome else {
        return;
    };
    let mut headers = told.request.headers.iter();
    let is_websocket = headers
        .any(|(name, value)| name.eq_ignore_ascii_case("upgrade") && value.eq_ignore_ascii_case("websocket"));
    if !is_websocket {
        return;
    }
    let gets_http2 = |it: &&Destination| {
        it.protocol == ClusterProtocol::Http2
            && it.missing.is_none()
            && !loaded.assumed.hosts.contains(&it.host)
    };
    for it in forward.destinations.iter().filter(gets_http2) {
        found.push(Warning {
            code: Code::WebsocketOverHttp2,
            message: format!(
                "the request asks for a WebSocket, and port {} of {} gets {}: few servers open one over that, and the client gets 502",
                it.port, it.host, it.protocol
            ),
            help: Some(
                "route it to a port that gets HTTP/1.1, named `http` or `http-…`, without `h2UpgradePolicy: UPGRADE`".to_owned(),
            ),
        });
    }
}

/// A proxy that trusts no hop before it says itself by which scheme a request came.
pub(crate) fn untrusted_proto(told: &Explanation, trusted_hops: u32) -> Option<Warning> {
    let location = match &told.outcome {
        Outcome::ToHttps { location, .. } | Outcome::Answer { location, .. } => location,
        Outcome::Forward(_)
        | Outcome::NotFound { .. }
        | Outcome::Refused { .. }
        | Outcome::Unknown { .. }
        | Outcome::NoConnection { .. }
        | Outcome::Bytes { .. } => return None,
    };
    let mut headers = told.request.headers.iter();
    let came_by_https =
        headers.any(|(name, value)| name.eq_ignore_ascii_case("x-forwarded-proto") && value == "https");
    let to_https = location.as_ref().is_some_and(|it| it.starts_with("https:"));
    (trusted_hops == 0 && came_by_https && to_https && told.request.scheme == Scheme::Http).then(|| Warning {
        code: Code::UntrustedProto,
        message: "the request says `x-forwarded-proto: https`, but the gateway trusts no proxy before it and overwrites the header: behind a load balancer that ends TLS this redirect never ends".to_owned(),
        help: Some("if there is one, use --trusted-hops 1, and in the cluster `numTrustedProxies: 1` for the gateway; or leave the redirect to the load balancer".to_owned()),
    })
}

/// A browser shows no answer to a page whose origin is not allowed.
fn origin(told: &Explanation, found: &mut Vec<Warning>) {
    let Outcome::Forward(forward) = &told.outcome else {
        return;
    };
    let mut headers = told.request.headers.iter();
    let origin = headers.find(|(name, _)| name.eq_ignore_ascii_case("origin"));
    if let (Some((_, origin)), Some(false)) = (origin, forward.allows_origin) {
        found.push(Warning {
            code: Code::OriginNotAllowed,
            message: format!("the rule's corsPolicy does not allow the origin `{origin}`: the answer gets no `access-control-allow-origin`"),
            help: Some("`allowOrigins` compares the whole origin, with its scheme and port".to_owned()),
        });
    }
}

fn shadowed(told: &Explanation, found: &mut Vec<Warning>) {
    for late in &told.too_late {
        let by = |it: &&Tried| Some(it.position) == late.shadowed_by;
        let Some(earlier) = told.tried.iter().find(by) else {
            continue;
        };
        let of = |source: &Source| {
            let first = source.rules.first();
            first.map(|it| it.virtual_service.clone()).unwrap_or_default()
        };
        let (rule, first) = (&late.source, &earlier.source);
        let help = if of(rule) == of(first) {
            format!("put {} before {}", rule.rule, first.rule)
        } else {
            format!(
                "VirtualServices of one host are tried by age, then by name: {} before {}; list both rules in one",
                of(first),
                of(rule)
            )
        };
        found.push(Warning {
            code: Code::Shadowed,
            message: format!(
                "{} never gets a request: {} takes all that it could take",
                rule.rule, first.rule
            ),
            help: Some(help),
        });
    }
}

/// Envoy's prefix ends anywhere.
fn inside_a_segment(told: &Explanation, winner: &RouteSummary, found: &mut Vec<Warning>) {
    let Some(PathMatch::Prefix(prefix)) = winner.detail.as_ref().map(|it| &it.conditions.path) else {
        return;
    };
    let target = told.request.normalised.as_ref().unwrap_or(&told.request.path);
    let path = target.split('?').next().unwrap_or_default();
    let behind = path.get(prefix.len()..).unwrap_or_default();
    if prefix.is_empty() || prefix.ends_with('/') || behind.is_empty() || behind.starts_with('/') {
        return;
    }
    found.push(Warning {
        code: Code::InsideASegment,
        message: format!("the prefix `{prefix}` ends inside a segment of `{path}`"),
        help: Some(format!(
            "to take `{prefix}` and what is below it: one match with `exact: {prefix}`, one with `prefix: {prefix}/`"
        )),
    });
}

fn slashes(told: &Explanation, winner: &RouteSummary, found: &mut Vec<Warning>) {
    let Outcome::Forward(forward) = &told.outcome else {
        return;
    };
    let Some(rewrite) = &forward.rewrite else { return };
    let path = |target: &str| target.split('?').next().unwrap_or_default().to_owned();
    let (before, after) = (path(&rewrite.before), path(&rewrite.after));
    if after.contains("//") && !before.contains("//") {
        let detail = winner.detail.as_ref();
        let help = match detail.map(|it| (&it.conditions.path, &it.rewrite)) {
            Some((PathMatch::Prefix(prefix), Some(Rewrite::Uri(_)))) => {
                format!("the slash behind `{prefix}` is kept: add a match with `prefix: {prefix}/` before it")
            }
            _ => "look at the slashes around what is replaced".to_owned(),
        };
        found.push(Warning {
            code: Code::DoubleSlash,
            message: format!("the rewrite makes `{after}`"),
            help: Some(help),
        });
    }
    if !after.starts_with('/') {
        found.push(Warning {
            code: Code::NoLeadingSlash,
            message: format!("the rewrite makes `{after}`, which starts with no slash"),
            help: Some("upstreams answer 400 to such a path".to_owned()),
        });
    }
}
