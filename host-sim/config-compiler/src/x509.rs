//! The few fields of X.509 certificates, revocation lists and keys that decide whether Envoy and clients take them.
//!
//! Reads DER; verifies no signature. What the fields mean is `certificates`.
//! Source: RFC 5280 (certificates and revocation lists), RFC 5915 and 5958 (keys).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use yasna::models::ObjectIdentifier;
use yasna::{ASN1Result, BERReader, BERReaderSeq, Tag};

use crate::certificates::{Moment, Validity};

const RSA: &[u64] = &[1, 2, 840, 113_549, 1, 1, 1];
const ELLIPTIC: &[u64] = &[1, 2, 840, 10_045, 2, 1];
/// P-256, P-384, P-521.
const CURVES: [&[u64]; 3] = [
    &[1, 2, 840, 10_045, 3, 1, 7],
    &[1, 3, 132, 0, 34],
    &[1, 3, 132, 0, 35],
];

const COMMON_NAME: &[u64] = &[2, 5, 4, 3];
const ALTERNATIVE_NAMES: &[u64] = &[2, 5, 29, 17];
/// A `dNSName` in a `GeneralName`.
const DNS_NAME: Tag = Tag {
    tag_class: yasna::TagClass::ContextSpecific,
    tag_number: 2,
};

/// What a certificate says.
#[derive(Debug)]
pub(crate) struct Certificate {
    /// Who signed it: a distinguished name, DER.
    pub issuer: Vec<u8>,
    /// Whose it is: a distinguished name, DER.
    pub subject: Vec<u8>,
    /// When it is valid.
    pub validity: Validity,
    /// Its key.
    pub public_key: PublicKey,
    /// The DNS names among its `subjectAltName`s; none if it has no such extension.
    pub dns_names: Option<Vec<String>>,
}

/// What a revocation list says about itself.
#[derive(Debug)]
pub(crate) struct RevocationList {
    /// Who signed it: a distinguished name, DER.
    pub issuer: Vec<u8>,
    /// When the next one is due.
    pub until: Option<Moment>,
}

/// What servers tell clients' certificates apart by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateIdentity {
    /// Its subject alternative names: mail addresses, DNS names, URIs, IP addresses.
    pub names: Vec<String>,
    /// The SHA-256 of the certificate, in hexadecimal digits.
    pub hash: String,
    /// The SHA-256 of its public key in base64, as Envoy's `verify_certificate_spki` has it.
    pub public_key_hash: String,
}

impl CertificateIdentity {
    /// That of a certificate in DER; none if it is malformed.
    #[must_use]
    pub fn parse(der: &[u8]) -> Option<Self> {
        let signed = members(der)?.into_iter().next()?;
        let fields = members(&signed)?;
        // An optional version comes first.
        let version = fields.first().is_some_and(|it| it.first() == Some(&0xa0));
        let public_key = fields.get(5 + usize::from(version))?;
        let digest = |bytes: &[u8]| <Sha256 as Digest>::digest(bytes);
        Some(Self {
            names: fields.last().and_then(|it| names(it)).unwrap_or_default(),
            hash: digest(der).iter().map(|it| format!("{it:02x}")).collect(),
            public_key_hash: STANDARD.encode(digest(public_key)),
        })
    }
}

/// The subject alternative names among the extensions of a certificate (RFC 5280, section 4.2.1.6).
fn names(extensions: &[u8]) -> Option<Vec<String>> {
    const SUBJECT_ALT_NAME: &[u64] = &[2, 5, 29, 17];
    let listed = yasna::parse_der(extensions, |it| {
        it.read_tagged(Tag::context(3), |it| it.read_der())
    });
    for extension in members(&listed.ok()?)? {
        let parts = members(&extension)?;
        let id = yasna::parse_der(parts.first()?, |it| it.read_oid()).ok()?;
        if *id.components() != SUBJECT_ALT_NAME {
            continue;
        }
        let value = yasna::parse_der(parts.last()?, |it| it.read_bytes()).ok()?;
        return Some(members(&value)?.iter().filter_map(|it| name(it)).collect());
    }
    None
}

