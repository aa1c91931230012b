//! The own corpus, `tests/corpus`: resources and requests that were thought of, without any outcome.
//!
//! A topic is a pair of files: `<topic>.yaml`, resources in the world of `src/generate/world.yaml`, and
//! `<topic>.requests`, one request a line (see [`crate::sent`]); `#` begins a comment.

use std::fs;
use std::path::Path;

use crate::repository;
use crate::sent::Sent;

/// One pair of files.
pub struct Topic {
    /// The files' name.
    pub name: String,
    /// The resources.
    pub resources: String,
    /// The requests.
    pub requests: Vec<Sent>,
}

/// All topics, by name.
///
/// # Errors
/// Names the file and the line at fault.
pub fn read() -> Result<Vec<Topic>, String> {
    let folder = repository::root().join("tests/corpus");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .filter_map(Result::ok)
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".yaml")?.to_owned()))
        .collect();
    names.sort();
    names.into_iter().map(|name| topic(&folder, name)).collect()
}

fn topic(folder: &Path, name: String) -> Result<Topic, String> {
    let read = |file: &str| {
        fs::read_to_string(folder.join(file)).map_err(|error| format!("tests/corpus/{file}: {error}"))
    };
    let lines = read(&format!("{name}.requests"))?;
    let requests = lines
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| Sent::parse(line).map_err(|error| format!("tests/corpus/{name}.requests: {error}")));
    Ok(Topic {
        requests: requests.collect::<Result<_, _>>()?,
        resources: read(&format!("{name}.yaml"))?,
        name,
    })
}
