//! The simulator as a test sees it: a chain of plugins, an upstream, clusters for calls, a clock.

use crate::attributes::{self, UnknownAttribute};
use crate::dice::Dice;
use crate::error::{Cause, Failure, LoadError};
use crate::grpc::{GrpcAnswer, GrpcCall};
use crate::headers::Headers;
use crate::limits::{self, price};
use crate::message::{CallOutcome, HttpCall, Request, Response};
use crate::metrics::Metric;
use crate::outcome::{Cost, Outcome};
use crate::plugin::Plugin;
use crate::vm::Vm;
use crate::world::{Clock, LogLevel, LogLine, Property, World};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub(crate) type Upstream = Box<dyn FnMut(&Request) -> Response + Send>;
pub(crate) type GrpcCluster = Box<dyn FnMut(&GrpcCall) -> GrpcAnswer + Send>;
pub(crate) type Cluster = Box<dyn FnMut(&HttpCall) -> CallOutcome + Send>;

/// A worker of a proxy: filters in a row, and what lies around them.
pub struct Simulator {
    pub(crate) world: Box<World>,
    pub(crate) vms: Vec<Option<Box<Vm>>>,
    pub(crate) plugins: Vec<Arc<Plugin>>,
    /// Where each plugin runs: its VM and its root context there.
    pub(crate) roots: Vec<(usize, u32)>,
    pub(crate) upstream: Upstream,
    pub(crate) clusters: BTreeMap<String, Cluster>,
    pub(crate) grpc_clusters: BTreeMap<String, GrpcCluster>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) cost: Cost,
    start_cost: Cost,
    /// Fuel used for what guests caused since something came from outside.
    pub(crate) follow_ups: u64,
    /// Calls are being answered, and queues heard.
    pub(crate) delivering: bool,
    /// Callbacks inside each other now.
    pub(crate) nested: usize,
    pub(crate) last_stream: u32,
    pub(crate) buffer_limit: usize,
}

/// A stream that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(pub(crate) u32);

/// What the filters made of a request's headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The request goes on.
    Continue {
        /// With these headers.
        headers: Headers,
        /// What filters set by `proxy_set_property`, by path.
        properties: BTreeMap<Vec<u8>, Vec<u8>>,
    },
    /// A filter answered it.
    Reply(Response),
    /// A filter reset the stream.
    Reset,
    /// A filter holds the request.
    Held,
}

impl Plugin {
    /// A simulator with this plugin as its only filter.
    pub fn start(self) -> Result<Simulator, LoadError> {
        Simulator::start([self])
    }
}

impl Simulator {
    /// Starts the plugins, in the order in which requests pass them.
    pub fn start(plugins: impl IntoIterator<Item = Plugin>) -> Result<Self, LoadError> {
        let mut simulator = Self {
            world: Box::new(World::new()),
            vms: Vec::new(),
            plugins: plugins.into_iter().map(Arc::new).collect(),
            roots: Vec::new(),
            upstream: Box::new(|_| Response::new(200)),
            clusters: BTreeMap::new(),
            grpc_clusters: BTreeMap::new(),
            failures: Vec::new(),
            cost: Cost::default(),
            start_cost: Cost::default(),
            follow_ups: 0,
            delivering: false,
            nested: 0,
            last_stream: 0,
            buffer_limit: limits::BUFFER_BYTES,
        };
        simulator.world.trace.on = simulator.plugins.iter().any(|plugin| plugin.traced);
        for index in 0..simulator.plugins.len() {
            let root = simulator.start_plugin(index)?;
            simulator.roots.push(root);
        }
        simulator.start_cost = std::mem::take(&mut simulator.cost);
        Ok(simulator)
    }

    /// Says how the upstream answers. Without it: 200 and nothing else.
    #[must_use]
    pub fn upstream(mut self, upstream: impl FnMut(&Request) -> Response + Send + 'static) -> Self {
        self.upstream = Box::new(upstream);
        self
    }

