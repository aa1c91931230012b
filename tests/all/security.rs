//! SECURITY.md promises defences, and names the tests that would fail without them: these tests exist.

use std::fs;

use fingerpost_tests::repository;

/// The table of defences: attack, defence, tests.
const HEADING: &str = "## What defends";
/// Fewer would mean that the table is not read.
const ROWS_AT_LEAST: usize = 20;

pub(crate) fn every_defence_names_its_tests() -> Result<(), String> {
    let root = repository::root();
    let read = |path: &std::path::Path| {
        fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let text = read(&root.join("SECURITY.md"))?;
    let section = text
        .split(HEADING)
        .nth(1)
        .ok_or("SECURITY.md has no table of defences")?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows: Vec<&str> = section
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
        .collect();
    if rows.len() < ROWS_AT_LEAST {
        return Err(format!("SECURITY.md has {} defences", rows.len()));
    }

    let files = repository::files();
    let sources = files
        .iter()
        .filter(|file| file.extension().is_some_and(|it| it == "rs"));
    let sources: Vec<String> = sources
        .map(|file| read(&root.join(file)))
        .collect::<Result<_, _>>()?;
    // Those of `tests` have a group before their names, which is written elsewhere.
    let has_trial = |name: &str| sources.iter().any(|text| text.contains(&format!("\"{name}\"")));
    let has_function = |name: &str| {
        let declared = format!("#[test]\n    fn {name}()");
        let outside = format!("#[test]\nfn {name}()");
        sources
            .iter()
            .any(|text| text.contains(&declared) || text.contains(&outside))
    };
    let mut missing = Vec::new();
    for row in rows {
        let tests = row.split(" | ").last().unwrap_or_default();
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            missing.push(format!("no test in `{row}`"));
        }
        for name in names {
            let exists = match name.split_once(": ") {
                Some((_, rest)) => has_trial(name) || has_trial(rest),
                None => has_function(name),
            };
            if !exists {
                missing.push(format!("no test is called `{name}`"));
            }
        }
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(missing.join("\n")),
    }
}
