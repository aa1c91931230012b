//! A plugin: a module with a name, its configuration, and what is to happen when it fails.

use crate::error::LoadError;
use crate::limits;
use crate::module::Module;
use std::time::Duration;

/// What Envoy does with requests once the plugin's VM has failed. Streams that are in the VM at that moment fail always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailurePolicy {
    /// 503 for every request, until the plugin is created again.
    #[default]
    Closed,
    /// Requests pass the plugin by.
    Open,
    /// A new VM at the next request, if the present one is older than `backoff`; 503 until then.
    Reload {
        /// `reload_config.backoff.base_interval`; Envoy adds jitter, the simulator does not.
        backoff: Duration,
    },
}

/// A plugin in a chain of filters, as `envoy.extensions.wasm.v3.PluginConfig` describes one.
#[derive(Debug, Clone)]
pub struct Plugin {
    pub(crate) module: Module,
    pub(crate) name: String,
    pub(crate) root_id: String,
    pub(crate) vm_id: String,
    pub(crate) configuration: Vec<u8>,
    pub(crate) vm_configuration: Vec<u8>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) policy: FailurePolicy,
    pub(crate) stop_iteration: bool,
    pub(crate) capabilities: Vec<String>,
    fuel: Option<u64>,
    start_fuel: Option<u64>,
    pub(crate) memory: usize,
    pub(crate) traced: bool,
}

impl Plugin {
    /// A plugin of this Wasm, or of its text form.
    pub fn new(wasm: impl AsRef<[u8]>) -> Result<Self, LoadError> {
        Module::compile(wasm).map(Self::of)
    }

    /// A plugin of a module that is compiled already.
    pub fn of(module: Module) -> Self {
        Self {
            module,
            name: String::new(),
            root_id: String::new(),
            vm_id: String::new(),
            configuration: Vec::new(),
            vm_configuration: Vec::new(),
            environment: Vec::new(),
            policy: FailurePolicy::default(),
            stop_iteration: false,
            capabilities: Vec::new(),
            fuel: None,
            start_fuel: None,
            memory: limits::MEMORY_BYTES,
            traced: false,
        }
    }

    /// `name`: in log lines, and part of what tells plugins apart.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// `root_id`: which root context of the module it is.
    #[must_use]
    pub fn root_id(mut self, root_id: impl Into<String>) -> Self {
        self.root_id = root_id.into();
        self
    }

    /// `configuration`, as the module reads it.
    #[must_use]
    pub fn config(mut self, configuration: impl Into<Vec<u8>>) -> Self {
        self.configuration = configuration.into();
        self
    }

    /// `vm_config.vm_id`: plugins of the same module, id and VM configuration share a VM.
    #[must_use]
    pub fn vm_id(mut self, vm_id: impl Into<String>) -> Self {
        self.vm_id = vm_id.into();
        self
    }

    /// `vm_config.configuration`.
    #[must_use]
    pub fn vm_config(mut self, configuration: impl Into<Vec<u8>>) -> Self {
        self.vm_configuration = configuration.into();
        self
    }

    /// One of `vm_config.environment_variables`.
    #[must_use]
    pub fn environment(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// `failure_policy`.
    #[must_use]
    pub fn on_failure(mut self, policy: FailurePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// `allow_on_headers_stop_iteration`: a stop at the headers lets the body go on to this filter.
    #[must_use]
    pub fn allow_on_headers_stop_iteration(mut self) -> Self {
        self.stop_iteration = true;
        self
    }

    /// `capability_restriction_config`: once one is named, all others are refused.
    #[must_use]
    pub fn capability(mut self, name: impl Into<String>) -> Self {
        self.capabilities.push(name.into());
        self
    }

    /// How much fuel a callback may use before it counts as a loop: about one unit for each instruction, and for what
    /// host functions do by the byte. 2·10^9 without it, which is a few seconds. Less than that holds while the plugin
    /// starts, too, unless [`Plugin::start_fuel`] says otherwise.
    #[must_use]
    pub fn fuel(mut self, fuel: u64) -> Self {
        self.fuel = Some(fuel);
        self
    }

    /// As [`Plugin::fuel`], for each callback that starts the plugin (`_initialize`, `_start`, `proxy_on_vm_start`,
    /// `proxy_on_configure`): 10^11 without it. [`Simulator::start_cost`](crate::Simulator::start_cost) says how much a start takes.
    #[must_use]
    pub fn start_fuel(mut self, fuel: u64) -> Self {
        self.start_fuel = Some(fuel);
        self
    }

    /// How much memory the module may have; 1 GiB is Envoy's limit.
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// As [`Simulator::traced`](crate::Simulator::traced), but from the start of the plugin on.
    #[must_use]
    pub fn traced(mut self) -> Self {
        self.traced = true;
        self
    }

    /// Whether this capability is granted: all are, where none is named.
    pub(crate) fn may(&self, capability: &str) -> bool {
        self.capabilities.is_empty() || self.capabilities.iter().any(|named| named == capability)
    }

    pub(crate) fn fuel_of_a_callback(&self) -> u64 {
        self.fuel.unwrap_or(limits::FUEL)
    }

    pub(crate) fn fuel_to_start(&self) -> u64 {
        match (self.start_fuel, self.fuel) {
            (Some(start), _) => start,
            (None, Some(lowered)) if lowered < limits::FUEL => lowered,
            (None, Some(raised)) => raised.max(limits::START_FUEL),
            (None, None) => limits::START_FUEL,
        }
    }

    pub(crate) fn shares_vm_with(&self, other: &Self) -> bool {
        self.module.code() == other.module.code()
            && self.vm_id == other.vm_id
            && self.vm_configuration == other.vm_configuration
            && self.environment == other.environment
    }

    pub(crate) fn shares_root_with(&self, other: &Self) -> bool {
        self.root_id == other.root_id && self.configuration == other.configuration && self.name == other.name
    }
}
