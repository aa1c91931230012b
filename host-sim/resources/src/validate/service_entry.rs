//! ServiceEntry and WorkloadEntry: hosts, addresses, ports and endpoints.

use crate::code::Code;
use std::collections::BTreeSet;

use super::Checker;
use super::export_to::Exported;
use super::gateway::{check_unix_path, is_http, is_protocol, is_tls};
use super::names::{check_fqdn, check_subnet, is_address, is_label};
use super::path::Path;
use crate::service_entry::{Location, Resolution, ServiceEntry, WorkloadEntry};

pub(super) fn check(entry: &ServiceEntry, cx: &mut Checker<'_>) {
    let resolution = entry.resolution.unwrap_or_default();
    let endpoints = Path::SPEC.field("endpoints");
    if let Some(selector) = &entry.workload_selector {
        let at = Path::SPEC.field("workloadSelector");
        cx.selector(&selector.labels, &at.field("labels"));
        if selector.labels.is_empty() {
            cx.warn(
                Code::EmptySelector,
                &at,
                "a selector without labels chooses every workload of the namespace",
            );
        }
        if !entry.endpoints.is_empty() {
            cx.error(
                Code::Conflict,
                &at,
                "only one of `endpoints` and `workloadSelector` can be set",
            );
        }
        if resolution == Resolution::None {
            cx.warn(
                Code::NoEffect,
                &at,
                "with `resolution: NONE` a workloadSelector has no use",
            )
            .help("write `resolution: STATIC`");
        }
    }
    check_hosts(entry, resolution, cx);
    check_addresses(entry, resolution, cx);
    check_ports(entry, resolution, cx);
    match resolution {
        Resolution::None => {
            if !entry.endpoints.is_empty() {
                cx.error(
                    Code::Conflict,
                    &endpoints,
                    "`resolution: NONE` does not use endpoints",
                )
                .help("write `resolution: STATIC` or `resolution: DNS`");
            }
        }
        Resolution::Static => {
            let ports: BTreeSet<_> = entry.ports.iter().map(|it| it.name.as_str()).collect();
            for (index, it) in entry.endpoints.iter().enumerate() {
                check_endpoint(it, Some(&ports), &endpoints.item(index), cx);
            }
        }
        Resolution::Dns | Resolution::DnsRoundRobin => check_dns(entry, resolution, cx),
        Resolution::DynamicDns => check_dynamic(entry, cx),
    }
    let spoken = |it: &str| is_http(it) || is_tls(it);
    if resolution != Resolution::None
        && entry.hosts.len() > 1
        && let Some(index) = entry.ports.iter().position(|it| !spoken(&it.protocol))
    {
        let message = format!(
            "{} hosts share port {}, and only HTTP and TLS connections carry the host name",
            entry.hosts.len(),
            entry.ports.get(index).and_then(|it| it.number).unwrap_or(0),
        );
        cx.error(Code::Conflict, &Path::SPEC.field("hosts"), message)
            .help("write one ServiceEntry for each host");
    }
    cx.export_to(&entry.export_to, Exported::ServiceEntry);
}

fn check_hosts(entry: &ServiceEntry, resolution: Resolution, cx: &mut Checker<'_>) {
    let at = Path::SPEC.field("hosts");
    if entry.hosts.is_empty() {
        cx.missing(&at, "hosts: [api.example.com]");
    }
    for (index, host) in entry.hosts.iter().enumerate() {
        let at = at.item(index);
        if host == "*" {
            cx.error(Code::BadHost, &at, "a service can't have the host `*`")
                .help("for example `*.example.com`");
            continue;
        }
        cx.wildcard_domain(host, &at);
        if resolution == Resolution::DynamicDns {
            if !host.starts_with('*') {
                cx.error(
                    Code::BadHost,
                    &at,
                    format!("{host:?}: with `resolution: DYNAMIC_DNS` a host begins with `*`"),
                );
            }
        } else if host.contains('*') && !host.starts_with("*.") {
            cx.warn(
                Code::BadHost,
                &at,
                format!("{host:?}: a `*` should be a whole label, as in `*.example.com`"),
            );
        }
    }
}

