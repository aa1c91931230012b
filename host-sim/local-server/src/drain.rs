//! How connections end when their listener is closed: after the requests under way.

use std::future::poll_fn;
use std::pin::{Pin, pin};

use tokio::sync::watch;

/// The connections of a listener.
pub(crate) struct Connections(watch::Sender<()>);

/// One of them, for as long as it lives.
pub(crate) struct Connection(watch::Receiver<()>);

impl Connections {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(()))
    }

    /// Another one.
    pub(crate) fn add(&self) -> Connection {
        Connection(self.0.subscribe())
    }

    /// Tells them all to end, and waits until they have.
    pub(crate) async fn close(&self) {
        self.0.send_replace(());
        self.0.closed().await;
    }
}

impl Connection {
    /// Runs the work of a connection to its end. `stop` makes it end after the requests under way.
    pub(crate) async fn run<W: Future>(mut self, work: W, stop: impl Fn(Pin<&mut W>)) -> W::Output {
        let mut work = pin!(work);
        let mut closing = pin!(async { drop(self.0.changed().await) });
        let mut is_closing = false;
        poll_fn(move |cx| {
            if !is_closing && closing.as_mut().poll(cx).is_ready() {
                is_closing = true;
                stop(work.as_mut());
            }
            work.as_mut().poll(cx)
        })
        .await
    }
}
