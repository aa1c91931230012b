//! Everything outside the VMs that host functions reach: streams, what VMs share, metrics, log, clock, properties, trace.
//!
//! It travels: while a VM runs, the world lies in that VM's store; between calls the simulator has it. So there is
//! one owner at any time, and neither locks nor counted references.

use crate::budget::{Budget, Held};
use crate::dice::Dice;
use crate::error::Cause;
use crate::limits;
use crate::message::{HttpCall, Response};
use crate::metrics::Metrics;
use crate::shared::{SharedData, SharedQueues};
use crate::stream::Stream;
use crate::trace::Trace;
use crate::warning::Warning;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// How much a log line matters: Envoy's levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// 0
    Trace,
    /// 1
    Debug,
    /// 2; what Envoy prints unless told otherwise begins here.
    Info,
    /// 3
    Warn,
    /// 4
    Error,
    /// 5
    Critical,
}

impl LogLevel {
    pub(crate) fn from_number(level: u32) -> Option<Self> {
        let levels = [
            Self::Trace,
            Self::Debug,
            Self::Info,
            Self::Warn,
            Self::Error,
            Self::Critical,
        ];
        levels.get(usize::try_from(level).ok()?).copied()
    }
}

/// A line that a guest logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The text between `wasm log` and the colon in Envoy's log: the plugin's name, root id and VM id.
    pub prefix: String,
    /// What the guest wrote, with bytes that are not UTF-8 replaced.
    pub message: String,
}

impl LogLine {
    fn weight(&self) -> usize {
        self.prefix.len() + self.message.len() + limits::ENTRY_BYTES
    }
}

/// A property's value, of its attribute's type. [`ATTRIBUTES`](crate::ATTRIBUTES) lists the attributes.
#[derive(Debug, Clone, PartialEq)]
pub enum Property {
    /// A string or bytes: as they are.
    Bytes(Vec<u8>),
    /// A number, a duration or a time in nanoseconds: 8 bytes, little-endian.
    Int(i64),
    /// 8 bytes, little-endian.
    Double(f64),
    /// One byte.
    Bool(bool),
    /// Pairs, serialised as header maps are.
    Map(Vec<(Vec<u8>, Vec<u8>)>),
}

impl From<&str> for Property {
    fn from(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }
}

impl From<i64> for Property {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Property {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

/// A call on its way.
#[derive(Debug)]
pub(crate) struct PendingCall {
    pub(crate) vm: u32,
    pub(crate) root: u32,
    pub(crate) token: u32,
    pub(crate) call: HttpCall,
    /// When it was made.
    pub(crate) made: Duration,
    /// The name of the plugin that made it.
    pub(crate) plugin: Option<String>,
    pub(crate) held: Held,
}

/// The answer to a call on its way back.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) vm: u32,
    pub(crate) root: u32,
    pub(crate) token: u32,
    pub(crate) response: Response,
    pub(crate) _held: Held,
}

/// A queue that has something for a root context.
#[derive(Debug)]
pub(crate) struct QueueReady {
    pub(crate) vm: u32,
    pub(crate) root: u32,
    pub(crate) token: u32,
    pub(crate) _held: Held,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) streams: BTreeMap<u32, Stream>,
    pub(crate) shared: SharedData,
    pub(crate) queues: SharedQueues,
    pub(crate) metrics: Metrics,
    pub(crate) log: Vec<LogLine>,
    log_held: Held,
    pub(crate) log_level: LogLevel,
    pub(crate) properties: BTreeMap<Vec<u8>, Property>,
    /// What every stream begins with, as if another filter had set it.
    pub(crate) filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) clusters: BTreeSet<String>,
    pub(crate) grpc_clusters: BTreeSet<String>,
    pub(crate) calls: VecDeque<PendingCall>,
    /// By the time at which each is due, and by the number of its call among all.
    pub(crate) arrivals: BTreeMap<(Duration, u64), Arrival>,
    pub(crate) last_call: u64,
    /// gRPC calls that want an answer, by VM and token.
    pub(crate) grpc_calls: VecDeque<(u32, u32)>,
    pub(crate) ready: VecDeque<QueueReady>,
    pub(crate) trace: Trace,
    /// What guests did that Envoy lets through.
    pub(crate) warnings: Vec<Warning>,
    pub(crate) clock: Clock,
    pub(crate) dice: Dice,
    /// What guests may keep here and in their VMs.
    pub(crate) budget: Budget,
}

impl World {
    pub(crate) fn new() -> Self {
        let budget = Budget::new(limits::KEPT_BYTES);
        Self {
            streams: BTreeMap::new(),
            shared: SharedData::default(),
            queues: SharedQueues::default(),
            metrics: Metrics::new(budget.nothing()),
            log: Vec::new(),
            log_held: budget.nothing(),
            log_level: LogLevel::Info,
            properties: BTreeMap::new(),
            filter_state: BTreeMap::new(),
            clusters: BTreeSet::new(),
            grpc_clusters: BTreeSet::new(),
            calls: VecDeque::new(),
            arrivals: BTreeMap::new(),
            last_call: 0,
            grpc_calls: VecDeque::new(),
            ready: VecDeque::new(),
            trace: Trace::default(),
            warnings: Vec::new(),
            clock: Clock { now: BEGINNING },
            dice: Dice::default(),
            budget,
        }
    }

    /// Notes a warning, unless there are very many.
    pub(crate) fn warn(&mut self, warning: Warning) {
        if self.warnings.len() < limits::WARNINGS {
            self.warnings.push(warning);
        }
    }

    /// Adds a line to the log.
    pub(crate) fn log_line(&mut self, level: LogLevel, prefix: String, message: String) -> Result<(), Cause> {
        let line = LogLine {
            level,
            prefix,
            message,
        };
        self.budget.ask(line.weight())?;
        self.log_held.grow(line.weight());
        self.log.push(line);
        Ok(())
    }

    pub(crate) fn take_log(&mut self) -> Vec<LogLine> {
        self.log_held.resize(0);
        std::mem::take(&mut self.log)
    }

    /// Drops the oldest lines of a log that has not been taken for long.
    pub(crate) fn trim_log(&mut self) {
        let bytes = self.budget.limit() / limits::LOG_SHARE;
        if self.log_held.bytes() <= bytes {
            return;
        }
        let mut kept = 0;
        let newest = self.log.iter().rev().take_while(|line| {
            kept += line.weight();
            kept <= bytes / 2 // half, so that not every stream has to trim it
        });
        let dropped = self.log.len() - newest.count();
        let weight = self.log.drain(..dropped).map(|line| line.weight()).sum();
        self.log_held.shrink(weight);
    }

    /// Cancels what a VM that is gone has asked for.
    pub(crate) fn forget_vm(&mut self, vm: u32) {
        self.calls.retain(|pending| pending.vm != vm);
        self.arrivals.retain(|_, arrival| arrival.vm != vm);
        self.grpc_calls.retain(|(caller, _)| *caller != vm);
        self.ready.retain(|ready| ready.vm != vm);
        self.queues.forget_vm(vm);
        self.metrics.forget_vm(vm);
    }
}

/// The time that guests see, since 1970: it does not move unless a test lets time pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) now: Duration,
}

/// The first second of 2026.
const BEGINNING: Duration = Duration::from_secs(1_767_225_600);

impl Clock {
    pub(crate) fn now(self) -> Duration {
        self.now
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.now += by;
    }
}
