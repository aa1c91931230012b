//! Which command reads the resources, and what follows from that.

use fingerpost_terminal::findings::Detail;

/// The command that reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    Compile,
    Explain,
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
            Self::Compile => "compile",
            Self::Explain => "explain",
            Self::Manifests => "manifests",
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
            Self::Compile | Self::Explain | Self::Manifests | Self::Request | Self::Routes | Self::Test => {
                Detail::Causes
            }
        }
    }

    /// Whether it answers without the resources that Istio's webhook would refuse. What Envoy runs is made of all.
    pub(crate) fn leaves_invalid_out(self) -> bool {
        match self {
            Self::Explain | Self::Request | Self::Routes | Self::Serve | Self::Test => true,
            Self::Compile | Self::Manifests | Self::Sync | Self::Up => false,
        }
    }

    /// How the user names the labels of the proxy.
    pub(crate) fn option_for_labels(self) -> &'static str {
        match self {
            Self::Test => "`labels` in the test file",
            Self::Compile
            | Self::Explain
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
            Self::Compile | Self::Manifests | Self::Sync => true,
            Self::Explain | Self::Request | Self::Routes | Self::Serve | Self::Test | Self::Up => false,
        }
    }

    /// Whether the labels that Gateways select may be those of the proxy.
    pub(crate) fn finds_the_proxy(self) -> bool {
        match self {
            Self::Compile | Self::Sync => false,
            Self::Explain
            | Self::Manifests
            | Self::Request
            | Self::Routes
            | Self::Serve
            | Self::Test
            | Self::Up => true,
        }
    }
}
