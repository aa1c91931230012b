//! Counters, gauges and histograms that guests define. A name is one metric for all VMs; an id belongs to a VM.

use crate::budget::Held;
use crate::limits;
use crate::status::Status;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A metric's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Metric {
    /// Goes up only.
    Counter(u64),
    /// Goes where it is set.
    Gauge(u64),
    /// The values recorded, in order. Of more than a million, the latest.
    Histogram(Vec<u64>),
}

const KIND: u32 = 3;
const STEP: u32 = 4;

/// What an id takes, and a value of a histogram.
const ID_BYTES: usize = 64;
const VALUE_BYTES: usize = 8;

/// All metrics. Ids are given as Envoy gives them: the kind in the two lowest bits.
#[derive(Debug)]
pub(crate) struct Metrics {
    values: Vec<Metric>,
    /// Which value has a name, by kind.
    names: BTreeMap<(u32, Vec<u8>), usize>,
    /// Which value a VM means by an id.
    ids: BTreeMap<(u32, u32), usize>,
    /// The last id of each kind, by VM.
    last: BTreeMap<(u32, u32), u32>,
    held: Held,
}

impl Metrics {
    pub(crate) fn new(held: Held) -> Self {
        Self {
            values: Vec::new(),
            names: BTreeMap::new(),
            ids: BTreeMap::new(),
            last: BTreeMap::new(),
            held,
        }
    }

    pub(crate) fn define(&mut self, vm: u32, kind: u32, name: &[u8]) -> Result<u32, Status> {
        let zero = match kind {
            0 => Metric::Counter(0),
            1 => Metric::Gauge(0),
            2 => Metric::Histogram(Vec::new()),
            _ => return Err(Status::BadArgument),
        };
        let last = self.last.entry((vm, kind)).or_insert(kind);
        *last = last.checked_add(STEP).ok_or(Status::InternalFailure)?;
        let value = match self.names.entry((kind, name.to_vec())) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                self.held.grow(name.len() + limits::ENTRY_BYTES);
                self.values.push(zero);
                *new.insert(self.values.len() - 1)
            }
        };
        self.held.grow(ID_BYTES);
        self.ids.insert((vm, *last), value);
        Ok(*last)
    }

    /// Drops the ids of a VM that is gone. The metrics stay, as in Envoy.
    pub(crate) fn forget_vm(&mut self, vm: u32) {
        let before = self.ids.len();
        self.ids.retain(|(owner, _), _| *owner != vm);
        self.last.retain(|(owner, _), _| *owner != vm);
        self.held.shrink((before - self.ids.len()) * ID_BYTES);
    }

    pub(crate) fn increment(&mut self, vm: u32, id: u32, offset: i64) -> Result<(), Status> {
        if id & KIND > 1 {
            return Err(Status::BadArgument);
        }
        match self.metric(vm, id)? {
            Metric::Counter(_) if offset <= 0 => Err(Status::BadArgument),
            Metric::Counter(value) => {
                *value = value.wrapping_add(offset.unsigned_abs());
                Ok(())
            }
            Metric::Gauge(value) => {
                *value = value.wrapping_add_signed(offset);
                Ok(())
            }
            Metric::Histogram(_) => Err(Status::BadArgument),
        }
    }

    pub(crate) fn record(&mut self, vm: u32, id: u32, value: u64) -> Result<(), Status> {
        let value_of = *self.ids.get(&(vm, id)).ok_or(Status::NotFound)?;
        match self.values.get_mut(value_of).ok_or(Status::NotFound)? {
            Metric::Counter(total) => *total = total.wrapping_add(value),
            Metric::Gauge(present) => *present = value,
            Metric::Histogram(values) => {
                if values.len() >= limits::HISTOGRAM_VALUES {
                    let older = values.len() / 2;
                    values.drain(..older);
                    self.held.shrink(older * VALUE_BYTES);
                }
                values.push(value);
                self.held.grow(VALUE_BYTES);
            }
        }
        Ok(())
    }

    pub(crate) fn get(&mut self, vm: u32, id: u32) -> Result<u64, Status> {
        if id & KIND > 1 {
            return Err(Status::BadArgument);
        }
        match self.metric(vm, id)? {
            Metric::Counter(value) | Metric::Gauge(value) => Ok(*value),
            Metric::Histogram(_) => Err(Status::BadArgument),
        }
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Metric> {
        let same = self.names.iter().find(|((_, key), _)| key == name.as_bytes());
        same.and_then(|(_, value)| self.values.get(*value))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (String, &Metric)> {
        let readable = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        self.names
            .iter()
            .filter_map(move |((_, name), value)| Some((readable(name), self.values.get(*value)?)))
    }

    fn metric(&mut self, vm: u32, id: u32) -> Result<&mut Metric, Status> {
        let value = self.ids.get(&(vm, id)).ok_or(Status::NotFound)?;
        self.values.get_mut(*value).ok_or(Status::NotFound)
    }
}
