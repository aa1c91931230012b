//! The sentences about servers of Gateways.

use fingerpost_resources::ServerTlsMode;

use super::{kinds, list};
use crate::gateways::{BoundServer, ServerConflict};
use crate::protocol::Termination;
use crate::unserved::{RuleKind, RulesOfService, ServerTraffic};

/// Why no rule is for a server.
pub(super) fn no_rule(gateway: &str, server: &ServerTraffic, virtual_services: &[RulesOfService]) -> String {
    let wanted = server.rules();
    let uses = server.uses();
    let near = virtual_services.iter().find(|it| it.has.contains(&wanted));
    if let Some((near, mismatch)) = near.and_then(|it| Some((it, it.mismatch.as_ref()?))) {
        return format!(
            "it {uses}, and no match of VirtualService {} is for it: {}",
            near.name,
            mismatch.reason()
        );
    }
    match virtual_services {
        [] => format!(
            "it {uses}, and no VirtualService that names Gateway `{gateway}` has a `{}` rule for its hosts",
            wanted.as_str()
        ),
        [only] => format!(
            "it {uses}, and VirtualService {} has only {} rules",
            only.name,
            kinds(&only.has)
        ),
        several => {
            let names: Vec<String> = several.iter().map(|it| it.name.clone()).collect();
            format!("it {uses}, and the VirtualServices {} have none", list(&names))
        }
    }
}

impl ServerTraffic {
    /// What the server does with connections, and the rules that it therefore uses.
    pub(super) fn uses(&self) -> String {
        let protocol = &self.protocol;
        let mode = self.mode.map_or("", |it| it.as_str());
        let what = match self.termination {
            Termination::PlainHttp => format!("takes plain HTTP (protocol {protocol})"),
            Termination::Https => format!("ends TLS and takes HTTP (protocol {protocol})"),
            Termination::TlsToTcp => {
                format!("ends TLS and carries bytes (protocol {protocol}, `tls.mode: {mode}`)")
            }
            Termination::Passthrough if self.mode.is_none() => {
                "passes TLS through (no `tls.mode` is given, which means PASSTHROUGH)".to_owned()
            }
            Termination::Passthrough => format!("passes TLS through (`tls.mode: {mode}`)"),
            Termination::Tcp => format!("carries bytes (protocol {protocol})"),
        };
        format!("{what}, so it uses only `{}` rules", self.rules().as_str())
    }

    /// How to get a route, for who has these rules.
    pub(super) fn help(&self, has: &[RuleKind]) -> String {
        let has = |kind: RuleKind| has.contains(&kind);
        match self.termination {
            Termination::PlainHttp | Termination::Https => {
                "add an `http` rule, or change the protocol of the server: TLS with PASSTHROUGH for `tls` rules, TCP for `tcp` rules"
            }
            Termination::Passthrough if has(RuleKind::Http) => {
                "to route by `http` rules, end TLS in the Gateway: protocol HTTPS, `tls.mode: SIMPLE` and a certificate; else add a `tls` rule with `sniHosts`"
            }
            Termination::Passthrough => "add a `tls` rule with `sniHosts`",
            Termination::TlsToTcp if has(RuleKind::Tls) => {
                "write the rule as `tcp`, or set `tls.mode: PASSTHROUGH` to route by server name"
            }
            Termination::TlsToTcp => "add a `tcp` rule, or use protocol HTTPS for `http` rules",
            Termination::Tcp if has(RuleKind::Tls) => {
                "add a `tcp` rule, or use protocol TLS with `tls.mode: PASSTHROUGH` for `tls` rules"
            }
            Termination::Tcp => "add a `tcp` rule, or use protocol HTTP for `http` rules",
        }
        .to_owned()
    }

    /// The traffic of a server.
    pub(in crate::unserved) fn of(server: &BoundServer<'_>) -> Self {
        let port = server.server.port.as_ref();
        let tls = server.server.tls.as_ref();
        let mode: Option<ServerTlsMode> = tls.and_then(|it| it.mode);
        Self {
            name: port.map(|it| it.name.clone()).unwrap_or_default(),
            port: server.declared_port,
            protocol: port.map(|it| it.protocol.clone()).unwrap_or_default(),
            mode,
            termination: server.termination,
        }
    }
}

impl ServerConflict {
    /// Why the server is in no listener.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::SamePortName => {
                "another server has the same port, port name and Gateway, and Istio drops this one".to_owned()
            }
            Self::PortTaken { port, protocol, .. } => format!(
                "port {port} is taken by an earlier {protocol} server, the two can't be merged, and Istio drops this one"
            ),
            Self::HostTaken { host, port } => {
                format!(
                    "an earlier server with TLS has the host `{host}` on port {port}, and Istio drops this one"
                )
            }
            Self::EnvoyRefuses { taken, by } => {
                format!("{by} already has {taken}, and Envoy refuses two such filter chains or listeners")
            }
        }
    }

    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::SamePortName => "give its port another name",
            Self::PortTaken { with_tls: true, .. } => "use another port, or put the server with TLS first",
            Self::PortTaken { with_tls: false, .. } => {
                "use another port: nothing tells the connections of the two apart"
            }
            Self::HostTaken { .. } => "name each host in one server with a `tls` block only",
            Self::EnvoyRefuses { .. } => {
                "give the servers different hosts, or merge them; namespace and letter case make no difference"
            }
        }
    }
}
