//! Which command reads the resources, and what follows from that.

/// The command that reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    Compile,
    Explain,
    Request,
    Routes,
    Serve,
    Test,
    Up,
}

impl Caller {
    /// As it is typed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Compile => "compile",
            Self::Explain => "explain",
            Self::Request => "request",
            Self::Routes => "routes",
            Self::Serve => "serve",
            Self::Test => "test",
            Self::Up => "up",
        }
    }

    /// Whether it goes on to show requests: what was found must not push its screen away.
    pub(crate) fn goes_on(self) -> bool {
        match self {
            Self::Serve | Self::Up => true,
            Self::Compile | Self::Explain | Self::Request | Self::Routes | Self::Test => false,
        }
    }

    /// Whether it answers without the resources that Istio's webhook would refuse. What Envoy runs is made of all.
    pub(crate) fn leaves_invalid_out(self) -> bool {
        match self {
            Self::Explain | Self::Request | Self::Routes | Self::Serve | Self::Test => true,
            Self::Compile | Self::Up => false,
        }
    }
}
