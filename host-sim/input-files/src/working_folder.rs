//! How a file is named in everything that is printed: so that terminals and editors, which run in the same folder, find it.

use std::env;
use std::path::{self, Path, PathBuf};

use fingerpost_renderers::normal;

/// The path from the working folder; as it is given for a file outside of it.
pub fn relative(path: &Path) -> PathBuf {
    let as_given = || path.strip_prefix("./").unwrap_or(path).to_path_buf();
    let (Ok(folder), Ok(absolute)) = (env::current_dir(), path::absolute(path)) else {
        return as_given();
    };
    let short = normal(&absolute);
    match short.strip_prefix(&folder) {
        Ok(below) if is_same(&short, path) => below.to_path_buf(),
        Ok(_) | Err(_) => as_given(),
    }
}

/// Whether both name one file: `..` behind a link is not the folder around the link.
fn is_same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        // A link that leads nowhere has no other name.
        (Err(_), Err(_)) => !other.components().any(|it| it.as_os_str() == ".."),
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    }
}
