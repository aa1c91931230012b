//! Kubernetes' own kinds, as far as routing depends on them, as in
//! <https://kubernetes.io/docs/reference/kubernetes-api/>.
//!
//! They are read leniently: fields that are not declared here are accepted.

use std::collections::BTreeMap;

use crate::confidential::Hidden;
use crate::decode::{Decode, Decoder, message};
use crate::yaml::{Node, Scalar, Value};

message! {
    /// The spec of a Service.
    struct Service "ServiceSpec" {
        kind: String = "type",
        cluster_ip: String = "clusterIP",
        cluster_ips: Vec<String> = "clusterIPs",
        external_name: String,
        selector: BTreeMap<String, String>,
        ports: Vec<ServicePort>,
        publish_not_ready_addresses: Option<bool>,
        /// `IPv4` and `IPv6`, the first one first.
        ip_families: Vec<String>,
        /// `PreferSameZone`, `PreferSameNode` or, in older clusters, `PreferClose`.
        traffic_distribution: String,
    }

    /// A port of a Service.
    struct ServicePort "ServicePort" {
        name: String,
        port: Option<u32>,
        target_port: Option<TargetPort>,
        /// `TCP` if empty.
        protocol: String,
        app_protocol: String,
        node_port: Option<u32>,
    }

    /// A Pod: where it runs and whether it is ready.
    struct Pod "Pod" {
        spec: PodSpec,
        status: PodStatus,
    }

    /// What runs in a Pod.
    struct PodSpec "PodSpec" {
        containers: Vec<Container>,
        init_containers: Vec<Container>,
        service_account_name: String,
        node_name: String,
        host_network: Option<bool>,
    }

    /// A container of a Pod.
    struct Container "Container" {
        name: String,
        ports: Vec<ContainerPort>,
        /// `Always` makes an init container a sidecar, which runs as long as the Pod.
        restart_policy: String,
    }

    /// A port of a container.
    struct ContainerPort "ContainerPort" {
        name: String,
        container_port: Option<u32>,
        /// `TCP` if empty.
        protocol: String,
    }

    /// The state of a Pod.
    struct PodStatus "PodStatus" {
        phase: String,
        pod_ip: String = "podIP",
        pod_ips: Vec<PodIp> = "podIPs",
        conditions: Vec<PodCondition>,
    }

    /// An address of a Pod.
    struct PodIp "PodIP" {
        ip: String,
    }

    /// One aspect of the state of a Pod.
    struct PodCondition "PodCondition" {
        kind: String = "type",
        status: String,
    }

    /// Addresses of the endpoints of the Service of the same name: the older form of `EndpointSlice`.
    struct Endpoints "Endpoints" {
        subsets: Vec<EndpointSubset>,
    }

    /// Addresses that share their ports.
    struct EndpointSubset "EndpointSubset" {
        addresses: Vec<EndpointAddress>,
        not_ready_addresses: Vec<EndpointAddress>,
        ports: Vec<EndpointPort>,
    }

    /// One address of `Endpoints`.
    struct EndpointAddress "EndpointAddress" {
        ip: String,
        hostname: String,
        node_name: String,
        target_ref: Option<ObjectReference>,
    }

    /// Addresses of the endpoints of a Service.
    struct EndpointSlice "EndpointSlice" {
        address_type: String,
        endpoints: Vec<Endpoint>,
        ports: Vec<EndpointPort>,
    }

    /// One endpoint of a Service.
    struct Endpoint "Endpoint" {
        addresses: Vec<String>,
        conditions: EndpointConditions,
        hostname: String,
        target_ref: Option<ObjectReference>,
        node_name: String,
        zone: String,
    }

    /// The state of an endpoint.
    struct EndpointConditions "EndpointConditions" {
        /// Unset counts as true.
        ready: Option<bool>,
        serving: Option<bool>,
        terminating: Option<bool>,
    }

    /// A port of endpoints.
    struct EndpointPort "EndpointPort" {
        name: String,
        port: Option<u32>,
        protocol: String,
        app_protocol: String,
    }

    /// A reference to another object.
    struct ObjectReference "ObjectReference" {
        kind: String,
        name: String,
        namespace: String,
    }

    /// A Secret, its data decoded.
    struct Secret "Secret" {
        kind: String = "type",
        data: Hidden<BTreeMap<String, Vec<u8>>>,
        string_data: Hidden<BTreeMap<String, String>>,
    }
}

impl Secret {
    /// The value under `key`, such as `tls.crt`; as in Kubernetes, `stringData` goes before `data`.
    pub fn value(&self, key: &str) -> Option<&[u8]> {
        match self.string_data.get(key) {
            Some(text) => Some(text.as_bytes()),
            None => self.data.get(key).map(Vec::as_slice),
        }
    }
}

impl Pod {
    /// The address, if it has one.
    pub fn address(&self) -> Option<&str> {
        let first = self.status.pod_ips.first().map(|it| it.ip.as_str());
        Some(self.status.pod_ip.as_str())
            .filter(|it| !it.is_empty())
            .or(first)
    }

    /// Whether it takes requests. A Pod without conditions, as people write it for a test, counts as ready.
    pub fn is_ready(&self) -> bool {
        let ready = self.status.conditions.iter().find(|it| it.kind == "Ready");
        ready.is_none_or(|it| it.status == "True")
    }

    /// Whether it has ended, and will not run again.
    pub fn has_ended(&self) -> bool {
        matches!(self.status.phase.as_str(), "Succeeded" | "Failed")
    }

    /// Whether it was read from a cluster: a manifest, which is yet to be applied, says nothing about its state.
    pub fn is_observed(&self) -> bool {
        let PodStatus {
            phase,
            pod_ip,
            pod_ips,
            conditions,
        } = &self.status;
        !phase.is_empty() || !pod_ip.is_empty() || !pod_ips.is_empty() || !conditions.is_empty()
    }

    /// The number of the container port of that name and protocol; the first one, as in Kubernetes
    /// (istio `pilot/pkg/serviceregistry/kube/controller/util.go`, `FindPort`).
    pub fn container_port(&self, name: &str, protocol: &str) -> Option<u32> {
        let or_tcp = |text: &str| if text.is_empty() { "TCP" } else { text }.to_owned();
        let sidecars = self.spec.init_containers.iter();
        let sidecars = sidecars.filter(|it| it.restart_policy == "Always");
        let containers = self.spec.containers.iter().chain(sidecars);
        containers
            .flat_map(|it| &it.ports)
            .find(|it| it.name == name && or_tcp(&it.protocol) == or_tcp(protocol))
            .and_then(|it| it.container_port)
    }
}

/// The port of the Pods behind a port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetPort {
    /// By its number.
    Number(u32),
    /// By its name in the container.
    Name(String),
}

impl Default for TargetPort {
    fn default() -> Self {
        Self::Number(0)
    }
}

impl Decode for TargetPort {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Self {
        match &node.value {
            Value::Scalar(Scalar::Text(name)) => Self::Name(name.clone()),
            _ => Self::Number(u32::decode(node, cx)),
        }
    }
}
