//! The web layer of the service: one detector, shared by logs, syslog and mirrors.
//!
//! Time comes with what is read. Where nothing comes any more, the clock closes what is left: [`ALLOWANCE_NANOSECONDS`]
//! behind, and never while lines still flow, so that a log that is read faster or slower than it was written gives
//! the events that a replay of it gives.
//!
//! Limits: all sources have one clock. A line that is more than 30 s behind what came before, of whatever source, is late: it
//! is counted and left out. A line from the future counts when it comes ([`AHEAD_NANOSECONDS`]), so that one server's
//! clock cannot make those of all others late.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use detect::web::{WebCounters, WebDetector};
use detect::{Event, Phase};
use hemicycle::sites::Sites;
use intake::collect;
use sketch::KeyedState;
use wire::web::Request;
use wire::{Packet, Time};

use super::detection::TICK;
use super::indicators::Scout;
use super::live::Origin;
use super::outlet::{Drain, Outlet};
use super::output::{Log, Output};
use super::shared::Shared;
use super::web_learning::WebStudent;
use super::witness::Figures;

/// Lines may be so long on their way: servers write logs in blocks (nginx: `flush=5s`), relays pass them on, and a line is
/// written when its request is over. What it costs is that the end of a flood is told so much later where everything
/// goes silent at once; while lines flow nothing waits for it.
pub(super) const ALLOWANCE_NANOSECONDS: i64 = 10_000_000_000;
/// By so much a line may be ahead of our clock.
const AHEAD_NANOSECONDS: i64 = 10_000_000_000;

/// What the web layer has found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WebReport {
    pub(crate) counters: WebCounters,
    /// Floods that go on.
    pub(crate) floods_running: u64,
    /// Surges that go on.
    pub(crate) surges_running: u64,
    /// Requests that no service could be found for.
    pub(crate) requests_refused: u64,
    /// Lines whose time was ahead of our clock.
    pub(crate) ahead: u64,
}

/// A way to the detector of the web layer; clones lead to the same.
#[derive(Clone)]
pub(super) struct Web(Arc<Mutex<Layer>>);

struct Layer {
    detector: WebDetector,
    sites: Sites,
    origins: Vec<Origin>,
    key: [u8; 16],
    events: Outlet<Output>,
    figures: Figures,
    scout: Scout,
    shared: Arc<Shared>,
    generation: u64,
    /// When a line came last that was not late.
    flowed: Time,
    ticked: Time,
    /// Unless nothing is to be learnt.
    student: Option<WebStudent>,
    floods_running: u64,
    surges_running: u64,
    ahead: u64,
}

impl Web {
    /// Nothing is seen yet.
    pub(super) fn new(
        origins: Vec<Origin>,
        key: [u8; 16],
        (events, figures, scout): (Outlet<Output>, Figures, Scout),
        shared: Arc<Shared>,
    ) -> Self {
        let mut generation = u64::MAX;
        let institution = shared.newer_institution(&mut generation).unwrap_or_else(|| shared.institution());
        let mut detector = WebDetector::of_institution(&institution, key);
        if figures.are_wanted() {
            detector.meter();
        }
        let sites = sites(&institution, &mut detector, &origins, key);
        Self(Arc::new(Mutex::new(Layer {
            detector,
            sites,
            origins,
            key,
            events,
            figures,
            scout,
            shared,
            generation,
            flowed: collect::now(),
            ticked: Time::default(),
            student: None,
            floods_running: 0,
            surges_running: 0,
            ahead: 0,
        })))
    }

