//! The whole compilation, and the bootstrap that holds its result.

use std::collections::BTreeSet;
use std::mem::take;

use fingerpost_envoy_config::bootstrap::{
    Bootstrap, LayeredRuntime, RuntimeLayer, RuntimeValue, StaticResources,
};
use fingerpost_envoy_config::core::Node;
use fingerpost_envoy_config::tls::Secret;
use fingerpost_resources::{Diagnostics, Resources};

use crate::attachments::Attachments;
use crate::certificate_sources::InlineSecret;
use crate::checks;
use crate::claims::{self, Claims};
use crate::clusters::{self, Cluster};
use crate::compiled::{Compiled, CompiledChain};
use crate::empty_clusters;
use crate::file_secrets::{FileSecret, FromFiles};
use crate::gateways;
use crate::left_out;
use crate::listeners::{self, BuiltListener, Lost};
use crate::load_assignment;
use crate::locality::Locality;
use crate::locality_findings;
use crate::mesh::Mesh;
use crate::not_enforced;
use crate::operations;
use crate::options::{Engine, Options};
use crate::patterns;
use crate::pitfalls;
use crate::refused;
use crate::reserved;
use crate::summary::Summary;
use crate::udp_servers;
use crate::unselected_rules;
use crate::unserved::{self, Context};
use crate::unused_rules;
use crate::virtual_services;

/// Compiles what `resources` say for the proxy that `options` describe.
///
/// Findings go to `diagnostics`. What Istio would serve is a warning at most; an error is what Envoy
/// would refuse. What can't be read or is not valid was an error of `fingerpost_resources` before.
pub fn compile(resources: &Resources, options: &Options, diagnostics: &mut Diagnostics) -> Compiled {
    let mesh = Mesh::new(resources, options);
    let (merged, dropped) = gateways::merge(resources, options);
    let services = virtual_services::bind(resources, options);
    let attachments = Attachments::new(&merged, &services);
    patterns::check(resources, options.envoy, diagnostics);
    not_enforced::check(resources, options, diagnostics);
    checks::rules(&services, &attachments, &mesh, diagnostics);
    pitfalls::check(&services, &merged, &attachments, &mesh, diagnostics);
    if options.engine == Engine::Wasm {
        reserved::check(&services, diagnostics);
    }
    let mut addresses = Claims::default();
    let mut built: Vec<BuiltListener<'_>> = Vec::new();
    let mut lost = Lost {
        servers: dropped,
        names: Vec::new(),
    };
    for listener in &merged {
        let made = listeners::build(listener, &attachments, &mesh, resources, &mut lost, diagnostics);
        let Some(made) = made else { continue };
        match addresses.address(listener) {
            Ok(()) => {
                pitfalls::check_connections(&made, listener, &mesh, diagnostics);
                built.push(made);
            }
            Err(taken) => {
                let servers = listener.servers();
                lost.servers.extend(servers.map(|it| claims::dropped(it, &taken)));
            }
        }
    }
    let unserved = unserved::find(&Context {
        resources,
        gateways: gateways::by_name(resources),
        services: &services,
        attachments: &attachments,
        listeners: &merged,
        dropped: &lost.servers,
        lost_names: &lost.names,
        built: &built,
        mesh: &mesh,
    });
    unserved::report(&unserved, resources, diagnostics);
    checks::connections(&built, &mesh, diagnostics);
    let uses = empty_clusters::uses(&built);
    let mut clusters = clusters::build(uses.keys(), &mesh, diagnostics);
    empty_clusters::check(&clusters, &uses, &mesh, diagnostics);
    empty_clusters::shadowed(&uses, &mesh, diagnostics);
    refused::check(&built, &clusters, &services, resources, &mesh, diagnostics);
    empty_clusters::lost_subsets(&clusters, &uses, &mesh, diagnostics);
    pitfalls::upstream_tls(&built, uses.keys(), &mesh, diagnostics);
    left_out::check(&built, &clusters, &mesh, diagnostics);
    locality_findings::check(&clusters, &mesh, diagnostics);
    udp_servers::check(&merged, diagnostics);
    unselected_rules::check(&clusters, &mesh, diagnostics);
    unused_rules::check(&clusters, &mesh, diagnostics);
    // The summary is about as large as they are.
    drop(attachments);
    drop(services);
    let summary = Summary::new(&mut built, &clusters, unserved, &mesh);
    let (file_secrets, inline_secrets) = certificates(&mut built, &mut clusters);
    let (chains, config_bytes) = chains(&mut built);
    let mut bootstrap = bootstrap(built, clusters, &mesh.place.locality);
    if let Some(operations) = &options.operations {
        operations::add(&mut bootstrap, operations, options.engine, diagnostics);
    }
    refused::check_output(&bootstrap, &chains, config_bytes, diagnostics);
    Compiled {
        bootstrap,
        engine: options.engine,
        chains,
        summary,
        invalid_secrets: invalid_secrets(&file_secrets),
        file_secrets,
        inline_secrets,
    }
}

