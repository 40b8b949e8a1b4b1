//! Floods on several targets at one time by the same sources: one campaign.
//!
//! Whoever attacks a parliament seldom stops at one name: a target list is worked off by the same machines, or the same
//! reflectors answer to several addresses. So the sources of each flood are compared with those of the floods on other
//! targets that go on or ended within [`APART_SECONDS`]. What is compared are distinct counts under the detector's key, which
//! can be united: what two have in common is what their union lacks. A share counts only if it is clear of the counts' errors.
//!
//! Limits: [`MEMBERS`] floods. Those that are over make room, the ones that ended first; one that goes on makes room for nobody, so
//! that each is compared with at most all others once in [`AGAIN_SECONDS`] seconds however many there are, and a campaign keeps
//! its identity, which is that of its first flood. What could not be compared for lack of room is counted. Of very different
//! sizes nothing can be said, nor of forged sources, which have nothing in common. Sources are compared when a flood is first
//! told of, every [`AGAIN_SECONDS`] seconds and at its end. Readers that a watch counted in with a weak flood count as sources.

use sketch::DistinctCount;
use wire::Time;

use crate::event::{Campaign, Direction, FloodEvent, Phase, Spoofing};

/// Floods that are remembered.
const MEMBERS: usize = 64;
/// Targets that are named.
const NAMED: usize = 16;
/// Floods whose times are so far from each other are not of one campaign.
const APART_SECONDS: i64 = 600;
/// Seconds between two comparisons.
const AGAIN_SECONDS: i64 = 10;
/// Share of the sources of the smaller flood that the other one has as well.
const SHARED: f64 = 0.3;
/// The same where there are hardly any: one machine behind two floods is all of both.
const FEW_SOURCES: f64 = 3.0;
const SHARED_OF_FEW: f64 = 0.9;
/// Standard errors of the larger count by which it has to be clear.
const ERRORS: f64 = 2.5;

/// A flood that may belong to one.
struct Member {
    flood: String,
    target: String,
    sources: DistinctCount,
    distinct: f64,
    onset: Time,
    last: Time,
    compared: Time,
    is_over: bool,
    /// Identity of the campaign, and the largest share of sources that was found.
    campaign: Option<(String, f64)>,
}

/// The floods of one layer.
#[derive(Default)]
pub(crate) struct Campaigns {
    members: Vec<Member>,
    /// Campaigns that were found.
    pub(crate) found: u64,
    /// Floods that ended without a place here, or lost it while others might still have been compared with them.
    pub(crate) left_out: u64,
}

impl Member {
    fn new(event: &FloodEvent, sources: &DistinctCount) -> Self {
        Self {
            flood: event.id.clone(),
            target: event.target.name.clone(),
            sources: sources.clone(),
            distinct: 0.0,
            onset: event.onset,
            last: event.time,
            compared: Time::default(),
            is_over: event.phase == Phase::End,
            campaign: None,
        }
    }

    /// The share of the smaller one's sources that both have, if that is clear.
    fn shared(&self, other: &Self) -> Option<f64> {
        let mut union = self.sources.clone();
        union.merge(&other.sources).ok()?;
        let (smaller, larger) = (self.distinct.min(other.distinct), self.distinct.max(other.distinct));
        let common = (self.distinct + other.distinct - union.estimate()).min(smaller);
        let least = if smaller < FEW_SOURCES { SHARED_OF_FEW } else { SHARED };
        // Small counts are exact.
        let error = if larger < 50.0 { 0.0 } else { ERRORS * union.standard_error() * larger };
        (smaller > 0.5 && common >= least * smaller + error).then(|| (common / smaller).clamp(0.0, 1.0))
    }

    fn is_near(&self, other: &Self) -> bool {
        let apart = APART_SECONDS as f64;
        self.onset.seconds_since(other.last) <= apart && other.onset.seconds_since(self.last) <= apart
    }
}

impl Campaigns {
    /// Takes a line of a flood with its sources, and says in it which campaign the flood belongs to.
    pub(crate) fn join(&mut self, event: &mut FloodEvent, sources: Option<&DistinctCount>) {
        let known = self.members.iter().position(|member| member.flood == event.id);
        if let Some(member) = known.and_then(|at| self.members.get_mut(at)) {
            member.last = member.last.max(event.time);
            member.is_over = event.phase == Phase::End;
        }
        if event.direction == Direction::Out || event.sources.spoofing == Spoofing::Likely {
            return;
        }
        let at = match (known, sources.filter(|sources| !sources.is_empty())) {
            (Some(at), sources) => {
                self.look(at, event, sources);
                at
            }
            (None, Some(sources)) => {
                if !self.make_room(event.time) {
                    // Once for each flood: it may find room until it ends.
                    self.left_out += u64::from(event.phase == Phase::End);
                    return;
                }
                self.members.push(Member::new(event, sources));
                let at = self.members.len() - 1;
                self.look(at, event, Some(sources));
                at
            }
            (None, None) => return,
        };
        event.evidence.campaign = self.told(at);
    }

