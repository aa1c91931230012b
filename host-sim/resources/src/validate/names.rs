//! Names of hosts, namespaces, subsets and labels, and addresses.
//!
//! The rules are those of istio `pkg/config/labels` and `pkg/config/validation/agent`.

use crate::code::Code;
use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Checker;
use super::path::Path;
use crate::yaml::short;

/// 1 to 63 letters, digits and inner hyphens.
pub(super) fn is_label(text: &str) -> bool {
    let edge = |it: Option<char>| it.is_some_and(|it| it.is_ascii_alphanumeric());
    text.len() <= 63
        && edge(text.chars().next())
        && edge(text.chars().next_back())
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
}

/// What keeps `host` from being a name of labels with dots between.
pub(super) fn check_fqdn(host: &str) -> Result<(), String> {
    check_length(host)?;
    check_labels(host, host)
}

/// The same, but the first label may be `*`, `*x` or `*-x`.
pub(super) fn check_wildcard_domain(host: &str) -> Result<(), String> {
    check_length(host)?;
    let (first, rest) = match host.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (host, None),
    };
    let bare = first
        .strip_prefix("*-")
        .or_else(|| first.strip_prefix('*'))
        .unwrap_or(first);
    if first.len() > 63 || !(first == "*" || is_label(bare)) {
        return Err(bad_label(host, first));
    }
    rest.map_or(Ok(()), |rest| check_labels(rest, host))
}

fn check_length(host: &str) -> Result<(), String> {
    match host.len() {
        0 => Err("a host can't be empty".to_owned()),
        1..=255 => Ok(()),
        length => Err(format!(
            "{} has {length} characters, a host has at most 255",
            short(host)
        )),
    }
}

/// Checks `labels`, which are all of `host` or what follows its first label.
fn check_labels(labels: &str, host: &str) -> Result<(), String> {
    // What follows the first label of `*.` or `shop.`: nothing.
    if labels.is_empty() {
        return Ok(());
    }
    let last = labels.rsplit('.').next().unwrap_or(labels);
    if last.parse::<i64>().is_ok() {
        return Err(format!(
            "{host:?} is not a host: its last label {last:?} is a number"
        ));
    }
    // `shop.example.com.` is the same name without doubt, so the last label may be empty.
    let labels = labels.strip_suffix('.').unwrap_or(labels);
    match labels.split('.').find(|it| !is_label(it)) {
        Some(label) => Err(bad_label(host, label)),
        None => Ok(()),
    }
}

fn bad_label(host: &str, label: &str) -> String {
    let reason = if label.is_empty() {
        "it has an empty label".to_owned()
    } else if let Some((name, port)) = port_behind(host) {
        format!("the port belongs in its own field: host {name:?}, port {port}")
    } else if label.contains('_') {
        format!("{label:?} has an underscore")
    } else if label.contains('*') {
        format!("a `*` may only be its first label, not in {label:?}")
    } else {
        format!("{label:?} is not made of 1 to 63 letters, digits and inner hyphens")
    };
    format!("{host:?} is not a host: {reason}")
}

/// A host and the port that is written behind it.
fn port_behind(host: &str) -> Option<(&str, u16)> {
    let (name, port) = host.rsplit_once(':')?;
    Some((name, port.parse().ok()?))
}

/// Whether this is an IPv4 or IPv6 address.
pub(super) fn is_address(text: &str) -> bool {
    match text.split_once('%') {
        Some((address, zone)) => !zone.is_empty() && address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => text.parse::<IpAddr>().is_ok(),
    }
}

