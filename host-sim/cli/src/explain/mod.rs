//! `explain`: why a request goes where it goes.
//!
//! Nothing is sent: the compiled tables are asked, rule by rule. `tell` asks, `story` is what there is to tell,
//! `screen` shows it. The JSON form:
//! ```json
//! {"version": 1,
//!  "request": {"method": "GET", "scheme": "http", "authority": "shop.example.com", "path": "/cart", "normalised": null, "headers": [["k", "v"]]},
//!  "listener": {"name": "0.0.0.0_80", "port": 80, "listen_port": 80, "protocol": "HTTP", "why": "http means port 80"},
//!  "host": {"domain": "shop.example.com", "kind": "exact|wildcard|any", "virtual_services": ["default/shop"],
//!           "hidden": [{"domain": "*.example.com", "would_take": null|SOURCE}]},
//!  "tried": [{"position": 1, …SOURCE, "failed": null|FAILED}],
//!  "not_reached": 2, "too_late": [{"position": 3, …SOURCE, "shadowed_by": null|1}], "left_out": [{…SOURCE, "reason": "…"}],
//!  "outcome": {"kind": "forward", "winner": SOURCE, "abort": null|{"percent": 50.0, "status": 503}, "rewrite": null|{"words": "/v1 -> /", "before": "/v1/x", "after": "//x"},
//!    "destinations": [{"cluster": "…", "host": "…", "port": 80, "subset": null|"v1", "labels": {}, "weight": 90, "percent": 90.0,
//!       "destination_rule": null|{"name": "default/shop", "traffic_policy": ["loadBalancer"], …PLACE}, "missing": null|REASON,
//!       "endpoints": null|[{"address": "10.0.0.1:8080", "locality": null|"region/zone", "weight": 1, "percent": 100.0}],
//!       "request_edits": [{"verb": "set|add|remove", "name": "x-a", "value": null|"1"}],
//!       "upstream": null|{"method": "GET", "path": "/x", "authority": "shop.example.com", "headers": []}, …PLACE}],
//!    "policies": [{"name": "timeout", "words": "5s", …PLACE}], "response_edits": []},
//!  "nearest_miss": null|{"position": 1, …SOURCE, "failed": [FAILED]},
//!  "warnings": [{"code": "shadowed", "message": "…", "help": null|"…"}]}
//! SOURCE: "rule": "default/shop http[0] match[0]", "rules": […], "match": "0", "conditions": "prefix /v1", …PLACE
//! PLACE:  "file": null|"shop.yaml", "line": null|12
//! FAILED: {"on": "path|method|authority|scheme|header|query parameter", "name": null|"x-a", "expected": "must be 1", "got": null|"2", "hint": null|"…"}
//! REASON: {"message": "…", "help": null|"…", …PLACE}
//! ```
//! Other kinds of outcome: `answer` (`by`: `rule` for a redirect or a direct response, `fault` if the rule's fault aborts
//! every request; `winner`, `words`, `status`, `location`, `response_headers`, `body`, `policies`), `to_https`
//! (`status`, `location`), `not_found` (`status`, `message`, `reasons`), `refused` (`status`, `message`), `no_connection`
//! (`message`, `reasons`), `bytes` (`destination`, …PLACE: the connection is passed on as it is). What can't be known is null.

mod absent;
mod beside;
mod chain;
mod failed;
mod forward;
mod proxy;
mod screen;
mod story;
mod surprise;
mod tell;

use std::io::Write;

use clap::{Args, ValueEnum};
use fingerpost_simulated_proxy::{Header, Url};

use crate::args::{EngineName, Input};
use crate::failure::Failure;
use crate::load::load;
use crate::table;

/// What is told here, beside the rules that it is about, instead of as a finding.
const TOLD_HERE: &[&str] = &[
    "certificate-not-found",
    "gateway-not-found",
    "host-not-in-gateway",
    "subset-by-dns",
    "unknown-host",
    "unknown-port",
    "unknown-subset",
    "unreachable-match",
    "unreachable-rule",
];

/// Explain where a request goes, and why.
///
/// Tells the whole decision: the listener, the virtual host and those that it hides, each rule that is tried with the
/// first condition that fails, the winner, the rewrite, the destinations, and what the upstream receives. When nothing
/// matches: what came closest. Nothing is sent, no Envoy is needed.
#[derive(Debug, Args)]
#[command(
    allow_missing_positional = true,
    after_long_help = "\
Examples:
  fingerpost explain -f k8s/ http://shop.example.com/cart
  fingerpost explain -f k8s/ POST https://shop.example.com/cart -H 'x-canary: true'
  fingerpost explain -f k8s/ --format json http://shop.example.com/ | jq .outcome.kind

Exit codes: 0 explained, whatever comes of the request; 2 wrong usage, or input that is refused."
)]
pub(crate) struct Explain {
    #[command(flatten)]
    input: Input,

    /// The method
    #[arg(value_name = "METHOD", default_value = "GET")]
    method: String,

    /// The URL. Its scheme and port choose the listener, unless --port does
    #[arg(value_name = "URL", required = true)]
    url: Url,

    /// A header of the request, `name: value`; Host goes before the URL's host
    #[arg(short = 'H', long = "header", value_name = "HEADER", help_heading = "Request")]
    headers: Vec<Header>,

    /// The Gateway port that it is sent to
    #[arg(long, value_name = "PORT", help_heading = "Request")]
    port: Option<u32>,

    /// How to print it
    #[arg(long, value_enum, default_value = "text", help_heading = "Output")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Explain {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let options = self.input.options(EngineName::Wasm, String::new());
        let loaded = load(&self.input, options, TOLD_HERE)?;
        let headers = self.headers.into_iter().map(|it| (it.name, it.value));
        let method = self.method.to_ascii_uppercase();
        let told = tell::explain(&loaded, &method, &self.url, headers.collect(), self.port)?;
        let (mut out, text) = match self.format {
            Format::Text => {
                let text = screen::show(&told, &loaded.resources.sources, table::width());
                (crate::screen::stdout(), text)
            }
            Format::Json => {
                let value = serde_json::to_value(&told).map_err(std::io::Error::from)?;
                (crate::screen::json_stdout(), format!("{value:#}\n"))
            }
        };
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }
}
