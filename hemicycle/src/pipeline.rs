//! Intake to detector to whoever listens: the same for a file, the demonstration and the laboratory.

mod beside;

use std::num::NonZero;
use std::{io, thread};

use detect::web::WebDetector;
use detect::{Detector, Event, Learning, Limits, Observation, Quoted, Scope};
use institution::Institution;
use intake::{Inputs, IntakeError, Visitor};
use sketch::{KeyedState, PUBLISHED_KEY};
use wire::packet::Decoded;
use wire::web::Request;
use wire::{Address, FlowRecord, Packet, Time};

use crate::exporters::{Exporters, Known};
use crate::sites::Sites;
use crate::web_baselines::WebState;
use beside::Beside;

/// Who hears of events while records are read.
pub trait Listener {
    /// An event, in order.
    fn event(&mut self, event: &Event);

    /// Called before every record, with its time: a replay at a set speed waits here.
    #[inline]
    fn pace(&mut self, _time: Time) {}

    /// Called about once for every [`PROGRESS_RECORDS`] records, and for as many requests.
    fn progress(&mut self, _progress: Progress) {}

    /// Whether nobody listens any more and reading can end.
    #[inline]
    fn stop(&self) -> bool {
        false
    }
}

impl Listener for Vec<Event> {
    fn event(&mut self, event: &Event) {
        self.push(event.clone());
    }
}

/// Records between two calls of [`Listener::progress`].
pub const PROGRESS_RECORDS: u64 = 1 << 16;

/// How far reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Packets and flow records so far.
    pub records: u64,
    /// Requests of access logs so far.
    pub requests: u64,
    /// Bytes of the traffic that they stand for, at the IP layer, corrected for sampling.
    pub traffic_bytes: u64,
    /// Time of the latest.
    pub now: Time,
}

/// What is done with the detector at the beginning of an hour of the data's time.
type Hourly<'a> = &'a mut dyn FnMut(&mut Detector, Time);

const HOUR_NANOSECONDS: i64 = 3_600_000_000_000;

/// Where records are counted.
#[expect(clippy::large_enum_variant, reason = "there is one of it")]
enum Counting {
    /// Where they are read.
    Here(Detector),
    /// On a thread of their own.
    Beside(Beside),
}

/// A detector that is fed by intake.
pub struct Pipeline<'a, L> {
    counting: Counting,
    web: WebDetector,
    sites: Sites,
    listener: &'a mut L,
    exporters: Exporters,
    hourly: Option<Hourly<'a>>,
    /// What is known of the web layer and was not given to it yet.
    known_of_web: Option<&'a WebState>,
    /// When `hourly` is due.
    next_hour_nanoseconds: i64,
    records: u64,
    requests: u64,
    traffic_bytes: u64,
    lost: u64,
    first: Option<Time>,
    last: Option<Time>,
}

impl<'a, L: Listener> Pipeline<'a, L> {
    /// A pipeline for an institution, or for every destination without one. Its key is the published one, so that
    /// runs repeat: it is for files, not for a service.
    pub fn new(institution: Option<Institution>, listener: &'a mut L) -> Self {
        Self::with_key(institution, listener, PUBLISHED_KEY)
    }

    /// The same under the key of a service, for the events that it would have told.
    pub fn with_key(institution: Option<Institution>, listener: &'a mut L, secret: [u8; 16]) -> Self {
        let key = KeyedState::new(secret);
        let exporters = Exporters::new(institution.as_ref());
        let mut web = match &institution {
            Some(institution) => WebDetector::of_institution(institution, secret),
            None => WebDetector::new(secret),
        };
        let sites = Sites::new(institution.as_ref(), &mut web, key);
        let scope = institution.map_or_else(|| Scope::everything(key), |known| Scope::of(known, key));
        let detector = Detector::new(scope, &Limits::default(), secret);
        Self {
            counting: Counting::Here(detector),
            web,
            sites,
            listener,
            exporters,
            hourly: None,
            known_of_web: None,
            next_hour_nanoseconds: i64::MAX,
            records: 0,
            requests: 0,
            traffic_bytes: 0,
            lost: 0,
            first: None,
            last: None,
        }
    }

    /// Calls back before the first record, with its time, and before the first of every later hour of UTC: for what
    /// is recalled before anything is seen, and for offsets of time zones, which change on the hour.
    pub fn each_hour(&mut self, call: &'a mut dyn FnMut(&mut Detector, Time)) {
        self.hourly = Some(call);
        self.next_hour_nanoseconds = i64::MIN;
    }

    /// What the web layer takes back before the first record, with its time: what is ordinary for the services that are known
    /// by then.
    pub fn recall_web(&mut self, known: &'a WebState) {
        self.known_of_web = Some(known);
        self.next_hour_nanoseconds = i64::MIN;
    }

