//! The steps that are measured one by one: compile resources, load a configuration, decide on a request.

use std::fmt;
use std::hint::black_box;
use std::str::FromStr;

use fingerpost_config_compiler::{Compiled, Engine, Options};
use fingerpost_resources::{Diagnostics, Source, read, render};
use fingerpost_routing::{Decision, Header, RequestHead, Roll, RouteTable};
use fingerpost_routing_config::load;

use crate::{Condition, Kind, Rule, rules, yaml};

/// The request that the last rule of a table takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `:authority`
    pub authority: String,
    /// `:path`
    pub path: String,
    /// All other headers, as a browser or a client library would send some.
    pub headers: Vec<(String, String)>,
    /// The index of the service that it reaches.
    pub service: usize,
}

/// How many headers a request has at most.
const MOST_HEADERS: usize = 8;

/// A step between resources and an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Reads resources, and compiles them into a bootstrap with the filter.
    Compile,
    /// Loads the filter's configuration into a route table.
    Load,
    /// Decides on a request that the last rule takes, one for the first rule and one that no rule takes.
    Decide,
}

/// A step with all that it needs.
pub struct Prepared {
    work: Work,
}

enum Work {
    Compile(String),
    Load(Vec<u8>),
    Decide {
        table: Box<RouteTable>,
        requests: Vec<Request>,
    },
}

/// A table that we made ourselves does not compile or load.
#[derive(Debug)]
pub struct InvalidWorkload(String);

impl Step {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Compile, Self::Load, Self::Decide];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compile => "compile",
            Self::Load => "load",
            Self::Decide => "decide",
        }
    }

    /// Prepares the step for a table. `config` is the filter's configuration, which [`Step::Compile`] does not need.
    pub fn prepare(self, kind: Kind, count: usize, config: Vec<u8>) -> Result<Prepared, InvalidWorkload> {
        let work = match self {
            Self::Compile => Work::Compile(yaml(kind, count)),
            Self::Load => Work::Load(config),
            Self::Decide => {
                let table = load(&config).map_err(InvalidWorkload::new)?;
                let mut missed = request(kind, count)?;
                missed.authority = "elsewhere.example.com".to_owned();
                let requests = vec![request(kind, count)?, request(kind, 1)?, missed];
                Work::Decide {
                    table: Box::new(table),
                    requests,
                }
            }
        };
        Ok(Prepared { work })
    }
}

impl Prepared {
    /// Does the step once, and says how much came of it: bytes of the bootstrap, virtual hosts, routed requests.
    pub fn run(&self) -> Result<usize, InvalidWorkload> {
        match &self.work {
            Work::Compile(yaml) => {
                let compiled = compile(yaml, &Options::default())?;
                let json = serde_json::to_vec(&compiled.bootstrap).map_err(InvalidWorkload::new)?;
                Ok(json.len())
            }
            Work::Load(config) => Ok(load(config).map_err(InvalidWorkload::new)?.hosts().len()),
            Work::Decide { table, requests } => {
                let routed = requests.iter().filter(|it| it.is_routed(table)).count();
                Ok(black_box(routed))
            }
        }
    }
}

impl Request {
    fn is_routed(&self, table: &RouteTable) -> bool {
        // On the stack: allocations of the decision are counted, and there should be none.
        let mut headers: [Header<'_>; MOST_HEADERS] = [(b"", b""); MOST_HEADERS];
        for (header, (name, value)) in headers.iter_mut().zip(&self.headers) {
            *header = (name.as_bytes(), value.as_bytes());
        }
        let headers = headers.get(..self.headers.len()).unwrap_or_default();
        let head = RequestHead::new(Some(self.authority.as_bytes()), Some(self.path.as_bytes()))
            .with_method(Some(b"GET"))
            .with_scheme(Some(b"http"))
            .with_headers(headers);
        matches!(black_box(table.decide(&head, || Roll(0))), Decision::Routed(_))
    }
}

/// The request that the last rule of a table of `count` takes.
pub fn request(kind: Kind, count: usize) -> Result<Request, InvalidWorkload> {
    let last: Rule = rules(kind, count)
        .last()
        .ok_or_else(|| InvalidWorkload::new("a table has at least one rule"))?;
    let headers = [
        ("user-agent", "fingerpost-bench/1.0"),
        ("accept", "*/*"),
        ("accept-language", "en-GB,en;q=0.9"),
        ("cookie", "session=8f14e45fceea167a5a36dedd4bea2543"),
    ];
    let mut headers: Vec<(String, String)> = headers
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let path = match last.condition {
        Condition::Any => "/items".to_owned(),
        Condition::Exact(path) => path,
        Condition::Prefix(path) => format!("{path}items"),
        Condition::Regex(path) => format!("{path}items/7"),
        Condition::Header(value) => {
            headers.push(("x-tenant".to_owned(), value));
            "/items".to_owned()
        }
    };
    Ok(Request {
        authority: last.host,
        path,
        headers,
        service: last.service,
    })
}

/// Compiles resources; an error of theirs is ours.
pub fn compile(yaml: &str, options: &Options) -> Result<Compiled, InvalidWorkload> {
    let mut diagnostics = Diagnostics::new();
    let resources = read(vec![Source::new("bench.yaml", yaml)], &mut diagnostics);
    let compiled = fingerpost_config_compiler::compile(&resources, options, &mut diagnostics);
    if diagnostics.has_errors() {
        let message = render(&diagnostics, &resources.sources, false);
        return Err(InvalidWorkload::new(message));
    }
    Ok(compiled)
}

/// The configuration of the filter for a table.
pub fn filter_config(kind: Kind, count: usize) -> Result<Vec<u8>, InvalidWorkload> {
    let options = Options {
        engine: Engine::Wasm,
        ..Options::default()
    };
    let compiled = compile(&yaml(kind, count), &options)?;
    let chain = compiled
        .chains
        .first()
        .ok_or_else(|| InvalidWorkload::new("the filter is in no chain"))?;
    serde_json::to_vec(&chain.config).map_err(InvalidWorkload::new)
}

impl InvalidWorkload {
    pub(crate) fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

impl fmt::Display for InvalidWorkload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidWorkload {}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let step = Self::ALL.into_iter().find(|step| step.name() == text);
        step.ok_or_else(|| format!("unknown step `{text}`: expected compile, load or decide"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_table_takes_the_request_to_its_first_and_its_last_rule() {
        for kind in Kind::ALL {
            let config = filter_config(kind, 50).expect("the table compiles");
            let decide = Step::Decide.prepare(kind, 50, config).expect("the table loads");
            assert_eq!(decide.run().expect("a decision"), 2, "{kind}");
        }
    }

    #[test]
    fn a_table_has_as_many_rules_as_were_asked_for() {
        for kind in Kind::ALL {
            let text = yaml(kind, 30);
            assert_eq!(text.matches("route: [").count(), 30, "{kind}");
        }
    }
}
