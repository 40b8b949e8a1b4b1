//! Findings as JSON, one object a line.

use std::io::Write;

use anyhow::Result;
use expose::{MAXIMUM_ORDER, Unit};
use serde::Serialize;
use serde_json::json;

use super::Told;

/// An object with its kind before everything else.
#[derive(Serialize)]
struct Line<'a, T> {
    kind: &'static str,
    #[serde(flatten)]
    of: &'a T,
}

fn line<T: Serialize>(output: &mut impl Write, kind: &'static str, of: &T) -> Result<()> {
    serde_json::to_writer(&mut *output, &Line { kind, of })?;
    Ok(writeln!(output)?)
}

/// Writes every line; the last is the summary.
pub(super) fn write(told: &Told, output: &mut impl Write) -> Result<()> {
    let exposure = &told.exposure;
    let mut by_order = [0_u64; MAXIMUM_ORDER + 1];
    exposure.findings(|finding| {
        if let Some(count) = by_order.get_mut(finding.order) {
            *count += 1;
        }
        line(output, "cut_set", &finding)
    })?;
    for (service, cuts) in exposure.limits() {
        let text =
            format!("cut sets of more than {} elements are not listed, and there can be some", cuts.complete);
        let of = json!({"service": service, "complete_order": cuts.complete, "highest_order": MAXIMUM_ORDER, "message": text});
        line(output, "limit", &of)?;
    }
    for row in &exposure.couplings.rows {
        line(output, "coupling", row)?;
    }
    capacities(told, output)?;
    for weight in exposure.weights() {
        line(output, "importance", &weight)?;
    }
    for verdict in &told.verdicts {
        line(output, "rule", verdict)?;
    }
    for fix in &told.fixes {
        line(output, "fix", fix)?;
    }
    if let Some(observed) = &told.observed {
        for drift in &observed.drifts {
            line(output, "drift", drift)?;
        }
        for proposal in &observed.proposals {
            line(output, "proposal", proposal)?;
        }
    }
    summary(told, &by_order, output)
}

fn capacities(told: &Told, output: &mut impl Write) -> Result<()> {
    let exposure = &told.exposure;
    for (place, _) in exposure.services() {
        let service = &exposure.model.elements[place].name;
        for unit in Unit::ALL {
            let Some(range) = exposure.through(place, unit) else { continue };
            let of = json!({"service": service, "unit": unit, "low": range.low, "high": range.high});
            line(output, "capacity", &of)?;
        }
        let of = json!({"service": service, "elements": exposure.connectivity(place)});
        line(output, "connectivity", &of)?;
    }
    Ok(())
}

fn summary(told: &Told, by_order: &[u64], output: &mut impl Write) -> Result<()> {
    let exposure = &told.exposure;
    let count = |state| told.verdicts.iter().filter(|verdict| verdict.state == state).count();
    let observed = told.observed.as_ref().map(|observed| {
        json!({"records": observed.records, "flows": observed.flows, "cut_short": observed.cut_short, "not_mined": observed.not_mined,
            "without_ports": observed.without_ports, "drifts": observed.drifts.len(),
            "drifts_omitted": observed.drifts_omitted, "proposals": observed.proposals.len(), "proposals_omitted": observed.proposals_omitted, "unused": observed.unused})
    });
    let of = json!({
        "institution": told.institution.name,
        "services": exposure.services().count(),
        "nodes": told.institution.nodes.len(),
        "shared_causes": told.institution.causes.len(),
        "cut_sets": by_order.iter().sum::<u64>(),
        "single_points": by_order.get(1),
        "limits": exposure.limits().count(),
        "couplings": exposure.couplings.rows.len(),
        "couplings_omitted": exposure.couplings.omitted,
        "couplings_complete_order": exposure.couplings.complete_order,
        "rules_failed": count(expose::segregation::State::Fail),
        "rules_unknown": count(expose::segregation::State::Unknown),
        "observed": observed,
    });
    line(output, "summary", &of)
}
