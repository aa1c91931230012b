//! The number of cases that each engine is known to pass. It only rises.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::repository;

/// Two engines may finish at once.
static WRITING: Mutex<()> = Mutex::new(());

/// Holds `passed` against the engine's floor; raises it if `bless`.
///
/// Returns what is worth saying if the floor could rise.
///
/// # Errors
/// Fewer cases passed than the floor says.
pub fn check(engine: &str, passed: usize, bless: bool) -> Result<Option<String>, String> {
    let _guard = WRITING.lock();
    let mut floors = read()?;
    let floor = floors.get(engine).copied().unwrap_or_default();
    if passed < floor {
        return Err(format!(
            "{engine}: {passed} cases passed, {} fewer than tests/floor.json says",
            floor - passed
        ));
    }
    if passed == floor {
        return Ok(None);
    }
    if !bless {
        return Ok(Some(format!(
            "{engine}: the floor may rise from {floor} to {passed}: FINGERPOST_BLESS=1"
        )));
    }
    floors.insert(engine.to_owned(), passed);
    let text = serde_json::to_string_pretty(&floors).map_err(|error| error.to_string())? + "\n";
    std::fs::write(path(), text).map_err(|error| format!("{}: {error}", path().display()))?;
    Ok(Some(format!("{engine}: the floor rose from {floor} to {passed}")))
}

fn path() -> PathBuf {
    repository::root().join("tests/floor.json")
}

fn read() -> Result<BTreeMap<String, usize>, String> {
    let text = std::fs::read_to_string(path()).map_err(|error| format!("{}: {error}", path().display()))?;
    serde_json::from_str(&text).map_err(|error| format!("tests/floor.json: {error}"))
}
