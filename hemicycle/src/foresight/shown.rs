//! The outlook in the words of the console: no decimals, a fixed vocabulary, and what of ours each technique would hit.

use std::collections::BTreeSet;

use console::outlook::{Coming, Likely, Listed, Odds, Outlook as Shown};
use expose::{Coupling, Model, Unit};
use foresee::factor::Factor;
use foresee::listed::{Listing, Whose};
use foresee::outlook::{Outlook, State};
use foresee::{Technique, words};
use institution::{Exposure, Institution, OrganisationKind};
use intel::scale::Level;

/// Things of ours that are shown for a technique.
const HITS: usize = 6;
/// Techniques that are shown.
const TECHNIQUES: usize = 6;

/// As the console shows it. `became` says what became of it, where that is known.
pub(crate) fn shown(outlook: &Outlook, institution: &Institution, became: Vec<String>) -> Shown {
    let level = level(outlook);
    let couplings = couplings(institution);
    Shown {
        time: outlook.time,
        state: name(outlook.state).to_owned(),
        level: level.name().to_owned(),
        level_meaning: level.meaning().to_owned(),
        odds: outlook.forecasts.iter().map(odds).collect(),
        listed: outlook.listings.iter().map(listed).collect(),
        coming: outlook.calendar.iter().map(|event| coming(outlook, event)).collect(),
        likely: outlook
            .techniques
            .iter()
            .take(TECHNIQUES)
            .map(|share| likely(share, institution, &couplings))
            .collect(),
        readiness: outlook.readiness.state.name().to_owned(),
        readiness_until: outlook
            .readiness
            .until
            .to_zoned(institution.time_zone.clone())
            .strftime("%d %B, %H:%M")
            .to_string(),
        readiness_reasons: outlook.readiness.reasons.clone(),
        checklist: outlook.readiness.checklist.clone(),
        record: outlook.shown.iter().map(|shown| record(shown, outlook)).collect(),
        reliability: Vec::new(),
        became,
        notes: outlook.notes.clone(),
        stale: String::new(),
    }
}

/// The coupling table, the cheapest rows first for each target; empty where the institution is too large for it.
fn couplings(institution: &Institution) -> Vec<Coupling> {
    expose::Exposure::of(Model::of(institution)).map(|exposure| exposure.couplings.rows).unwrap_or_default()
}

const fn name(state: State) -> &'static str {
    match state {
        State::Quiet => "quiet",
        State::Raised => "raised",
        State::Listed => "listed",
    }
}

/// The threat level. Critical is for people to say: no list and no number knows that a service cannot be done without today.
fn level(outlook: &Outlook) -> Level {
    if outlook.listings.iter().any(|listing| matches!(listing.whose, Whose::Own | Whose::Supplier)) {
        Level::High
    } else if outlook.state > State::Quiet || outlook.readiness.state > foresee::readiness::State::Calm {
        Level::Medium
    } else {
        Level::Low
    }
}

fn odds(forecast: &foresee::outlook::Forecast) -> Odds {
    Odds {
        who: forecast.who.to_owned(),
        days: forecast.days,
        state: name(forecast.state).to_owned(),
        words: forecast.words.clone(),
        reasons: forecast.reasons.iter().take(3).cloned().collect(),
    }
}

fn listed(listing: &Listing) -> Listed {
    let matches = |proposal: &foresee::listed::Proposal| {
        let parts: Vec<String> =
            proposal.matches.iter().map(|(name, value)| format!("{name} {value}")).collect();
        [proposal.layer.to_owned(), parts.join(", "), proposal.action.to_owned()]
    };
    Listed {
        organisation: listing.organisation.clone(),
        named: listing.named.clone(),
        service: listing.service.clone(),
        seen: listing.time.to_string(),
        actor: listing.actor.clone(),
        techniques: listing.techniques.iter().map(|technique| technique.words().to_owned()).collect(),
        proposals: listing.proposals.iter().map(matches).collect(),
        checks: listing.checks.clone(),
    }
}

fn coming(outlook: &Outlook, event: &foresee::event::Event) -> Coming {
    let mine = || outlook.factors.iter().filter(|factor| factor.kind == event.kind);
    let effect = if mine().any(|factor| factor.used) {
        "raised the odds"
    } else if mine().next().is_some() {
        "no evidence of an effect"
    } else {
        "not seen often enough to say"
    };
    Coming {
        date: event.date.to_string(),
        kind: event.kind.clone(),
        title: event.title.clone(),
        effect: effect.to_owned(),
    }
}

