//! From the command line to a compilation: reads, compiles, and shows what was found.

use std::collections::BTreeSet;
use std::path::PathBuf;

use fingerpost_config_compiler::{
    Assume, Cause, Compilation, Options, Summary, compile_valid, compile_without_invalid, imply,
    namespace_of_gateways,
};
use fingerpost_input_files::{ReadOptions, Skipped, read};
use fingerpost_resources::{
    Code, DEFAULT_NAMESPACE, Diagnostic, Diagnostics, Resources, Severity, Source, Sources, read_in, visible,
};
use fingerpost_terminal::count;
use fingerpost_terminal::findings;
use fingerpost_terminal::messages::{listed, note, note_once};
use fingerpost_terminal::names::set_domain;

use crate::args::Input;
use crate::assumed;
use crate::caller::{Caller, Proxies};
use crate::certificates;
use crate::failure::Failure;
use crate::ignored::Ignored;
use crate::proxy::{self, Proxy};
use crate::render_args::RenderArgs;

/// What to read, and how to judge it.
pub(crate) struct LoadOptions<'o> {
    pub(crate) caller: Caller,
    /// Files and folders, as `-f` names them.
    pub(crate) files: &'o [PathBuf],
    /// Treat warnings as errors, and refuse what is invalid.
    pub(crate) strict: bool,
    /// Namespace of resources that name none.
    pub(crate) namespace: Option<&'o str>,
    /// Whether the user names the labels of the proxy.
    pub(crate) labels_are_given: bool,
    /// Assume nothing that the input does not have.
    pub(crate) complete: bool,
    /// Name each file of a folder that is not read.
    pub(crate) list_skipped: bool,
    /// Binds every VirtualService to a Gateway for all hosts on port 80, in place of those that are written.
    pub(crate) implies_gateway: bool,
    /// Codes of findings that the caller reports itself, or that have no effect for it.
    pub(crate) ignored_codes: &'o [Code],
    /// Which folders are read through the tools that make resources of them.
    pub(crate) render: &'o RenderArgs,
    /// Findings that are counted and not shown.
    pub(crate) ignored: &'o Ignored,
}

impl LoadOptions<'_> {
    /// Whether what is invalid is left out, and the rest answers.
    pub(crate) fn answers_in_part(&self) -> bool {
        self.caller.leaves_invalid_out() && !self.strict
    }

    /// Whether a Secret that Envoy would refuse is left out.
    fn leaves_secrets_out(&self) -> bool {
        self.caller.leaves_secrets_out() && !self.strict
    }
}

/// What may be wrong for one of several proxies and right for another.
const FOUND_FOR_EVERY_PROXY: &[Code] = &[
    Code::GatewayNotFound,
    Code::GatewayNotNamed,
    Code::GatewayNotSelected,
];

/// Reads and compiles for one proxy. What is found is shown on standard error, except findings with a code in
/// `ignored_codes`. An error ends it, except one in a resource that the caller answers without.
pub(crate) fn load(
    input: &Input,
    caller: Caller,
    options: Options,
    ignored_codes: &[Code],
) -> Result<Compilation, Failure> {
    load_with(&LoadOptions::of(input, caller, ignored_codes), options)
}

/// As [`load`], for each proxy that may be meant: at least one.
pub(crate) fn load_each(
    input: &Input,
    caller: Caller,
    options: Options,
    ignored_codes: &[Code],
) -> Result<Vec<Compilation>, Failure> {
    let reading = LoadOptions::of(input, caller, ignored_codes);
    let proxies = compile_each(&reading, options)?;
    if let [_, _, ..] = proxies.as_slice() {
        let names: Vec<String> = proxies.iter().map(Compiled::name).collect();
        note_once(format!(
            "the Gateways are for {} proxies, and each is answered for: {}; --labels chooses one",
            names.len(),
            names.join(", ")
        ));
    }
    finish(&reading, proxies)
}

impl<'o> LoadOptions<'o> {
    fn of(input: &'o Input, caller: Caller, ignored_codes: &'o [Code]) -> Self {
        Self {
            caller,
            files: &input.files,
            strict: input.strict,
            namespace: input.namespace.as_deref(),
            labels_are_given: input.labels.is_some(),
            complete: input.complete,
            list_skipped: input.list_skipped,
            implies_gateway: input.no_gateway,
            ignored_codes,
            render: &input.render,
            ignored: &input.ignored,
        }
    }

    /// What Envoy is to run is never guessed.
    fn is_complete(&self) -> bool {
        self.complete || self.caller.assumes_nothing()
    }
}

