//! Runs the tests and reads what the runner says, so that every test is counted once by name.
//!
//! A test that cannot run here prints `skipped: <test>: <reason>` on standard output and returns. Runners hide the
//! output of a passing test, so both are asked to show it; such a test is then counted as skipped and not as passed.
//! A test marked `#[ignore = "reason"]` is counted as skipped too, with the reason read from its source.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use anyhow::Result;

use super::report::Report;
use super::steps;
use crate::process::{self, Finished};
use crate::{repo, tools};

/// Longest time for building and running all tests.
const TESTS_LIMIT: Duration = Duration::from_secs(40 * 60);

/// What a runner's output says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: BTreeSet<String>,
    /// Failures that the runner counted, named or not.
    failed_count: u64,
    /// Test name to reason; the reason is empty when the runner does not give it.
    skipped: BTreeMap<String, String>,
}

/// All tests but those in documentation.
pub(crate) fn tests() -> Result<Report> {
    let mut command = process::cargo();
    if tools::has_cargo_tool("cargo-nextest") {
        command.args(["nextest", "run", "--workspace", "--no-fail-fast", "--no-tests", "fail"]);
        command.args(["--color", "never", "--status-level", "skip", "--success-output", "immediate"]);
        let finished = process::run("tests", &mut command, TESTS_LIMIT)?;
        let counts = read_nextest(&finished.lines);
        return Ok(report("tests", &finished, counts));
    }
    command.args(["test", "--workspace", "--all-targets", "--no-fail-fast", "--", "--show-output"]);
    let finished = process::run("tests", &mut command, TESTS_LIMIT)?;
    let counts = read_libtest(&finished.lines);
    Ok(report("tests", &finished, counts))
}

/// The examples in the documentation, which nextest does not run.
pub(crate) fn doctests() -> Result<Report> {
    let mut command = process::cargo();
    command.args(["test", "--doc", "--workspace", "--no-fail-fast", "--", "--show-output"]);
    let finished = process::run("doctests", &mut command, TESTS_LIMIT)?;
    let counts = read_libtest(&finished.lines);
    Ok(report("doctests", &finished, counts))
}

fn report(step: &str, finished: &Finished, counts: Counts) -> Report {
    let mut report = Report { passed: counts.passed, ..Report::default() };
    for name in &counts.failed {
        report.fail(name, &format!("see {}", finished.log.display()));
    }
    for _ in counts.failed.len() as u64..counts.failed_count {
        report.fail(
            step,
            &format!("a test failed that the runner does not name; see {}", finished.log.display()),
        );
    }
    // A runner that fails without a failing test did not build, or found no test at all.
    if !finished.success && report.failed.is_empty() {
        report.fail(&format!("step {step}"), &finished.status);
    }
    if !report.failed.is_empty() {
        steps::show(finished);
    }
    for (name, reason) in counts.skipped {
        let reason = if reason.is_empty() { ignore_reason(&name) } else { reason };
        report.skip(&name, &reason);
    }
    report
}

/// Reads the output of cargo-nextest.
fn read_nextest(lines: &[String]) -> Counts {
    let mut counts = Counts::default();
    let mut said_skipped = BTreeSet::new();
    for line in lines {
        let line = line.trim();
        if note_skipped(line, &mut counts, &mut said_skipped) {
            continue;
        }
        let Some((word, rest)) = line.split_once(" [") else { continue };
        let Some((_, rest)) = rest.split_once(']') else { continue };
        match word.trim() {
            "SKIP" => {
                counts.skipped.entry(test_name(rest)).or_default();
            }
            // Also `TRY 1 FAIL`, which a later try may mend: those are not counted.
            "FAIL" | "ABORT" | "TIMEOUT" | "LEAK-FAIL" => {
                counts.failed.insert(test_name(rest));
            }
            signal if signal.starts_with("SIG") => {
                counts.failed.insert(test_name(rest));
            }
            "Summary" => {
                let (passed, failed) = read_nextest_summary(rest);
                counts.passed = passed;
                counts.failed_count = failed;
            }
            _ => {}
        }
    }
    counts.passed = counts.passed.saturating_sub(said_skipped.len() as u64);
    counts
}

/// `4 tests run: 2 passed (1 slow), 1 failed, 1 timed out, 1 skipped` to passed and failed.
fn read_nextest_summary(text: &str) -> (u64, u64) {
    let (mut passed, mut failed) = (0, 0);
    let Some((_, parts)) = text.split_once("run: ") else { return (0, 0) };
    // Only the words outside brackets count: `(1 slow, 2 leaky)` are among the passed.
    let mut outside = String::new();
    let mut depth = 0_u32;
    for c in parts.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => outside.push(c),
            _ => {}
        }
    }
    for part in outside.split(',') {
        let Some((number, word)) = part.trim().split_once(' ') else { continue };
        let number = number.parse::<u64>().unwrap_or(0);
        match word.trim() {
            "passed" => passed += number,
            "skipped" => {}
            _ => failed += number,
        }
    }
    (passed, failed)
}

