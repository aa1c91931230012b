//! What a running Envoy has taken.
//!
//! Envoy shows the version of each resource in force as a text among its stats (`….version_text`), and counts what it rejects
//! (`….update_rejected`). A cluster or a listener that has been taken may still be warming up; then there is a gauge above 0.
//! Why a listener was rejected is in `/config_dump` (`error_state`); for other resources Envoy writes it to its log only.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fingerpost_envoy_runner::AdminEndpoint;
use fingerpost_xds::{Kind, XdsFile};
use serde_json::Value;

/// How long to wait before Envoy is asked again: at first, and at most.
const POLLS: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(500)];
/// Gauges that are above 0 while something that was taken is not in use yet.
const WARMING: &str = r"^(cluster_manager\.warming_clusters|listener_manager\.total_listeners_warming)$";
/// Gauges that are above 0 while connections to listeners that are gone are still open.
const DRAINING: &str = r"^listener_manager\.(total_listeners_draining|total_filter_chains_draining)$";

/// Counters of rejected updates, as they were at some time, by the names of their stats.
#[derive(Debug, Clone, Default)]
pub struct Marks(BTreeMap<String, u64>);

/// An Envoy that reads the files.
pub trait Proxy {
    /// The counters before a change.
    fn marks(&self) -> Result<Marks, NotTaken>;

    /// Waits until all these files are in force. Rejections count from `since` on; without it, those of files that are not in force.
    fn wait_for(&self, files: &[XdsFile], since: Option<&Marks>) -> Result<(), NotTaken>;

    /// Whether connections to listeners or filter chains that are gone are still open.
    fn is_draining(&self) -> Result<bool, NotTaken>;
}

/// Why files are not in force.
#[derive(Debug)]
pub enum NotTaken {
    /// Envoy rejects a file.
    Rejected {
        /// What the file holds.
        what: String,
        /// In Envoy's words, where its admin interface has them.
        reason: Option<String>,
    },
    /// These are not in force in time.
    Late {
        /// What the files hold.
        what: Vec<String>,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The admin interface does not answer.
    Unreachable {
        /// Where it should be.
        admin: String,
        /// What is wrong.
        reason: String,
    },
}

/// A real Envoy.
#[derive(Debug, Clone)]
pub struct Envoy {
    /// Its admin interface.
    pub admin: AdminEndpoint,
    /// How long it may take for a step.
    pub patience: Duration,
    /// Set by another thread to wait no longer: the wait then fails as if the time was up.
    pub give_up: Arc<AtomicBool>,
}

impl Proxy for Envoy {
    fn marks(&self) -> Result<Marks, NotTaken> {
        let stats = self.stats("Counters", r"\.update_rejected$")?;
        let counters = stats
            .into_iter()
            .filter_map(|(name, it)| Some((name, it.as_u64()?)));
        Ok(Marks(counters.collect()))
    }

    fn wait_for(&self, files: &[XdsFile], since: Option<&Marks>) -> Result<(), NotTaken> {
        let started = Instant::now();
        let [mut pause, longest] = POLLS;
        loop {
            let last = self.look(files, since);
            let failure = match last {
                Ok(missing) if missing.is_empty() => return Ok(()),
                Err(rejected @ NotTaken::Rejected { .. }) => return Err(rejected),
                Ok(what) => NotTaken::Late {
                    what,
                    waited: self.patience,
                },
                // It may be about to start.
                Err(other) => other,
            };
            if started.elapsed() >= self.patience || self.give_up.load(Ordering::SeqCst) {
                return Err(failure);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(longest);
        }
    }

    fn is_draining(&self) -> Result<bool, NotTaken> {
        self.is_above_zero(DRAINING)
    }
}

impl Envoy {
    /// What is not in force yet; an error if something was rejected.
    fn look(&self, files: &[XdsFile], since: Option<&Marks>) -> Result<Vec<String>, NotTaken> {
        let versions = self.stats("TextReadouts", r"\.version_text$")?;
        let in_force = |file: &XdsFile| {
            let stat = Stat::of(file);
            let mut found = versions.iter().filter(|(name, _)| stat.is(name, "version_text"));
            found.any(|(_, version)| version.as_str() == Some(&file.version))
        };
        let missing: Vec<&XdsFile> = files.iter().filter(|it| !in_force(it)).collect();
        // After a rejection Envoy shows the version of a filter as if it was in force.
        let marks = self.marks()?;
        let looked_at: Vec<&XdsFile> = match since {
            Some(_) => files.iter().collect(),
            None => missing.clone(),
        };
        for file in looked_at {
            let stat = Stat::of(file);
            let counters = marks
                .0
                .iter()
                .filter(|(name, _)| stat.is(name, "update_rejected"));
            let before = |name: &String| since.and_then(|it| it.0.get(name)).copied().unwrap_or(0);
            if counters.into_iter().any(|(name, number)| *number > before(name)) {
                return Err(NotTaken::Rejected {
                    what: described(file),
                    reason: self.reason(file.kind),
                });
            }
        }
        if missing.is_empty() && self.is_above_zero(WARMING)? {
            return Ok(vec!["clusters or listeners that warm up".to_owned()]);
        }
        Ok(missing.into_iter().map(described).collect())
    }

    fn is_above_zero(&self, gauges: &str) -> Result<bool, NotTaken> {
        let gauges = self.stats("Gauges", gauges)?;
        Ok(gauges.values().any(|it| it.as_u64().is_some_and(|it| it > 0)))
    }

