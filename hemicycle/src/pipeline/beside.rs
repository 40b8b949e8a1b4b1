//! The detector on a thread of its own, beside the one that reads.
//!
//! Reading, decoding and the web layer are about half of a replay, counting is the other. Records are handed over in parcels. A
//! parcel comes back with the events that it caused, each with the place of its record, and they are told in the order in
//! which one thread would have told them.
//!
//! Which half is the longer one depends on what is read, and changes every some ten thousand records. So there are many
//! parcels, of which few are on the way as long as both are as fast; and while the counting is behind, records are prepared
//! where they are read ([`Batch`]), else where they are counted.
//!
//! Measured (`lab throughput`): 1.4 to 2 times as fast on two cores as on one; on one core it is not used.
//!
//! Limits: [`PARCELS`] of [`PARCEL_RECORDS`] records are on the way; who reads waits for one to come back. An event is told
//! up to that many records late, so this is for files that are read as fast as possible, not for what trickles in.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::{io, panic};

use detect::{Batch, Detector, Event, Observation, Preparer, Quoted};
use wire::Time;

/// Records in a parcel: about 64 KiB, or 100 if they are prepared, which the cache of a core has room for.
const PARCEL_RECORDS: usize = 512;
/// Parcels in all: 260,000 records, 84 MiB at most. With 32 of them two threads waited for each other a quarter of the time.
const PARCELS: usize = 512;
/// With more on the way, counting is behind.
const BEHIND_PARCELS: usize = 8;

/// How often is looked for a parcel before the thread sleeps: some hundred microseconds.
const LOOKS: u32 = 8_192;

/// Records on their way to the detector, or back.
#[derive(Default)]
struct Parcel {
    /// Places for [`PARCEL_RECORDS`], from the first use on: a record is written where it stays.
    places: Vec<Observation>,
    /// How many of them are filled.
    filled: usize,
    /// What those quote that are ICMP errors, with their places.
    quoted: Vec<(usize, Quoted)>,
    /// Records that are prepared, instead.
    prepared: Batch,
    is_prepared: bool,
    /// Something was lost before the first of them.
    follows_loss: bool,
    /// What is before this is over with the last of them.
    then: Option<Time>,
    /// What the detector said of them, and what others said meanwhile, each with its place in the order.
    events: Vec<(usize, Event)>,
}

impl Parcel {
    /// How many records are in it.
    #[inline]
    fn records(&self) -> usize {
        if self.is_prepared { self.prepared.len() } else { self.filled }
    }

    /// Adds a record, prepared if the parcel is.
    #[inline(always)]
    fn put(&mut self, preparer: &Preparer, observation: &Observation, quoted: Option<&Quoted>) {
        match quoted {
            _ if !self.is_prepared => self.put_as_it_is(observation, quoted),
            None => self.prepared.push(preparer, observation),
            // A copy: what others have a reference to has to be put together in memory first.
            Some(quoted) => self.prepared.push_error(preparer, &{ *observation }, quoted),
        }
    }

    #[inline(always)]
    fn put_as_it_is(&mut self, observation: &Observation, quoted: Option<&Quoted>) {
        if let Some(quoted) = quoted {
            self.quoted.push((self.filled, *quoted));
        }
        if self.places.is_empty() {
            self.make_room();
        }
        if let Some(place) = self.places.get_mut(self.filled) {
            *place = *observation;
            self.filled += 1;
        }
    }

    #[cold]
    fn make_room(&mut self) {
        self.places = vec![Observation::default(); PARCEL_RECORDS];
    }
}

/// A detector that counts on another thread.
pub(super) struct Beside {
    preparer: Preparer,
    filling: Parcel,
    to_count: SyncSender<Parcel>,
    counted: Receiver<Parcel>,
    free: Vec<Parcel>,
    /// Events of parcels that are back, in order.
    told: Vec<Event>,
    thread: JoinHandle<Detector>,
}

