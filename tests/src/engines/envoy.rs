//! Puts cases to a stock Envoy that runs a bootstrap, with an echo server behind each cluster.
//!
//! Who made the bootstrap, and whether a filter or Envoy's own router chooses in it, makes no difference here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use fingerpost_envoy_http::is_about_the_connection;
use fingerpost_envoy_runner::{
    Bootstrap, Echo, EchoOptions, EnvoyBinary, Received, RunningEnvoy, StartOptions,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::case::{Case, Outcome, Rule, Upstream, rule_format};
use crate::client::{self, Failure, Reply};
use crate::compare::differences;
use crate::corpus::{Corpus, Scenario};
use crate::report::{EngineReport, ScenarioReport, Verdict, request_line};
use crate::tls::IDENTITY;

use super::together::Together;
use super::{in_threads, report};

/// How long an Envoy with many tables may take to start on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// Mirrored copies are sent when the answer may already be there. So long the expected ones may take,
const MIRRORS_WITHIN: Duration = Duration::from_secs(3);
/// How long to wait for one that is not expected, since nothing announces the last.
const STRAGGLERS: Duration = Duration::from_millis(100);

/// So often is a case asked again that did not come out as recorded: some depend on delays of tenths of a second, which
/// a busy machine stretches.
const SECOND_LOOKS: usize = 2;
/// More failures than that in one scenario are not a matter of time.
const LATE_AT_MOST: usize = 10;

/// Scenarios in one Envoy, at most.
const SCENARIOS: usize = 16;
/// Envoys at once. Starting one is mostly waiting, so a few more than there are cores.
const ENVOYS: usize = 4;

/// A bootstrap to ask, and where each Gateway port listens in it.
pub struct Setup {
    /// What Envoy runs.
    pub bootstrap: Bootstrap,
    /// The listener's name by the port that the Gateway declares.
    pub listeners: BTreeMap<u16, String>,
}

/// A scenario and its setup.
struct Prepared<'a> {
    scenario: &'a Scenario,
    setup: Setup,
}

/// Scenarios that one Envoy serves.
struct Group<'a> {
    together: Together,
    members: Vec<Prepared<'a>>,
}

/// Puts every scenario to Envoy, with the setup that `setup` makes of it.
pub fn run(
    engine: &'static str,
    corpus: &Corpus,
    binary: &EnvoyBinary,
    setup: impl Fn(&Scenario) -> Result<Setup, String>,
) -> EngineReport {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut scenarios = Vec::new();
    for scenario in &corpus.scenarios {
        match setup(scenario) {
            Ok(setup) => add(&mut groups, Prepared { scenario, setup }),
            Err(reason) => scenarios.push(report(scenario, Err(reason))),
        }
    }
    let reports = in_threads(&groups, ENVOYS, |group| group.ask(binary));
    scenarios.extend(reports.into_iter().flatten());
    scenarios.sort_by(|one, other| one.name.cmp(&other.name));
    EngineReport { engine, scenarios }
}

/// Adds a scenario to the first group that it fits into, or to a new one.
fn add<'a>(groups: &mut Vec<Group<'a>>, member: Prepared<'a>) {
    let name = &member.scenario.name;
    let mut fitting = groups.iter_mut().filter(|group| group.members.len() < SCENARIOS);
    if let Some(group) = fitting.find_map(|group| group.together.add(name, &member.setup).then_some(group)) {
        group.members.push(member);
        return;
    }
    let mut together = Together::empty();
    together.add(name, &member.setup);
    groups.push(Group {
        together,
        members: vec![member],
    });
}

impl Group<'_> {
    /// Asks all cases of all scenarios. If Envoy does not start with all of them, each is asked alone, so that the reason
    /// is said of the scenario that it is about.
    fn ask(&self, binary: &EnvoyBinary) -> Vec<ScenarioReport> {
        let cases: Vec<&[Case]> = self.members.iter().map(|it| &it.scenario.cases[..]).collect();
        let verdicts = match ask_together(binary, &self.together, &cases) {
            Ok(verdicts) => verdicts.into_iter().map(Ok).collect(),
            Err(reason) => {
                eprintln!("{} scenarios are asked alone: {reason}", self.members.len());
                let alone = self.members.iter();
                alone
                    .map(|it| ask(binary, &it.setup, &it.scenario.cases))
                    .collect::<Vec<_>>()
            }
        };
        let members = self.members.iter().zip(verdicts);
        members
            .map(|(member, verdicts)| report(member.scenario, verdicts))
            .collect()
    }
}

/// Asks all cases of a scenario.
///
/// # Errors
/// Envoy or an echo server did not start; with Envoy's own words.
pub fn ask(binary: &EnvoyBinary, setup: &Setup, cases: &[Case]) -> Result<Vec<Verdict>, String> {
    let verdicts = ask_together(binary, &Together::alone(setup), &[cases])?;
    Ok(verdicts.into_iter().flatten().collect())
}

