//! Resources together with what was compiled from them: where every question about a configuration starts.
//!
//! Which files are read and how findings are shown is the caller's matter.

use std::collections::BTreeSet;

use fingerpost_resources::{Diagnostics, Resources, validate};
use fingerpost_routing::{Encoding, Pattern};

use crate::bootstrap::compile;
use crate::compiled::Compiled;
use crate::options::Options;

/// A configuration that could be compiled.
pub struct Compilation {
    /// What the user wrote.
    pub resources: Resources,
    /// The proxy that it was compiled for.
    pub options: Options,
    /// What was made of it.
    pub compiled: Compiled,
    /// Names of the resources that are left out since they are invalid, such as `VirtualService prod/shop`.
    pub invalid: BTreeSet<String>,
    /// What was found. Its errors are about the invalid resources.
    pub findings: Diagnostics,
}

/// Validates the resources as Istio does, and compiles them. `None` if `diagnostics` has errors before the compiler
/// starts: a resource that was refused is missing from `resources`, and the compiler would report that it is missing.
pub fn compile_valid(
    resources: &Resources,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Option<Compiled> {
    validate(resources, &check_regex, diagnostics);
    (!diagnostics.has_errors()).then(|| compile(resources, options, diagnostics))
}

/// As [`compile_valid`], but leaves out the resources that Istio's webhook would refuse: in a cluster, one of them does not
/// stop the others. Returns their names too. `None` if an error is about no resource.
pub fn compile_without_invalid(
    resources: &mut Resources,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Option<(Compiled, BTreeSet<String>)> {
    validate(resources, &check_regex, diagnostics);
    let invalid = resources.remove_invalid(diagnostics)?;
    Some((compile(resources, options, diagnostics), invalid))
}

/// Whether Istio accepts the pattern: it reads UTF-8. [`compile`] checks whether Envoy accepts it.
fn check_regex(text: &str) -> Result<(), String> {
    Pattern::parse_as(text, Encoding::Utf8)
        .map(drop)
        .map_err(|error| error.to_string())
}
