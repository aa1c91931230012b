//! Edits of a bootstrap that depend on the machine it will run on: addresses, certificates, access logs.
//!
//! The bootstrap stays JSON in Envoy's own words. Names that it does not have are answered with `false`, so that a
//! caller notices a table that does not fit.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::{Map, Value, json};

use crate::certificate::Certificate;

/// An Envoy bootstrap, with static listeners and clusters.
#[derive(Debug, Clone, PartialEq)]
pub struct Bootstrap(pub Value);

/// A listener and where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundListener {
    /// Its name in the bootstrap.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
}

/// What a cluster says about where its endpoints come from; gone once the endpoints are given.
const DISCOVERY: [&str; 12] = [
    "cluster_type",
    "dns_lookup_family",
    "dns_refresh_rate",
    "dns_failure_refresh_rate",
    "dns_jitter",
    "respect_dns_ttl",
    "dns_resolvers",
    "dns_resolution_config",
    "typed_dns_resolver_config",
    "eds_cluster_config",
    "original_dst_lb_config",
    "wait_for_warm_on_init",
];

const HTTP_CONNECTION_MANAGER: &str =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const TCP_PROXY: &str = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
const DOWNSTREAM_TLS: &str =
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";

impl Bootstrap {
    /// Reads a bootstrap from JSON text.
    pub fn parse(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json).map(Self)
    }

    /// The static listeners: name and port.
    pub fn listeners(&self) -> Vec<(String, u16)> {
        let port = |listener: &Value| {
            let port = listener
                .pointer("/address/socket_address/port_value")
                .and_then(Value::as_u64);
            port.and_then(|port| u16::try_from(port).ok()).unwrap_or_default()
        };
        self.listed("listeners")
            .iter()
            .map(|listener| (name_of(listener), port(listener)))
            .collect()
    }

    /// The addresses that the static listeners and the admin interface want, except port 0.
    pub(crate) fn fixed_addresses(&self) -> Vec<SocketAddr> {
        let listeners = self
            .listed("listeners")
            .iter()
            .map(|listener| listener.pointer("/address"));
        listeners
            .chain([self.0.pointer("/admin/address")])
            .flatten()
            .filter_map(|address| {
                let socket = address.get("socket_address")?;
                let ip: IpAddr = socket.get("address")?.as_str()?.parse().ok()?;
                let port = u16::try_from(socket.get("port_value")?.as_u64()?).ok()?;
                (port != 0).then_some(SocketAddr::new(ip, port))
            })
            .collect()
    }

    /// Moves a listener; port 0 takes a free one, which `RunningEnvoy::listeners` then tells.
    pub fn bind_listener(&mut self, name: &str, address: SocketAddr) -> bool {
        let found = self.find("listeners", name);
        found
            .map(|listener| listener["address"] = socket_address(address))
            .is_some()
    }

    /// Moves every listener to a free port of the loopback.
    pub fn bind_listeners_to_free_ports(&mut self) {
        for (name, _) in self.listeners() {
            self.bind_listener(&name, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        }
    }

    /// The names of the static clusters.
    pub fn clusters(&self) -> Vec<String> {
        self.listed("clusters").iter().map(name_of).collect()
    }

    /// Gives a cluster this one endpoint in place of those it had or looked up, in plain text: what takes the place of its
    /// endpoints has neither their certificates nor does it expect the PROXY protocol. All else about it stays.
    pub fn point_cluster(&mut self, name: &str, address: SocketAddr) -> bool {
        let Some(cluster) = self.find("clusters", name).and_then(Value::as_object_mut) else {
            return false;
        };
        cluster.retain(|field, _| !DISCOVERY.contains(&field.as_str()));
        cluster.remove("transport_socket");
        cluster.insert("type".to_owned(), json!("STATIC"));
        if cluster
            .get("lb_policy")
            .is_some_and(|policy| policy == "CLUSTER_PROVIDED")
        {
            cluster.remove("lb_policy"); // goes with ORIGINAL_DST only
        }
        let endpoint = json!({"endpoint": {"address": socket_address(address)}});
        let assignment = json!({"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]});
        cluster.insert("load_assignment".to_owned(), assignment);
        true
    }

    /// Puts the admin interface there.
    pub fn set_admin(&mut self, address: SocketAddr) {
        self.0["admin"]["address"] = socket_address(address);
    }

    pub(crate) fn has_admin(&self) -> bool {
        self.0.pointer("/admin/address").is_some()
    }

    /// Says who this Envoy is: what its node's `id` and `cluster` are.
    pub fn set_node(&mut self, id: &str, cluster: &str) {
        self.0["node"]["id"] = json!(id);
        self.0["node"]["cluster"] = json!(cluster);
    }

    /// Has every HTTP connection manager and TCP proxy write one JSON line a request to `path`, and nowhere else.
    pub fn set_access_log(&mut self, json_format: &Value, path: &str) {
        let log = json!([{
            "name": "envoy.access_loggers.file",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": path,
                "log_format": {"json_format": json_format},
            },
        }]);
        self.each_typed_config(&mut |config| {
            if config
                .get("@type")
                .is_some_and(|it| it == HTTP_CONNECTION_MANAGER || it == TCP_PROXY)
            {
                config.insert("access_log".to_owned(), log.clone());
            }
        });
    }

    /// Puts this certificate wherever a listener names one, and `authority_pem` wherever a listener checks clients.
    pub fn set_certificate(&mut self, certificate: &Certificate, authority_pem: &str) {
        let chain = json!([{
            "certificate_chain": {"inline_string": certificate.chain_pem},
            "private_key": {"inline_string": certificate.key_pem},
        }]);
        let trust = json!({"trusted_ca": {"inline_string": authority_pem}});
        self.each_typed_config(&mut |config| {
            if config.get("@type").is_none_or(|it| it != DOWNSTREAM_TLS) {
                return;
            }
            let Some(tls) = config
                .get_mut("common_tls_context")
                .and_then(Value::as_object_mut)
            else {
                return;
            };
            tls.shift_remove("tls_certificate_sds_secret_configs");
            tls.insert("tls_certificates".to_owned(), chain.clone());
            let checks = [
                "combined_validation_context",
                "validation_context_sds_secret_config",
            ]
            .into_iter()
            .filter(|field| tls.shift_remove(*field).is_some())
            .count();
            if checks > 0 || tls.contains_key("validation_context") {
                tls.insert("validation_context".to_owned(), trust.clone());
            }
        });
    }

    /// Visits every `typed_config` of the listeners' network filters and transport sockets.
    fn each_typed_config(&mut self, visit: &mut impl FnMut(&mut Map<String, Value>)) {
        let listeners = self
            .0
            .pointer_mut("/static_resources/listeners")
            .and_then(Value::as_array_mut);
        for listener in listeners.into_iter().flatten() {
            let listener = listener.as_object_mut().into_iter().flat_map(|it| it.iter_mut());
            for (field, value) in listener {
                let chains = match field.as_str() {
                    "filter_chains" => value.as_array_mut().map(Vec::as_mut_slice).unwrap_or_default(),
                    "default_filter_chain" => std::slice::from_mut(value),
                    _ => continue,
                };
                for chain in chains {
                    each_typed_config_of_chain(chain, visit);
                }
            }
        }
    }

    fn listed(&self, what: &str) -> &[Value] {
        let list = self
            .0
            .get("static_resources")
            .and_then(|it| it.get(what))
            .and_then(Value::as_array);
        list.map(Vec::as_slice).unwrap_or_default()
    }

    fn find(&mut self, what: &str, name: &str) -> Option<&mut Value> {
        let list = self
            .0
            .get_mut("static_resources")?
            .get_mut(what)?
            .as_array_mut()?;
        list.iter_mut()
            .find(|item| item.get("name").is_some_and(|it| it == name))
    }
}

fn each_typed_config_of_chain(chain: &mut Value, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    let Some(chain) = chain.as_object_mut() else {
        return;
    };
    for (field, value) in chain {
        let holders = match field.as_str() {
            "filters" => value.as_array_mut().map(Vec::as_mut_slice).unwrap_or_default(),
            "transport_socket" => std::slice::from_mut(value),
            _ => continue,
        };
        for holder in holders {
            if let Some(config) = holder.get_mut("typed_config").and_then(Value::as_object_mut) {
                visit(config);
            }
        }
    }
}

fn name_of(item: &Value) -> String {
    item.get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn socket_address(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}
