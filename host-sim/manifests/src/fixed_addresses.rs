//! Which services of the cluster are reached by addresses of Pods that the input has, instead of by the cluster's DNS.

use std::net::IpAddr;

use fingerpost_config_compiler::{EndpointAddress, Endpoints, Summary};

/// The services of the cluster whose endpoints are fixed addresses of Pods, which are wrong as soon as the Pods are others.
pub fn fixed_services<'a>(summary: &'a Summary, domain: &str) -> Vec<&'a str> {
    let end = format!(".svc.{domain}");
    let is_ip = |address: &EndpointAddress| match address {
        EndpointAddress::Socket { host, .. } => host.parse::<IpAddr>().is_ok(),
        EndpointAddress::Pipe(_) => false,
    };
    let fixed = summary.clusters.iter().filter(|it| match &it.endpoints {
        Endpoints::Known(endpoints) => {
            it.host.ends_with(&end) && endpoints.iter().any(|it| is_ip(&it.address))
        }
        Endpoints::Empty(_) | Endpoints::Dns { .. } => false,
    });
    let mut hosts: Vec<&str> = fixed.map(|it| it.host.as_str()).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}