    /// From now on the detector learns what is ordinary, as that of the service does, and more than that is a flood. Where
    /// the institution's offset from UTC changes on the way, call it again from [`Pipeline::each_hour`]. To be called before
    /// [`Pipeline::count_beside`].
    pub fn learn(&mut self, learning: Learning) {
        if let Counting::Here(detector) = &mut self.counting {
            detector.learn(learning);
        }
    }

    /// Asks for less than usual while a window is open. To be called before [`Pipeline::count_beside`].
    pub fn set_readiness(&mut self, readiness: detect::Readiness) {
        if let Counting::Here(detector) = &mut self.counting {
            detector.set_readiness(Some(readiness));
        }
    }

    /// Counts on a thread of its own from now on, beside the one that reads: 1.4 to 2 times as fast on two cores
    /// (`lab throughput`). The same events come in the same order, but some thousand records later, so it is not for what is
    /// played at a set speed or waited for. On one core, where two threads would only be in each other's way, and where
    /// something is to be done every hour ([`Pipeline::each_hour`]), nothing changes.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn count_beside(self) -> io::Result<Self> {
        // If the system does not say, as on one.
        self.count_on(thread::available_parallelism().map_or(1, NonZero::get))
    }

    fn count_on(self, cores: usize) -> io::Result<Self> {
        let counting = match self.counting {
            Counting::Here(detector) if self.hourly.is_none() && cores > 1 => {
                Counting::Beside(Beside::start(detector)?)
            }
            as_it_is => as_it_is,
        };
        Ok(Self { counting, ..self })
    }

    /// The detector, unless it counts beside.
    pub fn detector(&self) -> Option<&Detector> {
        match &self.counting {
            Counting::Here(detector) => Some(detector),
            Counting::Beside(_) => None,
        }
    }

    /// Reads everything, closes the last window and gives back what was counted.
    ///
    /// # Errors
    /// As [`Inputs::run`].
    pub fn run(mut self, inputs: &mut Inputs) -> Result<Ran, IntakeError> {
        self.name_logs(inputs);
        inputs.run(&mut self)?;
        Ok(self.finish())
    }

    /// Requests of a log that names no host are for a service with the log's name.
    pub fn name_logs(&mut self, inputs: &Inputs) {
        for (number, input) in inputs.summaries().iter().enumerate() {
            let name = input.name.rsplit('/').next().unwrap_or(&input.name);
            let service = self.web.service(name, &[]);
            self.sites.log(number, service);
        }
    }

    /// Closes the last window and tells what is left to tell. For who calls [`Inputs::run`] with a visitor around
    /// this one; everybody else calls [`Pipeline::run`].
    pub fn finish(mut self) -> Ran {
        let mut detector = match self.counting {
            Counting::Here(detector) => detector,
            Counting::Beside(beside) => {
                let (detector, events) = beside.finish();
                events.iter().for_each(|event| self.listener.event(event));
                detector
            }
        };
        detector.finish();
        self.web.finish();
        let last = detector.take_events().into_iter().chain(self.web.take_events());
        last.for_each(|event| self.listener.event(&event));
        let span_seconds = match (self.first, self.last) {
            (Some(first), Some(last)) => last.seconds_since(first).max(0.0),
            _ => 0.0,
        };
        Ran {
            counters: detector.counters(),
            web: self.web.counters(),
            exporters: self.exporters.counters(),
            records: self.records,
            requests: self.requests,
            traffic_bytes: self.traffic_bytes,
            lost: self.lost,
            span_seconds,
        }
    }

    /// Closes what lies before `now`, as if a record of that time had come, and tells what there is to tell.
    pub fn advance(&mut self, now: Time) {
        match &mut self.counting {
            Counting::Here(detector) => detector.advance(now),
            Counting::Beside(beside) => beside.advance(now),
        }
        self.web.advance(now);
        self.tell();
    }

    /// The listener.
    pub fn listener(&mut self) -> &mut L {
        self.listener
    }

    #[inline(always)]
    fn observe_packet(&mut self, time: Time, packet: &Packet<'_>) {
        self.observe(&Observation::of_packet(time, packet), Quoted::of_packet(packet).as_ref());
    }

    #[inline(always)]
    fn observe(&mut self, observation: &Observation, quoted: Option<&Quoted>) {
        let time = observation.time;
        if time.nanoseconds() >= self.next_hour_nanoseconds {
            self.begin_hour(time);
        }
        self.listener.pace(time);
        let has_events = match &mut self.counting {
            Counting::Here(detector) => {
                match quoted {
                    None => detector.observe(observation),
                    // A copy: what others have a reference to has to be put together in memory first.
                    Some(quoted) => detector.observe_error(&{ *observation }, quoted),
                }
                detector.has_events()
            }
            Counting::Beside(beside) => {
                beside.observe(observation, quoted);
                beside.has_events()
            }
        };
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = self.last.max(Some(time));
        self.records += 1;
        self.traffic_bytes = self.traffic_bytes.saturating_add(observation.bytes);
        if has_events {
            self.tell();
        }
        if self.records.is_multiple_of(PROGRESS_RECORDS) {
            self.progress(time);
        }
    }

    #[cold]
    fn progress(&mut self, now: Time) {
        let Self { records, requests, traffic_bytes, .. } = *self;
        self.listener.progress(Progress { records, requests, traffic_bytes, now });
    }

    #[cold]
    fn begin_hour(&mut self, time: Time) {
        let hour = time.nanoseconds().div_euclid(HOUR_NANOSECONDS);
        self.next_hour_nanoseconds = hour.saturating_add(1).saturating_mul(HOUR_NANOSECONDS);
        if let (Some(call), Counting::Here(detector)) = (&mut self.hourly, &mut self.counting) {
            call(detector, time);
        }
        self.begin_web(time);
    }

    fn begin_web(&mut self, time: Time) {
        if let Some(known) = self.known_of_web.take() {
            known.recall(&mut self.web, time);
        }
    }

    fn tell(&mut self) {
        let of_web = self.web.take_events();
        let events = match &mut self.counting {
            Counting::Here(detector) => {
                let mut events = detector.take_events();
                events.extend(of_web);
                events
            }
            Counting::Beside(beside) => {
                if !of_web.is_empty() {
                    beside.tell(of_web);
                }
                beside.take_events()
            }
        };
        events.iter().for_each(|event| self.listener.event(event));
    }

    fn note_loss(&mut self) {
        match &mut self.counting {
            Counting::Here(detector) => detector.note_loss(),
            Counting::Beside(beside) => beside.note_loss(),
        }
    }
}

