//! DestinationRule: subsets and connection policies, as in
//! <https://istio.io/latest/docs/reference/config/networking/destination-rule/>.
//!
//! How a load balancer chooses is declared in `load_balancer`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::decode::{choice, message};
use crate::load_balancer::LoadBalancerSettings;
use crate::virtual_service::PortSelector;

message! {
    /// Policies for the traffic to a host after routing.
    struct DestinationRule "DestinationRule" {
        host: String,
        traffic_policy: Option<TrafficPolicy>,
        subsets: Vec<Subset>,
        export_to: Vec<String>,
        workload_selector: Option<WorkloadSelector>,
    }

    /// Which clients a rule is for.
    struct WorkloadSelector "WorkloadSelector" {
        match_labels: BTreeMap<String, String>,
    }

    /// Endpoints of a host by their labels.
    struct Subset "Subset" {
        name: String,
        labels: BTreeMap<String, String>,
        traffic_policy: Option<TrafficPolicy>,
    }

    /// Policies for connections.
    struct TrafficPolicy "TrafficPolicy" {
        load_balancer: Option<LoadBalancerSettings>,
        connection_pool: Option<ConnectionPoolSettings>,
        outlier_detection: Option<OutlierDetection>,
        tls: Option<ClientTlsSettings>,
        port_level_settings: Vec<PortTrafficPolicy>,
        tunnel: Option<TunnelSettings>,
        proxy_protocol: Option<ProxyProtocol>,
        retry_budget: Option<RetryBudget>,
    }

    /// Policies for connections to one port.
    struct PortTrafficPolicy "PortTrafficPolicy" {
        port: Option<PortSelector>,
        load_balancer: Option<LoadBalancerSettings>,
        connection_pool: Option<ConnectionPoolSettings>,
        outlier_detection: Option<OutlierDetection>,
        tls: Option<ClientTlsSettings>,
    }

    /// A tunnel through another proxy.
    struct TunnelSettings "TunnelSettings" {
        protocol: String,
        target_host: String,
        target_port: Option<u32>,
    }

    /// The PROXY protocol towards the destination.
    struct ProxyProtocol "ProxyProtocol" {
        version: Option<ProxyProtocolVersion>,
    }

    /// How many retries may be under way, as a share of the requests.
    struct RetryBudget "RetryBudget" {
        percent: Option<f64>,
        min_retry_concurrency: Option<u32>,
        budget_interval: Option<Duration>,
    }

    /// Limits of connections and requests.
    struct ConnectionPoolSettings "ConnectionPoolSettings" {
        tcp: Option<TcpSettings>,
        http: Option<HttpSettings>,
    }

    /// Limits of connections.
    struct TcpSettings "TCPSettings" {
        max_connections: Option<i32>,
        connect_timeout: Option<Duration>,
        tcp_keepalive: Option<TcpKeepalive>,
        max_connection_duration: Option<Duration>,
        idle_timeout: Option<Duration>,
    }

    /// Keepalive of TCP.
    struct TcpKeepalive "TcpKeepalive" {
        probes: Option<u32>,
        time: Option<Duration>,
        interval: Option<Duration>,
    }

    /// Limits of requests.
    struct HttpSettings "HTTPSettings" {
        http1_max_pending_requests: Option<i32>,
        http2_max_requests: Option<i32>,
        max_requests_per_connection: Option<i32>,
        max_retries: Option<i32>,
        idle_timeout: Option<Duration>,
        h2_upgrade_policy: Option<H2UpgradePolicy>,
        use_client_protocol: Option<bool>,
        max_concurrent_streams: Option<i32>,
        http2_keep_alive: Option<ConnectionKeepalive>,
    }

    /// Keepalive of HTTP/2.
    struct ConnectionKeepalive "ConnectionKeepalive" {
        interval: Option<Duration>,
        timeout: Option<Duration>,
    }

    /// When an endpoint is left out for a while.
    struct OutlierDetection "OutlierDetection" {
        /// Deprecated: `consecutive_5xx_errors` replaces it.
        consecutive_errors: Option<i32>,
        split_external_local_origin_errors: Option<bool>,
        consecutive_local_origin_failures: Option<u32>,
        consecutive_gateway_errors: Option<u32>,
        consecutive_5xx_errors: Option<u32>,
        interval: Option<Duration>,
        base_ejection_time: Option<Duration>,
        max_ejection_percent: Option<i32>,
        min_health_percent: Option<i32>,
        outlier_detection_http_error_codes: Vec<u32>,
    }

    /// TLS towards the destination.
    struct ClientTlsSettings "ClientTLSSettings" {
        /// Unset means `DISABLE`.
        mode: Option<ClientTlsMode>,
        client_certificate: String,
        private_key: String,
        ca_certificates: String,
        credential_name: String,
        subject_alt_names: Vec<String>,
        sni: String,
        insecure_skip_verify: Option<bool>,
        ca_crl: String,
    }
}

choice! {
    /// A version of the PROXY protocol.
    ProxyProtocolVersion {
        V1 = 0 "V1",
        V2 = 1 "V2",
    }

    /// Whether HTTP/1.1 is carried on as HTTP/2.
    H2UpgradePolicy {
        Default = 0 "DEFAULT",
        DoNotUpgrade = 1 "DO_NOT_UPGRADE",
        Upgrade = 2 "UPGRADE",
    }

    /// What kind of TLS is spoken towards the destination.
    ClientTlsMode {
        Disable = 0 "DISABLE",
        Simple = 1 "SIMPLE",
        Mutual = 2 "MUTUAL",
        IstioMutual = 3 "ISTIO_MUTUAL",
    }
}
