//! The sentences for the reasons: what is wrong, and what to do.

mod matches;
mod servers;

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use self::servers::no_rule;
use super::{Cause, Part, RuleKind, Unserved};
use crate::slips::{meant_gateways, meant_labels};

/// As many names are listed; the rest is counted.
const NAMES: usize = 12;

impl Unserved {
    /// What serves nothing, and why.
    pub fn message(&self) -> String {
        let reason = self.cause.reason();
        match &self.part {
            Part::VirtualService {
                is_served_elsewhere: true,
                ..
            } => format!("served by another of its Gateways, not by this one: {reason}"),
            Part::VirtualService { .. } => format!("not served: {reason}"),
            Part::Host { host, .. } => format!("host `{host}` is not served: {reason}"),
            Part::Rule {
                hosts,
                is_served_elsewhere,
                ..
            } => match (&self.cause, is_served_elsewhere) {
                (Cause::Dropped(_), _) => format!("Istio drops this rule: {reason}"),
                (_, true) => format!("never used for {}: {reason}", list(hosts)),
                (_, false) => format!("never used: {reason}"),
            },
            Part::Server { port, .. } => match self.cause {
                Cause::ServerConflict(_) => format!("this server is left out: {reason}"),
                _ => format!("nothing listens on port {port} for this server: {reason}"),
            },
            Part::Other { name, .. } => format!("{name} is left out: {reason}"),
            Part::Gateway { .. } => reason,
        }
    }
}

impl Cause {
    /// Why, as a clause. `it` is the resource that serves nothing.
    pub fn reason(&self) -> String {
        match self {
            Self::NotExported { to, gateway } => format!(
                "its `exportTo` names only {}, and the gateway runs in namespace `{gateway}`",
                quoted(to)
            ),
            Self::KindNotRead { kind } => format!("{kind} is not supported yet"),
            Self::OnlyForSidecars { .. } => {
                "it names no Gateway in `gateways`, so it is for sidecars only".to_owned()
            }
            Self::GatewayNotFound { gateway, .. } => format!("the input has no Gateway `{gateway}`"),
            Self::GatewayNotSelected {
                gateway,
                selector,
                labels,
                virtual_services,
            } => {
                let bound = match virtual_services.as_slice() {
                    [] => String::new(),
                    some => format!("; it does not serve {}", list(some)),
                };
                format!(
                    "Gateway `{gateway}` selects proxies with the labels {}, and this one has {}{bound}",
                    pairs(selector),
                    pairs(labels)
                )
            }
            Self::GatewayNotNamed { gateway } => {
                format!("no VirtualService of the input names Gateway `{gateway}`: it has no routes")
            }
            Self::HostsNotTaken { gateways, .. } => match gateways.as_slice() {
                [gateway] => format!("no server of Gateway `{gateway}` has a host in common with it"),
                several => format!(
                    "no server of the Gateways {} has a matching host",
                    quoted(several)
                ),
            },
            Self::HostsOfOtherNamespace {
                gateway,
                taken,
                namespace,
            } => {
                let owner = taken.split('/').next().unwrap_or_default();
                format!(
                    "the server host `{taken}` of Gateway `{gateway}` takes VirtualServices of namespace `{owner}` only, and this one is in `{namespace}`"
                )
            }
            Self::OtherRules { gateway, server, has } => format!(
                "server `{}` of Gateway `{gateway}` (port {}) {}, and this VirtualService has only {} rules",
                server.name,
                server.port,
                server.uses(),
                kinds(has)
            ),
            Self::ServersLeftOut { gateway, conflict } => format!(
                "the server of Gateway `{gateway}` with its hosts is left out: {}",
                conflict.reason()
            ),
            Self::OnlyAutoPassthrough { gateway } => format!(
                "the server of Gateway `{gateway}` with its hosts has `tls.mode: AUTO_PASSTHROUGH`, which uses no VirtualService"
            ),
            Self::AllRulesDropped { fault } => {
                format!("Istio drops all of its `http` rules: {}", fault.reason())
            }
            Self::NoMatchApplies { gateway, mismatch } => format!(
                "none of its matches can apply to Gateway `{gateway}`: {}",
                mismatch.reason()
            ),
            Self::Dropped(fault) => fault.reason(),
            Self::DelegateNotNamed => {
                "it has no `hosts`, so it is a delegate, and no rule of the input delegates to it".to_owned()
            }
            Self::NeverApplies(mismatch) => mismatch.reason(),
            Self::Behind(rule) => format!(
                "{rule} takes every request, and Istio sends no rule of that VirtualService behind it"
            ),
            Self::Hidden { by, conditions, .. } => {
                format!("{by} ({conditions}) comes first and takes all of its requests")
            }
            Self::ServerNameTaken { name, by } => {
                format!("{by} already has the server name `{name}`, and Istio drops the later match")
            }
            Self::ConnectionsTaken {
                port,
                by,
                tls_server: Some(server),
                ..
            } => format!(
                "{by} takes every connection of server `{server}` on port {port}: behind TLS only the first `tcp` rule of a server is used"
            ),
            Self::ConnectionsTaken { port, by, .. } => format!(
                "{by} takes every connection to port {port}: TCP connections carry no host, so only the first rule of a port is used"
            ),
            Self::NoRule {
                gateway,
                server,
                virtual_services,
            } => no_rule(gateway, server, virtual_services),
            Self::AutoPassthrough { .. } => "`tls.mode: AUTO_PASSTHROUGH` is not supported".to_owned(),
            Self::ServerConflict(conflict) => conflict.reason(),
        }
    }