fn check_addresses(entry: &ServiceEntry, resolution: Resolution, cx: &mut Checker<'_>) {
    let list = Path::SPEC.field("addresses");
    for (index, address) in entry.addresses.iter().enumerate() {
        if let Err(reason) = check_subnet(address) {
            cx.error(Code::BadAddress, &list.item(index), reason);
        } else if address.contains('/') && !matches!(resolution, Resolution::None | Resolution::Static) {
            let message = format!("{address:?}: ranges go with `resolution: NONE` or `STATIC` only");
            cx.error(Code::Conflict, &list.item(index), message);
        }
    }
    if resolution == Resolution::DynamicDns && !entry.addresses.is_empty() {
        cx.error(
            Code::Conflict,
            &list,
            "`resolution: DYNAMIC_DNS` does not use addresses",
        );
    }
    let tcp = ["tcp", "https", "tls", "mongo", "redis", "mysql"];
    let by_name = matches!(resolution, Resolution::Dns | Resolution::DnsRoundRobin);
    let speaks_tcp = |it: &str| tcp.iter().any(|tcp| tcp.eq_ignore_ascii_case(it));
    if by_name
        && !entry.addresses.is_empty()
        && entry.hosts.len() > 1
        && entry.ports.iter().any(|it| speaks_tcp(&it.protocol))
    {
        cx.warn(
            Code::Conflict,
            &Path::SPEC.field("hosts"),
            "with addresses and a TCP port there should be one host only",
        );
    }
}

