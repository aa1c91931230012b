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
}
