//! The authorities whose signature a registry's certificate must have, where they are not those that browsers trust.

use std::fmt;

use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

/// Certificates of authorities: at least one.
#[derive(Debug, Clone)]
pub struct Authorities(Vec<Certificate<'static>>);

/// Not a file with certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidAuthorities(String);

impl fmt::Display for InvalidAuthorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected certificates in PEM form: {}", self.0)
    }
}

impl std::error::Error for InvalidAuthorities {}

impl Authorities {
    /// Reads a file of PEM blocks. Blocks that hold no certificate are left out, as in other tools.
    ///
    /// # Errors
    /// A block is malformed, or none holds a certificate.
    pub fn parse(pem: &[u8]) -> Result<Self, InvalidAuthorities> {
        let mut certificates = Vec::new();
        for item in parse_pem(pem) {
            let item = item.map_err(|error| InvalidAuthorities(error.to_string()))?;
            if let PemItem::Certificate(certificate) = item {
                certificates.push(certificate);
            }
        }
        if certificates.is_empty() {
            return Err(InvalidAuthorities("the file has none".to_owned()));
        }
        Ok(Self(certificates))
    }

    /// As the client takes them.
    pub(crate) fn roots(&self) -> RootCerts {
        RootCerts::new_with_certs(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_certificate_is_refused() {
        for wrong in [
            "",
            "text",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
        ] {
            assert!(Authorities::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
