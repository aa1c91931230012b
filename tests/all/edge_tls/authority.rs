//! Authorities, certificates and revocation lists for tests of TLS at the edge.

use std::fmt::Display;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod,
    KeyPair, PublicKeyData as _, RevokedCertParams, SerialNumber, date_time_ymd,
};
use sha2::{Digest as _, Sha256};

/// An RSA key of 2048 bits, of nothing but these tests: the library that signs makes none.
const RSA: &str = include_str!("rsa.key");

/// An authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate in PEM.
    pub(crate) pem: String,
}

/// A certificate and its key.
#[derive(Clone)]
pub(crate) struct Leaf {
    /// The certificate in PEM.
    pub(crate) pem: String,
    /// Its key in PEM.
    pub(crate) key: String,
    /// The certificate in DER.
    pub(crate) der: Vec<u8>,
    /// Its public key in DER.
    public_key: Vec<u8>,
    serial: u64,
}

/// Which key a certificate has.
#[derive(Clone, Copy)]
pub(crate) enum Key {
    Elliptic,
    Rsa,
}

fn said(error: impl Display) -> String {
    error.to_string()
}

impl Authority {
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().map_err(said)?;
        let pem = params.self_signed(&key).map_err(said)?.pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            pem,
        })
    }

    /// Signs a certificate for DNS names and IP addresses. Serial numbers tell the certificates of an authority apart.
    pub(crate) fn sign(&self, serial: u64, key: Key, names: &[&str]) -> Result<Leaf, String> {
        self.sign_until(serial, key, names, 4096)
    }

    /// The same, valid until the start of a year.
    pub(crate) fn sign_until(
        &self,
        serial: u64,
        key: Key,
        names: &[&str],
        year: i32,
    ) -> Result<Leaf, String> {
        let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
        let mut params = CertificateParams::new(names).map_err(said)?;
        params.serial_number = Some(SerialNumber::from(serial));
        params.not_after = date_time_ymd(year, 1, 1);
        let key = match key {
            Key::Elliptic => KeyPair::generate(),
            Key::Rsa => KeyPair::from_pem(RSA),
        }
        .map_err(said)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(said)?;
        Ok(Leaf {
            pem: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().to_vec(),
            public_key: key.subject_public_key_info(),
            serial,
        })
    }

    /// A list that revokes these, good until the start of a year.
    pub(crate) fn revoke(&self, revoked: &[&Leaf], year: i32) -> Result<String, String> {
        let revoked = revoked.iter().map(|it| RevokedCertParams {
            serial_number: SerialNumber::from(it.serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(year, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).map_err(said)?.pem().map_err(said)
    }
}

impl Leaf {
    /// What a client shows.
    pub(crate) fn identity(&self) -> Option<(String, String)> {
        Some((self.pem.clone(), self.key.clone()))
    }

    /// The SHA-256 of the certificate, as `verifyCertificateHash` has it.
    pub(crate) fn hash(&self) -> String {
        Sha256::digest(&self.der)
            .iter()
            .map(|it| format!("{it:02x}"))
            .collect()
    }

    /// The SHA-256 of its public key, as `verifyCertificateSpki` has it.
    pub(crate) fn key_hash(&self) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(Sha256::digest(&self.public_key))
    }
}
