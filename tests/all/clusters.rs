//! The clusters that are compiled equal those that the control plane gives to a gateway, but for differences that are meant.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fingerpost_tests::clusters::{ClusterDifference, MEANT, RecordedClusters};

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
    show(&others, &mut problems);
    eprintln!("clusters: {} cases compared", recorded.cases.len());
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// Adds the differences that are not meant, by field.
fn show(others: &BTreeMap<String, Vec<ClusterDifference>>, problems: &mut String) {
    for (field, found) in others {
        let name = if field.is_empty() { "exists" } else { field };
        let _ = writeln!(problems, "{name}: {} differences", found.len());
        for it in found.iter().take(SHOWN) {
            let shown = |side: &Option<String>| side.as_deref().unwrap_or("(none)").to_owned();
            let _ = writeln!(problems, "    {} {}", it.case, it.cluster);
            let _ = writeln!(problems, "        istiod  {}", shown(&it.theirs));
            let _ = writeln!(problems, "        ours    {}", shown(&it.ours));
        }
    }
}