    /// Whether there is a place, which one that is over may have left. One that was not heard of for long is over too.
    fn make_room(&mut self, now: Time) -> bool {
        if self.members.len() < MEMBERS {
            return true;
        }
        let is_long_ago = |member: &Member| now.seconds_since(member.last) > APART_SECONDS as f64;
        let over =
            self.members.iter().enumerate().filter(|(_, member)| member.is_over || is_long_ago(member));
        let Some((at, _)) = over.min_by_key(|(_, member)| member.last) else { return false };
        self.left_out += u64::from(!is_long_ago(&self.members[at]));
        self.members.remove(at);
        true
    }

    /// Compares a flood with the others, if it is time to.
    fn look(&mut self, at: usize, event: &FloodEvent, sources: Option<&DistinctCount>) {
        let Some(member) = self.members.get_mut(at) else { return };
        let is_due = event.phase == Phase::End
            || event.time.nanoseconds_since(member.compared) >= AGAIN_SECONDS * 1_000_000_000;
        let Some(sources) = sources.filter(|_| is_due) else { return };
        member.sources.clone_from(sources);
        (member.distinct, member.compared) = (sources.estimate(), event.time);
        let member = &self.members[at];
        let others =
            self.members.iter().enumerate().filter(|(place, other)| {
                *place != at && other.target != member.target && member.is_near(other)
            });
        let shared: Vec<_> =
            others.filter_map(|(place, other)| Some((place, member.shared(other)?))).collect();
        for (place, share) in shared {
            self.unite(at, place, share);
        }
    }

    /// Two floods are of one campaign, and so are those that each of them belongs with already.
    fn unite(&mut self, one: usize, other: usize, share: f64) {
        let id = |place: usize| self.members[place].campaign.as_ref().map(|campaign| campaign.0.clone());
        let (first, second) = (one.min(other), one.max(other));
        let (of_first, of_second) = (id(first), id(second));
        self.found += u64::from(of_first.is_none() && of_second.is_none());
        let kept = match (&of_first, &of_second) {
            (Some(id), _) | (None, Some(id)) => id.clone(),
            (None, None) => self.members[first].flood.clone(),
        };
        for (place, member) in self.members.iter_mut().enumerate() {
            let known = member.campaign.as_ref().map(|campaign| &campaign.0);
            let is_of_it = place == one || place == other;
            if is_of_it || known.is_some() && (known == of_first.as_ref() || known == of_second.as_ref()) {
                let before = member.campaign.as_ref().map_or(0.0, |campaign| campaign.1);
                let share = if is_of_it { before.max(share) } else { before };
                member.campaign = Some((kept.clone(), share));
            }
        }
    }

    /// What is said of the campaign of a flood.
    fn told(&self, at: usize) -> Option<Campaign> {
        let member = self.members.get(at)?;
        let (id, shared) = member.campaign.clone()?;
        let is_of_it = |other: &&Member| other.campaign.as_ref().is_some_and(|campaign| campaign.0 == id);
        let mut targets: Vec<_> =
            self.members.iter().filter(is_of_it).map(|other| other.target.clone()).collect();
        targets.sort();
        targets.dedup();
        let count = targets.len() as u64;
        targets.retain(|target| *target != member.target);
        targets.truncate(NAMED);
        Some(Campaign { id, targets: count, also: targets, shared_sources: crate::confirm::round(shared) })
    }
}

#[cfg(test)]
mod tests {
    use sketch::KeyedState;

    use super::*;
    use crate::event::{Certainty, Evidence, Sources, Target, TargetKind};

    fn sources(keys: std::ops::Range<u64>) -> DistinctCount {
        let state = KeyedState::new([3; 16]);
        let mut count = DistinctCount::new(10, &state).unwrap();
        keys.for_each(|key| count.insert_hash(state.hash_u64(key)));
        count
    }

    fn line(target: &str, second: i64) -> FloodEvent {
        let name = target.to_owned();
        FloodEvent {
            phase: Phase::Start,
            id: format!("flood on {target}"),
            time: Time::from_seconds(second + 2, 0),
            onset: Time::from_seconds(second, 0),
            direction: Direction::In,
            target: Target { kind: TargetKind::Service, name, addresses: Vec::new() },
            vectors: Vec::new(),
            packets_per_second: None,
            bits_per_second: None,
            requests_per_second: None,
            baseline_packets_per_second: None,
            sources: Sources::default(),
            confidence: 0.9,
            certainty: Certainty::Exact,
            sampling: 1,
            evidence: Evidence::default(),
        }
    }

    /// What is said of the last of floods with these sources, each on a target of its own.
    fn joined(floods: &[(i64, std::ops::Range<u64>)]) -> Option<Campaign> {
        let (mut campaigns, mut last) = (Campaigns::default(), None);
        for (number, (second, keys)) in floods.iter().enumerate() {
            let mut line = line(&format!("service {number}"), *second);
            campaigns.join(&mut line, Some(&sources(keys.clone())));
            last = line.evidence.campaign;
        }
        last
    }

