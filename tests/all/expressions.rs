//! Expressions in header edits: `fingerpost-envoy-http` refuses what Envoy refuses, and nothing else.

use fingerpost_config_compiler::EnvoyVersion;
use fingerpost_envoy_http::format::{self, Part};
use fingerpost_envoy_http::variable;
use fingerpost_envoy_runner::{Bootstrap, EnvoyBinary, validate};
use fingerpost_tests::generate::{Dice, dice, expression};
use serde_json::{Value, json};

use crate::engines::{envoy, one_envoy_at_a_time};
use crate::oldest;

/// Values of a usual run.
const USUAL: usize = 400;
/// The seed of a usual run: the same values every time.
const SEED: u64 = 3;
const SHOWN: usize = 10;

/// On the newest Envoy.
pub(crate) fn generated() -> Result<(), String> {
    compare(&envoy()?, EnvoyVersion::NEWEST, dice::wanted(USUAL))
}

/// Fewer of them, on the oldest.
pub(crate) fn generated_for_the_oldest() -> Result<(), String> {
    compare(&oldest::binary()?, EnvoyVersion::OLDEST, dice::wanted(USUAL) / 4)
}

fn compare(binary: &EnvoyBinary, version: EnvoyVersion, wanted: usize) -> Result<(), String> {
    let seed = dice::given_seed().unwrap_or(SEED);
    eprintln!("expressions: FINGERPOST_SEED={seed} FINGERPOST_GENERATED={wanted}");
    let values = (0..wanted).map(|number| expression::value(&mut Dice::of_part(seed, number)));
    let (accepted, refused): (Vec<_>, Vec<_>) = values.partition(|it| is_accepted(it, version));
    eprintln!(
        "expressions: {} accepted, {} refused here",
        accepted.len(),
        refused.len()
    );
    if accepted.len().min(refused.len()) < wanted / 10 {
        return Err("one kind of verdict is missing".to_owned());
    }
    let _turn = one_envoy_at_a_time();
    let judge = Judge::new(binary)?;
    let mut wrong = Vec::new();
    judge.find_refused(&accepted, &mut wrong)?;
    for value in &refused {
        if judge.accepts(std::slice::from_ref(value))? {
            wrong.push(format!("refused here, accepted by Envoy: {value}"));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let count = wrong.len();
    wrong.truncate(SHOWN);
    Err(format!("{count} wrong:\n{}", wrong.join("\n")))
}

fn is_accepted(value: &str, envoy: EnvoyVersion) -> bool {
    let parts = format::parse(value);
    parts.is_ok_and(|parts| {
        parts.iter().all(|part| match part {
            Part::Text(_) => true,
            Part::Variable(call) => variable::check(call, envoy.minor()).is_ok(),
        })
    })
}

struct Judge<'a> {
    binary: &'a EnvoyBinary,
    folder: tempfile::TempDir,
}

impl<'a> Judge<'a> {
    fn new(binary: &'a EnvoyBinary) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        Ok(Self { binary, folder })
    }

    /// Adds those of `values` that Envoy refuses. They are halved until single ones are left.
    fn find_refused(&self, values: &[String], wrong: &mut Vec<String>) -> Result<(), String> {
        if values.is_empty() || self.accepts(values)? {
            return Ok(());
        }
        if let [only] = values {
            wrong.push(format!("accepted here, refused by Envoy: {only}"));
            return Ok(());
        }
        let (one, other) = values.split_at(values.len() / 2);
        self.find_refused(one, wrong)?;
        self.find_refused(other, wrong)
    }

    /// Whether Envoy accepts all.
    fn accepts(&self, values: &[String]) -> Result<bool, String> {
        let routes: Vec<Value> = values
            .iter()
            .map(|value| {
                json!({
                    "match": {"prefix": "/"},
                    "direct_response": {"status": 200},
                    "response_headers_to_add": [{"header": {"key": "x-a", "value": value}}]
                })
            })
            .collect();
        let type_of = |name: &str| format!("type.googleapis.com/envoy.extensions.filters.{name}");
        let router = json!({"name": "router", "typed_config": {"@type": type_of("http.router.v3.Router")}});
        let manager = json!({
            "@type": type_of("network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": "a",
            "route_config": {"virtual_hosts": [{"name": "a", "domains": ["*"], "routes": routes}]},
            "http_filters": [router]
        });
        let bootstrap = json!({"static_resources": {"listeners": [{
            "name": "a",
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [{"name": "a", "typed_config": manager}]}]
        }]}});
        match validate(self.binary, &Bootstrap(bootstrap), self.folder.path()) {
            Ok(()) => Ok(true),
            Err(error) if error.to_string().is_empty() => Err("Envoy gives no reason".to_owned()),
            Err(_) => Ok(false),
        }
    }
}
