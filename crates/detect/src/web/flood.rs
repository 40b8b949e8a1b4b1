//! A flood or a surge of one service from its first to its last line.

use wire::Time;

use super::class::{CLASSES, Class};
use super::service::Service;
use super::surge::Crowd;
use super::usual::Usual;
use super::watch::Watch;
use crate::confirm::round;
use crate::event::{
    Certainty, Direction, Evidence, FingerprintShare, FloodEvent, PathShare, Phase, SourceShare, Sources,
    Spoofing, Target, VectorShare, WebEvidence,
};
use crate::flood::{HOLD_SECONDS, identity};
use crate::shape::{Pause, Pulses, Spans};
use crate::vector::Vector;

/// A surge ends after so long without more than usual.
const SURGE_HOLD_SECONDS: u32 = 60;
/// Seconds between two lines about a surge.
const SURGE_LINE_SECONDS: u32 = 60;
/// Clients named in a line.
const CLIENTS_NAMED: usize = 8;
/// Vectors with less are left out.
const SHARE_MINIMUM: f64 = 0.05;
/// A second with less than this part of the peak says nothing of vectors.
const PART_OF_PEAK: f32 = 0.2;
/// Part of a second's excess that a vector has to have.
const LEAST_OF_SECOND: f32 = 0.25;
/// A vector that was away for longer has come again.
const SPAN_GAP_SECONDS: f64 = 120.0;
/// A part of an alarm from which on a kind belongs to the flood.
const PART_OF_FLOOD: f32 = 0.25;

/// Which line is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Line {
    Start,
    Update,
    End,
}

/// What goes on.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    id: String,
    onset: u32,
    is_surge: bool,
    is_told: bool,
    /// Whether a second of it was counted.
    is_counted: bool,
    /// Whether a kind went over its alarm within seconds, and not only over minutes.
    is_fast: bool,
    last_line: u32,
    last_excess: u32,
    /// Requests by class beyond what is explained.
    totals: [f64; CLASSES],
    slow_connections: u32,
    now: f32,
    requests: f64,
    peak: f32,
    weight: f32,
    usual: Option<f32>,
    last_names: Vec<Vector>,
    names_changed: bool,
    pulses: Pulses,
    spans: Spans,
    follows: Option<String>,
    ended_by: Option<&'static str>,
}

impl Course {
    pub(crate) fn begin(target: &Target, key: &[u8; 16], onset: u32, second: u32) -> Self {
        Self {
            id: identity(key, target, Time::from_seconds(i64::from(onset), 0)),
            onset,
            is_surge: false,
            is_told: false,
            is_counted: false,
            is_fast: false,
            last_line: second,
            last_excess: second,
            totals: [0.0; CLASSES],
            slow_connections: 0,
            now: 0.0,
            requests: 0.0,
            peak: 0.0,
            weight: 1.0,
            usual: None,
            last_names: Vec::new(),
            names_changed: false,
            pulses: Pulses::default(),
            spans: Spans::default(),
            follows: None,
            ended_by: None,
        }
    }

    /// A flood on the same service ended before it.
    pub(crate) fn after(mut self, pause: Option<&Pause>, second: u32) -> Self {
        if let Some((pause, pulses)) =
            pause.and_then(|pause| Some((pause, pause.carried(f64::from(second))?)))
        {
            (self.pulses, self.follows) = (pulses, Some(pause.id.clone()));
        }
        self
    }

    /// What is remembered of it after its end.
    pub(crate) fn pause(self, second: u32) -> Pause {
        Pause::new(self.id, self.pulses, f64::from(second))
    }

    /// The same as a surge: it has another identity than a flood that begins with it.
    pub(crate) fn into_surge(mut self) -> Self {
        self.is_surge = true;
        self.id.replace_range(25.., if self.id.ends_with('S') { "T" } else { "S" });
        self
    }

    pub(crate) const fn is_surge(&self) -> bool {
        self.is_surge
    }

    /// Requests of the flood in the last second.
    pub(crate) const fn excess_now(&self) -> f32 {
        self.now
    }

