//! Weeks of generated requests of several services, with surges and floods whose truth is known.

use anyhow::Result;
use cpu_time::ThreadTime;
use serde_json::json;

use super::corpus::Corpus;
use super::detected::Detected;
use super::event::{Event, FLOODS, Kind};
use super::request::MONDAY;
use super::score::{CONTROLS, Score};
use super::traffic::{Settings, Traffic};
use super::{Answerer, Options, plot, score};
use crate::report::{Bar, Report};
use crate::table::Table;

/// Floods of at least this factor have to be found.
const CLEAR_FACTOR: f64 = 2.0;
/// Share of them that has to be.
const LEAST_FOUND: f64 = 0.95;
/// Half of them have to be told of within this many seconds.
const MOST_DELAY_SECONDS: f64 = 2.0;
/// False floods for each day of a service: two in 60 days of 20 services.
const MOST_FALSE_PER_SERVICE_DAY: f64 = 2.0 / (60.0 * 20.0);
/// Share of the surges that have to be called so.
const LEAST_SURGES: f64 = 1.0;

/// Makes all requests: tables, bars, and the curve as a picture if it is to be written.
///
/// # Errors
/// When the log of the corpus cannot be read, or the picture cannot be written.
pub(super) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let corpus = Corpus::load()?;
    let settings = options.settings();
    let (score, counts) = answer(&corpus, &settings, Detected::new(settings.services));
    let title = format!(
        "{} requests ({} of events; {:.2} million a CPU second) of {} services in {} days, cv {:.2} over a minute, seed {}",
        counts.requests,
        counts.of_events,
        counts.requests as f64 / 1e6 / counts.seconds.max(1e-9),
        settings.services,
        options.days,
        options.variation,
        options.seed
    );
    for point in score.curve(|_| true) {
        report.line(
            &json!({"kind": "detection", "factor": point.factor, "floods": point.floods, "found": point.found,
            "named": point.named, "median_delay_seconds": point.median_delay}),
        );
    }
    outcomes(&score, report);
    report.table(by_factor(title, &score));
    report.table(by_kind(&score));
    report.table(false_floods(&score));
    bars(&score).into_iter().for_each(|bar| report.bar(bar));
    controls(&corpus, &settings, report);
    if options.write {
        plot::write(&score.curve(|_| true))?;
    }
    Ok(())
}

/// A line for each event, and for each word that nothing explains.
fn outcomes(score: &Score, report: &mut Report) {
    for one in &score.outcomes {
        let event = &one.event;
        report.line(&json!({"kind": "inserted", "label": event.kind.label(), "service": event.service,
            "start": event.start, "seconds": event.end - event.start, "factor": event.factor,
            "ordinary_requests_per_second": event.ordinary, "clients": event.clients, "pulses": event.pulses,
            "delay_seconds": one.delay, "named": one.is_named, "mistaken": one.is_mistaken}));
    }
    for said in score.false_floods.iter().chain(&score.false_surges) {
        report.line(
            &json!({"kind": "unexplained", "name": said.name, "service": said.service, "at": said.said,
            "seconds": said.ended - said.said, "why": said.why}),
        );
    }
}

/// How many requests there were.
#[derive(Clone, Copy, Default, Debug)]
struct Counts {
    requests: u64,
    of_events: u64,
    /// CPU time of making them and of the answer.
    seconds: f64,
}

/// Shows all requests to an answerer and judges it. Gives how many there were, too.
fn answer<A: Answerer>(corpus: &Corpus, settings: &Settings, mut answerer: A) -> (Score, Counts) {
    const DAY: i64 = 86_400_000_000_000;
    let mut traffic = Traffic::new(corpus, settings);
    let mut day = 0;
    let (mut counts, begun) = (Counts::default(), ThreadTime::now());
    while let Some(seen) = traffic.next() {
        answerer.request(seen.service, &seen.request);
        counts.requests += 1;
        let now = (seen.request.time.nanoseconds() - MONDAY) / DAY;
        if now > day {
            day = now;
            let days = settings.seconds / 86_400;
            eprintln!(
                "day {day} of {days}: {} requests, {:.0} s of CPU",
                counts.requests,
                begun.elapsed().as_secs_f64()
            );
        }
        counts.of_events += u64::from(seen.event.is_some());
    }
    counts.seconds = begun.elapsed().as_secs_f64();
    (score::judge(traffic.events(), &answerer.finish(), service_days(settings)), counts)
}

fn service_days(settings: &Settings) -> f64 {
    settings.seconds as f64 / 86_400.0 * f64::from(settings.services)
}

