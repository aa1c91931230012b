//! What an engine made of the corpus: counts, a table, and every failed case as a readable difference.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::case::Case;
use crate::compare::Difference;

/// So many failed cases are shown in full.
const SHOWN: usize = 40;

/// What came of one case.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Every field that the engine can answer is as expected.
    Passed,
    /// These are not.
    Failed(Vec<Difference>),
    /// The engine can't answer it, for this reason.
    Skipped(&'static str),
}

impl Verdict {
    /// Passed if nothing differs.
    #[must_use]
    pub fn of(differences: Vec<Difference>) -> Self {
        if differences.is_empty() {
            Self::Passed
        } else {
            Self::Failed(differences)
        }
    }
}

/// What came of one scenario: a verdict for each of its cases, in order, or why it could not be asked at all.
pub struct ScenarioReport {
    /// The scenario's name.
    pub name: String,
    /// Its cases' request lines.
    pub requests: Vec<String>,
    /// Their verdicts.
    pub verdicts: Result<Vec<Verdict>, String>,
}

/// A count of verdicts.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    /// Cases that came out as recorded.
    pub passed: usize,
    /// Cases that did not.
    pub failed: usize,
    /// Cases that were not asked.
    pub skipped: usize,
}

impl ScenarioReport {
    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        match &self.verdicts {
            Err(_) => counts.failed = self.requests.len(),
            Ok(verdicts) => {
                for verdict in verdicts {
                    match verdict {
                        Verdict::Passed => counts.passed += 1,
                        Verdict::Failed(_) => counts.failed += 1,
                        Verdict::Skipped(_) => counts.skipped += 1,
                    }
                }
            }
        }
        counts
    }
}

/// A case as one line, for a person.
#[must_use]
pub fn request_line(case: &Case) -> String {
    let request = &case.request;
    let mut line = format!(
        "{} {}:{} {}",
        request.method, request.authority, request.port, request.path
    );
    for (name, value) in &request.headers {
        let _ = write!(line, "  {name}: {value}");
    }
    if let Some(tls) = &request.tls {
        let _ = write!(
            line,
            "  (TLS, {})",
            tls.sni.as_deref().unwrap_or("no server name")
        );
    }
    line
}

/// What one engine made of the corpus.
pub struct EngineReport {
    /// The engine's name.
    pub engine: &'static str,
    /// Its scenarios, in the corpus's order.
    pub scenarios: Vec<ScenarioReport>,
}

impl EngineReport {
    /// All cases counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.scenarios
            .iter()
            .map(ScenarioReport::counts)
            .fold(Counts::default(), |sum, it| Counts {
                passed: sum.passed + it.passed,
                failed: sum.failed + it.failed,
                skipped: sum.skipped + it.skipped,
            })
    }

    /// The report as text: failed cases, then the table if `verbose`, then skips by reason, then the counts.
    #[must_use]
    pub fn render(&self, verbose: bool) -> String {
        let mut text = self.failures();
        if verbose {
            text += &self.table();
        }
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for verdict in self
            .scenarios
            .iter()
            .filter_map(|it| it.verdicts.as_ref().ok())
            .flatten()
        {
            if let Verdict::Skipped(reason) = verdict {
                *reasons.entry(reason).or_default() += 1;
            }
        }
        for (reason, count) in reasons {
            let _ = writeln!(text, "{}: {count} skipped: {reason}", self.engine);
        }
        let Counts {
            passed,
            failed,
            skipped,
        } = self.counts();
        let _ = writeln!(
            text,
            "{}: {passed} passed, {failed} failed, {skipped} skipped",
            self.engine
        );
        text
    }

    fn failures(&self) -> String {
        let mut text = String::new();
        let mut left = SHOWN;
        let mut unshown = 0;
        for scenario in &self.scenarios {
            let verdicts = match &scenario.verdicts {
                Ok(verdicts) => verdicts,
                Err(reason) => {
                    let count = scenario.requests.len();
                    let _ = writeln!(text, "{} {}: {count} cases not asked", self.engine, scenario.name);
                    let _ = writeln!(text, "    {}", reason.trim_end().replace('\n', "\n    "));
                    continue;
                }
            };
            for (number, (request, verdict)) in scenario.requests.iter().zip(verdicts).enumerate() {
                let Verdict::Failed(differences) = verdict else {
                    continue;
                };
                if left == 0 {
                    unshown += 1;
                    continue;
                }
                left -= 1;
                let _ = writeln!(text, "{} {}#{number}: {request}", self.engine, scenario.name);
                text += &aligned(differences);
            }
        }
        if unshown > 0 {
            let _ = writeln!(text, "{}: and {unshown} more failed cases", self.engine);
        }
        text
    }

    fn table(&self) -> String {
        let width = self
            .scenarios
            .iter()
            .map(|it| it.name.len())
            .max()
            .unwrap_or_default();
        let mut text = format!("{:width$}  passed  failed  skipped\n", self.engine);
        for scenario in &self.scenarios {
            let Counts {
                passed,
                failed,
                skipped,
            } = scenario.counts();
            let _ = writeln!(
                text,
                "{:width$}  {passed:6}  {failed:6}  {skipped:7}",
                scenario.name
            );
        }
        text
    }
}

