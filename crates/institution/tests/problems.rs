//! Every file in `tests/problems` is refused with exactly the text beside it. To rewrite the texts after a
//! change that was meant: `UPDATE_EXPECTED=1 cargo test -p institution --test problems`, then read the difference.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests may panic")]

use std::fs;
use std::path::Path;

#[test]
fn every_kind_of_problem_is_shown_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/problems");
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    names.sort();
    assert!(names.len() >= 30, "only {} files", names.len());
    let mut different = Vec::new();
    for path in names {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let problems = institution::parse(&name, &text).expect_err(&name);
        let shown = problems.render(false);
        for problem in problems.list() {
            let place = format!("{name}:{}:{}", problem.line, problem.column);
            assert!(shown.contains(&place), "{place} is not where the caret is:\n{shown}");
        }
        let expected_path = path.with_extension("txt");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected_path, &shown).unwrap();
        } else if fs::read_to_string(&expected_path).unwrap_or_default() != shown {
            different.push(format!("{name} is shown as\n{shown}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
