//! `fingerpost request`: what comes of a request, without an Envoy.
//!
//! The compiled bootstrap answers: `fingerpost-proxy-model` is Envoy around the filter, and the filter is the real
//! module in `fingerpost-simulator`, or the same code natively. With `--requests` each line is a request in the form
//! of a conformance case's `request`, and each line of the answer an outcome in the form of its `expect`:
//! ```json
//! {"port": 80, "method": "GET", "path": "/v1/x", "authority": "shop.example.com", "headers": [["k", "v"]]}
//! {"status": 200, "cluster": "outbound|80|v1|shop.default.svc.cluster.local", "upstream": {…}, "rule": {…}}
//! ```
//! Where they apply, an outcome has `proxy` (the labels of the proxy that answers, of several), `assumed` (what is taken to
//! exist, as `explain` has it), `why` (why the request reaches no upstream; with `--requests` only if a sidecar would route it) and
//! `by_chance` (what weights, faults and mirrors do to a part of the requests: the outcome is one draw; not with `--requests`).
//! What the model can't decide is `{"skipped": "the reason"}`; so is a line that is not a request, and then the exit code
//! is 2. Answers come in the order of the requests, and nothing else is on standard output.

mod proxies;
mod screen;

use std::fs;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use fingerpost_config_compiler::Compilation;
use fingerpost_curl::{CurlRequest, Redirects};
use fingerpost_explain::Assumed;
use fingerpost_input_files::read_line;
use fingerpost_proxy_model::{Outcome, Request as Sent, Tls, Version};
use fingerpost_resources::{Code, Diagnostics};
use fingerpost_simulated_proxy::{Scheme, ServerName, is_served};
use fingerpost_terminal::findings::with_findings;
use fingerpost_terminal::messages::note;
use serde::Serialize;

use crate::args::{EngineName, Input, RuntimeName};
use crate::caller::Caller;
use crate::failure::{Failure, answered_in_json};
use crate::load::{findings_of, load_each};
use crate::request_args::RequestArgs;
use proxies::{Answer, Proxies};

/// Send a request through the compiled rules, without Envoy
///
/// Shows what the upstream, an echo server, would receive and what the client gets. The filter is the module that
/// Envoy would load, run in a simulator; around it runs a model of Envoy, which reports when it cannot predict the outcome.
#[derive(Debug, Args)]
#[command(
    allow_missing_positional = true,
    args_override_self = true,
    after_long_help = "\
Examples:
  fingerpost request -f k8s/ http://shop.example.com/v1/cart
  fingerpost request -f k8s/ POST http://shop.example.com/login -H 'x-a: 1' -d a=b
  fingerpost request -f k8s/ -L -d @login.txt http://shop.example.com/login
  xclip -o | fingerpost request -f k8s/ --curl -
  fingerpost request -f k8s/ --requests in.jsonl --format json > out.jsonl

A line of --requests is a JSON object; `headers`, `tls` and `version` may be left out:
  {\"port\": 80, \"method\": \"GET\", \"path\": \"/cart?id=7\",
   \"authority\": \"shop.example.com\", \"headers\": [[\"x-a\", \"1\"]],
   \"tls\": {\"sni\": \"shop.example.com\"}, \"version\": \"HTTP/1.1\"}
`port` is that of the Gateway. (Each object is one line; it is broken here to fit.)

If weights, faults or mirrors decide about a request, one of the possible outcomes is drawn, and the answer says so.
`fingerpost explain` shows all of them with their shares.

Flags of curl have curl's meaning. Those that do not change the request, such as -s, -k, -v and -o, are accepted and have \
no effect; --curl accepts all of curl's. No `user-agent` and no `accept: */*` are added. The path is sent as it is written.

Exit codes: 0 answered; 2 usage error, invalid input, or a line that is not a request; 5 the module does not run."
)]
pub(crate) struct Request {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    request: RequestArgs,

    /// Requests to answer, one JSON object a line; `-` for standard input
    #[arg(
        long,
        value_name = "FILE|-",
        group = "without_url",
        help_heading = "Request, in curl's flags"
    )]
    requests: Option<PathBuf>,

    /// How to run the filter
    #[arg(long, value_enum, default_value = "wasm", help_heading = "Output")]
    filter_runtime: RuntimeName,

    /// How to print the outcome
    #[arg(long, value_enum, default_value = "text", help_heading = "Output")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    #[value(alias = "human")]
    Text,
    Json,
}

