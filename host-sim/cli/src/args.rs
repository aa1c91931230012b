//! The options that several commands share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use fingerpost_certificates::mounted;
use fingerpost_config_compiler::{Engine, EnvoyVersion, Labels, Locality, MountedSecrets, Options};
use fingerpost_input_files::watched_paths;
use fingerpost_simulated_proxy::FilterRuntime;
use fingerpost_terminal::messages::note;

use crate::certificates;
use crate::failure::Failure;
use crate::ignored::Ignored;
use crate::module;
use crate::render_args::RenderArgs;

/// What is read, and for which proxy it is compiled.
#[derive(Debug, Args)]
pub(crate) struct Input {
    /// What to read: a file, a directory (walked for .yaml, .yml and .json), or `-` for standard input. `files` in a
    /// fingerpost.yaml sets it for a folder
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "FILE|DIR|-",
        required = true,
        help_heading = "Input"
    )]
    pub(crate) files: Vec<PathBuf>,

    /// Namespace of resources that name none [default: default]
    #[arg(short = 'n', long, value_name = "NS", value_parser = fingerpost_settings::namespace, help_heading = "Input")]
    pub(crate) namespace: Option<String>,

    /// Labels of the proxy: only Gateways that select it are served [default: those of Istio's own gateway,
    /// istio=ingressgateway,app=istio-ingressgateway; if no Gateway selects that, those that the Gateways select]
    #[arg(long, value_name = "K=V,…", help_heading = "Proxy")]
    pub(crate) labels: Option<Labels>,

    /// Namespace in which the proxy runs
    #[arg(
        long,
        value_name = "NS",
        default_value = "istio-system",
        value_parser = fingerpost_settings::namespace,
        help_heading = "Proxy"
    )]
    proxy_namespace: String,

    /// Where the proxy runs, as region/zone/subzone or the first of these: endpoints near it are preferred, as far as rules and
    /// outlier detection ask for it [default: what its labels or its Pods say]
    #[arg(long, value_name = "LOCALITY", help_heading = "Proxy")]
    locality: Option<Locality>,

    /// Domain of the cluster: the end of every service's full name
    #[arg(
        long,
        value_name = "DOMAIN",
        default_value = "cluster.local",
        value_parser = fingerpost_settings::domain,
        help_heading = "Proxy"
    )]
    domain: String,

    /// Release of Envoy to compile for [default: 1.40, and for `up` the one that runs]
    #[arg(long, value_name = "VERSION", help_heading = "Proxy")]
    pub(crate) envoy: Option<EnvoyVersion>,

    /// Number of proxies before this one that are trusted, such as load balancers: the client's address and scheme are
    /// then read from x-forwarded-for and x-forwarded-proto (Istio's numTrustedProxies)
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Proxy")]
    trusted_hops: u32,

    /// Directory of mounted Secrets, with a directory for each: DIR/NAME/tls.crt and tls.key, and ca.crt for clients. Envoy reads the
    /// files, and again when they are replaced. They count before Secrets of the input
    #[arg(long, value_name = "DIR", value_parser = certificates::mounted_secrets, help_heading = "Proxy")]
    secrets: Option<MountedSecrets>,

    /// Treat warnings as errors, and leave out nothing that is invalid; what is assumed stays so (see --complete)
    #[arg(long, help_heading = "Input")]
    pub(crate) strict: bool,

    /// The input is the whole cluster: assume no Gateways, services or labels that it does not have (`compile` assumes nothing in any case)
    #[arg(long, conflicts_with = "no_gateway", help_heading = "Input")]
    pub(crate) complete: bool,

    /// Bind every VirtualService to an implied Gateway for all hosts on port 80
    #[arg(long, help_heading = "Input")]
    pub(crate) no_gateway: bool,

    /// List the files of a directory that are not read, and why
    #[arg(long, help_heading = "Input")]
    pub(crate) list_skipped: bool,

    #[command(flatten)]
    pub(crate) render: RenderArgs,

    #[command(flatten)]
    pub(crate) ignored: Ignored,
}

/// Which engine matches requests.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum EngineName {
    /// Our filter chooses the rule, Envoy acts on it
    Wasm,
    /// Envoy's own route table does both: to compare with
    Native,
}

/// How the filter runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RuntimeName {
    /// The module that Envoy loads, in the simulator
    Wasm,
    /// The same code, compiled into this command: faster to start
    Native,
}

impl RuntimeName {
    /// What runs the filter, ready for use.
    pub(crate) fn load(self) -> Result<FilterRuntime, Failure> {
        Ok(match self {
            Self::Wasm => FilterRuntime::Wasm(module::compiled()?),
            Self::Native => FilterRuntime::Native {
                warn: |message| note(message),
            },
        })
    }
}

/// When output is coloured: `auto` is on a terminal, unless NO_COLOR is set.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Colour {
    Auto,
    Always,
    Never,
}

impl Input {
    /// All that changes what is read, the file of settings among it.
    pub(crate) fn watched(&self, settings: PathBuf) -> Vec<PathBuf> {
        watched_paths(&self.files, &self.render.render(), Some(settings))
    }

    /// The compiler's options.
    pub(crate) fn options(&self, engine: EngineName, module_path: String) -> Options {
        let defaults = Options::default();
        Options {
            labels: self
                .labels
                .as_ref()
                .map_or(defaults.labels, |labels| labels.0.clone()),
            namespace: self.proxy_namespace.clone(),
            locality: self.locality.clone(),
            domain: self.domain.clone(),
            envoy: self.envoy.unwrap_or(EnvoyVersion::NEWEST),
            // A VirtualService without a Gateway is often one for the mesh.
            short_names: self.no_gateway,
            engine: match engine {
                EngineName::Wasm => Engine::Wasm,
                EngineName::Native => Engine::Native,
            },
            module_path,
            name_rules: true,
            trusted_hops: self.trusted_hops,
            // What is mounted may have changed since the command started.
            mounted_secrets: self
                .secrets
                .as_ref()
                .map(|it| mounted(&it.folder, it.path.clone()).unwrap_or_else(|_| it.clone())),
            operations: None,
        }
    }
}

impl Colour {
    /// Decides it for the whole process.
    pub(crate) fn apply(self) {
        let choice = match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}