/// ` (3/7) wire flow::tests::truncated` to `wire flow::tests::truncated`.
fn test_name(text: &str) -> String {
    let text = text.trim();
    let text = text.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(text, |(_, name)| name);
    text.trim().to_owned()
}

/// Reads the output of `cargo test`.
fn read_libtest(lines: &[String]) -> Counts {
    let mut counts = Counts::default();
    let mut said_skipped = BTreeSet::new();
    for line in lines {
        let line = line.trim();
        if note_skipped(line, &mut counts, &mut said_skipped) {
            continue;
        }
        if let Some(result) = line.strip_prefix("test result: ") {
            counts.passed += number_before(result, " passed");
            counts.failed_count += number_before(result, " failed");
        } else if let Some((name, outcome)) =
            line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
        {
            if outcome == "FAILED" {
                counts.failed.insert(name.to_owned());
            } else if let Some(reason) = outcome.strip_prefix("ignored") {
                let reason = reason.trim_start_matches(", ").to_owned();
                counts.skipped.insert(name.to_owned(), reason);
            }
        }
    }
    counts.passed = counts.passed.saturating_sub(said_skipped.len() as u64);
    counts
}

/// Takes a line of the form `skipped: <test>: <reason>`; each test counts once however often it says so.
fn note_skipped(line: &str, counts: &mut Counts, said: &mut BTreeSet<String>) -> bool {
    let Some((name, reason)) = line.strip_prefix("skipped: ").and_then(|rest| rest.split_once(": ")) else {
        return false;
    };
    said.insert(name.to_owned());
    counts.skipped.insert(name.to_owned(), reason.to_owned());
    true
}

fn number_before(text: &str, word: &str) -> u64 {
    let before = text.split_once(word).map_or("", |(before, _)| before);
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The reason in `#[ignore = "reason"]` above the function of this name.
fn ignore_reason(test: &str) -> String {
    let function = test.rsplit([' ', ':']).next().unwrap_or(test);
    let wanted = format!("fn {function}(");
    let root = repo::root();
    for path in repo::files(&root).unwrap_or_default().iter().filter(|path| repo::has_extension(path, "rs")) {
        let text = fs::read_to_string(root.join(path)).unwrap_or_default();
        let Some(position) = text.find(&wanted) else { continue };
        let before = text[..position].rsplit_once("#[ignore").map_or("", |(_, rest)| rest);
        if let Some(reason) = before.split('"').nth(1) {
            return reason.to_owned();
        }
    }
    "ignored, and its source gives no reason".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    const NEXTEST: &str = "
    Starting 3 tests across 1 binary (1 test skipped)
        SKIP [         ] (───) wire tests::c
        PASS [   0.017s] (1/4) wire tests::a
  stdout ───
    skipped: wire tests::a: no hping3 here: install it
    test a ... ok
        PASS [   0.009s] (2/4) wire tests::d
        FAIL [   0.130s] (3/4) wire tests::b
     SIGSEGV [   0.130s] (4/4) wire tests::e
     Summary [   0.132s] 4 tests run: 2 passed (1 slow), 2 failed, 1 skipped
        FAIL [   0.130s] (3/4) wire tests::b
     SIGSEGV [   0.130s] (4/4) wire tests::e
error: test run failed";

    #[test]
    fn nextest_output_counts_every_test_once() {
        let counts = read_nextest(&lines(NEXTEST));
        assert_eq!(counts.passed, 1);
        assert_eq!(counts.failed_count, 2);
        assert_eq!(counts.failed, ["wire tests::b", "wire tests::e"].map(str::to_owned).into());
        let reasons: Vec<_> = counts.skipped.into_iter().collect();
        assert_eq!(reasons[0], ("wire tests::a".to_owned(), "no hping3 here: install it".to_owned()));
        assert_eq!(reasons[1], ("wire tests::c".to_owned(), String::new()));
    }

    #[test]
    fn nextest_summary_leaves_out_what_is_in_brackets() {
        assert_eq!(
            read_nextest_summary("9 tests run: 7 passed (2 slow, 1 leaky), 1 timed out, 1 failed"),
            (7, 2)
        );
        assert_eq!(read_nextest_summary("1 test run: 1 passed, 0 skipped"), (1, 0));
    }

    #[test]
    fn libtest_output_counts_every_test_once() {
        let output = "
test c ... ignored, slow
test b ... FAILED
---- a stdout ----
skipped: a: no tshark
test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out
test src/lib.rs - f (line 1) ... ok
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured";
        let counts = read_libtest(&lines(output));
        assert_eq!((counts.passed, counts.failed_count), (2, 1));
        assert_eq!(counts.failed, [String::from("b")].into());
        assert_eq!(counts.skipped["a"], "no tshark");
        assert_eq!(counts.skipped["c"], "slow");
    }
}
