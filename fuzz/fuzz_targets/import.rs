//! Inputs of other tools, one format for each first byte: refused with a message, or proposed lines that cannot break out of their
//! place: as a whole file they are read, or refused for what the source does not say, and never hold a table that was not proposed.
#![no_main]

use std::time::Duration;

use cpu_time::ThreadTime;
use expose::import::{Format, MAXIMUM_ENTRIES, MAXIMUM_NOTES, read};

/// Longest time for one input of the size that the fuzzer makes, with the sanitizer's slowness in it.
const LONGEST: Duration = Duration::from_secs(5);

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let format = Format::ALL[usize::from(*first) % Format::ALL.len()];
    let started = ThreadTime::now();
    match read(format, rest) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(draft) => {
            assert!(!draft.entries().is_empty() && draft.entries().len() <= MAXIMUM_ENTRIES);
            assert!(draft.notes().len() <= MAXIMUM_NOTES);
            let text = draft.text(Some("Fuzz"));
            assert!(text.chars().all(|character| character == '\n' || !character.is_control()));
            let headings = text.lines().filter(|line| line.starts_with('[')).count();
            assert_eq!(headings, draft.entries().len() + 1);
            if let Ok(institution) = institution::parse("import.toml", &text) {
                // Needs that are proposed never go in a circle, and what can be read can be worked out.
                if institution.nodes.len() + institution.services.len() < 200 {
                    expose::Exposure::of(expose::Model::of(&institution)).unwrap();
                }
            } else {
                let problems = institution::parse("import.toml", &text).unwrap_err();
                // Its beginning: what follows may quote a name, and a name may have any word in it.
                assert!(
                    problems
                        .list()
                        .iter()
                        .all(|problem| !problem.message.starts_with("needs go in a circle"))
                );
            }
        }
    }
    assert!(started.elapsed() < LONGEST, "{:?} {:?}", format, started.elapsed());
});