    /// Recalls what was learnt before, and keeps from now on what is learnt.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub(super) fn learn(&self, folder: &Path, log: &Log, now: Time) -> io::Result<Drain> {
        let mut layer = self.lock();
        let shared = layer.shared.clone();
        let (student, drain) = WebStudent::start(folder, &mut layer.detector, &shared, log, now)?;
        layer.student = Some(student);
        Ok(drain)
    }

    /// Another thread ended by a fault, which ends the service within a second.
    fn lock(&self) -> MutexGuard<'_, Layer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a request that a line of an origin told of.
    pub(super) fn request(&self, origin: usize, request: &Request<'_>, arrival: Time) {
        self.lock().request(origin, request, arrival);
    }

    /// Takes a packet of a mirror.
    #[inline]
    pub(super) fn packet(&self, time: Time, packet: &Packet<'_>) {
        if WebDetector::is_of_interest(packet) {
            let mut layer = self.lock();
            layer.detector.packet(time, packet);
            layer.tell();
        }
    }

    /// Lines or packets were lost before they came here.
    pub(super) fn loss(&self) {
        self.lock().detector.note_loss(None);
    }

    /// It is `now`. Whoever has the time says so, about ten times a second.
    pub(super) fn tick(&self, now: Time) {
        self.lock().tick(now);
    }

    /// Nothing more comes this way. The last one ends what goes on.
    pub(super) fn finish(self) {
        if let Some(layer) = Arc::into_inner(self.0) {
            let mut layer = layer.into_inner().unwrap_or_else(PoisonError::into_inner);
            if let Some(student) = &layer.student {
                student.collect(&layer.detector, collect::now());
            }
            layer.scout.tick();
            layer.detector.finish();
            layer.tell();
            layer.tell_figures();
            if let Some(slot) = layer.shared.web.first() {
                layer.shared.report_last(slot, |report| *report = layer.report());
            }
        }
    }
}

impl Layer {
    fn request(&mut self, origin: usize, request: &Request<'_>, arrival: Time) {
        let late = self.detector.counters().late;
        self.scout.request(request.time.min(arrival), self.sites.client(request), request);
        if request.time.nanoseconds_since(arrival) > AHEAD_NANOSECONDS {
            self.ahead += 1;
            let request = Request { time: arrival, ..*request };
            self.sites.observe(&mut self.detector, origin, &request);
        } else {
            self.sites.observe(&mut self.detector, origin, request);
        }
        // What is late does not hold the clock up, or one broken server would for all.
        if self.detector.counters().late == late {
            self.flowed = self.flowed.max(arrival);
        }
        self.tell();
    }

    fn tick(&mut self, now: Time) {
        if now.nanoseconds_since(self.ticked).unsigned_abs() < TICK.as_nanos() as u64 {
            return;
        }
        self.ticked = now;
        self.scout.tick();
        if let Some(institution) = self.shared.newer_institution(&mut self.generation) {
            let refused = self.sites.refused;
            self.detector.replace_institution(&institution);
            self.sites = sites(&institution, &mut self.detector, &self.origins, self.key);
            self.sites.refused = refused;
        }
        // A clock that was set back has to come up to where lines were last before silence can be told.
        let is_silent = now.nanoseconds_since(self.flowed) >= ALLOWANCE_NANOSECONDS;
        let until = now.plus_nanoseconds(-ALLOWANCE_NANOSECONDS);
        // Before anything came there is nothing to close, and what is read first may be old.
        if is_silent && self.detector.now().is_some_and(|second| second < until) {
            self.detector.advance(until);
        }
        self.tell();
        if let Some(student) = &mut self.student {
            student.tick(&self.detector, now);
        }
        self.tell_figures();
        if let Some(slot) = self.shared.web.first() {
            self.shared.report(slot, |report| *report = self.report());
        }
    }

    /// Seconds that are over.
    fn tell_figures(&mut self) {
        while let Some((second, services)) = self.detector.take_metered() {
            self.figures.web(second, services);
        }
    }

    #[inline]
    fn tell(&mut self) {
        if self.detector.has_events() {
            self.tell_all();
        }
    }

    #[cold]
    fn tell_all(&mut self) {
        for event in self.detector.take_events() {
            let running = match event {
                Event::Flood(_) => &mut self.floods_running,
                Event::Surge(_) => &mut self.surges_running,
            };
            match event.line().phase {
                Phase::Start => *running += 1,
                Phase::End => *running = running.saturating_sub(1),
                Phase::Update => {
                    self.events.put_minor(Output::Event(event));
                    continue;
                }
            }
            self.events.put(Output::Event(event));
        }
    }

