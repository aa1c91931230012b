//! Our filter beside Envoy's own router, on resources and requests that were generated or thought of.

use std::collections::BTreeMap;

use fingerpost_config_compiler::{EnvoyVersion, Options};
use fingerpost_envoy_runner::EnvoyBinary;
use fingerpost_tests::compare::Difference;
use fingerpost_tests::differential::shrink::{Dispute, shrink};
use fingerpost_tests::differential::{Answer, Pair, Server, agree, pair};
use fingerpost_tests::generate::{Dice, dice, request, table, yaml};
use fingerpost_tests::sent::Sent;
use fingerpost_tests::{compiled, rows};
use serde_json::Value;

use crate::engines::{envoy, one_envoy_at_a_time};

/// As many cases as a usual run makes up; a night's run asks for more by `FINGERPOST_GENERATED`.
const USUAL: usize = 3_000;
/// Tables in one Envoy, and requests to each.
const TABLES: usize = 20;
const REQUESTS: usize = 75;
/// So many disputes are made small and shown.
const SHOWN: usize = 5;
/// So many changes are tried to make one small.
const TRIALS: usize = 1_500;

/// An Envoy, and what to compile for it.
pub(crate) struct Comparison {
    pub(crate) binary: EnvoyBinary,
    pub(crate) options: Options,
}

impl Comparison {
    /// The Envoy that all tests use.
    pub(crate) fn usual() -> Result<Self, String> {
        compiled::built_module()?;
        Ok(Self {
            binary: envoy()?,
            options: pair::options(EnvoyVersion::NEWEST),
        })
    }

    pub(crate) fn compile(&self, documents: &[Value]) -> Result<Pair, String> {
        let text = yaml::documents(documents);
        Pair::compile(
            &[("world.yaml", table::WORLD), ("resources.yaml", &text)],
            &self.options,
        )
    }

    /// Whether the two engines disagree about each dispute.
    fn differ(&self, disputes: &[Dispute]) -> Vec<bool> {
        let mut outcome = vec![false; disputes.len()];
        let compiled = disputes.iter().enumerate();
        let (places, pairs): (Vec<usize>, Vec<Pair>) = compiled
            .filter_map(|(place, dispute)| Some((place, self.compile(&dispute.documents).ok()?)))
            .unzip();
        let Ok(server) = Server::open(&self.binary, &pairs) else {
            return outcome;
        };
        let questions: Vec<_> = places
            .iter()
            .map(|place| &disputes[*place].sent)
            .enumerate()
            .collect();
        let answers = server.ask(&questions);
        for (pair, place) in places.into_iter().enumerate() {
            outcome[place] = match server.refused(pair) {
                [None, None] => !agree(&answers[pair][0], &answers[pair][1]),
                [Some(_), Some(_)] => false,
                [Some(_), None] | [None, Some(_)] => true,
            };
        }
        outcome
    }
}

/// What became of a run.
#[derive(Default)]
struct Tally {
    cases: usize,
    with_rule: usize,
    refused_by_both: usize,
    statuses: BTreeMap<String, usize>,
    disputes: Vec<Dispute>,
    disputed: usize,
}

impl Tally {
    fn count(&mut self, answer: &Answer) {
        self.cases += 1;
        self.with_rule += usize::from(answer.has_rule());
        *self.statuses.entry(answer.status().to_owned()).or_default() += 1;
    }

    fn dispute(&mut self, documents: &[Value], sent: &Sent) {
        self.disputed += 1;
        if self.disputes.len() < SHOWN {
            let (documents, sent) = (documents.to_vec(), sent.clone());
            self.disputes.push(Dispute { documents, sent });
        }
    }
}

/// Made up from a seed: the two engines agree in every case.
pub(crate) fn generated() -> Result<(), String> {
    let comparison = Comparison::usual()?;
    agree_on_generated(&comparison, dice::wanted(USUAL))
}

pub(crate) fn agree_on_generated(comparison: &Comparison, wanted: usize) -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    let seed = dice::seed();
    eprintln!("generated: FINGERPOST_SEED={seed} FINGERPOST_GENERATED={wanted}");
    let mut tally = Tally::default();
    let mut part = 0;
    while tally.cases < wanted && tally.disputes.len() < SHOWN {
        let tables: Vec<(Vec<Value>, Vec<Sent>)> = (0..TABLES)
            .map(|it| made_up(comparison, seed, part + it))
            .collect();
        part += TABLES;
        let pairs = tables.iter().map(|(documents, _)| comparison.compile(documents));
        let pairs: Vec<Pair> = pairs.collect::<Result<_, _>>()?;
        let server = Server::open(&comparison.binary, &pairs)?;
        let mut questions = Vec::new();
        for (number, (documents, requests)) in tables.iter().enumerate() {
            match server.refused(number) {
                [None, None] if !pairs[number].is_refused => {
                    questions.extend(requests.iter().map(|it| (number, it)));
                }
                [Some(_), Some(_)] => tally.refused_by_both += 1,
                // Also where the compiler refuses what Envoy takes.
                [Some(_), None] | [None, _] => tally.dispute(documents, &requests[0]),
            }
        }
        let answers = server.ask(&questions);
        for ((number, sent), [native, wasm]) in questions.iter().zip(&answers) {
            tally.count(native);
            if !agree(native, wasm) {
                tally.dispute(&tables[*number].0, sent);
            }
        }
        no_trap(&server)?;
    }
    eprintln!(
        "generated: {} cases, {} taken by a rule, {} tables that Envoy refuses either way; {:?}",
        tally.cases, tally.with_rule, tally.refused_by_both, tally.statuses
    );
    settle(comparison, tally, seed)
}

