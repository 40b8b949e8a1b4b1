//! One input: its next frame or datagram, and what becomes of it.

use std::ops::Range;

use wire::{
    Address, FlowRecord, Fragment, Time,
    capture::{Format, Framer, Step},
    flow::{self, FlowDecoder, FlowSink, InterfaceCounters},
    packet::{self, Decoded, LinkType},
    web::{self, Decoder},
};

use crate::{
    Clock, Counters, Damage, InputKind, InputSummary, Visitor,
    datagrams::{self, Length},
    options::PortSet,
    window::Window,
};

mod log;

const UDP: u8 = 17;

/// The exporter of a dump, which has no addresses.
const NO_EXPORTER: Address = Address::from_ipv4([0; 4]);

enum Framing {
    Capture(Framer),
    Datagrams,
    Log(Box<Decoder>),
}

/// A frame, datagram or line that is next, as a part of the window.
#[derive(Clone, Copy)]
struct Head {
    time: Time,
    /// `None` for a datagram of a dump and a line.
    link: Option<LinkType>,
    at: usize,
    length: usize,
    used: usize,
}

/// What all inputs share while they are read.
pub(crate) struct Shared {
    pub(crate) flow_ports: PortSet,
    pub(crate) decoder: FlowDecoder,
}

pub(crate) struct Input {
    name: String,
    window: Window,
    format: Framing,
    clock: Option<Clock>,
    origin: Option<Time>,
    head: Option<Head>,
    counters: Counters,
    first: Option<Time>,
    last: Option<Time>,
    other_port: Option<u16>,
    damage: Option<Damage>,
    ended: bool,
    /// Blocks without a frame were passed since the loss was last told: only they can say that frames were lost.
    passed_blocks: bool,
    frames_lost_told: u64,
}

impl Input {
    pub(crate) fn capture(name: String, window: Window) -> Self {
        Self::new(name, window, Framing::Capture(Framer::new()))
    }

    pub(crate) fn datagrams(name: String, window: Window) -> Self {
        Self::new(name, window, Framing::Datagrams)
    }

    pub(crate) fn log(name: String, window: Window, format: web::Format) -> Self {
        Self::new(name, window, Framing::Log(Box::new(Decoder::new(format))))
    }

    fn new(name: String, window: Window, format: Framing) -> Self {
        Self {
            name,
            window,
            format,
            clock: None,
            origin: None,
            head: None,
            counters: Counters::default(),
            first: None,
            last: None,
            other_port: None,
            damage: None,
            ended: false,
            passed_blocks: false,
            frames_lost_told: 0,
        }
    }

    /// Plays it by another clock than it was captured by.
    pub(crate) fn play_by(&mut self, clock: Clock) {
        self.clock = Some(clock);
    }

    /// The time of what is next; `None` at the end.
    pub(crate) fn peek(&mut self) -> Option<Time> {
        if self.head.is_none() {
            self.head = self.next_head();
        }
        self.head.map(|head| head.time)
    }

    /// Gives everything to `visitor` that does not come after `until`; the time of what is next.
    #[inline]
    pub(crate) fn play<V: Visitor>(
        &mut self,
        index: usize,
        until: impl Fn(Time) -> bool,
        shared: &mut Shared,
        visitor: &mut V,
    ) -> Option<Time> {
        if let Framing::Log(_) = self.format {
            return self.play_log(index, until, visitor);
        }
        loop {
            if self.head.is_none() {
                let next = self.play_frames(index, &until, shared, visitor);
                if next.is_some() || visitor.stop() {
                    return next;
                }
            }
            let head = match self.head.take() {
                Some(head) => head,
                None => {
                    let next = self.next_head();
                    if self.passed_blocks {
                        self.tell_loss(index, visitor);
                    }
                    next?
                }
            };
            if !until(head.time) {
                self.head = Some(head);
                return Some(head.time);
            }
            self.give((index, head.time), head.link, head.at..head.at + head.length, shared, visitor);
            self.window.advance(head.used);
            if visitor.stop() {
                return None;
            }
        }
    }

