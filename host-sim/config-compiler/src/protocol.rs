//! Protocols of Gateway servers and service ports, and what each means for a listener.
//!
//! Source: istio `pkg/config/protocol/instance.go`, `pkg/config/gateway/gateway.go`.

use fingerpost_resources::kubernetes::ServicePort;
use fingerpost_resources::{Server, ServerTlsMode};

/// A protocol as Istio reads its name (letter case does not matter).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1, or h2c by prior knowledge: the listener takes both.
    Http,
    /// HTTP/2 or gRPC: upstreams are spoken to in HTTP/2.
    Http2,
    /// HTTP over TLS.
    Https,
    /// TLS that is not known to carry HTTP.
    Tls,
    /// Bytes.
    Tcp,
    /// Datagrams: no listener, no cluster.
    Udp,
    /// A name that Istio does not know.
    Unknown,
}

impl Protocol {
    /// Reads a protocol's name as Gateway servers and ServiceEntry ports give it.
    pub(crate) fn parse(name: &str) -> Self {
        match name.to_ascii_uppercase().as_str() {
            "HTTP" | "HTTP_PROXY" => Self::Http,
            "HTTP2" | "GRPC" | "GRPC-WEB" => Self::Http2,
            "HTTPS" => Self::Https,
            "TLS" => Self::Tls,
            "TCP" | "MONGO" | "REDIS" | "MYSQL" => Self::Tcp,
            "UDP" => Self::Udp,
            _ => Self::Unknown,
        }
    }

    /// The protocol of a Kubernetes service port: that of its `appProtocol`, else that of its name
    /// (istio `pkg/config/kube/conversion.go`, `ConvertProtocol`).
    pub(crate) fn of_service_port(port: &ServicePort) -> Self {
        if port.protocol.eq_ignore_ascii_case("UDP") {
            return Self::Udp;
        }
        match port.app_protocol.as_str() {
            "" => Self::of_port_name(&port.name),
            "kubernetes.io/h2c" => Self::Http2,
            "kubernetes.io/ws" => Self::Http,
            "kubernetes.io/wss" => Self::Https,
            name => Self::of_port_name(name),
        }
    }

    /// The protocol that the name of a port says: the part before the first hyphen.
    pub(crate) fn of_port_name(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        if name.starts_with("grpc-web") {
            return Self::Http2;
        }
        Self::parse(name.split('-').next().unwrap_or(""))
    }

    /// Whether a listener of this protocol takes HTTP in plain text.
    pub(crate) fn is_plain_http(self) -> bool {
        matches!(self, Self::Http | Self::Http2)
    }
}

/// What a Gateway server makes of its connections (istio gateway.go, `IsHTTPServer`, `IsTLSServer`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Termination {
    /// HTTP in plain text. A `tls` block beside it can only ask for the redirect to HTTPS.
    PlainHttp,
    /// TLS ends here and carries HTTP.
    Https,
    /// TLS ends here and carries bytes.
    TlsToTcp,
    /// TLS passes through, the server name chooses the route.
    Passthrough,
    /// Bytes in plain text.
    Tcp,
}

impl Termination {
    /// What `server` does. `tls.mode` is PASSTHROUGH where it is not given: the enum's zero.
    pub(crate) fn of(server: &Server) -> Self {
        let protocol = Protocol::parse(server.port.as_ref().map_or("", |port| &port.protocol));
        if protocol.is_plain_http() {
            return Self::PlainHttp;
        }
        let Some(tls) = &server.tls else { return Self::Tcp };
        match tls.mode.unwrap_or(ServerTlsMode::Passthrough) {
            ServerTlsMode::Passthrough | ServerTlsMode::AutoPassthrough => Self::Passthrough,
            ServerTlsMode::Simple
            | ServerTlsMode::Mutual
            | ServerTlsMode::IstioMutual
            | ServerTlsMode::OptionalMutual => match protocol {
                Protocol::Https => Self::Https,
                _ => Self::TlsToTcp,
            },
        }
    }
}
