//! The Gateways that the input has, and what they take, for the question of which are missing.

use std::collections::{BTreeSet, HashMap, HashSet};

use fingerpost_resources::{Gateway, Resource, Resources};

use crate::gateways::selects_proxy;
use crate::host;
use crate::options::Options;
use crate::protocol::Protocol;
use crate::slips::meant_gateways;
use crate::stand_in::{HTTPS_PORT, PORT};

/// The Gateways of the input.
pub(crate) struct DeclaredGateways {
    /// As `namespace/name`, those of invalid ones too.
    names: HashSet<String>,
    /// What those for the proxy take over plain HTTP on the port of the ones that are assumed, by `namespace/name`.
    taken: HashMap<String, TakenHosts>,
    /// Whether the proxy has a server for bytes on the port of those that are assumed: only one of the two could listen.
    pub(crate) has_bytes_on_the_port: bool,
    /// Whether the proxy has a server on the port of HTTPS: an assumed one could take its hosts.
    pub(crate) have_https: bool,
}

/// The hosts of all servers of a Gateway, as `host` or `namespace/host`. There may be thousands.
#[derive(Default)]
struct TakenHosts {
    all: Vec<String>,
    wildcards: Vec<String>,
    /// Those without a wildcard, by the name alone.
    exact: HashMap<String, Vec<String>>,
}

impl DeclaredGateways {
    pub(crate) fn new(resources: &Resources, options: &Options, invalid: &BTreeSet<String>) -> Self {
        let invalid = invalid.iter().filter_map(|it| it.strip_prefix("Gateway "));
        let valid = resources.gateways.iter().map(|it| it.meta.qualified_name());
        let selected = resources.gateways.iter();
        let selected: Vec<_> = selected.filter(|it| selects_proxy(it, options)).collect();
        let taken = selected.iter().filter(|it| has_port(it, true));
        Self {
            names: valid.chain(invalid.map(str::to_owned)).collect(),
            taken: taken
                .map(|it| (it.meta.qualified_name(), TakenHosts::new(it)))
                .collect(),
            has_bytes_on_the_port: selected.iter().any(|it| has_port(it, false)),
            have_https: selected.iter().any(|it| {
                let mut ports = it.spec.servers.iter().filter_map(|it| it.port.as_ref()?.number);
                ports.any(|it| it == HTTPS_PORT)
            }),
        }
    }

    /// Whether one of them has this name, or was probably meant by it, in any namespace.
    pub(crate) fn have_like(&self, full: &str) -> bool {
        self.names.contains(full) || !meant_gateways(full, self.names.iter().map(String::as_str)).is_empty()
    }

    /// Whether one of those that are named takes the host over plain HTTP on the port of the assumed ones.
    pub(crate) fn serve(&self, named: &[String], host: &str, namespace: &str) -> bool {
        let mut named = named.iter().filter_map(|it| self.taken.get(it));
        named.any(|it| it.take(host, namespace))
    }
}

impl TakenHosts {
    fn new(gateway: &Resource<Gateway>) -> Self {
        let mut taken = Self::default();
        let servers = gateway.spec.servers.iter();
        for written in servers.flat_map(|it| host::server_hosts(&it.hosts, &gateway.meta.namespace)) {
            let name = host::without_namespace(&written);
            if name.starts_with('*') {
                taken.wildcards.push(written.clone());
            } else {
                let same = taken.exact.entry(name.to_owned()).or_default();
                same.push(written.clone());
            }
            taken.all.push(written);
        }
        taken
    }

    /// Whether a VirtualService of this namespace may have requests for the host.
    fn take(&self, host: &str, namespace: &str) -> bool {
        let overlap =
            |written: &[String]| host::open_to(written, namespace).any(|it| host::overlap(it, host));
        if host.starts_with('*') {
            return overlap(&self.all);
        }
        overlap(&self.wildcards) || self.exact.get(host).is_some_and(|it| overlap(it))
    }
}

/// Whether the Gateway has the port of the assumed ones, for plain HTTP or for something else.
fn has_port(gateway: &Resource<Gateway>, is_http: bool) -> bool {
    let mut ports = gateway.spec.servers.iter().filter_map(|it| it.port.as_ref());
    ports.any(|it| it.number == Some(PORT.into()) && Protocol::parse(&it.protocol).is_plain_http() == is_http)
}