    pub(crate) fn end_by(&mut self, ended_by: &'static str) {
        self.ended_by = Some(ended_by);
    }

    /// Tells of it before its first second is over: the flood, and what is shown of it, with the part that was seen.
    pub(crate) fn told_early(mut self, usual: &Usual, counts: &[u32; CLASSES], second: u32) -> (Self, Self) {
        let mut shown = self.clone();
        shown.step(usual, counts, second, 0);
        (self.is_told, self.last_line) = (true, second);
        (self, shown)
    }

    /// Adds a second of a flood.
    pub(crate) fn step(&mut self, usual: &Usual, counts: &[u32; CLASSES], second: u32, slow: u32) {
        let is_first = !std::mem::replace(&mut self.is_counted, true);
        if is_first {
            self.usual = usual.is_learnt().then(|| usual.mean());
        }
        let (mut now, mut beyond) = (0.0_f32, 0.0_f32);
        let mut present = [0.0_f32; CLASSES];
        for class in Class::ALL {
            let kind = &usual.kinds[class as usize];
            let slow = &usual.slows.0[class as usize];
            let explained = if slow.stands { slow.explained[0].min(kind.expected) } else { kind.expected };
            let excess = (counts[class as usize] as f32 - explained).max(0.0);
            let is_over = kind.sum > PART_OF_FLOOD * kind.alarm;
            self.is_fast |= kind.alarms(1.0);
            if is_over || slow.stands || self.totals[class as usize] > 0.0 {
                now += excess;
                present[class as usize] = excess;
                beyond += (excess - kind.floor).max(0.0);
                // What came before the alarm is known as a sum only.
                let before = match is_first {
                    true if slow.stands => slow.before(),
                    true => (kind.sum - excess).max(0.0),
                    false => 0.0,
                };
                self.totals[class as usize] += f64::from(excess + before);
                self.requests += f64::from(excess + before);
                self.weight = self.weight.max(kind.sum / kind.alarm.max(1.0));
            }
        }
        if slow > 0 {
            self.slow_connections = self.slow_connections.max(slow);
            let met = f64::from(self.slow_connections);
            let counted = &mut self.totals[Class::TimedOut as usize];
            self.requests += (met - *counted).max(0.0);
            *counted = counted.max(met);
            self.weight = self.weight.max(slow as f32 / 24.0);
            self.last_excess = second;
        }
        self.now = now;
        self.peak = self.peak.max(now);
        if beyond > 0.0 || usual.slows.any() || self.is_fast && now > 0.2 * self.peak.max(5.0) {
            self.last_excess = second;
        }
        self.shape(second, &present);
        let names: Vec<_> = self.shares(None).iter().map(|share| share.name).collect();
        self.names_changed = names.iter().any(|name| !self.last_names.contains(name));
        self.last_names = names;
    }

    /// Pulses and changes of vector, of what came in a second beyond what is explained.
    fn shape(&mut self, second: u32, present: &[f32; CLASSES]) {
        let now: f32 = present.iter().sum();
        self.pulses.step(f64::from(second), f64::from(now));
        if now > PART_OF_PEAK * self.peak {
            let names =
                Class::ALL.into_iter().filter(|class| present[*class as usize] > LEAST_OF_SECOND * now);
            let time = Time::from_seconds(i64::from(second), 0);
            self.spans.note(time, names.map(Class::vector), SPAN_GAP_SECONDS);
        }
    }

    /// How long its end is waited for.
    fn hold_seconds(&self) -> u32 {
        if self.is_surge { SURGE_HOLD_SECONDS } else { self.pulses.hold_seconds(HOLD_SECONDS as f64) as u32 }
    }