    /// What to do.
    pub fn help(&self) -> String {
        match self {
            Self::NotExported { gateway, .. } => format!(
                "add `{gateway}` or `*` to `exportTo`; if the gateway runs in another namespace, name it with `--proxy-namespace`"
            ),
            Self::KindNotRead { .. } => {
                "in the cluster it is served as well; written as Gateway and VirtualService of networking.istio.io it is served here too".to_owned()
            }
            Self::OnlyForSidecars { known } => match known.as_slice() {
                [] => "to see its rules as those of a gateway: `--no-gateway`".to_owned(),
                some => format!(
                    "to serve it here, add `gateways: [{}]`; to see its rules as those of a gateway: `--no-gateway`",
                    list(some)
                ),
            },
            Self::GatewayNotFound { gateway, known } => gateway_not_found(gateway, known),
            Self::GatewayNotSelected { selector, labels, .. } => {
                let meant = meant_labels(selector, labels);
                let question = if meant.is_empty() {
                    String::new()
                } else {
                    format!("did you mean {}? if not, ", pairs(&meant))
                };
                format!(
                    "{question}for the proxy that it selects: `--labels {}`",
                    pairs(selector)
                )
            }
            Self::GatewayNotNamed { gateway } => {
                format!("name it in `gateways: [{gateway}]` of a VirtualService")
            }
            Self::HostsNotTaken {
                letter_case: Some((host, taken)),
                ..
            } => format!(
                "the server has `{taken}`, and Istio compares hosts with their letter case: write `{host}` the same way in both"
            ),
            Self::HostsNotTaken { taken, .. } => format!(
                "its servers have {}: add the host, or a wildcard that covers it, to `servers[].hosts`",
                list(taken)
            ),
            Self::HostsOfOtherNamespace {
                taken, namespace, ..
            } => {
                let host = taken.split_once('/').map_or("", |(_, host)| host);
                format!("write `{namespace}/{host}` or `*/{host}` in the Gateway, or move the VirtualService")
            }
            Self::OtherRules { server, has, .. } => server.help(has),
            Self::ServersLeftOut { conflict, .. } | Self::ServerConflict(conflict) => conflict.help().to_owned(),
            Self::OnlyAutoPassthrough { .. } => {
                "use another `tls.mode` for hosts with a VirtualService".to_owned()
            }
            Self::AllRulesDropped { fault } | Self::Dropped(fault) => fault.help(),
            Self::NoMatchApplies { mismatch, .. } | Self::NeverApplies(mismatch) => mismatch.help(),
            Self::DelegateNotNamed => {
                "add `hosts` and `gateways`, or a rule with `delegate` in another VirtualService".to_owned()
            }
            Self::Behind(_) | Self::Hidden { of_another: false, .. } => {
                "put the narrower rule first".to_owned()
            }
            Self::Hidden { of_another: true, .. } => {
                "Istio tries the VirtualServices of one host in the order of their creation, then by name: put the rules into one VirtualService, the narrower first"
                    .to_owned()
            }
            Self::ServerNameTaken { .. } => {
                "give each server name one `tls` match".to_owned()
            }
            Self::ConnectionsTaken {
                of_another: true,
                tls_server: Some(_),
                ..
            } => "give each a server with its hosts, or use PASSTHROUGH, which tells hosts apart by server name".to_owned(),
            Self::ConnectionsTaken { of_another: true, .. } => {
                "use another port, or TLS with PASSTHROUGH, which tells hosts apart by server name".to_owned()
            }
            Self::ConnectionsTaken { of_another: false, .. } => {
                "remove one of the rules, or use another port".to_owned()
            }
            Self::NoRule {
                server,
                virtual_services,
                ..
            } => {
                let wanted = server.rules();
                let mismatch = virtual_services.iter().find_map(|it| it.mismatch.as_ref());
                let has: Vec<RuleKind> = virtual_services.iter().flat_map(|it| it.has.clone()).collect();
                match mismatch {
                    Some(mismatch) if has.contains(&wanted) => mismatch.help(),
                    Some(_) | None => server.help(&has),
                }
            }
            Self::AutoPassthrough { .. } => {
                "Istio opens the port for the services of the mesh, without a VirtualService".to_owned()
            }
        }
    }
}