    /// Adds a cluster that guests may call, and says how it answers. Calls to any other are refused.
    #[must_use]
    pub fn cluster<O: Into<CallOutcome>>(
        mut self,
        name: &str,
        mut answer: impl FnMut(&HttpCall) -> O + Send + 'static,
    ) -> Self {
        self.world.clusters.insert(name.to_owned());
        self.clusters
            .insert(name.to_owned(), Box::new(move |call| answer(call).into()));
        self
    }

    /// Adds a cluster that guests may call by gRPC, and says how it answers. Calls to any other are refused.
    #[must_use]
    pub fn grpc_cluster(
        mut self,
        name: &str,
        answer: impl FnMut(&GrpcCall) -> GrpcAnswer + Send + 'static,
    ) -> Self {
        self.world.grpc_clusters.insert(name.to_owned());
        self.grpc_clusters.insert(name.to_owned(), Box::new(answer));
        self
    }

    /// Gives an attribute another value than an Envoy on the loopback has, e.g. `["xds", "route_name"]`. A path
    /// that is not in [`ATTRIBUTES`](crate::ATTRIBUTES) is refused.
    pub fn property(mut self, path: &[&str], value: impl Into<Property>) -> Result<Self, UnknownAttribute> {
        attributes::check(path)?;
        self.world
            .properties
            .insert(path.join("\0").into_bytes(), value.into());
        Ok(self)
    }

    /// Gives every stream what another filter would have set in the filter state as `wasm.<name>`: guests read it as a
    /// property of this name.
    #[must_use]
    pub fn filter_state(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.world
            .filter_state
            .insert(name.as_bytes().to_vec(), value.into());
        self
    }

    /// Sets the clock to this time since 1970; without it, it begins with the year 2026. It moves only by
    /// [`Simulator::advance`], [`Response::after`], the pauses between pieces of a body, and timeouts. Timers that were
    /// set before, and the age of VMs, count from there.
    #[must_use]
    pub fn clock(mut self, now: Duration) -> Self {
        self.world.clock = Clock { now };
        for vm in self.vms.iter_mut().flatten() {
            vm.made = now;
            vm.state()
                .timers
                .values_mut()
                .for_each(|timer| timer.due = now + timer.period);
        }
        self
    }

    /// The listener's `per_connection_buffer_limit_bytes`, 1 MiB without it. A filter that keeps more than that of a body
    /// gets the request a 413, and a response a 500.
    #[must_use]
    pub fn buffer_limit(mut self, bytes: usize) -> Self {
        self.buffer_limit = bytes;
        self
    }

    /// How many bytes all guests together may keep with the simulator: in header maps, bodies, properties, shared data,
    /// queues, metrics, calls and log lines. 512 MiB without it.
    #[must_use]
    pub fn budget(self, bytes: usize) -> Self {
        self.world.budget.set_limit(bytes);
        self
    }

