//! What can go wrong with a module: when it is loaded, and while it runs.

use std::fmt;

/// Why a plugin could not be started. Envoy refuses the configuration for the same reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadError {
    /// The bytes are not a WebAssembly module.
    NotWasm {
        /// What the parser stumbled over.
        reason: String,
    },
    /// No `proxy_abi_version_…` that Envoy knows among the exports.
    WrongAbi {
        /// The version that the module declares, if it declares one.
        found: Option<String>,
    },
    /// An export that every module needs is missing.
    MissingExport(&'static str),
    /// The module wants a function that Envoy does not have for its ABI version.
    MissingImport {
        /// The import's module, e.g. `env`.
        module: String,
        /// The import's name.
        name: String,
    },
    /// An import or export has another signature than the ABI gives it.
    Signature {
        /// The function.
        name: String,
        /// Both signatures.
        reason: String,
    },
    /// The module failed before its first request.
    Failed(Failure),
    /// `proxy_on_vm_start` returned false.
    VmStart {
        /// What it logged meanwhile.
        log: Vec<String>,
    },
    /// `proxy_on_configure` returned false.
    Configure {
        /// The plugin.
        plugin: String,
        /// What it logged meanwhile.
        log: Vec<String>,
    },
    /// The runtime could not make an instance of the module.
    Instance {
        /// What the runtime says.
        reason: String,
    },
    /// The cache of compiled modules could not be read or written.
    Cache {
        /// What the system says.
        reason: String,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotWasm { reason } => write!(f, "not a Wasm module: {reason}"),
            Self::WrongAbi { found: Some(found) } => write!(
                f,
                "the module exports {found}; Envoy knows proxy_abi_version_0_1_0, _0_2_0 and _0_2_1"
            ),
            Self::WrongAbi { found: None } => write!(
                f,
                "the module exports no proxy_abi_version_…: it is not a proxy-wasm plugin, or its SDK's entry point was left out"
            ),
            Self::MissingExport(name) => write!(f, "the module does not export {name}"),
            Self::MissingImport { module, name } => write!(
                f,
                "the module imports {}.{}, which Envoy does not have for this ABI version",
                // The names are the module's own.
                module.escape_debug(),
                name.escape_debug()
            ),
            Self::Signature { name, reason } => write!(f, "{name} has the wrong signature: {reason}"),
            Self::Failed(failure) => write!(f, "{failure}"),
            Self::VmStart { log } => write!(f, "proxy_on_vm_start returned false{}", Said(log)),
            Self::Configure { plugin, log } => {
                write!(
                    f,
                    "plugin {plugin:?}: proxy_on_configure returned false{}",
                    Said(log)
                )
            }
            Self::Instance { reason } => write!(f, "no instance of the module: {reason}"),
            Self::Cache { reason } => write!(f, "the cache of compiled modules: {reason}"),
        }
    }
}

impl std::error::Error for LoadError {}

struct Said<'a>(&'a [String]);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => write!(f, " and said nothing"),
            lines => lines.iter().try_for_each(|line| write!(f, "\n  {line}")),
        }
    }
}

/// A module stopped in the middle of a call. Its VM is of no more use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The function that the host had called.
    pub callback: String,
    /// What happened.
    pub cause: Cause,
    /// The module's own stack, innermost first: function names where the module carries them.
    pub stack: Vec<String>,
    /// What the module logged as an error during that call: an SDK writes a panic there.
    pub log: Vec<String>,
}

/// Why a module stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The runtime stopped it, e.g. `wasm trap: wasm unreachable instruction executed`.
    Trap(String),
    /// It ran for longer than its fuel. Envoy has no such limit.
    Loop {
        /// The fuel it had.
        fuel: u64,
    },
    /// It kept the host busy with its own calls, queues and continuations, although nothing came from outside. Envoy has
    /// no such limit.
    Busy {
        /// The fuel that all of this may use.
        fuel: u64,
    },
    /// It keeps more with the host than fits. Envoy has no such limit.
    MemoryLimit {
        /// The bytes that all guests may keep.
        bytes: usize,
    },
    /// It asked for something at which Envoy 1.40 crashes. The simulator goes on.
    ProxyCrash {
        /// What it asked for.
        what: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// It called a host function that Envoy refuses while a module starts.
    TooEarly {
        /// That function.
        function: String,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trap(reason) => f.write_str(reason),
            Self::Loop { fuel } => write!(
                f,
                "still running after {fuel} units of fuel (about one for each instruction). This may be a loop. If it is not, raise the limit with `Plugin::fuel`, or `Plugin::start_fuel` for what runs while the plugin starts"
            ),
            Self::Busy { fuel } => write!(
                f,
                "still called after {fuel} units of fuel, because of its own calls, queues and continued streams. This may be a loop. If it is not, raise the limit with `Plugin::fuel`: this one is ten times as high"
            ),
            Self::MemoryLimit { bytes } => write!(
                f,
                "keeps more than {bytes} bytes with the host: in header maps, bodies, properties, shared data, queues, metrics, calls and log lines. If it needs them, raise the limit with `Simulator::budget`"
            ),
            Self::ProxyCrash { what, instead } => write!(f, "{what}: Envoy crashes here; {instead}"),
            Self::TooEarly { function } => {
                write!(f, "called {function} while it starts, which Envoy does not allow")
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.callback, self.cause)?;
        for line in &self.log {
            write!(f, "\n  log: {line}")?;
        }
        for (index, frame) in self.stack.iter().enumerate() {
            write!(f, "\n  {index:>2}: {frame}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
