//! Where a worker's records are tapped: a sample of them is remembered for a while, and what touches a flood that goes
//! on is handed to the record.
//!
//! # What is remembered
//! [`Trace::RING`] records with plain addresses, in memory only: where much comes those of some seconds, and where little
//! comes none that came in more than [`REMEMBERED`] ago.
//!
//! # What it costs
//! A record that is not in the sample costs a subtraction. Of those in it there are at most about ten times
//! [`Trace::EACH_TICK`] a second, whatever comes: the gaps between them grow with the traffic, and have random lengths, so
//! that nobody can stay in them. When a flood starts, the ring is looked through once, for one flood a tick; of those that
//! were over before their turn came [`MAXIMUM_FLOODS`] wait for it, and what more there are is counted.
//!
//! # How much of a flood
//! [`Trace::BURST`] records at its start, a quarter of them from before its onset, then [`Trace::FOLLOWING`] a tick: what
//! the record takes in a minute. Several workers share that.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use detect::Observation;
use record::{EvidenceKind, FlowRow, Writer};
use wire::{Address, FlowRecord};

use super::wanted::{Wish, Wishes};
use super::{Counts, MAXIMUM_FLOODS, Witness};

/// Nothing is remembered longer, counted from when it came in: senders' clocks say nothing about that.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Of what came before the onset only so much is of interest.
const BEFORE_NANOSECONDS: i64 = 60_000_000_000;
/// The part of the first records that may be from before the onset: one of so many.
const BEFORE_SHARE: usize = 4;
/// Ticks from one handing over to the next.
const TICKS_PER_OFFER: u64 = 10;
/// No gap between two records of the sample is longer than about twice this.
const LONGEST_STRIDE: u32 = 1 << 20;
const ICMP: [u8; 2] = [1, 58];

/// What can be evidence.
pub(in crate::serve) trait Trace: Clone {
    /// What it becomes.
    const KIND: EvidenceKind;
    /// How many are remembered.
    const RING: usize;
    /// About so many are taken into the sample in a tenth of a second.
    const EACH_TICK: u32;
    /// So many are given at the start of a flood.
    const BURST: usize;
    /// And so many a tick afterwards.
    const FOLLOWING: u32;
    /// When it was, nanoseconds since 1970.
    fn time(&self) -> i64;
    /// Whether it goes to, or comes from, what a flood hits.
    fn touches(&self, wish: &Wish) -> bool;
    /// Hands some to the record, without waiting.
    fn offer(writer: &Writer, flood: &str, rows: Vec<Self>) -> bool;
}

impl Trace for FlowRow {
    const KIND: EvidenceKind = EvidenceKind::Flows;
    const RING: usize = 16_384;
    const EACH_TICK: u32 = 200;
    const BURST: usize = 1_200;
    const FOLLOWING: u32 = 2;

    fn time(&self) -> i64 {
        self.last
    }

    fn touches(&self, wish: &Wish) -> bool {
        let holds = |address: IpAddr| wish.holds(Address::from(address).bits());
        holds(self.destination) || holds(self.source)
    }

    fn offer(writer: &Writer, flood: &str, rows: Vec<Self>) -> bool {
        writer.offer_flows(flood, rows)
    }
}

/// Which records are in the sample.
#[derive(Debug)]
struct Pace {
    /// About so many in a tick.
    most: u32,
    /// One in so many.
    stride: u32,
    /// Records until the next one.
    skip: u32,
    admitted: u32,
    random: u64,
}

impl Pace {
    fn new(most: u32, seed: u64) -> Self {
        Self { most, stride: 1, skip: 0, admitted: 0, random: seed | 1 }
    }

    #[inline]
    fn admits(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.admit();
        true
    }

    fn admit(&mut self) {
        self.admitted += 1;
        // More than should come in a whole tick: the gaps grow at once.
        if self.admitted.is_multiple_of(self.most) {
            self.stride = (self.stride * 2).min(LONGEST_STRIDE);
        }
        // xorshift (Marsaglia 2003): nobody sees its numbers, and it needs no more than to be irregular.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.skip = (self.random >> 32) as u32 % (2 * self.stride - 1);
    }

    fn tick(&mut self) {
        if self.admitted < self.most / 2 && self.stride > 1 {
            self.stride /= 2;
            self.skip = self.skip.min(2 * self.stride);
        }
        self.admitted = 0;
    }
}

