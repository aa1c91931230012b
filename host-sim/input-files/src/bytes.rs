//! The content of a file or of standard input, up to a limit, and what is said where it can't be read.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::Path;

use crate::error::InputError;

/// No more is read of one file: a device may have no end.
const MOST_MEGABYTES: u64 = 256;

/// The content of a file.
///
/// # Errors
/// The system's, or that it has more than 256 MiB.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    read_limited(File::open(path)?)
}

/// What a flag names: a file, or with `-` standard input.
///
/// # Errors
/// As [`read_file`].
pub fn read_named(name: &str) -> io::Result<Vec<u8>> {
    match name {
        "-" => read_limited(io::stdin().lock()),
        file => read_file(Path::new(file)),
    }
}

/// As [`read_file`], for text.
///
/// # Errors
/// As [`read_file`], or that it is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read_file(path)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}

/// The next line with its line feed, of no more than 256 MiB; none at the end.
pub fn read_line(reader: &mut impl BufRead) -> Option<io::Result<Vec<u8>>> {
    let most = MOST_MEGABYTES * 1024 * 1024;
    let mut line = Vec::new();
    match reader.take(most + 1).read_until(b'\n', &mut line) {
        Ok(0) => None,
        Ok(length) if length as u64 > most => Some(Err(too_large())),
        Ok(_) => Some(Ok(line)),
        Err(error) => Some(Err(error)),
    }
}

/// What is read up to the end, unless that is too much.
pub(crate) fn read_limited(reader: impl Read) -> io::Result<Vec<u8>> {
    let most = MOST_MEGABYTES * 1024 * 1024;
    let mut bytes = Vec::new();
    let length = reader.take(most + 1).read_to_end(&mut bytes)?;
    if length as u64 > most {
        return Err(too_large());
    }
    Ok(bytes)
}

fn too_large() -> io::Error {
    io::Error::other(format!(
        "more than {MOST_MEGABYTES} MiB: no more is read of one file or line"
    ))
}

/// What is said of a file or a directory that can't be read.
pub fn unreadable(path: &Path, error: &io::Error) -> InputError {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        _ => error.to_string(),
    };
    InputError::refused(format!("{}: {reason}", path.display()))
}
