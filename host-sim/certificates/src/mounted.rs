//! Finds the Secrets that are mounted below a folder. Reads no file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fingerpost_config_compiler::MountedSecrets;

/// Why a folder has no mounted Secrets.
#[derive(Debug)]
pub enum NotMounted {
    /// It can't be listed.
    Unreadable(PathBuf, io::Error),
    /// It is the folder of one Secret: it holds this file.
    OneSecret(PathBuf, String),
}

impl fmt::Display for NotMounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(folder, error) => {
                write!(f, "the Secrets in {} can't be listed: {error}", folder.display())
            }
            Self::OneSecret(folder, file) => write!(
                f,
                "{} holds {file} itself: expected a folder for each Secret, such as {}; name the folder above it",
                folder.display(),
                folder.join("shop").join(file).display()
            ),
        }
    }
}

impl std::error::Error for NotMounted {}

/// The Secrets below `folder`, which Envoy sees at `path`. A folder that is not there may be one of the machine that Envoy runs on: it has no
/// Secrets.
///
/// # Errors
/// The folder can't be listed, or is laid out otherwise.
pub fn mounted(folder: &Path, path: String) -> Result<MountedSecrets, NotMounted> {
    let unreadable = |error| NotMounted::Unreadable(folder.to_owned(), error);
    let mut keys = BTreeMap::new();
    let names = match names(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        names => names.map_err(unreadable)?,
    };
    for name in names {
        let below = folder.join(&name);
        if below.is_dir() {
            let files = crate::mounted::names(&below).map_err(unreadable)?;
            let has_value =
                |it: &String| fs::metadata(below.join(it)).is_ok_and(|it| it.is_file() && it.len() > 0);
            keys.insert(name, files.into_iter().filter(has_value).collect::<BTreeSet<_>>());
        } else if ["tls.crt", "tls.key", "cert", "key"].contains(&name.as_str()) {
            return Err(NotMounted::OneSecret(folder.to_owned(), name));
        }
    }
    Ok(MountedSecrets {
        path,
        folder: folder.to_owned(),
        keys,
    })
}

/// What is in a folder, but for hidden files: Kubernetes puts the values in `..data` and links to them.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().into_string();
        names.extend(name.ok().filter(|it| !it.starts_with('.')));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn secrets_are_found_as_kubernetes_mounts_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("shop/..2026_01_01");
        fs::create_dir_all(&data).expect("a folder");
        for (key, value) in [("tls.crt", "certificate"), ("tls.key", "key"), ("ca.crt", "")] {
            fs::write(data.join(key), value).expect("a file");
            symlink(format!("..data/{key}"), folder.path().join("shop").join(key)).expect("a link");
        }
        symlink("..2026_01_01", folder.path().join("shop/..data")).expect("a link");
        fs::write(folder.path().join("notes.txt"), "none of ours").expect("a file");
        let found = mounted(folder.path(), "/secrets".to_owned()).expect("mounted Secrets");
        let keys: Vec<(&String, Vec<&String>)> = found
            .keys
            .iter()
            .map(|(name, keys)| (name, keys.iter().collect()))
            .collect();
        assert_eq!(format!("{keys:?}"), r#"[("shop", ["tls.crt", "tls.key"])]"#);
    }

    #[test]
    fn the_folder_of_one_secret_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("tls.crt"), "certificate").expect("a file");
        let refused = mounted(folder.path(), String::new())
            .err()
            .map(|it| it.to_string());
        assert!(refused.is_some_and(|it| it.contains("name the folder above it")));
        let none = mounted(&folder.path().join("none"), String::new()).map(|it| it.keys.len());
        assert_eq!(none.ok(), Some(0), "a folder of another machine");
    }
}
