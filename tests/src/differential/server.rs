//! One Envoy with the listeners of many pairs, an echo server behind each cluster, and the asking.
//!
//! The listeners come from a file (LDS), so that Envoy judges each by itself: a table that it refuses does not keep
//! the others from being served.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use fingerpost_envoy_runner::{Bootstrap, Echo, EnvoyBinary, Received, RunningEnvoy, StartOptions};
use serde_json::{Value, json};

use super::Pair;
use super::answer::{Answer, log_format};
use super::samples::Samples;
use super::wire::Wire;
use crate::case::{Outcome, Rule};
use crate::client::{Failure, Reply};
use crate::engines::envoy::{echo_options, outcome};
use crate::engines::together::name_plugins;
use crate::sent::Sent;

/// Connections at once. Most of an exchange is waiting for Envoy.
const CLIENTS: usize = 8;
/// So many draws in each second look, at what differed in the looks before.
const DRAWS: [usize; 4] = [60, 120, 240, 480];
/// The place of our filter among the sides.
const OUR_SIDE: usize = 1;

/// How closely a question is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// On connections that are kept.
    First,
    /// Each on a new connection: where bytes are forwarded, the cluster is chosen once for a connection.
    Second,
}

impl Look {
    /// Mirrored copies and log lines come after the answer; so long they are waited for.
    fn stragglers(self) -> Duration {
        Duration::from_millis(match self {
            Self::First => 150,
            Self::Second => 400,
        })
    }
}

/// One request, and all that was seen of it.
struct Exchange {
    reply: Result<Reply, Failure>,
    received: Vec<Received>,
    logged: Option<Value>,
}

/// An Envoy that serves pairs.
pub struct Server {
    envoy: RunningEnvoy,
    echo: Echo,
    addresses: BTreeMap<(usize, usize, u16), SocketAddr>,
    refused: Vec<[Option<String>; 2]>,
    log: Mutex<(File, String)>,
    numbers: AtomicUsize,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts Envoy with the listeners of all `pairs`.
    ///
    /// # Errors
    /// Envoy did not start, or an echo server.
    pub fn open(binary: &EnvoyBinary, pairs: &[Pair]) -> Result<Self, String> {
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let folder = tempfile::tempdir().map_err(|error| said(&error))?;
        let echo = Echo::start(echo_options()).map_err(|error| said(&error))?;
        let log = folder.path().join("access.log");
        File::create(&log).map_err(|error| said(&error))?;
        let (bootstrap, listeners) = merged(pairs, &echo, &log).map_err(|error| said(&error))?;
        let wanted: BTreeSet<String> = bootstrap_names(&listeners);
        let file = folder.path().join("listeners.json");
        fs::write(&file, json!({"resources": listeners}).to_string()).map_err(|error| said(&error))?;
        let options = StartOptions {
            ready_within: Duration::from_secs(120),
            ..StartOptions::default()
        };
        let bootstrap = with_listeners_from(bootstrap, &file);
        let envoy =
            RunningEnvoy::start(binary, &bootstrap, folder.path(), options).map_err(|error| said(&error))?;
        let bound = envoy.listeners().map_err(|error| said(&error))?;
        let serving: BTreeMap<String, SocketAddr> =
            bound.into_iter().map(|it| (it.name, it.address)).collect();
        let said = envoy.log();
        let mut addresses = BTreeMap::new();
        let mut refused = vec![[None, None]; pairs.len()];
        for (number, pair) in pairs.iter().enumerate() {
            for (port, listener) in &pair.listeners {
                for (side, refused) in refused[number].iter_mut().enumerate() {
                    let name = name(number, side, listener);
                    match serving.get(&name) {
                        Some(address) => drop(addresses.insert((number, side, *port), *address)),
                        None if wanted.contains(&name) => *refused = Some(reason(&said, &name)),
                        None => {}
                    }
                }
            }
        }
        let log = File::open(&log).map_err(|error| error.to_string())?;
        Ok(Self {
            envoy,
            echo,
            addresses,
            refused,
            log: Mutex::new((log, String::new())),
            numbers: AtomicUsize::new(0),
            _folder: folder,
        })
    }

