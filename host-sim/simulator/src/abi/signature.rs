//! The foreign functions `sign` and `verify_signature`.
//!
//! RSA (PKCS#1 v1.5) and ECDSA on P-256 and P-384, with the hashes that `ring` has for them. Keys and hashes that only
//! Envoy's BoringSSL has are answered as Envoy answers those that it does not have either.

use super::protobuf::{Message, put_bytes, put_true};
use crate::status::Status;
use ring::rand::SystemRandom;
use ring::signature::{self as algorithms, EcdsaKeyPair, RsaKeyPair, UnparsedPublicKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};

/// A message of the fields that say how it went, for the guest.
fn result(outcome: Result<Vec<u8>, String>, error_field: u8) -> Vec<u8> {
    let mut message = Vec::new();
    match outcome {
        Ok(signature) => {
            put_true(&mut message, 1);
            put_bytes(&mut message, 2, &signature);
        }
        Err(error) => put_bytes(&mut message, error_field, error.as_bytes()),
    }
    message
}

/// Exactly one of the two forms of a key.
fn key<'k>(der: &'k [u8], pem: &'k [u8]) -> Result<Key<'k>, Status> {
    match (der, pem) {
        ([], []) | ([_, ..], [_, ..]) => Err(Status::BadArgument),
        (der, []) => Ok(Key::Der(der)),
        ([], pem) => Ok(Key::Pem(pem)),
    }
}

