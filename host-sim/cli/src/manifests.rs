//! `fingerpost manifests`: what a cluster or docker compose needs so that the filter routes there.

mod compose;
mod envoy_gateway;
mod kubernetes;
mod rollout;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use fingerpost_config_compiler::{Compilation, Options};
use fingerpost_manifests::envoy_gateway::envoy_gateway;
use fingerpost_manifests::istio::{
    FailStrategy, IstioOptions, IstioRelease, ObjectName, Rollout, Step, istio, rollout,
};
use fingerpost_manifests::{Document, ModuleLocation, Refusal, fixed_services, to_yaml};
use fingerpost_resources::Code;
use fingerpost_terminal::messages::{error, note};
use fingerpost_terminal::screen;

use compose::ComposeArgs;
use envoy_gateway::EnvoyGatewayArgs;
use kubernetes::KubernetesArgs;
use rollout::{RolloutArgs, Wanted, native, note_order};

use crate::args::{EngineName, Input};
use crate::caller::Caller;
use crate::envoy_files::EnvoyFile;
use crate::failure::Failure;
use crate::image::expected_sha256;
use crate::load::load_each;
use crate::output::{Artifact, write};

/// What Istio goes on doing itself on its gateway, so that findings about it would mislead. Claims of tokens are refused.
const BY_ISTIO: &[Code] = &[
    Code::CertificateNotFound,
    Code::NoClaims,
    Code::NoMeshCertificates,
    Code::NotEnforced,
    Code::PlainTextToTlsPort,
    Code::PlainTextUpstream,
    Code::PolicyLeftOut,
    Code::PolicyOfOthers,
    Code::UnknownLocality,
];

/// Write manifests that put the filter into a gateway
///
/// --istio: for a gateway of Istio, a TrafficExtension (before Istio 1.30 a WasmPlugin) for each port and an EnvoyFilter with
/// the routes. Istio goes on making listeners, clusters and certificates from the resources in the cluster; apply the
/// manifests again whenever Gateways, VirtualServices or DestinationRules change.
///
/// If the Gateways are for several gateway workloads, each gets its own set.
///
/// --kubernetes: for a cluster without Istio, a Deployment of a stock Envoy with its configuration in ConfigMaps, a Service, a
/// NetworkPolicy and a PodDisruptionBudget. All in the namespace of --proxy-namespace.
///
/// --envoy-gateway: for an installation of Envoy Gateway, a Gateway with an EnvoyExtensionPolicy for each port and an
/// EnvoyPatchPolicy with clusters and routes. Patches must be enabled there; only HTTP in plain text is supported.
///
/// --compose: a folder for docker compose, with a stock Envoy, its configuration in files that it reads while it runs, and
/// an echo server for each upstream that is a host name.
#[derive(Debug, Args)]
#[command(
    override_usage = "fingerpost manifests --istio|--kubernetes|--envoy-gateway|--compose\n       \
                      -f <FILE|DIR|-> [OPTIONS]",
    after_long_help = "\
Examples:
  fingerpost manifests --istio -f routes/ --image registry.example.com/fingerpost:1.0 | kubectl apply --server-side -f -
  fingerpost manifests --istio -f routes/ --image registry.example.com/fingerpost:1.0 --proxy-namespace ingress -o manifests
  fingerpost manifests --istio -f routes/ --image registry.example.com/fingerpost:1.0 --previous manifests -o manifests
  fingerpost manifests --kubernetes -f routes/ --proxy-namespace ingress | kubectl apply --server-side -f -
  fingerpost manifests --envoy-gateway -f routes/ --image registry.example.com/fingerpost:1.0 --gateway-class eg -o manifests
  fingerpost manifests --compose -f routes/ -o local && cd local && docker compose up --wait
  kubectl get gw,vs,dr,se,svc -A -o yaml | fingerpost manifests --istio -f - --image registry.example.com/fingerpost:1.0"
)]
pub(crate) struct Manifests {
    #[command(flatten)]
    target: Target,

    #[command(flatten)]
    input: Input,

    /// Directory for the files; it is made if it is missing [default: standard output]
    #[arg(short = 'o', long = "output", value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,

    /// Name of the objects; if there are several gateways, the values of their labels are added
    #[arg(
        long,
        value_name = "NAME",
        default_value = "fingerpost",
        value_parser = fingerpost_settings::namespace,
        conflicts_with = "compose",
        help_heading = "Output"
    )]
    name: String,

    /// Image of a stock Envoy [default: the one that Envoy's project publishes for the release of --envoy]
    #[arg(long, value_name = "REF", conflicts_with = "istio", help_heading = "Output")]
    envoy_image: Option<String>,

    #[command(flatten)]
    istio: IstioArgs,

    #[command(flatten)]
    rollout: RolloutArgs,

    #[command(flatten)]
    kubernetes: KubernetesArgs,

    #[command(flatten)]
    envoy_gateway: EnvoyGatewayArgs,

    #[command(flatten)]
    compose: ComposeArgs,
}

