//! What is left of the detection where only one request in so many is told of: logs of delivery networks are sampled.
//!
//! One stream of requests goes to one detector for each rate of sampling, thinned by a hash of its number, so that each is a part of
//! the next finer one. The detectors do not know that they see a sample: what is learnt is in what comes, and the floors are those
//! of a small service. Fewer services and days than `weeks`, and busier ones, since nothing is left of five requests a second.
//!
//! There are no bars: the tables say what sampling costs.

use anyhow::Result;
use serde_json::json;

use super::Answerer;
use super::corpus::Corpus;
use super::detected::Detected;
use super::score::{self, Score};
use super::traffic::{Settings, Traffic};
use crate::random::mix;
use crate::report::Report;
use crate::table::Table;

/// Powers of two of the rates of sampling, from 1:1 to 1:4096.
const POWERS: [u32; 7] = [0, 2, 4, 6, 8, 10, 12];
const SERVICES: u32 = 5;
const DAYS: i64 = 4;
/// Requests a second of the quietest and of the busiest service.
const RATES: (f64, f64) = (5.0, 80.0);
/// For each service: every factor twice.
const FLOODS: usize = 14;

/// Makes the requests and shows each detector its part.
///
/// # Errors
/// When the log of the corpus cannot be read.
pub(super) fn run(seed: u64, report: &mut Report) -> Result<()> {
    let corpus = Corpus::load()?;
    let settings = Settings {
        services: SERVICES,
        seconds: DAYS * 86_400,
        rates: RATES,
        variation: 0.25,
        rises: 1.0,
        monitors: 2,
        quiet: 86_400,
        floods: FLOODS,
        surges: 1,
        seed,
    };
    let mut traffic = Traffic::new(&corpus, &settings);
    let mut detectors = POWERS.map(|power| (power, Detected::new(SERVICES)));
    let mut number = 0_u64;
    while let Some(seen) = traffic.next() {
        number += 1;
        let passes = mix(number ^ seed << 40).trailing_zeros();
        for (_, detector) in detectors.iter_mut().take_while(|(power, _)| *power <= passes) {
            detector.request(seen.service, &seen.request);
        }
    }
    let days = DAYS as f64 * f64::from(SERVICES);
    let title = format!(
        "Sampled: {number} requests of {SERVICES} services of {} to {} requests a second in {DAYS} days, seed {seed}; floods found by factor, with the median delay in seconds",
        RATES.0, RATES.1
    );
    let scores = detectors
        .map(|(power, detector)| (1_u32 << power, score::judge(traffic.events(), &detector.finish(), days)));
    report.table(table(title, &scores));
    for (rate, score) in &scores {
        for point in score.curve(|_| true) {
            report.line(&json!({"kind": "sampled_detection", "sampling": rate, "factor": point.factor,
                "floods": point.floods, "found": point.found, "median_delay_seconds": point.median_delay}));
        }
    }
    Ok(())
}

fn table(title: String, scores: &[(u32, Score)]) -> Table {
    let factors: Vec<f64> = scores
        .first()
        .map(|(_, score)| score.curve(|_| true).iter().map(|point| point.factor).collect())
        .unwrap_or_default();
    let columns: Vec<String> = std::iter::once("one in".to_owned())
        .chain(factors.iter().map(|factor| format!("{factor}x")))
        .chain(["false floods", "surges called so"].map(str::to_owned))
        .collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut table = Table::new(title, &columns);
    for (rate, score) in scores {
        let points = score.curve(|_| true);
        let found = points.iter().map(|point| {
            let delay = point.median_delay.map_or_else(|| "-".to_owned(), |delay| format!("{delay:.0}"));
            format!("{}/{} ({delay})", point.found, point.floods)
        });
        let (called, _, surges) = score.surges(None);
        let last = [score.false_floods.len().to_string(), format!("{called}/{surges}")];
        table.row(std::iter::once(rate.to_string()).chain(found).chain(last).collect());
    }
    table
}
