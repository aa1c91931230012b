//! Which Envoy is taken, and what is said about those that will not do.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::support::{envoy, file, folder};
use fingerpost_envoy_runner::{BinaryError, EnvoyBinary, Fault, NEWEST, Origin, Version};

/// What is said when the variable names `path`.
#[track_caller]
fn check_named(path: &Path, expected: &Fault, said: &str) {
    let error = EnvoyBinary::find_in(Some(path.as_os_str()), None, Path::new("/nowhere")).unwrap_err();
    assert_eq!(
        error,
        BinaryError::Named {
            path: path.to_owned(),
            fault: expected.clone()
        }
    );
    let message = error.to_string();
    let parts = ["FINGERPOST_ENVOY", path.to_str().unwrap(), said];
    assert!(parts.iter().all(|part| message.contains(part)), "{message}");
}

/// A script that answers to `--version` like this.
fn script(folder: &Path, name: &str, banner: &str) -> PathBuf {
    file(folder, name, &format!("#!/bin/sh\necho '{banner}'\n"), 0o755)
}

#[test]
fn a_file_that_the_variable_names_and_is_missing_is_an_error() {
    check_named(Path::new("/nowhere/envoy"), &Fault::Missing, "no such file");
}

#[test]
fn a_folder_is_not_a_file() {
    check_named(folder().path(), &Fault::NotAFile, "it is not a file");
}

#[test]
fn a_text_file_is_not_executable() {
    let folder = folder();
    let text = file(folder.path(), "envoy", "hello", 0o644);
    check_named(&text, &Fault::NotExecutable, "it is not executable");
}

#[test]
fn a_text_file_that_says_it_is_executable_does_not_run() {
    let folder = folder();
    let text = file(folder.path(), "envoy", "\u{1}hello", 0o755);
    let error = EnvoyBinary::at(&text).unwrap_err();
    assert!(matches!(error, Fault::DoesNotRun(_)), "{error}");
}

#[test]
fn another_program_is_not_envoy() {
    check_named(Path::new("/bin/true"), &Fault::NotEnvoy, "it is not Envoy");
}

#[test]
fn an_envoy_that_is_too_old_is_named_with_both_versions() {
    let folder = folder();
    let old = script(
        folder.path(),
        "envoy",
        "envoy  version: 0/1.22.0/Clean/RELEASE/BoringSSL",
    );
    let version = Version::parse("1.22.0").unwrap();
    check_named(
        &old,
        &Fault::TooOld(version),
        "it is Envoy 1.22.0, and 1.36.0 or newer is needed",
    );
}

#[test]
fn an_old_envoy_on_the_path_is_passed_over_for_the_one_in_the_cache() {
    let (path, cache) = (folder(), folder());
    let old = script(
        path.path(),
        "envoy",
        "envoy  version: 0/1.22.0/Clean/RELEASE/BoringSSL",
    );
    let installed = cache.path().join(format!("envoy-{}", NEWEST.version));
    std::fs::create_dir(&installed).unwrap();
    script(
        &installed,
        "envoy",
        "envoy  version: 0/1.40.0/Clean/RELEASE/BoringSSL",
    );

    let found = EnvoyBinary::find_in(None, Some(path.path().as_os_str()), cache.path()).unwrap();
    assert_eq!(
        (found.path(), found.origin()),
        (installed.join("envoy").as_path(), Origin::Cache)
    );
    assert_eq!(found.passed_over()[0].path, old);
}

#[test]
fn an_envoy_on_the_path_comes_before_the_cache() {
    let (path, cache) = (folder(), folder());
    script(
        path.path(),
        "envoy",
        "envoy  version: 0/1.38.2/Clean/RELEASE/BoringSSL",
    );
    let found = EnvoyBinary::find_in(None, Some(path.path().as_os_str()), cache.path()).unwrap();
    assert_eq!(
        (found.origin(), found.version()),
        (Origin::Path, Version::parse("1.38.2").unwrap())
    );
}

#[test]
fn where_there_is_none_the_message_says_what_to_do() {
    let error = EnvoyBinary::find_in(None, Some(OsStr::new("")), Path::new("/nowhere")).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("PATH") && message.contains("FINGERPOST_ENVOY"),
        "{message}"
    );
}

#[test]
fn a_real_envoy_is_taken_where_the_variable_names_it() {
    let named = Some(envoy().path().as_os_str());
    let found = EnvoyBinary::find_in(named, None, Path::new("/nowhere")).unwrap();
    assert_eq!(
        (found.origin(), found.version()),
        (Origin::Named, envoy().version())
    );
}