fn likely(share: &foresee::mix::TechniqueShare, institution: &Institution, couplings: &[Coupling]) -> Likely {
    Likely {
        technique: share.technique.words().to_owned(),
        of_ten: (share.share * 10.0).round().clamp(0.0, 10.0) as u8,
        hits: hits(share.technique, institution, couplings),
    }
}

/// What of ours a technique would hit: the services that answer such requests, or the elements that give way in its units, each with what is
/// lost with it by the coupling table ([`expose::Couplings`]).
fn hits(technique: Technique, institution: &Institution, couplings: &[Coupling]) -> Vec<String> {
    use Technique as T;
    let units: &[Unit] = match technique {
        T::TcpSyn | T::TcpConnect => &[Unit::NewConnectionsPerSecond, Unit::TableEntries],
        T::TcpAck | T::TcpSynAck => &[Unit::PacketsPerSecond, Unit::TableEntries],
        T::Udp => &[Unit::BitsPerSecond, Unit::PacketsPerSecond],
        T::SlowHttp | T::HttpGet | T::HttpPost | T::Http2 | T::Http3 | T::Unknown => return web(institution),
    };
    let mut hits: Vec<String> = Vec::new();
    let gives_way = |unit: &Unit| units.contains(unit);
    let fits = |row: &&Coupling| {
        row.unit.as_ref().is_some_and(gives_way) || row.units.iter().any(|(unit, _)| gives_way(unit))
    };
    for row in couplings.iter().filter(fits) {
        let inside: Vec<&str> = row.inside.iter().take(3).map(String::as_str).collect();
        let with =
            if inside.is_empty() { String::new() } else { format!(", and with it {}", inside.join(", ")) };
        let hit = format!("{}{with}", row.elements.join(" and "));
        if !hits.contains(&hit) && hits.len() < HITS {
            hits.push(hit);
        }
    }
    hits
}

/// Services of ours that answer requests of everybody.
fn web(institution: &Institution) -> Vec<String> {
    let fits = |service: &&institution::Service| {
        let open = institution[service.zone].exposure == Exposure::Internet;
        let ours = institution[service.organisation].kind != OrganisationKind::Party;
        let asked = |ports: &institution::PortRange| ports.contains(6, 443) || ports.contains(6, 80);
        let answers = service.ports.is_empty() || service.ports.iter().any(asked);
        open && ours && answers && !service.names.is_empty()
    };
    institution.services.iter().filter(fits).map(|service| service.id.clone()).collect()
}

fn record(shown: &foresee::backtest::Shown, outlook: &Outlook) -> String {
    let words = words::skill(shown.over_base.low, shown.over_base.skill);
    let days = if shown.days == 1 { "one day".to_owned() } else { format!("{} days", shown.days) };
    format!("Forecasts of {days} for the country were {words}{}.", events(&outlook.factors))
}

/// Which types of events were found to raise the odds, and what that says of the others: those that were tested, and no more.
fn events(factors: &[Factor]) -> String {
    let kinds = |used: bool| -> BTreeSet<&str> {
        factors.iter().filter(|factor| factor.used == used).map(|factor| factor.kind.as_str()).collect()
    };
    let (raise, tested) = (kinds(true), kinds(false));
    if raise.is_empty() {
        return String::new();
    }
    let listed: Vec<String> = raise.iter().map(|kind| kind.replace('_', " ")).collect();
    let others = tested.difference(&raise).count();
    let rest =
        if others == 0 { String::new() } else { format!("; of {others} other types there is no evidence") };
    format!("; events that raised the odds: {}{rest}", listed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_technique_hits_is_ours() {
        let text = include_str!("../../../data/institution/examplia.toml");
        let institution = institution::parse("examplia", text).unwrap();
        let couplings = couplings(&institution);
        let syn = hits(Technique::TcpSyn, &institution, &couplings);
        assert!(syn.iter().any(|hit| hit.starts_with("fw-edge") && hit.contains("vpn")), "{syn:?}");
        let udp = hits(Technique::Udp, &institution, &couplings);
        assert!(udp.iter().any(|hit| hit.contains("isp-a")), "{udp:?}");
        let web = hits(Technique::HttpGet, &institution, &couplings);
        assert!(web.contains(&"www".to_owned()) && !web.contains(&"party-x-site".to_owned()));
        assert!(!web.contains(&"mail".to_owned()));
    }
}
