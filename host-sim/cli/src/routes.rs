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
//! rules stand together. `rule`, `rules` and `match` are null where bytes are forwarded, not requests.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write;

use anstyle::Style;
use clap::{Args, ValueEnum};
use fingerpost_config_compiler::{Plan, PlanHost, PlanListener, PlanRoute};
use serde_json::{Value, json};

use crate::args::{EngineName, Input};
use crate::failure::Failure;
use crate::load::load;
use crate::rule;
use crate::style::{BOLD, DIM, NAME, paint};
use crate::table::{self, Column};

/// Where the tables of a listener start.
const INDENT: usize = 2;

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

/// The hosts of a listener that have the same routes.
struct Group<'a> {
    domains: Vec<&'a str>,
    host: &'a PlanHost,
}

struct Shown<'a> {
    listener: &'a PlanListener,
    groups: Vec<Group<'a>>,
}

impl Routes {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let loaded = load(&self.input, self.input.options(EngineName::Wasm, String::new()))?;
        let shown = self.chosen(&loaded.compiled.plan)?;
        let names = FileNames::new(loaded.resources.sources.iter().map(|it| it.name.as_str()));
        let text = match self.format {
            Format::Table => tables(&shown, &names, table::width()),
            Format::Json => format!("{:#}\n", as_json(&shown)),
        };
        let mut out = anstream::stdout();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    fn chosen<'p>(&self, plan: &'p Plan) -> Result<Vec<Shown<'p>>, Failure> {
        let by_port = |listener: &&PlanListener| {
            self.port
                .is_none_or(|port| port == listener.port || port == listener.listen_port)
        };
        let listeners: Vec<&PlanListener> = plan.listeners.iter().filter(by_port).collect();
        if let (Some(port), []) = (self.port, listeners.as_slice()) {
            let ports = plan.listeners.iter().map(|it| it.port.to_string());
            return Err(nothing(&format!("no listener has port {port}"), ports));
        }
        let wanted = self.host.as_deref().map(str::to_ascii_lowercase);
        let by_host = |domain: &str| wanted.as_deref().is_none_or(|it| it == domain);
        let mut shown: Vec<Shown<'p>> = listeners
            .iter()
            .map(|listener| Shown {
                listener,
                groups: groups(listener, &by_host),
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

fn nothing(what: &str, there: impl Iterator<Item = String>) -> Failure {
    let mut there: Vec<String> = there.collect();
    there.dedup();
    Failure::refused(match there.as_slice() {
        [] => format!("{what}: there is none at all"),
        some => format!("{what}: there is {}", some.join(", ")),
    })
}

fn groups<'p>(listener: &'p PlanListener, wanted: &impl Fn(&str) -> bool) -> Vec<Group<'p>> {
    let mut groups: Vec<Group<'p>> = Vec::new();
    for host in &listener.hosts {
        let domains = host.domains.iter().map(String::as_str).filter(|it| wanted(it));
        let domains: Vec<&str> = domains.collect();
        if domains.is_empty() {
            continue;
        }
        match groups.iter_mut().find(|it| are_alike(it.host, host)) {
            Some(group) => group.domains.extend(domains),
            None => groups.push(Group { domains, host }),
        }
    }
    groups
}

fn are_alike(one: &PlanHost, other: &PlanHost) -> bool {
    let key = |it: &PlanRoute| {
        (
            it.rule.clone(),
            it.matches.clone(),
            it.destination.clone(),
            it.rewrite.clone(),
        )
    };
    one.over_tls == other.over_tls
        && one.redirects_to_https == other.redirects_to_https
        && one.routes.iter().map(key).eq(other.routes.iter().map(key))
}

fn tables(shown: &[Shown<'_>], names: &FileNames, width: usize) -> String {
    let routes = || {
        let groups = shown.iter().flat_map(|it| &it.groups);
        groups.flat_map(|it| &it.host.routes)
    };
    let rewrites = routes().any(|it| it.rewrite.is_some());
    let mut columns = vec![Column::number("", DIM), Column::text("match", Style::new())];
    if rewrites {
        columns.push(Column::text("rewrite", Style::new()));
    }
    columns.push(Column::text("destination", NAME));
    columns.push(Column::text("rule", Style::new()));
    columns.push(Column::text("written in", DIM));

    let rows = |host: &PlanHost| -> Vec<Vec<String>> {
        let numbered = host.routes.iter().enumerate();
        numbered
            .map(|(index, route)| cells(index + 1, route, rewrites, names))
            .collect()
    };
    let all: Vec<Vec<String>> = shown
        .iter()
        .flat_map(|it| &it.groups)
        .flat_map(|it| rows(it.host))
        .collect();
    let widths = table::fit(&columns, &all, INDENT, width);

    let mut text = String::new();
    for Shown { listener, groups } in shown {
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(
            text,
            "{}  {}",
            paint(BOLD, &listener.name),
            paint(DIM, ports(listener))
        );
        for group in groups {
            text.push('\n');
            text.push_str(&wrapped_domains(group, width));
            if group.host.routes.is_empty() {
                let _ = writeln!(
                    text,
                    "    {}",
                    paint(DIM, "no rule: every request is answered 404")
                );
                continue;
            }
            text.push_str(&table::titles(&columns, &widths, INDENT, DIM));
            for row in rows(group.host) {
                text.push_str(&table::row(&columns, &widths, INDENT, &row));
            }
        }
    }
    if shown.is_empty() {
        text.push_str("no listener\n");
    }
    text
}

fn ports(listener: &PlanListener) -> String {
    if listener.port == listener.listen_port {
        return listener.protocol.clone();
    }
    format!("{}, Gateway port {}", listener.protocol, listener.port)
}

fn wrapped_domains(group: &Group<'_>, width: usize) -> String {
    let mut line = group.domains.join(", ");
    let host = group.host;
    if host.over_tls {
        line.push_str("  (TLS)");
    }
    if host.redirects_to_https {
        line.push_str("  (plain text is redirected to https)");
    }
    let columns = [Column::text("", BOLD)];
    let room = [width.saturating_sub(INDENT)];
    table::row(&columns, &room, INDENT, &[line])
}

fn cells(number: usize, route: &PlanRoute, with_rewrite: bool, names: &FileNames) -> Vec<String> {
    let mut cells = vec![number.to_string(), route.matches.clone()];
    if with_rewrite {
        cells.push(route.rewrite.clone().unwrap_or_default());
    }
    cells.push(route.destination.clone());
    cells.push(match &route.rule {
        Some(it) => rule::full_name(it),
        None => route.virtual_service.clone(),
    });
    cells.push(match &route.span {
        Some(span) => format!("{}:{}", names.short(&span.file), span.line),
        None => String::new(),
    });
    cells
}

/// How files are named in a narrow column: without their directories, if that still tells them apart.
struct FileNames {
    alone: bool,
}

impl FileNames {
    fn new<'a>(sources: impl Iterator<Item = &'a str>) -> Self {
        let mut seen = HashSet::new();
        Self {
            alone: { sources }.all(|it| seen.insert(last_part(it))),
        }
    }

    fn short<'a>(&self, file: &'a str) -> &'a str {
        if self.alone { last_part(file) } else { file }
    }
}

fn last_part(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
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

fn route_as_json(route: &PlanRoute) -> Value {
    json!({
        "rule": route.rule.as_ref().map(rule::full_name),
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
