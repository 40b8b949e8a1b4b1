//! What a line says of a flood.

use super::{Flood, SOURCES_NAMED, Subject, View, WINDOW_STEPS};
use crate::confirm::{confidence, name_vectors, round, spoofing};
use crate::event::{
    Certainty, Evidence, FloodEvent, Handshakes, Phase, PortShare, SizeShare, SourceShare, Sources,
    TargetKind,
};
use crate::suspect::Suspect;
use crate::target::{STEPS_PER_SECOND, TargetState};
use crate::vector::Vector;

impl Flood {
    /// The line of a phase.
    pub(super) fn line(&self, phase: Phase, view: &View<'_>, ended_by: Option<&'static str>) -> FloodEvent {
        let vectors = name_vectors(&self.totals, view.suspect, Some(self.lead));
        let steps = (view.step - self.onset_step + 1).clamp(1, WINDOW_STEPS as i64) as f64;
        let per_second = 10.0 / steps;
        let (mut unwanted, mut all, mut bytes) = (0.0, 0.0, 0.0);
        for slot in &self.window {
            unwanted += f64::from(slot.0);
            all += f64::from(slot.1);
            bytes += f64::from(slot.2);
        }
        // A weak flood began before the window of the first line.
        let packets_per_second = round(unwanted * per_second);
        let lead = vectors.first().map_or(self.lead, |vector| vector.name);
        let mut evidence = Evidence {
            excess_ratio: round(f64::from(self.weight)),
            visibility: if view.state.sends { "both" } else { "towards_target" },
            multi_vector: vectors.iter().filter(|vector| vector.share >= 0.1).count() > 1,
            vector_timeline: self.spans.told(),
            pulse_wave: self.pulses.period_seconds().is_some(),
            period_seconds: self.pulses.period_seconds().map(round),
            follows: self.follows.clone(),
            ipv6: self.ipv6,
            also: self.also.clone(),
            carpet_bombing: self.target.kind == TargetKind::Prefix && !self.is_of_ceiling,
            target_packets_per_second: round(all * per_second),
            handshakes: handshakes(view.state),
            failed_dns_answer_share: (view.state.dns_answers >= 50.0)
                .then(|| round(f64::from(view.state.dns_failures / view.state.dns_answers))),
            ceiling: self.ceiling,
            lowered_floors: self.usually.as_ref().map(|usually| usually.told()),
            packets: round(self.packets),
            peak_packets_per_second: round(self.peak),
            last_packet: self.last_packet,
            ended_by,
            ..Evidence::default()
        };
        describe(&mut evidence, view.suspect, matches!(self.subject, Subject::Wider(_)));
        evidence.reason = self.reason(lead, &evidence, view.suspect);
        FloodEvent {
            phase,
            id: self.id.clone(),
            time: view.now,
            onset: self.onset,
            direction: self.direction,
            target: self.target.clone(),
            packets_per_second: Some(packets_per_second),
            bits_per_second: Some(round(bytes * 8.0 * per_second)),
            requests_per_second: None,
            baseline_packets_per_second: self.baseline,
            sources: Sources {
                distinct: view.suspect.map(|suspect| suspect.distinct_sources().round() as u64),
                spoofing: spoofing(lead, view.suspect, view.state),
                top: view.suspect.map(top_sources).unwrap_or_default(),
            },
            confidence: confidence(self.usual_weight(), view.state, view.suspect),
            certainty: self.certainty(view.lost),
            sampling: self.sampling,
            vectors,
            evidence,
        }
    }

    /// How many alarms of the usual floors it is worth: less than one, and so less sure, as long as only lowered ones found it.
    fn usual_weight(&self) -> f32 {
        self.usually.as_ref().map_or(self.weight, |usually| {
            let told = usually.told();
            if told.was_needed { (self.weight * told.times as f32).min(1.0) } else { self.weight }
        })
    }

    fn certainty(&self, is_lost: bool) -> Certainty {
        match (is_lost || self.lost, self.sampling) {
            (true, _) => Certainty::LowerBound,
            (false, 1) => Certainty::Exact,
            (false, _) => Certainty::Sampled,
        }
    }

    fn reason(&self, lead: Vector, evidence: &Evidence, suspect: Option<&Suspect>) -> String {
        match (self.level, self.ceiling) {
            (_, Some(ceiling)) if self.is_of_ceiling => ceiling.sentence(),
            (Some(level), _) => crate::reason::too_many(level * STEPS_PER_SECOND, evidence, suspect),
            (None, _) => crate::reason::sentence(lead, evidence, suspect) + crate::reason::floors(evidence),
        }
    }
}

/// Handshakes of the last seconds, if there were any.
fn handshakes(state: &TargetState) -> Option<Handshakes> {
    (state.begun >= 1.0).then(|| Handshakes {
        begun: round(f64::from(state.begun)),
        completed: round(f64::from(state.completed)),
    })
}

fn top_sources(suspect: &Suspect) -> Vec<SourceShare> {
    let total = suspect.top_sources.total().max(1) as f64;
    let top = suspect.top_sources.top(SOURCES_NAMED);
    let shares = top.iter().map(|hitter| SourceShare {
        address: hitter.key.to_string(),
        share: round((hitter.count - hitter.error) as f64 / total),
    });
    shares.filter(|source| source.share > 0.0).collect()
}

fn describe(evidence: &mut Evidence, suspect: Option<&Suspect>, is_wide: bool) {
    let Some(suspect) = suspect else { return };
    let port = |(port, share): (u16, f64)| PortShare { port, share: round(share) };
    evidence.top_source_port = suspect.top_source_port().map(port);
    evidence.top_destination_port = suspect.top_destination_port().map(port);
    let total = suspect.sizes.total().max(1) as f64;
    evidence.top_packet_size = suspect
        .sizes
        .top(1)
        .first()
        .map(|size| SizeShare { bytes: size.key, share: round((size.count - size.error) as f64 / total) });
    evidence.random_query_name_share = suspect.random_name_share().map(round);
    if is_wide {
        evidence.distinct_destinations = Some(suspect.destinations.estimate().round() as u64);
    }
}
