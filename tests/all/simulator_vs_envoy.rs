//! The module in the simulator beside a stock Envoy, on resources and requests that were made up or thought of.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fingerpost_proxy_model::Request;
use fingerpost_simulator::Module;
use fingerpost_tests::case::Outcome;
use fingerpost_tests::compare::{Difference, differences_in_full as differences};
use fingerpost_tests::differential::Pair;
use fingerpost_tests::differential::server::{Look, Server};
use fingerpost_tests::differential::shrink::{Dispute, shrink};
use fingerpost_tests::engines::simulator::{Simulated, module};
use fingerpost_tests::generate::{dice, table, yaml};
use fingerpost_tests::report::aligned;
use fingerpost_tests::rows;
use fingerpost_tests::sent::{Sent, Version};
use serde_json::Value;

use crate::differential::{Comparison, made_up};
use crate::engines::one_envoy_at_a_time;

/// As many cases as a usual run makes up.
const USUAL: usize = 3_000;
const TABLES: usize = 20;
/// So many differences are shown, and so many changes tried to make one small.
const SHOWN: usize = 3;
const TRIALS: usize = 120;
/// The default seed always gives the same cases, so only Envoy's own choices are left to chance.
const SEED: u64 = 140;
/// Envoy draws so often where one answer of either is not enough, and then so often if that can't be told apart from
/// a late line of its log.
const DRAWS: [usize; 2] = [60, 240];
/// An answer that Envoy gave so often and the simulator never is no accident.
const TELLING: usize = 16;
/// The simulator draws so often: its draws are cheap.
const SIMULATED_DRAWS: u64 = 600;
/// What it drew as often as this, Envoy must have drawn too.
const COMMON: usize = 120;

/// Made up from a seed: the simulator says what a stock Envoy does.
pub(crate) fn generated() -> Result<(), String> {
    let (comparison, module) = (Comparison::usual()?, module()?);
    let _turn = one_envoy_at_a_time();
    let (seed, wanted) = (dice::given_seed().unwrap_or(SEED), dice::wanted(USUAL));
    eprintln!("simulator: FINGERPOST_SEED={seed} FINGERPOST_GENERATED={wanted}");
    let mut beside = Beside::default();
    let mut disputes = Vec::new();
    let mut part = 0;
    while beside.cases() < wanted && disputes.len() < SHOWN {
        let tables: Vec<(Vec<Value>, Vec<Sent>)> = (0..TABLES)
            .map(|it| made_up(&comparison, seed, part + it))
            .collect();
        part += TABLES;
        let pairs = tables.iter().map(|(documents, _)| comparison.compile(documents));
        let pairs: Vec<Pair> = pairs.collect::<Result<_, _>>()?;
        let questions: Vec<(usize, &Sent)> = tables
            .iter()
            .enumerate()
            .flat_map(|(number, (_, requests))| requests.iter().map(move |it| (number, it)))
            .collect();
        let different = beside.compare(&comparison, &module, &pairs, &questions)?;
        disputes.extend(different.into_iter().map(|(index, differences)| {
            let (number, sent) = questions[index];
            let dispute = Dispute {
                documents: tables[number].0.clone(),
                sent: sent.clone(),
            };
            (dispute, differences)
        }));
    }
    beside.report("generated");
    let count = disputes.len();
    let mut text = String::new();
    for (dispute, first) in disputes.into_iter().take(SHOWN) {
        let least = shrink(dispute, TRIALS, |tried| differ(&comparison, &module, tried));
        let documents = yaml::documents(&least.documents);
        let pair = comparison.compile(&least.documents)?;
        let different = Beside::default().compare(&comparison, &module, &[pair], &[(0, &least.sent)])?;
        let shown = match different.first() {
            Some((_, differences)) => aligned(differences),
            None => format!("not when asked alone; beside other tables:\n{}", aligned(&first)),
        };
        let _ = writeln!(text, "\n{documents}\n{}\n{shown}", least.sent);
    }
    match count {
        0 => beside.suffices(),
        count => Err(format!(
            "{count} differences (expected: Envoy's), seed {seed}\n{text}"
        )),
    }
}