/// One line for what was expected and one for what came, so that they can be compared by eye.
#[must_use]
pub fn aligned(differences: &[Difference]) -> String {
    let width = differences
        .iter()
        .map(|it| it.field.len())
        .max()
        .unwrap_or_default();
    let shown = |value: &str| {
        if value.is_empty() {
            "(none)".to_owned()
        } else {
            value.to_owned()
        }
    };
    let mut text = String::new();
    for Difference { field, expected, got } in differences {
        let _ = writeln!(text, "    {field:width$}  expected  {}", shown(expected));
        let _ = writeln!(text, "    {:width$}  got       {}", "", shown(got));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{EngineReport, ScenarioReport, Verdict};
    use crate::compare::Difference;

    fn report(failed: usize) -> EngineReport {
        let mut verdicts = vec![Verdict::Passed, Verdict::Skipped("no clock")];
        verdicts.extend(vec![
            Verdict::Failed(vec![Difference::new(
                "rule",
                "default/vs#0",
                ""
            )]);
            failed
        ]);
        let requests = vec!["GET a.test:80 /".to_owned(); verdicts.len()];
        let broken = ScenarioReport {
            name: "broken".to_owned(),
            requests: vec!["GET a.test:80 /".to_owned(); 3],
            verdicts: Err("no such thing\nat all\n".to_owned()),
        };
        let asked = ScenarioReport {
            name: "asked".to_owned(),
            requests,
            verdicts: Ok(verdicts),
        };
        EngineReport {
            engine: "core",
            scenarios: vec![asked, broken],
        }
    }

    #[test]
    fn a_failed_case_shows_field_expectation_and_answer() {
        let expected =
            "core asked#2: GET a.test:80 /\n    rule  expected  default/vs#0\n          got       (none)\n";
        assert!(
            report(1).render(false).starts_with(expected),
            "{}",
            report(1).render(false)
        );
    }

    #[test]
    fn cases_that_could_not_be_asked_count_as_failed() {
        let text = report(0).render(false);
        assert!(
            text.contains("core broken: 3 cases not asked\n    no such thing\n    at all\n"),
            "{text}"
        );
        assert!(text.ends_with("core: 1 passed, 3 failed, 1 skipped\n"), "{text}");
    }

    #[test]
    fn skips_are_counted_with_their_reason() {
        assert!(report(0).render(false).contains("core: 1 skipped: no clock\n"));
    }

    #[test]
    fn many_failures_are_cut_with_a_count_of_the_rest() {
        let text = report(45).render(false);
        assert_eq!(text.matches("expected  default/vs#0").count(), 40);
        assert!(text.contains("core: and 5 more failed cases\n"), "{text}");
    }
}