/// What came of one of the proxies.
struct Compiled {
    outcome: Outcome,
    /// The Gateway that its labels are taken from.
    gateway: Option<String>,
    /// Findings that the user has chosen not to see.
    ignored: Diagnostics,
}

enum Outcome {
    Compiled(Box<Compilation>),
    /// Nothing, because of the errors among the findings.
    Invalid {
        options: Box<Options>,
        findings: Diagnostics,
        sources: Sources,
    },
}

impl Compiled {
    /// How `--labels` chooses it.
    fn name(&self) -> String {
        let labels = proxy::shown(&self.options().labels);
        match &self.gateway {
            Some(gateway) => format!("{labels} (Gateway {})", visible(gateway)),
            None => labels,
        }
    }

    fn number_of_routes(&self) -> usize {
        match &self.outcome {
            Outcome::Compiled(it) => it.compiled.summary.routes().count(),
            Outcome::Invalid { .. } => 0,
        }
    }

    fn options(&self) -> &Options {
        match &self.outcome {
            Outcome::Compiled(it) => &it.options,
            Outcome::Invalid { options, .. } => options,
        }
    }

    fn findings(&self) -> &Diagnostics {
        match &self.outcome {
            Outcome::Compiled(it) => &it.findings,
            Outcome::Invalid { findings, .. } => findings,
        }
    }

    fn sources(&self) -> &Sources {
        match &self.outcome {
            Outcome::Compiled(it) => &it.resources.sources,
            Outcome::Invalid { sources, .. } => sources,
        }
    }
}

/// Does what [`load`] does, for other than the usual options.
pub(crate) fn load_with(reading: &LoadOptions<'_>, options: Options) -> Result<Compilation, Failure> {
    let mut proxies = compile_each(reading, options)?;
    // The first of those with the most rules.
    let chosen = (0..proxies.len())
        .rev()
        .max_by_key(|it| proxies.get(*it).map_or(0, Compiled::number_of_routes));
    let chosen = proxies.swap_remove(chosen.unwrap_or_default());
    if !proxies.is_empty() {
        let others: Vec<String> = proxies.iter().map(Compiled::name).collect();
        note_once(format!(
            "the Gateways are for {} proxies; this is the one with the most rules, {}: {} chooses {}",
            others.len() + 1,
            chosen.name(),
            reading.caller.option_for_labels(),
            others.join(" or ")
        ));
    }
    let mut finished = finish(reading, vec![chosen])?;
    finished
        .pop()
        .ok_or_else(|| Failure::Diagnosed(Diagnostics::new()))
}

/// Reads, and compiles for each proxy.
fn compile_each(reading: &LoadOptions<'_>, options: Options) -> Result<Vec<Compiled>, Failure> {
    set_domain(&options.domain);
    let files = read(
        reading.files,
        &ReadOptions {
            command: reading.caller.name(),
            render: reading.render.render(),
            answers_in_part: reading.answers_in_part(),
            fills_in: reading.answers_in_part() && !reading.is_complete(),
        },
    )?;
    let number_of_files = files.sources.len();
    let mut diagnostics = Diagnostics::new();
    let namespace = reading.namespace.unwrap_or(DEFAULT_NAMESPACE);
    let may_be_elsewhere = reading.namespace.is_none() && reading.answers_in_part() && !reading.is_complete();
    let mut resources = read_in(files.sources, namespace, &mut diagnostics);
    if let Some((namespace, of_gateways)) = namespace_of_gateways(&resources).filter(|_| may_be_elsewhere) {
        let mut sources: Vec<Source> = resources.sources.iter().cloned().collect();
        for source in sources.iter_mut().filter(|it| of_gateways.contains(&it.name)) {
            source.add_stand_in("metadata.namespace", &namespace);
        }
        note_once(format!(
            "resources without a namespace are taken to be in {}, where VirtualServices name their Gateway: -n names another",
            visible(&namespace)
        ));
        diagnostics = Diagnostics::new();
        resources = read_in(sources, &namespace, &mut diagnostics);
    }
    note_skipped(&files.skipped, &resources, number_of_files, reading.list_skipped);
    if let Some(routes) = resources.other_routes() {
        note_once(visible(&routes).into_owned());
    }
    note_namespace(reading, &resources);
    if reading.implies_gateway {
        imply(&mut resources, &options, &mut diagnostics);
    }
    let assume = if reading.is_complete() || reading.implies_gateway {
        Assume::Nothing
    } else {
        Assume::GatewaysAndServices
    };
    let given = options.namespace.clone();
    let is_given = reading.labels_are_given || reading.complete || reading.implies_gateway;
    let groups = match reading.caller.proxies() {
        Proxies::UsualOrSelected if !is_given => proxy::find(&resources, &options, assume),
        Proxies::AllSelected if !reading.labels_are_given => proxy::find_all(&resources, &options, assume),
        Proxies::Usual | Proxies::UsualOrSelected | Proxies::AllSelected => vec![vec![Proxy {
            options,
            assume,
            gateway: None,
        }]],
    };
    let number = groups.iter().map(Vec::len).sum();
    // The last one gets the originals, all others get copies.
    let mut inputs = std::iter::repeat_n((resources, diagnostics), number);
    let compile = |(proxy, (resources, diagnostics))| {
        let may_be_read_in_part = |file: &str| files.found.contains(file);
        compile_for(proxy, reading, resources, diagnostics, may_be_read_in_part)
    };
    let mut compiled: Vec<Compiled> = Vec::new();
    for group in groups {
        let of_group: Vec<Compiled> = group.into_iter().zip(&mut inputs).map(compile).collect();
        let has_route = of_group.iter().any(|it| it.number_of_routes() > 0);
        if hides_errors(&compiled, &of_group) {
            break;
        }
        if has_route || compiled.is_empty() {
            compiled = of_group;
        }
        if has_route {
            compiled.retain(|it| it.number_of_routes() > 0);
            break;
        }
    }
    if let [only] = compiled.as_slice()
        && let Some(gateway) = &only.gateway
    {
        proxy::note_labels(only.options(), &given, gateway, reading.caller);
    }
    Ok(compiled)
}

