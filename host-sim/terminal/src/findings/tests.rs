//! What the screen shows of few findings and of many.

use fingerpost_resources::{Code, Diagnostics, Severity, Source, Sources, read};

use super::{Detail, screen, summary};
use crate::screen::unstyled;

const WIDTH: Option<usize> = Some(100);

/// Findings of files that do not exist, without a place.
fn found(findings: &[(Severity, Code, &str)]) -> Diagnostics {
    let mut all = Diagnostics::new();
    for (severity, code, message) in findings {
        match severity {
            Severity::Error => all.error(*code, *message),
            Severity::Warning => all.warn(*code, *message),
            Severity::Note => all.note(*code, *message),
        };
    }
    all
}

fn shown(findings: &Diagnostics, detail: Detail) -> String {
    let sources = Sources::new(vec![Source::new("a.yaml", "")]);
    unstyled(&screen(findings, &sources, 0, detail, WIDTH))
}

/// The findings of files with syntax errors, and the files.
fn syntax_errors(texts: &[String]) -> (Diagnostics, Sources) {
    let named = |(index, text): (usize, &String)| Source::new(format!("k8s/{index}.yaml"), text);
    let mut findings = Diagnostics::new();
    let resources = read(texts.iter().enumerate().map(named).collect(), &mut findings);
    (findings, resources.sources)
}

#[test]
fn nothing_found_is_nothing_shown() {
    assert_eq!(shown(&Diagnostics::new(), Detail::Causes), "");
}

#[test]
fn errors_come_before_warnings_and_notes() {
    let findings = found(&[
        (Severity::Note, Code::OnlyForSidecars, "this is for sidecars"),
        (
            Severity::Warning,
            Code::UnknownHost,
            "no service has the host a.b",
        ),
        (Severity::Error, Code::Syntax, "this does not end"),
    ]);
    let expected = "\
error[syntax]: this does not end

warning[unknown-host]: no service has the host a.b

note[only-for-sidecars]: this is for sidecars

1 error, 1 warning (unknown-host 1), 1 note (only-for-sidecars 1) in 1 file
";
    for detail in [Detail::All, Detail::Causes, Detail::FirstPlaces] {
        assert_eq!(shown(&findings, detail), expected);
    }
}

#[test]
fn one_cause_is_shown_once_with_its_next_places() {
    let (findings, sources) = syntax_errors(&vec!["kind: [".to_owned(); 90]);
    let text = unstyled(&screen(&findings, &sources, 0, Detail::Causes, WIDTH));
    assert_eq!(text.matches("error[syntax]").count(), 1, "{text}");
    assert_eq!(text.matches("  also k8s/").count(), 3, "{text}");
    assert!(text.contains("  … and 86 more like this in 86 files\n"), "{text}");
    let end = "\n86 findings are not shown: --all shows everything\n90 errors in 90 files\n";
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn the_first_places_leave_room_for_another_screen() {
    let (findings, sources) = syntax_errors(&vec!["kind: [".to_owned(); 9]);
    let text = unstyled(&screen(&findings, &sources, 0, Detail::FirstPlaces, WIDTH));
    assert!(!text.contains("  also "), "{text}");
    assert!(text.contains("  … and 8 more like this in 8 files\n"), "{text}");
}

#[test]
fn all_shows_every_finding() {
    let (findings, sources) = syntax_errors(&vec!["kind: [".to_owned(); 90]);
    let text = unstyled(&screen(&findings, &sources, 0, Detail::All, WIDTH));
    assert_eq!(text.matches("error[syntax]").count(), 90);
    assert!(text.ends_with("\n90 errors in 90 files\n"), "{text}");
}

#[test]
fn many_causes_end_in_a_line_each_and_never_fill_more_than_a_screen() {
    let codes: [Code; 5] = [
        Code::Syntax,
        Code::NoKind,
        Code::UnknownHost,
        Code::BadHost,
        Code::Conflict,
    ];
    let words = [
        "port", "host", "path", "name", "rule", "route", "claim", "label", "zone", "peer",
    ];
    let mut findings = Diagnostics::new();
    for code in codes {
        for one in words {
            for other in words {
                findings.warn(code, format!("the {one} has another {other}"));
            }
        }
    }
    findings.error(Code::Syntax, "this does not end");
    let text = shown(&findings, Detail::Causes);
    // An empty line before it parts it from the answer.
    assert!(text.lines().count() < 60, "{text}");
    assert!(text.starts_with("error[syntax]: this does not end\n"), "{text}");
    assert!(
        text.contains("findings are not shown: --all shows everything\n1 error, 500 warnings ("),
        "{text}"
    );
    assert!(shown(&findings, Detail::FirstPlaces).lines().count() < 30);
}

#[test]
fn an_error_has_room_before_any_warning() {
    let mut findings = Diagnostics::new();
    for code in [
        Code::UnknownHost,
        Code::NoKind,
        Code::NoEffect,
        Code::NoAddress,
        Code::NoName,
        Code::NoGateway,
        Code::NoClaims,
    ] {
        for word in [
            "port", "host", "path", "name", "rule", "route", "claim", "label", "zone", "peer",
        ] {
            findings.warn(code, format!("the {word} is unknown"));
        }
    }
    for word in ["a port", "a host", "a path", "a name", "a rule"] {
        findings.error(Code::WrongType, format!("expected {word}"));
    }
    let text = shown(&findings, Detail::FirstPlaces);
    assert_eq!(text.matches("error[wrong-type]").count(), 5, "{text}");
}

#[test]
fn the_summary_counts_by_code_the_most_frequent_first() {
    let findings = found(&[
        (Severity::Warning, Code::UnreachableMatch, "a"),
        (Severity::Warning, Code::UnknownHost, "b"),
        (Severity::Error, Code::Syntax, "c"),
        (Severity::Warning, Code::UnknownHost, "d"),
    ]);
    assert_eq!(
        summary(&findings, 0, 87),
        "1 error, 3 warnings (unknown-host 2, unreachable-match 1) in 87 files"
    );
    assert_eq!(summary(&Diagnostics::new(), 2, 1), "2 ignored in 1 file");
}

#[test]
fn no_line_of_a_list_is_longer_than_the_screen() {
    let (mut findings, sources) = syntax_errors(&vec!["kind: [".to_owned(); 3]);
    let words = "port host path name rule route claim label zone peer item list";
    for word in words.split(' ').cycle().take(48) {
        findings.warn(Code::NoEffect, format!("{word} {}", "long ".repeat(60)));
    }
    let text = unstyled(&screen(&findings, &sources, 0, Detail::Causes, Some(80)));
    let listed = text
        .lines()
        .filter(|it| it.starts_with("  also ") || it.ends_with(" more)"));
    let widths: Vec<usize> = listed.map(|it| it.chars().count()).collect();
    assert!(!widths.is_empty() && widths.iter().all(|it| *it <= 80), "{text}");
}

#[test]
fn all_places_of_a_cause_are_shown_while_they_are_few() {
    let (findings, sources) = syntax_errors(&vec!["kind: [".to_owned(); 11]);
    let text = unstyled(&screen(&findings, &sources, 0, Detail::Causes, WIDTH));
    assert_eq!(text.matches("  also k8s/").count(), 10, "{text}");
    assert!(!text.contains("not shown"), "{text}");
}
