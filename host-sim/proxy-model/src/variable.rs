//! The variables of a header edit, and their values.
//!
//! All that Envoy 1.40 accepts in a header were tried. They fall into three: those whose value follows from the
//! request, those that only a running proxy knows, and those that Envoy refuses.

use std::borrow::Cow;

use fingerpost_envoy_http::format::Call;
use fingerpost_envoy_http::header_map::{Headers, get};
use fingerpost_envoy_http::path::escaped;
use fingerpost_envoy_http::variable;

use crate::facts::{Facts, Source};
use crate::outcome::Skipped;
use crate::outcome::UpstreamFailure;
use crate::route_match::without_query;

/// A variable whose value the model knows, at least of some requests.
#[derive(Debug)]
pub(crate) enum Variable {
    RequestHeader(HeaderNames),
    ResponseHeader(HeaderNames),
    /// The path as the client sent it (normalised) or as it is now.
    Path {
        original: Original,
        with_query: bool,
    },
    Query,
    QueryParameter(String),
    RouteName,
    ListenerName,
    Cluster,
    ServerName,
    Status,
    Details,
    Flags {
        long: bool,
    },
    Attempts,
    /// None before there is an answer; then who knows how much of a body.
    BytesReceived,
    /// Empty unless the client speaks TLS.
    OfTls(String),
    /// Empty until an upstream has answered.
    OfUpstream(String),
    /// The same for every request.
    Constant(&'static str),
    Protocol,
}

/// Which path is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Original {
    Only,
    IfThere,
    No,
}

/// A header, and the one to look at if it is missing.
#[derive(Debug)]
pub(crate) struct HeaderNames {
    main: String,
    alternative: Option<String>,
}

/// The minor version of Envoy whose behaviour the model has.
const NEWEST: u16 = 40;

/// Headers that Envoy itself writes, with values that the model does not have.
const OF_A_RUNNING_PROXY: &[&str] = &[
    "x-request-id",
    "x-forwarded-for",
    "x-envoy-external-address",
    "x-forwarded-client-cert",
    "date",
    "x-envoy-upstream-service-time",
];

/// Reads a variable, or says why its value can't be known.
pub(crate) fn read(call: &Call) -> Result<Variable, String> {
    let (command, argument) = (call.name.as_str(), call.argument.as_deref());
    variable::check(call, NEWEST).map_err(|error| format!("{error}: it refuses the bootstrap"))?;
    let refused = || unknown(command);
    let names = || header_names(argument.ok_or_else(refused)?).ok_or_else(refused);
    Ok(match (command, argument) {
        ("REQ", _) => Variable::RequestHeader(names()?),
        ("RESP", _) => Variable::ResponseHeader(names()?),
        ("TRAILER", _) => names().map(|_| Variable::Constant(""))?,
        ("PATH", _) => path(argument.unwrap_or_default()).ok_or_else(refused)?,
        ("QUERY_PARAMS", _) => Variable::Query,
        ("QUERY_PARAM", Some(name)) => Variable::QueryParameter(name.to_owned()),
        ("PROTOCOL", None) => Variable::Protocol,
        ("ROUTE_NAME", _) => Variable::RouteName,
        ("LISTENER_NAME", None) => Variable::ListenerName,
        ("UPSTREAM_CLUSTER" | "UPSTREAM_CLUSTER_RAW", None) => Variable::Cluster,
        ("REQUESTED_SERVER_NAME", None | Some("SNI_ONLY")) => Variable::ServerName,
        ("RESPONSE_CODE", None) => Variable::Status,
        ("RESPONSE_CODE_DETAILS", _) => Variable::Details,
        ("RESPONSE_FLAGS", None) => Variable::Flags { long: false },
        ("RESPONSE_FLAGS_LONG", None) => Variable::Flags { long: true },
        ("UPSTREAM_REQUEST_ATTEMPT_COUNT", None) => Variable::Attempts,
        ("BYTES_RECEIVED", None) => Variable::BytesReceived,
        ("BYTES_SENT", None) => Variable::Constant("0"),
        ("ACCESS_LOG_TYPE", None) => Variable::Constant("NotSet"),
        (command, _) if ALWAYS_EMPTY.contains(&command) => Variable::Constant(""),
        (command, _) if is_of_tls(command) => Variable::OfTls(command.to_owned()),
        (command, _) if is_of_upstream(command) => Variable::OfUpstream(command.to_owned()),
        (command, _) => return Err(unknown(command)),
    })
}

