//! What the other side objects to in a certificate that Envoy takes, and by which authorities Envoy takes no certificate.
//!
//! Decides by what the certificates say and by a point in time; what Envoy refuses is `certificates`.
//! Source: RFC 5280, section 6; RFC 6125, section 6.4; revocation lists as tried with Envoy 1.40.

use fingerpost_resources::{Code, Severity};

use crate::certificates::{Authorities, CertificateChain, Moment, Validity};

/// Something that is wrong with a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// The code of its finding.
    pub code: Code,
    /// A warning or a note.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: &'static str,
    /// Whether it is about the hosts of the server, not about the certificate alone.
    pub is_about_hosts: bool,
}

const DATES: &str = "`openssl x509 -noout -dates` shows when it is valid; put a valid one in its place";

/// What the other side objects to `now`, in seconds since 1970, if it asks for these hosts (`*.example.com` is any below).
pub fn to_chain(chain: &CertificateChain, hosts: &[String], now: i64) -> Vec<Objection> {
    let mut objections = Vec::new();
    for (index, validity) in chain.validities.iter().enumerate() {
        let which = match index {
            0 => "the certificate".to_owned(),
            _ => format!("certificate {} of the chain", index + 1),
        };
        objections.extend(out_of_date(&which, validity, now, "it is refused"));
    }
    if let Some(number) = chain.stray {
        objections.push(warning(
            Code::BadCertificate,
            format!(
                "certificate {number} of the chain did not sign the one before it: many programs find no way to their authority"
            ),
            "order the chain: the server's own certificate, the one that signed it, and so on; leave out what signed none of them",
        ));
    }
    objections.extend(to_names(chain, hosts));
    objections
}

/// What clients object to who ask for these hosts. Without a list of names it is a note: who makes such a certificate mostly has clients of
/// their own.
fn to_names(chain: &CertificateChain, hosts: &[String]) -> Option<Objection> {
    let others: Vec<&str> = hosts
        .iter()
        .map(String::as_str)
        .filter(|host| !is_for(chain, host))
        .collect();
    let is_listed = chain.names.is_some();
    let names: Vec<&str> = chain.all_names().collect();
    let message = match (&others[..], &names[..]) {
        ([], _) if is_listed || hosts.is_empty() => return None,
        ([], _) => "the certificate names its host in the common name alone: browsers and many other clients refuse it".to_owned(),
        (others, []) => format!("the certificate names no host: clients that ask for {} refuse it", listed(others)),
        (others, names) => format!(
            "the certificate is for {}: clients that ask for {} refuse it",
            listed(names),
            listed(others)
        ),
    };
    Some(Objection {
        code: Code::CertificateHost,
        severity: if is_listed {
            Severity::Warning
        } else {
            Severity::Note
        },
        message,
        help: "use a certificate with the hosts of the server among its subjectAltNames, or correct the hosts",
        is_about_hosts: true,
    })
}

/// By what Envoy takes no certificate `now`.
pub fn to_authorities(authorities: &Authorities, now: i64) -> Vec<Objection> {
    let count = authorities.validities.len();
    let certificates = authorities.validities.iter().enumerate();
    let mut objections: Vec<Objection> = certificates
        .filter_map(|(index, validity)| {
            let which = match count {
                1 => "the authority's certificate".to_owned(),
                _ => format!("certificate {} of the authorities", index + 1),
            };
            out_of_date(
                &which,
                validity,
                now,
                "Envoy refuses the certificates that it signed",
            )
        })
        .collect();
    let is_over = |it: &&Moment| it.seconds < now;
    if let Some(until) = authorities.lists.iter().flatten().find(is_over) {
        objections.push(warning(
            Code::CertificateExpired,
            format!(
                "the certificate revocation list ended on {}: Envoy refuses the certificates of its authority",
                until.day
            ),
            "put a current list in its place; `openssl crl -noout -nextupdate` shows its end",
        ));
    }
    if let Some(first) = authorities.unlisted.first() {
        objections.push(warning(
            Code::BadCertificate,
            format!("there is a certificate revocation list, but none of the authority `{first}`: Envoy refuses the certificates that it signed"),
            "add the list of each authority, or leave out all lists",
        ));
    }
    objections
}

fn out_of_date(which: &str, validity: &Validity, now: i64, so: &str) -> Option<Objection> {
    let message = if now > validity.until.seconds {
        format!("{which} has expired on {}: {so}", validity.until.day)
    } else if now < validity.from.seconds {
        format!(
            "{which} is not valid yet, but from {} on: {so}",
            validity.from.day
        )
    } else {
        return None;
    };
    Some(warning(Code::CertificateExpired, message, DATES))
}

fn warning(code: Code, message: String, help: &'static str) -> Objection {
    Objection {
        code,
        severity: Severity::Warning,
        message,
        help,
        is_about_hosts: false,
    }
}

/// Whether a certificate is for a host of a Gateway. For a host such as `*.example.com` one name below is enough: the server may get
/// no other requests.
fn is_for(chain: &CertificateChain, host: &str) -> bool {
    let Some(below) = host.strip_prefix('*') else {
        return chain.covers(host);
    };
    let below = below.to_ascii_lowercase();
    let mut names = chain.all_names();
    names.any(|it| it.to_ascii_lowercase().ends_with(&below))
}

/// The first of them.
fn listed(names: &[&str]) -> String {
    const MOST: usize = 3;
    let shown = names.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(MOST) {
        Some(more @ 1..) => format!("{shown} and {more} more"),
        Some(0) | None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(names: Option<&[&str]>, common: &str) -> CertificateChain {
        CertificateChain {
            validities: Vec::new(),
            names: names.map(|it| it.iter().map(|it| (*it).to_owned()).collect()),
            common_name: Some(common.to_owned()),
            stray: None,
        }
    }

    fn severity(chain: &CertificateChain, host: &str) -> Option<Severity> {
        let found = to_chain(chain, &[host.to_owned()], 0);
        found.first().map(|it| it.severity)
    }

    #[test]
    fn a_certificate_is_for_its_names_and_for_one_label_below_a_wildcard() {
        let wild = chain(Some(&["*.a.test", "B.test"]), "c.test");
        for host in ["x.a.test", "*.a.test", "b.test", "X.A.TEST"] {
            assert_eq!(severity(&wild, host), None, "{host}");
        }
        for host in ["a.test", "y.x.a.test", "c.test", "*.c.test", "x.b.test"] {
            assert_eq!(severity(&wild, host), Some(Severity::Warning), "{host}");
        }
        assert!(to_chain(&wild, &[], 0).is_empty(), "any host");
    }

    #[test]
    fn the_common_name_counts_only_where_there_are_no_names() {
        assert_eq!(severity(&chain(None, "a.test"), "a.test"), Some(Severity::Note));
        assert_eq!(severity(&chain(None, "a.test"), "b.test"), Some(Severity::Note));
        assert_eq!(
            severity(&chain(Some(&[]), "a.test"), "a.test"),
            Some(Severity::Warning)
        );
    }
}
