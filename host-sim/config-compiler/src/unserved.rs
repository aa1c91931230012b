//! VirtualServices that no listener serves, each with the reason: where a 404 for a host begins.
//!
//! Decides nothing: it repeats the conditions under which `virtual_hosts` makes routes, one by one.

use std::collections::BTreeMap;

use fingerpost_resources::{Resource, Resources, Span, VirtualService};

use crate::gateways::{BoundServer, MergedListener};
use crate::host;
use crate::matching::{self, Place};
use crate::options::Options;
use crate::virtual_services::BoundService;

/// A VirtualService that a Gateway does not serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unserved {
    /// `namespace/name`.
    pub virtual_service: String,
    /// Its hosts, short names resolved.
    pub hosts: Vec<String>,
    /// Why not.
    pub reason: String,
    /// What would do.
    pub help: String,
    /// Where that is written.
    pub span: Span,
}

/// All of them: one for each VirtualService and Gateway that don't come together.
pub(crate) fn find(
    resources: &Resources,
    services: &[BoundService<'_>],
    listeners: &[MergedListener<'_>],
    options: &Options,
) -> Vec<Unserved> {
    let mut found = Vec::new();
    let with_hosts = resources
        .virtual_services
        .iter()
        .filter(|it| !it.spec.hosts.is_empty());
    for resource in with_hosts {
        let Some(service) = services.iter().find(|it| std::ptr::eq(it.resource, resource)) else {
            found.push(hidden(resource, options));
            continue;
        };
        let mut add = |path: &str, reason: String, help: String| {
            found.push(Unserved {
                virtual_service: resource.meta.qualified_name(),
                hosts: service.hosts.clone(),
                reason,
                help,
                span: resource.origin.at(path),
            });
        };
        if service.gateways.iter().all(|it| it == "mesh") {
            let help = match known(resources).as_slice() {
                [] => "the input has no Gateway".to_owned(),
                some => format!("add `gateways: [{}]`", some.join(", ")),
            };
            add(
                "spec.gateways",
                "it names no Gateway: it is for sidecars alone".to_owned(),
                help,
            );
        }
        for (index, gateway) in service.gateways.iter().enumerate() {
            if gateway != "mesh"
                && let Some((path, reason, help)) =
                    why_not(gateway, index, service, resources, listeners, options)
            {
                add(&path, reason, help);
            }
        }
    }
    found
}

/// One that is not exported to the proxy.
fn hidden(resource: &Resource<VirtualService>, options: &Options) -> Unserved {
    let namespace = &resource.meta.namespace;
    let hosts = resource.spec.hosts.iter();
    Unserved {
        virtual_service: resource.meta.qualified_name(),
        hosts: hosts
            .map(|it| host::qualify(it, namespace, &options.domain))
            .collect(),
        reason: format!(
            "its `exportTo` does not reach namespace `{}`, where the proxy runs",
            options.namespace
        ),
        help: "export it to that namespace, or to `*`".to_owned(),
        span: resource.origin.at("spec.exportTo"),
    }
}

fn known(resources: &Resources) -> Vec<String> {
    let gateways = resources.gateways.iter();
    gateways.map(|it| it.meta.qualified_name()).collect()
}

/// The place, the reason and the help, if nothing of `service` comes through `gateway`.
fn why_not(
    gateway: &str,
    index: usize,
    service: &BoundService<'_>,
    resources: &Resources,
    listeners: &[MergedListener<'_>],
    options: &Options,
) -> Option<(String, String, String)> {
    let here = format!("spec.gateways[{index}]");
    let named = |it: &&Resource<fingerpost_resources::Gateway>| it.meta.qualified_name() == gateway;
    let Some(resource) = resources.gateways.iter().find(named) else {
        let help = match known(resources).as_slice() {
            [] => "the input has no Gateway".to_owned(),
            some => format!("the input has {}", some.join(", ")),
        };
        return Some((here, format!("there is no Gateway `{gateway}`"), help));
    };
    let servers: Vec<&BoundServer<'_>> = listeners
        .iter()
        .flat_map(|it| &it.groups)
        .flat_map(|it| &it.servers)
        .filter(|it| it.gateway_name() == gateway)
        .collect();
    if servers.is_empty() {
        let reason = format!("Gateway `{gateway}` does not select this proxy");
        return Some((here, reason, selector_help(&resource.spec.selector)));
    }
    let namespace = &service.resource.meta.namespace;
    let common = |server: &&BoundServer<'_>, namespace: &str| {
        !host::intersection(&host::open_to(&server.hosts, namespace), &service.hosts).is_empty()
    };
    let taking: Vec<&BoundServer<'_>> = servers
        .iter()
        .copied()
        .filter(|it| common(it, namespace))
        .collect();
    if taking.is_empty() {
        let hosts: Vec<&str> = servers
            .iter()
            .flat_map(|it| &it.hosts)
            .map(String::as_str)
            .collect();
        let owner = hosts.iter().find_map(|it| {
            let (owner, name) = it.split_once('/')?;
            let meant = service.hosts.iter().any(|host| host::overlap(host, name));
            (meant && owner != namespace).then_some(owner)
        });
        let reason = match owner {
            Some(owner) => format!(
                "Gateway `{gateway}` takes these hosts from namespace `{owner}` alone, and this is `{namespace}`"
            ),
            None => format!("no server of Gateway `{gateway}` takes any of its hosts"),
        };
        let help = format!("its servers take {}", hosts.join(", "));
        return Some(("spec.hosts".to_owned(), reason, help));
    }
    if service.rules.is_empty() {
        return Some((
            "spec".to_owned(),
            "it has no `http` rule".to_owned(),
            "`tls` and `tcp` rules are for connections, not for requests".to_owned(),
        ));
    }
    let applies = |server: &BoundServer<'_>| {
        let place = Place {
            gateway,
            port: server.declared_port,
        };
        service.rules.iter().any(|rule| {
            rule.matches.is_empty()
                || rule
                    .matches
                    .iter()
                    .any(|(_, request)| matching::applies(request, place, options))
        })
    };
    if !taking.iter().any(|it| applies(it)) {
        return Some((
            "spec.http".to_owned(),
            format!("no match of it is for Gateway `{gateway}` and its ports"),
            "see `port`, `gateways`, `sourceLabels` and `sourceNamespace` of its matches".to_owned(),
        ));
    }
    None
}

fn selector_help(selector: &BTreeMap<String, String>) -> String {
    let labels = selector.iter().map(|(key, value)| format!("{key}={value}"));
    let labels: Vec<String> = labels.collect();
    format!(
        "ask for the proxy that it selects: `--labels {}`",
        labels.join(",")
    )
}
