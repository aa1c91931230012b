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

pub(super) fn check(service: &VirtualService, cx: &mut Checker<'_>) {
    let semantics = cx.meta.annotations.get("internal.istio.io/route-semantics");
    let without_mesh = !service.gateways.iter().any(|it| it == "mesh");
    let context = Context {
        is_delegate: service.hosts.is_empty(),
        on_gateway: !service.gateways.is_empty() && without_mesh,
        without_mesh,
        hosts: &service.hosts,
        converted: semantics.is_some_and(|it| it == "gateway"),
    };
    if context.is_delegate {
        check_delegate(service, cx);
    }
    let gateways = Path::SPEC.field("gateways");
    check_gateways(&service.gateways, &gateways, context.converted, cx);
    check_hosts(service, &context, cx);
    let http = Path::SPEC.field("http");
    if service.http.is_empty() && service.tls.is_empty() && service.tcp.is_empty() {
        cx.missing(&http, "http: [{route: [{destination: {host: reviews}}]}]");
    }
    for (index, rule) in service.http.iter().enumerate() {
        let at = http.item(index);
        if !context.on_gateway {
            refuse_claims(rule, &at, cx);
        }
        http_route::check(rule, &context, &at, cx);
    }
    tls_route::check(service, &context, cx);
    cx.export_to(&service.export_to, Exported::Other);
    reachability::check(service, cx);
}

fn check_delegate(service: &VirtualService, cx: &mut Checker<'_>) {
    let present = [
        ("gateways", !service.gateways.is_empty()),
        ("tls", !service.tls.is_empty()),
        ("tcp", !service.tcp.is_empty()),
    ];
    for (field, _) in present.iter().filter(|(_, present)| *present) {
        let message = format!("a VirtualService without hosts holds rules for others and takes no {field}");
        cx.error(Code::Conflict, &Path::SPEC.field(field), message)
            .help(format!("give it `hosts`, or remove `{field}`"));
    }
}

fn check_hosts(service: &VirtualService, context: &Context<'_>, cx: &mut Checker<'_>) {
    let at = Path::SPEC.field("hosts");
    let by_sni = service
        .tls
        .iter()
        .any(|rule| rule.matches.iter().any(|it| !it.sni_hosts.is_empty()));
    let mut all_fit = true;
    for (index, host) in service.hosts.iter().enumerate() {
        let at = at.item(index);
        if is_address(host) {
            continue;
        }
        if let Err(reason) = check_host(host, by_sni && context.on_gateway) {
            cx.error(Code::BadHost, &at, reason);
            all_fit = false;
        } else if host == "*" && !context.on_gateway {
            cx.error(
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
    for (index, host) in service.hosts.iter().enumerate() {
        if let Some(earlier) = service
            .hosts
            .iter()
            .take(index)
            .find(|earlier| overlap(earlier, host))
        {
            let message = if earlier == host {
                format!("{host:?} is listed already")
            } else {
                format!("{host:?} and {earlier:?} overlap")
            };
            cx.error(Code::Duplicate, &at.item(index), message);
        }
    }
}

fn refuse_claims(rule: &crate::HttpRoute, path: &Path<'_>, cx: &mut Checker<'_>) {
    let matches = path.field("match");
    for (index, it) in rule.matches.iter().enumerate() {
        let path = matches.item(index);
        for (field, names) in [("headers", &it.headers), ("withoutHeaders", &it.without_headers)] {
            let path = path.field(field);
            for name in names.keys().filter(|it| is_claim(it)) {
                cx.error(
                    Code::Conflict,
                    &path.field(name),
                    "routing by the claims of a token works on gateways only",
                )
                .help("name the gateway in `gateways`, and leave out `mesh`");
            }
        }
    }
}
