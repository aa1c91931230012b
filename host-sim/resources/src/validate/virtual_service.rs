//! VirtualService as a whole: hosts, gateways, and which kinds of rules there are.

use super::Checker;
use super::export_to::Exported;
use super::http_match::is_claim;
use super::names::{check_fqdn, check_wildcard_domain, is_address, is_label, overlap};
use super::path::Path;
use super::{http_route, reachability, tls_route};
use crate::virtual_service::VirtualService;

/// What the checks of a rule need to know of the VirtualService around it.
pub(super) struct Context<'v> {
    /// Without hosts it holds rules for others.
    pub(super) is_delegate: bool,
    /// Whether it is for gateways alone.
    pub(super) on_gateway: bool,
    /// Whether it leaves the mesh unnamed, be it that it names nothing.
    pub(super) without_mesh: bool,
    pub(super) hosts: &'v [String],
    /// Made by Istio from the Gateway API, where destinations are checked elsewhere.
    pub(super) converted: bool,
}

pub(super) fn check(it: &VirtualService, to: &mut Checker<'_>) {
    let semantics = to.meta.annotations.get("internal.istio.io/route-semantics");
    let without_mesh = !it.gateways.iter().any(|it| it == "mesh");
    let context = Context {
        is_delegate: it.hosts.is_empty(),
        on_gateway: !it.gateways.is_empty() && without_mesh,
        without_mesh,
        hosts: &it.hosts,
        converted: semantics.is_some_and(|it| it == "gateway"),
    };
    if context.is_delegate {
        check_delegate(it, to);
    }
    let gateways = Path::SPEC.field("gateways");
    check_gateways(&it.gateways, &gateways, context.converted, to);
    check_hosts(it, &context, to);
    let http = Path::SPEC.field("http");
    if it.http.is_empty() && it.tls.is_empty() && it.tcp.is_empty() {
        to.missing(&http, "http: [{route: [{destination: {host: reviews}}]}]");
    }
    for (index, rule) in it.http.iter().enumerate() {
        let at = http.item(index);
        if !context.on_gateway {
            refuse_claims(rule, &at, to);
        }
        http_route::check(rule, &context, &at, to);
    }
    tls_route::check(it, &context, to);
    to.export_to(&it.export_to, Exported::Other);
    reachability::check(it, to);
}

fn check_delegate(it: &VirtualService, to: &mut Checker<'_>) {
    let present = [
        ("gateways", !it.gateways.is_empty()),
        ("tls", !it.tls.is_empty()),
        ("tcp", !it.tcp.is_empty()),
    ];
    for (field, _) in present.iter().filter(|(_, present)| *present) {
        let message = format!("a VirtualService without hosts holds rules for others and takes no {field}");
        to.error("conflict", &Path::SPEC.field(field), message)
            .help(format!("give it `hosts`, or remove `{field}`"));
    }
}

/// Names of gateways, at the top or in a match.
pub(super) fn check_gateways(names: &[String], at: &Path<'_>, converted: bool, to: &mut Checker<'_>) {
    for (index, name) in names.iter().enumerate() {
        let at = at.item(index);
        let Some((namespace, gateway)) = name.split_once('/') else {
            if let Err(reason) = check_fqdn(name) {
                to.error(
                    "bad-gateway",
                    &at,
                    reason.replace("is not a host", "is not the name of a gateway"),
                );
            } else if let Some((gateway, rest)) = name.split_once('.') {
                let namespace = rest.split('.').next().unwrap_or(rest);
                to.warn(
                    "legacy-gateway",
                    &at,
                    format!("{name:?} is the old form of a gateway's name"),
                )
                .help(format!("write {namespace}/{gateway}"));
            }
            // Istio looks no further than the first name without a slash: validateGatewayNames.
            return;
        };
        if namespace.is_empty() || gateway.is_empty() {
            to.error(
                "bad-gateway",
                &at,
                format!("{name:?}: namespace and name can't be empty"),
            )
            .help("write namespace/name, or the name alone for one in this namespace");
        } else if !is_label(namespace) {
            let finding = to.error(
                "bad-gateway",
                &at,
                format!("{namespace:?} in {name:?} is not a namespace"),
            );
            if namespace == "." {
                finding.help(format!(
                    "write the name alone, {gateway}, for a gateway in this namespace"
                ));
            }
        } else if !is_label(gateway) && !converted {
            to.error(
                "bad-gateway",
                &at,
                format!("{gateway:?} in {name:?} is not the name of a gateway"),
            );
        }
    }
}

fn check_hosts(it: &VirtualService, context: &Context<'_>, to: &mut Checker<'_>) {
    let at = Path::SPEC.field("hosts");
    let by_sni = it
        .tls
        .iter()
        .any(|rule| rule.matches.iter().any(|it| !it.sni_hosts.is_empty()));
    let mut all_fit = true;
    for (index, host) in it.hosts.iter().enumerate() {
        let at = at.item(index);
        if is_address(host) {
            continue;
        }
        if let Err(reason) = check_host(host, by_sni && context.on_gateway) {
            to.error("bad-host", &at, reason);
            all_fit = false;
        } else if host == "*" && !context.on_gateway {
            to.error(
                "bad-host",
                &at,
                "the host `*` is for gateways: this VirtualService is for the mesh",
            )
            .help("name the gateway in `gateways`, or the host in full");
            all_fit = false;
        }
    }
    if !all_fit {
        return;
    }
    for (index, host) in it.hosts.iter().enumerate() {
        if let Some(earlier) = it.hosts.iter().take(index).find(|earlier| overlap(earlier, host)) {
            let message = if earlier == host {
                format!("{host:?} is listed already")
            } else {
                format!("{host:?} and {earlier:?} overlap")
            };
            to.error("duplicate", &at.item(index), message);
        }
    }
}

/// A host, or with `sni` also a name such as `outbound_.80_._.shop.prod.svc.cluster.local`.
pub(super) fn check_host(host: &str, sni: bool) -> Result<(), String> {
    let Some(rest) = host
        .strip_prefix("outbound_")
        .filter(|_| sni && host.len() <= 255)
    else {
        return check_wildcard_domain(host);
    };
    let parts: Vec<_> = rest.split('_').map(|it| it.trim_matches('.')).collect();
    match parts.as_slice() {
        [port, _, name, ..]
            if port.contains(|it: char| it.is_ascii_digit())
                && name.contains(|it: char| it.is_ascii_alphabetic()) =>
        {
            Ok(())
        }
        _ => Err(format!(
            "{host:?} is not of the form outbound_.<port>_.<subset>_.<host>"
        )),
    }
}

fn refuse_claims(rule: &crate::HttpRoute, at: &Path<'_>, to: &mut Checker<'_>) {
    let matches = at.field("match");
    for (index, it) in rule.matches.iter().enumerate() {
        let at = matches.item(index);
        for (field, names) in [("headers", &it.headers), ("withoutHeaders", &it.without_headers)] {
            let at = at.field(field);
            for name in names.keys().filter(|it| is_claim(it)) {
                to.error(
                    "conflict",
                    &at.field(name),
                    "routing by the claims of a token works on gateways only",
                )
                .help("name the gateway in `gateways`, and leave out `mesh`");
            }
        }
    }
}
