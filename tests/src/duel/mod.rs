//! Two engines in one Envoy, asked the same: our filter and Envoy's own router, on the same resources.
//!
//! Nobody writes an outcome down here. The two must agree, in whether Envoy takes what was compiled and in every
//! field of every answer.

pub mod answer;
pub mod arena;
mod drawn;
pub mod pair;
pub mod patterns;
pub mod shrink;
mod wire;

pub use answer::Answer;
pub use arena::Arena;
pub use pair::Pair;

use crate::sent::Sent;

/// Where Envoy answers by itself before any filter runs, but may know by then which of its own routes would match.
const BEFORE_FILTERS: &[&str] = &[
    "absolute_path_rejected",
    "missing_host_header",
    "missing_path_rejected",
    "path_normalization_failed",
    "query_missing_content_type",
    "upgrade_failed",
];

/// Whether both answers to a request are right.
///
/// They are equal, with two exceptions that are meant. A request that Envoy refuses before the filter runs is refused
/// alike, but no rule is named in the log or edits the response. And an upgrade to a protocol that the gateway does not
/// know is refused so by the compiled tables even where no rule would take the request.
#[must_use]
pub fn agree(sent: &Sent, native: &Answer, wasm: &Answer) -> bool {
    let details = [native, wasm].map(|it| it.field("log: details").unwrap_or_default());
    native == wasm
        || (details == ["route_not_found", "upgrade_failed"] && sent.header("upgrade").is_some())
        || (details[0] == details[1]
            && BEFORE_FILTERS.contains(&details[0])
            && differ_by_the_rule(native, wasm))
}

fn differ_by_the_rule(native: &Answer, wasm: &Answer) -> bool {
    let of_the_rule = [
        "log: rule",
        "log: route name",
        "log: upstream cluster",
        "response",
    ];
    let mut differences = native.differences(wasm).into_iter();
    differences.all(|it| of_the_rule.contains(&it.field.as_str()))
}
