//! Events on other dates, effects that were planted, rows that look ahead, and answers that know nothing.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use foresee::backtest::factors_of;
use foresee::factor::{Factor, shuffled};
use foresee::memory::{HALF_LIFE_DAYS, window};
use foresee::panel::{Label, Panel};
use foresee::score::{Graded, skill};
use foresee::synthetic::{plant, planted_events};
use foresee::walk::Walk;
use foresee::{Day, event::Event};
use hemicycle::intelligence::Folder;

use crate::report::{Bar, Report};
use crate::table::Table;

/// How often dates are shuffled.
const SHUFFLES: u64 = 5;
/// The rate of a listed day, over all countries: what a planted effect multiplies.
const RATE: f64 = 0.037;

/// Runs all of it.
pub(super) fn run(folder: &Path, read: &Folder, report: &mut Report) -> Result<()> {
    let panel = read.panel()?.clone().without_bloc();
    shuffles(&panel, &read.events, report)?;
    planted(&panel, report)?;
    looking_ahead(folder, report)?;
    constants(&panel, report);
    Ok(())
}

fn factors(panel: &Panel, events: &[Event]) -> Result<Vec<Factor>> {
    let walk = Walk::new(panel, Label::Public, HALF_LIFE_DAYS);
    Ok(factors_of(panel, Label::Public, events, &walk)?)
}

fn shuffles(panel: &Panel, events: &[Event], report: &mut Report) -> Result<()> {
    let mut used = 0;
    let mut all = 0;
    for seed in 0..SHUFFLES {
        let found = factors(panel, &shuffled(panel, events, seed))?;
        all += found.len();
        used += found.iter().filter(|factor| factor.used).count();
    }
    report.bar(Bar::new(
        format!("dates shuffled {SHUFFLES} times: factors that are believed"),
        "0",
        format!("{used} of {all}"),
        used == 0 && all > 0,
    ));
    Ok(())
}

fn planted(panel: &Panel, report: &mut Report) -> Result<()> {
    let mut table = Table::new(
        "Planted effects on 50 made-up events",
        &["planted", "observed", "expected", "ratio", "90 %", "verdict"],
    );
    let events = planted_events(panel, 50, 5);
    for times in [4.0, 1.0] {
        let found = factors(&plant(panel, &events, times, RATE * 2.0, 9), &events)?;
        let near = found.iter().find(|factor| factor.offset == "-2..0").context("no factor")?;
        table.row(vec![
            format!("x{times:.1}"),
            format!("{:.0}", near.observed),
            format!("{:.1}", near.expected),
            format!("{:.2}", near.ratio),
            format!("{:.2} to {:.2}", near.low, near.high),
            near.verdict.to_owned(),
        ]);
        let believed = found.iter().filter(|factor| factor.used).count();
        let holds = if times > 1.0 { near.used } else { believed == 0 };
        report.bar(Bar::new(
            format!("an effect of x{times:.1} on 50 made-up events"),
            if times > 1.0 { "found" } else { "not found" },
            format!("ratio {:.2}, {believed} factors believed", near.ratio),
            holds,
        ));
    }
    report.table(table);
    Ok(())
}

/// A copy of the folder with one row more must stop the run, and the row must be named.
fn looking_ahead(folder: &Path, report: &mut Report) -> Result<()> {
    let cases = [
        (
            "an event before it was known",
            "events/political_events.csv",
            "2024-03-03,be,election_national,planted row,2024-03-10,no,test",
        ),
        ("a label from the future", "ddosia/ddosia_country_days.csv", "2099-01-01,be,3,2,1"),
    ];
    for (name, file, row) in cases {
        let copy = tempfile::tempdir()?;
        for part in [
            "events/political_events.csv",
            "ddosia/ddosia_country_days.csv",
            "ddosia/ddosia_covered_days.csv",
        ] {
            let to = copy.path().join(part);
            fs::create_dir_all(to.parent().context("a folder")?)?;
            fs::copy(folder.join(part), &to).with_context(|| part.to_owned())?;
        }
        let path = copy.path().join(file);
        let mut text = fs::read_to_string(&path)?;
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let line = text.lines().count() + 1;
        text.push_str(&format!("{row}\n"));
        fs::write(&path, text)?;
        let until = Day::parse("9000-01-01").context("a day")?;
        let said = Folder::read(copy.path(), None, until).err().map(|error| format!("{error:#}"));
        let named = said.as_ref().is_some_and(|said| said.contains(&format!("{file}:{line}")));
        report.bar(Bar::new(
            format!("{name} stops the run"),
            format!("names line {line}"),
            said.map_or_else(
                || "it ran".to_owned(),
                |said| said.chars().rev().take(90).collect::<Vec<_>>().into_iter().rev().collect(),
            ),
            named,
        ));
    }
    Ok(())
}

/// Who says nothing, who always cries, and who says the same every day, through the same scoring.
fn constants(panel: &Panel, report: &mut Report) {
    let start = 362.min(panel.days());
    let walk = Walk::new(panel, Label::Public, HALF_LIFE_DAYS);
    let grade = |say: &dyn Fn(usize, usize) -> f64| {
        let mut graded = Graded::default();
        for day in start..panel.days() {
            for place in 0..panel.countries {
                if let Some(answer) = window(panel, Label::Public, day, 3, place) {
                    graded.push(say(day, place), answer, day - start);
                }
            }
        }
        graded
    };
    let base = grade(&|day, place| 1.0 - (1.0 - walk.at(day, place).rate).powi(3));
    for (name, value) in
        [("says nothing", 0.0), ("cries wolf every day", 1.0), ("says a half", 0.5), ("says the mean", 0.06)]
    {
        let found = skill(&grade(&|_, _| value), &base, 1);
        report.bar(Bar::new(
            format!("who {name} fails"),
            "skill below 0",
            format!("{:+.2}", found.skill),
            found.skill < 0.0,
        ));
    }
}
