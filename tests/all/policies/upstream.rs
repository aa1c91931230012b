//! Endpoints that do what a request asks of them, so that a test decides which of them fails, and when.
//!
//! A request to the endpoint `a` with `x-fail: a` gets 503; with `x-fail-first: yes` its first attempt gets 500; with
//! `x-hold: yes` its answer waits until the gate opens. Every other request gets 200. An answer names the endpoint and the
//! number of its connection.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use crate::operations::{PATIENCE, said};

/// Holds answers back until it opens.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: usize,
    is_open: bool,
}

impl Gate {
    /// Closes it for the requests that follow.
    pub(crate) fn close(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }

    /// Lets all answers go.
    pub(crate) fn open(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_open = true;
        self.changed.notify_all();
    }

    /// Waits until one request is held.
    pub(crate) fn wait_for_one(&self) -> Result<(), String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .changed
            .wait_timeout_while(state, PATIENCE, |it| it.held == 0);
        match waited {
            Ok((state, _)) if state.held > 0 => Ok(()),
            _ => Err("no request reached the upstream".to_owned()),
        }
    }

    fn pass(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.held += 1;
        self.changed.notify_all();
        let opened = self.changed.wait_while(state, |it| !it.is_open);
        drop(opened.unwrap_or_else(PoisonError::into_inner));
    }
}

/// Starts an endpoint of that name on a free port of this machine. It lives as long as the process.
pub(crate) fn start(name: &'static str, gate: &Arc<Gate>) -> Result<SocketAddr, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(said)?;
    let address = listener.local_addr().map_err(said)?;
    let gate = Arc::clone(gate);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let gate = Arc::clone(&gate);
            // A connection that breaks is Envoy's to notice.
            let serve = move || stream.and_then(|it| serve(&it, name, number, &gate));
            thread::spawn(move || drop(serve()));
        }
    });
    Ok(address)
}

fn serve(stream: &TcpStream, name: &str, number: usize, gate: &Gate) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(request) = lines.next() {
        request?;
        let mut status = 200;
        let (mut fails_first, mut is_first, mut is_held) = (false, false, false);
        for line in lines.by_ref() {
            match line?.split_once(": ") {
                None => break,
                Some(("x-fail", it)) if it == name => status = 503,
                Some(("x-fail-first", _)) => fails_first = true,
                Some(("x-envoy-attempt-count", it)) => is_first = it == "1",
                Some(("x-hold", _)) => is_held = true,
                Some(_) => {}
            }
        }
        if fails_first && is_first {
            status = 500;
        }
        if is_held && status == 200 {
            gate.pass();
        }
        let head = format!(
            "HTTP/1.1 {status} Answer\r\ncontent-length: 0\r\nx-endpoint: {name}\r\nx-connection: {name}-{number}\r\n\r\n"
        );
        (&mut &*stream).write_all(head.as_bytes())?;
    }
    Ok(())
}