/// A case, with the index of its scenario and its own.
type Question<'a> = ((usize, usize), &'a Case);

/// Asks the cases of each scenario. What fails is asked again in a new Envoy, and that is said: a wrong outcome is wrong
/// each time, a late one is not.
fn ask_together(
    binary: &EnvoyBinary,
    together: &Together,
    cases: &[&[Case]],
) -> Result<Vec<Vec<Verdict>>, String> {
    let mut questions: Vec<Question<'_>> = Vec::new();
    for (scenario, cases) in cases.iter().enumerate() {
        questions.extend(
            cases
                .iter()
                .enumerate()
                .map(|(number, case)| ((scenario, number), case)),
        );
    }
    let mut verdicts = ask_once(binary, together, &questions)?;
    for _ in 0..SECOND_LOOKS {
        let mut failed: BTreeMap<usize, usize> = BTreeMap::new();
        questions.retain(|(index, _)| matches!(verdicts[index], Verdict::Failed(_)));
        for ((scenario, _), _) in &questions {
            *failed.entry(*scenario).or_default() += 1;
        }
        questions.retain(|((scenario, _), _)| failed[scenario] <= LATE_AT_MOST);
        if questions.is_empty() {
            break;
        }
        for (_, case) in &questions {
            eprintln!("asked again: {}", request_line(case));
        }
        verdicts.extend(ask_once(binary, together, &questions)?);
    }
    let mut by_scenario: Vec<Vec<Verdict>> = cases.iter().map(|_| Vec::new()).collect();
    for ((scenario, _), verdict) in verdicts {
        by_scenario[scenario].push(verdict);
    }
    Ok(by_scenario)
}

/// Echo servers that answer as those of the recorded cases did.
pub(crate) fn echo_options() -> EchoOptions {
    EchoOptions {
        headers: vec![("server-extra".to_owned(), "1".to_owned())],
        cluster_header: Some("x-echo-cluster".to_owned()),
        ..EchoOptions::default()
    }
}

fn ask_once(
    binary: &EnvoyBinary,
    together: &Together,
    questions: &[Question<'_>],
) -> Result<BTreeMap<(usize, usize), Verdict>, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let folder = tempfile::tempdir().map_err(|error| said(&error))?;
    let access_log = folder.path().join("access.log");
    let echo = Echo::start(echo_options()).map_err(|error| said(&error))?;
    let bootstrap = arranged(together.bootstrap.clone(), &echo, &access_log).map_err(|error| said(&error))?;
    let options = StartOptions {
        ready_within: READY_WITHIN,
        ..StartOptions::default()
    };
    let envoy =
        RunningEnvoy::start(binary, &bootstrap, folder.path(), options).map_err(|error| said(&error))?;
    let bound = envoy.listeners().map_err(|error| said(&error))?;
    let send = |(number, ((scenario, _), case)): (usize, &Question<'_>)| {
        let name = together.listeners[*scenario].get(&case.request.port);
        match bound.iter().find(|listener| Some(&listener.name) == name) {
            Some(listener) => client::send(listener.address, &case.request, number),
            None => Err(Failure::NoListener),
        }
    };
    let replies: Vec<_> = questions.iter().enumerate().map(send).collect();
    let mut received = gathered(&echo, questions.iter().map(|(_, case)| *case));
    envoy.stop(); // writes its access log out
    let rules = rules(&access_log)?;
    let judge = |(number, ((index, case), reply)): (usize, (&Question<'_>, _))| {
        let received = received.remove(&number).unwrap_or_default();
        let answer = Outcome {
            rule: rules.get(&number).cloned(),
            ..outcome(reply, &received)
        };
        (*index, Verdict::of(differences(case.outcomes(), &answer)))
    };
    Ok(questions.iter().zip(replies).enumerate().map(judge).collect())
}

/// The bootstrap on free ports of the loopback, with an echo server behind each of its clusters.
fn arranged(mut bootstrap: Bootstrap, echo: &Echo, access_log: &Path) -> std::io::Result<Bootstrap> {
    for cluster in bootstrap.clusters() {
        bootstrap.point_cluster(&cluster, echo.listen(&cluster)?);
    }
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    bootstrap.bind_listeners_to_free_ports();
    bootstrap.set_admin(any_port);
    bootstrap.set_certificate(&IDENTITY.certificate, IDENTITY.authority.pem());
    let format = json!({
        "case": "%REQ(X-CASE)%",
        "rule": rule_format(),
    });
    bootstrap.set_access_log(&format, &access_log.to_string_lossy());
    Ok(bootstrap)
}

/// What the echo servers received, by case.
fn gathered<'a>(echo: &Echo, cases: impl Iterator<Item = &'a Case>) -> BTreeMap<usize, Vec<Received>> {
    let expected: usize = cases.map(least_received).sum();
    let deadline = Instant::now() + MIRRORS_WITHIN;
    let mut received = echo.take();
    while received.len() < expected && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
        received.extend(echo.take());
    }
    thread::sleep(STRAGGLERS);
    received.extend(echo.take());
    let mut by_case: BTreeMap<usize, Vec<Received>> = BTreeMap::new();
    for request in received {
        let case = request.header("x-case").and_then(|text| text.parse().ok());
        by_case
            .entry(case.unwrap_or(usize::MAX))
            .or_default()
            .push(request);
    }
    by_case
}