    /// Gives frames as long as they follow each other without anything between them; the time of what is next if that has to
    /// wait. As [`Input::play`], which does the rest: a head that is put together in memory and taken apart again costs more
    /// than to find it.
    #[inline]
    fn play_frames<V: Visitor>(
        &mut self,
        index: usize,
        until: &impl Fn(Time) -> bool,
        shared: &mut Shared,
        visitor: &mut V,
    ) -> Option<Time> {
        while let Self { format: Framing::Capture(framer), clock: None, ended: false, window, .. } = self
            && let Some((frame, used)) = framer.frame(window.bytes())
        {
            let (time, link, length) = (frame.time, Some(frame.link), frame.data.len());
            let at = used - length;
            if !until(time) {
                self.head = Some(Head { time, link, at, length, used });
                return Some(time);
            }
            self.give((index, time), link, at..used, shared, visitor);
            self.window.advance(used);
            if visitor.stop() {
                return None;
            }
        }
        None
    }

    /// Frames that the capture says were lost since this was last asked.
    #[cold]
    fn tell_loss<V: Visitor>(&mut self, index: usize, visitor: &mut V) {
        self.passed_blocks = false;
        let Framing::Capture(framer) = &self.format else { return };
        let lost = framer.lost();
        if lost > self.frames_lost_told {
            visitor.loss(index, lost - self.frames_lost_told);
            self.frames_lost_told = lost;
        }
    }

    fn next_head(&mut self) -> Option<Head> {
        if self.ended {
            return None;
        }
        let mut head = match &self.format {
            Framing::Capture(_) => self.next_frame(),
            Framing::Datagrams => self.next_datagram(),
            Framing::Log(_) => self.next_line(),
        }?;
        if let Some(clock) = self.clock {
            let first = *self.origin.get_or_insert(head.time);
            head.time = clock.played(first, head.time);
        }
        Some(head)
    }

    fn next_frame(&mut self) -> Option<Head> {
        let Framing::Capture(framer) = &mut self.format else { return None };
        loop {
            match framer.next(self.window.bytes()) {
                Step::Frame { frame, data_at, used } => {
                    return Some(Head {
                        time: frame.time,
                        link: Some(frame.link),
                        at: data_at,
                        length: frame.data.len(),
                        used,
                    });
                }
                Step::Pass { used } => {
                    self.passed_blocks = true;
                    let begin = self.window.offset();
                    let missing = self.window.pass(used);
                    if missing > 0 {
                        let present = used - missing;
                        self.end(Some(wire::capture::Damage::CutOff { offset: begin, present }.into()));
                        return None;
                    }
                }
                Step::More { needed } => {
                    if self.window.fill(needed) < needed {
                        let damage = framer.finish(self.window.bytes().len() as u64).err();
                        self.end(damage.map(Damage::Capture));
                        return None;
                    }
                }
                Step::Damaged(damage) => {
                    self.end(Some(damage.into()));
                    return None;
                }
            }
        }
    }

    fn next_datagram(&mut self) -> Option<Head> {
        self.window.fill(4);
        loop {
            let (bytes, offset) = (self.window.bytes(), self.window.offset());
            if bytes.is_empty() {
                self.end(None);
                return None;
            }
            let length = match datagrams::length(bytes, self.window.ends()) {
                Length::Is(length) => length,
                Length::More(needed) => {
                    self.window.fill(needed.max(bytes.len() + 1));
                    continue;
                }
                Length::Not => {
                    self.end(Some(Damage::NotADatagram { offset }));
                    return None;
                }
            };
            let present = self.window.fill(length).min(length);
            if present < length {
                let (present, length) = (present as u64, length as u64);
                self.damage = Some(Damage::DatagramCutOff { offset, present, length });
            }
            let datagram = self.window.bytes().get(..present).unwrap_or_default();
            let time = datagrams::export_time(datagram);
            return Some(Head { time, link: None, at: 0, length: present, used: present });
        }
    }

    /// Reading is over. A failure of the source explains more than the framing's view of it.
    #[cold]
    fn end(&mut self, damage: Option<Damage>) {
        self.ended = true;
        self.damage = self.window.take_failure().or(damage).or(self.damage.take());
    }

