//! From the command line to a compilation: reads, compiles, and shows what was found.

use fingerpost_config_compiler::{Compiled, Options, compile};
use fingerpost_resources::{Diagnostics, Resources, Severity, Sources, read, render};

use crate::args::Input;
use crate::failure::{Failure, count};
use crate::files;
use crate::style::note;

/// What was read, and what was made of it.
pub(crate) struct Loaded {
    pub(crate) resources: Resources,
    pub(crate) options: Options,
    pub(crate) compiled: Compiled,
}

/// Reads and compiles. What is found is shown on standard error; errors end it.
pub(crate) fn load(input: &Input, options: Options) -> Result<Loaded, Failure> {
    let sources = files::read(&input.files)?;
    let mut diagnostics = Diagnostics::new();
    let resources = read(sources, &mut diagnostics);
    let compiled = compile(&resources, &options, &mut diagnostics);
    if input.strict {
        diagnostics = strictly(diagnostics);
    }
    show(&diagnostics, &resources.sources);
    if diagnostics.has_errors() {
        return Err(Failure::Diagnosed);
    }
    Ok(Loaded {
        resources,
        options,
        compiled,
    })
}

impl Loaded {
    /// Says what no file of the input can change.
    pub(crate) fn note_plain_text(&self) {
        if !self.compiled.plan.clusters.is_empty() {
            note("upstreams are spoken to in plain text, unless a DestinationRule says otherwise");
        }
    }

    /// The kinds that have no say in routing, as `2 Deployment, 1 ConfigMap`.
    pub(crate) fn left_out(&self) -> Option<String> {
        let others: Vec<String> = self
            .resources
            .others
            .iter()
            .map(|(kind, number)| format!("{number} {kind}"))
            .collect();
        (!others.is_empty()).then(|| others.join(", "))
    }
}

fn strictly(diagnostics: Diagnostics) -> Diagnostics {
    let mut strict = Diagnostics::new();
    strict.extend(diagnostics.into_iter().map(|mut it| {
        it.severity = Severity::Error;
        it
    }));
    strict
}

/// Every finding beside its line, and how many there are.
fn show(diagnostics: &Diagnostics, sources: &Sources) {
    if diagnostics.is_empty() {
        return;
    }
    let (errors, warnings) = diagnostics.counts();
    let numbers: Vec<String> = [(errors, "error"), (warnings, "warning")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| count(number, noun))
        .collect();
    // `anstream` takes the colours out where they are not wanted.
    anstream::eprintln!("{}\n{}", render(diagnostics, sources, true), numbers.join(", "));
}
