//! The outlook in the words of the console: no decimals, a fixed vocabulary, and what of ours each technique would hit.

use console::outlook::{Coming, Likely, Listed, Odds, Outlook as Shown};
use foresee::listed::{Listing, Whose};
use foresee::outlook::{Outlook, State};
use foresee::{Technique, words};
use institution::{Exposure, Institution, NodeKind, OrganisationKind};
use intel::scale::Level;

/// Techniques that are shown.
const TECHNIQUES: usize = 6;

/// As the console shows it. `became` says what became of it, where that is known.
pub(crate) fn shown(outlook: &Outlook, institution: &Institution, became: Vec<String>) -> Shown {
    let level = level(outlook);
    Shown {
        time: outlook.time,
        state: name(outlook.state).to_owned(),
        level: level.name().to_owned(),
        level_meaning: level.meaning().to_owned(),
        odds: outlook.forecasts.iter().map(odds).collect(),
        listed: outlook.listings.iter().map(listed).collect(),
        coming: outlook.calendar.iter().map(|event| coming(outlook, event)).collect(),
        likely: outlook.techniques.iter().take(TECHNIQUES).map(|share| likely(share, institution)).collect(),
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
        became,
        notes: outlook.notes.clone(),
    }
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

fn likely(share: &foresee::mix::TechniqueShare, institution: &Institution) -> Likely {
    Likely {
        technique: share.technique.words().to_owned(),
        of_ten: (share.share * 10.0).round().clamp(0.0, 10.0) as u8,
        hits: hits(share.technique, institution),
    }
}

/// What of ours a technique would hit first: state tables and lines, or the services that answer requests.
fn hits(technique: Technique, institution: &Institution) -> Vec<String> {
    let nodes = |kinds: &[NodeKind]| {
        institution
            .nodes
            .iter()
            .filter(|node| kinds.contains(&node.kind))
            .map(|node| node.id.clone())
            .collect::<Vec<_>>()
    };
    use Technique as T;
    match technique {
        T::TcpSyn | T::TcpAck | T::TcpSynAck | T::TcpConnect => {
            nodes(&[NodeKind::Firewall, NodeKind::LoadBalancer])
        }
        T::Udp => nodes(&[NodeKind::Link]),
        T::SlowHttp | T::HttpGet | T::HttpPost | T::Http2 | T::Http3 | T::Unknown => institution
            .services
            .iter()
            .filter(|service| {
                !service.names.is_empty() && institution[service.zone].exposure == Exposure::Internet
            })
            .filter(|service| institution[service.organisation].kind != OrganisationKind::Party)
            .filter(|service| {
                service.ports.is_empty()
                    || service.ports.iter().any(|ports| ports.contains(6, 443) || ports.contains(6, 80))
            })
            .map(|service| service.id.clone())
            .collect(),
    }
}

fn record(shown: &foresee::backtest::Shown, outlook: &Outlook) -> String {
    let words = words::skill(shown.over_base.low, shown.over_base.skill);
    let days = if shown.days == 1 { "one day".to_owned() } else { format!("{} days", shown.days) };
    let elections = outlook.factors.iter().any(|factor| factor.used && factor.kind.starts_with("election"));
    let events = if elections { "; elections raise it, other events do not" } else { "" };
    format!("Forecasts of {days} for the country were {words}{events}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_technique_hits_is_ours() {
        let text = include_str!("../../../data/institution/examplia.toml");
        let institution = institution::parse("examplia", text).unwrap();
        assert_eq!(hits(Technique::Udp, &institution), ["isp-a", "isp-b", "isp-hosting"]);
        assert!(hits(Technique::TcpSyn, &institution).contains(&"fw-edge-1".to_owned()));
        let web = hits(Technique::HttpGet, &institution);
        assert!(
            web.contains(&"www".to_owned())
                && !web.contains(&"party-x-site".to_owned())
                && !web.contains(&"mail".to_owned())
        );
    }
}