    #[test]
    fn floods_by_the_same_sources_are_one_campaign() {
        let campaign = joined(&[(100, 0..900), (160, 300..1_200), (500, 500..1_300)]).unwrap();
        assert_eq!((campaign.targets, campaign.also.len()), (3, 2));
        assert_eq!(campaign.id, "flood on service 0");
        assert!(campaign.shared_sources > 0.6, "{campaign:?}");
        assert!(joined(&[(100, 7..8), (130, 7..8)]).is_some(), "one machine");
    }

    #[test]
    fn floods_by_others_or_at_another_time_are_not() {
        assert_eq!(joined(&[(100, 0..900), (130, 5_000..5_900)]), None);
        assert_eq!(joined(&[(100, 0..900), (1_000, 0..900)]), None);
        assert_eq!(joined(&[(100, 7..8), (130, 8..9)]), None);
        for size in [20, 200, 2_000, 20_000] {
            for small in [20, 200, 2_000, 20_000] {
                let floods = [(100, 0..size), (130, 1_000_000..1_000_000 + small)];
                assert_eq!(joined(&floods), None, "{size} and {small}");
            }
        }
    }

    #[test]
    fn those_that_belong_together_by_a_third_are_one_and_say_so_from_then_on() {
        let mut campaigns = Campaigns::default();
        for (target, keys) in [("a", 0..500), ("b", 5_000..5_500), ("c", 0..5_500)] {
            campaigns.join(&mut line(target, 100), Some(&sources(keys)));
        }
        // C is far larger than either, so that chance may explain what they have in common.
        let mut update = line("a", 100);
        campaigns.join(&mut update, None);
        assert_eq!(update.evidence.campaign, None);
        for (target, keys) in [("d", 200..500), ("e", 300..700), ("f", 500..700)] {
            campaigns.join(&mut line(target, 100), Some(&sources(keys)));
        }
        campaigns.join(&mut update, None);
        let campaign = update.evidence.campaign.unwrap();
        assert!(campaign.also.contains(&"f".to_owned()), "{campaign:?}");
        assert_eq!(campaigns.found, 1);
    }

    #[test]
    fn forged_sources_and_own_hosts_are_left_out() {
        let mut campaigns = Campaigns::default();
        let mut forged = line("a", 100);
        forged.sources.spoofing = Spoofing::Likely;
        campaigns.join(&mut forged, Some(&sources(0..10)));
        campaigns
            .join(&mut FloodEvent { direction: Direction::Out, ..line("b", 100) }, Some(&sources(0..10)));
        assert!(campaigns.members.is_empty());
    }

    #[test]
    fn who_goes_on_keeps_its_place_and_who_is_over_makes_room() {
        let mut campaigns = Campaigns::default();
        let tell = |campaigns: &mut Campaigns, target: &str, phase: Phase, second: i64, keys| {
            let mut line = FloodEvent { phase, ..line(target, 100) };
            line.time = Time::from_seconds(second, 0);
            campaigns.join(&mut line, Some(&sources(keys)));
            line.evidence.campaign
        };
        let own = |number: u64| number * 1_000..number * 1_000 + 10;
        for number in 0..MEMBERS as u64 {
            tell(&mut campaigns, &number.to_string(), Phase::Start, 101, own(number));
        }
        // Others come and go while those go on: they are not compared, each is counted once, and nobody loses a place.
        for number in 1_000..1_003_u64 {
            for (phase, second) in [(Phase::Start, 102), (Phase::Update, 103), (Phase::End, 104)] {
                assert_eq!(tell(&mut campaigns, &number.to_string(), phase, second, own(0)), None);
            }
        }
        assert_eq!((campaigns.members.len(), campaigns.left_out), (MEMBERS, 3));
        assert_eq!(campaigns.members[0].flood, "flood on 0");
        // One ends, even if by now its sources are taken to be forged: there is one place.
        let mut end = FloodEvent { phase: Phase::End, ..line("7", 100) };
        (end.time, end.sources.spoofing) = (Time::from_seconds(110, 0), Spoofing::Likely);
        campaigns.join(&mut end, None);
        let found = tell(&mut campaigns, "new", Phase::Start, 111, own(0)).unwrap();
        assert_eq!((&*found.id, found.targets), ("flood on 0", 2));
        assert_eq!((campaigns.members.len(), campaigns.left_out), (MEMBERS, 4), "one that had just ended");
        assert_eq!(tell(&mut campaigns, "newer", Phase::Start, 112, own(0)), None);
        // Of whom nothing was heard for so long, nobody can be compared with them any more.
        tell(&mut campaigns, "much later", Phase::Start, 111 + APART_SECONDS + 1, own(0));
        assert_eq!((campaigns.members.len(), campaigns.left_out), (MEMBERS, 4));
        assert!(campaigns.members.iter().any(|member| member.target == "much later"));
    }
}