/// How many requests a case makes at least, if it comes out as recorded.
fn least_received(case: &Case) -> usize {
    let made = case.outcomes().iter().map(|outcome| {
        let main = outcome.cluster.as_ref().map_or(0, |_| outcome.attempts);
        main + outcome.mirrors.len() + outcome.hits.len()
    });
    made.min().unwrap_or_default()
}

/// Which rule made the answer to each case, as the access log tells.
fn rules(access_log: &Path) -> Result<BTreeMap<usize, Rule>, String> {
    #[derive(Deserialize)]
    struct Line {
        case: Option<String>,
        rule: Value,
    }
    let text = fs::read_to_string(access_log).map_err(|error| format!("Envoy's access log: {error}"))?;
    let mut rules = BTreeMap::new();
    for line in text.lines() {
        let line: Line =
            serde_json::from_str(line).map_err(|error| format!("Envoy's access log: {error}: {line}"))?;
        let case = line.case.and_then(|text| text.parse().ok());
        if let (Some(case), Some(rule)) = (case, Rule::logged(&line.rule)) {
            rules.insert(case, rule);
        }
    }
    Ok(rules)
}

/// The outcome in the corpus's terms, without the rule.
pub(crate) fn outcome(reply: Result<Reply, Failure>, received: &[Received]) -> Outcome {
    let asked: BTreeSet<&str> = received.iter().map(|it| it.cluster.as_str()).collect();
    let answered = reply
        .as_ref()
        .ok()
        .and_then(|reply| reply.header("x-echo-cluster"));
    // Where no answer names the cluster, a lone one that was asked is the main one.
    let main = answered.map(str::to_owned).or_else(|| match asked.first() {
        Some(only) if asked.len() == 1 => Some((*only).to_owned()),
        _ => None,
    });
    let others = asked
        .iter()
        .filter(|it| Some(**it) != main.as_deref())
        .map(|it| (*it).to_owned())
        .collect();
    let of_main = || {
        received
            .iter()
            .filter(|it| Some(it.cluster.as_str()) == main.as_deref())
    };
    let mut outcome = Outcome {
        upstream: of_main().min_by_key(|it| likeness_to_a_copy(it)).map(upstream),
        attempts: of_main().count().max(1),
        ..Outcome::default()
    };
    match main {
        Some(_) => outcome.mirrors = others,
        None => outcome.hits = others,
    }
    outcome.cluster = main;
    match reply {
        Err(failure) => outcome.error = Some(failure.as_str().to_owned()),
        Ok(reply) => {
            outcome.status = reply.status;
            outcome.body = match String::from_utf8_lossy(&reply.body) {
                _ if reply.is_chunked() => Some("<chunked>".to_owned()),
                body if body == "ok" && reply.status == 200 => None,
                body => Some(body.into_owned()),
            };
            outcome.at_least_ms = u64::try_from(reply.took.as_millis()).unwrap_or(u64::MAX);
            outcome.response_headers = kept(reply.headers);
        }
    }
    outcome
}

/// A mirrored copy to the same cluster may arrive before the request itself. Envoy makes it in the proxy: it is internal,
/// and has one more address in `x-forwarded-for`.
fn likeness_to_a_copy(received: &Received) -> (bool, usize) {
    let is_internal = received.header("x-envoy-internal") == Some("true");
    let addresses = received.header("x-forwarded-for").unwrap_or_default();
    (is_internal, addresses.matches(',').count())
}

fn upstream(received: &Received) -> Upstream {
    Upstream {
        method: received.method.clone(),
        path: received.path.clone(),
        authority: received.authority.clone(),
        headers: kept(received.headers.clone()),
        timeout_ms: received
            .header("x-envoy-expected-rq-timeout-ms")
            .map(str::to_owned),
    }
}

/// `headers` sorted, without what is about the connection and what the harness sends of its own.
fn kept(mut headers: Vec<(String, String)>) -> Vec<(String, String)> {
    headers.retain(|(name, _)| !is_about_the_connection(name) && !matches!(name.as_str(), "host" | "x-case"));
    headers.sort();
    headers
}