/// What is known after a run.
#[derive(Clone, Copy, Debug)]
pub struct Ran {
    /// The detector's counters.
    pub counters: detect::Counters,
    /// Those of the web layer.
    pub web: detect::web::WebCounters,
    /// What was counted about exporters of flow records.
    pub exporters: crate::exporters::Counters,
    /// Records that were given to the detector. The packet inside a tunnel is a record of its own.
    pub records: u64,
    /// Requests of access logs. Those in packets are in `web` alone.
    pub requests: u64,
    /// Bytes of the traffic that `records` stand for, at the IP layer, corrected for sampling.
    pub traffic_bytes: u64,
    /// Frames and exports lost before they came here, as far as the inputs say.
    pub lost: u64,
    /// From the earliest to the latest record.
    pub span_seconds: f64,
}

impl<L: Listener> Visitor for Pipeline<'_, L> {
    #[inline]
    fn packet(&mut self, _input: usize, time: Time, decoded: &Decoded<'_>) {
        self.observe_packet(time, &decoded.outer);
        self.web.packet(time, &decoded.outer);
        if let Some(inner) = &decoded.inner {
            self.observe_packet(time, inner);
            self.web.packet(time, inner);
        }
        // Now, not with the next record: the service tells it now, and the order of lines is the same.
        if self.web.has_events() {
            self.tell();
        }
    }

    #[inline]
    fn flow(&mut self, _input: usize, arrival: Time, exporter: Address, record: &FlowRecord) {
        match self.exporters.judge(exporter, record) {
            Known::Counts { sampling } => {
                self.observe(&Observation::of_flow(arrival, record, sampling).by_our_clock(0), None);
            }
            Known::CountedElsewhere => {}
            // What it meant is missing.
            Known::Implausible => self.note_loss(),
        }
    }

    #[inline]
    fn request(&mut self, input: usize, request: &Request<'_>) {
        let time = request.time;
        self.begin_web(time);
        self.listener.pace(time);
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = self.last.max(Some(time));
        self.requests += 1;
        self.sites.observe(&mut self.web, input, request);
        if self.web.has_events() {
            self.tell();
        }
        if self.requests.is_multiple_of(PROGRESS_RECORDS) {
            self.progress(time);
        }
    }

    fn loss(&mut self, _input: usize, lost: u64) {
        self.lost = self.lost.saturating_add(lost);
        self.note_loss();
        self.web.note_loss(None);
    }

    #[inline]
    fn stop(&self) -> bool {
        self.listener.stop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_core_and_what_is_done_every_hour_change_nothing() {
        for (cores, is_hourly, is_here) in [(1, false, true), (2, false, false), (2, true, true)] {
            let (mut events, mut nothing) = (Vec::new(), |_: &mut Detector, _: Time| ());
            let mut pipeline = Pipeline::new(None, &mut events);
            if is_hourly {
                pipeline.each_hour(&mut nothing);
            }
            let pipeline = pipeline.count_on(cores).unwrap();
            assert_eq!(pipeline.detector().is_some(), is_here, "{cores} cores, every hour: {is_hourly}");
            pipeline.finish();
        }
    }
}
