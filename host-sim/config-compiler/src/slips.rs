//! Names of the input that another name was meant to be, but for a slip of the finger.
//!
//! Decides when two names are that near. Names of one cluster are alike without a slip: `api-gateway` and `app-gateway`,
//! `gateway-1` and `gateway-2`, `internal` and `external`. So names are compared word by word, with less room than for the
//! fields of a kind, where each name is known. What follows from a slip is the caller's matter.

use std::collections::BTreeMap;

/// The Gateways that `wanted`, which is not one of them, was probably meant to be: those of its name in other namespaces, or
/// else those whose name is near, in any namespace. All are written `namespace/name`.
pub(crate) fn meant_gateways<'n>(wanted: &str, known: impl Iterator<Item = &'n str> + Clone) -> Vec<&'n str> {
    let name = |it: &str| it.rsplit('/').next().unwrap_or_default().to_owned();
    let wanted = name(wanted);
    let same: Vec<&str> = known.clone().filter(|it| name(it) == wanted).collect();
    if !same.is_empty() {
        return same;
    }
    known
        .filter(|it| is_slip_of_gateway(&wanted, &name(it)))
        .collect()
}

/// Whether one name of a Gateway is near the other. That one of them ends in `-gateway` tells nothing.
fn is_slip_of_gateway(written: &str, meant: &str) -> bool {
    if words(written).collect::<String>() == words(meant).collect::<String>() {
        return true;
    }
    let own = |name| -> Vec<&str> { words(name).filter(|it| !means_gateway(it)).collect() };
    let (one, other) = (own(written), own(meant));
    if one.is_empty() || other.is_empty() {
        return is_slip(written, meant);
    }
    let mut pairs = one.iter().zip(&other);
    one.len() == other.len() && pairs.all(|(one, other)| one == other || is_slip(one, other))
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(['-', '.', '_']).filter(|it| !it.is_empty())
}

fn means_gateway(word: &str) -> bool {
    word == "gw" || word == "gateway" || is_slip(word, "gateway")
}

/// The labels that a selector was probably meant to have, of those of a proxy that it does not select: a key or a value
/// differs by a slip, and all the rest is the same. Empty if it is for another proxy.
pub(crate) fn meant_labels<'l>(
    selector: &BTreeMap<String, String>,
    labels: &'l BTreeMap<String, String>,
) -> BTreeMap<&'l str, &'l str> {
    let is_near = |one: &str, other: &str| one == other || is_slip(one, other);
    let meant = selector.iter().map(|(key, value)| {
        let mut labels = labels.iter();
        let (key, value) = labels.find(|(other, meant)| is_near(key, other) && is_near(value, meant))?;
        Some((key.as_str(), value.as_str()))
    });
    meant.collect::<Option<_>>().unwrap_or_default()
}

/// Whether the two differ, and only as a word does from itself with a letter left out, doubled, changed or in the wrong place;
/// two letters in a long word. The first letter is right, and so are digits and punctuation: these tell names apart.
fn is_slip(written: &str, meant: &str) -> bool {
    let marks = |text: &str| text.chars().filter(|it| !it.is_alphabetic()).collect::<String>();
    let letters = written.chars().count().min(meant.chars().count());
    let distance = strsim::osa_distance(written, meant);
    let is_swap = || {
        let sorted = |text: &str| {
            let mut letters: Vec<char> = text.chars().collect();
            letters.sort_unstable();
            letters
        };
        distance == 1 && sorted(written) == sorted(meant)
    };
    let starts_alike = written.chars().next() == meant.chars().next();
    marks(written) == marks(meant)
        && match letters {
            0 | 1 => false,
            2 | 3 => is_swap(),
            4 | 5 => distance == 1 && (starts_alike || is_swap()),
            _ => distance == 1 && (starts_alike || is_swap()) || distance == 2 && starts_alike,
        }
}

#[cfg(test)]
mod tests {
    use super::{is_slip, is_slip_of_gateway};

    #[test]
    fn a_slip_in_the_name_of_a_gateway_is_told_from_another_name() {
        for (written, meant, want) in [
            ("shop-gatway", "shop-gateway", true),
            ("sohp-gateway", "shop-gateway", true),
            ("shopgateway", "shop-gateway", true),
            ("pubilc-gateway", "public", true),
            ("gatwya", "gateway", true),
            ("wbe", "web", true),
            ("httpbin-gateway", "bookinfo-gateway", false),
            ("api-gateway", "app-gateway", false),
            ("gateway-1", "gateway-2", false),
            ("team-a-gateway", "team-b-gateway", false),
            ("internal-gateway", "external-gateway", false),
            ("ingress-gateway", "egress-gateway", false),
            ("my-gateway", "gateway", false),
            ("dev-gateway", "prod-gateway", false),
        ] {
            assert_eq!(is_slip_of_gateway(written, meant), want, "{written} and {meant}");
        }
    }

    #[test]
    fn a_label_of_another_gateway_is_no_slip() {
        for (written, want) in [
            ("ingresgateway", true),
            ("ingressgatway", true),
            ("ingressgatewya", true),
            ("ingress-gateway", false),
            ("ingress", false),
            ("egressgateway", false),
            ("ingressgateway2", false),
            ("istio-ingressgateway", false),
            ("myingressgateway", false),
        ] {
            assert_eq!(is_slip(written, "ingressgateway"), want, "{written}");
        }
    }
}
