//! Which virtual host answers for an authority.
//!
//! Envoy's order, with `ignore_port_in_host_matching`: an exact domain, then the longest `*suffix`, then `*`.
//! Envoy does not fall back: if the host that is found has no route for the request, no other host is tried.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::fmt;
use hashbrown::HashMap;

/// From domains to the places of virtual hosts in their list.
#[derive(Debug, Default)]
pub(crate) struct DomainIndex {
    exact: Names,
    /// By what is behind the star, the longest first.
    suffixes: BTreeMap<Reverse<usize>, Names>,
    any: Option<usize>,
}

/// Names in lower case, and the places of their hosts.
type Names = HashMap<Box<[u8]>, usize>;

/// The longest name in DNS has 253 characters.
const LONG_NAME: usize = 256;

/// A text that is not a domain, or a domain that is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidDomain {
    /// Neither a name nor `*` in front of something nor `*`.
    Malformed(String),
    /// Another virtual host, or the same, has it already.
    Taken(String),
}

impl DomainIndex {
    /// Lets `host` answer for `domain`.
    pub(crate) fn insert(&mut self, domain: &str, host: usize) -> Result<(), InvalidDomain> {
        let name = domain.to_ascii_lowercase();
        let taken = match name.strip_prefix('*') {
            Some("") => self.any.replace(host).is_some(),
            Some(suffix) if !suffix.contains('*') => {
                let names = self.suffixes.entry(Reverse(suffix.len())).or_default();
                names.insert(suffix.as_bytes().into(), host).is_some()
            }
            None if !name.is_empty() && !name.contains('*') => {
                self.exact.insert(name.into_bytes().into(), host).is_some()
            }
            Some(_) | None => return Err(InvalidDomain::Malformed(domain.to_string())),
        };
        if taken {
            Err(InvalidDomain::Taken(domain.to_string()))
        } else {
            Ok(())
        }
    }

    /// The host that answers for an authority.
    pub(crate) fn find(&self, authority: Option<&[u8]>) -> Option<usize> {
        if self.exact.is_empty() && self.suffixes.is_empty() {
            return self.any;
        }
        let host = without_port(authority?);
        let (mut short, mut long) = ([0; LONG_NAME], Vec::new());
        // On the stack, unless no DNS name is as long.
        let host: &[u8] = match short.get_mut(..host.len()) {
            Some(short) => {
                short.copy_from_slice(host);
                short.make_ascii_lowercase();
                short
            }
            None => {
                long.extend(host.iter().map(u8::to_ascii_lowercase));
                &long
            }
        };
        if let Some(found) = self.exact.get(host) {
            return Some(*found);
        }
        let by_suffix = self.suffixes.iter().find_map(|(Reverse(length), names)| {
            // `*.a.com` needs something in front of the dot.
            let start = host.len().checked_sub(*length).filter(|start| *start > 0)?;
            names.get(host.get(start..)?).copied()
        });
        by_suffix.or(self.any)
    }
}

/// Cuts off the last `:` and what follows, unless it is inside `[…]`.
fn without_port(authority: &[u8]) -> &[u8] {
    let colon = authority.iter().rposition(|it| *it == b':');
    let bracket = authority.iter().rposition(|it| *it == b']');
    match colon {
        Some(colon) if bracket.is_none_or(|it| it < colon) => authority.get(..colon).unwrap_or(authority),
        Some(_) | None => authority,
    }
}

impl fmt::Display for InvalidDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(domain) => {
                write!(
                    f,
                    "`{domain}` is not a domain: expected a name, `*` and the end of a name, or `*`"
                )
            }
            Self::Taken(domain) => write!(f, "domain `{domain}` is there twice"),
        }
    }
}

impl core::error::Error for InvalidDomain {}

#[cfg(test)]
mod tests {
    use super::{DomainIndex, InvalidDomain};

    #[track_caller]
    fn check(domains: &[&str], rows: &[(&str, Option<&str>)]) {
        let mut index = DomainIndex::default();
        for (place, domain) in domains.iter().enumerate() {
            index.insert(domain, place).unwrap();
        }
        for (authority, expected) in rows {
            let found = index.find(Some(authority.as_bytes())).map(|place| domains[place]);
            assert_eq!(found, *expected, "{authority}");
        }
    }

    #[test]
    fn the_most_specific_domain_answers() {
        check(
            &["*", "*.com", "*.a.com", "x.a.com", "*-b.a.com"],
            &[
                ("x.a.com", Some("x.a.com")),
                ("y.a.com", Some("*.a.com")),
                ("z.y.a.com", Some("*.a.com")),
                ("z-b.a.com", Some("*-b.a.com")),
                ("a.com", Some("*.com")),
                ("a.org", Some("*")),
                ("", Some("*")),
            ],
        );
    }

    #[test]
    fn a_star_matches_at_least_one_character() {
        check(
            &["*.a.com"],
            &[("a.com", None), (".a.com", None), ("b.a.com", Some("*.a.com"))],
        );
    }

    #[test]
    fn case_and_port_play_no_part() {
        let host = Some("Foo.com");
        check(
            &["Foo.com"],
            &[
                ("fOO.com", host),
                ("foo.com:8080", host),
                ("foo.com:", host),
                ("foo.com:x", host),
            ],
        );
        check(
            &["[::1]"],
            &[("[::1]", Some("[::1]")), ("[::1]:80", Some("[::1]"))],
        );
    }

    #[test]
    fn without_an_authority_only_a_lone_star_answers() {
        let mut index = DomainIndex::default();
        index.insert("*", 0).unwrap();
        assert_eq!(index.find(None), Some(0));
        index.insert("a.com", 1).unwrap();
        assert_eq!(index.find(None), None);
    }

    #[test]
    fn bytes_that_are_no_text_can_still_have_a_known_end() {
        let mut index = DomainIndex::default();
        index.insert("*.a.com", 0).unwrap();
        assert_eq!(index.find(Some(b"\xff.a.com")), Some(0));
    }

    #[test]
    fn a_name_of_any_length_is_found() {
        for length in [1, 255, 256, 257, 1_000] {
            let name = "a".repeat(length);
            check(&[&name], &[(&name.to_uppercase(), Some(&name))]);
        }
    }

    #[test]
    fn a_domain_belongs_to_one_host() {
        let mut index = DomainIndex::default();
        index.insert("a.com", 0).unwrap();
        assert_eq!(
            index.insert("A.com", 1),
            Err(InvalidDomain::Taken("A.com".into()))
        );
    }

    #[test]
    fn other_stars_are_refused() {
        for domain in ["", "a.*", "*.*", "a*b"] {
            let refused = DomainIndex::default().insert(domain, 0);
            assert_eq!(refused, Err(InvalidDomain::Malformed(domain.into())));
        }
    }
}