/// A flood that is followed.
struct Followed<T> {
    wish: Arc<Wish>,
    /// Whether the ring was looked through.
    is_begun: bool,
    /// Whether the flood ended before that.
    is_over: bool,
    /// What may still be taken in this tick.
    left: u32,
    rows: Vec<T>,
}

/// What one worker remembers.
pub(in crate::serve) struct Tap<T> {
    /// None: nothing is kept.
    witness: Option<Witness>,
    /// Workers that see the same floods.
    workers: usize,
    pace: Pace,
    /// With the tick before which each came in.
    ring: VecDeque<(Instant, T)>,
    followed: Vec<Followed<T>>,
    generation: u64,
    ticks: u64,
    now: Instant,
}

impl<T: Trace> Tap<T> {
    /// For one of so many workers. Without a witness nothing is remembered. The seed is secret.
    pub(in crate::serve) fn new(witness: Option<Witness>, workers: usize, seed: u64) -> Self {
        let (ring, followed) = (VecDeque::new(), Vec::new());
        let pace = Pace::new(T::EACH_TICK, seed);
        Self {
            witness,
            workers: workers.max(1),
            pace,
            ring,
            followed,
            generation: 0,
            ticks: 0,
            now: Instant::now(),
        }
    }

    /// Whether the next record is in the sample; then it has to be given to [`Tap::take`].
    #[inline]
    pub(in crate::serve) fn admits(&mut self) -> bool {
        self.witness.is_some() && self.pace.admits()
    }

    /// Takes a record of the sample.
    pub(in crate::serve) fn take(&mut self, row: T) {
        for followed in &mut self.followed {
            if followed.left > 0 && row.touches(&followed.wish) {
                followed.left -= 1;
                followed.rows.push(row.clone());
            }
        }
        if self.ring.len() >= T::RING {
            self.ring.pop_front();
        }
        self.ring.push_back((self.now, row));
    }

    /// About ten times a second. Never waits.
    pub(in crate::serve) fn tick(&mut self, now: Instant) {
        let Some(witness) = self.witness.clone() else { return };
        self.now = now;
        self.forget();
        self.pace.tick();
        self.ticks += 1;
        if let Some(wishes) = witness.0.wanted.newer(&mut self.generation) {
            self.follow(&wishes, &witness);
        }
        self.begin_one(&witness);
        // Of several workers each takes its share: the same few, in one tick of as many as there are workers.
        let is_share_due = self.ticks.is_multiple_of(self.workers as u64);
        let gives = self.ticks.is_multiple_of(TICKS_PER_OFFER);
        for followed in &mut self.followed {
            followed.left = if is_share_due && followed.is_begun { T::FOLLOWING } else { 0 };
            if gives {
                give(&witness, followed);
            }
        }
    }

    /// Nothing more comes: what was taken is handed over.
    pub(in crate::serve) fn finish(&mut self, now: Instant) {
        self.tick(now);
        let Some(witness) = self.witness.clone() else { return };
        while self.begin_one(&witness) {}
        self.followed.iter_mut().for_each(|followed| give(&witness, followed));
    }

    /// Lets go of what came in long ago.
    fn forget(&mut self) {
        while self
            .ring
            .front()
            .is_some_and(|(came, _)| self.now.saturating_duration_since(*came) > REMEMBERED)
        {
            self.ring.pop_front();
        }
    }

    /// Looks the ring through for the first flood for which it was not. Whether there was one.
    fn begin_one(&mut self, witness: &Witness) -> bool {
        let Some(place) = self.followed.iter().position(|followed| !followed.is_begun) else { return false };
        let burst = (T::BURST / self.workers).max(1);
        let next = &mut self.followed[place];
        next.rows = first_of(&self.ring, &next.wish, burst);
        next.is_begun = true;
        give(witness, next);
        if next.is_over {
            self.followed.remove(place);
        }
        true
    }

