//! Lines of logs to requests for the web layer: a decoder for each log, and for each sender of syslog.

use std::collections::BTreeMap;
use std::sync::Arc;

use wire::{Address, Time};

use super::lines::{Lines, LinesReport, Origin, RawLine};
use super::source::Source;
use crate::serve::shared::Shared;
use crate::serve::web::Web;

/// Senders of syslog with a decoder of their own; lines of further ones are read together.
const MAXIMUM_SENDERS: usize = 256;
const HOUR_NANOSECONDS: i64 = 3_600_000_000_000;

/// Reads lines and hands over requests.
pub(in crate::serve) struct WebLines {
    /// Until nothing more comes.
    web: Option<Web>,
    shared: Arc<Shared>,
    /// By the number of their origin.
    sources: Vec<Option<Source>>,
    by_sender: BTreeMap<Address, Source>,
    senders_refused: u64,
    zone_seconds: i32,
    /// The hour for which the zone's offset was asked.
    hour: Option<i64>,
}

impl WebLines {
    /// For one thread that brings lines.
    pub(in crate::serve) fn new(web: Web, shared: Arc<Shared>) -> Self {
        Self {
            web: Some(web),
            shared,
            sources: Vec::new(),
            by_sender: BTreeMap::new(),
            senders_refused: 0,
            zone_seconds: 0,
            hour: None,
        }
    }

    /// Offsets of time zones change on the hour.
    fn look_at_zone(&mut self, now: Time) {
        let hour = now.nanoseconds().div_euclid(HOUR_NANOSECONDS);
        if self.hour.replace(hour) == Some(hour) {
            return;
        }
        let Ok(at) = jiff::Timestamp::from_nanosecond(now.nanoseconds().into()) else { return };
        self.zone_seconds = self.shared.institution().time_zone.to_offset(at).seconds();
        let zone_seconds = self.zone_seconds;
        self.each(|source, _| source.set_zone(zone_seconds));
    }

    fn each(&mut self, mut call: impl FnMut(&mut Source, usize)) {
        for (number, source) in self.sources.iter_mut().enumerate() {
            if let Some(source) = source {
                call(source, number);
            }
        }
        // Of the one origin that has senders, which is the last.
        let number = self.sources.len().saturating_sub(1);
        self.by_sender.values_mut().for_each(|source| call(source, number));
    }
}

impl Lines for WebLines {
    fn line(&mut self, origin: &Origin, line: &RawLine<'_>) {
        if self.hour.is_none() {
            self.look_at_zone(line.arrival);
        }
        let Some(web) = &self.web else { return };
        let zone_seconds = self.zone_seconds;
        let begin = || Source::new(&origin.format, line.sender.is_some(), zone_seconds);
        if self.sources.len() <= origin.number {
            self.sources.resize_with(origin.number + 1, || None);
        }
        let has_room = self.by_sender.len() < MAXIMUM_SENDERS;
        let own = match line.sender {
            Some(sender) if has_room || self.by_sender.contains_key(&sender) => {
                Some(self.by_sender.entry(sender).or_insert_with(begin))
            }
            Some(_) => {
                self.senders_refused += 1;
                None
            }
            None => None,
        };
        let source = match own {
            Some(source) => source,
            None => match self.sources.get_mut(origin.number) {
                Some(place) => place.get_or_insert_with(begin),
                None => return,
            },
        };
        let (number, now) = (origin.number, line.arrival);
        source.take(line.bytes, now, &mut |request| web.request(number, request, now));
    }

    fn advance(&mut self, now: Time) {
        self.look_at_zone(now);
        let Some(web) = self.web.clone() else { return };
        self.each(|source, number| source.advance(now, &mut |request| web.request(number, request, now)));
        web.tick(now);
    }

    fn loss(&mut self) {
        if let Some(web) = &self.web {
            web.loss();
        }
    }

    fn report(&self, origin: &Origin) -> LinesReport {
        let mut sum = LinesReport { senders_refused: self.senders_refused, ..LinesReport::default() };
        let own = self.sources.get(origin.number).and_then(Option::as_ref);
        for source in own.into_iter().chain(self.by_sender.values()) {
            sum.add(&source.report());
        }
        sum
    }

    fn finish(&mut self) {
        let Some(web) = self.web.take() else { return };
        let now = intake::collect::now();
        self.each(|source, number| source.decide(&mut |request| web.request(number, request, now)));
        web.finish();
    }
}
