//! The filter chains of a listener for people: which server names each takes, and the server that made it.
//!
//! Decides nothing: `listeners` builds the chains and calls this for each.

use fingerpost_resources::Span;

use crate::gateways::BoundServer;
use crate::protocol::Termination;

/// A filter chain.
#[derive(Debug, Clone)]
pub struct ChainSummary {
    /// The server names that it takes; empty for connections that no other chain takes.
    pub server_names: Vec<String>,
    /// What it makes of them.
    pub termination: Termination,
    /// Its server; of several servers in plain text, the first.
    pub server: ServerSummary,
}

/// A server of a Gateway.
#[derive(Debug, Clone)]
pub struct ServerSummary {
    /// The Gateway as `namespace/name`.
    pub gateway: String,
    /// As in `Gateway prod/edge servers[1]`.
    pub name: String,
    /// Its `credentialName`, if it has one.
    pub credential: Option<String>,
    /// Where it is written.
    pub span: Span,
}

impl ChainSummary {
    /// The chain of `server` for these server names.
    pub(crate) fn new(server: &BoundServer<'_>, server_names: &[String]) -> Self {
        let gateway = server.gateway_name();
        let tls = server.server.tls.as_ref();
        Self {
            server_names: server_names.to_vec(),
            termination: server.termination,
            server: ServerSummary {
                name: format!("Gateway {gateway} servers[{}]", server.index),
                gateway,
                credential: tls
                    .map(|it| it.credential_name.clone())
                    .filter(|it| !it.is_empty()),
                span: server
                    .gateway
                    .origin
                    .at(&format!("spec.servers[{}]", server.index)),
            },
        }
    }

    /// Whether it takes connections with just these server names, whatever their letter case and order.
    #[must_use]
    pub fn has_names(&self, names: &[String]) -> bool {
        let has = |all: &[String], name: &String| all.iter().any(|it| it.eq_ignore_ascii_case(name));
        self.server_names.iter().all(|it| has(names, it))
            && names.iter().all(|it| has(&self.server_names, it))
    }
}
