//! Whether Pods, EndpointSlices and Endpoints have IP addresses. Kubernetes refuses any other; here it is a warning, and
//! the endpoint is left out.
//!
//! A slice of `addressType: FQDN` has names, and Istio does not read it.

use crate::code::Code;
use std::net::IpAddr;

use super::path::Path;
use crate::diagnostic::Diagnostics;
use crate::read::Resources;
use crate::resource::Origin;

pub(super) fn check(resources: &Resources, diagnostics: &mut Diagnostics) {
    for pod in &resources.pods {
        let at = Path::ROOT.field("status");
        let status = &pod.spec.status;
        check_address(&status.pod_ip, &at.field("podIP"), &pod.origin, diagnostics);
        let list = at.field("podIPs");
        for (index, it) in status.pod_ips.iter().enumerate() {
            check_address(&it.ip, &list.item(index).field("ip"), &pod.origin, diagnostics);
        }
    }
    for slice in &resources.endpoint_slices {
        if slice.spec.address_type == "FQDN" {
            continue;
        }
        let list = Path::ROOT.field("endpoints");
        for (index, endpoint) in slice.spec.endpoints.iter().enumerate() {
            let at = list.item(index);
            let addresses = at.field("addresses");
            for (index, address) in endpoint.addresses.iter().enumerate() {
                check_address(address, &addresses.item(index), &slice.origin, diagnostics);
            }
        }
    }
    for endpoints in &resources.endpoints {
        let list = Path::ROOT.field("subsets");
        for (index, subset) in endpoints.spec.subsets.iter().enumerate() {
            let at = list.item(index);
            for (field, addresses) in [
                ("addresses", &subset.addresses),
                ("notReadyAddresses", &subset.not_ready_addresses),
            ] {
                let list = at.field(field);
                for (index, it) in addresses.iter().enumerate() {
                    let at = list.item(index);
                    check_address(&it.ip, &at.field("ip"), &endpoints.origin, diagnostics);
                }
            }
        }
    }
}

fn check_address(address: &str, path: &Path<'_>, origin: &Origin, diagnostics: &mut Diagnostics) {
    if !address.is_empty() && address.parse::<IpAddr>().is_err() {
        let message = format!("{address:?} is not an IP address: the endpoint is left out");
        diagnostics
            .warn(Code::BadAddress, message)
            .on(origin, path.to_string())
            .help("Kubernetes accepts IP addresses only: for a host name write a ServiceEntry with `resolution: DNS`");
    }
}
