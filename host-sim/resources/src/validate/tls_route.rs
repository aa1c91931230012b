//! Rules for TLS and TCP: their matches and destinations.

use super::Checker;
use super::context::Context;
use super::destination::{check_destination, check_total, check_weight};
use super::gateway_names::check_gateways;
use super::names::{check_host, check_subnet, is_address, is_covered};
use super::path::Path;
use crate::code::Code;
use crate::virtual_service::{RouteDestination, TlsMatchAttributes, VirtualService};

pub(super) fn check(it: &VirtualService, context: &Context<'_>, to: &mut Checker<'_>) {
    let tls = Path::SPEC.field("tls");
    for (index, rule) in it.tls.iter().enumerate() {
        let at = tls.item(index);
        let matches = at.field("match");
        if rule.matches.is_empty() {
            to.missing(&matches, "match: [{sniHosts: [shop.example.com]}]");
        }
        for (index, it) in rule.matches.iter().enumerate() {
            check_tls_match(it, context, &matches.item(index), to);
        }
        check_route(&rule.route, context, &at.field("route"), to);
    }
    let tcp = Path::SPEC.field("tcp");
    for (index, rule) in it.tcp.iter().enumerate() {
        let at = tcp.item(index);
        let matches = at.field("match");
        for (index, it) in rule.matches.iter().enumerate() {
            let at = matches.item(index);
            check_subnets(&it.destination_subnets, &at.field("destinationSubnets"), to);
            check_port(it.port, &at.field("port"), to);
            to.labels(&it.source_labels, &at.field("sourceLabels"));
            check_gateways(&it.gateways, &at.field("gateways"), false, to);
        }
        check_route(&rule.route, context, &at.field("route"), to);
    }
}

fn check_tls_match(it: &TlsMatchAttributes, context: &Context<'_>, at: &Path<'_>, to: &mut Checker<'_>) {
    let hosts = at.field("sniHosts");
    if it.sni_hosts.is_empty() {
        to.missing(&hosts, "sniHosts: [shop.example.com]");
    }
    for (index, host) in it.sni_hosts.iter().enumerate() {
        check_sni(host, context, &hosts.item(index), to);
    }
    check_subnets(&it.destination_subnets, &at.field("destinationSubnets"), to);
    check_port(it.port, &at.field("port"), to);
    to.labels(&it.source_labels, &at.field("sourceLabels"));
    check_gateways(&it.gateways, &at.field("gateways"), false, to);
}

fn check_sni(host: &str, context: &Context<'_>, at: &Path<'_>, to: &mut Checker<'_>) {
    if is_address(host) {
        to.warn(
            Code::BadHost,
            at,
            "clients send no SNI for an IP address: this will match nothing",
        );
    // A VirtualService that names no gateways counts as one for gateways here: isGateway.
    } else if let Err(reason) = check_host(host, context.without_mesh) {
        to.error(Code::BadHost, at, reason);
    } else if !context.hosts.iter().any(|it| is_covered(host, it)) {
        let message = format!("{host:?} is not one of the hosts of this VirtualService");
        let names = context
            .hosts
            .iter()
            .map(|it| format!("{it:?}"))
            .collect::<Vec<_>>()
            .join(", ");
        to.error(Code::BadHost, at, message)
            .help(format!("its hosts are {names}; letter case counts"));
    }
}

fn check_subnets(subnets: &[String], at: &Path<'_>, to: &mut Checker<'_>) {
    for (index, subnet) in subnets.iter().enumerate() {
        if let Err(reason) = check_subnet(subnet) {
            to.error(Code::BadAddress, &at.item(index), reason);
        }
    }
}

fn check_port(port: Option<u32>, at: &Path<'_>, to: &mut Checker<'_>) {
    if let Some(port) = port.filter(|it| *it != 0) {
        to.port(port, at);
    }
}

fn check_route(route: &[RouteDestination], context: &Context<'_>, at: &Path<'_>, to: &mut Checker<'_>) {
    if route.is_empty() {
        to.missing(at, "route: [{destination: {host: reviews}}]");
    }
    for (index, it) in route.iter().enumerate() {
        let at = at.item(index);
        check_destination(it.destination.as_ref(), context, &at.field("destination"), to);
        check_weight(it.weight, &at.field("weight"), to);
    }
    check_total(route.iter().map(|it| it.weight), at, to);
}
