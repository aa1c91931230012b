//! Resources together with what was compiled from them: where every question about a configuration starts.
//!
//! Which files are read and how findings are shown is the caller's matter.

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
    /// What was found. None of it is an error.
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

/// Whether Istio accepts the pattern: it reads UTF-8. [`compile`] checks whether Envoy accepts it.
fn check_regex(text: &str) -> Result<(), String> {
    Pattern::parse_as(text, Encoding::Utf8)
        .map(drop)
        .map_err(|error| error.to_string())
}