fn gateway_not_found(gateway: &str, known: &[String]) -> String {
    let meant = meant_gateways(gateway, known.iter().map(String::as_str));
    let namespace = gateway.split('/').next().unwrap_or_default();
    let is_elsewhere = |it: &&str| it.split('/').next() != Some(namespace);
    match (meant.as_slice(), known) {
        (_, []) => "add the file with that Gateway to the input".to_owned(),
        ([], some) => format!("the input has {}", list(some)),
        (meant, _) => {
            let names: Vec<String> = meant.iter().map(|it| (*it).to_owned()).collect();
            let mut help = format!("did you mean {}?", list(&names));
            if meant.iter().any(is_elsewhere) {
                help.push_str(" A name without a namespace is one of the VirtualService's own");
            }
            let mut elsewhere = meant.iter().filter(|it| is_elsewhere(it));
            if elsewhere.any(|it| it.starts_with("default/")) {
                let _ = write!(help, "; resources that name none get one by `-n {namespace}`");
            }
            help
        }
    }
}

/// What follows for requests if routes for these hosts are not read.
pub(super) fn may_differ<'h>(hosts: impl Iterator<Item = &'h String>) -> String {
    let mut all: Vec<String> = Vec::new();
    for host in hosts {
        let host = if host == "*" {
            "any host".to_owned()
        } else {
            format!("`{host}`")
        };
        if !all.contains(&host) {
            all.push(host);
        }
    }
    if all.is_empty() {
        "its ports are not opened".to_owned()
    } else {
        format!("answers for {} may differ", list(&all))
    }
}

pub(crate) fn list(names: &[String]) -> String {
    if names.len() <= NAMES {
        return names.join(", ");
    }
    let (first, rest) = names.split_at(NAMES);
    format!("{} and {} more", first.join(", "), rest.len())
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|it| format!("`{it}`")).collect();
    list(&names)
}

fn pairs<T: Display>(labels: &BTreeMap<T, T>) -> String {
    let pairs = labels.iter().map(|(key, value)| format!("{key}={value}"));
    pairs.collect::<Vec<_>>().join(",")
}

fn kinds(kinds: &[RuleKind]) -> String {
    let kinds: Vec<String> = kinds.iter().map(|it| format!("`{}`", it.as_str())).collect();
    kinds.join(" and ")
}