    /// Why Envoy did not take a listener of this pair: of its own router, and of our filter.
    #[must_use]
    pub fn refused(&self, pair: usize) -> &[Option<String>; 2] {
        &self.refused[pair]
    }

    /// The Envoy, for its log and its statistics.
    #[must_use]
    pub fn envoy(&self) -> &RunningEnvoy {
        &self.envoy
    }

    /// Asks both sides of pairs, given by their place. Second looks are taken wherever the first answers differ:
    /// something may have come late, and a rule may split its traffic.
    #[must_use]
    pub fn ask(&self, questions: &[(usize, &Sent)]) -> Vec<[Answer; 2]> {
        let mut answers = self.ask_once(questions, Look::First);
        let differing = answers.iter().enumerate();
        let differing = differing.filter(|(_, [native, wasm])| native != wasm);
        let mut open: BTreeMap<usize, Samples> = differing.map(|(it, _)| (it, Samples::default())).collect();
        for draws in DRAWS {
            let again = open
                .keys()
                .flat_map(|it| std::iter::repeat_n(questions[*it], draws));
            let again = self.ask_once(&again.collect::<Vec<_>>(), Look::Second);
            for (samples, answers) in open.values_mut().zip(again.chunks(draws)) {
                answers.iter().for_each(|it| samples.add(it));
            }
            open.retain(|number, samples| match samples.verdict() {
                Some(pair) => {
                    answers[*number] = pair;
                    false
                }
                None => true,
            });
        }
        for (number, samples) in open {
            answers[number] = samples.either();
        }
        answers
    }

    /// What comes of requests behind our filter, in the corpus's terms.
    #[must_use]
    pub fn outcomes(&self, questions: &[(usize, &Sent)], look: Look) -> Vec<Outcome> {
        let exchanges = self.exchange(questions, [OUR_SIDE], look);
        let outcome = |[exchange]: [Exchange; 1]| Outcome {
            rule: exchange
                .logged
                .as_ref()
                .and_then(|line| Rule::logged(&line["rule"])),
            ..outcome(exchange.reply, &exchange.received)
        };
        exchanges.into_iter().map(outcome).collect()
    }

    fn ask_once(&self, questions: &[(usize, &Sent)], look: Look) -> Vec<[Answer; 2]> {
        let exchanges = self.exchange(questions, [0, OUR_SIDE], look).into_iter();
        let answer = |it: Exchange| Answer::new(&it.reply, &it.received, it.logged.as_ref());
        let answers = exchanges.map(|both| both.map(answer));
        answers
            .map(|mut both| {
                Answer::refuse_alike(&mut both);
                both
            })
            .collect()
    }

