//! One flood from its first to its last line.

mod line;

use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;
use wire::Time;

use crate::confirm::{name_vectors, round};
use crate::event::{Direction, FloodEvent, Phase, Target};
use crate::policy::Exceeded;
use crate::readiness::Usually;
use crate::sequential::bits;
use crate::shape::{Pause, Pulses, Spans};
use crate::suspect::Suspect;
use crate::target::{STEP_NANOSECONDS, STEPS_PER_SECOND, TargetState};
use crate::vector::{VECTOR_COUNT, Vector};

/// A flood ends after this long without an excess.
pub const HOLD_SECONDS: i64 = 10;
/// Sources named in an event.
const SOURCES_NAMED: usize = 8;
const WINDOW_STEPS: usize = 10;
/// Steps of a second.
const STEPS: f64 = STEPS_PER_SECOND as f64;
/// A flood of too many packets is over when less than this part of what is ordinary comes beside it, or half of what
/// came at first if that was less.
const QUIET_EXCESS: f32 = 0.3;
/// Chance of sampling that is no flood, in standard deviations of a second.
const QUIET_DEVIATIONS: f32 = 2.0;

/// What begins a flood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alarm {
    /// The kind that there is most of.
    pub(crate) lead: Vector,
    /// How many alarms its excess is worth.
    pub(crate) weight: f32,
    /// Set if it is not that packets are unwanted but that there are too many.
    pub(crate) level: Option<Level>,
}

/// What there are too many packets for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    /// Ordinary packets a second.
    pub(crate) packets_per_second: f32,
    /// The step in which there began to be more.
    pub(crate) since_step: i64,
    /// Set if it is not what is ordinary that is exceeded but what the operator allows.
    pub(crate) ceiling: Option<Exceeded>,
}

impl Level {
    /// Half of the excess at the start, within bounds: a small one must not end at once.
    fn quiet_excess(&self, state: &TargetState) -> f32 {
        let excess = state.recent_packets / self.packets_per_second.max(1.0) - 1.0;
        (0.5 * excess).clamp(0.05, QUIET_EXCESS)
    }
}

/// Why a flood was not told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Silence {
    /// There is no reason.
    None,
    /// Whether a mute by sources covers it is known as soon as a source is.
    Waits,
    /// It was muted.
    Muted,
}

/// Which target a flood is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Subject {
    /// Index of an address.
    Address(u32),
    /// Index of a wider target.
    Wider(u32),
}

/// What a target looks like from outside at the moment, for the lines about it.
pub(crate) struct View<'a> {
    pub(crate) state: &'a TargetState,
    pub(crate) suspect: Option<&'a Suspect>,
    pub(crate) now: Time,
    pub(crate) step: i64,
    pub(crate) lost: bool,
}

/// A flood that has started and not ended.
pub(crate) struct Flood {
    pub(crate) subject: Subject,
    pub(crate) id: String,
    pub(crate) target: Target,
    pub(crate) direction: Direction,
    pub(crate) ipv6: bool,
    pub(crate) also: Vec<Target>,
    /// The target as the institution file knows it; none where nothing is said of any target.
    pub(crate) said: Option<institution::Target>,
    onset: Time,
    onset_step: i64,
    lead: Vector,
    weight: f32,
    totals: [f32; VECTOR_COUNT],
    /// Unwanted packets, all packets and unwanted bytes of the last second's steps.
    window: [(f32, f32, f32); WINDOW_STEPS],
    peak: f64,
    packets: f64,
    bytes: f64,
    sampling: u32,
    last_unwanted_step: i64,
    last_packet: Time,
    last_line_step: i64,
    last_names: Vec<Vector>,
    /// Whether the first line was written.
    is_told: bool,
    silence: Silence,
    begun_step: i64,
    baseline: Option<f64>,
    lost: bool,
    /// The excess, as a part of the level, below which it is over.
    quiet_excess: f32,
    /// Packets in an ordinary step, if the flood is that there are too many, wanted or not.
    level: Option<f32>,
    /// Whether that level is a ceiling, and not what is ordinary.
    is_of_ceiling: bool,
    /// The ceiling that is or was exceeded, where it was furthest above it.
    ceiling: Option<Exceeded>,
    pulses: Pulses,
    spans: Spans,
    /// The flood of which this is the next pulse.
    follows: Option<String>,
    /// What the usual floors say of it, where lowered ones found it.
    pub(crate) usually: Option<Box<Usually>>,
}