    #[inline]
    fn give<V: Visitor>(
        &mut self,
        (index, time): (usize, Time),
        link: Option<LinkType>,
        place: Range<usize>,
        shared: &mut Shared,
        visitor: &mut V,
    ) {
        let Self { window, counters, first, last, other_port, .. } = self;
        let data = window.bytes().get(place).unwrap_or_default();
        *first = Some(first.map_or(time, |first| first.min(time)));
        *last = (*last).max(Some(time));
        let Some(link) = link else {
            let from = Arrival { index, time, exporter: NO_EXPORTER };
            return exported(counters, from, data, shared, visitor);
        };
        counters.frames += 1;
        let mut decoded = Decoded::default();
        if let Err(skip) = packet::decode_into(link, data, &mut decoded) {
            if let Some(counter) = counters.skips.get_mut(skip.index()) {
                *counter += 1;
            }
            return;
        }
        if may_be_export(&decoded) && is_export(&decoded, &shared.flow_ports) {
            let exporter = decoded.outer.source;
            let from = Arrival { index, time, exporter };
            return exported(counters, from, decoded.outer.payload, shared, visitor);
        }
        counters.packets += 1;
        counters.tunnelled_packets += u64::from(decoded.inner.is_some());
        if may_be_export(&decoded) && flow::looks_like(decoded.outer.payload).is_some() {
            counters.exports_at_other_ports += 1;
            *other_port = Some(decoded.outer.destination_port);
        }
        visitor.packet(index, time, &decoded);
    }

    pub(crate) fn summary(&self) -> InputSummary {
        let mut counters = self.counters;
        let kind = match &self.format {
            Framing::Datagrams => InputKind::FlowDatagrams,
            Framing::Log(decoder) => {
                counters.log = *decoder.counters();
                InputKind::AccessLog
            }
            Framing::Capture(framer) => {
                counters.blocks_skipped = framer.skipped();
                counters.frames_lost = framer.lost();
                match framer.format() {
                    _ if counters.flow_datagrams > counters.packets => InputKind::FlowPcap,
                    Some(Format::Pcapng) => InputKind::Pcapng,
                    Some(Format::Pcap) | None => InputKind::Pcap,
                }
            }
        };
        InputSummary {
            name: self.name.clone(),
            kind,
            records: counters.packets + counters.flow_records + counters.log.requests,
            bytes: self.window.offset(),
            skipped: counters.skipped(),
            lost: counters.frames_lost + counters.exports_lost,
            counters,
            first: self.first,
            last: self.last,
            other_export_port: self.other_port,
            damage: self.damage.clone(),
        }
    }
}

/// Whether a packet is whole UDP and may have an export datagram in it.
#[inline]
fn may_be_export(decoded: &Decoded<'_>) -> bool {
    let packet = &decoded.outer;
    packet.protocol == UDP
        && packet.fragment == Fragment::None
        && matches!(packet.payload, [0, 5 | 9 | 10, ..] | [0, 0, 0, 5, ..])
}

/// Whether one that may has one, at a port for exports.
#[inline]
fn is_export(decoded: &Decoded<'_>, flow_ports: &PortSet) -> bool {
    let packet = &decoded.outer;
    flow_ports.has(packet.destination_port)
        && (datagrams::is_plausible(packet.payload) || flow::looks_like(packet.payload).is_some())
}

#[derive(Clone, Copy)]
struct Arrival {
    index: usize,
    time: Time,
    exporter: Address,
}

#[inline(never)]
fn exported<V: Visitor>(
    counters: &mut Counters,
    from: Arrival,
    datagram: &[u8],
    shared: &mut Shared,
    visitor: &mut V,
) {
    let mut sink = Sink { from, visitor, interfaces: 0 };
    let outcome = shared.decoder.decode(from.exporter, from.time, datagram, &mut sink);
    counters.interface_counters += sink.interfaces;
    counters.flow_datagrams += 1;
    counters.flow_records += u64::from(outcome.records);
    counters.flow_elements_skipped += u64::from(outcome.skipped);
    counters.exports_lost += u64::from(outcome.lost);
    if outcome.lost > 0 {
        visitor.loss(from.index, outcome.lost.into());
    }
}

/// Hands what a datagram holds to the visitor.
struct Sink<'a, V> {
    from: Arrival,
    visitor: &'a mut V,
    interfaces: u64,
}

impl<V: Visitor> FlowSink for Sink<'_, V> {
    #[inline]
    fn flow(&mut self, record: &FlowRecord) {
        self.visitor.flow(self.from.index, self.from.time, self.from.exporter, record);
    }

    fn interface(&mut self, counters: &InterfaceCounters) {
        self.interfaces += 1;
        self.visitor.interface_counters(self.from.index, self.from.time, self.from.exporter, counters);
    }
}