    fn exchange<const SIDES: usize>(
        &self,
        questions: &[(usize, &Sent)],
        sides: [usize; SIDES],
        look: Look,
    ) -> Vec<[Exchange; SIDES]> {
        let first = self.numbers.fetch_add(questions.len(), Ordering::Relaxed);
        let case = |index: usize, side: usize| format!("{}.{side}", first + index);
        let next = AtomicUsize::new(0);
        let replies = Mutex::new(BTreeMap::new());
        let work = || {
            let mut wire = Wire::default();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some((pair, sent)) = questions.get(index) else {
                    return;
                };
                if look == Look::Second {
                    wire = Wire::default();
                }
                for side in sides {
                    let reply = match self.addresses.get(&(*pair, side, sent.port)) {
                        Some(address) => wire.send(*address, sent, &case(index, side)),
                        None => Err(Failure::NoListener),
                    };
                    let mut replies = replies.lock().unwrap_or_else(PoisonError::into_inner);
                    replies.insert((index, side), reply);
                }
            }
        };
        thread::scope(|scope| (0..CLIENTS).for_each(|_| drop(scope.spawn(work))));
        thread::sleep(look.stragglers());
        let mut replies = replies.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut received: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for request in self.echo.take() {
            let case = request.header("x-case").unwrap_or_default().to_owned();
            received.entry(case).or_default().push(request);
        }
        let mut logged = self.logged();
        let mut exchange = |index: usize, side: usize| {
            let case = case(index, side);
            Exchange {
                reply: replies.remove(&(index, side)).unwrap_or(Err(Failure::Closed)),
                received: received.remove(&case).unwrap_or_default(),
                logged: logged.remove(&case),
            }
        };
        (0..questions.len())
            .map(|index| sides.map(|side| exchange(index, side)))
            .collect()
    }

    /// The lines that Envoy's log has got since the last call, by case.
    fn logged(&self) -> BTreeMap<String, Value> {
        let mut guard = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, rest) = &mut *guard;
        let mut bytes = Vec::new();
        let _ = file.read_to_end(&mut bytes);
        rest.push_str(&String::from_utf8_lossy(&bytes));
        let end = rest.rfind('\n').map_or(0, |it| it + 1);
        let complete: String = rest.drain(..end).collect();
        let lines = complete
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines
            .filter_map(|line| Some((line["case"].as_str()?.to_owned(), line)))
            .collect()
    }
}

fn name(pair: usize, side: usize, listener: &str) -> String {
    format!("{pair}.{side}/{listener}")
}

fn bootstrap_names(listeners: &[Value]) -> BTreeSet<String> {
    listeners
        .iter()
        .filter_map(|it| it["name"].as_str())
        .map(str::to_owned)
        .collect()
}

/// A bootstrap with the clusters of all pairs, and the listeners under names of their own.
fn merged(pairs: &[Pair], echo: &Echo, log: &Path) -> std::io::Result<(Bootstrap, Vec<Value>)> {
    let mut clusters = BTreeMap::new();
    let mut listeners = Vec::new();
    let mut rest = json!({});
    for (number, pair) in pairs.iter().enumerate() {
        for (side, bootstrap) in pair.bootstraps.iter().enumerate() {
            let mut bootstrap = bootstrap.clone();
            bootstrap.bind_listeners_to_free_ports();
            bootstrap.set_access_log(&log_format(), &log.to_string_lossy());
            for cluster in bootstrap.clusters() {
                bootstrap.point_cluster(&cluster, echo.listen(&cluster)?);
            }
            let own = bootstrap.0["static_resources"].take();
            for cluster in own["clusters"].as_array().into_iter().flatten() {
                let name = cluster["name"].as_str().unwrap_or_default().to_owned();
                clusters.entry(name).or_insert_with(|| cluster.clone());
            }
            for mut listener in own["listeners"].as_array().into_iter().flatten().cloned() {
                let own = listener["name"].as_str().unwrap_or_default().to_owned();
                listener["name"] = json!(name(number, side, &own));
                listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
                name_plugins(&mut listener, &number.to_string());
                listeners.push(listener);
            }
            rest = bootstrap.0;
        }
    }
    rest["static_resources"] = json!({"clusters": clusters.into_values().collect::<Vec<Value>>()});
    let mut bootstrap = Bootstrap(rest);
    bootstrap.set_admin(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    Ok((bootstrap, listeners))
}

/// The bootstrap with its listeners in a file of their own.
#[must_use]
pub fn with_listeners_from(mut bootstrap: Bootstrap, file: &Path) -> Bootstrap {
    bootstrap.0["dynamic_resources"] = json!({"lds_config": {
        "resource_api_version": "V3",
        "path_config_source": {"path": file},
    }});
    bootstrap
}

/// What Envoy's log says about a listener that it did not take.
fn reason(log: &str, name: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(name)).collect();
    match lines.is_empty() {
        true => format!("{name} is missing; Envoy's log: {log}"),
        false => lines.join("; "),
    }
}