/// The chains in which the filter is, and the length of their configurations in bytes.
fn chains(listeners: &mut [BuiltListener<'_>]) -> (Vec<CompiledChain>, usize) {
    let mut chains = Vec::new();
    let mut bytes = 0;
    for listener in listeners {
        for chain in &mut listener.http {
            let Some(filter) = chain.filter.take() else {
                continue;
            };
            bytes += filter.bytes;
            chains.push(CompiledChain {
                listener: listener.name.clone(),
                port: listener.port,
                route_config: chain.routes.name.clone(),
                config: filter.config,
            });
        }
    }
    (chains, bytes)
}

/// The Secrets of the input in whose place files are read.
fn invalid_secrets(file_secrets: &[FileSecret]) -> BTreeSet<String> {
    let subjects = file_secrets.iter().filter_map(|it| match &it.from {
        FromFiles::InvalidSecret(subject) => Some(subject.clone()),
        FromFiles::Named | FromFiles::Mounted | FromFiles::NoSecret(_) => None,
    });
    subjects.collect()
}

/// What Envoy reads from files, and what it holds of Secrets: for each server, and for each resource with TLS to upstreams.
fn certificates(
    listeners: &mut [BuiltListener<'_>],
    clusters: &mut [Cluster],
) -> (Vec<FileSecret>, Vec<InlineSecret>) {
    let mut secrets: Vec<FileSecret> = Vec::new();
    let mut inline: Vec<InlineSecret> = Vec::new();
    for listener in listeners {
        secrets.append(&mut listener.file_secrets);
        inline.append(&mut listener.inline_secrets);
    }
    let mut known = BTreeSet::new();
    for cluster in clusters {
        let new = take(&mut cluster.file_secrets).into_iter().filter(|it| {
            let about = (it.name.clone(), it.origin.subject().to_owned(), it.field.clone());
            known.insert(about)
        });
        secrets.extend(new);
        for held in take(&mut cluster.inline_secrets) {
            let is_same =
                |it: &InlineSecret| it.origin.subject() == held.origin.subject() && it.part == held.part;
            if !inline.iter().any(is_same) {
                inline.push(held);
            }
        }
    }
    (secrets, inline)
}

fn bootstrap(listeners: Vec<BuiltListener<'_>>, clusters: Vec<Cluster>, locality: &Locality) -> Bootstrap {
    let mut secrets: Vec<Secret> = Vec::new();
    for secret in listeners.iter().flat_map(|it| &it.secrets) {
        if !secrets.contains(secret) {
            secrets.push(secret.clone());
        }
    }
    Bootstrap {
        node: Some(Node {
            id: "fingerpost".to_owned(),
            cluster: "fingerpost".to_owned(),
            locality: (!locality.is_unknown()).then(|| load_assignment::locality(locality)),
        }),
        static_resources: StaticResources {
            listeners: listeners.into_iter().map(|it| it.envoy).collect(),
            clusters: clusters.into_iter().map(|it| it.envoy).collect(),
            secrets,
        },
        dynamic_resources: None,
        layered_runtime: Some(LayeredRuntime {
            layers: vec![istio_layer()],
        }),
        admin: None,
        stats_config: None,
        overload_manager: None,
    }
}

/// As Istio's own bootstrap sets them (istio `pkg/bootstrap/config.go`, `extractRuntimeFlags`).
fn istio_layer() -> RuntimeLayer {
    let flags = [
        (
            "envoy.reloadable_features.http_reject_path_with_fragment",
            RuntimeValue::Flag(false),
        ),
        ("re2.max_program_size.error_level", RuntimeValue::Number(32_768)),
    ];
    RuntimeLayer {
        name: "istio".to_owned(),
        static_layer: flags.map(|(key, value)| (key.to_owned(), value)).into(),
    }
}