/// Table number `part` of a seed, and its requests.
pub(crate) fn made_up(comparison: &Comparison, seed: u64, part: usize) -> (Vec<Value>, Vec<Sent>) {
    let mut dice = Dice::of_part(seed, part);
    let documents = table::table(&mut dice, &|documents| {
        comparison.compile(documents).is_ok_and(|pair| !pair.is_refused)
    });
    let requests = (0..REQUESTS)
        .map(|_| request::request(&mut dice, &documents))
        .collect();
    (documents, requests)
}

/// Shows what was disputed, as small as it gets.
fn settle(comparison: &Comparison, tally: Tally, seed: u64) -> Result<(), String> {
    if tally.disputed == 0 {
        return Ok(());
    }
    let mut text = format!("{} disputes, seed {seed}\n", tally.disputed);
    for dispute in tally.disputes {
        let least = shrink(dispute, TRIALS, |tried| comparison.differ(tried));
        text += &shown(comparison, &least);
    }
    Err(text)
}

fn shown(comparison: &Comparison, dispute: &Dispute) -> String {
    let mut text = format!("\n{}\n{}\n", yaml::documents(&dispute.documents), dispute.sent);
    let differences = comparison.compile(&dispute.documents).and_then(|pair| {
        let server = Server::open(&comparison.binary, std::slice::from_ref(&pair))?;
        let refused = server.refused(0);
        if refused.iter().any(Option::is_some) {
            let [native, wasm] = refused
                .each_ref()
                .map(|it| it.clone().unwrap_or_else(|| "taken".to_owned()));
            return Ok(vec![Difference::new("Envoy's verdict", native, wasm)]);
        }
        let [[native, wasm]] = &server.ask(&[(0, &dispute.sent)])[..] else {
            return Ok(Vec::new());
        };
        Ok(native.differences(wasm))
    });
    match differences {
        Ok(differences) => text += &table_of(&differences),
        Err(error) => text += &error,
    }
    text
}

pub(crate) fn table_of(differences: &[Difference]) -> String {
    let row = |it: &Difference| {
        format!(
            "  {}\n    Envoy's router: {}\n    our filter:     {}\n",
            it.field, it.expected, it.got
        )
    };
    differences.iter().map(row).collect()
}

/// Nothing in our filter stopped: Envoy says so in its log, at a level that is always on.
pub(crate) fn no_trap(server: &Server) -> Result<(), String> {
    let log = server.envoy().log();
    let signs = [
        "Function: proxy_",
        "panicked",
        "wasm_fail_stream",
        "Proxy-Wasm plugin in-VM backtrace",
    ];
    match log
        .lines()
        .find(|line| signs.iter().any(|sign| line.contains(sign)))
    {
        Some(line) => Err(format!("the filter trapped: {line}")),
        None => Ok(()),
    }
}

/// The own corpus: the two engines agree in every row.
pub(crate) fn rows() -> Result<(), String> {
    agree_on_rows(&Comparison::usual()?)
}

pub(crate) fn agree_on_rows(comparison: &Comparison) -> Result<(), String> {
    let _turn = one_envoy_at_a_time();
    let topics = rows::read()?;
    let compile = |topic: &rows::Topic| {
        let name = format!("{}.yaml", topic.name);
        Pair::compile(
            &[("world.yaml", table::WORLD), (&name, &topic.resources)],
            &comparison.options,
        )
    };
    let pairs: Vec<Pair> = topics.iter().map(compile).collect::<Result<_, _>>()?;
    let server = Server::open(&comparison.binary, &pairs)?;
    let questions: Vec<(usize, &Sent)> = topics
        .iter()
        .enumerate()
        .flat_map(|(number, topic)| topic.requests.iter().map(move |sent| (number, sent)))
        .collect();
    let mut failures = String::new();
    for (number, topic) in topics.iter().enumerate() {
        match server.refused(number) {
            [None, None] if !pairs[number].is_refused => {}
            [Some(_), Some(_)] => {}
            [native, wasm] => {
                failures += &format!(
                    "\ntests/corpus/{}: Envoy's verdict: native {native:?}, wasm {wasm:?}; the compiler {} it\n",
                    topic.name,
                    if pairs[number].is_refused {
                        "refuses"
                    } else {
                        "accepts"
                    }
                );
            }
        }
    }
    let answers = server.ask(&questions);
    for ((number, sent), [native, wasm]) in questions.iter().zip(&answers) {
        if !agree(native, wasm) {
            let differences = table_of(&native.differences(wasm));
            failures += &format!("\ntests/corpus/{}: {sent}\n{differences}", topics[*number].name);
        }
    }
    no_trap(&server)?;
    let taken = answers.iter().filter(|[native, _]| native.has_rule()).count();
    eprintln!(
        "corpus: {} rows in {} topics, {taken} taken by a rule",
        questions.len(),
        topics.len()
    );
    match failures.is_empty() {
        true => Ok(()),
        false => Err(failures),
    }
}