impl Flood {
    /// A flood that begins with the excess of `lead`.
    pub(crate) fn begin(
        subject: Subject,
        target: Target,
        key: &[u8; 16],
        view: &View<'_>,
        Alarm { lead, weight, level }: Alarm,
    ) -> Self {
        const BASELINE_STEPS_MINIMUM: u32 = 50;
        let state = view.state;
        let onset_step = onset_of(view, lead, level);
        let onset = Time::from_nanoseconds(onset_step.saturating_mul(STEP_NANOSECONDS)).min(view.now);
        let (totals, mut packets) = before_alarm(state);
        if let Some(level) = level {
            let excess = (state.recent_packets - level.packets_per_second) / STEPS_PER_SECOND;
            packets = f64::from(excess.max(0.0)) * (view.step - onset_step) as f64;
        }
        let window = window_before(view.step, onset_step, packets as f32);
        let enough = state.baseline_steps >= BASELINE_STEPS_MINIMUM;
        Self {
            subject,
            id: identity(key, &target, onset),
            ipv6: target.addresses.first().is_some_and(|address| address.contains(':')),
            target,
            direction: Direction::In,
            also: Vec::new(),
            said: None,
            onset,
            onset_step,
            lead,
            weight,
            totals,
            window,
            peak: 0.0,
            packets,
            bytes: 0.0,
            sampling: state.sampling,
            last_unwanted_step: view.step,
            last_packet: state.last_packet,
            last_line_step: view.step,
            last_names: Vec::new(),
            is_told: false,
            silence: Silence::None,
            begun_step: view.step,
            baseline: level
                .filter(|level| level.ceiling.is_none())
                .map(|level| level.packets_per_second)
                .or(enough.then_some(state.baseline))
                .map(|usual| round(f64::from(usual))),
            lost: view.lost,
            quiet_excess: level.map_or(QUIET_EXCESS, |level| level.quiet_excess(state)),
            level: level.map(|level| level.packets_per_second / STEPS_PER_SECOND),
            is_of_ceiling: level.is_some_and(|level| level.ceiling.is_some()),
            ceiling: level.and_then(|level| level.ceiling),
            pulses: Pulses::default(),
            spans: Spans::default(),
            follows: None,
            usually: None,
        }
    }

    /// It begins soon after another one on the same target.
    pub(crate) fn follow(&mut self, pause: &Pause) {
        if let Some(pulses) = pause.carried(self.begun_step as f64 / STEPS) {
            (self.pulses, self.follows) = (pulses, Some(pause.id.clone()));
        }
    }

    /// What is remembered of it after its end.
    pub(crate) fn pause(&self, step: i64) -> Pause {
        Pause::new(self.id.clone(), self.pulses.clone(), step as f64 / STEPS)
    }

    /// Adds a closed step. Call before the target's cells are cleared.
    pub(crate) fn step(&mut self, state: &TargetState, step: i64, factor: f32) {
        let excess_share = self.level.map(|level| 1.0 - (level / state.packets.max(1.0)).min(1.0));
        let mut unwanted = 0.0;
        let mut present = [0.0; VECTOR_COUNT];
        for index in bits(state.active) {
            let packets = match excess_share {
                Some(share) => state.cell(index).packets * share,
                None => self.counted(state, index),
            };
            self.totals[index] += packets;
            present[index] = packets;
            unwanted += packets;
        }
        let unwanted = unwanted.max(0.0);
        let bytes = excess_share.map_or(state.unwanted_bytes, |share| state.bytes * share);
        let slot = step.rem_euclid(WINDOW_STEPS as i64) as usize;
        self.window[slot] = (unwanted, state.packets, bytes);
        self.packets += f64::from(unwanted);
        self.bytes += f64::from(bytes);
        self.sampling = self.sampling.max(state.sampling);
        let sum: f32 = self.window.iter().map(|slot| slot.0).sum();
        self.peak = self.peak.max(f64::from(sum));
        self.shape(step, sum, unwanted, &present);
        if unwanted > 0.0 {
            self.last_packet = self.last_packet.max(state.last_packet);
        }
        self.weight = self.weight.max(state.heaviest_alarm(factor));
        if self.is_going_on(state, sum, factor) {
            self.last_unwanted_step = step;
        }
    }

