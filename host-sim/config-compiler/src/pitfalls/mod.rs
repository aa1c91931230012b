//! What Istio and Envoy accept, and what hardly does what its author had in mind: regular expressions written where
//! texts are compared, rewrites that join two segments, redirects that lead to themselves, and the like.
//!
//! Decides no routing: every finding leaves the output as it is. A finding is a warning only if what is written can't
//! be meant; what can be right is a note.

mod connections;
mod cors;
mod grpc;
mod listeners;
mod patterns;
mod redirects;
mod rewrites;
mod shared_certificates;
mod upstream_tls;
mod upstreams;

use fingerpost_resources::Diagnostics;

pub(crate) use upstream_tls::check as upstream_tls;

use crate::attachments::Attachments;
use crate::gateways::MergedListener;
use crate::listeners::BuiltListener;
use crate::mesh::Mesh;
use crate::virtual_services::BoundVirtualService;

/// Reports all of them.
pub(crate) fn check(
    services: &[BoundVirtualService<'_>],
    listeners: &[MergedListener<'_>],
    attachments: &Attachments<'_, '_>,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    for resource in &mesh.resources.virtual_services {
        patterns::check(resource, diagnostics);
        cors::origins(resource, diagnostics);
        redirects::authorities(resource, diagnostics);
    }
    for service in services {
        rewrites::check(service, diagnostics);
        cors::preflights(service, diagnostics);
        redirects::loops(service, attachments, mesh, diagnostics);
        if let Some(first) = attachments.first_of_gateways(service) {
            upstreams::check(service, first, mesh, diagnostics);
            listeners::short_hosts(service, mesh, diagnostics);
            connections::conditions(service, diagnostics);
        }
    }
    grpc::check(services, attachments, mesh, diagnostics);
    listeners::node_ports(listeners, mesh, diagnostics);
    shared_certificates::check(listeners, attachments, mesh, diagnostics);
}

/// Reports those of a listener that carries bytes.
pub(crate) fn check_connections(
    built: &BuiltListener<'_>,
    merged: &MergedListener<'_>,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    connections::server_names(built, merged, diagnostics);
    connections::waiting(built, merged, mesh, diagnostics);
}
