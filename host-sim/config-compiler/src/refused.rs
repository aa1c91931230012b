//! What Istio accepts and Envoy refuses: errors with the code `envoy-refuses`.
//!
//! Envoy refuses its whole configuration for one wrong value, so one rule would take every route of the gateway down.
//! `rules` and `policies` check the values that reach the output where the user wrote them. `messages` then checks the
//! finished bootstrap against the rules of Envoy's protos, and the filter's own `load` its configuration: what the first
//! two miss is an error there, with the place in Envoy's configuration. Limits were tried with Envoy 1.36 and 1.40.
//!
//! Beside what Envoy refuses at the start, values with which Envoy answers every request of a rule with 503.

mod messages;
mod place;
mod policies;
mod routes;
mod rules;
mod values;

use fingerpost_envoy_config::bootstrap::Bootstrap;
use fingerpost_resources::{Code, Diagnostics, Resources};
use fingerpost_routing_config::{VM_CONFIG_BYTES, VM_PROGRAM_BYTES};

use crate::clusters::Cluster;
use crate::compiled::CompiledChain;
use crate::listeners::BuiltListener;
use crate::mesh::Mesh;
use crate::virtual_services::BoundVirtualService;

/// Checks the values of the resources that reached the output.
pub(crate) fn check(
    listeners: &[BuiltListener<'_>],
    clusters: &[Cluster],
    services: &[BoundVirtualService<'_>],
    resources: &Resources,
    mesh: &Mesh<'_>,
    diagnostics: &mut Diagnostics,
) {
    rules::check(listeners, services, mesh, diagnostics);
    policies::check(clusters, &resources.destination_rules, mesh, diagnostics);
}

/// Checks the output itself. Errors that were found before have a better place: then this adds none.
pub(crate) fn check_output(
    bootstrap: &Bootstrap,
    chains: &[CompiledChain],
    config_bytes: usize,
    diagnostics: &mut Diagnostics,
) {
    if diagnostics.has_errors() {
        return;
    }
    for refused in messages::check(bootstrap) {
        let message = format!("Envoy refuses this value: {}", refused.reason);
        let by_key = || rule_of_key(chains, refused.key.as_deref()?);
        let subject = refused.rule.or_else(by_key).unwrap_or_default();
        diagnostics
            .error(Code::EnvoyRefuses, message)
            .about(subject, refused.place);
    }
    let mut program_bytes = 0;
    for chain in chains {
        match chain.config.load_measured() {
            Ok((_, bytes)) => program_bytes += bytes,
            Err(error) => {
                let message = format!("the filter refuses its configuration: {}", error.reason);
                diagnostics
                    .error(Code::EnvoyRefuses, message)
                    .about(chain.route_config.as_str(), error.place);
            }
        }
    }
    // All are in one VM.
    check_room("configurations have", config_bytes, VM_CONFIG_BYTES, diagnostics);
    check_room("patterns take", program_bytes, VM_PROGRAM_BYTES, diagnostics);
}

/// The first VirtualService with a rule that leads to this key.
fn rule_of_key(chains: &[CompiledChain], key: &str) -> Option<String> {
    let upgrades = chains.iter().filter_map(|it| it.config.upgrades.as_ref());
    let mut refusals = upgrades.flat_map(|it| &it.refused_with_edits_by);
    let key = refusals
        .find(|(_, refusal)| *refusal == key)
        .map_or(key, |(chosen, _)| chosen);
    let hosts = chains.iter().flat_map(|it| &it.config.virtual_hosts);
    let mut routes = hosts.flat_map(|it| &it.routes);
    let route = routes.find(|route| route.action.keys().any(|it| it == key))?;
    let step = route.rule.rules.last()?;
    Some(format!("VirtualService {}", step.virtual_service))
}

/// Whether the filter's configurations fit into a VM, now and beside their successors.
fn check_room(what: &str, bytes: usize, room: usize, diagnostics: &mut Diagnostics) {
    let help = "Envoy gives a Wasm VM 1 GiB: divide the rules among several gateways";
    let message = format!("the filter's {what} {bytes} bytes, and a VM has room for {room}");
    if bytes > room {
        diagnostics.error(Code::EnvoyRefuses, message).help(help);
    } else if bytes > room / 2 {
        let message = format!(
            "{message}: a reload, which needs both the old and the new ones, drops the old ones before their connections have ended"
        );
        diagnostics.warn(Code::NoRoomToReload, message).help(help);
    }
}

#[cfg(test)]
mod tests {
    use fingerpost_resources::{Diagnostics, Severity};
    use fingerpost_routing_config::RoutingConfig;
    use serde_json::json;

    use super::{check_output, check_room, rule_of_key};
    use crate::compiled::CompiledChain;

    fn codes(bootstrap: &serde_json::Value, config: &serde_json::Value) -> Vec<&'static str> {
        let config = RoutingConfig::parse(config.to_string().as_bytes()).expect("a routing configuration");
        let chain = CompiledChain {
            listener: "0.0.0.0_80".to_owned(),
            port: 80,
            route_config: "http.80".to_owned(),
            config,
        };
        let bootstrap = serde_json::from_value(bootstrap.clone()).expect("a bootstrap");
        let mut diagnostics = Diagnostics::new();
        check_output(&bootstrap, &[chain], 0, &mut diagnostics);
        diagnostics.iter().map(|it| it.code.as_str()).collect()
    }

    #[test]
    fn what_envoy_or_the_filter_refuses_never_leaves_the_compiler() {
        let forward = |weight: u32| {
            json!({"version": 1, "virtual_hosts": [{"name": "a", "domains": ["a"], "routes": [{
                "rule": {"rules": [{"virtual_service": "a/a", "http": 0}]},
                "match": {"path": {"prefix": "/"}},
                "action": {"forward": [
                    {"cluster": "a", "weight": weight, "key": "a"},
                    {"cluster": "b", "weight": weight, "key": "b"},
                ]},
            }]}]})
        };
        let cluster = |timeout: &str| json!({"static_resources": {"clusters": [{"name": "a", "connect_timeout": timeout}]}});
        assert!(codes(&cluster("1s"), &forward(1)).is_empty());
        assert_eq!(codes(&cluster("0s"), &forward(1)), ["envoy-refuses"]);
        assert_eq!(codes(&cluster("1s"), &forward(u32::MAX)), ["envoy-refuses"]);
    }

    #[test]
    fn a_refused_route_behind_a_key_names_its_virtual_service() {
        let config = json!({"version": 1, "virtual_hosts": [{"name": "a", "domains": ["a"], "routes": [
            {"rule": {"rules": [{"virtual_service": "shop/other", "http": 0}]}, "match": {"path": {"prefix": "/"}},
             "action": {"reply": {"key": "other"}}},
            {"rule": {"rules": [{"virtual_service": "shop/web", "http": 0}]}, "match": {"path": {"prefix": "/"}},
             "action": {"forward": [{"cluster": "a", "key": "key"}]}},
        ]}]});
        let chain = CompiledChain {
            listener: "0.0.0.0_80".to_owned(),
            port: 80,
            route_config: "http.80".to_owned(),
            config: RoutingConfig::parse(config.to_string().as_bytes()).expect("a routing configuration"),
        };
        let chains = [chain];
        assert_eq!(
            rule_of_key(&chains, "key").as_deref(),
            Some("VirtualService shop/web")
        );
        assert_eq!(rule_of_key(&chains, "none"), None);
    }

    #[test]
    fn configurations_must_fit_into_a_vm_and_should_fit_twice() {
        for (bytes, expected) in [(50, (0, 0)), (51, (0, 1)), (100, (0, 1)), (101, (1, 0))] {
            let mut diagnostics = Diagnostics::default();
            check_room("configurations have", bytes, 100, &mut diagnostics);
            let counts = (
                diagnostics.count(Severity::Error),
                diagnostics.count(Severity::Warning),
            );
            assert_eq!(counts, expected, "{bytes}");
        }
    }
}
