//! The certificates that a compiled configuration needs, beside what is on this machine.
//!
//! Decides what to warn of: files that are missing or that Envoy will not take, certificates that have expired. Envoy
//! starts all the same; only the servers and clusters that need them are out of order.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use fingerpost_config_compiler::{
    CertificateFault, Compiled, FileSecret, SecretFiles, Validity, check_authorities, check_pair,
    check_revocations,
};
use fingerpost_resources::{Code, Diagnostics, Origin};

/// The code of findings about certificates that are missing.
pub(crate) const NOT_FOUND: Code = Code::CertificateNotFound;
/// The code of findings about certificates that are no longer valid, or not yet.
pub(crate) const EXPIRED: Code = Code::CertificateExpired;

/// Reports what is wrong with the certificates of `compiled` now.
pub(crate) fn check(compiled: &Compiled, diagnostics: &mut Diagnostics) {
    let now = now();
    for held in &compiled.certificates {
        let field = if held.origin.has("data") {
            "data"
        } else {
            "stringData"
        };
        check_validity(held.validity, now, &held.origin, field, diagnostics);
    }
    for secret in &compiled.file_secrets {
        let missing = missing_files(secret);
        if !missing.is_empty() {
            report_missing(secret, &missing, diagnostics);
            continue;
        }
        match check_files(secret) {
            Ok(Some(validity)) => check_validity(validity, now, &secret.origin, &secret.field, diagnostics),
            Ok(None) => {}
            Err(fault) => {
                let message = format!("{} can't be used: {fault}", paths(secret).join(" and "));
                diagnostics
                    .warn(Code::BadCertificate, message)
                    .on(&secret.origin, &secret.field)
                    .help(format!(
                        "{} until the files are replaced",
                        secret.needed_by.consequence()
                    ));
            }
        }
    }
}

/// The files that tell Envoy where its certificates are: path below the module's folder, and content.
pub(crate) fn resource_files(compiled: &Compiled) -> BTreeMap<PathBuf, String> {
    let file = |secret: &FileSecret| {
        let path = PathBuf::from(FileSecret::FOLDER).join(secret.file_name());
        (path, secret.content())
    };
    compiled.file_secrets.iter().map(file).collect()
}

/// The files of a secret that can't be read.
pub(crate) fn missing_files(secret: &FileSecret) -> Vec<&str> {
    // Opening a pipe would wait for a writer.
    let is_there =
        |path: &str| fs::metadata(path).is_ok_and(|it| it.is_file()) && fs::File::open(path).is_ok();
    let is_missing = |path: &&str| !is_there(path);
    paths(secret).into_iter().filter(is_missing).collect()
}

fn paths(secret: &FileSecret) -> Vec<&str> {
    match &secret.files {
        SecretFiles::Certificate { chain, key } => vec![chain, key],
        SecretFiles::Authority { trusted, revoked } => {
            let revoked = revoked.as_deref();
            std::iter::once(trusted.as_str()).chain(revoked).collect()
        }
    }
}

fn report_missing(secret: &FileSecret, missing: &[&str], diagnostics: &mut Diagnostics) {
    let files = missing.join(" and ");
    let are = if missing.len() == 1 { "is" } else { "are" };
    let consequence = secret.needed_by.consequence();
    let message = match secret.reason.as_str() {
        "" => format!("{files} {are} missing: {consequence}"),
        reason => format!("{reason}, and {files} {are} missing: {consequence}"),
    };
    let help = match (secret.reason.is_empty(), &secret.files) {
        (true, _) => "Envoy starts without them: put them there, and compile again",
        (false, SecretFiles::Certificate { .. }) => {
            "add the Secret (type kubernetes.io/tls) to the input, or put the files at these paths: Envoy then reads them"
        }
        (false, SecretFiles::Authority { .. }) => {
            "add a Secret with ca.crt to the input, or put the file at this path: Envoy then reads it"
        }
    };
    diagnostics
        .warn(NOT_FOUND, message)
        .on(&secret.origin, &secret.field)
        .help(help);
}

/// Judges files that can be read.
fn check_files(secret: &FileSecret) -> Result<Option<Validity>, CertificateFault> {
    let read = |path: &str| fs::read(path).unwrap_or_default();
    match &secret.files {
        SecretFiles::Certificate { chain, key } => check_pair(&read(chain), &read(key)).map(Some),
        SecretFiles::Authority { trusted, revoked } => {
            check_authorities(&read(trusted))?;
            if let Some(revoked) = revoked {
                check_revocations(&read(revoked))?;
            }
            Ok(None)
        }
    }
}

fn check_validity(validity: Validity, now: i64, origin: &Origin, field: &str, diagnostics: &mut Diagnostics) {
    let message = if now > validity.until {
        "the certificate has expired: it is refused"
    } else if now < validity.from {
        "the certificate is not valid yet: it is refused"
    } else {
        return;
    };
    diagnostics
        .warn(EXPIRED, message)
        .on(origin, field)
        .help("`openssl x509 -noout -dates` shows when it is valid");
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since
        .ok()
        .and_then(|it| i64::try_from(it.as_secs()).ok())
        .unwrap_or(0)
}
