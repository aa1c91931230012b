//! `explain`: why a request goes where it goes.
//!
//! The analysis, and the JSON form of its result, are those of `fingerpost-explain`; `screen` shows it.

mod screen;

use fingerpost_resources::Code;
use std::io::Write;

use clap::{Args, ValueEnum};
use fingerpost_explain::explain_each;
use fingerpost_simulated_proxy::{Header, Url};
use fingerpost_terminal::table;

use crate::args::{EngineName, Input};
use crate::caller::Caller;
use crate::failure::Failure;
use crate::load::load_each;
use crate::proxy;

/// What is told here, beside the rules that it is about, instead of as a finding.
const TOLD_HERE: &[Code] = &[
    Code::CertificateNotFound,
    Code::DelegateConflict,
    Code::DelegateNotFound,
    Code::DelegateNotNamed,
    Code::GatewayNotFound,
    Code::GatewayNotNamed,
    Code::GatewayNotSelected,
    Code::HostNotInGateway,
    Code::KindNotRead,
    Code::MatchWithoutServer,
    Code::NoGateway,
    Code::NotExported,
    Code::OnlyForSidecars,
    Code::RulesWithoutServer,
    Code::ServerDropped,
    Code::ServerWithoutRoute,
    Code::SubsetByDns,
    Code::UnknownHost,
    Code::UnknownPort,
    Code::UnknownSubset,
    Code::UnreachableMatch,
    Code::UnreachableRule,
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

Exit codes: 0 explained, whatever the outcome of the request; 2 usage error or invalid input."
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

    /// The method, as curl names it
    #[arg(
        short = 'X',
        long = "request",
        value_name = "METHOD",
        conflicts_with = "method",
        help_heading = "Request"
    )]
    method_option: Option<String>,

    /// A header of the request, `name: value`; Host goes before the URL's host
    #[arg(short = 'H', long = "header", value_name = "HEADER", help_heading = "Request")]
    headers: Vec<Header>,

    /// Gateway port that the request is sent to
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
        let proxies = load_each(&self.input, Caller::Explain, options, TOLD_HERE)?;
        let headers = self.headers.into_iter().map(|it| (it.name, it.value));
        let headers: Vec<(String, String)> = headers.collect();
        let method = self.method_option.unwrap_or(self.method).to_ascii_uppercase();
        let (chosen, told) = explain_each(&proxies, &method, &self.url, &headers, self.port)?;
        let (mut out, text) = match self.format {
            Format::Text => {
                let several = proxies.len() > 1;
                let proxy = proxies.get(chosen).ok_or(Failure::Diagnosed)?;
                let labels = several.then(|| proxy::shown(&proxy.options.labels));
                let sources = &proxy.resources.sources;
                let text = screen::show(&told, labels.as_deref(), sources, table::width());
                (fingerpost_terminal::screen::stdout(), text)
            }
            Format::Json => {
                let value = serde_json::to_value(&told).map_err(std::io::Error::from)?;
                (fingerpost_terminal::screen::json_stdout(), format!("{value:#}\n"))
            }
        };
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }
}
