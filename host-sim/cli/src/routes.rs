//! `fingerpost routes`: what would be matched, in which order, from files alone.
//!
//! The JSON form is stable; fields may be added, and `version` grows if one changes its meaning:
//!
//! ```json
//! {"version": 1, "assumed": [{"kind": "Gateway|Service", "name": "istio-system/public"}], "listeners": [
//!   {"proxy": {"istio": "ingressgateway"}, "name": "0.0.0.0_80", "port": 80, "listen_port": 80, "protocol": "HTTP", "hosts": [
//!     {"domains": ["*.example.com"], "tls": false, "redirects_to_https": false, "rules": [
//!       {"rule": "default/web http[0].match[1]", "rules": [{"virtual_service": "default/web", "http": 0}],
//!        "match": "1", "conditions": "prefix /v1", "rewrite": "/v1 -> /", "destination": "v1.default.svc…:80",
//!        "mirrors": ["10% v2.default.svc…:80"], "virtual_service": "default/web", "file": "web.yaml", "line": 12, "column": 5, "assumed": ["v1.default.svc…"]}]}]}],
//!  "mesh": [{"domains": ["cart.default.svc.cluster.local"], …}], "findings": […], "notes": […]}
//! ```
//! `port` is the one that the Gateway declares, `listen_port` the one that Envoy listens on. Hosts with the same
//! rules are together. `assumed` of a rule is there if a destination is assumed to exist. `rule`, `rules` and `match` are null
//! where bytes are forwarded, not requests. `mesh` has the rules that only sidecars route by.

use std::io::Write;

use clap::{Args, ValueEnum};
use fingerpost_config_compiler::{
    Compilation, HostSummary, ListenerSummary, RouteSummary, Summary, assumed_gateways, sidecar_rules,
};
use fingerpost_resources::{Code, Resources};
use fingerpost_terminal::findings::with_findings;
use fingerpost_terminal::listing::{self, Remarks, Shown};
use fingerpost_terminal::listing_json;
use fingerpost_terminal::screen;
use fingerpost_terminal::style::{BOLD, DIM, paint};
use fingerpost_terminal::table;
use serde_json::{Value, json};

use crate::args::{EngineName, Input};
use crate::assumed;
use crate::caller::Caller;
use crate::failure::{Failure, answered_in_json, print_json};
use crate::load::{findings_of, load_each};
use crate::proxy;

/// Show listeners, hosts and routes
///
/// For each listener, lists its hosts and their rules in the order in which they are tried: the first that matches wins.
/// Like `istioctl proxy-config listeners` and `routes`, without a cluster. Into a pipe, every rule is one line.
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
    #[arg(long, value_enum, default_value = "text", help_heading = "Output")]
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
    #[value(alias = "table")]
    Text,
    Json,
}

impl Routes {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.format {
            Format::Text => self.answer(),
            Format::Json => answered_in_json(self.answer()),
        }
    }

    fn answer(&self) -> Result<(), Failure> {
        let proxies = load_each(
            &self.input,
            Caller::Routes,
            self.input.options(EngineName::Wasm, String::new()),
            &[Code::CertificateNotFound, Code::SubsetByDns],
        )?;
        let first = proxies.first();
        let mesh = first.and_then(|it| sidecar_rules(&it.resources, &it.options));
        let mesh = mesh.as_ref().and_then(|it| self.chosen_of_mesh(it));
        match self.format {
            Format::Text => {
                let mut out = screen::stdout();
                out.write_all(self.tables(&proxies, mesh)?.as_bytes())?;
                Ok(out.flush()?)
            }
            Format::Json => print_json(&self.json(&proxies, mesh.as_ref())?),
        }
    }

    /// What is shown of each proxy. A proxy without the port or the host counts only if all are.
    fn chosen_of<'p>(
        &self,
        proxies: &'p [Compilation],
        is_in_mesh: bool,
    ) -> Result<Vec<(&'p Compilation, Vec<Shown<'p>>)>, Failure> {
        let mut found = Vec::new();
        let mut refused = None;
        for proxy in proxies {
            match self.chosen(&proxy.compiled.summary) {
                Ok(shown) => found.push((proxy, shown)),
                Err(failure) => drop(refused.get_or_insert(failure)),
            }
        }
        match refused {
            Some(failure) if found.is_empty() && !is_in_mesh => Err(failure),
            Some(_) | None => Ok(found),
        }
    }

    /// What is shown of the rules for sidecars, whose ports are those of services.
    fn chosen_of_mesh<'p>(&self, mesh: &'p ListenerSummary) -> Option<Shown<'p>> {
        let groups = listing::groups(mesh, |domain| self.wants(domain));
        let is_wanted = self.port.is_none() && !groups.is_empty();
        is_wanted.then_some(Shown {
            listener: mesh,
            groups,
        })
    }

    fn wants(&self, domain: &str) -> bool {
        self.host
            .as_deref()
            .is_none_or(|it| it.eq_ignore_ascii_case(domain))
    }

    fn tables(&self, proxies: &[Compilation], mesh: Option<Shown<'_>>) -> Result<String, Failure> {
        let mut text = String::new();
        for (proxy, shown) in self.chosen_of(proxies, mesh.is_some())? {
            if proxies.len() > 1 {
                let gap = if text.is_empty() { "" } else { "\n" };
                let labels = paint(BOLD, proxy::shown(&proxy.options.labels));
                text.push_str(&format!("{gap}{} {labels}\n\n", paint(DIM, "proxy")));
            }
            let remarks = Ports {
                resources: &proxy.resources,
            };
            text.push_str(&listing::tables(&shown, &remarks, table::terminal_width()));
        }
        if let Some(mesh) = mesh {
            let tables = listing::tables(&[mesh], &Sidecars, table::terminal_width());
            let gap = if text.is_empty() { "" } else { "\n" };
            text.push_str(&format!("{gap}{tables}"));
        }
        Ok(text)
    }

    fn json(&self, proxies: &[Compilation], mesh: Option<&Shown<'_>>) -> Result<Value, Failure> {
        let mut listeners = Vec::new();
        for (proxy, shown) in self.chosen_of(proxies, mesh.is_some())? {
            listeners.extend(listing_json::listeners(&shown, &proxy.options.labels));
        }
        let answer = json!({
            "version": 1,
            "assumed": assumed::as_json(proxies.iter().map(|it| &it.assumed)),
            "listeners": listeners,
            "mesh": mesh.map_or_else(Vec::new, listing_json::hosts),
        });
        Ok(with_findings(answer, &findings_of(proxies)))
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

/// Names the protocol of a listener, the Gateway's port where Envoy listens on another, and its Gateways that are assumed.
struct Ports<'r> {
    resources: &'r Resources,
}

impl Remarks for Ports<'_> {
    fn beside(&self, listener: &ListenerSummary) -> String {
        let mut remark = listener.protocol.clone();
        if listener.port != listener.listen_port {
            remark.push_str(&format!(", Gateway port {}", listener.port));
        }
        let assumed = assumed_gateways(self.resources, &listener.declared_ports);
        if !assumed.is_empty() {
            remark.push_str(&format!(" (assumed: {})", assumed::names(&assumed, "Gateway")));
        }
        paint(DIM, remark)
    }

    fn below(&self, _: &ListenerSummary, _: &HostSummary, _: &RouteSummary) -> Option<String> {
        None
    }
}

/// Says which requests the rules of sidecars are for.
struct Sidecars;

impl Remarks for Sidecars {
    fn beside(&self, _: &ListenerSummary) -> String {
        paint(
            DIM,
            "for sidecars only, no gateway serves these hosts: --no-gateway answers as if one did",
        )
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
