//! `fingerpost compile`: files for Envoy.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use fingerpost_config_compiler::{Compilation, Endpoints, Engine, ListenerSummary, Options, Summary};
use fingerpost_resources::visible;
use fingerpost_terminal::count;
use fingerpost_terminal::findings::with_findings;
use fingerpost_terminal::messages::note;
use fingerpost_terminal::prose;
use fingerpost_terminal::style::{BOLD, DIM, NAME, paint};
use fingerpost_terminal::table::{self, Column};
use serde_json::{Value, json};

use crate::args::Input;
use crate::caller::Caller;
use crate::envoy_args::EnvoyArgs;
use crate::envoy_files::{BOOTSTRAP, MODULE, envoy_files};
use crate::failure::{Failure, answered_in_json, print_json};
use crate::load::{left_out, load, note_plain_text};
use crate::operations_args::{AdminArg, OperationsArgs, describe, note_public_admin};
use crate::output::{Artifact, write};

/// Compile resources to files for Envoy
///
/// Writes to DIR: envoy.json (the bootstrap), fingerpost.wasm (the filter) and routing.json (the filter's configuration,
/// for reading). Nothing is written if the input has errors. One kind of error stops nothing: a Secret whose certificate or key Envoy
/// would refuse. The servers that need it refuse connections, all others serve, and the exit code is 1.
///
/// With --xds, envoy.json is small and never changes with the rules: Envoy reads listeners, clusters, route tables and the
/// filter's configuration from the files in DIR/xds, and again when they are replaced. `fingerpost sync` replaces them in the
/// order that loses no request.
///
/// For certificates that come from files, certs/*.json tells Envoy where they are. Envoy starts without the files:
/// servers that need them refuse connections until they are there.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  fingerpost compile -f bookinfo.yaml -o out && envoy -c out/envoy.json
  fingerpost compile -f k8s/ --labels app=gateway,env=prod --proxy-namespace ingress -o out
  fingerpost compile -f k8s/ --xds --mounted-at /etc/envoy -o out
  kubectl get gw,vs,dr,se,svc -A -o yaml | fingerpost compile -f - -o out")]
pub(crate) struct Compile {
    #[command(flatten)]
    input: Input,

    /// Directory for the files; it is made if it is missing
    #[arg(short = 'o', long = "output", value_name = "DIR", help_heading = "Output")]
    output: PathBuf,

    #[command(flatten)]
    envoy: EnvoyArgs,

    /// Write a small bootstrap and the files that Envoy reads while it runs, in DIR/xds
    #[arg(long, help_heading = "Output")]
    xds: bool,

    #[command(flatten)]
    admin: AdminArg,

    #[command(flatten)]
    operations: OperationsArgs,

    /// How to print what was made
    #[arg(long, value_enum, default_value = "text", help_heading = "Output")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Compile {
    /// Runs the command.
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.format {
            Format::Text => self.compile(),
            Format::Json => answered_in_json(self.compile()),
        }
    }

    fn compile(&self) -> Result<(), Failure> {
        if self.envoy.xds_path.is_some() && !self.xds {
            return Err(Failure::refused(
                "--xds-path needs --xds: without it there is no folder xds",
            ));
        }
        let module_path = self.envoy.module_path(&self.output, MODULE)?;
        let xds_path = self.xds.then(|| self.envoy.xds_path(&self.output)).transpose()?;
        let operations = self.operations.operations(self.admin.address());
        note_public_admin(&operations);
        let options = Options {
            operations: Some(operations),
            name_rules: self.operations.name_rules(),
            ..self
                .envoy
                .complete(self.input.options(self.envoy.engine, module_path))
        };
        // The process ends with the command, which is quicker than freeing what may be very much.
        let loaded = ManuallyDrop::new(load(&self.input, Caller::Compile, options, &[])?);

        let files = envoy_files(&loaded.compiled, xds_path.as_deref());
        let artifacts: Vec<Artifact<'_>> = files.iter().map(Artifact::from).collect();
        let written = write(&self.output, &artifacts)?;

        note_plain_text(&loaded.compiled.summary);
        if loaded.compiled.holds_private_key() {
            let holder = if self.xds { "a file in xds" } else { BOOTSTRAP };
            note(format_args!("{holder} holds a private key: only you may read it"));
        }
        match self.format {
            Format::Text => {
                let mut out = fingerpost_terminal::screen::stdout();
                out.write_all(summary(&loaded, &written, &self.output).as_bytes())?;
                out.flush()?;
            }
            Format::Json => print_json(&with_findings(as_json(&loaded, &written), &loaded.findings))?,
        }
        if loaded.findings.has_errors() {
            return Err(Failure::Findings);
        }
        Ok(())
    }
}

