//! `explain`: why a request goes where it goes.
//!
//! The analysis, and the JSON form of its result, are those of `fingerpost-explain`; `screen` shows it.

mod redirects;

use fingerpost_resources::{Code, Diagnostics};
use std::io::Write;
use std::mem::ManuallyDrop;

use clap::{Args, ValueEnum};
use fingerpost_terminal::explanation::{self, View};
use fingerpost_terminal::findings::with_findings;
use fingerpost_terminal::messages::{self, Verbosity};
use fingerpost_terminal::table;

use crate::args::{EngineName, Input};
use crate::caller::Caller;
use crate::failure::{Failure, answered_in_json, print_json};
use crate::load::{findings_of, load_each};
use crate::proxy;
use crate::request_args::RequestArgs;
use redirects::{Redirects, follow};

/// Findings that the explanation itself shows beside the rules.
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

/// Explain where a request goes and why
///
/// The answer comes first: the rule and the destination, or the status, the rule that came closest and how to fix it.
/// Then every step of the decision: the listener, the virtual host, and each rule that was tried with the first condition
/// that fails. Rules for other paths are counted; --all lists them. Nothing is sent, and no Envoy is needed.
#[derive(Debug, Args)]
#[command(
    allow_missing_positional = true,
    args_override_self = true,
    after_long_help = "\
Examples:
  fingerpost explain -f k8s/ http://shop.example.com/cart
  fingerpost explain -f k8s/ POST https://shop.example.com/cart -H 'x-a: 1'
  fingerpost explain -f k8s/ --sni www.example.com https://shop.example.com/
  fingerpost explain -f k8s/ -L --json '{\"id\": 7}' http://shop.example.com/cart
  xclip -o | fingerpost explain -f k8s/ --curl -
  fingerpost explain -f k8s/ --format json http://shop.example.com/ | jq .outcome

Flags of curl have curl's meaning. Those that do not change the request, such as -s, -k, -v and -o, are accepted and have \
no effect; --curl accepts all of curl's. No `user-agent` and no `accept: */*` are added. The path is sent as it is written.

Exit codes: 0 explained, whatever the outcome of the request; 2 usage error or invalid input."
)]
pub(crate) struct Explain {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    request: RequestArgs,

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
        match self.format {
            Format::Text => self.answer(),
            Format::Json => answered_in_json(self.answer()),
        }
    }

    fn answer(&self) -> Result<(), Failure> {
        let options = self.input.options(EngineName::Wasm, String::new());
        let request = self.request.read(Caller::Explain, &self.input)?;
        let request =
            request.ok_or_else(|| Failure::refused("expected a URL, or --curl with a curl command"))?;
        // The process ends with the command, which is quicker than freeing what may be very much.
        let proxies = ManuallyDrop::new(load_each(&self.input, Caller::Explain, options, TOLD_HERE)?);
        let (chosen, told, redirects) = follow(
            &proxies,
            request,
            self.request.port.map(u32::from),
            self.request.server_name(),
        )?;
        match self.format {
            Format::Text => {
                let several = proxies.len() > 1;
                let proxy = proxies
                    .get(chosen)
                    .ok_or_else(|| Failure::Diagnosed(Diagnostics::new()))?;
                let labels = several.then(|| proxy::shown(&proxy.options.labels));
                let view = View {
                    before: redirects.iter().flat_map(Redirects::lines).collect(),
                    proxy: labels.as_deref(),
                    all_rules: messages::verbosity() == Verbosity::All,
                };
                let text = explanation::show(&told, &view, table::width());
                let mut out = fingerpost_terminal::screen::stdout();
                out.write_all(text.as_bytes())?;
                Ok(out.flush()?)
            }
            Format::Json => {
                let mut value = serde_json::to_value(&told).map_err(std::io::Error::from)?;
                if let (Some(redirects), Some(fields)) = (&redirects, value.as_object_mut()) {
                    let redirects = serde_json::to_value(redirects).map_err(std::io::Error::from)?;
                    fields.insert("redirects".to_owned(), redirects);
                }
                print_json(&with_findings(value, &findings_of(&proxies)))
            }
        }
    }
}