    /// Begins the sequence of random numbers elsewhere.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.reseed(seed);
        self
    }

    /// As [`Simulator::seed`], between two requests; also with [`Dice::Fixed`].
    pub fn reseed(&mut self, dice: impl Into<Dice>) {
        self.world.dice = dice.into();
    }

    /// The least important level that is logged; `Info` without it.
    #[must_use]
    pub fn log_level(mut self, level: LogLevel) -> Self {
        self.world.log_level = level;
        self
    }

    /// Notes every callback and hostcall from now on.
    #[must_use]
    pub fn traced(mut self) -> Self {
        self.world.trace.on = true;
        self
    }

    /// Sends a request through the filters to the upstream and back, with all calls answered and all queues heard, those
    /// from `proxy_on_log` too.
    pub fn request(&mut self, request: Request) -> Outcome {
        let stream = self.begin(request);
        self.proceed(stream);
        self.finish(stream)
    }

    /// Asks the filters about a request's headers alone, without an upstream. The quickest way; no router judges them.
    pub fn decide(&mut self, headers: Headers) -> Verdict {
        let stream = self.open(Request::from_headers(headers), false);
        self.settle();
        self.close(stream)
    }

    /// Answers what guests have asked for: calls, and queues that have something in them.
    pub fn settle(&mut self) {
        self.outside_event();
        self.deliver();
    }

    /// Lets time pass: timers tick as often as they are due.
    pub fn advance(&mut self, by: Duration) {
        self.outside_event();
        self.tick_until(self.world.clock.now() + by, by);
        self.deliver();
    }

    /// A metric that a guest defined, by the name it gave it. Envoy calls it `wasmcustom.<name>`.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.world.metrics.named(name)
    }

    /// All metrics that guests defined.
    pub fn metrics(&self) -> impl Iterator<Item = (String, &Metric)> {
        self.world.metrics.all()
    }

    /// Takes what was logged since the last outcome.
    pub fn take_log(&mut self) -> Vec<LogLine> {
        self.world.take_log()
    }

    /// What it cost to start the plugins: to make their VMs and to configure them.
    pub fn start_cost(&self) -> Cost {
        self.start_cost
    }

    /// The bytes that guests keep with the simulator now; see [`Simulator::budget`].
    pub fn kept(&self) -> usize {
        self.world.budget.used()
    }

    /// Takes the failures since the last outcome.
    pub fn take_failures(&mut self) -> Vec<Failure> {
        std::mem::take(&mut self.failures)
    }

    /// Lets the plugins end: `proxy_on_done` and `proxy_on_delete` of each root context.
    pub fn stop(mut self) -> Vec<LogLine> {
        self.outside_event();
        self.stop_roots();
        self.take_log()
    }

    /// Enters a VM, counts what that costs and notices if the VM fails.
    pub(crate) fn enter<R>(
        &mut self,
        vm: usize,
        work: impl FnOnce(&mut Vm, &mut Box<World>) -> R,
    ) -> Option<R> {
        let vm = self.vms.get_mut(vm)?.as_mut()?;
        let sound = vm.failure.is_none();
        let result = work(vm, &mut self.world);
        let fuel = std::mem::take(&mut vm.fuel_used);
        self.cost.fuel = self.cost.fuel.saturating_add(fuel);
        if self.delivering || self.nested > 0 {
            let used = fuel.saturating_add(price::CALLBACK);
            self.follow_ups = self.follow_ups.saturating_add(used);
        }
        self.cost.hostcalls += std::mem::take(&mut vm.state().hostcalls);
        if sound && let Some(failure) = &vm.failure {
            self.failures.push(failure.clone());
        }
        Some(result)
    }

    /// An event from outside: the callbacks that it causes get new fuel.
    pub(crate) fn outside_event(&mut self) {
        self.follow_ups = 0;
    }

    /// Stops a VM that causes one callback after the other, before the next.
    pub(crate) fn stop_if_busy(&mut self, index: usize, callback: &'static str) {
        let Some(vm) = self.vms.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        let fuel = vm.state().fuel().saturating_mul(limits::FOLLOW_UPS);
        if self.follow_ups <= fuel || vm.failure.is_some() {
            return;
        }
        self.follow_ups = 0; // the others have done nothing wrong
        vm.state().after.clear();
        self.fail_vm(index, callback, Cause::Busy { fuel });
    }

    /// Stops a VM between two callbacks.
    pub(crate) fn fail_vm(&mut self, index: usize, callback: &'static str, cause: Cause) {
        let vm = self.vms.get_mut(index).and_then(Option::as_mut);
        let Some(vm) = vm.filter(|vm| vm.failure.is_none()) else {
            return;
        };
        let failure = Failure {
            callback: callback.to_owned(),
            cause,
            stack: Vec::new(),
            log: Vec::new(),
        };
        vm.failure = Some(failure.clone());
        self.failures.push(failure);
    }
}
