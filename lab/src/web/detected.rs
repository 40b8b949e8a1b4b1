//! The product's detector as an answer: what its events say, in the shape that is judged.

use std::collections::BTreeMap;

use detect::web::WebDetector;
use detect::{Event, Phase};
use sketch::PUBLISHED_KEY;
use wire::web::Request;

use super::Answerer;
use super::request::MONDAY;
use super::score::Found;

/// The detector, with what it said so far.
pub(super) struct Detected {
    detector: WebDetector,
    /// The detector's number of each service of the traffic.
    services: Vec<Option<u32>>,
    found: Vec<Found>,
    open: BTreeMap<String, usize>,
}

impl Detected {
    /// A detector that knows nothing yet.
    pub(super) fn new(services: u32) -> Self {
        let mut detector = WebDetector::new(PUBLISHED_KEY);
        let services = (0..services).map(|number| detector.service(&number.to_string(), &[])).collect();
        Self { detector, services, found: Vec::new(), open: BTreeMap::new() }
    }

    fn take(&mut self) {
        for event in self.detector.take_events() {
            let is_surge = matches!(event, Event::Surge(_));
            let line = event.line();
            let at = (line.time.nanoseconds() - MONDAY) as f64 / 1e9;
            if line.phase == Phase::Start {
                let lead = line.vectors.first().map_or("surge", |vector| vector.name.name());
                let name = if is_surge { "surge" } else { lead }.to_owned();
                self.open.insert(line.id.clone(), self.found.len());
                let service = line.target.name.parse().unwrap_or(u32::MAX);
                let why = line.evidence.web.as_ref().map_or_else(String::new, |web| web.lines.join("; "));
                self.found.push(Found { service, name, said: at, ended: f64::INFINITY, why });
            }
            if line.phase == Phase::End
                && let Some(found) = self.open.remove(&line.id).and_then(|place| self.found.get_mut(place))
            {
                found.ended = at;
            }
        }
    }
}

impl Answerer for Detected {
    fn request(&mut self, service: u32, request: &Request<'_>) {
        if let Some(Some(service)) = self.services.get(service as usize) {
            self.detector.observe(*service, request);
            if self.detector.has_events() {
                self.take();
            }
        }
    }

    fn finish(mut self) -> Vec<Found> {
        self.detector.finish();
        self.take();
        self.found
    }
}
