//! What VMs share: data under keys with compare-and-swap, and queues. Both belong to a VM id, as in Envoy.

use crate::abi::Status;
use std::collections::{BTreeMap, VecDeque};

/// Values by VM id and key.
#[derive(Debug, Default)]
pub(crate) struct SharedData {
    values: BTreeMap<(String, Vec<u8>), (Vec<u8>, u32)>,
    last_cas: u32,
}

impl SharedData {
    pub(crate) fn get(&self, vm_id: &str, key: &[u8]) -> Option<(&[u8], u32)> {
        let (value, cas) = self.values.get(&(vm_id.to_owned(), key.to_vec()))?;
        Some((value, *cas))
    }

    pub(crate) fn set(&mut self, vm_id: &str, key: &[u8], value: &[u8], cas: u32) -> Result<(), Status> {
        let key = (vm_id.to_owned(), key.to_vec());
        if let Some((_, present)) = self.values.get(&key)
            && cas != 0
            && cas != *present
        {
            return Err(Status::CasMismatch);
        }
        self.last_cas = self.last_cas.checked_add(1).unwrap_or(1); // 0 means "whatever it is"
        self.values.insert(key, (value.to_vec(), self.last_cas));
        Ok(())
    }
}

/// A queue, and the root context that hears of it.
#[derive(Debug)]
struct Queue {
    vm: u32,
    root: u32,
    items: VecDeque<Vec<u8>>,
}

/// Queues by VM id and name.
#[derive(Debug, Default)]
pub(crate) struct SharedQueues {
    tokens: BTreeMap<(String, Vec<u8>), u32>,
    queues: BTreeMap<u32, Queue>,
}

impl SharedQueues {
    /// Makes a queue, or takes an old one over with what it holds.
    pub(crate) fn register(&mut self, vm_id: &str, name: &[u8], vm: u32, root: u32) -> u32 {
        let next = u32::try_from(self.tokens.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        let token = *self
            .tokens
            .entry((vm_id.to_owned(), name.to_vec()))
            .or_insert(next);
        let queue = self.queues.entry(token).or_insert_with(|| Queue {
            vm,
            root,
            items: VecDeque::new(),
        });
        (queue.vm, queue.root) = (vm, root);
        token
    }

    pub(crate) fn resolve(&self, vm_id: &str, name: &[u8]) -> Option<u32> {
        self.tokens.get(&(vm_id.to_owned(), name.to_vec())).copied()
    }

    /// Puts an item in; whoever registered the queue is to hear of it.
    pub(crate) fn enqueue(&mut self, token: u32, item: &[u8]) -> Result<(u32, u32), Status> {
        let queue = self.queues.get_mut(&token).ok_or(Status::NotFound)?;
        queue.items.push_back(item.to_vec());
        Ok((queue.vm, queue.root))
    }

    pub(crate) fn dequeue(&mut self, token: u32) -> Result<Vec<u8>, Status> {
        let queue = self.queues.get_mut(&token).ok_or(Status::NotFound)?;
        queue.items.pop_front().ok_or(Status::Empty)
    }
}