impl Beside {
    /// Puts a detector on a thread of its own.
    ///
    /// # Errors
    /// When the system gives no thread; the detector is lost.
    pub(super) fn start(mut detector: Detector) -> io::Result<Self> {
        let preparer = detector.preparer().clone();
        let (to_count, parcels) = sync_channel::<Parcel>(PARCELS);
        let (give_back, counted) = sync_channel(PARCELS);
        let thread = Builder::new().name("detector".to_owned()).spawn(move || {
            while let Some(mut parcel) = receive(&parcels) {
                count(&mut detector, &mut parcel);
                if give_back.send(parcel).is_err() {
                    break;
                }
            }
            detector
        })?;
        let free = (1..PARCELS).map(|_| Parcel::default()).collect();
        let filling = Parcel::default();
        Ok(Self { preparer, filling, to_count, counted, free, told: Vec::new(), thread })
    }

    /// Takes a record.
    #[inline(always)]
    pub(super) fn observe(&mut self, observation: &Observation, quoted: Option<&Quoted>) {
        self.filling.put(&self.preparer, observation, quoted);
        if self.filling.records() >= PARCEL_RECORDS {
            self.send();
        }
    }

    /// Takes events that were found beside the detector, after the record that came last.
    #[cold]
    pub(super) fn tell(&mut self, events: Vec<Event>) {
        let place = after(self.filling.records());
        self.filling.events.extend(events.into_iter().map(|event| (place, event)));
    }

    /// Something was lost before the next record.
    pub(super) fn note_loss(&mut self) {
        self.send();
        self.filling.follows_loss = true;
    }

    /// What is before `now` is over.
    pub(super) fn advance(&mut self, now: Time) {
        self.filling.then = Some(now);
        self.send();
    }

    /// Whether there are events to tell.
    #[inline]
    pub(super) fn has_events(&self) -> bool {
        !self.told.is_empty()
    }

    /// The events of the parcels that are back, in order.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.told)
    }

    /// Waits for everything to be counted. The detector, and the events that are left to tell.
    pub(super) fn finish(mut self) -> (Detector, Vec<Event>) {
        self.send();
        let Self { to_count, counted, mut told, thread, .. } = self;
        drop(to_count);
        counted.iter().for_each(|parcel| told.extend(in_order(parcel.events)));
        match thread.join() {
            Ok(detector) => (detector, told),
            Err(cause) => panic::resume_unwind(cause),
        }
    }

    /// Sends what is filled and takes another parcel to fill.
    #[cold]
    fn send(&mut self) {
        while let Ok(parcel) = self.counted.try_recv() {
            self.take_back(parcel);
        }
        // If the other thread has panicked nothing comes back: the end shows why.
        while self.free.is_empty() {
            match receive(&self.counted) {
                Some(parcel) => self.take_back(parcel),
                None => self.free.push(Parcel::default()),
            }
        }
        let mut next = self.free.pop().unwrap_or_default();
        next.is_prepared = self.free.len() + BEHIND_PARCELS < PARCELS;
        let full = std::mem::replace(&mut self.filling, next);
        let _ = self.to_count.send(full);
    }

    fn take_back(&mut self, mut parcel: Parcel) {
        self.told.extend(in_order(std::mem::take(&mut parcel.events)));
        self.free.push(parcel);
    }
}

/// The place of what the detector says of the record at `index` of a parcel.
const fn of(index: usize) -> usize {
    2 * index + 1
}

/// The place of what is told after `records` records of a parcel, and before the next.
const fn after(records: usize) -> usize {
    2 * records
}

fn in_order(mut events: Vec<(usize, Event)>) -> impl Iterator<Item = Event> {
    events.sort_by_key(|(place, _)| *place);
    events.into_iter().map(|(_, event)| event)
}

/// The next parcel; `None` when there is nobody who could send one. It looks again and again before it sleeps: the other
/// thread is seldom behind by more than a parcel, and to be woken takes as long as several are counted.
fn receive(parcels: &Receiver<Parcel>) -> Option<Parcel> {
    for _ in 0..LOOKS {
        match parcels.try_recv() {
            Ok(parcel) => return Some(parcel),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => std::hint::spin_loop(),
        }
    }
    parcels.recv().ok()
}