/// The own corpus: the simulator says what a stock Envoy does.
pub(crate) fn rows() -> Result<(), String> {
    let (comparison, module) = (Comparison::usual()?, module()?);
    let _turn = one_envoy_at_a_time();
    let topics = rows::read()?;
    let compile = |topic: &rows::Topic| {
        Pair::compile(
            &[("world.yaml", table::WORLD), ("resources.yaml", &topic.resources)],
            &comparison.options,
        )
    };
    let pairs: Vec<Pair> = topics.iter().map(compile).collect::<Result<_, _>>()?;
    let questions: Vec<(usize, &Sent)> = topics
        .iter()
        .enumerate()
        .flat_map(|(number, topic)| topic.requests.iter().map(move |sent| (number, sent)))
        .collect();
    let mut beside = Beside::default();
    let different = beside.compare(&comparison, &module, &pairs, &questions)?;
    beside.report("the own corpus");
    let mut text = String::new();
    for (index, differences) in &different {
        let (number, sent) = questions[*index];
        let _ = writeln!(
            text,
            "tests/corpus/{}: {sent}\n{}",
            topics[number].name,
            aligned(differences)
        );
    }
    match different.is_empty() {
        true => beside.suffices(),
        false => Err(format!("(expected: Envoy's)\n{text}")),
    }
}

/// Whether simulator and Envoy disagree about each dispute.
fn differ(comparison: &Comparison, module: &Module, disputes: &[Dispute]) -> Vec<bool> {
    let mut outcome = vec![false; disputes.len()];
    let compiled = disputes.iter().enumerate();
    let (places, pairs): (Vec<usize>, Vec<Pair>) = compiled
        .filter_map(|(place, dispute)| Some((place, comparison.compile(&dispute.documents).ok()?)))
        .unzip();
    let sent = places.iter().map(|place| &disputes[*place].sent);
    let questions: Vec<_> = sent.enumerate().collect();
    let different = Beside::default().compare(comparison, module, &pairs, &questions);
    for (index, _) in different.unwrap_or_default() {
        outcome[places[index]] = true;
    }
    outcome
}

/// The simulator beside Envoy.
#[derive(Default)]
struct Beside {
    equal: usize,
    with_rule: usize,
    skipped: BTreeMap<String, usize>,
}

impl Beside {
    fn cases(&self) -> usize {
        self.equal + self.skipped.values().sum::<usize>()
    }

    fn report(&self, what: &str) {
        for (reason, count) in &self.skipped {
            eprintln!("simulator, {what}: {count} skipped: {reason}");
        }
        eprintln!(
            "simulator, {what}: {} as in Envoy, {} of them taken by a rule",
            self.equal, self.with_rule
        );
    }

    /// A model that skips whatever is hard would be equal too.
    fn suffices(&self) -> Result<(), String> {
        match self.equal * 3 >= self.cases() * 2 {
            true => Ok(()),
            false => Err(format!(
                "only {} of {} cases were compared",
                self.equal,
                self.cases()
            )),
        }
    }

    /// The questions, by their place, of which the answers differ, and how.
    fn compare(
        &mut self,
        comparison: &Comparison,
        module: &Module,
        pairs: &[Pair],
        questions: &[(usize, &Sent)],
    ) -> Result<Vec<(usize, Vec<Difference>)>, String> {
        let server = Server::open(&comparison.binary, pairs)?;
        let mut simulated = Vec::new();
        for (number, pair) in pairs.iter().enumerate() {
            // What Envoy refuses no model need know.
            let taken = server.refused(number)[1].is_none();
            let load = || Simulated::of(module, &pair.bootstraps[1].0, pair.listeners.clone());
            simulated.push(taken.then(load));
        }
        let mut left = Vec::new();
        for ((index, (number, sent)), envoys) in questions
            .iter()
            .enumerate()
            .zip(server.outcomes(questions, Look::First))
        {
            let answered = match &mut simulated[*number] {
                None => continue,
                Some(Err(reason)) => Err(reason.clone()),
                Some(Ok(simulated)) => answer(simulated, sent, 0)?,
            };
            match answered {
                Err(reason) => *self.skipped.entry(reason).or_default() += 1,
                Ok(ours) if differences(std::slice::from_ref(&ours), &envoys).is_empty() => {
                    self.equal += 1;
                    self.with_rule += usize::from(envoys.rule.is_some());
                }
                Ok(_) => left.push(index),
            }
        }
        // A second look: something may have come late, and a rule may split its traffic.
        let mut open = Vec::new();
        for index in left {
            let (number, sent) = questions[index];
            let Some(Ok(simulated)) = &mut simulated[number] else {
                continue;
            };
            match draw(simulated, sent)? {
                Err(reason) => *self.skipped.entry(reason).or_default() += 1,
                Ok(ours) => open.push((index, ours)),
            }
        }
        let asked = open.len();
        let different = look_again(&server, questions, open);
        self.equal += asked - different.len();
        Ok(different)
    }
}