    /// Stats of one type by their names.
    fn stats(&self, kind: &str, filter: &str) -> Result<BTreeMap<String, Value>, NotTaken> {
        let path = format!("/stats?format=json&type={kind}&filter={}", encoded(filter));
        let body = self.get(&path)?;
        let answer: Value = serde_json::from_str(&body).map_err(|error| self.unreachable(error))?;
        let stats = answer.get("stats").and_then(Value::as_array);
        let stats = stats.ok_or_else(|| self.unreachable("its answer has no stats"))?;
        let pair = |stat: &Value| Some((stat.get("name")?.as_str()?.to_owned(), stat.get("value")?.clone()));
        Ok(stats.iter().filter_map(pair).collect())
    }

    /// Why Envoy has rejected something, if its admin interface says it.
    fn reason(&self, kind: Kind) -> Option<String> {
        if kind != Kind::Listeners {
            return None;
        }
        let dump = self.get("/config_dump?resource=dynamic_listeners").ok()?;
        let dump: Value = serde_json::from_str(&dump).ok()?;
        let listeners = dump.get("configs")?.as_array()?;
        let reasons = listeners.iter().filter_map(|listener| {
            let error = listener.get("error_state")?;
            let name = error.pointer("/failed_configuration/name")?.as_str()?;
            Some(format!("{name}: {}", error.get("details")?.as_str()?))
        });
        // A listener that was there before has the reason twice.
        let reasons: BTreeSet<String> = reasons.collect();
        let reasons: Vec<String> = reasons.into_iter().collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    fn get(&self, path: &str) -> Result<String, NotTaken> {
        match self.admin.get(path) {
            Ok((200, body)) => Ok(body),
            Ok((status, _)) => Err(self.unreachable(format_args!("it answers {status}"))),
            Err(error) => Err(self.unreachable(error)),
        }
    }

    fn unreachable(&self, reason: impl fmt::Display) -> NotTaken {
        NotTaken::Unreachable {
            admin: self.admin.to_string(),
            reason: reason.to_string(),
        }
    }
}

/// The stats about one resource.
struct Stat {
    start: &'static str,
    /// Before the name of the stat.
    end: String,
}

impl Stat {
    fn of(file: &XdsFile) -> Self {
        // Envoy replaces the colons of names in stats.
        let resource = file.resource.as_deref().unwrap_or_default().replace(':', "_");
        let (start, end) = match file.kind {
            Kind::Listeners => ("listener_manager.lds", ".".to_owned()),
            Kind::Clusters => ("cluster_manager.cds", ".".to_owned()),
            Kind::Routes => ("http.", format!(".rds.{resource}.")),
            Kind::HttpFilter => ("extension_config_discovery.http_filter", format!(".{resource}.")),
            Kind::Secret => ("sds", format!(".{resource}.")),
        };
        Self { start, end }
    }

    /// Whether `name` is the stat with this last word about the resource.
    fn is(&self, name: &str, word: &str) -> bool {
        let before = name
            .strip_suffix(word)
            .and_then(|it| it.strip_suffix(self.end.as_str()));
        match before {
            // The prefix of a connection manager's stats is its own.
            Some(before) if self.start == "http." => before.starts_with(self.start),
            Some(before) => before == self.start,
            None => false,
        }
    }
}

fn described(file: &XdsFile) -> String {
    let resource = file.resource.as_deref().unwrap_or_default();
    match file.kind {
        Kind::Listeners => "the listeners".to_owned(),
        Kind::Clusters => "the clusters".to_owned(),
        Kind::Routes => format!("the route table {resource}"),
        Kind::HttpFilter => format!("the filter {resource}"),
        Kind::Secret => format!("the secret {resource}"),
    }
}

/// A regular expression in the query of a URL.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let part = |byte: u8| {
        if plain(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(part).collect()
}

impl fmt::Display for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected {
                what,
                reason: Some(reason),
            } => write!(f, "Envoy rejects {what}: {reason}"),
            Self::Rejected { what, reason: None } => {
                write!(f, "Envoy rejects {what}: its log has the reason")
            }
            Self::Late { what, waited } => write!(
                f,
                "Envoy has not taken these within {} s: {}",
                waited.as_secs(),
                what.join(", ")
            ),
            Self::Unreachable { admin, reason } => {
                write!(
                    f,
                    "Envoy's admin interface at {admin} can't be asked: {reason}\n  = help: start Envoy with the envoy.json of \
                     the folder; its admin interface must be at this address"
                )
            }
        }
    }
}

impl std::error::Error for NotTaken {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_known_by_the_name_of_its_stat() {
        let file = |kind, resource: &str| XdsFile {
            name: String::new(),
            kind,
            resource: Some(resource.to_owned()),
            version: String::new(),
            content: String::new(),
        };
        let check = |kind, resource, name: &str, expected| {
            assert_eq!(
                Stat::of(&file(kind, resource)).is(name, "version_text"),
                expected,
                "{name}"
            );
        };
        let rds = "http.outbound_0.0.0.0_80.rds.0.0.0.0_80/http.80.version_text";
        check(Kind::Routes, "0.0.0.0_80/http.80", rds, true);
        check(Kind::Routes, "0.0.0.0_80/http.8", rds, false);
        check(Kind::Routes, "http.80", rds, false);
        check(
            Kind::Routes,
            "::_80/http.80",
            "http.a.rds.___80/http.80.version_text",
            true,
        );
        check(Kind::Listeners, "", "listener_manager.lds.version_text", true);
        check(Kind::Listeners, "", "cluster_manager.cds.version_text", false);
        let filter = "extension_config_discovery.http_filter.fingerpost/a/b.version_text";
        check(Kind::HttpFilter, "fingerpost/a/b", filter, true);
        check(Kind::HttpFilter, "b", filter, false);
        check(Kind::Secret, "a/*/0", "sds.a/*/0.version_text", true);
    }
}
