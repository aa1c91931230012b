//! What came of a request, in the words of a test file: what `--accept` writes.
//!
//! Only what is the same wherever the dice fall; of destinations that are drawn, the weights.

use fingerpost_config_compiler::ShareDetail;
use fingerpost_proxy_model::{Outcome, Request};
use serde::Serialize;

use crate::check::CheckContext;
use crate::compiled_proxy::{CompiledProxy, PossibleOutcome};

/// Longer bodies are not shown.
const LONGEST_BODY: usize = 200;

/// A field of `expect`, and its value as YAML has it in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The field, as in `status`.
    pub field: &'static str,
    /// Its value as YAML.
    pub value: String,
}

/// What can be expected of a request that came out in these outcomes. The error says why that can't be known.
pub(super) fn found(
    outcomes: &[PossibleOutcome],
    sent: &Request,
    proxy: &CompiledProxy,
) -> Result<Vec<Found>, String> {
    let mut known = Vec::new();
    for possible in outcomes {
        known.push(possible.outcome.as_ref().map_err(Clone::clone)?);
    }
    let mut found = Vec::new();
    for field in FIELDS {
        let mut values = known
            .iter()
            .map(|it| (field.value)(&CheckContext::new(it, sent, proxy)));
        let Some(Some(value)) = values.next() else {
            continue;
        };
        if values.all(|it| it.as_ref() == Some(&value)) {
            found.push(Found {
                field: field.name,
                value,
            });
        }
    }
    Ok(found)
}

struct Field {
    name: &'static str,
    value: fn(&CheckContext<'_>) -> Option<String>,
}

const FIELDS: &[Field] = &[
    Field {
        name: "error",
        value: |cx| cx.outcome.error.map(|it| scalar(&it.to_string())),
    },
    Field {
        name: "rule",
        value: |cx| {
            let rule = answered(cx)?.rule.as_ref();
            Some(rule.map_or_else(|| "none".to_owned(), |it| scalar(&it.to_string())))
        },
    },
    Field {
        name: "weights",
        value: |cx| {
            let shares = cx.shares();
            (answered(cx)?.cluster.is_some() && shares.len() > 1).then(|| weights(shares))
        },
    },
    Field {
        name: "cluster",
        value: |cx| {
            let cluster = answered(cx)?.cluster.as_deref()?;
            destination(cluster).is_none().then(|| scalar(cluster))
        },
    },
    Field {
        name: "host",
        value: |cx| {
            let [_, host] = destination(answered(cx)?.cluster.as_deref()?)?;
            Some(scalar(host))
        },
    },
    Field {
        name: "subset",
        value: |cx| {
            let [subset, _] = destination(answered(cx)?.cluster.as_deref()?)?;
            (!subset.is_empty()).then(|| scalar(subset))
        },
    },
    Field {
        name: "path",
        value: |cx| Some(scalar(&cx.outcome.upstream.as_ref()?.path)),
    },
    Field {
        name: "authority",
        value: |cx| {
            let received = &cx.outcome.upstream.as_ref()?.authority;
            (*received != cx.sent().host()).then(|| scalar(received))
        },
    },
    Field {
        name: "mirrors",
        value: |cx| {
            let mirrors: Vec<String> = answered(cx)?.mirrors.iter().map(|it| scalar(it)).collect();
            (!mirrors.is_empty()).then(|| format!("[{}]", mirrors.join(", ")))
        },
    },
    Field {
        name: "status",
        value: |cx| Some(answered(cx)?.status.to_string()),
    },
    Field {
        name: "redirect",
        value: |cx| {
            let outcome = answered(cx).filter(|it| it.cluster.is_none())?;
            let mut headers = outcome.response_headers.iter();
            let (_, location) = headers.find(|(name, _)| name.eq_ignore_ascii_case("location"))?;
            Some(scalar(location))
        },
    },
    Field {
        name: "body",
        value: |cx| {
            let outcome = answered(cx).filter(|it| it.cluster.is_none() && it.rule.is_some())?;
            let body = outcome
                .body
                .as_deref()
                .filter(|it| (1..=LONGEST_BODY).contains(&it.len()))?;
            Some(scalar(body))
        },
    },
];

fn answered<'s>(cx: &CheckContext<'s>) -> Option<&'s Outcome> {
    Some(cx.outcome).filter(|it| it.error.is_none())
}

/// The subset and the host of a cluster that Istio would name so.
fn destination(cluster: &str) -> Option<[&str; 2]> {
    match cluster.split('|').collect::<Vec<_>>().as_slice() {
        [_, _, subset, host] => Some([subset, host]),
        _ => None,
    }
}

/// Each by the shortest name that is its own.
fn weights(shares: &[ShareDetail]) -> String {
    let is_own = |name: &dyn Fn(&ShareDetail) -> &str, of: &ShareDetail| {
        !name(of).is_empty() && shares.iter().filter(|it| name(it) == name(of)).count() == 1
    };
    let named = shares.iter().map(|it| {
        let name = if is_own(&|it| &it.destination.subset, it) {
            &it.destination.subset
        } else if is_own(&|it| &it.destination.host, it) {
            &it.destination.host
        } else {
            &it.destination.cluster
        };
        format!("{}: {}", scalar(name), it.weight)
    });
    format!("{{{}}}", named.collect::<Vec<_>>().join(", "))
}

/// A text as YAML has it, in quotes where it might be read as something else.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_safe = |it: char| it.is_ascii_alphanumeric() || matches!(it, '/' | '.' | '_' | '-');
    let begins_well = text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '/');
    if begins_well && text.chars().all(is_safe) && !WORDS.iter().any(|it| text.eq_ignore_ascii_case(it)) {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string() // JSON is YAML
}

#[cfg(test)]
mod tests {
    use super::scalar;

    #[test]
    fn what_yaml_would_read_otherwise_is_quoted() {
        for plain in ["/cart", "shop.example.com", "v1", "a-b_c"] {
            assert_eq!(scalar(plain), plain);
        }
        for text in [
            "",
            "1",
            "true",
            "No",
            "a b",
            "a: b",
            "/a?b",
            "default/shop http[0]",
            "- a",
            "é",
            "a\nb",
        ] {
            let quoted = scalar(text);
            assert!(quoted.starts_with('"'), "{quoted}");
            assert_eq!(
                serde_json::from_str::<String>(&quoted).ok().as_deref(),
                Some(text)
            );
        }
    }
}