    /// Adds a second of a surge.
    pub(crate) fn step_surge(
        &mut self,
        usual: &Usual,
        counts: &[u32; CLASSES],
        second: u32,
        flood: f32,
        crowd: &Crowd,
    ) {
        if !self.is_told {
            self.usual = Some(usual.mean());
        }
        let all = (counts.iter().sum::<u32>() as f32 - flood).max(0.0);
        self.now = all;
        self.peak = self.peak.max(all);
        self.requests += f64::from((all - self.usual.unwrap_or(0.0)).max(0.0));
        self.weight = self.weight.max(crowd.times());
        if crowd.goes_on() {
            self.last_excess = second;
        }
    }

    /// The line that is due.
    pub(crate) fn next(&mut self, second: u32) -> Option<Line> {
        if !self.is_told {
            self.is_told = true;
            self.last_line = second;
            return Some(Line::Start);
        }
        if second.saturating_sub(self.last_excess) > self.hold_seconds() {
            self.ended_by = Some("quiet");
            return Some(Line::End);
        }
        let is_due = if self.is_surge {
            second - self.last_line >= SURGE_LINE_SECONDS
        } else {
            self.last_excess == second
        };
        if is_due || self.names_changed {
            self.last_line = second;
            self.names_changed = false;
            return Some(Line::Update);
        }
        None
    }

    fn shares(&self, watch: Option<&Watch>) -> Vec<VectorShare> {
        if self.is_surge {
            return Vec::new();
        }
        let total: f64 = self.totals.iter().sum();
        let multiplexed = watch.is_none_or(|watch| watch.multiplexed * 2 >= watch.total());
        let mut by_vector: Vec<VectorShare> = Vec::new();
        for class in Class::ALL.iter().filter(|class| self.totals[**class as usize] > 0.0) {
            let name = match class.vector() {
                Vector::Http2RapidReset if !multiplexed => Vector::HttpFlood,
                name => name,
            };
            let share = self.totals[*class as usize] / total.max(1.0);
            match by_vector.iter_mut().find(|known| known.name == name) {
                Some(known) => known.share += share,
                None => by_vector.push(VectorShare { name, share }),
            }
        }
        by_vector.sort_by(|a, b| b.share.total_cmp(&a.share).then(a.name.cmp(&b.name)));
        let largest = by_vector.first().map_or(0.0, |first| first.share);
        by_vector.retain(|vector| vector.share >= SHARE_MINIMUM.min(largest));
        for vector in &mut by_vector {
            vector.share = round(vector.share);
        }
        by_vector
    }

    /// What is said.
    pub(crate) fn line(&self, line: Line, service: &Service, now: Time, is_lost: bool) -> FloodEvent {
        let watch = service.watch.as_deref();
        let vectors = self.shares(watch);
        let seconds = f64::from(self.last_excess.saturating_sub(self.onset) + 1);
        let rate = if line == Line::End { self.requests / seconds } else { f64::from(self.now) };
        let web = self.web(service, watch);
        let evidence = Evidence {
            reason: super::reason::sentence(self.is_surge, vectors.first().map(|lead| lead.name), &web),
            visibility: if service.has_connections { "both" } else { "towards_target" },
            excess_ratio: round(f64::from(self.weight)),
            multi_vector: vectors.iter().filter(|vector| vector.share >= 0.1).count() > 1,
            vector_timeline: self.spans.told(),
            pulse_wave: self.pulses.period_seconds().is_some(),
            period_seconds: self.pulses.period_seconds().map(round),
            follows: self.follows.clone(),
            ipv6: service.target.addresses.first().is_some_and(|address| address.contains(':')),
            last_packet: Time::from_seconds(i64::from(self.last_excess), 0),
            web: Some(Box::new(web)),
            ended_by: if line == Line::End { self.ended_by } else { None },
            ..Evidence::default()
        };
        FloodEvent {
            phase: match line {
                Line::Start => Phase::Start,
                Line::Update => Phase::Update,
                Line::End => Phase::End,
            },
            id: self.id.clone(),
            time: now,
            onset: Time::from_seconds(i64::from(self.onset), 0),
            direction: Direction::In,
            target: service.target.clone(),
            vectors,
            packets_per_second: None,
            bits_per_second: None,
            requests_per_second: Some(round(rate)),
            baseline_packets_per_second: None,
            sources: sources(watch),
            confidence: self.confidence(),
            certainty: if is_lost { Certainty::LowerBound } else { Certainty::Exact },
            sampling: 1,
            evidence,
        }
    }

