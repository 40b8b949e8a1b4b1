//! `hemicycle foresee intel match`: indicators looked for in lines of text.
//!
//! What an indicator's marking keeps from the audience is not printed, and only counted: a sign gives the indicator on. What is red is printed for nobody.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use intel::decay::Expiry;
use intel::indicator::{Indicator, Indicators};
use intel::tlp::Audience;
use intel::warning::Warnings;
use serde_json::json;

use super::{line, output};

/// Longest line that is looked at as one.
const MAXIMUM_LINE_BYTES: usize = 1 << 20;

/// What is looked for.
pub(super) struct Sought {
    pub(super) indicators: Vec<Indicator>,
    /// Patterns that ask for more than one observation.
    pub(super) complex: usize,
    pub(super) warnings: Warnings,
    pub(super) audience: Audience,
    /// Seconds since 1970 by which worth is judged.
    pub(super) now: u32,
}

/// What was found.
#[derive(Default)]
struct Counts {
    lines: u64,
    matched: u64,
    withheld: u64,
}

/// Prints a sign for each indicator that a line meets, and what was found.
///
/// # Errors
/// When a file cannot be read.
pub(super) fn run(sought: Sought, paths: &[PathBuf]) -> Result<()> {
    let mut table = Indicators::new(key(), Expiry::Earlier);
    sought.indicators.iter().for_each(|indicator| table.add(indicator, &sought.warnings));
    let (audience, now, complex) = (sought.audience, sought.now, sought.complex);
    drop(sought);
    // What may not be told, or is worth nothing, hides nothing that may and is.
    let told: Vec<bool> =
        table.each(now).map(|(indicator, worth, _)| worth > 0 && indicator.tlp.may_reach(audience)).collect();
    let prefers = |index: u32| told.get(index as usize).copied().unwrap_or(false);
    let mut output = output();
    let mut counts = Counts::default();
    let mut met: Vec<(u32, String)> = Vec::new();
    for path in paths {
        let reader: Box<dyn BufRead> = if path == Path::new("-") {
            Box::new(io::stdin().lock())
        } else {
            let file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            Box::new(BufReader::new(file))
        };
        counts.lines += each_line(reader, |number, text| {
            // An indicator is told once a line, however often it stands there.
            let mut known = BTreeSet::new();
            table.line_preferring(text, prefers, |index, word| {
                if known.insert(index) {
                    met.push((index, word.to_owned()));
                }
            });
            for (index, word) in met.drain(..) {
                let Some(found) = table.sight(index, now) else { continue };
                if !found.tlp.may_reach(audience) {
                    counts.withheld += 1;
                    continue;
                }
                counts.matched += 1;
                let sign = json!({"kind": "sign", "name": "indicator_matched", "source": path.display().to_string(),
                    "target": word, "detail": {"line": number, "indicator": found}});
                line(&mut output, &sign)?;
            }
            Ok(())
        })?;
    }
    let summary = json!({"kind": "summary", "lines": counts.lines, "matched": counts.matched, "withheld": counts.withheld,
        "indicators": table.len(), "warned": table.warned, "refused": table.refused, "patterns_not_matched": complex});
    line(&mut output, &summary)?;
    Ok(output.flush()?)
}

/// A secret of this run: others choose the values.
pub(super) fn key() -> (u64, u64) {
    let one = || RandomState::new().hash_one(0u8);
    (one(), one())
}

/// Lines with their numbers, and how many there are; a longer one than [`MAXIMUM_LINE_BYTES`] is cut into several of one number.
fn each_line(mut reader: impl BufRead, mut take: impl FnMut(u64, &str) -> Result<()>) -> Result<u64> {
    let (mut number, mut is_begun) = (0, false);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let count = io::Read::take(&mut reader, MAXIMUM_LINE_BYTES as u64).read_until(b'\n', &mut bytes)?;
        if count == 0 {
            return Ok(number);
        }
        number += u64::from(!is_begun);
        is_begun = bytes.last() != Some(&b'\n');
        take(number, &String::from_utf8_lossy(&bytes))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_has_one_number() {
        let text = format!("{}\nb\nc", "a".repeat(MAXIMUM_LINE_BYTES + 5));
        let mut numbers = Vec::new();
        let count = each_line(text.as_bytes(), |number, _| {
            numbers.push(number);
            Ok(())
        });
        assert_eq!((numbers, count.unwrap()), (vec![1, 1, 2, 3], 3));
    }
}