fn check_ports(entry: &ServiceEntry, resolution: Resolution, cx: &mut Checker<'_>) {
    let list = Path::SPEC.field("ports");
    let (mut names, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    // Istio gives an address by itself where it can use one: ip_autoallocation.go.
    let opted_out = cx
        .meta
        .labels
        .get("networking.istio.io/enable-autoallocate-ip")
        .is_some_and(|it| it.eq_ignore_ascii_case("false"));
    let allocated = resolution != Resolution::None && !opted_out;
    for (index, port) in entry.ports.iter().enumerate() {
        let at = list.item(index);
        let name = at.field("name");
        if port.name.is_empty() {
            cx.missing(&name, "name: https");
        } else if !is_label(&port.name) {
            cx.error(
                Code::BadName,
                &name,
                format!("{:?} is not the name of a port", port.name),
            )
            .help("it has letters, digits and inner hyphens");
        }
        if !names.insert(&port.name) {
            cx.error(
                Code::Duplicate,
                &name,
                format!("another port has the name {:?}", port.name),
            );
        }
        match port.number {
            Some(number) => {
                cx.port(number, &at.field("number"));
                if !numbers.insert(number) {
                    cx.error(
                        Code::Duplicate,
                        &at.field("number"),
                        format!("another port has the number {number}"),
                    );
                }
            }
            None => {
                cx.missing(&at.field("number"), "number: 443");
            }
        }
        if let Some(number) = port.target_port.filter(|it| *it != 0) {
            cx.port(number, &at.field("targetPort"));
        }
        if !port.protocol.is_empty() && !is_protocol(&port.protocol) {
            let message = format!("{:?} is not a protocol that Istio knows", port.protocol);
            cx.error(Code::BadProtocol, &at.field("protocol"), message)
                .help("use HTTP, HTTP2, GRPC, HTTPS, TLS, TCP, MONGO, REDIS or MYSQL");
        }
        if entry.addresses.is_empty() && !allocated && matches!(port.protocol.as_str(), "" | "TCP") {
            let message = format!(
                "without `addresses`, the TCP port {} takes the traffic to that port whatever its host",
                port.number.unwrap_or(0)
            );
            cx.warn(Code::NoAddress, &Path::SPEC.field("addresses"), message)
                .help("give the service an address, or a protocol such as TLS");
        }
    }
}

fn check_dns(entry: &ServiceEntry, resolution: Resolution, cx: &mut Checker<'_>) {
    let hosts = Path::SPEC.field("hosts");
    if entry.endpoints.is_empty() {
        let bad = entry
            .hosts
            .iter()
            .enumerate()
            .find_map(|(at, it)| Some((at, check_fqdn(it).err()?)));
        if let Some((index, reason)) = bad {
            let message = format!("without endpoints the host itself is looked up: {reason}");
            cx.error(Code::BadHost, &hosts.item(index), message)
                .help("name an endpoint by its address");
        }
    }
    let list = Path::SPEC.field("endpoints");
    if resolution == Resolution::DnsRoundRobin && entry.endpoints.len() > 1 {
        cx.error(
            Code::Conflict,
            &list,
            "with `resolution: DNS_ROUND_ROBIN` there is at most one endpoint",
        )
        .help("write `resolution: DNS`");
    }
    let ports: BTreeSet<_> = entry.ports.iter().map(|it| it.name.as_str()).collect();
    for (index, it) in entry.endpoints.iter().enumerate() {
        let at = list.item(index);
        let address = at.field("address");
        if it.address.is_empty() {
            cx.missing(&address, "address: api.example.com");
        } else if !is_address(&it.address) && check_fqdn(&it.address).is_err() {
            cx.error(
                Code::BadAddress,
                &address,
                format!("{:?} is neither a host nor an IP address", it.address),
            );
        }
        cx.labels(&it.labels, &at.field("labels"));
        check_endpoint_ports(it, Some(&ports), &at, cx);
    }
}

fn check_dynamic(entry: &ServiceEntry, cx: &mut Checker<'_>) {
    if !entry.endpoints.is_empty() {
        cx.error(
            Code::Conflict,
            &Path::SPEC.field("endpoints"),
            "`resolution: DYNAMIC_DNS` does not use endpoints",
        );
    }
    let list = Path::SPEC.field("ports");
    for (index, port) in entry.ports.iter().enumerate() {
        let spoken = ["http", "tls", "grpc", "http2"]
            .iter()
            .any(|it| it.eq_ignore_ascii_case(&port.protocol));
        if !spoken {
            let at = list.item(index);
            let message = "with `resolution: DYNAMIC_DNS` a port speaks HTTP, HTTP2, GRPC or TLS";
            cx.error(Code::Conflict, &at.field("protocol"), message);
        }
    }
    let waypoint = cx.meta.labels.get("istio.io/use-waypoint");
    let by_waypoint = waypoint.is_some_and(|it| !it.is_empty() && !it.eq_ignore_ascii_case("none"));
    if entry.location == Some(Location::MeshInternal) && by_waypoint {
        let message = "with `resolution: DYNAMIC_DNS` and a waypoint, the location is MESH_EXTERNAL";
        cx.error(Code::Conflict, &Path::SPEC.field("location"), message);
    }
}

pub(super) fn check_workload_entry(entry: &WorkloadEntry, cx: &mut Checker<'_>) {
    check_endpoint(entry, None, &Path::SPEC, cx);
}

/// An endpoint of a service with these ports; for a WorkloadEntry by itself they are not known.
fn check_endpoint(
    endpoint: &WorkloadEntry,
    ports: Option<&BTreeSet<&str>>,
    field: &Path<'_>,
    cx: &mut Checker<'_>,
) {
    let address = field.field("address");
    if endpoint.address.is_empty() {
        if endpoint.network.is_empty() {
            cx.missing(&address, "address: 10.0.0.1");
            return;
        }
        cx.warn(
            Code::NoAddress,
            &address,
            format!(
                "without an address, {:?} is reached by its gateway only",
                endpoint.network
            ),
        );
    } else if let Some(path) = endpoint.address.strip_prefix("unix://") {
        check_unix_path(path, &address, cx);
        if !endpoint.ports.is_empty() {
            cx.error(
                Code::Conflict,
                &field.field("ports"),
                "an endpoint on a Unix socket has no ports",
            );
        }
        if ports.is_some_and(|it| it.len() != 1) {
            cx.error(
                Code::Conflict,
                &Path::SPEC.field("ports"),
                "with an endpoint on a Unix socket a service has exactly one port",
            );
        }
    } else if !is_address(&endpoint.address) {
        if ports.is_some() {
            let message = format!("{:?} is not an IP address", endpoint.address);
            cx.error(Code::BadAddress, &address, message)
                .help("hosts go with `resolution: DNS`");
        } else if check_fqdn(&endpoint.address).is_err() {
            cx.error(
                Code::BadAddress,
                &address,
                format!("{:?} is neither a host nor an IP address", endpoint.address),
            );
        }
    }
    check_endpoint_ports(endpoint, ports, field, cx);
    cx.labels(&endpoint.labels, &field.field("labels"));
}

fn check_endpoint_ports(
    endpoint: &WorkloadEntry,
    ports: Option<&BTreeSet<&str>>,
    path: &Path<'_>,
    cx: &mut Checker<'_>,
) {
    let list = path.field("ports");
    for (name, number) in &endpoint.ports {
        let path = list.field(name);
        if !is_label(name) {
            cx.error(
                Code::BadName,
                &path,
                format!("{name:?} is not the name of a port"),
            );
        } else if let Some(known) = ports.filter(|it| !it.contains(name.as_str())) {
            let names: Vec<_> = known.iter().copied().collect();
            cx.error(
                Code::UnknownPort,
                &path,
                format!("the service has no port {name:?}"),
            )
            .help(format!(
                "its ports are {}",
                crate::decode::name_list(&names, "and")
            ));
        }
        cx.port(*number, &path);
    }
}
