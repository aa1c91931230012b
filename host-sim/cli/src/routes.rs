//! `fingerpost routes`: what would be matched, in which order, from files alone.
//!
//! The JSON form is stable; fields may be added, and `version` grows if one changes its meaning:
//!
//! ```json
//! {"version": 1, "listeners": [
//!   {"name": "0.0.0.0_80", "port": 80, "listen_port": 80, "protocol": "HTTP", "hosts": [
//!     {"domains": ["*.example.com"], "tls": false, "redirects_to_https": false, "rules": [
//!       {"rule": "default/web http[0] match[1]", "rules": [{"virtual_service": "default/web", "http": 0}],
//!        "match": "1", "conditions": "prefix /v1", "rewrite": "/v1 -> /", "destination": "v1.default.svc…:80",
//!        "virtual_service": "default/web", "file": "web.yaml", "line": 12}]}]}]}
//! ```
//! `port` is the one that the Gateway declares, `listen_port` the one that Envoy listens on. Hosts with the same
//! rules are together. `rule`, `rules` and `match` are null where bytes are forwarded, not requests.

use fingerpost_resources::Code;
use std::io::Write;

use clap::{Args, ValueEnum};
use fingerpost_config_compiler::{HostSummary, ListenerSummary, RouteSummary, Summary};
use fingerpost_terminal::listing::{self, Remarks, Shown};
use fingerpost_terminal::screen;
use fingerpost_terminal::style::{DIM, paint};
use fingerpost_terminal::table;
use serde_json::{Value, json};

use crate::args::{EngineName, Input};
use crate::caller::Caller;
use crate::failure::Failure;
use crate::load::load;

/// Show the routes that resources make.
///
/// For each listener its hosts, and for each host the rules in the order in which they are tried: the first that
/// matches wins. It is what `istioctl proxy-config listeners` and `routes` show, without a cluster.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  fingerpost routes -f bookinfo.yaml
  fingerpost routes -f k8s/ --port 443 --host shop.example.com
  fingerpost routes -f k8s/ --format json | jq '.listeners[].hosts[].domains'")]
pub(crate) struct Routes {
    #[command(flatten)]
    input: Input,

    /// How to print them
    #[arg(long, value_enum, default_value = "table", help_heading = "Output")]
    format: Format,

    /// Only the listener of this Gateway port
    #[arg(long, value_name = "PORT", help_heading = "Output")]
    port: Option<u32>,

    /// Only the hosts of which this is one, written as in the list: `a.example.com`, `*.example.com`, `*`
    #[arg(long, value_name = "HOST", help_heading = "Output")]
    host: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Json,
}

impl Routes {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let loaded = load(
            &self.input,
            Caller::Routes,
            self.input.options(EngineName::Wasm, String::new()),
            &[Code::CertificateNotFound, Code::SubsetByDns],
        )?;
        let shown = self.chosen(&loaded.compiled.summary)?;
        let (mut out, text) = match self.format {
            Format::Table => {
                let tables = listing::tables(&shown, &loaded.resources.sources, &Ports, table::width());
                (screen::stdout(), tables)
            }
            Format::Json => (screen::json_stdout(), format!("{:#}\n", as_json(&shown))),
        };
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    fn chosen<'p>(&self, summary: &'p Summary) -> Result<Vec<Shown<'p>>, Failure> {
        let by_port = |listener: &&ListenerSummary| {
            self.port
                .is_none_or(|port| port == listener.port || port == listener.listen_port)
        };
        let listeners: Vec<&ListenerSummary> = summary.listeners.iter().filter(by_port).collect();
        if let (Some(port), []) = (self.port, listeners.as_slice()) {
            let ports = summary.listeners.iter().map(|it| it.port.to_string());
            return Err(nothing(&format!("no listener has port {port}"), ports));
        }
        let wanted = self.host.as_deref().map(str::to_ascii_lowercase);
        let by_host = |domain: &str| wanted.as_deref().is_none_or(|it| it == domain);
        let mut shown: Vec<Shown<'p>> = listeners
            .iter()
            .map(|listener| Shown {
                listener,
                groups: listing::groups(listener, by_host),
            })
            .collect();
        if let Some(host) = &wanted {
            shown.retain(|it| !it.groups.is_empty());
            if shown.is_empty() {
                let hosts = listeners.iter().flat_map(|it| &it.hosts);
                let domains = hosts.flat_map(|it| &it.domains).cloned();
                return Err(nothing(&format!("no listener has a host `{host}`"), domains));
            }
        }
        Ok(shown)
    }
}

/// Names the protocol of a listener, and the Gateway's port where Envoy listens on another.
struct Ports;

impl Remarks for Ports {
    fn beside(&self, listener: &ListenerSummary) -> String {
        let protocol = &listener.protocol;
        if listener.port == listener.listen_port {
            paint(DIM, protocol)
        } else {
            paint(DIM, format_args!("{protocol}, Gateway port {}", listener.port))
        }
    }

    fn below(&self, _: &ListenerSummary, _: &HostSummary, _: &RouteSummary) -> Option<String> {
        None
    }
}

fn nothing(what: &str, there: impl Iterator<Item = String>) -> Failure {
    let mut there: Vec<String> = there.collect();
    there.dedup();
    Failure::refused(match there.as_slice() {
        [] => format!("{what}: there is none at all"),
        some => format!("{what}: there is {}", some.join(", ")),
    })
}

fn as_json(shown: &[Shown<'_>]) -> Value {
    let listeners: Vec<Value> = shown
        .iter()
        .map(|Shown { listener, groups }| {
            let hosts: Vec<Value> = groups
                .iter()
                .map(|group| {
                    json!({
                        "domains": group.domains,
                        "tls": group.host.over_tls,
                        "redirects_to_https": group.host.redirects_to_https,
                        "rules": group.host.routes.iter().map(route_as_json).collect::<Vec<_>>(),
                    })
                })
                .collect();
            json!({
                "name": listener.name,
                "port": listener.port,
                "listen_port": listener.listen_port,
                "protocol": listener.protocol,
                "hosts": hosts,
            })
        })
        .collect();
    json!({"version": 1, "listeners": listeners})
}

fn route_as_json(route: &RouteSummary) -> Value {
    json!({
        "rule": route.rule.as_ref().map(ToString::to_string),
        "rules": route.rule.as_ref().map(|it| &it.rules),
        "match": route.rule.as_ref().and_then(|it| it.matched.as_deref()),
        "conditions": route.matches,
        "rewrite": route.rewrite,
        "destination": route.destination,
        "virtual_service": route.virtual_service,
        "file": route.span.as_ref().map(|it| &*it.file),
        "line": route.span.as_ref().map(|it| it.line),
    })
}