/// What has to hold.
fn bars(score: &Score) -> Vec<Bar> {
    let clear = |event: &Event| event.factor >= CLEAR_FACTOR;
    let (found, floods) = score.floods(clear);
    let none = "no such flood was generated";
    let share = |part: usize, whole: usize| (whole > 0).then(|| part as f64 / whole as f64);
    let (called, mistaken, surges) = score.surges(None);
    let falses = score.false_floods_per_service_day();
    vec![
        Bar::at_least("floods of twice the rate and more found", share(found, floods), LEAST_FOUND, "", none),
        Bar::at_most("seconds to half of them", score.delay(0.5, clear), MOST_DELAY_SECONDS, " s", none),
        Bar::new(
            "false floods a day and service",
            "<= 1 in 600",
            format!("{falses:.4}"),
            falses <= MOST_FALSE_PER_SERVICE_DAY,
        ),
        Bar::at_least(
            "surges called surges",
            share(called, surges),
            LEAST_SURGES,
            "",
            "no surge was generated",
        ),
        Bar::new("surges called floods", "0", mistaken.to_string(), mistaken == 0),
    ]
}

/// The part left out: its bars are not held.
pub(super) fn skip(reason: &str, report: &mut Report) {
    let nothing = Score { service_days: 1.0, ..Score::default() };
    for bar in bars(&nothing) {
        report.bar(Bar::skipped(bar.name, bar.needed, reason));
    }
    for name in CONTROLS {
        report.bar(Bar::skipped(format!("{name} fails"), "fails", reason));
    }
}

/// The curve of detection, over all kinds and for each.
fn by_factor(title: String, score: &Score) -> Table {
    let mut table = Table::new(
        title,
        &["factor", "floods", "found", "rightly named", "median delay (s)", "by kind: found/floods"],
    );
    for (place, point) in score.curve(|_| true).iter().enumerate() {
        let kinds = FLOODS.map(|kind| {
            let of_kind = score.curve(|event| event.kind == kind);
            let (found, floods) = of_kind.get(place).map_or((0, 0), |point| (point.found, point.floods));
            format!("{} {found}/{floods}", kind.label())
        });
        table.row(vec![
            format!("{}", point.factor),
            point.floods.to_string(),
            point.found.to_string(),
            point.named.to_string(),
            point.median_delay.map_or_else(|| "-".to_owned(), |delay| format!("{delay:.1}")),
            kinds.join(", "),
        ]);
    }
    table
}

fn by_kind(score: &Score) -> Table {
    let title = format!(
        "Surges; said where none was: {}; floods said to go on long after they were over: {}",
        score.false_surges.len(),
        score.hanging
    );
    let mut table = Table::new(title, &["kind", "surges", "called so", "called a flood"]);
    for kind in [Kind::ElectionNight, Kind::NewsLink] {
        let (called, mistaken, surges) = score.surges(Some(kind));
        let counts = [surges, called, mistaken].map(|count| count.to_string());
        table.row([vec![kind.label().to_owned()], counts.to_vec()].concat());
    }
    table
}

/// The first false floods, for people who look for the reason.
fn false_floods(score: &Score) -> Table {
    let title =
        format!("False floods: {} in {:.0} days of a service", score.false_floods.len(), score.service_days);
    let mut table = Table::new(title, &["service", "name", "day", "hour", "why"]);
    for said in score.false_floods.iter().take(20) {
        let (day, hour) = ((said.said / 86_400.0) as i64, said.said % 86_400.0 / 3_600.0);
        table.row(vec![
            said.service.to_string(),
            said.name.clone(),
            day.to_string(),
            format!("{hour:.2}"),
            said.why.clone(),
        ]);
    }
    table
}

/// Answers without a detector go through the same judgement and have to fail.
fn controls(corpus: &Corpus, settings: &Settings, report: &mut Report) {
    let events = Traffic::new(corpus, settings).events().to_vec();
    let mut table = Table::new(
        "Answers without a detector",
        &["answer", "floods found", "false floods a day and service", "surges called so", ""],
    );
    for (place, name) in CONTROLS.iter().enumerate() {
        let said = score::control(place, settings.services, settings.seconds);
        let score = score::judge(&events, &said, service_days(settings));
        let fails = !bars(&score).iter().all(|bar| bar.verdict == crate::report::Verdict::Holds);
        let verdict = if fails { "fails, as it should" } else { "PASSES: the evaluation proves nothing" };
        let ((found, floods), (called, _, surges)) = (score.floods(|_| true), score.surges(None));
        table.row(vec![
            (*name).to_owned(),
            format!("{found}/{floods}"),
            format!("{:.2}", score.false_floods_per_service_day()),
            format!("{called}/{surges}"),
            verdict.to_owned(),
        ]);
        report.bar(Bar::new(format!("{name} fails"), "fails", verdict, fails));
    }
    report.table(table);
}
