//! What a step found, added up to the totals of the run.

use std::fmt;

/// One failure or one skipped test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The test's or the check's name.
    pub(crate) name: String,
    /// Why it failed or was skipped.
    pub(crate) detail: String,
}

/// Results of one step or of all of them. Every single test or check is in exactly one of the three.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// How many held.
    pub(crate) passed: u64,
    /// Each that did not hold.
    pub(crate) failed: Vec<Named>,
    /// Each that could not be tried here.
    pub(crate) skipped: Vec<Named>,
}

impl Report {
    /// Counts one failure.
    pub(crate) fn fail(&mut self, name: &str, detail: &str) {
        self.failed.push(Named { name: name.to_owned(), detail: detail.to_owned() });
    }

    /// Counts one skipped test.
    pub(crate) fn skip(&mut self, name: &str, detail: &str) {
        self.skipped.push(Named { name: name.to_owned(), detail: detail.to_owned() });
    }

    /// Adds what another step found.
    pub(crate) fn add(&mut self, other: Report) {
        self.passed += other.passed;
        self.failed.extend(other.failed);
        self.skipped.extend(other.skipped);
    }
}

/// The totals, in the one form that other programs read: `N passed, N failed, N skipped`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed.len(), self.skipped.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_have_the_exact_form() {
        let mut all = Report::default();
        let mut step = Report { passed: 3, ..Report::default() };
        step.fail("b", "broke");
        all.add(step);
        let mut step = Report::default();
        step.skip("c", "no hping3");
        step.skip("d", "no tshark");
        all.add(step);
        assert_eq!(all.to_string(), "3 passed, 1 failed, 2 skipped");
    }
}