impl Request {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.format {
            Format::Text => self.answer_all(),
            Format::Json => answered_in_json(self.answer_all()),
        }
    }

    fn answer_all(&self) -> Result<(), Failure> {
        let options = self.input.options(EngineName::Wasm, String::new());
        let request = self.request.read(Caller::Request, &self.input)?;
        let loaded = load_each(
            &self.input,
            Caller::Request,
            options,
            &[Code::CertificateNotFound, Code::SubsetByDns],
        )?;
        let findings = findings_of(&loaded);
        // The process ends with the command, which is quicker than freeing what may be very much.
        let proxies = Proxies::new(loaded, self.filter_runtime, self.requests.is_none())?;
        let mut proxies = ManuallyDrop::new(proxies);
        let mut out = BufWriter::new(match self.format {
            Format::Text => fingerpost_terminal::screen::stdout(),
            Format::Json => fingerpost_terminal::screen::json_stdout(),
        });
        match (&self.requests, request) {
            (Some(file), _) => self.answer_lines(file, &mut proxies, &mut out)?,
            (None, Some(request)) => self.answer(request, &mut proxies, &findings, &mut out)?,
            (None, None) => return Err(Failure::refused("expected a URL, --curl or --requests")),
        }
        Ok(out.flush()?)
    }

    /// Answers a request, with `-L` those that it is redirected to as well.
    fn answer(
        &self,
        mut request: CurlRequest,
        proxies: &mut Proxies,
        findings: &Diagnostics,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        // They are told once, beside the first answer.
        let mut findings = Some(findings);
        let mut redirects = Redirects::default();
        let mut port = self.request.port;
        let mut server_name = self.request.server_name();
        loop {
            let chosen = port.take();
            let name = std::mem::take(&mut server_name);
            if let Some(unserved) = proxies.unserved_port(&request).filter(|_| chosen.is_none()) {
                note(unserved);
            }
            let answer = proxies.answer(|proxy| sent(&request, chosen, &name, proxy))?;
            self.print(&answer, findings.take(), out)?;
            let redirect = answer.outcome.as_ref().ok().and_then(redirect);
            let Some((status, location)) = redirect.filter(|_| request.follows_redirects) else {
                return Ok(());
            };
            match redirects.next(&request, status, location) {
                Ok(next) => request = next,
                Err(stop) => {
                    out.flush()?;
                    note(stop);
                    return Ok(());
                }
            }
            if matches!(self.format, Format::Text) {
                writeln!(out)?;
            }
        }
    }

    fn answer_lines(&self, file: &Path, proxies: &mut Proxies, out: &mut impl Write) -> Result<(), Failure> {
        let mut wrong = 0;
        for (number, line) in lines(file)?.enumerate() {
            let line = line.map_err(|error| unreadable(file, &error))?;
            let parsed: Result<Sent, serde_json::Error> = serde_json::from_slice(&line);
            match parsed {
                Ok(sent) => {
                    let answer = proxies.answer(|_| Ok(sent.clone()))?;
                    self.print(&answer, None, out)?;
                }
                Err(error) => {
                    wrong += 1;
                    let reason = format!("line {} is not a request: {}", number + 1, without_line(&error));
                    match self.format {
                        Format::Json => write_json(&serde_json::json!({"skipped": reason}), out)?,
                        Format::Text => writeln!(out, "{reason}")?,
                    }
                }
            }
        }
        if wrong > 0 {
            out.flush()?;
            return Err(Failure::refused(format!(
                "{}: {}",
                file.display(),
                if wrong == 1 {
                    "1 line is not a request".to_owned()
                } else {
                    format!("{wrong} lines are not requests")
                }
            )));
        }
        Ok(())
    }

    fn print(&self, answer: &Answer, findings: Option<&Diagnostics>, out: &mut impl Write) -> io::Result<()> {
        if matches!(self.format, Format::Text) {
            return screen::show(answer, out);
        }
        let value = match &answer.outcome {
            Ok(outcome) => serde_json::to_value(AnswerJson {
                outcome,
                proxy: answer.proxy.as_deref(),
                assumed: &answer.assumed,
                why: (!answer.why.is_empty()).then(|| answer.why.join("; ")),
                // The lines of --requests have the fields of recorded outcomes.
                by_chance: if self.requests.is_some() {
                    &[]
                } else {
                    &answer.by_chance
                },
            })?,
            Err(skipped) => serde_json::to_value(skipped)?,
        };
        match findings {
            Some(findings) => write_json(&with_findings(value, findings), out),
            None => write_json(&value, out),
        }
    }
}

/// An outcome as JSON, with what is known beside it.
#[derive(Serialize)]
struct AnswerJson<'a> {
    #[serde(flatten)]
    outcome: &'a Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Assumed]>::is_empty")]
    assumed: &'a [Assumed],
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    by_chance: &'a [String],
}

/// The request as the model takes it. `port` is that of `--port`.
fn sent(
    request: &CurlRequest,
    port: Option<u16>,
    server_name: &ServerName,
    loaded: &Compilation,
) -> Result<Sent, Failure> {
    let summary = &loaded.compiled.summary;
    let url = &request.url;
    let connected = request.connect_port.filter(|it| is_served(*it, summary));
    Ok(Sent {
        port: port.map_or_else(
            || fingerpost_simulated_proxy::port(connected.or(url.port()), url.scheme, summary),
            Ok,
        )?,
        method: request.method.clone(),
        path: url.target.clone(),
        tls: (url.scheme == Some(Scheme::Https)).then(|| Tls {
            // As curl does it: the `host` header does not change the server name.
            sni: server_name.for_host(&url.authority),
            client_cert: None,
        }),
        authority: request.authority().map(str::to_owned),
        headers: request.headers.clone(),
        version: Version::default(),
    })
}

/// What is wrong with a line, with its column: the parser counts each as line 1.
fn without_line(error: &serde_json::Error) -> String {
    let message = error.to_string().replace(" at line 1 column ", " at column ");
    message.replace("expected u16", "expected a port, a number up to 65535")
}

/// The status of a redirect, and where it leads.
fn redirect(outcome: &Outcome) -> Option<(u16, &str)> {
    let mut headers = outcome.response_headers.iter();
    let (_, location) = headers.find(|(name, _)| name == "location")?;
    ((300..400).contains(&outcome.status)).then_some((outcome.status, location))
}

/// The lines of a file, without those that are blank.
fn lines(file: &Path) -> Result<impl Iterator<Item = io::Result<Vec<u8>>>, Failure> {
    let mut reader: Box<dyn BufRead> = if file.as_os_str() == "-" {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let opened = fs::File::open(file).map_err(|error| unreadable(file, &error))?;
        Box::new(BufReader::new(opened))
    };
    let lines = std::iter::from_fn(move || read_line(&mut reader));
    Ok(lines.filter(|line| !line.as_ref().is_ok_and(|it| it.trim_ascii().is_empty())))
}

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    Failure::refused(format!("{}: {error}", file.display()))
}

fn write_json(value: &impl serde::Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}
