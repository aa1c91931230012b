//! What VMs share: data under keys with compare-and-swap, and queues. Both belong to a VM id, as in Envoy.

use crate::budget::Held;
use crate::status::Status;
use std::collections::{BTreeMap, VecDeque};

/// A value, and the number of its last change.
#[derive(Debug)]
struct Shared {
    value: Vec<u8>,
    cas: u32,
    _held: Held,
}

/// Values by VM id and key.
#[derive(Debug, Default)]
pub(crate) struct SharedData {
    values: BTreeMap<(String, Vec<u8>), Shared>,
    last_cas: u32,
}

impl SharedData {
    pub(crate) fn get(&self, vm_id: &str, key: &[u8]) -> Option<(&[u8], u32)> {
        let shared = self.values.get(&(vm_id.to_owned(), key.to_vec()))?;
        Some((&shared.value, shared.cas))
    }

    pub(crate) fn set(
        &mut self,
        vm_id: &str,
        key: &[u8],
        value: &[u8],
        cas: u32,
        held: Held,
    ) -> Result<(), Status> {
        let key = (vm_id.to_owned(), key.to_vec());
        if let Some(present) = self.values.get(&key)
            && cas != 0
            && cas != present.cas
        {
            return Err(Status::CasMismatch);
        }
        self.last_cas = self.last_cas.checked_add(1).unwrap_or(1); // 0 means "whatever it is"
        let shared = Shared {
            value: value.to_vec(),
            cas: self.last_cas,
            _held: held,
        };
        self.values.insert(key, shared);
        Ok(())
    }
}

/// A queue, and the root context that is notified of it.
#[derive(Debug)]
struct Queue {
    /// VM and root context; none once the VM is gone.
    listener: Option<(u32, u32)>,
    items: VecDeque<(Vec<u8>, Held)>,
    _held: Held,
}

/// Queues by VM id and name.
#[derive(Debug, Default)]
pub(crate) struct SharedQueues {
    tokens: BTreeMap<(String, Vec<u8>), u32>,
    queues: BTreeMap<u32, Queue>,
}

impl SharedQueues {
    /// Makes a queue, or takes an old one over with what it holds.
    pub(crate) fn register(&mut self, vm_id: &str, name: &[u8], listener: (u32, u32), held: Held) -> u32 {
        let next = u32::try_from(self.tokens.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        let token = *self
            .tokens
            .entry((vm_id.to_owned(), name.to_vec()))
            .or_insert(next);
        let queue = self.queues.entry(token).or_insert_with(|| Queue {
            listener: None,
            items: VecDeque::new(),
            _held: held,
        });
        queue.listener = Some(listener);
        token
    }

    pub(crate) fn resolve(&self, vm_id: &str, name: &[u8]) -> Option<u32> {
        self.tokens.get(&(vm_id.to_owned(), name.to_vec())).copied()
    }

    /// Adds an item; the root context that registered the queue last is notified.
    pub(crate) fn enqueue(
        &mut self,
        token: u32,
        item: &[u8],
        held: Held,
    ) -> Result<Option<(u32, u32)>, Status> {
        let queue = self.queues.get_mut(&token).ok_or(Status::NotFound)?;
        queue.items.push_back((item.to_vec(), held));
        Ok(queue.listener)
    }

    pub(crate) fn dequeue(&mut self, token: u32) -> Result<Vec<u8>, Status> {
        let queue = self.queues.get_mut(&token).ok_or(Status::NotFound)?;
        let (item, _) = queue.items.pop_front().ok_or(Status::Empty)?;
        Ok(item)
    }

    pub(crate) fn forget_vm(&mut self, vm: u32) {
        for queue in self.queues.values_mut() {
            queue.listener = queue.listener.filter(|(listener, _)| *listener != vm);
        }
    }
}
