//! Paths that name one file in one way.

use std::path::{Component, Path, PathBuf};

/// The path without `.` and with each `..` resolved by the folder before it.
pub fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => {
                normal.pop();
            }
            Component::ParentDir | Component::Prefix(_) | Component::RootDir | Component::Normal(_) => {
                normal.push(part);
            }
        }
    }
    normal
}

/// The path as a tool must be given it: a relative one starts with `.` or `..`.
///
/// A name alone may look like an option (`--output=x`), an address to fetch from (`github.com/a/b`) or a chart of a
/// repository (`a/b`), and names of folders are the input's choice.
pub fn as_argument(path: &Path) -> PathBuf {
    match path.components().next() {
        None => PathBuf::from("."),
        Some(Component::Normal(_)) => Path::new(".").join(path),
        Some(Component::CurDir | Component::ParentDir | Component::Prefix(_) | Component::RootDir) => {
            path.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_has_one_path() {
        for (path, expected) in [
            ("a/../b/./c.yaml", "b/c.yaml"),
            ("./x", "x"),
            ("../a/../../b", "../../b"),
            ("/a/b/..", "/a"),
            (".", ""),
        ] {
            assert_eq!(normal(Path::new(path)), Path::new(expected), "{path}");
        }
    }
    #[test]
    fn no_name_is_an_option_or_an_address() {
        for (path, expected) in [
            ("--output=../x", "./--output=../x"),
            ("github.com/a/b", "./github.com/a/b"),
            ("https://a/b", "./https://a/b"),
            ("overlays/prod", "./overlays/prod"),
            ("./x", "./x"),
            ("../-x", "../-x"),
            ("/a/-b", "/a/-b"),
            ("", "."),
        ] {
            assert_eq!(as_argument(Path::new(path)).as_os_str(), expected, "{path}");
        }
    }
}
