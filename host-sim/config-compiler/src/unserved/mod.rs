//! What of the input serves nothing, and why: Gateways and their servers, VirtualServices, their hosts, rules and matches.
//!
//! Each reason is found once, here, and every command shows it: as a finding, or beside the request that it concerns.
//! Decides nothing: whether something is served was decided by `gateways`, `virtual_services`, `routes` and `tcp`, and
//! the same functions are called again. `checks` and `empty_clusters` say why a destination takes no requests.

pub(crate) mod cause;
mod gateways;
mod hidden;
mod hosts;
mod matches;
mod sentences;
mod together;
mod virtual_services;

use std::collections::HashMap;

use fingerpost_resources::{Code, Diagnostic, Diagnostics, Gateway, Resource, Resources, Severity, Span};

use crate::attachments::Attachments;
use crate::gateways::{DroppedServer, MergedListener};
use crate::listeners::BuiltListener;
use crate::mesh::Mesh;
use crate::tcp::LostNames;
use crate::virtual_services::BoundVirtualService;

pub(crate) use sentences::list;

pub use cause::{Cause, RuleKind, RulesOfService, ServerTraffic};

/// A part of the input that serves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unserved {
    /// What it is.
    pub part: Part,
    /// Why.
    pub cause: Cause,
    /// The resource with the field to change, such as `VirtualService shop/site`.
    pub subject: String,
    /// That field, such as `spec.gateways[0]`.
    pub path: String,
    /// Where it is written.
    pub span: Span,
    /// Whether a finding says so. Otherwise it follows from something that a finding is about.
    pub is_finding: bool,
}

/// What serves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A VirtualService, or what of it one of its Gateways would serve.
    VirtualService {
        /// `namespace/name`.
        name: String,
        /// Its hosts, short names resolved.
        hosts: Vec<String>,
        /// Whether another of its Gateways serves it.
        is_served_elsewhere: bool,
    },
    /// One host of a VirtualService whose other hosts are served.
    Host {
        /// `namespace/name` of the VirtualService.
        virtual_service: String,
        /// The host, a short name resolved.
        host: String,
    },
    /// A rule, or a match of a rule.
    Rule {
        /// `namespace/name` of the VirtualService with the hosts.
        virtual_service: String,
        /// The hosts for which it serves nothing.
        hosts: Vec<String>,
        /// Whether it is served for other hosts.
        is_served_elsewhere: bool,
    },
    /// A server of a Gateway.
    Server {
        /// `namespace/name` of the Gateway.
        gateway: String,
        /// The port that it declares.
        port: u32,
        /// Its hosts, without their namespaces.
        hosts: Vec<String>,
    },
    /// A resource of a kind that is not read.
    Other {
        /// `namespace/name`.
        name: String,
        /// Its hosts.
        hosts: Vec<String>,
    },
    /// A whole Gateway.
    Gateway {
        /// `namespace/name`.
        name: String,
        /// The ports that it declares.
        ports: Vec<u32>,
    },
}

/// What was read, and what became of it.
pub(crate) struct Context<'a, 'r> {
    pub resources: &'r Resources,
    /// The Gateways of the input, by `namespace/name`.
    pub gateways: HashMap<String, &'r Resource<Gateway>>,
    pub services: &'a [BoundVirtualService<'r>],
    pub attachments: &'a Attachments<'a, 'r>,
    pub listeners: &'a [MergedListener<'r>],
    pub dropped: &'a [DroppedServer<'r>],
    pub lost_names: &'a [LostNames<'r>],
    pub built: &'a [BuiltListener<'r>],
    pub mesh: &'a Mesh<'r>,
}

/// All that serves nothing.
pub(crate) fn find(cx: &Context<'_, '_>) -> Vec<Unserved> {
    let mut found = gateways::find(cx);
    found.extend(virtual_services::find(cx));
    found.extend(matches::find(cx));
    found.extend(hidden::find(cx));
    found.extend(cx.resources.unread_routes.iter().map(together::unread_route));
    found
}

/// Reports it, except what a finding says already.
pub(crate) fn report(found: &[Unserved], resources: &Resources, diagnostics: &mut Diagnostics) {
    gateways::report_no_gateway(found, resources, diagnostics);
    diagnostics.extend(together::findings(found));
    let findings = found.iter().filter(|it| it.is_finding && !together::has(it));
    for unserved in findings {
        if !is_reported(unserved, diagnostics) {
            diagnostics.push(unserved.finding());
        }
    }
}

/// Whether the validation has found the same: it compares the matches of one VirtualService as texts.
fn is_reported(unserved: &Unserved, diagnostics: &Diagnostics) -> bool {
    let unreachable = |code: Code| matches!(code, Code::UnreachableMatch | Code::UnreachableRule);
    unreachable(unserved.cause.code())
        && diagnostics
            .iter()
            .any(|it| unreachable(it.code) && it.subject == unserved.subject && it.path == unserved.path)
}

impl Unserved {
    /// The finding that says so.
    pub(crate) fn finding(&self) -> Diagnostic {
        let mut finding = Diagnostic::new(self.severity(), self.cause.code(), self.message());
        finding
            .about(self.subject.clone(), self.path.clone())
            .at(self.span.clone())
            .help(self.cause.help());
        finding
    }

    fn severity(&self) -> Severity {
        match &self.part {
            Part::VirtualService {
                is_served_elsewhere: true,
                ..
            }
            | Part::Rule {
                is_served_elsewhere: true,
                ..
            } => Severity::Note,
            Part::VirtualService { .. }
            | Part::Host { .. }
            | Part::Rule { .. }
            | Part::Server { .. }
            | Part::Other { .. }
            | Part::Gateway { .. } => self.cause.severity(),
        }
    }
}