/// What the manifests are for.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Target {
    /// Write manifests for a gateway of Istio
    #[arg(long, help_heading = "Target")]
    istio: bool,

    /// Write manifests for a stock Envoy in a cluster without Istio
    #[arg(long, help_heading = "Target")]
    kubernetes: bool,

    /// Write manifests for an installation of Envoy Gateway
    #[arg(long, help_heading = "Target")]
    envoy_gateway: bool,

    /// Write a folder for docker compose
    #[arg(long, help_heading = "Target")]
    compose: bool,
}

#[derive(Debug, Args)]
struct IstioArgs {
    /// Where the gateway gets the filter: an OCI image (`fingerpost image` makes it), or an address that starts with https:// or
    /// file://
    #[arg(
        long,
        value_name = "REF",
        required_if_eq_any([("istio", "true"), ("envoy_gateway", "true")]),
        conflicts_with_all(["compose", "kubernetes"]),
        help_heading = "Istio and Envoy Gateway"
    )]
    image: Option<ModuleLocation>,

    /// Name of the Secret with credentials for the registry, in the namespace of the gateway
    #[arg(long, value_name = "NAME", help_heading = "Istio and Envoy Gateway")]
    image_pull_secret: Option<String>,

    /// Release of Istio in the cluster: 1.28 to 1.32 [default: the one whose gateway is the Envoy of --envoy]
    #[arg(
        long,
        value_name = "VERSION",
        conflicts_with = "envoy",
        help_heading = "Istio"
    )]
    istio_version: Option<IstioRelease>,

    /// What happens to requests while the filter does not run; none of them is routed
    #[arg(
        long,
        value_enum,
        default_value = "reload",
        help_heading = "Istio and Envoy Gateway"
    )]
    fail_strategy: FailStrategyName,

    /// Name the rule of each request for an access log: %FILTER_STATE(wasm.fingerpost.rule:PLAIN)%
    #[arg(
        long,
        conflicts_with_all(["compose", "kubernetes"]),
        help_heading = "Istio and Envoy Gateway"
    )]
    name_rules: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FailStrategyName {
    /// A filter that has crashed is started again
    Reload,
    /// Every request gets 503 until the filter is configured again
    Close,
    /// The filter is skipped: requests get 404
    Open,
}

/// The manifests of one gateway.
struct Set {
    name: String,
    documents: Vec<Document>,
    /// What is to be applied before them, one after the other.
    steps: Vec<Step>,
    /// What is to be deleted at the end.
    unused: Vec<ObjectName>,
}

impl Set {
    fn holds_keys(&self) -> bool {
        self.documents.iter().any(is_secret)
    }

    /// The files for a directory. What holds private keys is in a file apart, which only the user may read.
    fn files(&self) -> Vec<EnvoyFile<'static>> {
        let (keys, others): (Vec<&Document>, Vec<&Document>) =
            self.documents.iter().partition(|it| is_secret(it));
        let file = |path: String, documents: Vec<&Document>, secret| {
            let documents: Vec<Document> = documents.into_iter().cloned().collect();
            (!documents.is_empty()).then(|| EnvoyFile {
                path: path.into(),
                content: to_yaml(&documents).into(),
                secret,
            })
        };
        let files = [
            file(format!("{}.yaml", self.name), others, false),
            file(format!("{}-keys.yaml", self.name), keys, true),
        ];
        files.into_iter().flatten().collect()
    }

    /// The files of the steps in this folder, in their order.
    fn step_paths(&self, folder: &str) -> Vec<PathBuf> {
        let steps = self.steps.iter().zip(1..);
        steps
            .map(|(step, number)| {
                Path::new(folder).join(format!("{}-{number}-{}.yaml", self.name, step.name))
            })
            .collect()
    }

    fn step_files(&self, folder: &str) -> Vec<EnvoyFile<'static>> {
        let steps = self.step_paths(folder).into_iter().zip(&self.steps);
        steps
            .map(|(path, step)| EnvoyFile {
                path,
                content: to_yaml(&step.documents).into(),
                secret: false,
            })
            .collect()
    }
}

fn is_secret(document: &Document) -> bool {
    document.kind() == "Secret"
}

impl Manifests {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<(), Failure> {
        if self.target.compose {
            return self
                .compose
                .run(&self.input, self.envoy_image.as_deref(), self.output.as_deref());
        }
        let wanted = self.rollout.wanted(&self.input)?;
        let sets = if self.target.kubernetes {
            let options = KubernetesArgs::options(&self.input);
            let compiled = load_each(&self.input, Caller::Manifests, options, &[])?;
            self.sets(&compiled, |one, name| {
                note_fixed_addresses(one);
                let documents = self
                    .kubernetes
                    .documents(one, name, self.envoy_image.as_deref())?;
                Ok(documents.map(at_once))
            })?
        } else if self.target.envoy_gateway {
            let options = Options {
                name_rules: self.istio.name_rules,
                ..EnvoyGatewayArgs::options(&self.input)
            };
            let compiled = load_each(&self.input, Caller::Manifests, options, &[])?;
            self.sets(&compiled, |one, name| {
                note_fixed_addresses(one);
                let options = self.envoy_gateway.manifest_options(&self.istio, name);
                Ok(envoy_gateway(&one.compiled, &one.options, &options).map(at_once))
            })?
        } else {
            self.istio_sets(wanted.as_ref())?
        };
        match &self.output {
            None if sets.iter().any(Set::holds_keys) => Err(Failure::refused(
                "the manifests hold private keys, which are not printed: give the directory for them with -o DIR, or leave \
                 the Secrets out of the input",
            )),
            None => {
                let documents: Vec<Document> = sets.into_iter().flat_map(|it| it.documents).collect();
                let mut out = screen::stdout();
                out.write_all(to_yaml(&documents).as_bytes())?;
                Ok(out.flush()?)
            }
            Some(directory) => write_files(directory, &sets, wanted.as_ref()),
        }
    }

