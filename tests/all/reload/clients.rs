//! Clients that ask all the time, and judge each answer.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fingerpost_tests::client::{Connection, Reply};
use serde_json::Value;

use super::generation::{Answer, QUESTIONS, Question, answer};

/// How many ask at the same time.
const CLIENTS: usize = 4;
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two requests of a client: the load is constant, and leaves Envoy and the changes a processor.
const PAUSE: Duration = Duration::from_millis(2);
/// How many wrong answers are kept.
const MOST_KEPT: usize = 20;

/// What came of the requests.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    /// Those without an answer.
    pub(crate) lost: Vec<String>,
    /// Those with an answer that no generation gives that could be in force.
    pub(crate) misrouted: Vec<String>,
}

/// All clients.
pub(crate) struct Clients {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Tally>>,
}

#[derive(Default)]
struct Shared {
    /// The last generation that all clients have seen.
    confirmed: AtomicU64,
    /// The last generation whose change has begun.
    begun: AtomicU64,
    /// The last generation that each client has seen at each listener.
    seen: [[AtomicU64; 2]; CLIENTS],
    /// How often each client has asked everything.
    rounds: [AtomicU64; CLIENTS],
    stop: AtomicBool,
}

impl Clients {
    /// Begins to ask these listeners.
    pub(crate) fn start(listeners: [SocketAddr; 2]) -> Self {
        let shared = Arc::new(Shared::default());
        let client = |index| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || ask_on(&shared, index, listeners))
        };
        Self {
            threads: (0..CLIENTS).map(client).collect(),
            shared,
        }
    }

    /// Says that the change to a generation begins.
    pub(crate) fn begin(&self, generation: u64) {
        self.shared.begun.store(generation, Ordering::SeqCst);
    }

    /// Waits until every client has had an answer of a generation on each of its connections. From then on an older one is wrong.
    pub(crate) fn wait_until_all_saw(&self, generation: u64, patience: Duration) -> Result<(), String> {
        let started = Instant::now();
        // The second listener has an answer of its own in odd generations only.
        let connections = |client: &[AtomicU64; 2]| {
            if generation.is_multiple_of(2) {
                client[0].load(Ordering::SeqCst)
            } else {
                client
                    .iter()
                    .map(|it| it.load(Ordering::SeqCst))
                    .min()
                    .unwrap_or(0)
            }
        };
        while self
            .shared
            .seen
            .iter()
            .any(|client| connections(client) < generation)
        {
            if started.elapsed() > patience {
                return Err(format!("a client never saw generation {generation}"));
            }
            if self.threads.iter().any(JoinHandle::is_finished) {
                return Err(format!("a client has ended before generation {generation}"));
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.shared.confirmed.store(generation, Ordering::SeqCst);
        Ok(())
    }

    /// Waits until every client has asked everything so many times from now on.
    pub(crate) fn wait_for_rounds(&self, rounds: u64, patience: Duration) -> Result<(), String> {
        let started = Instant::now();
        // One more, since every client is in the middle of one.
        let wanted = self
            .shared
            .rounds
            .each_ref()
            .map(|it| it.load(Ordering::SeqCst) + rounds + 1);
        let is_behind = |(done, wanted): (&AtomicU64, u64)| done.load(Ordering::SeqCst) < wanted;
        while self.shared.rounds.iter().zip(wanted).any(is_behind) {
            if started.elapsed() > patience {
                return Err("a client does not go on".to_owned());
            }
            if self.threads.iter().any(JoinHandle::is_finished) {
                return Err("a client has ended".to_owned());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Ends all of them.
    pub(crate) fn stop(self) -> Tally {
        self.shared.stop.store(true, Ordering::SeqCst);
        let mut sum = Tally::default();
        for thread in self.threads {
            let Ok(tally) = thread.join() else {
                sum.lost.push("a client panicked".to_owned());
                continue;
            };
            sum.requests += tally.requests;
            sum.lost.extend(tally.lost);
            sum.misrouted.extend(tally.misrouted);
        }
        sum
    }
}

/// Asks until it is told to stop, on one connection for each listener.
fn ask_on(shared: &Shared, client: usize, listeners: [SocketAddr; 2]) -> Tally {
    let mut tally = Tally::default();
    let mut connections = [None, None];
    while !shared.stop.load(Ordering::SeqCst) && tally.lost.len() + tally.misrouted.len() < MOST_KEPT {
        for question in QUESTIONS {
            ask(shared, client, question, listeners, &mut connections, &mut tally);
            thread::sleep(PAUSE);
        }
        shared.rounds[client].fetch_add(1, Ordering::SeqCst);
    }
    tally
}

type Connections = [Option<Connection<TcpStream>>; 2];

fn ask(
    shared: &Shared,
    client: usize,
    question: Question,
    listeners: [SocketAddr; 2],
    connections: &mut Connections,
    tally: &mut Tally,
) {
    let (listener, host, path) = question;
    let (oldest, message) = (
        shared.confirmed.load(Ordering::SeqCst),
        format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n"),
    );
    tally.requests += 1;
    let connection = &mut connections[listener];
    let reply = match connected(connection, listeners[listener]) {
        Ok(connection) => connection
            .ask(message.as_bytes(), b"GET")
            .map_err(|failure| failure.as_str().to_owned()),
        Err(error) => Err(error.to_string()),
    };
    let newest = shared.begun.load(Ordering::SeqCst);
    let reply = match reply {
        Ok(reply) => reply,
        Err(reason) => {
            tally.lost.push(format!(
                "{question:?} in generations {oldest} to {newest}: {reason}"
            ));
            *connection = None;
            return;
        }
    };
    if reply.header("connection") == Some("close") {
        *connection = None;
    }
    let found = read(&reply);
    let right = found.as_ref().and_then(|found| {
        let mut generations = oldest..=newest;
        generations.find(|it| answer(*it, question) == *found)
    });
    match (right, found) {
        (Some(generation), Some(found)) if found.is_unique() => {
            shared.seen[client][listener].fetch_max(generation, Ordering::SeqCst);
        }
        (Some(_), Some(_)) => {}
        (_, found) => {
            let body = String::from_utf8_lossy(&reply.body);
            tally.misrouted.push(format!(
                "{question:?} in generations {oldest} to {newest}: {found:?}, status {}, body {body}",
                reply.status
            ));
        }
    }
}

fn connected(
    connection: &mut Option<Connection<TcpStream>>,
    address: SocketAddr,
) -> std::io::Result<&mut Connection<TcpStream>> {
    if connection.is_none() {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        *connection = Some(Connection::new(stream));
    }
    connection
        .as_mut()
        .ok_or_else(|| std::io::Error::other("no connection"))
}

/// What an answer says; none if it is something else.
fn read(reply: &Reply) -> Option<Answer> {
    match reply.status {
        404 => Some(Answer::NotFound),
        301 => Some(Answer::Redirect(reply.header("location")?.to_owned())),
        200 => {
            let body: Value = serde_json::from_slice(&reply.body).ok()?;
            let text = |field: &str| Some(body.get(field)?.as_str()?.to_owned());
            Some(Answer::From(text("service")?, text("path")?))
        }
        _ => None,
    }
}