enum Key<'k> {
    Der(&'k [u8]),
    Pem(&'k [u8]),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

fn hash(name: &[u8]) -> Result<Hash, String> {
    let name = String::from_utf8_lossy(name);
    match name.to_ascii_lowercase().as_str() {
        "sha1" => Ok(Hash::Sha1),
        "sha256" => Ok(Hash::Sha256),
        "sha384" => Ok(Hash::Sha384),
        "sha512" => Ok(Hash::Sha512),
        _ => Err(format!("{name} is not supported.")),
    }
}

/// `VerifySignatureArguments` to `VerifySignatureResult`.
pub(super) fn verify(arguments: &[u8]) -> Result<Vec<u8>, Status> {
    let arguments = Message::read(arguments).ok_or(Status::BadArgument)?;
    let key = key(arguments.bytes(2), arguments.bytes(5))?;
    let verified = hash(arguments.bytes(1))
        .and_then(|hash| verified(hash, &key, arguments.bytes(3), arguments.bytes(4)));
    Ok(result(verified.map(|()| Vec::new()), 2))
}

fn verified(hash: Hash, key: &Key<'_>, signature: &[u8], text: &[u8]) -> Result<(), String> {
    const NO_KEY: &str = "Failed to initialize digest verify.";
    let from_pem = match key {
        Key::Der(_) => None,
        Key::Pem(pem) => Some(SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| NO_KEY)?),
    };
    let der = match (key, &from_pem) {
        (_, Some(der)) => der.as_ref(),
        (Key::Der(der) | Key::Pem(der), None) => der,
    };
    let (kind, key) = public_key(der).ok_or(NO_KEY)?;
    let algorithm: &dyn algorithms::VerificationAlgorithm = match (kind, hash) {
        (Kind::Rsa, Hash::Sha1) => &algorithms::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        (Kind::Rsa, Hash::Sha256) => &algorithms::RSA_PKCS1_2048_8192_SHA256,
        (Kind::Rsa, Hash::Sha384) => &algorithms::RSA_PKCS1_2048_8192_SHA384,
        (Kind::Rsa, Hash::Sha512) => &algorithms::RSA_PKCS1_2048_8192_SHA512,
        (Kind::P256, Hash::Sha256) => &algorithms::ECDSA_P256_SHA256_ASN1,
        (Kind::P256, Hash::Sha384) => &algorithms::ECDSA_P256_SHA384_ASN1,
        (Kind::P384, Hash::Sha256) => &algorithms::ECDSA_P384_SHA256_ASN1,
        (Kind::P384, Hash::Sha384) => &algorithms::ECDSA_P384_SHA384_ASN1,
        (Kind::P256 | Kind::P384, Hash::Sha1) => return Err("sha1 is not supported.".to_owned()),
        (Kind::P256 | Kind::P384, Hash::Sha512) => return Err("sha512 is not supported.".to_owned()),
    };
    UnparsedPublicKey::new(algorithm, key)
        .verify(text, signature)
        .map_err(|_| "Failed to verify digest. Error code: 0".to_owned())
}

/// `SignArguments` to `SignResult`.
pub(super) fn sign(arguments: &[u8]) -> Result<Vec<u8>, Status> {
    let arguments = Message::read(arguments).ok_or(Status::BadArgument)?;
    let key = key(arguments.bytes(2), arguments.bytes(4))?;
    let signed = hash(arguments.bytes(1)).and_then(|hash| signed(hash, &key, arguments.bytes(3)));
    Ok(result(signed, 3))
}

fn signed(hash: Hash, key: &Key<'_>, text: &[u8]) -> Result<Vec<u8>, String> {
    const NO_KEY: &str = "Invalid key type: private key required for signing operation.";
    const FAILED: &str = "Failed to create signature.";
    let from_pem = match key {
        Key::Der(_) => None,
        Key::Pem(pem) => Some(PrivateKeyDer::from_pem_slice(pem).map_err(|_| NO_KEY)?),
    };
    let (der, rsa) = match (key, &from_pem) {
        (_, Some(PrivateKeyDer::Pkcs1(der))) => {
            let der = der.secret_pkcs1_der();
            (der, RsaKeyPair::from_der(der).ok())
        }
        (_, Some(der)) => (der.secret_der(), RsaKeyPair::from_pkcs8(der.secret_der()).ok()),
        (Key::Der(der) | Key::Pem(der), None) => (*der, RsaKeyPair::from_pkcs8(der).ok()),
    };
    let random = SystemRandom::new();
    if let Some(rsa) = rsa {
        let padding: &dyn algorithms::RsaEncoding = match hash {
            Hash::Sha256 => &algorithms::RSA_PKCS1_SHA256,
            Hash::Sha384 => &algorithms::RSA_PKCS1_SHA384,
            Hash::Sha512 => &algorithms::RSA_PKCS1_SHA512,
            Hash::Sha1 => return Err(FAILED.to_owned()),
        };
        let mut signature = vec![0; rsa.public().modulus_len()];
        rsa.sign(padding, &random, text, &mut signature)
            .map_err(|_| FAILED)?;
        return Ok(signature);
    }
    let curve = match hash {
        Hash::Sha256 => &algorithms::ECDSA_P256_SHA256_ASN1_SIGNING,
        Hash::Sha384 => &algorithms::ECDSA_P384_SHA384_ASN1_SIGNING,
        Hash::Sha1 | Hash::Sha512 => return Err(FAILED.to_owned()),
    };
    let pair = EcdsaKeyPair::from_pkcs8(curve, der, &random).map_err(|_| NO_KEY)?;
    let signature = pair.sign(&random, text).map_err(|_| FAILED)?;
    Ok(signature.as_ref().to_vec())
}

#[derive(Clone, Copy)]
enum Kind {
    Rsa,
    P256,
    P384,
}

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];

/// The key in a `SubjectPublicKeyInfo` (RFC 5280).
fn public_key(mut der: &[u8]) -> Option<(Kind, &[u8])> {
    let mut info = element(&mut der, 0x30)?;
    let mut algorithm = element(&mut info, 0x30)?;
    let key = element(&mut info, 0x03)?.strip_prefix(&[0])?; // no unused bits
    let kind = match element(&mut algorithm, 0x06)? {
        RSA => Kind::Rsa,
        EC => match element(&mut algorithm, 0x06)? {
            P256 => Kind::P256,
            P384 => Kind::P384,
            _ => return None,
        },
        _ => return None,
    };
    Some((kind, key))
}

/// The content of the next element of DER, if it has this tag.
fn element<'d>(der: &mut &'d [u8], tag: u8) -> Option<&'d [u8]> {
    let (first, rest) = der.split_first()?;
    let (short, mut rest) = rest.split_first()?;
    let mut length = usize::from(*short);
    if length >= 0x80 {
        let (bytes, after) = rest.split_at_checked(length - 0x80)?;
        if bytes.len() > 4 {
            return None;
        }
        length = bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        rest = after;
    }
    let (content, after) = rest.split_at_checked(length)?;
    *der = after;
    (*first == tag).then_some(content)
}
