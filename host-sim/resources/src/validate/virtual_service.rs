//! VirtualService as a whole: hosts, gateways, and which kinds of rules there are.

use super::Checker;
use super::context::Context;
use super::export_to::Exported;
use super::gateway_names::check_gateways;
use super::header_name::is_claim;
use super::names::{check_host, is_address, overlap};
use super::path::Path;
use super::{http_route, reachability, tls_route};
use crate::code::Code;
use crate::virtual_service::VirtualService;

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
        to.error(Code::Conflict, &Path::SPEC.field(field), message)
            .help(format!("give it `hosts`, or remove `{field}`"));
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
            to.error(Code::BadHost, &at, reason);
            all_fit = false;
        } else if host == "*" && !context.on_gateway {
            to.error(
                Code::BadHost,
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
            to.error(Code::Duplicate, &at.item(index), message);
        }
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
                    Code::Conflict,
                    &at.field(name),
                    "routing by the claims of a token works on gateways only",
                )
                .help("name the gateway in `gateways`, and leave out `mesh`");
            }
        }
    }
}
