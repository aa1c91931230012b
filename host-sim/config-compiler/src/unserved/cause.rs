//! The reasons why a part of the input serves nothing, each with what its sentence needs.
//!
//! `routes` has them for what it leaves out, `unserved` for all else.

use std::collections::BTreeMap;

use fingerpost_resources::{Code, ServerTlsMode, Severity};
use fingerpost_routing_config::RuleRef;

use crate::delegates::DelegateFault;
use crate::gateways::ServerConflict;
use crate::matching::Mismatch;
use crate::protocol::Termination;
use crate::slips::meant_labels;

/// Why a part of the input serves nothing. Gateways and VirtualServices are named as `namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A VirtualService is not exported to the namespace of the gateway.
    NotExported {
        /// Where it is exported to.
        to: Vec<String>,
        /// The namespace in which the gateway runs.
        gateway: String,
    },
    /// A resource is of a kind by which Istio routes, and that is not read here.
    KindNotRead {
        /// The kind.
        kind: String,
    },
    /// A VirtualService names no Gateway but `mesh`.
    OnlyForSidecars {
        /// The Gateways of the input.
        known: Vec<String>,
    },
    /// A VirtualService names a Gateway that the input does not have.
    GatewayNotFound {
        /// Its name.
        gateway: String,
        /// The Gateways of the input.
        known: Vec<String>,
    },
    /// A Gateway is for other proxies.
    GatewayNotSelected {
        /// Its name.
        gateway: String,
        /// Its selector.
        selector: BTreeMap<String, String>,
        /// The labels of the proxy.
        labels: BTreeMap<String, String>,
        /// The VirtualServices that name it.
        virtual_services: Vec<String>,
    },
    /// No VirtualService names a Gateway.
    GatewayNotNamed {
        /// Its name.
        gateway: String,
    },
    /// No server of a Gateway has any of the hosts.
    HostsNotTaken {
        /// The Gateways.
        gateways: Vec<String>,
        /// The hosts of their servers.
        taken: Vec<String>,
        /// A host, and the host of a server that differs from it by letter case only.
        letter_case: Option<(String, String)>,
    },
    /// A Gateway takes the hosts from VirtualServices of another namespace only.
    HostsOfOtherNamespace {
        /// The Gateway.
        gateway: String,
        /// The host as its server has it, with that namespace.
        taken: String,
        /// The namespace of the VirtualService.
        namespace: String,
    },
    /// The servers of a Gateway that have the hosts use rules of another kind.
    OtherRules {
        /// The Gateway.
        gateway: String,
        /// One of the servers.
        server: ServerTraffic,
        /// The kinds of rules that the VirtualService has.
        has: Vec<RuleKind>,
    },
    /// The servers of a Gateway that have the hosts are left out.
    ServersLeftOut {
        /// The Gateway.
        gateway: String,
        /// Why the first of them is.
        conflict: ServerConflict,
    },
    /// The servers of a Gateway that have the hosts pass TLS on by server name, without a VirtualService.
    OnlyAutoPassthrough {
        /// The Gateway.
        gateway: String,
    },
    /// Istio drops all `http` rules of a VirtualService because of their delegates.
    AllRulesDropped {
        /// Why the first of them is.
        fault: DelegateFault,
    },
    /// No match of a VirtualService can apply to a Gateway.
    NoMatchApplies {
        /// The Gateway.
        gateway: String,
        /// Why the first of them can not.
        mismatch: Mismatch,
    },
    /// Istio drops a rule because of its delegate.
    Dropped(DelegateFault),
    /// No rule delegates to a VirtualService without hosts.
    DelegateNotNamed,
    /// A match can not apply to any server.
    NeverApplies(Mismatch),
    /// An earlier rule of the same VirtualService takes every request: Istio sends no rule behind it.
    Behind(RuleRef),
    /// An earlier rule accepts every request that this one could accept.
    Hidden {
        /// The earlier rule.
        by: RuleRef,
        /// Its conditions in words.
        conditions: String,
        /// Whether it belongs to another VirtualService.
        of_another: bool,
    },
    /// An earlier `tls` match has the server name.
    ServerNameTaken {
        /// The server name.
        name: String,
        /// The earlier match.
        by: String,
    },
    /// An earlier `tcp` rule has all connections of the port.
    ConnectionsTaken {
        /// The port that the Gateway declares.
        port: u32,
        /// The earlier rule.
        by: String,
        /// Whether it belongs to another VirtualService.
        of_another: bool,
        /// The server that ends TLS for them; none for plain text.
        tls_server: Option<String>,
    },
    /// No rule of the kind that a server uses is for it, so its port is not opened.
    NoRule {
        /// The Gateway.
        gateway: String,
        /// The server.
        server: ServerTraffic,
        /// The VirtualServices of its Gateway and hosts.
        virtual_services: Vec<RulesOfService>,
    },
    /// A server passes TLS on to the service that the client names, which is not supported.
    AutoPassthrough {
        /// The port that it declares.
        port: u32,
    },
    /// A server can not be in a listener beside others.
    ServerConflict(ServerConflict),
}