fn unknown(command: &str) -> String {
    format!("only a running proxy knows %{command}%")
}

/// Of what no bootstrap here has any.
const ALWAYS_EMPTY: &[&str] = &[
    "CLUSTER_METADATA",
    "CONNECTION_TERMINATION_DETAILS",
    "CUSTOM_FLAGS",
    "DOWNSTREAM_LOCAL_CLOSE_REASON",
    "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
    "FILTER_CHAIN_NAME",
    "LOCAL_REPLY_BODY",
    "SPAN_ID",
    "TRACE_ID",
    "UPSTREAM_METADATA",
    "UPSTREAM_SERVER_NAME",
    "UPSTREAM_TRANSPORT_FAILURE_REASON",
    "VIRTUAL_CLUSTER_NAME",
];

fn is_of_tls(command: &str) -> bool {
    const OTHERS: &[&str] = &[
        "DOWNSTREAM_HANDSHAKE_DURATION",
        "DOWNSTREAM_LOCAL_DNS_SAN",
        "DOWNSTREAM_LOCAL_SUBJECT",
        "DOWNSTREAM_LOCAL_URI_SAN",
    ];
    ["DOWNSTREAM_PEER_", "DOWNSTREAM_TLS_", "TLS_JA"]
        .iter()
        .any(|start| command.starts_with(start))
        || OTHERS.contains(&command)
}

fn is_of_upstream(command: &str) -> bool {
    let counts = command.ends_with("_BYTES_SENT") || command.ends_with("_BYTES_RECEIVED");
    command.starts_with("UPSTREAM_") && !counts && command != "UPSTREAM_CONNECTION_ID"
}

fn header_names(argument: &str) -> Option<HeaderNames> {
    let (main, alternative) = match argument.split_once('?') {
        None => (argument, None),
        Some((main, alternative)) => (main, Some(alternative)),
    };
    let is_name = |it: &str| !it.contains(['?', '[', '"']);
    let given = !main.is_empty() || alternative.is_some();
    (given && is_name(argument.split_once('?').map_or(argument, |(_, it)| it))).then(|| HeaderNames {
        main: name(main),
        alternative: alternative.filter(|it| !it.is_empty()).map(name),
    })
}

fn name(text: &str) -> String {
    match text.to_ascii_lowercase().as_str() {
        "host" => ":authority".to_owned(),
        name => name.to_owned(),
    }
}

fn path(argument: &str) -> Option<Variable> {
    let (query, original) = argument.split_once(':').unwrap_or((argument, ""));
    Some(Variable::Path {
        with_query: match query {
            "" | "WQ" => true,
            "NQ" => false,
            _ => return None,
        },
        original: match original {
            "" | "ORIG_OR_PATH" => Original::IfThere,
            "ORIG" => Original::Only,
            "PATH" => Original::No,
            _ => return None,
        },
    })
}

