//! The options and files that have to do with certificates.

use std::collections::BTreeMap;
use std::path::{self, PathBuf};

use fingerpost_certificates::mounted;
use fingerpost_config_compiler::{Compiled, FileSecret, MountedSecrets};
use fingerpost_resources::Code;

/// The code of findings about certificates that are missing.
pub(crate) const NOT_FOUND: Code = Code::CertificateNotFound;

/// Reads `--secrets`: Envoy sees the folder where it is, unless `--secrets-path` says otherwise.
pub(crate) fn mounted_secrets(folder: &str) -> Result<MountedSecrets, String> {
    let folder = PathBuf::from(folder);
    let path = path::absolute(&folder).map_err(|error| error.to_string())?;
    mounted(&folder, path.to_string_lossy().into_owned()).map_err(|error| error.to_string())
}

/// The files that tell Envoy where its certificates are: path below the module's folder, and content.
pub(crate) fn resource_files(compiled: &Compiled) -> BTreeMap<PathBuf, String> {
    let file = |secret: &FileSecret| {
        let path = PathBuf::from(FileSecret::FOLDER).join(secret.file_name());
        (path, secret.content())
    };
    compiled.file_secrets.iter().map(file).collect()
}