    /// Compares a closed step with the usual floors, where lowered ones found it. The occasion if they find it now.
    pub(crate) fn compare(&mut self, state: &TargetState, step: i64, factor: f32) -> Option<u64> {
        // What came in its first step is in it already.
        let lead = self.lead;
        let usually = self.usually.as_mut().filter(|_| step > self.begun_step);
        usually.and_then(|usually| usually.step(state, lead, factor, step))
    }

    /// What it began with.
    pub(crate) const fn lead(&self) -> Vector {
        self.lead
    }

    /// Pulses and changes of vector. A step with hardly anything in it says nothing of vectors.
    fn shape(&mut self, step: i64, second: f32, unwanted: f32, present: &[f32; VECTOR_COUNT]) {
        const PART_OF_PEAK: f64 = 0.02;
        const LEAST_OF_STEP: f32 = 0.25;
        const GAP_SECONDS: f64 = 120.0;
        self.pulses.step(step as f64 / STEPS, f64::from(second));
        if f64::from(unwanted) > PART_OF_PEAK * self.peak && unwanted >= 5.0 {
            let names = Vector::of_packets().iter().copied();
            let names = names.filter(|name| present[name.index()] > LEAST_OF_STEP * unwanted);
            self.spans.note(
                Time::from_nanoseconds(step.saturating_mul(STEP_NANOSECONDS)),
                names,
                GAP_SECONDS,
            );
        }
    }

    /// Whether the last second, with so many unwanted packets, still belongs to the flood.
    fn is_going_on(&self, state: &TargetState, unwanted: f32, factor: f32) -> bool {
        if self.is_of_ceiling {
            // It does as long as `note_ceiling` is called.
            return false;
        }
        if let Some(level) = self.level {
            // Ordinary steps are now above the level, now below; only the whole second tells.
            let all: f32 = self.window.iter().map(|slot| slot.1).sum();
            let ordinary = level * STEPS_PER_SECOND;
            let chance = if self.sampling > 1 { (ordinary * self.sampling as f32).sqrt() } else { 0.0 };
            return all > ordinary + (self.quiet_excess * ordinary).max(QUIET_DEVIATIONS * chance);
        }
        let floor =
            state.floor(self.lead).packets_per_second * factor + 2.0 * state.usually_unwanted(self.lead);
        unwanted > (0.5 * floor).max(0.002 * self.peak as f32)
    }

    /// What of a vector's packets is the flood's: the unwanted ones, or all above a volume floor.
    fn counted(&self, state: &TargetState, index: usize) -> f32 {
        let cell = state.cell(index);
        if state.sum(index).volume > 0.0 { cell.packets.max(cell.unwanted) } else { cell.unwanted }
    }

    /// Empties the part of the window that no step filled, when time jumps.
    pub(crate) fn skip_steps(&mut self, from: i64, to: i64) {
        for step in from..to.min(from + WINDOW_STEPS as i64) {
            self.window[step.rem_euclid(WINDOW_STEPS as i64) as usize] = (0.0, 0.0, 0.0);
            let second: f32 = self.window.iter().map(|slot| slot.0).sum();
            self.pulses.step(step as f64 / STEPS, f64::from(second));
        }
    }

    /// Whether nothing came for the hold time.
    pub(crate) fn is_over(&self, step: i64) -> bool {
        let hold_steps = self.pulses.hold_seconds(HOLD_SECONDS as f64) * STEPS;
        step - self.last_unwanted_step > hold_steps as i64
    }

    /// Something was lost while it goes on.
    pub(crate) fn note_loss(&mut self) {
        self.lost = true;
    }

    /// Whether it leaves the institution.
    pub(crate) fn is_outward(&self) -> bool {
        self.direction == Direction::Out
    }

    /// The same flood, on a target that has another place now.
    pub(crate) fn moved_to(self, subject: Subject) -> Self {
        Self { subject, ..self }
    }

