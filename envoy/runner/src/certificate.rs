//! Certificates for tests and trials: an authority of one's own, and certificates that it signs. Nothing is kept on disk.

use std::io;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// An authority that signs certificates. Only clients that are given its certificate trust it.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate, PEM.
    pub chain_pem: String,
    /// Its private key, PEM (PKCS #8).
    pub key_pem: String,
    pub(crate) chain_der: Vec<u8>,
    pub(crate) key_der: Vec<u8>,
}

impl Authority {
    /// Makes one, with a fresh key.
    pub fn new() -> io::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "fingerpost test authority");
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let pem = params.self_signed(&key).map_err(io::Error::other)?.pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            pem,
        })
    }

    /// Its own certificate, for clients to trust.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Signs a certificate for these DNS names or IP addresses, good for servers and clients.
    pub fn sign(&self, names: &[&str]) -> io::Result<Certificate> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names.clone()).map_err(io::Error::other)?;
        let subject = names.first().map_or("fingerpost test", String::as_str);
        params.distinguished_name.push(DnType::CommonName, subject);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        Ok(Certificate {
            chain_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            chain_der: certificate.der().to_vec(),
            key_der: key.serialize_der(),
        })
    }
}
