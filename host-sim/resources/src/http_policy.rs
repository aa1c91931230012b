//! What a rule of a VirtualService does with a request besides sending it somewhere, as in
//! <https://istio.io/latest/docs/reference/config/networking/virtual-service/>.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::decode::{Decode, Decoder, Field, OneOf, Schema, choice, decode_alone, message, oneof};
use crate::virtual_service::{Destination, StringMatch};
use crate::yaml::{Entry, Node};

message! {
    /// Changes of the path and the authority before forwarding.
    struct HttpRewrite "HTTPRewrite" {
        uri: String,
        authority: String,
        uri_regex_rewrite: Option<RegexRewrite>,
    }

    /// A change of the path by a regular expression.
    struct RegexRewrite "RegexRewrite" {
        matches: String = "match",
        rewrite: String,
    }

    /// A redirect in place of forwarding.
    struct HttpRedirect "HTTPRedirect" {
        uri: String,
        authority: String,
        scheme: String,
        redirect_code: Option<u32>,
        prefix_rewrite: String,
    }
    oneof {
        redirect_port: RedirectPort,
    }

    /// A fixed reply in place of forwarding.
    struct HttpDirectResponse "HTTPDirectResponse" {
        status: Option<u32>,
        body: Option<DirectBody>,
    }

    /// Changes of the headers of request and response.
    struct Headers "Headers" {
        request: Option<HeaderOperations>,
        response: Option<HeaderOperations>,
    }

    /// Changes of headers.
    struct HeaderOperations "HeaderOperations" {
        set: BTreeMap<String, String>,
        add: BTreeMap<String, String>,
        remove: Vec<String>,
    }

    /// When and how often to try again.
    struct HttpRetry "HTTPRetry" {
        attempts: Option<i32>,
        per_try_timeout: Option<Duration>,
        retry_on: String,
        retry_remote_localities: Option<bool>,
        retry_ignore_previous_hosts: Option<bool>,
        backoff: Option<Duration>,
    }

    /// Faults to inject.
    struct HttpFaultInjection "HTTPFaultInjection" {
        delay: Option<Delay>,
        abort: Option<Abort>,
    }

    /// A delay to inject.
    struct Delay "Delay" {
        /// Deprecated: `percentage` replaces it.
        percent: Option<i32>,
        percentage: Option<Percent>,
    }
    oneof {
        http_delay_type: HttpDelayType,
    }

    /// A failure to inject.
    struct Abort "Abort" {
        percentage: Option<Percent>,
    }
    oneof {
        error_type: ErrorType,
    }

    /// A copy of the requests to another destination.
    struct HttpMirrorPolicy "HTTPMirrorPolicy" {
        destination: Option<Destination>,
        percentage: Option<Percent>,
    }

    /// A share in per cent.
    struct Percent "Percent" {
        value: Option<f64>,
    }

    /// Cross-origin resource sharing.
    struct CorsPolicy "CorsPolicy" {
        /// Deprecated: `allow_origins` replaces it.
        allow_origin: Vec<String>,
        allow_origins: Vec<StringMatch>,
        allow_methods: Vec<String>,
        allow_headers: Vec<String>,
        expose_headers: Vec<String>,
        max_age: Option<Duration>,
        allow_credentials: Option<bool>,
        unmatched_preflights: Option<UnmatchedPreflights>,
    }
}

choice! {
    /// What happens to a preflight request whose origin is not allowed.
    UnmatchedPreflights {
        Unspecified = 0 "UNSPECIFIED",
        Forward = 1 "FORWARD",
        Ignore = 2 "IGNORE",
    }

    /// Where the port of a redirect comes from.
    RedirectPortSelection {
        FromProtocolDefault = 0 "FROM_PROTOCOL_DEFAULT",
        FromRequestPort = 1 "FROM_REQUEST_PORT",
    }
}

oneof! {
    /// How long a delay is.
    HttpDelayType {
        FixedDelay(Duration) = fixed_delay,
        /// Istio refuses it.
        ExponentialDelay(Duration) = exponential_delay,
    }

    /// How a request fails.
    ErrorType {
        HttpStatus(i32) = http_status,
        GrpcStatus(String) = grpc_status,
        /// Istio refuses it.
        Http2Error(String) = http2_error,
    }
}

/// The port of a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectPort {
    /// `port`.
    Number(u32),
    /// `derivePort: FROM_PROTOCOL_DEFAULT`.
    FromProtocolDefault,
    /// `derivePort: FROM_REQUEST_PORT`.
    FromRequestPort,
}

impl OneOf for RedirectPort {
    fn fields() -> Vec<Field> {
        ["port", "derive_port"]
            .map(|name| Field {
                name,
                schema: u32::schema,
            })
            .into()
    }

    fn read(name: &str, entry: &Entry, cx: &mut Decoder<'_>) -> Option<Self> {
        if name == "port" {
            return Some(Self::Number(cx.field(entry)));
        }
        match cx.field(entry) {
            RedirectPortSelection::FromProtocolDefault => Some(Self::FromProtocolDefault),
            RedirectPortSelection::FromRequestPort => Some(Self::FromRequestPort),
        }
    }
}

/// The body of a direct response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectBody {
    /// `string`.
    Text(String),
    /// `bytes`, written in base64.
    Bytes(Vec<u8>),
}

impl DirectBody {
    /// What is sent.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// `body: {}`.
impl Default for DirectBody {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

const BODY: Schema = Schema {
    name: "HTTPBody",
    fields: DirectBody::fields,
};

impl OneOf for DirectBody {
    fn fields() -> Vec<Field> {
        ["string", "bytes"]
            .map(|name| Field {
                name,
                schema: String::schema,
            })
            .into()
    }

    fn read(name: &str, entry: &Entry, cx: &mut Decoder<'_>) -> Option<Self> {
        match name {
            "string" => Some(Self::Text(cx.field(entry))),
            _ => Some(Self::Bytes(cx.field(entry))),
        }
    }
}

impl Decode for DirectBody {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Self {
        decode_alone(node, &BODY, cx).unwrap_or_default()
    }

    fn schema() -> Option<&'static Schema> {
        Some(&BODY)
    }
}

/// The names of the gRPC statuses (istio `pkg/util/grpc/codes.go`); the index of a name is its number.
pub const GRPC_STATUSES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