    /// Takes up packets and bytes of the steps before its first, the last one first.
    pub(crate) fn recall_steps(&mut self, before: impl Iterator<Item = (f32, f32)>) {
        let level = self.level.unwrap_or(0.0);
        (self.packets, self.bytes) = (0.0, 0.0);
        self.window = [(0.0, 0.0, 0.0); WINDOW_STEPS];
        let steps = (self.begun_step - self.onset_step).clamp(0, WINDOW_STEPS as i64 - 1);
        for (back, (packets, bytes)) in (1..=steps).zip(before) {
            let excess = (packets - level).max(0.0);
            let excess_bytes = bytes * excess / packets.max(1.0);
            self.packets += f64::from(excess);
            self.bytes += f64::from(excess_bytes);
            let slot = (self.begun_step - back).rem_euclid(WINDOW_STEPS as i64) as usize;
            self.window[slot] = (excess, packets, excess_bytes);
        }
    }

    /// The target is above a ceiling in this step: so long the flood goes on.
    pub(crate) fn note_ceiling(&mut self, exceeded: Exceeded, step: i64) {
        self.last_unwanted_step = step;
        if self.ceiling.is_none_or(|worst| exceeded.ratio > worst.ratio) {
            self.ceiling = Some(exceeded);
        }
    }

    /// Packets and bytes of the last second that it explains.
    pub(crate) fn last_second(&self) -> (f64, f64) {
        self.window
            .iter()
            .fold((0.0, 0.0), |sum, slot| (sum.0 + f64::from(slot.0), sum.1 + f64::from(slot.2)))
    }

    /// Whether it is that there are too many packets, wanted or not.
    pub(crate) fn is_of_level(&self) -> bool {
        self.level.is_some()
    }

    /// Whether its first line is still to be written.
    pub(crate) fn is_new(&self) -> bool {
        !self.is_told
    }

    /// The next line, if one is due: the first until it was told, then updates.
    pub(crate) fn next_line(&mut self, view: &View<'_>) -> Option<Box<FloodEvent>> {
        if self.is_told {
            return self.update(view);
        }
        let is_due = view.step - self.last_line_step >= WINDOW_STEPS as i64 && !self.is_quiet(view.step);
        if self.silence == Silence::Muted && !is_due {
            return None;
        }
        Some(self.start(view))
    }

    /// The first line.
    pub(crate) fn start(&mut self, view: &View<'_>) -> Box<FloodEvent> {
        self.last_line_step = view.step;
        let event = self.line(Phase::Start, view, None);
        self.last_names = event.vectors.iter().map(|vector| vector.name).collect();
        Box::new(event)
    }

    /// Its first line was told.
    pub(crate) fn note_told(&mut self) {
        self.is_told = true;
    }

    /// A line was not told because of a mute. Says whether it was the first such line.
    pub(crate) fn note_muted(&mut self) -> bool {
        std::mem::replace(&mut self.silence, Silence::Muted) != Silence::Muted
    }

    /// Its first line is kept back for a second at most, until a source is known. Says whether it is.
    pub(crate) fn wait_for_sources(&mut self, step: i64) -> bool {
        let waits = self.silence != Silence::Muted && step - self.begun_step < WINDOW_STEPS as i64;
        if waits {
            self.silence = Silence::Waits;
        }
        waits
    }

    /// Whether nobody heard of it, and not because of a mute.
    pub(crate) fn is_overdue(&self) -> bool {
        !self.is_told && self.silence != Silence::Muted
    }

    /// Whether it was muted and is still to be told.
    pub(crate) fn is_muted(&self) -> bool {
        self.silence == Silence::Muted && !self.is_told
    }

    /// Whether it began within the last second.
    pub(crate) fn is_fresh(&self, step: i64) -> bool {
        step - self.begun_step <= WINDOW_STEPS as i64
    }

    fn is_quiet(&self, step: i64) -> bool {
        self.last_unwanted_step < step - WINDOW_STEPS as i64
    }

    /// A line, if a second went by or the vectors changed.
    fn update(&mut self, view: &View<'_>) -> Option<Box<FloodEvent>> {
        const SETTLING_STEPS: i64 = 2;
        let since = view.step - self.last_line_step;
        if since < SETTLING_STEPS || self.is_quiet(view.step) {
            return None;
        }
        let names: Vec<_> = name_vectors(&self.totals, view.suspect, Some(self.lead))
            .iter()
            .map(|vector| vector.name)
            .collect();
        let changed = names.iter().any(|name| !self.last_names.contains(name));
        if since < WINDOW_STEPS as i64 && !changed {
            return None;
        }
        self.last_line_step = view.step;
        self.last_names = names;
        Some(Box::new(self.line(Phase::Update, view, None)))
    }

