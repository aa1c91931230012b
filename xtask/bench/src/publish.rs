//! Puts results where the documents show them. What is written here is never edited by hand, which a test holds.

use std::fs;
use std::path::{Path, PathBuf};

use crate::report::Report;
use crate::{Failure, chart, json, table, write_file};

/// The results, for programs.
const RESULTS: &str = "docs/bench/results.json";
/// The picture that the README and the page show.
const CHART: &str = "docs/bench/chart.svg";
/// The page, and the lines between which the table is.
const PAGE: &str = "docs/bench.md";
const BEGIN: &str = "<!-- results: written by `cargo xtask bench publish` -->\n";
const END: &str = "<!-- end of results -->";

/// Writes results, chart and table.
pub(crate) fn results(report: &Report) -> Result<(), Failure> {
    let root = root();
    write_file(&root.join(RESULTS), &json(report)?)?;
    write_file(&root.join(CHART), &chart::svg(report)?)?;
    let page = root.join(PAGE);
    write_file(&page, &with_results(&fs::read_to_string(&page)?, report)?)
}

/// The page with the table of these results.
fn with_results(page: &str, report: &Report) -> Result<String, Failure> {
    let (before, rest) = page
        .split_once(BEGIN)
        .ok_or("the page has no place for results")?;
    let (_, after) = rest.split_once(END).ok_or("the place for results has no end")?;
    let machine = &report.machine;
    let modules = report.module_bytes;
    Ok(format!(
        "{before}{BEGIN}\n`{}` at commit {}: {}, {} cores, {} GiB, Linux {}; Envoy {}, {}. The modules: Fingerpost {} KB, the empty \
         filter {} KB.\n\n{}\n{}{END}{after}",
        report.command,
        report.commit,
        machine.processor,
        machine.cores,
        machine.memory_gib,
        machine.kernel,
        report.envoy,
        machine.pinned,
        modules.fingerpost / 1000,
        modules.empty / 1000,
        table::markdown(report),
        table::notes(report).trim_start().replace('\n', "\n\n"),
    ))
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_show_the_results_that_are_kept() {
        let root = root();
        let read = |file: &str| fs::read_to_string(root.join(file)).expect("a file of the repository");
        let report = crate::read(&root.join(RESULTS)).expect("the results");
        let advice = "run `cargo xtask bench render docs/bench/results.json`";
        assert_eq!(read(CHART), chart::svg(&report).expect("a chart"), "{advice}");
        let page = read(PAGE);
        assert_eq!(page, with_results(&page, &report).expect("a page"), "{advice}");
        assert!(
            !report.commit.ends_with("-changed"),
            "the results are of no commit"
        );
    }
}