fn as_json(loaded: &Compilation, written: &[PathBuf]) -> Value {
    let summary = &loaded.compiled.summary;
    let listeners = summary.listeners.iter().map(|listener| {
        json!({
            "name": listener.name,
            "port": listener.port,
            "listen_port": listener.listen_port,
            "protocol": listener.protocol,
            "hosts": hosts(listener),
            "rules": rules(listener),
        })
    });
    json!({
        "version": 1,
        "envoy": loaded.options.envoy.to_string(),
        "engine": match loaded.options.engine {
            Engine::Wasm => "wasm",
            Engine::Native => "native",
        },
        "written": written.iter().map(|it| it.to_string_lossy()).collect::<Vec<_>>(),
        "listeners": listeners.collect::<Vec<Value>>(),
        "clusters": summary.clusters.len(),
    })
}

/// What was made, in a few lines.
fn summary(loaded: &Compilation, written: &[PathBuf], output: &Path) -> String {
    let summary = &loaded.compiled.summary;
    let sources = count(loaded.resources.sources.iter().count(), "file");
    let engine = match loaded.options.engine {
        Engine::Wasm => "the filter",
        Engine::Native => "Envoy's own router",
    };
    let mut text = format!(
        "Compiled {sources} for {}; {engine} matches requests\n\n",
        paint(BOLD, format_args!("Envoy {}", loaded.options.envoy))
    );
    text.push_str(&listeners(summary));
    let mut facts = vec![("clusters", clusters(summary))];
    facts.extend(loaded.options.operations.iter().flat_map(describe));
    facts.extend(left_out(&loaded.resources).map(|it| ("not used", visible(&it).into_owned())));
    text.push_str(&prose::labelled(&facts, 2, table::width()));
    let run = output.join(BOOTSTRAP);
    let run = format!("envoy -c {}", fingerpost_curl::quote(&run.to_string_lossy()));
    let files: Vec<String> = written
        .iter()
        .map(|it| visible(&it.to_string_lossy()).into_owned())
        .collect();
    let wrote = prose::labelled(&[("Wrote", files.join("\n"))], 0, table::width());
    let _ = write!(text, "\n{wrote}{}    {}\n", paint(DIM, "Run"), paint(BOLD, run));
    text
}

fn listeners(summary: &Summary) -> String {
    let columns = [
        Column::text("listener", NAME),
        Column::text("protocol", DIM),
        Column::number("hosts", DIM),
        Column::number("rules", DIM),
    ];
    let rows: Vec<Vec<String>> = summary
        .listeners
        .iter()
        .map(|listener| {
            vec![
                listener.name.clone(),
                listener.protocol.clone(),
                hosts(listener).to_string(),
                rules(listener).to_string(),
            ]
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let widths = table::fit(&columns, &rows, 2, table::width().unwrap_or(usize::MAX));
    let mut text = table::titles(&columns, &widths, 2, DIM);
    for row in &rows {
        text.push_str(&table::row(&columns, &widths, 2, row));
    }
    text.push('\n');
    text
}

fn hosts(listener: &ListenerSummary) -> usize {
    listener.hosts.iter().map(|it| it.domains.len()).sum()
}

/// How many different rules a listener has: one with three matches for two hosts counts once.
fn rules(listener: &ListenerSummary) -> usize {
    let routes = || listener.hosts.iter().flat_map(|host| &host.routes);
    let named: BTreeSet<_> = routes()
        .filter_map(|it| it.rule.as_ref())
        .map(|it| &it.rules)
        .collect();
    named.len() + routes().filter(|it| it.rule.is_none()).count()
}

fn clusters(summary: &Summary) -> String {
    let (mut known, mut empty, mut by_dns) = (0, 0, 0);
    for cluster in &summary.clusters {
        match cluster.endpoints {
            Endpoints::Known(_) => known += 1,
            Endpoints::Empty(_) => empty += 1,
            Endpoints::Dns { .. } => by_dns += 1,
        }
    }
    let all = summary.clusters.len().to_string();
    match (known, empty, by_dns) {
        (0, 0, 0) => all,
        (_, 0, 0) => format!("{all}, endpoints known"),
        (0, _, 0) => format!("{all}, without endpoints"),
        (0, 0, _) => format!("{all}, endpoints found by DNS"),
        _ => {
            let parts = [
                (known, "with known endpoints"),
                (by_dns, "found by DNS"),
                (empty, "without endpoints"),
            ];
            let parts = parts.into_iter().filter(|(number, _)| *number > 0);
            let parts: Vec<String> = parts.map(|(number, words)| format!("{number} {words}")).collect();
            format!("{all}: {}", parts.join(", "))
        }
    }
}