/// The outcomes that the simulator draws, and how often; or why it does not know them.
type Samples = Vec<(Outcome, usize)>;

fn draw(simulated: &mut Simulated, sent: &Sent) -> Result<Result<Samples, String>, String> {
    let mut drawn = Samples::new();
    for seed in 0..SIMULATED_DRAWS {
        match answer(simulated, sent, seed)? {
            Err(reason) => return Ok(Err(reason)),
            Ok(outcome) => match drawn.iter_mut().find(|(seen, _)| *seen == outcome) {
                Some((_, count)) => *count += 1,
                None => drawn.push((outcome, 1)),
            },
        }
    }
    Ok(Ok(drawn))
}

/// The questions, by their place, where Envoy draws what the simulator can't, or never what that draws often.
fn look_again(
    server: &Server,
    questions: &[(usize, &Sent)],
    mut open: Vec<(usize, Samples)>,
) -> Vec<(usize, Vec<Difference>)> {
    let mut different = Vec::new();
    for draws in DRAWS {
        let again = open
            .iter()
            .flat_map(|(index, _)| std::iter::repeat_n(questions[*index], draws));
        let envoys = server.outcomes(&again.collect::<Vec<_>>(), Look::Second);
        let mut chunks = envoys.chunks(draws);
        open.retain(|(index, ours)| {
            let envoys = chunks.next().unwrap_or_default();
            let all: Vec<Outcome> = ours.iter().map(|(outcome, _)| outcome.clone()).collect();
            let strange = envoys.iter().map(|it| differences(&all, it));
            let mut strange: Vec<Vec<Difference>> = strange.filter(|it| !it.is_empty()).collect();
            let found = match strange.len() {
                0 => never_drawn(ours, envoys),
                few if few < TELLING => return true,
                _ => Some(strange.swap_remove(0).into_iter().map(turned).collect()),
            };
            different.extend(found.map(|found| (*index, found)));
            false
        });
    }
    different.sort_by_key(|(index, _)| *index);
    different
}

/// What distinguishes an outcome that the simulator draws often from all of Envoy's.
fn never_drawn(ours: &[(Outcome, usize)], envoys: &[Outcome]) -> Option<Vec<Difference>> {
    let common = ours.iter().filter(|(_, count)| *count >= COMMON);
    let nearest = common.map(|(ours, _)| {
        let all = envoys
            .iter()
            .map(|it| differences(std::slice::from_ref(ours), it));
        all.min_by_key(Vec::len).unwrap_or_default()
    });
    let found = nearest.into_iter().find(|it| !it.is_empty())?;
    Some(found.into_iter().map(turned).collect())
}

/// Envoy's is what is expected.
fn turned(difference: Difference) -> Difference {
    Difference::new(&difference.field, difference.got, difference.expected)
}

/// What the simulator says, or why it does not know.
fn answer(simulated: &mut Simulated, sent: &Sent, seed: u64) -> Result<Result<Outcome, String>, String> {
    let Some(request) = of_sent(sent) else {
        return Ok(Err("bytes that are not text".to_owned()));
    };
    let answer = simulated
        .answer(&request, seed)
        .map_err(|error| format!("{sent}: {error}"))?;
    let outcome = answer.map_err(|skipped| skipped.reason.into_owned());
    Ok(outcome.and_then(|outcome| {
        let is_refused = |(name, value): &(String, String)| name == "te" && value != "trailers";
        if sent.version == Version::Http2 && outcome.response_headers.iter().any(is_refused) {
            return Err("the client refuses a `te` in an answer over HTTP/2".to_owned());
        }
        Ok(outcome)
    }))
}

/// A made-up request, in the model's form; none where it holds bytes that are not text.
fn of_sent(sent: &Sent) -> Option<Request> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let headers = sent.headers.iter();
    let length = sent.told_length();
    let length = length.map(|it| Some(("content-length".to_owned(), it.to_string())));
    Some(Request {
        port: sent.port,
        method: text(&sent.method)?,
        path: text(&sent.target)?,
        authority: match &sent.authority {
            Some(authority) => Some(text(authority)?),
            None => None,
        },
        headers: headers
            .map(|(name, value)| Some((text(name)?, text(value)?)))
            .chain(length)
            .collect::<Option<_>>()?,
        tls: None,
        version: sent.version,
    })
}