/// Whether the usual proxy, which has no route, has errors that the others don't.
fn hides_errors(usual: &[Compiled], others: &[Compiled]) -> bool {
    let usual = usual.iter().filter(|it| it.gateway.is_none());
    let mut errors = usual.flat_map(|it| it.findings().iter().filter(|it| it.severity == Severity::Error));
    errors.any(|error| !others.iter().any(|it| has_like(it.findings(), error)))
}

fn compile_for(
    proxy: Proxy,
    reading: &LoadOptions<'_>,
    mut resources: Resources,
    mut diagnostics: Diagnostics,
    may_be_read_in_part: impl Fn(&str) -> bool,
) -> Compiled {
    let Proxy {
        options,
        assume,
        gateway,
    } = proxy;
    let compiled = if reading.answers_in_part() {
        compile_without_invalid(
            &mut resources,
            &options,
            assume,
            &mut diagnostics,
            may_be_read_in_part,
        )
    } else {
        compile_valid(&mut resources, &options, assume, &mut diagnostics)
    };
    if let Some(valid) = compiled
        .as_ref()
        .filter(|_| !reading.ignored_codes.contains(&certificates::NOT_FOUND))
    {
        let mounted = options.mounted_secrets.as_ref();
        fingerpost_certificates::check(&valid.compiled, mounted, &mut diagnostics);
    }
    let ignored = reading.ignored.remove_from(&mut diagnostics);
    let findings = judge(diagnostics, reading.strict, reading.ignored_codes);
    let outcome = match compiled {
        Some(valid) => Outcome::Compiled(Box::new(Compilation {
            resources,
            options,
            compiled: valid.compiled,
            assumed: valid.assumed,
            invalid: if reading.leaves_secrets_out() {
                valid.invalid
            } else {
                BTreeSet::new()
            },
            findings,
        })),
        None => Outcome::Invalid {
            options: Box::new(options),
            findings,
            sources: resources.sources,
        },
    };
    Compiled {
        outcome,
        gateway,
        ignored,
    }
}