/// A VirtualService that no rule of the wanted kind is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesOfService {
    /// `namespace/name`.
    pub name: String,
    /// The kinds of rules that it has.
    pub has: Vec<RuleKind>,
    /// Why its first match of the wanted kind is not for the server, if it has one.
    pub mismatch: Option<Mismatch>,
}

/// What a Gateway server makes of its connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTraffic {
    /// The name of its port.
    pub name: String,
    /// The port that it declares.
    pub port: u32,
    /// Its protocol as it is written.
    pub protocol: String,
    /// Its `tls.mode`; none if that is not written.
    pub mode: Option<ServerTlsMode>,
    /// What follows from the two.
    pub termination: Termination,
}

/// A list of rules in a VirtualService.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleKind {
    /// `http`, for requests.
    Http,
    /// `tls`, for connections by server name.
    Tls,
    /// `tcp`, for all other connections.
    Tcp,
}

impl RuleKind {
    /// The field of the VirtualService.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tls => "tls",
            Self::Tcp => "tcp",
        }
    }
}

impl ServerTraffic {
    /// The rules that the server uses (istio gateway.go, `createGatewayTCPFilterChainOpts`).
    pub fn rules(&self) -> RuleKind {
        match self.termination {
            Termination::PlainHttp | Termination::Https => RuleKind::Http,
            Termination::Passthrough => RuleKind::Tls,
            Termination::TlsToTcp | Termination::Tcp => RuleKind::Tcp,
        }
    }
}

impl Cause {
    /// The code of the finding.
    pub fn code(&self) -> Code {
        match self {
            Self::NotExported { .. } => Code::NotExported,
            Self::KindNotRead { .. } => Code::KindNotRead,
            Self::OnlyForSidecars { .. } => Code::OnlyForSidecars,
            Self::GatewayNotFound { .. } => Code::GatewayNotFound,
            Self::GatewayNotSelected { .. } => Code::GatewayNotSelected,
            Self::GatewayNotNamed { .. } => Code::GatewayNotNamed,
            Self::HostsNotTaken { .. } | Self::HostsOfOtherNamespace { .. } => Code::HostNotInGateway,
            Self::OtherRules { .. } | Self::OnlyAutoPassthrough { .. } => Code::RulesWithoutServer,
            Self::ServersLeftOut { .. } | Self::ServerConflict(_) => Code::ServerDropped,
            Self::AllRulesDropped { fault } | Self::Dropped(fault) => match fault {
                DelegateFault::NotFound { .. }
                | DelegateFault::HasHosts { .. }
                | DelegateFault::NotExported { .. } => Code::DelegateNotFound,
                DelegateFault::Conflict(_) => Code::DelegateConflict,
            },
            Self::DelegateNotNamed => Code::DelegateNotNamed,
            Self::NoMatchApplies { .. } | Self::NeverApplies(_) => Code::MatchWithoutServer,
            Self::Behind(_) | Self::Hidden { .. } | Self::ConnectionsTaken { .. } => Code::UnreachableRule,
            Self::ServerNameTaken { .. } => Code::UnreachableMatch,
            Self::NoRule { .. } => Code::ServerWithoutRoute,
            Self::AutoPassthrough { .. } => Code::AutoPassthrough,
        }
    }

    /// What is right for other proxies is a note.
    pub(super) fn severity(&self) -> Severity {
        match self {
            Self::GatewayNotSelected { selector, labels, .. }
                if !meant_labels(selector, labels).is_empty() =>
            {
                Severity::Warning
            }
            Self::OnlyForSidecars { .. } | Self::GatewayNotSelected { .. } | Self::GatewayNotNamed { .. } => {
                Severity::Note
            }
            Self::NotExported { .. }
            | Self::KindNotRead { .. }
            | Self::GatewayNotFound { .. }
            | Self::HostsNotTaken { .. }
            | Self::HostsOfOtherNamespace { .. }
            | Self::OtherRules { .. }
            | Self::OnlyAutoPassthrough { .. }
            | Self::ServersLeftOut { .. }
            | Self::ServerConflict(_)
            | Self::AllRulesDropped { .. }
            | Self::Dropped(_)
            | Self::DelegateNotNamed
            | Self::NoMatchApplies { .. }
            | Self::NeverApplies(_)
            | Self::Behind(_)
            | Self::Hidden { .. }
            | Self::ConnectionsTaken { .. }
            | Self::ServerNameTaken { .. }
            | Self::NoRule { .. }
            | Self::AutoPassthrough { .. } => Severity::Warning,
        }
    }
}