    fn istio_sets(&self, wanted: Option<&Wanted>) -> Result<Vec<Set>, Failure> {
        if self.input.no_gateway {
            return Err(Failure::refused(
                "--no-gateway: in a cluster, Istio makes listeners from Gateways alone; write one and apply it too",
            ));
        }
        let mut options = self.input.options(EngineName::Wasm, String::new());
        options.name_rules = self.istio.name_rules;
        if let Some(release) = self.istio.istio_version {
            options.envoy = release.envoy();
        }
        let compiled = load_each(&self.input, Caller::IstioManifests, options, BY_ISTIO)?;
        self.sets(&compiled, |one, name| {
            let options = self.istio.options(name.to_owned(), one);
            Ok(match wanted {
                None => istio(&one.compiled, &one.options, &options).map(at_once),
                Some(wanted) => rollout(
                    &one.compiled,
                    &native(one),
                    wanted.change(),
                    &one.options,
                    &options,
                ),
            })
        })
    }

    /// The manifests of each gateway, as `make` makes them.
    fn sets(
        &self,
        compiled: &[Compilation],
        make: impl Fn(&Compilation, &str) -> Result<Result<Rollout, Vec<Refusal>>, Failure>,
    ) -> Result<Vec<Set>, Failure> {
        let mut sets = Vec::new();
        let mut refused = false;
        for one in compiled {
            let name = match compiled {
                [_] => self.name.clone(),
                _ => format!("{}-{}", self.name, label_values(one)),
            };
            match make(one, &name)? {
                Ok(made) => sets.push(Set {
                    name,
                    documents: made.documents,
                    steps: made.steps,
                    unused: made.unused,
                }),
                Err(refusals) => {
                    refused = true;
                    refusals.iter().for_each(error);
                }
            }
        }
        if refused {
            return Err(Failure::refused("no manifests are written"));
        }
        Ok(sets)
    }
}

impl IstioArgs {
    fn options(&self, name: String, target: &Compilation) -> IstioOptions {
        // Clap asks for it with --istio.
        let module = self.image.clone().unwrap_or(ModuleLocation::File(String::new()));
        IstioOptions {
            name,
            release: IstioRelease::of_envoy(target.options.envoy),
            sha256: expected_sha256(&module),
            module,
            pull_secret: self.image_pull_secret.clone(),
            fail_strategy: match self.fail_strategy {
                FailStrategyName::Reload => FailStrategy::Reload,
                FailStrategyName::Close => FailStrategy::Close,
                FailStrategyName::Open => FailStrategy::Open,
            },
        }
    }
}

/// Manifests that are applied in one step.
fn at_once(documents: Vec<Document>) -> Rollout {
    Rollout {
        documents,
        steps: Vec::new(),
        unused: Vec::new(),
    }
}

/// Warns about upstreams that are wrong as soon as other Pods run.
fn note_fixed_addresses(one: &Compilation) {
    let fixed = fixed_services(&one.compiled.summary, &one.options.domain);
    if !fixed.is_empty() {
        note(format_args!(
            "the addresses of the Pods of {} are written down as they are in the input, and are wrong as soon as other Pods \
             run: leave Pods, Endpoints and EndpointSlices out of the input, then Envoy asks the cluster's DNS",
            fixed.join(", ")
        ));
    }
}

/// The labels of a gateway as a part of a name.
fn label_values(compiled: &Compilation) -> String {
    let values: Vec<String> = compiled
        .options
        .labels
        .values()
        .map(|it| {
            it.to_ascii_lowercase()
                .replace(|it: char| !it.is_ascii_alphanumeric(), "-")
        })
        .collect();
    values.join("-")
}

fn write_files(directory: &Path, sets: &[Set], wanted: Option<&Wanted>) -> Result<(), Failure> {
    let mut files: Vec<EnvoyFile<'_>> = sets.iter().flat_map(Set::files).collect();
    if let Some(wanted) = wanted {
        files.extend(sets.iter().flat_map(|set| set.step_files(wanted.folder())));
    }
    let artifacts: Vec<Artifact<'_>> = files.iter().map(Artifact::from).collect();
    let written = write(directory, &artifacts)?;
    let paths: Vec<String> = written.iter().map(|it| it.display().to_string()).collect();
    note(format_args!("wrote {}", paths.join(", ")));
    if let Some(wanted) = wanted {
        note_order(directory, wanted.folder(), sets);
    }
    Ok(())
}
