//! Rules for TLS and TCP: their matches and destinations.

use super::Checker;
use super::context::Context;
use super::destination::{check_destination, check_total, check_weight};
use super::gateway_names::check_gateways;
use super::names::{check_host, check_subnet, is_address, is_covered};
use super::path::Path;
use crate::code::Code;
use crate::virtual_service::{RouteDestination, TlsMatchAttributes, VirtualService};

pub(super) fn check(service: &VirtualService, context: &Context<'_>, cx: &mut Checker<'_>) {
    let tls = Path::SPEC.field("tls");
    for (index, rule) in service.tls.iter().enumerate() {
        let at = tls.item(index);
        let matches = at.field("match");
        if rule.matches.is_empty() {
            cx.missing(&matches, "match: [{sniHosts: [shop.example.com]}]");
        }
        for (index, service) in rule.matches.iter().enumerate() {
            check_tls_match(service, context, &matches.item(index), cx);
        }
        check_route(&rule.route, context, &at.field("route"), cx);
    }
    let tcp = Path::SPEC.field("tcp");
    for (index, rule) in service.tcp.iter().enumerate() {
        let at = tcp.item(index);
        let matches = at.field("match");
        for (index, service) in rule.matches.iter().enumerate() {
            let at = matches.item(index);
            check_subnets(&service.destination_subnets, &at.field("destinationSubnets"), cx);
            check_port(service.port, &at.field("port"), cx);
            cx.labels(&service.source_labels, &at.field("sourceLabels"));
            check_gateways(&service.gateways, &at.field("gateways"), false, cx);
        }
        check_route(&rule.route, context, &at.field("route"), cx);
    }
}

fn check_tls_match(
    attributes: &TlsMatchAttributes,
    context: &Context<'_>,
    path: &Path<'_>,
    cx: &mut Checker<'_>,
) {
    let hosts = path.field("sniHosts");
    if attributes.sni_hosts.is_empty() {
        cx.missing(&hosts, "sniHosts: [shop.example.com]");
    }
    for (index, host) in attributes.sni_hosts.iter().enumerate() {
        check_sni(host, context, &hosts.item(index), cx);
    }
    check_subnets(
        &attributes.destination_subnets,
        &path.field("destinationSubnets"),
        cx,
    );
    check_port(attributes.port, &path.field("port"), cx);
    cx.labels(&attributes.source_labels, &path.field("sourceLabels"));
    check_gateways(&attributes.gateways, &path.field("gateways"), false, cx);
}

fn check_sni(host: &str, context: &Context<'_>, path: &Path<'_>, cx: &mut Checker<'_>) {
    if is_address(host) {
        cx.warn(
            Code::BadHost,
            path,
            "clients send no SNI for an IP address: this will match nothing",
        );
    // A VirtualService that names no gateways counts as one for gateways here: isGateway.
    } else if let Err(reason) = check_host(host, context.without_mesh) {
        cx.error(Code::BadHost, path, reason);
    } else if !context.hosts.iter().any(|it| is_covered(host, it)) {
        let message = format!("{host:?} is not one of the hosts of this VirtualService");
        let names = context
            .hosts
            .iter()
            .map(|it| format!("{it:?}"))
            .collect::<Vec<_>>()
            .join(", ");
        cx.error(Code::BadHost, path, message)
            .help(format!("its hosts are {names}; letter case counts"));
    }
}

fn check_subnets(subnets: &[String], path: &Path<'_>, cx: &mut Checker<'_>) {
    for (index, subnet) in subnets.iter().enumerate() {
        if let Err(reason) = check_subnet(subnet) {
            cx.error(Code::BadAddress, &path.item(index), reason);
        }
    }
}

fn check_port(port: Option<u32>, path: &Path<'_>, cx: &mut Checker<'_>) {
    if let Some(port) = port.filter(|it| *it != 0) {
        cx.port(port, path);
    }
}

fn check_route(route: &[RouteDestination], context: &Context<'_>, path: &Path<'_>, cx: &mut Checker<'_>) {
    if route.is_empty() {
        cx.missing(path, "route: [{destination: {host: reviews}}]");
    }
    for (index, it) in route.iter().enumerate() {
        let path = path.item(index);
        check_destination(it.destination.as_ref(), context, &path.field("destination"), cx);
        check_weight(it.weight, &path.field("weight"), cx);
    }
    check_total(route.iter().map(|it| it.weight), path, cx);
}
