//! What Istio accepts and Envoy refuses: errors with the code `envoy-refuses`.
//!
//! Envoy refuses its whole configuration for one wrong value, so one rule would take every route of the gateway down.
//! `rules` and `policies` check the values that reach the output where the user wrote them. `messages` then checks the
//! finished bootstrap against the rules of Envoy's protos, and the filter's own `load` its configuration: what the first
//! two miss is an error there, with the place in Envoy's configuration. Limits were tried with Envoy 1.36 and 1.40.
//!
//! Beside what Envoy refuses at the start, values with which Envoy answers every request of a rule with 503.

mod messages;
mod policies;
mod rules;
mod values;
mod walk;

use fingerpost_resources::{Diagnostics, Resources};
use fingerpost_routing_config::RoutingConfig;
use serde_json::Value;

use crate::clusters::Cluster;
use crate::listeners::BuiltListener;
use crate::mesh::Mesh;
use crate::virtual_services::BoundService;

/// The code of these findings. They are no difference from Istio's validation.
pub(crate) const CODE: &str = "envoy-refuses";

/// Checks the values of the resources that reached the output.
pub(crate) fn check(
    listeners: &[BuiltListener<'_>],
    clusters: &[Cluster],
    services: &[BoundService<'_>],
    resources: &Resources,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    rules::check(listeners, services, mesh, diagnostics);
    policies::check(clusters, &resources.destination_rules, mesh, diagnostics);
}

/// Checks the output itself. Errors that were found before have a better place: then this adds none.
pub(crate) fn check_output<'c>(
    bootstrap: &Value,
    configs: impl Iterator<Item = (&'c str, &'c RoutingConfig)>,
    diagnostics: &mut Diagnostics,
) {
    if diagnostics.has_errors() {
        return;
    }
    for refused in walk::check(bootstrap) {
        let message = format!("Envoy refuses this value: {}", refused.reason);
        let subject = refused.rule.unwrap_or_default();
        diagnostics.error(CODE, message).about(subject, refused.place);
    }
    for (route_config, config) in configs {
        if let Err(error) = config.load() {
            let message = format!("the filter refuses its configuration: {}", error.reason);
            diagnostics.error(CODE, message).about(route_config, error.place);
        }
    }
}
