//! Resources together with what was compiled from them: where every question about a configuration starts.
//!
//! Which files are read and how findings are shown is the caller's matter.

use std::collections::BTreeSet;

use fingerpost_resources::{Diagnostic, Diagnostics, Resources, Severity, validate};
use fingerpost_routing::{Encoding, Pattern};

use crate::assume::{Assume, Assumptions, assume};
use crate::bootstrap::compile;
use crate::compiled::Compiled;
use crate::options::Options;

/// How often resources that can't be compiled are left out and the others compiled again: one can hide another.
const MOST_COMPILATIONS: usize = 8;

/// A configuration that could be compiled.
pub struct Compilation {
    /// What the user wrote.
    pub resources: Resources,
    /// The proxy that it was compiled for.
    pub options: Options,
    /// What was made of it.
    pub compiled: Compiled,
    /// What was taken to exist, though `resources` had it not: stand-ins for it are among them now.
    pub assumed: Assumptions,
    /// What is left out since it is invalid: resources, such as `VirtualService prod/shop` and Secrets that Envoy would refuse, and
    /// documents that can't be read, such as `part of shop.yaml`.
    pub invalid: BTreeSet<String>,
    /// What was found. Its errors are about the invalid resources.
    pub findings: Diagnostics,
}

/// What came of valid resources.
pub struct CompiledValid {
    /// What was made of them.
    pub compiled: Compiled,
    /// What is left out since it is invalid, as [`Compilation::invalid`] names it.
    pub invalid: BTreeSet<String>,
    /// What was taken to exist.
    pub assumed: Assumptions,
}

/// Validates the resources as Istio does, adds what is to be assumed, and compiles them. `None` if `diagnostics` has errors
/// before the compiler starts: a resource that was refused is missing from `resources`, and the compiler would report that
/// it is missing. A Secret that Envoy would refuse stops nothing: it is left out.
pub fn compile_valid(
    resources: &mut Resources,
    options: &Options,
    what: Assume,
    diagnostics: &mut Diagnostics,
) -> Option<CompiledValid> {
    validate(resources, &check_regex, diagnostics);
    if diagnostics.has_errors() {
        return None;
    }
    let assumed = assume(resources, options, what, &BTreeSet::new());
    let compiled = compile(resources, options, diagnostics);
    let mut errors = diagnostics.iter().filter(|it| is_error(it));
    let invalid = if errors.all(|it| is_left_out(it, &compiled)) {
        compiled.invalid_secrets.clone()
    } else {
        BTreeSet::new()
    };
    Some(CompiledValid::new(compiled, invalid, assumed))
}

/// As [`compile_valid`], but leaves out the resources that Istio's webhook would refuse: in a cluster, one of them does not
/// stop the others.
///
/// Of files for which `may_be_read_in_part` is true, documents that can't be read are left out, and resources that can't be
/// compiled: those that Envoy refuses, and Secrets that hold no valid certificate. `None` if an error remains.
pub fn compile_without_invalid(
    resources: &mut Resources,
    options: &Options,
    what: Assume,
    diagnostics: &mut Diagnostics,
    may_be_read_in_part: impl Fn(&str) -> bool,
) -> Option<CompiledValid> {
    validate(resources, &check_regex, diagnostics);
    let mut invalid = resources.remove_invalid(diagnostics, &may_be_read_in_part)?;
    let assumed = assume(resources, options, what, &invalid);
    // The errors are about what is gone: the compiler need not know of them.
    let known: Vec<Diagnostic> = diagnostics.iter().filter(|it| !is_error(it)).cloned().collect();
    for compilation in 1..=MOST_COMPILATIONS {
        let mut found = Diagnostics::new();
        found.extend(known.iter().cloned());
        let compiled = compile(resources, options, &mut found);
        let mut errors = Diagnostics::new();
        errors.extend(found.iter().filter(|it| is_error(it)).cloned());
        let found = found.into_iter().skip(known.len());
        if errors.iter().all(|it| is_left_out(it, &compiled)) {
            diagnostics.extend(found);
            invalid.extend(compiled.invalid_secrets.iter().cloned());
            return Some(CompiledValid::new(compiled, invalid, assumed));
        }
        let may_leave_out = |it: &Diagnostic| {
            let in_part = it.span.as_ref().is_some_and(|it| may_be_read_in_part(&it.file));
            in_part && !it.subject.is_empty() && !invalid.contains(&it.subject)
        };
        if compilation == MOST_COMPILATIONS || !errors.iter().all(may_leave_out) {
            diagnostics.extend(found);
            return None;
        }
        invalid.extend(resources.remove_invalid(&errors, &may_be_read_in_part)?);
        diagnostics.extend(errors);
    }
    None
}

impl CompiledValid {
    /// Of the services that rules name, those count as assumed that a route leads to.
    fn new(mut compiled: Compiled, invalid: BTreeSet<String>, mut assumed: Assumptions) -> Self {
        let clusters = &compiled.summary.clusters;
        let hosts: BTreeSet<&str> = clusters.iter().map(|it| it.host.as_str()).collect();
        assumed.hosts.retain(|it| hosts.contains(it.as_str()));
        compiled.summary.mark_assumed(&assumed.hosts);
        Self {
            compiled,
            invalid,
            assumed,
        }
    }
}

fn is_error(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == Severity::Error
}

/// Whether the error is about a Secret that the compiler has left out: the servers that need it wait for another one.
fn is_left_out(error: &Diagnostic, compiled: &Compiled) -> bool {
    compiled.invalid_secrets.contains(&error.subject)
}

/// Whether Istio accepts the pattern: it reads UTF-8. [`compile`] checks whether Envoy accepts it.
fn check_regex(text: &str) -> Result<(), String> {
    Pattern::parse_as(text, Encoding::Utf8)
        .map(drop)
        .map_err(|error| error.to_string())
}
