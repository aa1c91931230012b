//! Judges the certificates of the input, and those in files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use fingerpost_config_compiler::{
    CertificateFault, Compiled, FileSecret, FromFiles, InlineContent, InlineSecret, MountedSecrets, NeededBy,
    Objection, SecretFiles, check_authorities, check_pair, to_authorities, to_chain,
};
use fingerpost_resources::{Code, Diagnostic, Diagnostics, Origin};

/// Reports what is wrong now with the certificates that `compiled` needs. Files of mounted Secrets are looked for where they are on this
/// machine.
pub fn check(compiled: &Compiled, mounted: Option<&MountedSecrets>, diagnostics: &mut Diagnostics) {
    let now = now();
    for secret in &compiled.inline_secrets {
        check_inline(secret, now, diagnostics);
    }
    for secret in &compiled.file_secrets {
        check_files(secret, mounted, now, diagnostics);
    }
}

fn check_inline(secret: &InlineSecret, now: i64, diagnostics: &mut Diagnostics) {
    let objections = match &secret.content {
        InlineContent::Certificate(chain) => to_chain(chain, hosts(&secret.needed_by), now),
        InlineContent::Authorities(authorities) => to_authorities(authorities, now),
    };
    for mut objection in objections {
        if objection.is_about_hosts {
            objection.message = format!("{}: {}", secret.origin.subject(), objection.message);
            report(objection, &secret.named_by, &secret.field, diagnostics);
        } else {
            report(objection, &secret.origin, &secret.part, diagnostics);
        }
    }
}

fn check_files(
    secret: &FileSecret,
    mounted: Option<&MountedSecrets>,
    now: i64,
    diagnostics: &mut Diagnostics,
) {
    let here = |path: &str| mounted.map_or_else(|| PathBuf::from(path), |it| it.on_this_machine(path));
    let missing: Vec<&str> = paths(secret)
        .into_iter()
        .filter(|it| !is_there(&here(it)))
        .collect();
    if !missing.is_empty() {
        report_missing(secret, &missing, diagnostics);
        return;
    }
    match objections(secret, &here, now) {
        Ok(objections) => {
            for mut objection in objections {
                objection.message = format!("{}: {}", paths(secret).join(" and "), objection.message);
                report(objection, &secret.origin, &secret.field, diagnostics);
            }
        }
        Err(fault) => {
            let message = format!("{} can't be used: {fault}", paths(secret).join(" and "));
            diagnostics
                .warn(Code::BadCertificate, message)
                .on(&secret.origin, &secret.field)
                .help(format!(
                    "{} until the files are replaced; {}",
                    secret.needed_by.consequence(),
                    fault.help()
                ));
        }
    }
}

fn objections(
    secret: &FileSecret,
    here: &impl Fn(&str) -> PathBuf,
    now: i64,
) -> Result<Vec<Objection>, CertificateFault> {
    let read = |path: &str| fs::read(here(path)).unwrap_or_default();
    match &secret.files {
        SecretFiles::Certificate { chain, key } => {
            let chain = check_pair(&read(chain), &read(key))?;
            Ok(to_chain(&chain, hosts(&secret.needed_by), now))
        }
        SecretFiles::Authority { trusted, revoked } => {
            let revoked = revoked.as_deref().map(read);
            let authorities = check_authorities(&read(trusted), revoked.as_deref())?;
            Ok(to_authorities(&authorities, now))
        }
    }
}

/// Reports it, unless another server has the same certificate and it was reported for that.
fn report(objection: Objection, origin: &Origin, field: &str, diagnostics: &mut Diagnostics) {
    let mut finding = Diagnostic::new(objection.severity, objection.code, objection.message);
    finding.on(origin, field).help(objection.help);
    if !diagnostics.iter().any(|it| *it == finding) {
        diagnostics.push(finding);
    }
}

/// The hosts that the other side asks for; none if any, or if the proxy is the client.
fn hosts(needed_by: &NeededBy) -> &[String] {
    match needed_by {
        NeededBy::Listener { server_names, .. } => server_names,
        NeededBy::Cluster { .. } => &[],
    }
}

/// The files of a secret that can't be read.
pub fn missing_files(secret: &FileSecret) -> Vec<&str> {
    let is_missing = |path: &&str| !is_there(Path::new(path));
    paths(secret).into_iter().filter(is_missing).collect()
}

/// Opening a pipe would wait for a writer.
fn is_there(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|it| it.is_file()) && fs::File::open(path).is_ok()
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
    let message = match &secret.from {
        FromFiles::Named | FromFiles::Mounted => format!("{files} {are} missing: {consequence}"),
        FromFiles::NoSecret(reason) => format!("{reason}, and {files} {are} missing: {consequence}"),
        // The error at the Secret says so.
        FromFiles::InvalidSecret(_) => return,
    };
    let kind = match &secret.files {
        SecretFiles::Certificate { .. } => "the Secret (type kubernetes.io/tls)",
        SecretFiles::Authority { .. } => "a Secret with ca.crt",
    };
    let help = match &secret.from {
        FromFiles::Named => {
            "Envoy starts without them, and reads them once they are moved there: it does not notice a file that is written in place"
                .to_owned()
        }
        FromFiles::Mounted => {
            "mount the Secret before Envoy starts: Envoy reads it again when it changes, but does not notice a folder that is new".to_owned()
        }
        FromFiles::NoSecret(_) | FromFiles::InvalidSecret(_) => format!(
            "add {kind} to the input, or move files to these paths: Envoy then reads them, but does not notice a file that is written in place"
        ),
    };
    diagnostics
        .warn(Code::CertificateNotFound, message)
        .on(&secret.origin, &secret.field)
        .help(help);
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.ok().and_then(|it| i64::try_from(it.as_secs()).ok());
    seconds.unwrap_or(0)
}
