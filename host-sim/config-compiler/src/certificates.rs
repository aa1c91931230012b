//! Whether certificates, keys and revocation lists in PEM are what Envoy takes.
//!
//! Decides on the contents only: where they come from is `credentials`, what a server does with them is `tls`.
//! What is invalid here, Envoy refuses when it loads it; a revocation list is stricter, because Envoy takes one that
//! it can't read and then revokes nothing. Messages never hold a part of what was read.
//! Source: Envoy `source/common/tls/context_impl.cc`, `server_context_impl.cc`, and tried with 1.40.

use std::fmt;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use crate::x509::{Certificate, PublicKey, is_sequence, public_point};

/// The smallest RSA key of a server certificate, in bits.
const LEAST_RSA: usize = 2048;

/// Why Envoy does not take a certificate, a key or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateFault {
    /// There is no PEM block of that kind.
    Missing(&'static str),
    /// A PEM block of that kind can't be read.
    Unreadable(&'static str),
    /// The key is encrypted with a password.
    Encrypted,
    /// The key of the certificate is of a kind that Envoy refuses.
    Unsupported(String),
    /// The private key is not that of the certificate.
    Mismatch,
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(what) => write!(f, "it holds no {what} in PEM"),
            Self::Unreadable(what) => write!(f, "the {what} in it can't be read"),
            Self::Encrypted => f.write_str("the private key is encrypted with a password"),
            Self::Unsupported(kind) => write!(
                f,
                "the certificate has {kind}: Envoy takes RSA keys from {LEAST_RSA} bits on and the curves P-256, P-384 and P-521"
            ),
            Self::Mismatch => f.write_str("the private key does not belong to the certificate"),
        }
    }
}

impl std::error::Error for CertificateFault {}

/// When a certificate is valid, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub from: i64,
    /// The last second.
    pub until: i64,
}

/// Judges a certificate chain and the private key of its first certificate, whose validity it returns.
///
/// # Errors
/// The first fault that Envoy would find. A key of a kind that can't be judged here passes.
pub fn check_pair(chain: &[u8], key: &[u8]) -> Result<Validity, CertificateFault> {
    let chain = certificates(chain)?;
    let first = chain.first().ok_or(CertificateFault::Missing(CERTIFICATE))?;
    check_public_key(&first.public_key)?;
    if let Some(own) = public_key_of(key)?
        && own != first.public_key.bits
    {
        return Err(CertificateFault::Mismatch);
    }
    Ok(first.validity)
}

/// Judges the certificates of authorities.
///
/// # Errors
/// If there is none, or one can't be read.
pub fn check_authorities(bundle: &[u8]) -> Result<(), CertificateFault> {
    if certificates(bundle)?.is_empty() {
        return Err(CertificateFault::Missing(CERTIFICATE));
    }
    Ok(())
}

/// Judges certificate revocation lists.
///
/// # Errors
/// If there is none, or one can't be read.
pub fn check_revocations(lists: &[u8]) -> Result<(), CertificateFault> {
    const WHAT: &str = "certificate revocation list";
    let unreadable = || CertificateFault::Unreadable(WHAT);
    let mut count = 0;
    for list in CertificateRevocationListDer::pem_slice_iter(lists) {
        let list = list.map_err(|_| unreadable())?;
        if !is_sequence(&list) {
            return Err(unreadable());
        }
        count += 1;
    }
    if count == 0 {
        return Err(CertificateFault::Missing(WHAT));
    }
    Ok(())
}

const CERTIFICATE: &str = "certificate";
const PRIVATE_KEY: &str = "private key";

/// Envoy reads those behind the first one too.
fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, CertificateFault> {
    let unreadable = || CertificateFault::Unreadable(CERTIFICATE);
    CertificateDer::pem_slice_iter(pem)
        .map(|it| {
            let der = it.map_err(|_| unreadable())?;
            Certificate::parse(&der).ok_or_else(unreadable)
        })
        .collect()
}

fn check_public_key(key: &PublicKey) -> Result<(), CertificateFault> {
    let unsupported = |kind: String| Err(CertificateFault::Unsupported(kind));
    if let Some(bits) = key.rsa_bits()
        && bits < LEAST_RSA
    {
        return unsupported(format!("an RSA key of {bits} bits"));
    }
    if key.is_of_other_curve() {
        return unsupported("an elliptic curve key of another curve".to_owned());
    }
    Ok(())
}

/// The public key that belongs to a private key, as a certificate holds it. None if it cannot be determined.
fn public_key_of(pem: &[u8]) -> Result<Option<Vec<u8>>, CertificateFault> {
    let key = match PrivateKeyDer::from_pem_slice(pem) {
        Ok(key) => key,
        Err(_) if contains(pem, b"ENCRYPTED") => return Err(CertificateFault::Encrypted),
        Err(_) if contains(pem, b"PRIVATE KEY-----") => {
            return Err(CertificateFault::Unreadable(PRIVATE_KEY));
        }
        Err(_) => return Err(CertificateFault::Missing(PRIVATE_KEY)),
    };
    let Ok(signing) = any_supported_type(&key) else {
        if !is_sequence(key.secret_der()) {
            return Err(CertificateFault::Unreadable(PRIVATE_KEY));
        }
        // A kind that the library has not, such as P-521: it may carry its public key.
        return Ok(public_point(key.secret_der()));
    };
    let info = signing.public_key();
    Ok(info.and_then(|it| PublicKey::parse(&it)).map(|it| it.bits))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|it| it == word)
}
