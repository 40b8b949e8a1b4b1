//! What is different: between two versions of a file, or if something were changed.

use std::io::Write;

use anyhow::{Context, Result};
use expose::segregation::{Opening, Reachability, differences};
use expose::{Change, Difference, Exposure, Model, difference};
use institution::Institution;
use serde_json::json;

use crate::style::{Style, plain};

/// Lines of each list that are printed for people; all of them are in the JSON.
const SHOWN: usize = 40;

/// Compares two versions of a file.
pub(super) fn between(
    before: &Institution,
    after: &Institution,
    json: bool,
    style: Style,
    output: &mut impl Write,
) -> Result<()> {
    let exposures = (Exposure::of(Model::of(before))?, Exposure::of(Model::of(after))?);
    let difference = difference(&exposures.0, &exposures.1)?;
    let openings = differences(&Reachability::of(before), &Reachability::of(after));
    write(&difference, &openings, json, style, output)
}

/// Tries changes, one after the other.
pub(super) fn what_if(
    institution: &Institution,
    changes: &[Change],
    json: bool,
    style: Style,
    output: &mut impl Write,
) -> Result<()> {
    let before = Exposure::of(Model::of(institution))?;
    let mut model = before.model.clone();
    for change in changes {
        model = model.changed(change).context("cannot try the change")?;
    }
    let after = Exposure::of(model)?;
    write(&difference(&before, &after)?, &[], json, style, output)
}

fn write_json(difference: &Difference, openings: &[Opening], output: &mut impl Write) -> Result<()> {
    for (change, list) in [("gone", &difference.gone), ("new", &difference.new)] {
        for (service, elements) in list {
            writeln!(
                output,
                "{}",
                json!({"kind": "cut_set_difference", "change": change, "service": service, "elements": elements, "order": elements.len()})
            )?;
        }
    }
    for (change, list) in [("gone", &difference.couplings_gone), ("new", &difference.couplings_new)] {
        for (target, elements, inside) in list {
            writeln!(
                output,
                "{}",
                json!({"kind": "coupling_difference", "change": change, "target": target, "elements": elements, "inside": inside})
            )?;
        }
    }
    for opening in openings {
        let mut value = serde_json::to_value(opening)?;
        value["kind"] = json!("reach");
        writeln!(output, "{value}")?;
    }
    let summary = json!({"kind": "summary", "cut_sets_gone": difference.gone.len(), "cut_sets_new": difference.new.len(),
        "couplings_gone": difference.couplings_gone.len(), "couplings_new": difference.couplings_new.len(), "undecided": difference.undecided, "reach": openings.len()});
    Ok(writeln!(output, "{summary}")?)
}

fn write(
    difference: &Difference,
    openings: &[Opening],
    json: bool,
    style: Style,
    output: &mut impl Write,
) -> Result<()> {
    if json {
        return write_json(difference, openings, output);
    }
    let sets = |list: &[(String, Vec<String>)]| -> Vec<String> {
        list.iter().map(|(service, elements)| format!("{} stops {service}", elements.join(" + "))).collect()
    };
    let rows = |list: &[(String, Vec<String>, Vec<String>)]| -> Vec<String> {
        let row = |(target, elements, inside): &(String, Vec<String>, Vec<String>)| {
            format!("a flood on {target} through {} takes down {}", elements.join(" + "), inside.join(", "))
        };
        list.iter().map(row).collect()
    };
    let reach = |change: &str| -> Vec<String> {
        let of = openings.iter().filter(|opening| opening.change == change);
        of.map(|opening| {
            let way = &opening.from_internet;
            let way = if way.len() > 1 {
                format!("; the Internet gets to it by {}", way.join(", "))
            } else {
                String::new()
            };
            format!("{} to {}: {}{way}", opening.from, opening.to, opening.ports)
        })
        .collect()
    };
    let parts = [
        ("No longer", sets(&difference.gone)),
        ("New", sets(&difference.new)),
        ("No longer, in a flood", rows(&difference.couplings_gone)),
        ("New, in a flood", rows(&difference.couplings_new)),
        ("Opened between zones", reach("opened")),
        ("Closed between zones", reach("closed")),
    ];
    if difference.undecided > 0 {
        let text = format!(
            "A limit was reached: of {} sets and rows of one version it cannot be said whether the other has them.",
            difference.undecided
        );
        writeln!(output, "{}", style.dim(&text))?;
    } else if parts.iter().all(|(_, lines)| lines.is_empty()) {
        return Ok(writeln!(output, "Nothing is different.")?);
    }
    for (title, lines) in parts.iter().filter(|(_, lines)| !lines.is_empty()) {
        writeln!(output, "{}", style.bold(&format!("{title} ({})", lines.len())))?;
        for line in lines.iter().take(SHOWN) {
            writeln!(output, "  {}", plain(line))?;
        }
        if lines.len() > SHOWN {
            writeln!(output, "  ... and {} more; --json has all of them", lines.len() - SHOWN)?;
        }
    }
    Ok(())
}
