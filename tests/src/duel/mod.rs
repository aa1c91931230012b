//! Two engines in one Envoy, asked the same: our filter and Envoy's own router, on the same resources.
//!
//! Nobody writes an outcome down here. The two must agree, in whether Envoy takes what was compiled and in every
//! field of every answer.

pub mod answer;
pub mod arena;
pub mod pair;
pub mod patterns;
pub mod shrink;
mod wire;

pub use answer::Answer;
pub use arena::Arena;
pub use pair::Pair;

use crate::sent::Sent;

/// Whether both answers to a request are right.
///
/// They are equal, with one exception that is meant. An upgrade to a protocol that the gateway does not know is refused
/// by the compiled tables before the filter runs: no rule is named in the log or edits the response, and none need exist.
#[must_use]
pub fn agree(sent: &Sent, native: &Answer, wasm: &Answer) -> bool {
    native == wasm || (sent.header("upgrade").is_some() && is_refused_upgrade(native, wasm))
}

fn is_refused_upgrade(native: &Answer, wasm: &Answer) -> bool {
    let details = [native, wasm].map(|it| it.field("log: details").unwrap_or_default());
    let of_the_rule = [
        "log: rule",
        "log: route name",
        "log: upstream cluster",
        "response",
    ];
    match details {
        ["route_not_found", "upgrade_failed"] => true,
        ["upgrade_failed", "upgrade_failed"] => {
            let mut differences = native.differences(wasm).into_iter();
            differences.all(|it| of_the_rule.contains(&it.field.as_str()))
        }
        _ => false,
    }
}
