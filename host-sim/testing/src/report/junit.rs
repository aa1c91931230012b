//! JUnit's XML: a suite for each file, a case for each test. No times: nothing here is about speed.

use std::io::{self, Write};

use fingerpost_resources::visible;
use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use super::{Report, Status, Tested};

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn print(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut junit = Junit::new("fingerpost test");
    for (file, tests) in report.by_file() {
        let mut suite = TestSuite::new(&*visible(file));
        suite.add_test_cases(tests.iter().map(case));
        junit.add_test_suite(suite);
    }
    junit.serialize(out).map_err(io::Error::other)
}

fn case(test: &Tested) -> TestCase {
    let status = match test.status {
        Status::Passed | Status::Accepted => TestCaseStatus::success(),
        Status::Failed | Status::New => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let kind = if test.status == Status::New {
                "new"
            } else {
                "failed"
            };
            status
                .set_type(kind)
                .set_message(&*visible(&test.headline()))
                .set_description(test.details());
            status
        }
        Status::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(&*visible(&test.headline()));
            status
        }
    };
    let mut case = TestCase::new(&*visible(&test.name), status);
    case.set_classname(&*visible(&test.file));
    case.extra.insert("file".into(), (&*visible(&test.file)).into());
    case.extra.insert("line".into(), test.line.to_string().into());
    case
}