    fn report(&self) -> WebReport {
        WebReport {
            counters: self.detector.counters(),
            floods_running: self.floods_running,
            surges_running: self.surges_running,
            requests_refused: self.sites.refused,
            ahead: self.ahead,
        }
    }
}

/// Which service a line is for. Lines without a host name that is known are for the service of their origin, or for
/// one with the name of the file, as with `replay`.
fn sites(
    institution: &institution::Institution,
    detector: &mut WebDetector,
    origins: &[Origin],
    key: [u8; 16],
) -> Sites {
    let mut sites = Sites::new(Some(institution), detector, KeyedState::new(key));
    for origin in origins {
        let file = origin.name.rsplit('/').next().unwrap_or(&origin.name);
        let service = detector.service(origin.service.as_deref().unwrap_or(file), &[]);
        sites.log(origin.number, service);
    }
    sites
}

#[cfg(test)]
mod tests {
    use super::super::live::LineFormat;
    use super::super::shared::Places;
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn web() -> Web {
        let text = "[institution]\nname = \"A\"\n[zone.public]\nprefixes = [\"192.0.2.0/25\"]\nexposure = \"internet\"\n";
        let institution = Arc::new(institution::parse("t", text).unwrap());
        let shared = Arc::new(Shared::new(institution, &Places { logs: 1, ..Places::default() }));
        let (events, _) = Outlet::open("test", 16, |_| Box::new(|_| ())).unwrap();
        let name = "/var/log/access.log".to_owned();
        let origin = Origin { number: 0, name, format: LineFormat::Auto, service: None };
        Web::new(vec![origin], [7; 16], (events, Figures::new(None), Scout::blind()), shared)
    }

    fn second(web: &Web) -> i64 {
        web.lock().detector.now().unwrap().nanoseconds() / SECOND
    }

    #[test]
    fn the_clock_closes_nothing_while_lines_flow_and_what_is_left_after_the_allowance() {
        let (web, start) = (web(), collect::now());
        let at = |seconds: i64| start.plus_nanoseconds(seconds * SECOND);
        web.tick(at(100));
        assert!(web.lock().detector.now().is_none(), "what is read first may be old");
        // Yesterday's log, read for half a minute.
        let old = |seconds: i64| at(seconds - 86_400);
        for now in 100..130 {
            web.request(0, &Request { time: old(now), ..Request::default() }, at(now));
            web.tick(at(now));
            assert_eq!(second(&web), old(now).nanoseconds() / SECOND);
        }
        web.tick(at(138));
        assert_eq!(second(&web), old(129).nanoseconds() / SECOND);
        // A server whose clock is wrong does not hold it up.
        web.request(0, &Request { time: old(0), ..Request::default() }, at(138));
        web.tick(at(139));
        assert_eq!(second(&web), at(129).nanoseconds() / SECOND);
        assert_eq!(web.lock().report().counters.late, 1);
    }

    #[test]
    fn a_line_from_the_future_counts_when_it_comes() {
        let (web, now) = (web(), collect::now());
        let ahead = now.plus_nanoseconds(3600 * SECOND);
        web.request(0, &Request { time: ahead, ..Request::default() }, now);
        assert_eq!(second(&web), now.nanoseconds() / SECOND);
        let report = web.lock().report();
        assert_eq!((report.ahead, report.counters.requests), (1, 1));
    }

    #[test]
    fn the_last_way_ends_what_goes_on_and_reports() {
        let web = web();
        let (other, shared, now) = (web.clone(), web.lock().shared.clone(), collect::now());
        web.request(0, &Request { time: now, ..Request::default() }, now);
        web.finish();
        assert_eq!(shared.web[0].read().counters.requests, 0);
        other.finish();
        assert_eq!(shared.web[0].read().counters.requests, 1);
    }
}
