//! Runs the streams of HTTP/2 connections.

use hyper::rt::Executor;
use tokio::task::spawn_local;

/// On the thread that serves everything.
#[derive(Clone, Copy)]
pub(crate) struct OnThisThread;

impl<F: Future + 'static> Executor<F> for OnThisThread {
    fn execute(&self, work: F) {
        drop(spawn_local(work));
    }
}