    /// The last line, with rates over the whole flood.
    pub(crate) fn end(&self, view: &View<'_>, ended_by: &'static str) -> Box<FloodEvent> {
        let mut event = self.line(Phase::End, view, Some(ended_by));
        let steps = (self.last_unwanted_step - self.onset_step + 1).max(1) as f64;
        event.packets_per_second = Some(round(self.packets * 10.0 / steps));
        event.bits_per_second = Some(round(self.bytes * 80.0 / steps));
        Box::new(event)
    }
}

/// The step in which a flood began.
fn onset_of(view: &View<'_>, lead: Vector, level: Option<Level>) -> i64 {
    if let Some(level) = level {
        return level.since_step.min(view.step);
    }
    let onset_step = view.state.running().map(|sum| sum.since_step).min().unwrap_or(view.step);
    let lead_onset = view.state.sum(lead.index()).since_step;
    // A trickle of something else that has run for long is not this flood's beginning.
    onset_step.max(lead_onset.saturating_sub(10))
}

/// The window before an alarm: what came since the onset is known as a sum only.
fn window_before(step: i64, onset_step: i64, packets: f32) -> [(f32, f32, f32); WINDOW_STEPS] {
    let mut window = [(0.0, 0.0, 0.0); WINDOW_STEPS];
    let mean = packets / (step - onset_step).max(1) as f32;
    for back in 1..=(step - onset_step).clamp(0, WINDOW_STEPS as i64 - 1) {
        window[(step - back).rem_euclid(WINDOW_STEPS as i64) as usize] = (mean, mean, 0.0);
    }
    window
}

/// Packets by vector, and all of them, of a running excess without the step that has just closed.
fn before_alarm(state: &TargetState) -> ([f32; VECTOR_COUNT], f64) {
    let mut totals = [0.0; VECTOR_COUNT];
    let mut packets = 0.0;
    for index in bits(state.active) {
        let (cell, sum) = (state.cell(index), state.sum(index));
        let before = if sum.volume > 0.0 {
            sum.packets - cell.packets
        } else {
            sum.unwanted_packets - cell.unwanted.max(0.0)
        };
        totals[index] = before.max(0.0);
        packets += f64::from(totals[index]);
    }
    (totals, packets)
}

/// 26 characters that sort by onset, in the form of a ULID: 48 bits of milliseconds and 80 bits that depend
/// only on the deployment's key, the target and the onset.
pub(crate) fn identity(key: &[u8; 16], target: &Target, onset: Time) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut hasher = SipHasher13::new_with_key(key);
    hasher.write_u8(target.kind as u8);
    hasher.write(target.name.as_bytes());
    for address in &target.addresses {
        hasher.write(address.as_bytes());
        hasher.write_u8(0);
    }
    hasher.write_i64(onset.nanoseconds());
    let hash = hasher.finish128().as_u128();
    let milliseconds = (onset.nanoseconds() / 1_000_000).max(0) as u128;
    let number = milliseconds << 80 | hash >> 48;
    (0..26).rev().map(|place| char::from(ALPHABET[(number >> (5 * place) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by fuzzing: when all that was unwanted was taken back, no name was left, and the flood seemed new.
    #[test]
    fn a_flood_starts_once_even_if_nothing_of_it_is_left() {
        let state = TargetState::default();
        let view = |step| View { state: &state, suspect: None, now: Time::default(), step, lost: false };
        let address = std::net::IpAddr::from([192, 0, 2, 10]);
        let target = Target::of_address(None, address);
        let alarm = Alarm { lead: Vector::UdpFlood, weight: 2.0, level: None };
        let mut flood = Flood::begin(Subject::Address(0), target, &[0; 16], &view(0), alarm);
        assert!(flood.is_new());
        assert_eq!(flood.next_line(&view(0)).map(|line| line.phase), Some(Phase::Start));
        flood.note_told();
        flood.next_line(&view(10));
        assert!(!flood.is_new());
        let end = flood.end(&view(11), "quiet");
        assert_eq!(end.vectors[0].name, Vector::UdpFlood, "a flood always has a name");
    }
}
