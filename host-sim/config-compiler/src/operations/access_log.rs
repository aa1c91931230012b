//! What is logged of each request and of each TCP connection, and where.
//!
//! The fields of JSON have Istio's names (istio `pilot/pkg/model/telemetry_logging.go`), with the rule, the virtual host
//! and the path that the upstream received beside them; the text is Istio's line with the rule at its end. Operators are those of Envoy's
//! `docs/root/configuration/observability/access_log/usage.rst`, which 1.36 to 1.40 all have.

use std::fmt;
use std::str::FromStr;

use fingerpost_envoy_config::Struct;
use fingerpost_envoy_config::access_log::{
    AccessLog as EnvoyAccessLog, AccessLogConfig, FileAccessLog, StdoutAccessLog, SubstitutionFormatString,
};
use fingerpost_envoy_config::bootstrap::Bootstrap;
use fingerpost_envoy_config::core::DataSource;
use fingerpost_envoy_config::listener::NetworkFilterConfig;
use fingerpost_routing_config::{RULE_PROPERTY, VIRTUAL_HOST_PROPERTY};

use crate::options::Engine;

/// Where requests are logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessLog {
    /// To standard output, in JSON.
    JsonToStdout,
    /// To standard output, as text.
    TextToStdout,
    /// The path of a file, in JSON.
    JsonToFile(String),
}

/// The text names no access log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidAccessLog;

impl fmt::Display for InvalidAccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected json, text, none or the path of a file")
    }
}

impl std::error::Error for InvalidAccessLog {}

impl FromStr for AccessLog {
    type Err = InvalidAccessLog;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::JsonToStdout),
            "text" => Ok(Self::TextToStdout),
            "" => Err(InvalidAccessLog),
            path => Ok(Self::JsonToFile(path.to_owned())),
        }
    }
}

impl fmt::Display for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JsonToStdout => f.write_str("standard output, in JSON"),
            Self::TextToStdout => f.write_str("standard output, as text"),
            Self::JsonToFile(path) => write!(f, "{path}, in JSON"),
        }
    }
}

/// Of every request and every connection, in Istio's order.
const CONNECTION: &[(&str, &str)] = &[
    ("start_time", "%START_TIME%"),
    ("response_flags", "%RESPONSE_FLAGS%"),
    (
        "connection_termination_details",
        "%CONNECTION_TERMINATION_DETAILS%",
    ),
    (
        "upstream_transport_failure_reason",
        "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    ),
    ("bytes_received", "%BYTES_RECEIVED%"),
    ("bytes_sent", "%BYTES_SENT%"),
    ("duration", "%DURATION%"),
    ("upstream_cluster", "%UPSTREAM_CLUSTER_RAW%"),
    ("upstream_host", "%UPSTREAM_HOST%"),
    ("upstream_local_address", "%UPSTREAM_LOCAL_ADDRESS%"),
    ("downstream_local_address", "%DOWNSTREAM_LOCAL_ADDRESS%"),
    ("downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"),
    ("requested_server_name", "%REQUESTED_SERVER_NAME%"),
    ("downstream_tls_version", "%DOWNSTREAM_TLS_VERSION%"),
];

/// The operators for the rule that was chosen and for its virtual host.
fn chosen(engine: Engine) -> [String; 2] {
    match engine {
        // The filter names them. Its native routes do not: rules that do the same share one.
        Engine::Wasm => {
            [RULE_PROPERTY, VIRTUAL_HOST_PROPERTY].map(|it| format!("%FILTER_STATE(wasm.{it}:PLAIN)%"))
        }
        Engine::Native => ["rule", "virtual_host"].map(|it| format!("%METADATA(ROUTE:fingerpost:{it})%")),
    }
}

/// Of a request. `path` is what the client sent, `upstream_path` what the upstream received.
const REQUEST: &[(&str, &str)] = &[
    ("route_name", "%ROUTE_NAME%"),
    ("method", "%REQ(:METHOD)%"),
    ("authority", "%REQ(X-ENVOY-ORIGINAL-HOST?:AUTHORITY)%"),
    ("path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"),
    ("upstream_path", "%REQ(:PATH)%"),
    ("protocol", "%PROTOCOL%"),
    ("response_code", "%RESPONSE_CODE%"),
    ("response_code_details", "%RESPONSE_CODE_DETAILS%"),
    ("upstream_service_time", "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"),
    ("x_forwarded_for", "%REQ(X-FORWARDED-FOR)%"),
    ("user_agent", "%REQ(USER-AGENT)%"),
    ("request_id", "%REQ(X-REQUEST-ID)%"),
];

/// Istio's line, to which the rule is added.
const REQUEST_LINE: &str = "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" \
    %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \
    \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% \
    %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" \
    \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% \
    %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%";

/// Istio's line for a connection of bytes, which has nothing of a request.
const CONNECTION_LINE: &str = "[%START_TIME%] %RESPONSE_FLAGS% %CONNECTION_TERMINATION_DETAILS% \
    \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% \"%UPSTREAM_HOST%\" \
    %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% \
    %REQUESTED_SERVER_NAME%\n";

/// Logs what all chains carry.
pub(super) fn add(bootstrap: &mut Bootstrap, log: &AccessLog, engine: Engine) {
    let [rule, virtual_host] = chosen(engine);
    let requests = logger(log, &format!("{REQUEST_LINE} \"{rule}\"\n"), || {
        let chosen = [("rule", rule.as_str()), ("virtual_host", virtual_host.as_str())];
        fields(chosen.iter().chain(REQUEST).chain(CONNECTION))
    });
    let connections = logger(log, CONNECTION_LINE, || fields(CONNECTION));
    let listeners = bootstrap.static_resources.listeners.iter_mut();
    let chains = listeners.flat_map(|it| &mut it.filter_chains);
    for filter in chains.flat_map(|it| &mut it.filters) {
        match &mut filter.typed_config {
            NetworkFilterConfig::HttpConnectionManager(manager) => {
                manager.access_log = vec![requests.clone()];
            }
            NetworkFilterConfig::TcpProxy(proxy) => proxy.access_log = vec![connections.clone()],
        }
    }
}

fn fields<'f>(fields: impl IntoIterator<Item = &'f (&'f str, &'f str)>) -> Struct {
    let fields = fields.into_iter();
    fields
        .map(|(name, operator)| ((*name).to_owned(), (*operator).into()))
        .collect()
}

fn logger(log: &AccessLog, line: &str, fields: impl Fn() -> Struct) -> EnvoyAccessLog {
    let to_stdout = |log_format| EnvoyAccessLog {
        name: "envoy.access_loggers.stdout".to_owned(),
        typed_config: AccessLogConfig::Stdout(StdoutAccessLog { log_format }),
    };
    match log {
        AccessLog::JsonToStdout => to_stdout(SubstitutionFormatString::JsonFormat(fields())),
        AccessLog::TextToStdout => to_stdout(SubstitutionFormatString::TextFormatSource(
            DataSource::InlineString(line.to_owned()),
        )),
        AccessLog::JsonToFile(path) => EnvoyAccessLog {
            name: "envoy.access_loggers.file".to_owned(),
            typed_config: AccessLogConfig::File(FileAccessLog {
                path: path.clone(),
                log_format: Some(SubstitutionFormatString::JsonFormat(fields())),
            }),
        },
    }
}