/// Shows what was found, and returns what was compiled. An error ends it, except those about what is left out.
fn finish(reading: &LoadOptions<'_>, proxies: Vec<Compiled>) -> Result<Vec<Compilation>, Failure> {
    let findings = of_all(&proxies, Compiled::findings);
    let ignored = of_all(&proxies, |it| &it.ignored).len();
    if let Some(first) = proxies.first() {
        findings::show(&findings, first.sources(), ignored, reading.caller.detail());
    }
    let compiled: Option<Vec<Compilation>> = proxies
        .into_iter()
        .map(|it| match it.outcome {
            Outcome::Compiled(compilation) => Some(*compilation),
            Outcome::Invalid { .. } => None,
        })
        .collect();
    let Some(compiled) = compiled else {
        return Err(Failure::Diagnosed(findings));
    };
    let invalid: BTreeSet<&String> = compiled.iter().flat_map(|it| &it.invalid).collect();
    // Where nothing is left to answer with, the errors are the answer.
    let has_answers = |it: &Compilation| {
        let summary = &it.compiled.summary;
        let mut causes = summary.unserved.iter().map(|it| &it.cause);
        !summary.listeners.is_empty() || causes.any(|it| matches!(it, Cause::OnlyForSidecars { .. }))
    };
    let is_answered = !invalid.is_empty() && compiled.iter().any(has_answers);
    if findings.has_errors() && !is_answered {
        return Err(Failure::Diagnosed(findings));
    }
    if !invalid.is_empty() {
        let names: Vec<_> = invalid.iter().map(|it| visible(it)).collect();
        note(format_args!("left out because of the errors: {}", listed(&names)));
    }
    if !reading.is_complete() {
        compiled.iter().for_each(|it| assumed::note(&it.assumed));
    }
    Ok(compiled)
}

/// The findings for all the proxies, each once.
pub(crate) fn findings_of(proxies: &[Compilation]) -> Diagnostics {
    of_all(proxies, |it| &it.findings)
}

/// These findings for all the proxies, each once.
fn of_all<P>(proxies: &[P], findings: impl Fn(&P) -> &Diagnostics) -> Diagnostics {
    if let [one] = proxies {
        return findings(one).clone();
    }
    let mut all = Diagnostics::new();
    let mut seen = BTreeSet::new();
    for finding in proxies.iter().flat_map(|it| findings(it).iter()) {
        let is_right_for_another = FOUND_FOR_EVERY_PROXY.contains(&finding.code)
            && !proxies.iter().all(|it| has_like(findings(it), finding));
        let is_new = seen.insert((finding.code, &finding.subject, &finding.path, &finding.message));
        if is_new && !is_right_for_another {
            all.push(finding.clone());
        }
    }
    all
}

/// Whether there is a finding with this code about the same field: its text may name the proxy.
fn has_like(findings: &Diagnostics, finding: &Diagnostic) -> bool {
    findings
        .iter()
        .any(|it| (it.code, &it.subject, &it.path) == (finding.code, &finding.subject, &finding.path))
}

/// Says that a namespace is for nothing: until it had this meaning, the option named that of the proxy.
fn note_namespace(reading: &LoadOptions<'_>, resources: &Resources) {
    if let Some(namespace) = reading.namespace
        && resources.without_namespace == 0
    {
        note_once(format!(
            "namespace {} has no effect: every resource names its own; if it is where the proxy runs, write --proxy-namespace",
            visible(namespace)
        ));
    }
}

/// Says in one line what folders hold beside resources.
fn note_skipped(skipped: &Skipped, resources: &Resources, number_of_files: usize, list: bool) {
    let Some(summary) = skipped.summary() else { return };
    let read = format!(
        "read {} from {}; skipped {summary}",
        count(resources.number(), "resource"),
        count(number_of_files, "file")
    );
    if list {
        note_once(format!("{read}\n{}", skipped.list()));
    } else {
        note_once(format!("{read}: --list-skipped lists them"));
    }
}

/// What Istio would do otherwise in a mesh.
pub(crate) fn note_plain_text(summary: &Summary) {
    if summary.clusters.iter().any(|it| it.upstream.tls.is_none()) {
        note(
            "upstream connections are plain text unless a DestinationRule sets `tls`: mutual TLS of the mesh needs its control plane",
        );
    }
}

/// The kinds that do not affect routing, as `2 Deployment, 1 ConfigMap`.
pub(crate) fn left_out(resources: &Resources) -> Option<String> {
    let others: Vec<String> = resources
        .others
        .iter()
        .filter(|(kind, _)| !kind.starts_with('(')) // `(no kind)` was a warning
        .map(|(kind, number)| format!("{number} {kind}"))
        .collect();
    (!others.is_empty()).then(|| others.join(", "))
}

/// Drops findings whose code is ignored; if `strict`, turns warnings into errors.
fn judge(diagnostics: Diagnostics, strict: bool, ignored_codes: &[Code]) -> Diagnostics {
    let mut judged = Diagnostics::new();
    for mut diagnostic in diagnostics {
        if ignored_codes.contains(&diagnostic.code) {
            continue;
        }
        if strict && diagnostic.severity == Severity::Warning {
            diagnostic.severity = Severity::Error;
        }
        judged.push(diagnostic);
    }
    judged
}
