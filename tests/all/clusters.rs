//! The clusters that are compiled equal those that the control plane gives to a gateway, but for differences that are meant.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use fingerpost_tests::clusters::{ClusterDifference, MEANT, RecordedClusters};
use fingerpost_tests::repository;

/// So many differences of one field are shown.
const SHOWN: usize = 8;

pub(crate) fn equal_those_of_the_control_plane() -> Result<(), String> {
    let recorded = RecordedClusters::load()?;
    let mut problems = String::new();
    let mut occurred = vec![0; MEANT.len()];
    let mut others: BTreeMap<String, Vec<ClusterDifference>> = BTreeMap::new();
    for case in &recorded.cases {
        let differences = recorded.differences(case).unwrap_or_else(|reason| {
            let _ = writeln!(problems, "{} does not compile: {reason}", case.name);
            Vec::new()
        });
        for difference in differences {
            let meant: Vec<usize> = (0..MEANT.len())
                .filter(|index| MEANT[*index].covers(&difference))
                .collect();
            meant.iter().for_each(|index| occurred[*index] += 1);
            if meant.is_empty() {
                others
                    .entry(difference.field.clone())
                    .or_default()
                    .push(difference);
            }
        }
    }
    for (meant, count) in MEANT.iter().zip(occurred) {
        if count == 0 {
            let _ = writeln!(
                problems,
                "no longer occurs, take it off the list of meant differences: {meant:?}"
            );
        }
    }
    check_counts(&others, &mut problems)?;
    eprintln!("clusters: {} cases compared", recorded.cases.len());
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// Compares with the list of the differences that are to be mended.
fn check_counts(
    others: &BTreeMap<String, Vec<ClusterDifference>>,
    problems: &mut String,
) -> Result<(), String> {
    let path = repository::root().join("tests/clusters/to-mend.txt");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut listed: BTreeMap<String, usize> = BTreeMap::new();
    for line in text.lines().filter(|it| !it.is_empty() && !it.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, count, field] = words.as_slice() else {
            return Err(format!("to-mend.txt: expected `owner count field`: {line}"));
        };
        let count = count
            .parse()
            .map_err(|_| format!("to-mend.txt: not a count: {line}"))?;
        listed.insert(
            if *field == "-" {
                String::new()
            } else {
                (*field).to_owned()
            },
            count,
        );
    }
    for (field, found) in others {
        let name = if field.is_empty() { "-" } else { field };
        let count = listed.remove(field).unwrap_or_default();
        if found.len() == count {
            continue;
        }
        let _ = writeln!(
            problems,
            "{name}: {count} differences are listed, there are {}",
            found.len()
        );
        for it in found.iter().take(if found.len() > count { SHOWN } else { 0 }) {
            let shown = |side: &Option<String>| side.as_deref().unwrap_or("(none)").to_owned();
            let _ = writeln!(problems, "    {} {}", it.case, it.cluster);
            let _ = writeln!(problems, "        istiod  {}", shown(&it.theirs));
            let _ = writeln!(problems, "        ours    {}", shown(&it.ours));
        }
    }
    for (field, count) in listed {
        let _ = writeln!(problems, "{field}: {count} differences are listed, there are 0");
    }
    Ok(())
}