    /// Grows with how far the excess is above its alarm, and with how little the kind leaves to chance.
    fn confidence(&self) -> f64 {
        let direct = [
            Class::QueryNovel,
            Class::Login,
            Class::Aborted,
            Class::Hello,
            Class::TimedOut,
            Class::Tool,
            Class::Paced,
            Class::Steady,
            Class::Looped,
            Class::Held,
            Class::Quic,
        ];
        let total: f64 = self.totals.iter().sum();
        let of_direct: f64 = direct.iter().map(|class| self.totals[*class as usize]).sum();
        let share = if total > 0.0 { of_direct / total } else { 0.0 };
        let much = f64::from(self.weight.max(1.0)).log2() / 8.0;
        let lasting = (self.requests / 400.0).min(1.0) * 0.1;
        round((0.68 + 0.12 * share + much + lasting).min(0.97))
    }

    /// Whether most of it was seen in what connections do, and not in requests.
    fn is_of_connections(&self, service: &Service) -> bool {
        let total: f64 = self.totals.iter().sum();
        let of = |class: &Class| self.totals[*class as usize];
        let sealed: f64 = Class::ALL.iter().filter(|class| class.is_sealed()).map(of).sum();
        service.has_connections && (self.slow_connections > 0 || sealed > 0.5 * total)
    }

    fn web(&self, service: &Service, watch: Option<&Watch>) -> WebEvidence {
        let usual = &service.usual;
        let all = f64::from(usual.now());
        let clients = watch.map(|watch| watch.clients.estimate().max(1.0)).filter(|_| self.requests > 0.0);
        let seen = watch.map_or(0, Watch::total);
        let random = self.totals[Class::QueryNovel as usize] / self.totals.iter().sum::<f64>().max(1.0);
        let mut web = WebEvidence {
            seen_in: if self.is_of_connections(service) { "connections" } else { "requests" },
            requests: round(self.requests),
            peak_requests_per_second: round(f64::from(self.peak)),
            service_requests_per_second: round(all),
            usual_requests_per_second: self.usual.map(|usual| round(f64::from(usual))),
            expected: None,
            lines: Vec::new(),
            asset_share: round(f64::from(usual.kinds[Class::Asset as usize].now) / all.max(0.001)),
            random_query_share: round(random),
            random_search: watch.is_some_and(|watch| seen >= 10 && watch.searches * 2 > seen) && random > 0.5,
            top_path: watch
                .and_then(Watch::top_path)
                .filter(|top| !top.0.is_empty())
                .map(|(path, share)| PathShare { path, share: round(share) }),
            requests_per_client: clients.map(|clients| round(seen as f64 / clients)),
            distinct_agents: watch.filter(|_| seen > 0).map(|watch| watch.agents.estimate().round() as u64),
            slow_connections: (self.slow_connections > 0).then_some(u64::from(service.slow)),
            top_fingerprint: watch
                .and_then(Watch::top_print)
                .map(|(fingerprint, share, _)| FingerprintShare { fingerprint, share: round(share) }),
        };
        web.lines = super::reason::lines(self.is_surge, &self.totals, usual, watch, &web);
        web
    }
}

fn sources(watch: Option<&Watch>) -> Sources {
    let Some(watch) = watch.filter(|watch| watch.total() > 0) else {
        return Sources { spoofing: Spoofing::Unlikely, ..Sources::default() };
    };
    let top = watch.top_clients(CLIENTS_NAMED).into_iter();
    Sources {
        distinct: Some(watch.clients.estimate().round() as u64),
        // A request needs a connection, and a connection an answer.
        spoofing: Spoofing::Unlikely,
        top: top
            .map(|(address, share)| SourceShare { address: address.to_ip().to_string(), share: round(share) })
            .filter(|source| source.share > 0.0)
            .collect(),
    }
}
