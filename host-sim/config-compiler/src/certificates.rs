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

use crate::x509::{Certificate, PublicKey, RevocationList, is_sequence, public_point};

/// The smallest RSA key of a server certificate, in bits.
const LEAST_RSA: usize = 2048;

/// Why Envoy does not take a certificate, a key or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateFault {
    /// There is no PEM block of that kind.
    Missing {
        /// What there should be.
        what: &'static str,
        /// What the first block is, such as `CERTIFICATE REQUEST`.
        found: Option<String>,
    },
    /// A PEM block of that kind can't be read.
    Unreadable(&'static str),
    /// The key is encrypted with a password.
    Encrypted,
    /// The key of the certificate is of a kind that Envoy refuses.
    Unsupported(String),
    /// The private key is not that of the certificate.
    Mismatch,
    /// The private key is that of a later certificate of the chain: its number, from 2 on.
    WrongOrder(usize),
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { what, found: None } => write!(f, "it holds no {what} in PEM"),
            Self::Missing {
                what,
                found: Some(found),
            } => write!(f, "it holds no {what} in PEM, but `{found}`"),
            Self::Unreadable(what) => write!(f, "the {what} in it can't be read"),
            Self::Encrypted => f.write_str("the private key is encrypted with a password"),
            Self::Unsupported(kind) => write!(
                f,
                "the certificate has {kind}: Envoy takes RSA keys from {LEAST_RSA} bits on and the curves P-256, P-384 and P-521"
            ),
            Self::Mismatch => f.write_str("the private key does not belong to the certificate"),
            Self::WrongOrder(number) => write!(
                f,
                "the private key does not belong to the first certificate but to number {number}: the server's own comes first, then the one that signed it"
            ),
        }
    }
}

impl std::error::Error for CertificateFault {}

impl CertificateFault {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Missing { .. } | Self::Unreadable(_) => {
                "`openssl x509 -noout -text`, `openssl pkey -noout` and `openssl crl -noout` say whether they can read a part"
            }
            Self::Encrypted => "`openssl pkey` writes the key without its password",
            Self::Unsupported(_) => {
                "make a new key, such as with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`, and have it certified"
            }
            Self::Mismatch => {
                "`openssl x509 -noout -pubkey` and `openssl pkey -pubout` print the same public key if they belong together"
            }
            Self::WrongOrder(_) => "change the order of the certificates",
        }
    }

    /// Whether it is about the private key alone.
    pub(crate) fn is_about_key(&self) -> bool {
        match self {
            Self::Missing { what, .. } | Self::Unreadable(what) => *what == PRIVATE_KEY,
            Self::Encrypted | Self::Mismatch => true,
            Self::Unsupported(_) | Self::WrongOrder(_) => false,
        }
    }

    /// Whether it is about a revocation list.
    pub(crate) fn is_about_list(&self) -> bool {
        match self {
            Self::Missing { what, .. } | Self::Unreadable(what) => *what == REVOCATION_LIST,
            Self::Encrypted | Self::Mismatch | Self::Unsupported(_) | Self::WrongOrder(_) => false,
        }
    }
}

/// A point in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970.
    pub seconds: i64,
    /// Its day, such as `2026-01-31`.
    pub day: String,
}

/// When a certificate is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub from: Moment,
    /// The last second.
    pub until: Moment,
}

/// What a chain of certificates says that a server shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateChain {
    /// When each certificate is valid, the server's own first.
    pub validities: Vec<Validity>,
    /// The DNS names of the server's own certificate, such as `*.example.com`. None if it has no list of names: most clients then
    /// refuse it.
    pub names: Option<Vec<String>>,
    /// Its common name, which old clients use if there are no names.
    pub common_name: Option<String>,
    /// The number of the first certificate that did not sign the one before it, from 2 on.
    pub stray: Option<usize>,
}

impl CertificateChain {
    /// Whether it is for this host, exact or with a wildcard for the first label (RFC 6125, section 6.4.3).
    pub fn covers(&self, host: &str) -> bool {
        self.all_names().any(|name| covers(name, host))
    }

    /// Its names; if it has none, the common name.
    pub fn all_names(&self) -> impl Iterator<Item = &str> {
        let common = self.common_name.as_deref().filter(|_| self.names.is_none());
        self.names.iter().flatten().map(String::as_str).chain(common)
    }
}