impl Variable {
    /// Its value for one request.
    pub(crate) fn value<'v>(
        &'v self,
        request: &'v Headers,
        facts: &'v Facts<'_>,
    ) -> Result<Cow<'v, [u8]>, Skipped> {
        match self {
            Self::QueryParameter(wanted) => Ok(decoded(parameter(query(request), wanted))),
            other => other.part(request, facts).map(Cow::Borrowed),
        }
    }

    /// Its value, where that is a part of what there is.
    fn part<'v>(&'v self, request: &'v Headers, facts: &'v Facts<'_>) -> Result<&'v [u8], Skipped> {
        let source = facts.answer.map(|it| it.source);
        Ok(match self {
            Self::RequestHeader(names) => names.value(request)?,
            Self::ResponseHeader(names) => match &facts.answer {
                Some(answer) if names.main == ":status" => answer.status.as_bytes(),
                Some(answer) => names.value(answer.headers)?,
                None => b"",
            },
            Self::Path { original, with_query } => {
                let sent = get(request, "x-envoy-original-path");
                let now = get(request, ":path");
                let path = match original {
                    Original::Only => sent,
                    Original::IfThere => sent.or(now),
                    Original::No => now,
                };
                let path = path.unwrap_or_default();
                if *with_query { path } else { without_query(path) }
            }
            Self::Query => query(request),
            Self::QueryParameter(_) => b"",
            Self::RouteName => facts.route_name.as_bytes(),
            Self::ListenerName => facts.listener.as_bytes(),
            Self::Cluster => facts.cluster.unwrap_or_default().as_bytes(),
            Self::ServerName => facts.server_name.unwrap_or_default().as_bytes(),
            Self::Status => match (source, &facts.answer) {
                (Some(Source::Upstream), Some(answer)) => answer.status.as_bytes(),
                _ => b"0",
            },
            Self::Details => match source {
                None | Some(Source::NoRoute) => b"",
                Some(source) => {
                    let details = source.details().map(str::as_bytes);
                    details.ok_or_else(|| Skipped::because(unknown("RESPONSE_CODE_DETAILS")))?
                }
            },
            Self::Flags { long } => match (source, long) {
                (Some(Source::NoCluster), false) => b"NC",
                (Some(Source::NoCluster), true) => b"NoClusterFound",
                (Some(Source::NoAnswer(UpstreamFailure::NoEndpoint)), false) => b"UH",
                (Some(Source::NoAnswer(UpstreamFailure::NoEndpoint)), true) => b"NoHealthyUpstream",
                (Some(Source::NoAnswer(UpstreamFailure::TimedOut)), false) => b"UT",
                (Some(Source::NoAnswer(UpstreamFailure::TimedOut)), true) => b"UpstreamRequestTimeout",
                (Some(Source::NoAnswer(UpstreamFailure::Unreachable)), _) => {
                    return Err(Skipped::because(unknown("RESPONSE_FLAGS")));
                }
                (Some(Source::Abort), false) => b"FI",
                (Some(Source::Abort), true) => b"FaultInjected",
                _ => b"-",
            },
            Self::Attempts => match source {
                None | Some(Source::Upstream | Source::Declined | Source::NoAnswer(_)) => b"1",
                Some(_) => b"0",
            },
            Self::BytesReceived if source.is_some() && facts.has_body => {
                return Err(Skipped::because(unknown("BYTES_RECEIVED")));
            }
            Self::BytesReceived => b"0",
            Self::OfTls(command) if facts.over_tls => return Err(Skipped::because(unknown(command))),
            Self::OfUpstream(command)
                if matches!(
                    source,
                    Some(Source::Upstream | Source::Declined | Source::NoAnswer(_))
                ) =>
            {
                return Err(Skipped::because(unknown(command)));
            }
            Self::OfTls(_) | Self::OfUpstream(_) => b"",
            Self::Constant(text) => text.as_bytes(),
            Self::Protocol => facts.version.as_str().as_bytes(),
        })
    }
}

fn query(request: &Headers) -> &[u8] {
    let target = get(request, ":path").unwrap_or_default();
    let mark = target.iter().position(|byte| *byte == b'?');
    mark.map_or(&[][..], |mark| &target[mark + 1..])
}

fn parameter<'q>(query: &'q [u8], wanted: &str) -> &'q [u8] {
    let mut parameters =
        query
            .split(|byte| *byte == b'&')
            .map(|it| match it.iter().position(|byte| *byte == b'=') {
                Some(end) => (&it[..end], &it[end + 1..]),
                None => (it, &[][..]),
            });
    let found = parameters.find(|(name, _)| *name == wanted.as_bytes());
    found.map_or(&[][..], |(_, value)| value)
}

/// With its percent escapes decoded.
fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'%') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| escaped(after)).flatten();
        out.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &after[2..] } else { after }; // past the two digits
    }
    Cow::Owned(out)
}

impl HeaderNames {
    /// The first value of the header, or of the alternative if it is missing.
    fn value<'h>(&self, headers: &'h Headers) -> Result<&'h [u8], Skipped> {
        let mut names = [Some(&self.main), self.alternative.as_ref()]
            .into_iter()
            .flatten();
        let found = names.find_map(|name| get(headers, name).map(|value| (name, value)));
        match found {
            Some((name, _)) if OF_A_RUNNING_PROXY.contains(&name.as_str()) => Err(Skipped::because(format!(
                "only a running proxy knows the value of {name}"
            ))),
            Some((_, value)) => Ok(value),
            None => Ok(b""),
        }
    }
}
