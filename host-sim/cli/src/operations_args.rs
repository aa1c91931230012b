//! The options that say what a bootstrap for production has beside the routes.

use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use fingerpost_config_compiler::{AccessLog, AdminAddress, Operations, READINESS_PATH};
use fingerpost_terminal::messages::note;

/// Where the bootstrap puts Envoy's admin interface.
#[derive(Debug, Args)]
#[command(next_help_heading = "Operations")]
pub(crate) struct AdminArg {
    /// Where Envoy's admin interface listens; anyone who reaches it controls the proxy
    #[arg(
        long,
        value_name = "IP:PORT|unix:PATH|none",
        default_value = "127.0.0.1:15000"
    )]
    admin: OrNone<AdminAddress>,
}

impl AdminArg {
    /// The address; none for none.
    pub(crate) fn address(&self) -> Option<AdminAddress> {
        self.admin.0.clone()
    }
}

/// What else is in the bootstrap for those who run the proxy.
#[derive(Debug, Args)]
#[command(next_help_heading = "Operations")]
pub(crate) struct OperationsArgs {
    /// Where GET /healthz/ready says whether the proxy routes, for probes and load balancers
    #[arg(long, value_name = "IP:PORT|PORT|none", default_value = "15021")]
    readiness: OrNone<ReadinessAddress>,

    /// Where requests are logged: to standard output in JSON or as text, or to a file in JSON
    #[arg(long, value_name = "json|text|none|FILE", default_value = "json")]
    access_log: OrNone<AccessLog>,

    /// Name the rule of each request for an access log of your own, as --access-log does: %FILTER_STATE(wasm.fingerpost.rule:PLAIN)%
    #[arg(long)]
    name_rules: bool,

    /// Whether the limits are set that Envoy recommends for edge proxies: memory, connections, HTTP/2 streams
    #[arg(long, value_enum, value_name = "on|off", default_value = "on")]
    edge_defaults: OnOff,

    /// Count the requests of each rule too, with the label `rule`: about ten metrics for each
    #[arg(long)]
    rule_metrics: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnOff {
    On,
    Off,
}

/// A value, or `none` for none.
#[derive(Debug, Clone)]
struct OrNone<T>(Option<T>);

impl<T: FromStr> FromStr for OrNone<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self(None)),
            text => text.parse().map(|it| Self(Some(it))),
        }
    }
}

/// An address, or a port of all addresses.
#[derive(Debug, Clone)]
struct ReadinessAddress(SocketAddr);

impl FromStr for ReadinessAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let of_port = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let port = text.parse().map(of_port);
        port.or_else(|_| text.parse())
            .map(Self)
            .map_err(|_| format!("invalid address `{text}`: expected IP:PORT, PORT or none"))
    }
}

impl OperationsArgs {
    /// Whether an access log wants to know the rules.
    pub(crate) fn name_rules(&self) -> bool {
        self.name_rules || self.access_log.0.is_some()
    }

    /// The compiler's form of them.
    pub(crate) fn operations(&self, admin: Option<AdminAddress>) -> Operations {
        Operations {
            admin,
            readiness: self.readiness.0.as_ref().map(|it| it.0),
            access_log: self.access_log.0.clone(),
            edge_defaults: self.edge_defaults == OnOff::On,
            rule_metrics: self.rule_metrics,
        }
    }
}

/// Warns about an admin interface that other machines can reach.
pub(crate) fn note_public_admin(operations: &Operations) {
    if let Some(address) = operations.admin.as_ref().filter(|it| it.is_public()) {
        note(format_args!(
            "the admin interface at {address} can be reached from other machines: anyone who reaches it can read the \
             configuration with its keys and stop the proxy; use a loopback address or unix:PATH"
        ));
    }
}

/// Where the operations are: labels with their texts.
pub(crate) fn describe(operations: &Operations) -> [(&'static str, String); 3] {
    let or_none = |it: Option<String>| it.unwrap_or_else(|| "none".to_owned());
    let readiness = operations.readiness.map(|it| format!("{it}{READINESS_PATH}"));
    [
        (
            "admin",
            or_none(operations.admin.as_ref().map(ToString::to_string)),
        ),
        ("readiness", or_none(readiness)),
        (
            "access log",
            or_none(operations.access_log.as_ref().map(ToString::to_string)),
        ),
    ]
}