fn count(detector: &mut Detector, parcel: &mut Parcel) {
    if std::mem::take(&mut parcel.follows_loss) {
        detector.note_loss();
    }
    let count = parcel.records();
    if parcel.is_prepared {
        let Parcel { prepared, events, .. } = parcel;
        detector.observe_batch_telling(prepared, |index, event| events.push((of(index), event)));
    } else {
        count_as_they_are(detector, parcel);
    }
    if let Some(now) = parcel.then.take() {
        detector.advance(now);
        parcel.events.extend(detector.take_events().into_iter().map(|event| (after(count), event)));
    }
}

fn count_as_they_are(detector: &mut Detector, parcel: &mut Parcel) {
    let Parcel { places, filled, quoted, events, .. } = parcel;
    let mut quotes = quoted.drain(..).peekable();
    for (index, record) in places.iter().take(std::mem::take(filled)).enumerate() {
        match quotes.next_if(|quote| quote.0 == index) {
            None => detector.observe(record),
            Some((_, quote)) => detector.observe_error(record, &quote),
        }
        if detector.has_events() {
            events.extend(detector.take_events().into_iter().map(|event| (of(index), event)));
        }
    }
}

#[cfg(test)]
mod tests {
    use detect::{Limits, Scope};
    use sketch::{KeyedState, PUBLISHED_KEY};
    use wire::{Address, TcpFlags};

    use super::*;

    /// Records of all together: several parcels, and a flood of forged SYN packets.
    const RECORDS: usize = 24 * PARCEL_RECORDS + 7;

    fn detector() -> Detector {
        let key = KeyedState::new(PUBLISHED_KEY);
        Detector::new(Scope::everything(key), &Limits::default(), PUBLISHED_KEY)
    }

    fn record(number: usize) -> Observation {
        let time = Time::from_nanoseconds(1_780_000_000_000_000_000 + number as i64 * 250_000);
        let [_, b, c, d] = (number as u32).wrapping_mul(2_654_435_761).to_be_bytes();
        Observation {
            time,
            last: time,
            source: Address::from_ipv4([93, b, c, d]),
            destination: Address::from_ipv4([192, 0, 2, 10]),
            protocol: 6,
            first_protocol: 6,
            source_port: 1_024,
            destination_port: 443,
            tcp_flags: TcpFlags(TcpFlags::SYN),
            packets: 1,
            bytes: 40,
            sampling: 1,
            ..Observation::default()
        }
    }

    /// What happens before a record, by its number.
    #[derive(Clone, Copy)]
    enum Act {
        Loss,
        Advance,
        Tell,
    }

    fn act(number: usize, every: usize) -> Option<Act> {
        let acts = [Act::Tell, Act::Loss, Act::Advance];
        (number > 0 && number.is_multiple_of(every)).then(|| acts[number / every % acts.len()])
    }

    /// An event that was found by somebody else.
    fn mark(of: &Event, number: usize) -> Event {
        let mut line = of.line().clone();
        line.id = format!("mark {number}");
        Event::Surge(Box::new(line))
    }

    fn alone(every: usize, marker: Option<&Event>) -> (Vec<Event>, Detector) {
        let (mut detector, mut told) = (detector(), Vec::new());
        for number in 0..RECORDS {
            let record = record(number);
            match (act(number, every), marker) {
                (Some(Act::Loss), _) => detector.note_loss(),
                (Some(Act::Advance), _) => detector.advance(record.time),
                (Some(Act::Tell), Some(marker)) => told.push(mark(marker, number)),
                _ => {}
            }
            told.extend(detector.take_events());
            detector.observe(&record);
            told.extend(detector.take_events());
        }
        (told, detector)
    }

