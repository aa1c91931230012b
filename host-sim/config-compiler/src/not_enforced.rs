//! Policies and settings that Istio acts on and that are not acted on here: one finding for each kind, if any is for the
//! proxy; the others are one note together.
//!
//! Whom a policy is for: istio `pilot/pkg/model/policyattachment.go` (`ShouldAttachPolicy`); an EnvoyFilter has its own
//! namespace or the root for its scope too (`pilot/pkg/model/push_context.go`, `EnvoyFilters`).

use std::collections::BTreeMap;

use fingerpost_resources::{Code, Diagnostics, PolicyKind, PolicyTarget, Resources, Unenforced};

use crate::destination_rules::ROOT_NAMESPACE;
use crate::gateways::selects_proxy;
use crate::options::Options;
use crate::unserved::list;

/// The label by which a proxy of Gateway API knows its Gateway.
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";

/// Reports them.
pub(crate) fn check(resources: &Resources, options: &Options, diagnostics: &mut Diagnostics) {
    let mut others: BTreeMap<PolicyKind, Vec<&Unenforced>> = BTreeMap::new();
    for kind in PolicyKind::ALL {
        let all = resources.unenforced.iter().filter(|it| it.kind == kind);
        let (ours, rest): (Vec<_>, Vec<_>) = all.partition(|it| is_for_proxy(it, resources, options));
        if let Some(first) = ours.first() {
            diagnostics
                .warn(Code::NotEnforced, message(kind, &ours))
                .on(&first.origin, "kind")
                .help("only routing is compiled; keep what protects your services in front of them");
        }
        if !rest.is_empty() {
            others.insert(kind, rest);
        }
    }
    if let Some(first) = others.values().flatten().next() {
        let counted: Vec<String> = others
            .iter()
            .map(|(kind, all)| format!("{} {}", all.len(), kind.as_str()))
            .collect();
        let message = format!("not for this proxy, and left out: {}", counted.join(", "));
        diagnostics
            .note(Code::PolicyOfOthers, message)
            .on(&first.origin, "kind");
    }
    for settings in &resources.mesh_settings {
        let fields: Vec<String> = settings.fields.iter().map(|it| format!("`{it}`")).collect();
        let message = format!(
            "meshConfig is not read: Istio's defaults are used for {}",
            fields.join(", ")
        );
        diagnostics
            .warn(Code::MeshConfigNotRead, message)
            .on(&settings.origin, "kind")
            .help("answers differ from the cluster's where they depend on these settings");
    }
}

fn is_for_proxy(policy: &Unenforced, resources: &Resources, options: &Options) -> bool {
    let is_in_scope = [options.namespace.as_str(), ROOT_NAMESPACE].contains(&policy.meta.namespace.as_str());
    if !policy.is_for_gateways {
        return false;
    }
    if policy.targets.is_empty() {
        let mut selector = policy.selector.iter();
        return is_in_scope && selector.all(|(key, value)| options.labels.get(key) == Some(value));
    }
    policy
        .targets
        .iter()
        .any(|target| is_target(target, policy, resources, options))
}

/// Whether a policy is attached to a Gateway of the proxy, of Istio's kind or of Gateway API's.
fn is_target(target: &PolicyTarget, policy: &Unenforced, resources: &Resources, options: &Options) -> bool {
    let namespace = &policy.meta.namespace;
    match (target.group.as_str(), target.kind.as_str()) {
        ("networking.istio.io", "Gateway") => resources.gateways.iter().any(|it| {
            it.meta.name == target.name && it.meta.namespace == *namespace && selects_proxy(it, options)
        }),
        ("gateway.networking.k8s.io", "Gateway") => {
            *namespace == options.namespace && options.labels.get(GATEWAY_NAME) == Some(&target.name)
        }
        _ => false,
    }
}

fn message(kind: PolicyKind, policies: &[&Unenforced]) -> String {
    let names: Vec<String> = policies.iter().map(|it| it.meta.qualified_name()).collect();
    let mut changes: Vec<&str> = policies
        .iter()
        .flat_map(|it| &it.changes)
        .map(String::as_str)
        .collect();
    changes.sort_unstable();
    changes.dedup();
    let has = |what: &str| changes.contains(&what);
    let effect = match kind {
        PolicyKind::AuthorizationPolicy if has("CUSTOM") => {
            "denied requests get through, and no authorizer is called".to_owned()
        }
        PolicyKind::AuthorizationPolicy => "denied requests get through".to_owned(),
        PolicyKind::RequestAuthentication => "requests with an invalid token get through".to_owned(),
        PolicyKind::EnvoyFilter => format!("patches of {} are not applied", changes.join(", ")),
        PolicyKind::WasmPlugin | PolicyKind::TrafficExtension if has("AUTHN") || has("AUTHZ") => {
            "the plugin does not run, and it decides who gets in".to_owned()
        }
        PolicyKind::WasmPlugin | PolicyKind::TrafficExtension => "the plugin does not run".to_owned(),
        PolicyKind::Telemetry => "logs, metrics and traces stay as Envoy makes them".to_owned(),
        PolicyKind::PeerAuthentication | PolicyKind::Sidecar => "they are for sidecars".to_owned(),
    };
    let (subject, verb) = match names.as_slice() {
        [only] => (format!("{} {only}", kind.as_str()), "is"),
        several => (
            format!("{} {} ({})", several.len(), kind.as_str(), list(several)),
            "are",
        ),
    };
    format!("{subject} {verb} not enforced here: {effect}")
}
