//! Which command reads the resources, and what follows from that.

use fingerpost_terminal::findings::Detail;

/// The command that reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    Clusters,
    Compile,
    Explain,
    IstioManifests,
    Manifests,
    Request,
    Routes,
    Serve,
    Sync,
    Test,
    Up,
}

impl Caller {
    /// As it is typed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Clusters => "clusters",
            Self::Compile => "compile",
            Self::Explain => "explain",
            Self::IstioManifests | Self::Manifests => "manifests",
            Self::Request => "request",
            Self::Routes => "routes",
            Self::Serve => "serve",
            Self::Sync => "sync",
            Self::Test => "test",
            Self::Up => "up",
        }
    }

    /// How much is shown of what was found: it must not push away the screen of a command that goes on.
    pub(crate) fn detail(self) -> Detail {
        match self {
            Self::Serve | Self::Sync | Self::Up => Detail::FirstPlaces,
            Self::Clusters
            | Self::Compile
            | Self::Explain
            | Self::IstioManifests
            | Self::Manifests
            | Self::Request
            | Self::Routes
            | Self::Test => Detail::Causes,
        }
    }

    /// Whether it answers without the resources that Istio's webhook would refuse. What Envoy runs is made of all.
    pub(crate) fn leaves_invalid_out(self) -> bool {
        match self {
            Self::Clusters | Self::Explain | Self::Request | Self::Routes | Self::Serve | Self::Test => true,
            Self::Compile | Self::IstioManifests | Self::Manifests | Self::Sync | Self::Up => false,
        }
    }

    /// Whether a Secret that Envoy would refuse stops only the servers that need it. Manifests are for a cluster, where the Secret is.
    pub(crate) fn leaves_secrets_out(self) -> bool {
        !matches!(self, Self::IstioManifests | Self::Manifests)
    }

    /// How the user names the labels of the proxy.
    pub(crate) fn option_for_labels(self) -> &'static str {
        match self {
            Self::Test => "`labels` in the test file",
            Self::Clusters
            | Self::Compile
            | Self::Explain
            | Self::IstioManifests
            | Self::Manifests
            | Self::Request
            | Self::Routes
            | Self::Serve
            | Self::Sync
            | Self::Up => "--labels",
        }
    }

    /// Whether the input is the whole cluster: what a proxy is to run is never guessed.
    pub(crate) fn assumes_nothing(self) -> bool {
        match self {
            Self::Compile | Self::IstioManifests | Self::Manifests | Self::Sync => true,
            Self::Clusters
            | Self::Explain
            | Self::Request
            | Self::Routes
            | Self::Serve
            | Self::Test
            | Self::Up => false,
        }
    }

    /// Which proxies are meant if the user names no labels.
    pub(crate) fn proxies(self) -> Proxies {
        match self {
            Self::Compile | Self::Sync => Proxies::Usual,
            Self::Clusters
            | Self::Explain
            | Self::Manifests
            | Self::Request
            | Self::Routes
            | Self::Serve
            | Self::Test
            | Self::Up => Proxies::UsualOrSelected,
            Self::IstioManifests => Proxies::AllSelected,
        }
    }
}

/// The proxies that a command is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proxies {
    /// The gateway of Istio's own installation.
    Usual,
    /// That one; if no Gateway selects it, those that the Gateways select.
    UsualOrSelected,
    /// All that the Gateways select.
    AllSelected,
}