/// One name, if it is of a type that servers compare.
fn name(der: &[u8]) -> Option<String> {
    const MAIL: u64 = 1;
    const DNS: u64 = 2;
    const URI: u64 = 6;
    const IP: u64 = 7;
    let tagged = yasna::parse_der(der, |it| it.read_tagged_der()).ok()?;
    let value = tagged.value();
    match tagged.tag().tag_number {
        MAIL | DNS | URI => String::from_utf8(value.to_vec()).ok(),
        IP => {
            let v4 = <[u8; 4]>::try_from(value).map(std::net::IpAddr::from);
            let v6 = <[u8; 16]>::try_from(value).map(std::net::IpAddr::from);
            v4.or(v6).ok().map(|it| it.to_string())
        }
        _ => None,
    }
}

/// A public key.
#[derive(Debug)]
pub(crate) struct PublicKey {
    algorithm: ObjectIdentifier,
    curve: Option<ObjectIdentifier>,
    /// The key itself, as its algorithm writes it.
    pub bits: Vec<u8>,
}

impl Certificate {
    /// Reads one; none if it is malformed.
    pub(crate) fn parse(der: &[u8]) -> Option<Self> {
        let parsed = yasna::parse_der(der, |reader| {
            reader.read_sequence(|reader| {
                let parsed = reader.next().read_sequence(signed_part)?;
                reader.next().read_der()?; // the algorithm of the signature
                reader.next().read_bitvec_bytes()?;
                Ok(parsed)
            })
        });
        parsed.ok()
    }
}

/// `TBSCertificate`.
fn signed_part(reader: &mut BERReaderSeq<'_, '_>) -> ASN1Result<Certificate> {
    reader.read_optional(|it| it.read_tagged(Tag::context(0), |it| it.read_i64()))?;
    for _ in ["serial number", "algorithm"] {
        reader.next().read_der()?;
    }
    let issuer = reader.next().read_der()?;
    let validity = reader.next().read_sequence(|reader| {
        let from = time(reader.next())?;
        let until = time(reader.next())?;
        Ok(Validity { from, until })
    })?;
    let subject = reader.next().read_der()?;
    let public_key = public_key(reader.next())?;
    let mut dns_names = None;
    while let Some(rest) = reader.read_optional(|it| it.read_der())? {
        dns_names = dns_names.or_else(|| dns_names_of(&rest));
    }
    Ok(Certificate {
        issuer,
        subject,
        validity,
        public_key,
        dns_names,
    })
}

/// The DNS names in `Extensions`.
fn dns_names_of(extensions: &[u8]) -> Option<Vec<String>> {
    let extensions = yasna::parse_der(extensions, |it| {
        it.read_tagged(Tag::context(3), |it| it.read_der())
    });
    let names = members(&extensions.ok()?)?.into_iter().find_map(|extension| {
        let parts = members(&extension)?;
        let kind = yasna::parse_der(parts.first()?, |it| it.read_oid()).ok()?;
        let value = yasna::parse_der(parts.last()?, |it| it.read_bytes()).ok()?;
        (*kind.components() == ALTERNATIVE_NAMES).then_some(value)
    })?;
    let name = |it: Vec<u8>| {
        let name = yasna::parse_der(&it, |it| it.read_tagged_implicit(DNS_NAME, |it| it.read_bytes()));
        name.ok().map(|it| String::from_utf8_lossy(&it).into_owned())
    };
    Some(members(&names)?.into_iter().filter_map(name).collect())
}

impl Certificate {
    /// The last common name of its subject.
    pub(crate) fn common_name(&self) -> Option<String> {
        let attributes = members(&self.subject)?
            .into_iter()
            .filter_map(|it| set_members(&it));
        let mut attributes = attributes.flatten().filter_map(|it| members(&it));
        attributes
            .rfind(|it| is_common_name(it))
            .and_then(|it| text(it.last()?))
    }
}

fn is_common_name(attribute: &[Vec<u8>]) -> bool {
    let kind = attribute
        .first()
        .and_then(|it| yasna::parse_der(it, |it| it.read_oid()).ok());
    kind.is_some_and(|it| *it.components() == COMMON_NAME)
}

/// A text of one of the usual types.
fn text(der: &[u8]) -> Option<String> {
    let utf8 = yasna::parse_der(der, |it| it.read_utf8string());
    utf8.or_else(|_| yasna::parse_der(der, |it| it.read_printable_string()))
        .or_else(|_| yasna::parse_der(der, |it| it.read_ia5_string()))
        .ok()
}