    fn beside(every: usize, marker: &Event) -> (Vec<Event>, Detector) {
        let (mut beside, mut told) = (Beside::start(detector()).unwrap(), Vec::new());
        for number in 0..RECORDS {
            let record = record(number);
            match act(number, every) {
                Some(Act::Loss) => beside.note_loss(),
                Some(Act::Advance) => beside.advance(record.time),
                Some(Act::Tell) => beside.tell(vec![mark(marker, number)]),
                None => {}
            }
            beside.observe(&record, None);
            told.extend(beside.take_events());
        }
        let (detector, rest) = beside.finish();
        told.extend(rest);
        (told, detector)
    }

    /// Every third record is an ICMP error about the one before it.
    fn with_errors() -> Vec<(Observation, Option<Quoted>)> {
        let both = |number: usize| {
            let about = record(number - number % 3);
            let Observation { source, destination, source_port, destination_port, .. } = about;
            let quoted = Quoted { source, destination, protocol: 6, source_port, destination_port };
            let error = Observation { protocol: 1, first_protocol: 1, icmp_type: 3, ..record(number) };
            if number % 3 == 1 { (error, Some(quoted)) } else { (record(number), None) }
        };
        (0..RECORDS).map(both).collect()
    }

    /// Counts records in parcels, of which some are prepared.
    fn in_parcels(is_prepared: impl Fn(usize) -> bool) -> (Vec<Event>, Detector) {
        let (mut detector, mut told, records) = (detector(), Vec::new(), with_errors());
        let preparer = detector.preparer().clone();
        let mut parcel = Parcel::default();
        for (number, part) in records.chunks(PARCEL_RECORDS).enumerate() {
            parcel.is_prepared = is_prepared(number);
            for (record, quoted) in part {
                parcel.put(&preparer, record, quoted.as_ref());
            }
            assert_eq!(parcel.records(), part.len());
            count(&mut detector, &mut parcel);
            assert_eq!(parcel.records(), 0);
            told.extend(in_order(std::mem::take(&mut parcel.events)));
        }
        (told, detector)
    }

    #[test]
    fn prepared_or_not_a_parcel_is_counted_the_same() {
        let (mut alone, mut told) = (detector(), Vec::new());
        for (record, quoted) in &with_errors() {
            match quoted {
                None => alone.observe(record),
                Some(quoted) => alone.observe_error(record, quoted),
            }
            told.extend(alone.take_events());
        }
        let text = |events: &[Event]| serde_json::to_string(events).unwrap();
        assert!(!told.is_empty());
        let kinds: [fn(usize) -> bool; 3] = [|_| false, |_| true, |number| number % 2 == 0];
        for kind in kinds {
            let (events, detector) = in_parcels(kind);
            assert_eq!(text(&events), text(&told));
            assert_eq!(detector.counters(), alone.counters());
        }
    }

    #[test]
    fn what_is_told_after_a_record_comes_between_it_and_the_next() {
        assert!(of(0) > after(0));
        assert!(of(4) < after(5) && after(5) < of(5));
    }

    #[test]
    fn losses_times_and_others_events_have_their_place_at_the_edges_of_parcels_too() {
        let found = alone(usize::MAX, None).0;
        let marker = found.first().expect("a flood");
        for every in [1, 2, 3, 4].map(|part| part * PARCEL_RECORDS / 2) {
            for every in [every - 1, every, every + 1] {
                let (one, mut detector_of_one) = alone(every, Some(marker));
                let (two, mut detector_of_two) = beside(every, marker);
                let text = |events: &[Event]| serde_json::to_string(events).unwrap();
                let marks = one.iter().filter(|event| matches!(event, Event::Surge(_))).count();
                assert!(marks > 2 && one.len() > marks, "{every}: {marks} of {}", one.len());
                assert_eq!(text(&one), text(&two), "something every {every} records");
                detector_of_one.finish();
                detector_of_two.finish();
                let last = [detector_of_one.take_events(), detector_of_two.take_events()];
                assert_eq!(text(&last[0]), text(&last[1]), "{every}");
                assert_eq!(detector_of_one.counters(), detector_of_two.counters(), "{every}");
            }
        }
    }
}
