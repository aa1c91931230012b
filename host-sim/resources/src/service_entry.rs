//! ServiceEntry and WorkloadEntry, as in
//! <https://istio.io/latest/docs/reference/config/networking/service-entry/> and
//! <https://istio.io/latest/docs/reference/config/networking/workload-entry/>.

use std::collections::BTreeMap;

use crate::decode::{choice, message};

message! {
    /// A service that Kubernetes does not know.
    struct ServiceEntry "ServiceEntry" {
        hosts: Vec<String>,
        addresses: Vec<String>,
        ports: Vec<ServicePort>,
        location: Option<Location>,
        /// Unset means `NONE`.
        resolution: Option<Resolution>,
        endpoints: Vec<WorkloadEntry>,
        workload_selector: Option<EndpointSelector>,
        export_to: Vec<String>,
        subject_alt_names: Vec<String>,
    }

    /// A port of the service.
    struct ServicePort "ServicePort" {
        number: Option<u32>,
        protocol: String,
        name: String,
        target_port: Option<u32>,
    }

    /// Which pods and WorkloadEntries are endpoints of the service.
    struct EndpointSelector "WorkloadSelector" {
        labels: BTreeMap<String, String>,
    }

    /// An endpoint.
    struct WorkloadEntry "WorkloadEntry" {
        address: String,
        ports: BTreeMap<String, u32>,
        labels: BTreeMap<String, String>,
        network: String,
        locality: String,
        weight: Option<u32>,
        service_account: String,
    }
}

choice! {
    /// Whether the service is part of the mesh.
    Location {
        MeshExternal = 0 "MESH_EXTERNAL",
        MeshInternal = 1 "MESH_INTERNAL",
    }

    /// How the endpoints are found.
    Resolution {
        None = 0 "NONE",
        Static = 1 "STATIC",
        Dns = 2 "DNS",
        DnsRoundRobin = 3 "DNS_ROUND_ROBIN",
        DynamicDns = 4 "DYNAMIC_DNS",
    }
}
