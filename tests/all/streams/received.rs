//! What the upstreams receive: kept by case, and waited for.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, Version};

use super::PATIENCE;
use super::body::Ended;

/// A request as an upstream received it.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) cluster: String,
    pub(super) version: Version,
    pub(super) path: String,
    pub(super) authority: String,
    pub(super) headers: HeaderMap,
    /// How the body ended; nothing as long as it goes on.
    pub(super) ended: Option<Ended>,
}

/// What the servers share.
#[derive(Default)]
pub(super) struct Log {
    requests: Mutex<Vec<Received>>,
    changed: Condvar,
}

impl Log {
    pub(super) fn add(&self, received: Received) -> usize {
        let mut requests = lock(&self.requests);
        requests.push(received);
        self.changed.notify_all();
        requests.len() - 1
    }

    pub(super) fn end(&self, index: usize, ended: Ended) {
        if let Some(received) = lock(&self.requests).get_mut(index) {
            received.ended = Some(ended);
        }
        self.changed.notify_all();
    }

    /// Waits until what was received with this `x-case` is as `is_complete` says, and returns it.
    pub(super) fn wait_for(
        &self,
        case: &str,
        is_complete: impl Fn(&[Received]) -> bool,
    ) -> Result<Vec<Received>, String> {
        let of_case = |requests: &[Received]| -> Vec<Received> {
            let is_of_case = |it: &&Received| it.headers.get("x-case").is_some_and(|it| it == case);
            requests.iter().filter(is_of_case).cloned().collect()
        };
        let requests = lock(&self.requests);
        let waited = self
            .changed
            .wait_timeout_while(requests, PATIENCE, |it| !is_complete(&of_case(it)));
        let (requests, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        let found = of_case(&requests);
        if timeout.timed_out() {
            return Err(format!("the upstreams received no more than {found:?}"));
        }
        Ok(found)
    }

    /// How many requests there have been with this `x-case`.
    pub(super) fn count(&self, case: &str) -> usize {
        let is_of_case = |it: &&Received| it.headers.get("x-case").is_some_and(|it| it == case);
        lock(&self.requests).iter().filter(is_of_case).count()
    }

    /// The one request with this `x-case`.
    pub(super) fn only(&self, case: &str) -> Result<Received, String> {
        let mut all = self.wait_for(case, |it| !it.is_empty())?;
        match (all.pop(), all.len()) {
            (Some(only), 0) => Ok(only),
            _ => Err(format!("the upstreams received more than one request of {case}")),
        }
    }

    /// How its body ended.
    pub(super) fn ended(&self, case: &str) -> Result<Ended, String> {
        let all = self.wait_for(case, |it| it.iter().any(|it| it.ended.is_some()))?;
        let ended = all.into_iter().find_map(|it| it.ended);
        ended.ok_or_else(|| "the body has not ended".to_owned())
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
