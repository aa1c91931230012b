//! What is known about a request besides its headers, for the variables of a header edit.

use crate::Headers;
use crate::outcome::UpstreamFailure;
use crate::request::Version;

/// The circumstances of one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    /// The listener's name.
    pub(crate) listener: &'a str,
    /// Whether the request has a body.
    pub(crate) has_body: bool,
    /// The version that the client speaks.
    pub(crate) version: Version,
    /// Whether the client speaks TLS.
    pub(crate) over_tls: bool,
    /// The server name (SNI) of the client.
    pub(crate) server_name: Option<&'a str>,
    /// The route's name.
    pub(crate) route_name: &'a str,
    /// The cluster, if there is one of that name.
    pub(crate) cluster: Option<&'a str>,
    /// The answer, once there is one.
    pub(crate) answer: Option<Answer<'a>>,
}

/// An answer whose headers are being edited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer<'a> {
    pub(crate) headers: &'a Headers,
    pub(crate) status: &'a str,
    pub(crate) source: Source,
}

/// Who gives an answer, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Upstream,
    Route,
    NoCluster,
    /// A cluster has not answered.
    NoAnswer(UpstreamFailure),
    Abort,
    Plugin,
    /// The router, since the upstream did not go on in what the client wants.
    Declined,
    /// The connection manager, which refuses the request, and why.
    Manager(&'static str),
    /// No route: nothing is edited then.
    NoRoute,
}

impl Source {
    /// What Envoy's `%RESPONSE_CODE_DETAILS%` says; none where it names what only a run knows.
    pub(crate) fn details(self) -> Option<&'static str> {
        match self {
            Self::Upstream => Some("via_upstream"),
            Self::Route => Some("direct_response"),
            Self::NoCluster => Some("cluster_not_found"),
            Self::NoAnswer(UpstreamFailure::NoEndpoint) => Some("no_healthy_upstream"),
            Self::NoAnswer(UpstreamFailure::TimedOut) => Some("response_timeout"),
            Self::Abort => Some("fault_filter_abort"),
            Self::Declined => Some("websocket_handshake_unsuccessful"),
            Self::Manager(details) => Some(details),
            Self::NoRoute => Some("route_not_found"),
            Self::Plugin | Self::NoAnswer(UpstreamFailure::Unreachable) => None,
        }
    }
}