    /// Floods that are new are followed, others no longer.
    fn follow(&mut self, wishes: &Wishes, witness: &Witness) {
        let mut room = MAXIMUM_FLOODS;
        self.followed.retain_mut(|followed| {
            if wishes.iter().any(|wish| wish.flood == followed.wish.flood) {
                return true;
            }
            give(witness, followed);
            // It was over before its turn came: what is remembered of it is all there is.
            followed.is_over = true;
            if followed.is_begun {
                return false;
            }
            let stays = room > 0;
            room = room.saturating_sub(1);
            Counts::add(&witness.counts().floods_hurried, usize::from(!stays));
            stays
        });
        for wish in wishes.iter() {
            if !self.followed.iter().any(|followed| followed.wish.flood == wish.flood) {
                let (wish, rows) = (wish.clone(), Vec::new());
                self.followed.push(Followed { wish, is_begun: false, is_over: false, left: 0, rows });
            }
        }
    }
}

fn give<T: Trace>(witness: &Witness, followed: &mut Followed<T>) {
    if followed.rows.is_empty() {
        return;
    }
    let rows = std::mem::take(&mut followed.rows);
    let (count, counts) = (rows.len(), witness.counts());
    let taken = T::offer(&witness.0.writer, &followed.wish.flood, rows);
    let counter = match (taken, T::KIND) {
        (false, _) => &counts.refused,
        (true, EvidenceKind::Packets) => &counts.packets,
        (true, EvidenceKind::Flows) => &counts.flows,
    };
    Counts::add(counter, count);
}

/// What is remembered of a flood: the last before its onset, and some from all over the time since.
fn first_of<T: Trace>(ring: &VecDeque<(Instant, T)>, wish: &Wish, most: usize) -> Vec<T> {
    let touching = || ring.iter().map(|(_, row)| row).filter(|row| row.touches(wish));
    let is_near =
        |row: &&T| row.time() < wish.onset && wish.onset.saturating_sub(row.time()) <= BEFORE_NANOSECONDS;
    let before: Vec<&T> = touching().filter(is_near).collect();
    let since: Vec<&T> = touching().filter(|row| row.time() >= wish.onset).collect();
    let before = &before[before.len().saturating_sub(most / BEFORE_SHARE)..];
    let room = most - before.len();
    let spread = (0..room.min(since.len())).filter_map(|number| {
        let place = number * since.len() / room.min(since.len());
        since.get(place).copied()
    });
    before.iter().copied().chain(spread).cloned().collect()
}

/// A flow record as evidence.
pub(in crate::serve) fn flow_row(sender: Address, record: &FlowRecord, observation: &Observation) -> FlowRow {
    let last = observation.last.nanoseconds();
    let is_icmp = ICMP.contains(&record.protocol);
    FlowRow {
        first: last.saturating_sub(observation.duration_nanoseconds),
        last,
        exporter: sender.to_ip(),
        source: record.source.to_ip(),
        destination: record.destination.to_ip(),
        protocol: record.protocol,
        tcp_flags: record.tcp_flags.0,
        source_port: record.source_port,
        destination_port: if is_icmp {
            u16::from_be_bytes([record.icmp_type, record.icmp_code])
        } else {
            record.destination_port
        },
        packets: observation.packets,
        bytes: observation.bytes,
        sampling: observation.sampling,
    }
}

#[cfg(test)]
mod tests {
    use detect::Phase;

    use super::*;

    fn row(second: i64, destination: &str) -> FlowRow {
        FlowRow {
            first: second * 1_000_000_000,
            last: second * 1_000_000_000,
            exporter: "192.0.2.254".parse().unwrap(),
            source: "198.51.100.7".parse().unwrap(),
            destination: destination.parse().unwrap(),
            protocol: 17,
            tcp_flags: 0,
            source_port: 53,
            destination_port: 4_000,
            packets: 1,
            bytes: 100,
            sampling: 1,
        }
    }

    #[test]
    fn the_sample_is_bounded_whatever_comes_and_whole_where_little_comes() {
        let mut pace = Pace::new(100, 7);
        let mut of_tick = |records: u32| {
            let admitted = (0..records).filter(|_| pace.admits()).count();
            pace.tick();
            admitted
        };
        assert_eq!(of_tick(50), 50);
        let most = (0..100).map(|_| of_tick(50_000)).max().unwrap();
        assert!(most < 1_200, "{most}");
        let settled: usize = (0..20).map(|_| of_tick(50_000)).sum();
        assert!((1_000..6_000).contains(&settled), "{settled}");
        let calm: Vec<usize> = (0..40).map(|_| of_tick(40)).collect();
        assert_eq!(calm.last(), Some(&40), "{calm:?}");
    }

