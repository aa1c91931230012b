//! Counters, gauges and histograms that guests define. A name is one metric for all VMs; an id belongs to a VM.

use crate::abi::Status;
use std::collections::BTreeMap;

/// A metric's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Metric {
    /// Goes up only.
    Counter(u64),
    /// Goes where it is set.
    Gauge(u64),
    /// Every value recorded, in order.
    Histogram(Vec<u64>),
}

const KIND: u32 = 3;
const STEP: u32 = 4;

/// All metrics. Ids are given as Envoy gives them: the kind in the two lowest bits.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    values: BTreeMap<(u32, Vec<u8>), Metric>,
    names: BTreeMap<(u32, u32), Vec<u8>>,
    last: BTreeMap<(u32, u32), u32>,
}

impl Metrics {
    pub(crate) fn define(&mut self, vm: u32, kind: u32, name: &[u8]) -> Result<u32, Status> {
        let zero = match kind {
            0 => Metric::Counter(0),
            1 => Metric::Gauge(0),
            2 => Metric::Histogram(Vec::new()),
            _ => return Err(Status::BadArgument),
        };
        let last = self.last.entry((vm, kind)).or_insert(kind);
        *last += STEP;
        self.names.insert((vm, *last), name.to_vec());
        self.values.entry((kind, name.to_vec())).or_insert(zero);
        Ok(*last)
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
        match self.metric(vm, id)? {
            Metric::Counter(total) => *total = total.wrapping_add(value),
            Metric::Gauge(present) => *present = value,
            Metric::Histogram(values) => values.push(value),
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
        let same = self.values.iter().find(|((_, key), _)| key == name.as_bytes());
        same.map(|(_, metric)| metric)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (String, &Metric)> {
        let readable = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        self.values
            .iter()
            .map(move |((_, name), metric)| (readable(name), metric))
    }

    fn metric(&mut self, vm: u32, id: u32) -> Result<&mut Metric, Status> {
        let name = self.names.get(&(vm, id)).ok_or(Status::NotFound)?;
        self.values
            .get_mut(&(id & KIND, name.clone()))
            .ok_or(Status::NotFound)
    }
}