/// What keeps `text` from being an address or a range of addresses.
pub(super) fn check_subnet(text: &str) -> Result<(), String> {
    let Some((address, bits)) = text.split_once('/').filter(|(_, it)| !it.contains('/')) else {
        return if is_address(text) {
            Ok(())
        } else {
            Err(format!("{text:?} is not an IP address or CIDR range"))
        };
    };
    let most = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => {
            return Err(format!(
                "{text:?} is not a CIDR range: {address:?} is not an IP address"
            ));
        }
    };
    let plain = bits.bytes().all(|it| it.is_ascii_digit()) && (bits == "0" || !bits.starts_with('0'));
    match bits.parse::<u8>() {
        Ok(bits) if plain && bits <= most => Ok(()),
        _ => Err(format!(
            "{text:?} is not a CIDR range: expected 0 to {most} after the slash"
        )),
    }
}

/// Whether two hosts, perhaps with wildcards, have names in common.
pub(super) fn overlap(a: &str, b: &str) -> bool {
    is_covered(a, b) || is_covered(b, a)
}

/// Whether every name that `host` matches is one that `by` matches.
pub(super) fn is_covered(host: &str, by: &str) -> bool {
    match (host.strip_prefix('*'), by.strip_prefix('*')) {
        (Some(host), Some(by)) => host.len() >= by.len() && host.ends_with(by),
        (None, Some(by)) => host.ends_with(by),
        (Some(_), None) => false,
        (None, None) => host == by,
    }
}

/// `-`, `_`, `.`, letters and digits, the first and the last a letter or digit.
fn is_qualified_name(text: &str) -> bool {
    let edge = |it: Option<char>| it.is_some_and(|it| it.is_ascii_alphanumeric());
    edge(text.chars().next())
        && edge(text.chars().next_back())
        && text
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.'))
}

impl Checker<'_> {
    /// Labels, as Kubernetes wants them.
    pub(super) fn labels(&mut self, labels: &BTreeMap<String, String>, path: &Path<'_>) {
        for (key, value) in labels {
            let (prefix, name) = match key.split_once('/') {
                Some((prefix, name)) => (Some(prefix), name),
                None => (None, key.as_str()),
            };
            let prefix_fits = prefix.is_none_or(|it| {
                it.len() <= 253
                    && it.split('.').all(|it| {
                        // Here, unlike elsewhere, the length of a label is not looked at.
                        !it.is_empty()
                            && !it.starts_with('-')
                            && !it.ends_with('-')
                            && it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
                    })
            });
            if !prefix_fits || !is_qualified_name(name) || name.len() > 63 {
                self.error(
                    Code::BadLabel,
                    &path.field(key),
                    format!("{} is not the key of a label", short(key)),
                )
                .help("a key is like `app` or `example.com/app`, with at most 63 characters after the slash");
            }
            if !value.is_empty() && !is_qualified_name(value) {
                self.error(
                    Code::BadLabel,
                    &path.field(key),
                    format!("{} is not the value of a label", short(value)),
                )
                .help("a value has letters, digits and inner `-`, `_` and `.`");
            }
        }
    }

    /// A host where wildcards are allowed.
    pub(super) fn wildcard_domain(&mut self, host: &str, path: &Path<'_>) {
        if host.is_empty() {
            self.missing(path, &format!("{}: shop.example.com", path.name()));
        } else if let Err(reason) = check_wildcard_domain(host) {
            self.error(Code::BadHost, path, reason);
        }
    }

    /// Labels by which workloads are chosen.
    pub(super) fn selector(&mut self, labels: &BTreeMap<String, String>, path: &Path<'_>) {
        for (key, value) in labels {
            if key.is_empty() {
                self.error(Code::BadSelector, path, "the key of a label can't be empty");
            }
            if key.contains('*') || value.contains('*') {
                self.error(
                    Code::BadSelector,
                    &path.field(key),
                    "a selector takes no wildcards",
                );
            }
        }
    }
}