    #[test]
    fn the_gaps_of_the_sample_are_irregular() {
        let mut pace = Pace::new(10, 7);
        pace.stride = 64;
        let admitted: Vec<usize> = (0..5_000).filter(|_| pace.admits()).collect();
        let gaps: std::collections::BTreeSet<usize> =
            admitted.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.len() > 8, "{gaps:?}");
    }

    #[test]
    fn what_is_remembered_shows_the_onset_and_the_time_since() {
        let now = Instant::now();
        let mut ring: VecDeque<_> = (0..200).map(|second| (now, row(second, "192.0.2.10"))).collect();
        ring.extend((0..100).map(|second| (now, row(100 + second, "192.0.2.25"))));
        let wish = Wish::of("f", 150_000_000_000, &["192.0.2.10".to_owned()]).unwrap();
        let first = first_of(&ring, &wish, 40);
        let seconds: Vec<i64> = first.iter().map(|row| row.last / 1_000_000_000).collect();
        assert_eq!(seconds.len(), 40);
        assert!(first.iter().all(|row| row.destination == "192.0.2.10".parse::<IpAddr>().unwrap()));
        assert_eq!(seconds[..10], (140..150).collect::<Vec<_>>()[..]);
        assert!(seconds[10] == 150 && *seconds.last().unwrap() >= 197, "{seconds:?}");
        let all = first_of(&ring, &wish, 4_000);
        assert_eq!(all.len(), 110, "of before no more than a minute");
    }

    /// A tap of one worker with a record of its own.
    fn tap(folder: &std::path::Path) -> (Tap<FlowRow>, Witness, record::Record) {
        let options = record::Options::new([7; 16], Arc::new(|| 1_795_780_800_000_000_000));
        let record = record::Record::open(folder, options).unwrap();
        let witness = Witness::new(record.writer());
        (Tap::new(Some(witness.clone()), 1, 7), witness, record)
    }

    #[test]
    fn where_little_comes_nothing_is_remembered_for_more_than_ten_minutes() {
        let folder = tempfile::tempdir().unwrap();
        let (mut tap, _, _record) = tap(&folder.path().join("record"));
        let began = Instant::now();
        tap.tick(began);
        // What its sender says about the time is not asked.
        tap.take(row(i64::from(u32::MAX), "192.0.2.10"));
        tap.tick(began + REMEMBERED / 2);
        tap.take(row(0, "192.0.2.10"));
        tap.tick(began + REMEMBERED);
        assert_eq!(tap.ring.len(), 2);
        tap.tick(began + REMEMBERED + Duration::from_millis(100));
        assert_eq!(tap.ring.iter().map(|(_, row)| row.last).collect::<Vec<_>>(), [0]);
        tap.tick(began + 2 * REMEMBERED);
        assert!(tap.ring.is_empty());
    }

    #[test]
    fn the_sample_is_looked_through_for_one_flood_a_tick_also_when_all_of_them_end_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (mut tap, witness, _record) = tap(&folder.path().join("record"));
        let now = Instant::now();
        let all = |phase: Phase, first: usize| {
            for number in first..first + MAXIMUM_FLOODS {
                let event = crate::serve::office::told(&format!("flood {number}"), phase, &["192.0.2.10"]);
                witness.0.wanted.take(&event, witness.counts(), now);
            }
        };
        tap.take(row(2_000_000_000, "192.0.2.10"));
        let given = || witness.counts().flows.load(std::sync::atomic::Ordering::Relaxed);
        all(Phase::Start, 0);
        tap.tick(now);
        assert_eq!((given(), tap.followed.len()), (1, MAXIMUM_FLOODS));
        all(Phase::End, 0);
        all(Phase::Start, 100);
        tap.tick(now);
        assert_eq!((given(), tap.followed.len()), (2, 2 * MAXIMUM_FLOODS - 2), "one a tick, the others wait");
        all(Phase::End, 100);
        tap.tick(now);
        // The first 62 and 2 of the second wait: one of them was served now.
        assert_eq!((given(), tap.followed.len()), (3, MAXIMUM_FLOODS - 1));
        let hurried = witness.counts().floods_hurried.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(hurried as usize, MAXIMUM_FLOODS - 2, "the rest is counted");
        tap.tick(now);
        assert_eq!(given(), 4);
        tap.finish(now);
        assert_eq!((given() as usize, tap.followed.len()), (3 + MAXIMUM_FLOODS - 1, 0));
    }
}
