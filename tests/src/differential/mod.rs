//! Two engines in one Envoy, asked the same: our filter and Envoy's own router, on the same resources.
//!
//! No outcome is written down here. The two must agree, in whether Envoy takes what was compiled and in every
//! field of every answer.

pub mod answer;
pub mod pair;
pub mod patterns;
mod samples;
pub mod server;
pub mod shrink;
mod wire;

pub use answer::Answer;
pub use pair::Pair;
pub use server::Server;

/// Where Envoy answers by itself before any filter runs, but may know by then which of its own routes would match.
const BEFORE_FILTERS: &[&str] = &[
    "absolute_path_rejected",
    "missing_host_header",
    "missing_path_rejected",
    "path_normalization_failed",
    "query_missing_content_type",
];

/// What is known of the rule where Envoy's own router has found it, and no filter has.
const OF_THE_RULE: &[&str] = &[
    "log: rule",
    "log: route name",
    "log: upstream cluster",
    "response",
];

/// Whether both answers to a request are right.
///
/// They are equal, with one exception that is meant beside that of `Answer::refuse_alike`. A request that Envoy refuses before
/// the filter runs is refused alike, but no rule is named in the log, or edits the response.
#[must_use]
pub fn agree(native: &Answer, wasm: &Answer) -> bool {
    let details = [native, wasm].map(|it| it.field("log: details").unwrap_or_default());
    let excused: &[&str] = match details {
        [one, other] if one != other => &[],
        [details, _] if BEFORE_FILTERS.contains(&details) => OF_THE_RULE,
        _ => &[],
    };
    let mut differences = native.differences(wasm).into_iter();
    differences.all(|it| excused.contains(&it.field.as_str()))
}
