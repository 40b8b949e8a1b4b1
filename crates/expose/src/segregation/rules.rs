//! The rule pack: questions that can be answered from an institution file, each with where it comes from.
//!
//! Sources are numbers of recommendations in ANSSI's guide on the interconnection of an information system with the
//! Internet (version 3), points of the annex of Implementing Regulation (EU) 2024/2690 (NIS2), and controls of
//! NIST SP 800-53 revision 5. The questions are ours. A question that the file does not answer is unknown, never passed: what
//! would have to be said is looked for by [`gaps`].

use institution::Institution;
use serde::Serialize;

use super::{checks, gaps};
use crate::analysis::Exposure;

/// A question with its sources.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its id; stable.
    pub id: &'static str,
    /// What is asked, such that yes is good.
    pub question: &'static str,
    /// Recommendations of ANSSI's interconnection guide, version 3.
    pub anssi: &'static [&'static str],
    /// Points of the annex of Implementing Regulation (EU) 2024/2690.
    pub nis2: &'static [&'static str],
    /// Controls of SP 800-53 revision 5.
    pub sp800_53: &'static [&'static str],
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The answer is no.
    Fail,
    /// The file does not say.
    Unknown,
    /// The answer is yes.
    Pass,
}

impl State {
    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::Pass => "pass",
        }
    }
}

/// The answer for one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The rule.
    #[serde(flatten)]
    pub rule: &'static Rule,
    /// The answer.
    pub state: State,
    /// What it is about: a service, a node, a conduit.
    pub subject: String,
    /// Why, with names.
    pub detail: String,
}

macro_rules! rules {
    ($($id:literal $question:literal anssi $anssi:expr, nis2 $nis2:expr, sp $sp:expr;)*) => {
        /// Every rule, in the order in which it is told.
        pub const RULES: &[Rule] = &[$(Rule {
            id: $id, question: $question, anssi: &$anssi, nis2: &$nis2, sp800_53: &$sp,
        },)*];
    };
}

rules! {
    "SPOF-01" "Does the service withstand the loss of any one element?"
        anssi ["R17"], nis2 ["4.2.4.a"], sp ["CP-2(8)", "CP-8(2)", "CP-8(3)"];
    "SPOF-02" "Do elements that stand in for each other share no cause and no provider?"
        anssi ["R11", "R17"], nis2 ["4.2.4.a", "4.2.4.b"], sp ["CP-7", "CP-8(3)", "SC-36"];
    "SPOF-04" "Is there a second name server that nothing takes down together with the first?"
        anssi [], nis2 ["6.7.2.l"], sp ["SC-20", "SC-22"];
    "CAP-01" "Is the capacity of what a public service shares with others written down?"
        anssi ["R18"], nis2 ["3.2.3.h"], sp ["SC-5", "SC-5(2)", "SC-6"];
    "CAP-02" "Does a scrubbing service stand in front of the public service?"
        anssi ["R18"], nis2 ["4.2.6"], sp ["CP-4", "SC-5"];
    "SEG-01" "Does no flood on a public service take down a service inside?"
        anssi ["R6", "R11", "R12"], nis2 ["6.8.1", "6.8.2.a"], sp ["SC-7", "SC-7(21)", "SC-32"];
    "SEG-02" "Does everything from outside end in a zone that is meant for it?"
        anssi ["R2", "R3", "R4", "R8"], nis2 ["6.7.2.c", "6.8.2.b", "6.8.2.d"], sp ["AC-4", "SC-7"];
    "SEG-03" "Is the inner firewall another one than the outer?"
        anssi ["R13"], nis2 ["6.8.1"], sp ["SC-7"];
    "SEG-04" "Is the internal directory out of reach of public zones?"
        anssi ["R10"], nis2 ["6.8.1"], sp ["AC-4", "SC-7"];
    "SEG-05" "Does administration work when the lines to the Internet are full?"
        anssi ["R16"], nis2 ["6.8.2.f", "6.8.2.g"], sp ["SC-7", "SC-37"];
    "SEG-07" "Does the conduit let through no more than single services?"
        anssi ["R2", "R3"], nis2 ["6.7.2.f", "6.8.2.e"], sp ["AC-4", "CM-7"];
    "SEG-08" "Is it written down why the conduit exists?"
        anssi ["R1", "R2", "R3"], nis2 ["6.7.2.a"], sp ["CA-9"];
    "SEG-09" "Are connections opened from the more trusted to the less trusted zone?"
        anssi ["R7"], nis2 ["6.8.2.b"], sp ["AC-4", "SC-7"];
    "SEG-10" "Do public and internal services run on machines of their own?"
        anssi ["R11", "R12"], nis2 ["6.8.2.a", "6.8.2.c"], sp ["SC-7(21)", "SC-32"];
    "SEG-11" "Are networks of other organisations kept out of the own ones?"
        anssi ["R15"], nis2 ["6.7.2.h", "6.8.1"], sp ["AC-20", "SC-7"];
    "WORK-01" "Is it written down what people do while the service is away?"
        anssi [], nis2 ["4.1"], sp ["CP-2"];
}

/// Answers every rule, the failed first, in the order of [`RULES`] within.
pub fn judge(institution: &Institution, exposure: &Exposure) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for rule in RULES {
        let mut answers = checks::answers(rule.id, institution, exposure);
        // What is not written down is no yes, whatever was found in the rest.
        answers.extend(gaps::gaps(rule.id, institution, exposure));
        if answers.is_empty() {
            answers.push((State::Pass, String::new(), "nothing in the file speaks against it".to_owned()));
        }
        let verdict = |(state, subject, detail)| Verdict { rule, state, subject, detail };
        verdicts.extend(answers.into_iter().map(verdict));
    }
    verdicts.sort_by_key(|verdict| verdict.state);
    verdicts
}