fn covers(name: &str, host: &str) -> bool {
    if name.eq_ignore_ascii_case(host) {
        return true;
    }
    let (Some(below), Some((label, parent))) = (name.strip_prefix("*."), host.split_once('.')) else {
        return false;
    };
    label != "*" && below.eq_ignore_ascii_case(parent)
}

/// What clients' certificates are judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorities {
    /// When the certificate of each authority is valid.
    pub validities: Vec<Validity>,
    /// When each revocation list ends; none if there are no lists.
    pub lists: Vec<Option<Moment>>,
    /// The authorities that no list is of, though there are lists: Envoy takes none of their clients.
    pub unlisted: Vec<String>,
}

/// Judges a certificate chain and the private key of its first certificate.
///
/// # Errors
/// The first fault that Envoy would find. A key of a kind that can't be judged here passes.
pub fn check_pair(chain: &[u8], key: &[u8]) -> Result<CertificateChain, CertificateFault> {
    let found = certificates(chain)?;
    let first = found.first().ok_or_else(|| missing(CERTIFICATE, chain))?;
    check_public_key(&first.public_key)?;
    if let Some(own) = public_key_of(key)?
        && own != first.public_key.bits
    {
        let owner = found.iter().position(|it| it.public_key.bits == own);
        return Err(owner.map_or(CertificateFault::Mismatch, |index| {
            CertificateFault::WrongOrder(index + 1)
        }));
    }
    let signed_by_next = |pair: &[Certificate]| match pair {
        [one, next] => one.issuer == next.subject,
        _ => true,
    };
    Ok(CertificateChain {
        validities: found.iter().map(|it| it.validity.clone()).collect(),
        names: first.dns_names.clone(),
        common_name: first.common_name(),
        stray: found
            .windows(2)
            .position(|it| !signed_by_next(it))
            .map(|it| it + 2),
    })
}

/// Judges the certificates of authorities, and their revocation lists.
///
/// # Errors
/// If there is none, or one can't be read.
pub fn check_authorities(bundle: &[u8], lists: Option<&[u8]>) -> Result<Authorities, CertificateFault> {
    let found = certificates(bundle)?;
    if found.is_empty() {
        return Err(missing(CERTIFICATE, bundle));
    }
    let lists = lists.map_or_else(|| Ok(Vec::new()), revocation_lists)?;
    let is_listed = |it: &Certificate| lists.is_empty() || lists.iter().any(|list| list.issuer == it.subject);
    let unlisted = found.iter().filter(|it| !is_listed(it));
    Ok(Authorities {
        validities: found.iter().map(|it| it.validity.clone()).collect(),
        unlisted: unlisted
            .map(|it| {
                it.common_name()
                    .unwrap_or_else(|| "without a common name".to_owned())
            })
            .collect(),
        lists: lists.into_iter().map(|it| it.until).collect(),
    })
}

fn revocation_lists(pem: &[u8]) -> Result<Vec<RevocationList>, CertificateFault> {
    let unreadable = || CertificateFault::Unreadable(REVOCATION_LIST);
    let lists: Result<Vec<RevocationList>, _> = CertificateRevocationListDer::pem_slice_iter(pem)
        .map(|list| {
            let list = list.map_err(|_| unreadable())?;
            RevocationList::parse(&list).ok_or_else(unreadable)
        })
        .collect();
    let lists = lists?;
    if lists.is_empty() {
        return Err(missing(REVOCATION_LIST, pem));
    }
    Ok(lists)
}

/// The fault of a text without a block of this kind. It names the kind of the first block, which is not secret.
fn missing(what: &'static str, pem: &[u8]) -> CertificateFault {
    let text = String::from_utf8_lossy(pem);
    let mut lines = text.lines().map(str::trim);
    let kind = lines.find_map(|it| it.strip_prefix("-----BEGIN ")?.strip_suffix("-----"));
    let is_kind = |it: &&str| {
        it.len() < 40
            && it
                .bytes()
                .all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || it == b' ')
    };
    CertificateFault::Missing {
        what,
        found: kind.filter(is_kind).map(str::to_owned),
    }
}

const CERTIFICATE: &str = "certificate";
const PRIVATE_KEY: &str = "private key";
const REVOCATION_LIST: &str = "certificate revocation list";

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
        Err(_) => return Err(missing(PRIVATE_KEY, pem)),
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