/// A host, or with `sni` also a name such as `outbound_.80_._.shop.prod.svc.cluster.local`.
pub(super) fn check_host(host: &str, sni: bool) -> Result<(), String> {
    let Some(rest) = host
        .strip_prefix("outbound_")
        .filter(|_| sni && host.len() <= 255)
    else {
        return check_wildcard_domain(host);
    };
    let parts: Vec<_> = rest.split('_').map(|it| it.trim_matches('.')).collect();
    match parts.as_slice() {
        [port, _, name, ..]
            if port.contains(|it: char| it.is_ascii_digit())
                && name.contains(|it: char| it.is_ascii_alphabetic()) =>
        {
            Ok(())
        }
        _ => Err(format!(
            "{host:?} is not of the form outbound_.<port>_.<subset>_.<host>"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{check_fqdn, check_subnet, check_wildcard_domain, is_address, is_covered, is_label, overlap};

    #[test]
    fn a_label_has_letters_digits_and_inner_hyphens() {
        for text in ["a", "A9", "a-b", "0", &"a".repeat(63)] {
            assert!(is_label(text), "{text}");
        }
        for text in ["", "-a", "a-", "a_b", "a.b", "ä", &"a".repeat(64)] {
            assert!(!is_label(text), "{text}");
        }
    }

    #[test]
    fn a_domain_may_begin_with_a_wildcard_and_end_with_a_dot() {
        for host in [
            "*",
            "*.com",
            "*foo.com",
            "*-x.com",
            "shop",
            "123",
            "a.b.",
            "shop.example.com",
        ] {
            assert_eq!(check_wildcard_domain(host), Ok(()), "{host}");
        }
        for host in [
            "", "a..b", "*.*.com", "a*.com", "my_shop", "1.2.3.4", "shop:80", "a.b..", ".", "-a.com",
        ] {
            assert!(check_wildcard_domain(host).is_err(), "{host}");
        }
        assert!(check_fqdn("*.com").is_err());
        assert!(check_fqdn("123").is_err());
        assert_eq!(check_fqdn("shop.gw"), Ok(()));
    }

    #[test]
    fn a_message_names_the_host_as_it_is_written() {
        for (host, message) in [
            (
                "a.example.com:80",
                "\"a.example.com:80\" is not a host: the port belongs in its own field: host \"a.example.com\", port 80",
            ),
            (
                "shop:80",
                "\"shop:80\" is not a host: the port belongs in its own field: host \"shop\", port 80",
            ),
            (
                "*.example.com:80",
                "\"*.example.com:80\" is not a host: the port belongs in its own field: host \"*.example.com\", port 80",
            ),
            (
                "10.0.0.5",
                "\"10.0.0.5\" is not a host: its last label \"5\" is a number",
            ),
            (
                "a.*.com",
                "\"a.*.com\" is not a host: a `*` may only be its first label, not in \"*\"",
            ),
            (
                "a.my_shop.com",
                "\"a.my_shop.com\" is not a host: \"my_shop\" has an underscore",
            ),
            ("a..com", "\"a..com\" is not a host: it has an empty label"),
        ] {
            assert_eq!(check_wildcard_domain(host), Err(message.to_owned()));
        }
    }

    #[test]
    fn addresses_and_ranges_are_read_as_go_reads_them() {
        for text in ["10.0.0.1", "::1", "fe80::1%eth0"] {
            assert!(is_address(text), "{text}");
        }
        for text in ["10.0.0", "010.0.0.1", "shop", "10.0.0.1%eth0"] {
            assert!(!is_address(text), "{text}");
        }
        for text in ["10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32"] {
            assert_eq!(check_subnet(text), Ok(()), "{text}");
        }
        for text in [
            "10.0.0.0/33",
            "10.0.0.0/08",
            "10.0.0.0/8/8",
            "shop/8",
            "10.0.0.0/",
            "shop",
        ] {
            assert!(check_subnet(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_wildcard_covers_what_ends_with_it() {
        assert!(is_covered("a.foo.com", "*.foo.com"));
        assert!(is_covered("*.foo.com", "*.com"));
        assert!(!is_covered("foo.com", "*.foo.com"));
        assert!(!is_covered("*.com", "*.foo.com"));
        assert!(overlap("*.com", "*.foo.com"));
        assert!(overlap("*", "x"));
        assert!(!overlap("x", "y"));
    }
}