impl RevocationList {
    /// Reads one; none if it is malformed.
    pub(crate) fn parse(der: &[u8]) -> Option<Self> {
        let parts = members(members(der)?.first()?)?;
        let mut parts = parts.iter().peekable();
        // A version is written from the second one on.
        parts.next_if(|it| yasna::parse_der(it, |it| it.read_i64()).is_ok());
        parts.next()?; // the algorithm of the signature
        let issuer = parts.next()?.clone();
        parts.next()?; // when it was made
        let until = parts.next().and_then(|it| yasna::parse_der(it, time).ok());
        Some(Self { issuer, until })
    }
}

fn time(reader: BERReader<'_, '_>) -> ASN1Result<Moment> {
    let utc = reader.lookahead_tag()? == yasna::tags::TAG_UTCTIME;
    let time = if utc {
        *reader.read_utctime()?.datetime()
    } else {
        *reader.read_generalized_time()?.datetime()
    };
    Ok(Moment {
        seconds: time.unix_timestamp(),
        day: time.date().to_string(),
    })
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo`; none if it is malformed.
    pub(crate) fn parse(der: &[u8]) -> Option<Self> {
        yasna::parse_der(der, public_key).ok()
    }

    /// How long an RSA key is; none for other keys.
    pub(crate) fn rsa_bits(&self) -> Option<usize> {
        if *self.algorithm.components() != RSA {
            return None;
        }
        let modulus = yasna::parse_der(&self.bits, |reader| {
            reader.read_sequence(|reader| {
                let (modulus, _) = reader.next().read_bigint_bytes()?;
                reader.next().read_bigint_bytes()?;
                Ok(modulus)
            })
        });
        let modulus = modulus.ok()?;
        let zeros = modulus.iter().take_while(|it| **it == 0).count();
        let leading = modulus.get(zeros).map_or(0, |it| it.leading_zeros());
        Some((modulus.len() - zeros) * 8 - leading as usize)
    }

    /// Whether it is on an elliptic curve that Envoy does not take.
    pub(crate) fn is_of_other_curve(&self) -> bool {
        let curve = self.curve.as_ref().map(|it| it.components().as_slice());
        *self.algorithm.components() == ELLIPTIC && !curve.is_some_and(|it| CURVES.contains(&it))
    }
}

fn public_key(reader: BERReader<'_, '_>) -> ASN1Result<PublicKey> {
    reader.read_sequence(|reader| {
        let (algorithm, curve) = reader.next().read_sequence(|reader| {
            let algorithm = reader.next().read_oid()?;
            let parameters = reader.read_optional(|it| it.read_der())?;
            let curve = parameters.and_then(|it| yasna::parse_der(&it, |it| it.read_oid()).ok());
            Ok((algorithm, curve))
        })?;
        let (bits, _) = reader.next().read_bitvec_bytes()?;
        Ok(PublicKey {
            algorithm,
            curve,
            bits,
        })
    })
}

fn set_members(der: &[u8]) -> Option<Vec<Vec<u8>>> {
    yasna::parse_der(der, |it| it.collect_set_of(|it| it.read_der())).ok()
}

/// Whether the bytes are one sequence and nothing else.
pub(crate) fn is_sequence(der: &[u8]) -> bool {
    members(der).is_some()
}

/// The public key in an elliptic curve private key, bare or in PKCS #8, if it is there.
pub(crate) fn public_point(private_key: &[u8]) -> Option<Vec<u8>> {
    let members = members(private_key)?;
    let tagged = Tag::context(1);
    let held = members
        .iter()
        .find_map(|it| yasna::parse_der(it, |it| it.read_tagged(tagged, |it| it.read_bitvec_bytes())).ok());
    if let Some((bits, _)) = held {
        return Some(bits);
    }
    // PKCS #8: version, algorithm, and the bare key in an octet string.
    let inner = yasna::parse_der(members.get(2)?, |it| it.read_bytes()).ok()?;
    public_point(&inner)
}

fn members(der: &[u8]) -> Option<Vec<Vec<u8>>> {
    let members = yasna::parse_der(der, |reader| {
        reader.read_sequence(|reader| {
            let mut members = Vec::new();
            while let Some(member) = reader.read_optional(|it| it.read_der())? {
                members.push(member);
            }
            Ok(members)
        })
    });
    members.ok()
}
