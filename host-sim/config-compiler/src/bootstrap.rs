//! The whole compilation, and the bootstrap that holds its result.

use std::mem::take;

use fingerpost_resources::{Diagnostics, Resources};
use fingerpost_routing_config::RoutingConfig;
use serde_json::{Value, json};

use crate::checks;
use crate::claims::{self, Claims};
use crate::clusters::{self, Cluster};
use crate::credentials::FileSecret;
use crate::empty_clusters;
use crate::endpoints::Endpoints;
use crate::gateways;
use crate::left_out;
use crate::listeners::{self, BuiltListener};
use crate::mesh::Mesh;
use crate::options::{Engine, Options};
use crate::patterns;
use crate::plan::Plan;
use crate::proto::{Fields, object};
use crate::refused;
use crate::reserved;
use crate::tls::InlineCertificate;
use crate::unrouted_servers;
use crate::unselected_rules;
use crate::unserved;
use crate::virtual_services;

/// What a compilation makes.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// A static bootstrap in the JSON form of Envoy's protos, snake case.
    pub bootstrap: Value,
    /// The filter's config of every HTTP chain, for people. Envoy has it in the bootstrap.
    pub routing: Value,
    /// The same as a flat view.
    pub plan: Plan,
    /// What Envoy reads from files while it runs, once for each server that needs it. For each, the file
    /// [`FileSecret::path`] must be there when Envoy starts.
    pub file_secrets: Vec<FileSecret>,
    /// The certificates of Secrets of the input, which the bootstrap holds.
    pub certificates: Vec<InlineCertificate>,
}

/// Compiles what `resources` say for the proxy that `options` describe.
///
/// Findings go to `diagnostics`. What Istio would serve is a warning at most; an error is what Envoy
/// would refuse. What can't be read or is not valid was an error of `fingerpost_resources` before.
pub fn compile(resources: &Resources, options: &Options, diagnostics: &mut Diagnostics) -> Compiled {
    let mesh = Mesh::new(resources, options);
    let merged = gateways::merge(resources, options, diagnostics);
    let services = virtual_services::bind(resources, options, diagnostics);
    patterns::check(resources, options.envoy, diagnostics);
    checks::unenforced(resources, diagnostics);
    checks::attachment(resources, &services, &merged, diagnostics);
    checks::rules(&services, &merged, &mesh, diagnostics);
    if options.engine == Engine::Wasm {
        reserved::check(&services, diagnostics);
    }
    let mut addresses = Claims::default();
    let mut built: Vec<BuiltListener<'_>> = Vec::new();
    for listener in &merged {
        let Some(made) = listeners::build(listener, &services, &mesh, resources, diagnostics) else {
            continue;
        };
        match addresses.address(listener) {
            Ok(()) => built.push(made),
            Err(taken) => listener
                .servers()
                .for_each(|it| claims::warn(it, &taken, diagnostics)),
        }
    }
    checks::connections(&built, &mesh, diagnostics);
    let uses = empty_clusters::uses(&built);
    let clusters = clusters::build(uses.keys(), &mesh);
    empty_clusters::check(&clusters, &uses, &mesh, diagnostics);
    empty_clusters::shadowed(&uses, &mesh, diagnostics);
    refused::check(&built, &clusters, &services, resources, &mesh, diagnostics);
    lost_subsets(&clusters, &mesh, diagnostics);
    left_out::check(&clusters, &mesh, diagnostics);
    unrouted_servers::check(&merged, &services, &mesh, diagnostics);
    unselected_rules::check(&clusters, &mesh, diagnostics);
    let routing = routing(&built, options);
    let unserved = unserved::find(resources, &services, &merged, options);
    let plan = Plan::new(&built, &clusters, unserved, &mesh);
    let file_secrets = built
        .iter_mut()
        .flat_map(|it| take(&mut it.file_secrets))
        .collect();
    let certificates = built
        .iter_mut()
        .flat_map(|it| take(&mut it.certificates))
        .collect();
    let configs: Vec<(String, RoutingConfig)> = built
        .iter_mut()
        .flat_map(|listener| &mut listener.http)
        .filter_map(|chain| Some((chain.routes.name.clone(), chain.config.take()?)))
        .collect();
    let bootstrap = bootstrap(built, clusters);
    let configs = configs.iter().map(|(name, config)| (name.as_str(), config));
    refused::check_output(&bootstrap, configs, diagnostics);
    Compiled {
        bootstrap,
        routing,
        plan,
        file_secrets,
        certificates,
    }
}

/// DNS can't tell the endpoints of one subset from those of another.
fn lost_subsets(clusters: &[Cluster], mesh: &Mesh<'_>, diagnostics: &mut Diagnostics) {
    for cluster in clusters {
        let Endpoints::Dns { host, .. } = &cluster.endpoints else {
            continue;
        };
        let found = mesh.rule_of(&cluster.wanted, "").and_then(|rule| {
            rule.subsets
                .iter()
                .find(|(subset, _)| subset.name == cluster.wanted.subset)
        });
        let Some((subset, resource)) = found else { continue };
        let index = resource
            .spec
            .subsets
            .iter()
            .position(|it| it.name == subset.name)
            .unwrap_or(0);
        let message = format!(
            "the input knows no endpoints of {host}: subset \"{}\" goes wherever DNS leads",
            subset.name
        );
        diagnostics
            .warn("subset-by-dns", message)
            .on(&resource.origin, format!("spec.subsets[{index}]"))
            .help("add its Pods, EndpointSlices or WorkloadEntries with their labels to the input");
    }
}

fn bootstrap(listeners: Vec<BuiltListener<'_>>, clusters: Vec<Cluster>) -> Value {
    let mut secrets: Vec<Value> = Vec::new();
    for secret in listeners.iter().flat_map(|it| &it.secrets) {
        if !secrets.contains(secret) {
            secrets.push(secret.clone());
        }
    }
    let listeners: Vec<Value> = listeners.into_iter().map(|it| it.envoy).collect();
    let clusters: Vec<Value> = clusters
        .into_iter()
        .filter_map(|it| serde_json::to_value(it.envoy).ok())
        .collect();
    let mut resources = Fields::new();
    resources.insert("listeners".to_owned(), listeners.into());
    resources.insert("clusters".to_owned(), clusters.into());
    if !secrets.is_empty() {
        resources.insert("secrets".to_owned(), secrets.into());
    }
    object([
        ("node", json!({"id": "fingerpost", "cluster": "fingerpost"})),
        ("static_resources", Value::Object(resources)),
        // As Istio's own bootstrap sets them (istio `pkg/bootstrap/config.go`, `extractRuntimeFlags`).
        (
            "layered_runtime",
            json!({"layers": [{"name": "istio", "static_layer": {
                "envoy.reloadable_features.http_reject_path_with_fragment": false,
                "re2.max_program_size.error_level": 32768,
            }}]}),
        ),
    ])
}

fn routing(listeners: &[BuiltListener<'_>], options: &Options) -> Value {
    let chains = listeners.iter().flat_map(|listener| {
        listener.http.iter().filter_map(move |chain| {
            let config = serde_json::to_value(chain.config.as_ref()?).ok()?;
            Some(json!({
                "name": listener.name,
                "port": listener.port,
                "route_config": chain.routes.name,
                "config": config,
            }))
        })
    });
    let engine = match options.engine {
        Engine::Wasm => "wasm",
        Engine::Native => "native",
    };
    json!({"engine": engine, "listeners": chains.collect::<Vec<Value>>()})
}
