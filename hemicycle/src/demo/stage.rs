//! Between intake and the pipeline: exchanges addresses, and announces scenes as they come.

use std::collections::VecDeque;
use std::io::Write;

use hemicycle::pipeline::Pipeline;
use intake::Visitor;
use wire::packet::Decoded;
use wire::web::Request;
use wire::{Address, FlowRecord, Packet, Time};

use super::activity::Activity;
use super::addresses::AddressMap;
use crate::replay::reporter::Reporter;

/// A scene that has not begun.
pub(crate) struct Announcement {
    pub(crate) time: Time,
    pub(crate) title: String,
    pub(crate) note: String,
    pub(crate) is_attack: bool,
}

/// The visitor of the demonstration.
pub(crate) struct Stage<'a, 'w, W: Write> {
    pub(crate) pipeline: Pipeline<'a, Reporter<'w, W>>,
    /// For each input the number of its map.
    pub(crate) map_of_input: Vec<usize>,
    pub(crate) maps: Vec<AddressMap>,
    /// In the order of time.
    pub(crate) announcements: VecDeque<Announcement>,
    pub(crate) activity: Activity,
}

impl<W: Write> Stage<'_, '_, W> {
    fn announce(&mut self, now: Time) {
        while let Some(next) = self.announcements.front()
            && next.time <= now
        {
            // What ended before the scene is told before it.
            self.pipeline.advance(next.time);
            self.pipeline.listener().scene(next.time, &next.title, &next.note, next.is_attack);
            self.announcements.pop_front();
        }
    }

    fn map(&self, input: usize) -> Option<&AddressMap> {
        self.maps.get(*self.map_of_input.get(input)?)
    }
}

fn mapped<'a>(packet: &Packet<'a>, map: &AddressMap) -> Packet<'a> {
    Packet { source: map.map(packet.source), destination: map.map(packet.destination), ..*packet }
}

impl<W: Write> Visitor for Stage<'_, '_, W> {
    #[inline]
    fn packet(&mut self, input: usize, time: Time, decoded: &Decoded<'_>) {
        if self.announcements.front().is_some_and(|next| next.time <= time) {
            self.announce(time);
        }
        let Some(map) = self.map(input) else { return };
        let outer = mapped(&decoded.outer, map);
        let inner = decoded.inner.map(|inner| mapped(&inner, map));
        self.activity.see(time, outer.source.to_ip(), outer.protocol, outer.source_port);
        self.pipeline.packet(input, time, &Decoded { outer, inner, ..*decoded });
    }

    fn flow(&mut self, input: usize, arrival: Time, exporter: Address, record: &FlowRecord) {
        let Some(map) = self.map(input) else { return };
        let (source, destination) = (map.map(record.source), map.map(record.destination));
        // Their times are those of the recording, so the time of arrival stands in.
        let moved = FlowRecord { source, destination, first: None, last: None, ..*record };
        self.pipeline.flow(input, arrival, exporter, &moved);
    }

    fn request(&mut self, input: usize, request: &Request<'_>) {
        self.pipeline.request(input, request);
    }

    fn loss(&mut self, input: usize, lost: u64) {
        self.pipeline.loss(input, lost);
    }

    fn stop(&self) -> bool {
        self.pipeline.stop()
    }
}
