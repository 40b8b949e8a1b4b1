//! The sets (flow sets) that NetFlow v9 and IPFIX messages consist of.

use super::{
    bytes::Bytes,
    clock::Clock,
    counters::FlowCounters,
    extract::{self, Context},
    fields::Slot,
    layout::{AnyRecord, Fields, LEAD, ShortRecord, WINDOW},
    limits::Limits,
    record::{FlowRecord, FlowSink, Protocol},
    sampling::{Learnt, Samplers},
    sources::Source,
    template::{Definition, Families, Template, take_specifiers},
};

/// Ids below this are not data sets (RFC 7011 section 3.3.2).
const FIRST_DATA_SET: u16 = 256;
const SET_HEADER: usize = 4;

/// What the message decoders share.
pub(super) struct Environment<'a> {
    pub(super) limits: &'a Limits,
    pub(super) counters: &'a mut FlowCounters,
    /// Part of [`Limits::fields_total`] that is in use.
    pub(super) fields_used: &'a mut usize,
    /// Part of [`Limits::fields_per_exporter`] that is in use.
    pub(super) exporter_fields: &'a mut usize,
}

impl Environment<'_> {
    /// Whether there is no room for a template of this cost.
    fn is_full(&self, cost: usize) -> bool {
        *self.fields_used + cost > self.limits.fields_total
            || *self.exporter_fields + cost > self.limits.fields_per_exporter
    }

    fn take(&mut self, cost: usize) {
        *self.fields_used += cost;
        *self.exporter_fields += cost;
    }

    fn free(&mut self, cost: usize) {
        *self.fields_used = self.fields_used.saturating_sub(cost);
        *self.exporter_fields = self.exporter_fields.saturating_sub(cost);
    }
}

/// What the sets of one message held.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Records given to the sink.
    pub(super) records: u32,
    /// Data records present, as IPFIX's sequence numbers count them.
    pub(super) data_records: u32,
    pub(super) skipped: u32,
    /// A set's template is missing, so `data_records` is too low.
    pub(super) uncounted: bool,
    changes: usize,
    options: usize,
}

/// The sets of one message.
pub(super) struct Message<'a, 's, 'e, S> {
    pub(super) protocol: Protocol,
    /// The message from its header to its end.
    pub(super) bytes: &'a [u8],
    pub(super) clock: Clock,
    pub(super) source: &'s mut Source,
    pub(super) environment: &'a mut Environment<'e>,
    pub(super) sink: &'a mut S,
    pub(super) tally: Tally,
}

impl<'a, 's, S: FlowSink> Message<'a, 's, '_, S> {
    /// Reads all sets after a message header of `header` bytes; gives the source back.
    pub(super) fn read(mut self, header: usize) -> (Tally, &'s mut Source) {
        let mut rest = Bytes::new(self.bytes.get(header..).unwrap_or_default());
        while rest.len() >= SET_HEADER {
            let start = self.bytes.len() - rest.len() + SET_HEADER;
            let (Some(id), Some(length)) = (rest.u16(), rest.u16()) else { break };
            let Some(length) = usize::from(length).checked_sub(SET_HEADER) else {
                self.bad_length();
                break;
            };
            // What is left of a set that was cut off may still hold whole records.
            if length > rest.len() {
                self.bad_length();
            }
            let length = length.min(rest.len());
            let Some(set) = rest.take(length) else { break };
            match (self.protocol, id) {
                (Protocol::Netflow9, 0) | (Protocol::Ipfix, 2) => self.templates(set, false),
                (Protocol::Netflow9, 1) | (Protocol::Ipfix, 3) => self.templates(set, true),
                (_, FIRST_DATA_SET..) => self.data(id, start, start + length),
                _ => {
                    self.environment.counters.sets_skipped += 1;
                    self.tally.skipped += 1;
                }
            }
        }
        (self.tally, self.source)
    }

    fn bad_length(&mut self) {
        self.environment.counters.bad_lengths += 1;
        self.tally.skipped += 1;
    }

    // ---- data -------------------------------------------------------------------------------------------

    fn data(&mut self, id: u16, start: usize, end: usize) {
        let Ok(index) = self.source.template(id) else {
            self.environment.counters.sets_before_template += 1;
            self.tally.skipped += 1;
            self.tally.uncounted = true;
            return;
        };
        let Source { templates, samplers, started, .. } = &mut *self.source;
        let Some(template) = templates.get_mut(index) else { return };
        template.used = self.environment.counters.datagrams;
        let template = &*template;
        let mut set = Set {
            template,
            bytes: self.bytes,
            start,
            end,
            counters: self.environment.counters,
            tally: &mut self.tally,
        };
        if template.options {
            set.options(samplers, started, self.environment.limits);
        } else {
            let context = Context {
                clock: Clock { started: *started, ..self.clock },
                samplers,
                rate: samplers.shared(),
                rate_by_record: template.plan.sampling || samplers.by_interface(),
            };
            set.records(&context, self.sink);
        }
    }

    // ---- templates --------------------------------------------------------------------------------------

    fn templates(&mut self, set: &'a [u8], options: bool) {
        let mut rest = Bytes::new(set);
        while rest.len() >= 4 {
            match self.template(&mut rest, options) {
                Some(true) => {}
                // Padding: RFC 7011 section 3.3.1.
                Some(false) => break,
                None => {
                    self.environment.counters.templates_refused += 1;
                    self.tally.skipped += 1;
                    break;
                }
            }
        }
    }

    /// One template record. `Some(false)`: padding; `None`: malformed, and what follows cannot be found.
    fn template(&mut self, rest: &mut Bytes<'a>, options: bool) -> Option<bool> {
        let protocol = self.protocol;
        let id = rest.u16()?;
        let count = usize::from(rest.u16()?);
        if id == 0 && count == 0 {
            return Some(false);
        }
        if protocol == Protocol::Ipfix && count == 0 {
            self.withdraw(id, options);
            return Some(true);
        }
        let (fields, scopes) = match (options, protocol) {
            (false, _) => (count, None),
            // Lengths in bytes of the scope and option specifiers, four bytes each (RFC 3954 section 6.1).
            (true, Protocol::Netflow9) => {
                let scopes = count / 4;
                (scopes + usize::from(rest.u16()?) / 4, Some(scopes))
            }
            (true, _) => (count, Some(usize::from(rest.u16()?))),
        };
        let bytes = take_specifiers(rest, protocol, fields)?;
        if id < FIRST_DATA_SET {
            return None;
        }
        self.announce(&Definition { protocol, id, fields, scopes, bytes });
        Some(true)
    }

    fn announce(&mut self, definition: &Definition<'_>) {
        let found = self.source.template(definition.id);
        if let Ok(index) = found
            && self.source.templates.get(index).is_some_and(|template| template.is(definition))
        {
            self.environment.counters.templates_repeated += 1;
            return;
        }
        if let Ok(index) = found {
            // What the old definition would make of new records is wrong, whether the new one is taken or not.
            let old = self.source.templates.remove(index);
            self.environment.free(old.cost());
        }
        if !self.adopt(definition) {
            self.environment.counters.templates_refused += 1;
            self.tally.skipped += 1;
        } else if found.is_ok() {
            self.environment.counters.templates_changed += 1;
        } else {
            self.environment.counters.templates_added += 1;
        }
    }

    /// Compiles and keeps a template, if limits allow.
    fn adopt(&mut self, definition: &Definition<'_>) -> bool {
        let limits = self.environment.limits;
        self.tally.changes += 1;
        if definition.fields > limits.fields_per_template
            || self.tally.changes > limits.template_changes_per_datagram
        {
            return false;
        }
        let Some(mut template) = Template::compile(definition) else { return false };
        while self.source.templates.len() >= limits.templates_per_domain
            || self.environment.is_full(template.cost())
        {
            let oldest = self.source.templates.iter().enumerate().min_by_key(|(_, kept)| kept.used);
            let Some((index, _)) = oldest else { return false };
            let evicted = self.source.templates.remove(index);
            self.environment.free(evicted.cost());
            self.environment.counters.templates_evicted += 1;
        }
        let (Ok(index) | Err(index)) = self.source.template(template.id);
        template.used = 0;
        self.environment.take(template.cost());
        self.source.templates.insert(index, template);
        true
    }

    /// Forgets one template, or all of a kind if `id` is the id of their set (RFC 7011 section 8.1).
    fn withdraw(&mut self, id: u16, options: bool) {
        let all = id == if options { 3 } else { 2 };
        let mut freed = 0;
        let before = self.source.templates.len();
        self.source.templates.retain(|template| {
            let goes = if all { template.options == options } else { template.id == id };
            freed += if goes { template.cost() } else { 0 };
            !goes
        });
        self.environment.free(freed);
        self.environment.counters.templates_withdrawn += (before - self.source.templates.len()) as u64;
    }
}

/// Gives a record of an unusual set to the sink, which is inlined only where nearly all records come from.
#[inline(never)]
fn give<S: FlowSink>(sink: &mut S, record: &FlowRecord) {
    sink.flow(record);
}

/// A data set and its template.
struct Set<'a> {
    template: &'a Template,
    /// The message; records lie in `start..end`.
    bytes: &'a [u8],
    start: usize,
    end: usize,
    counters: &'a mut FlowCounters,
    tally: &'a mut Tally,
}

impl Set<'_> {
    fn records<S: FlowSink>(&mut self, context: &Context<'_>, sink: &mut S) {
        let template = self.template;
        let plan = &template.plan;
        let silent = plan.families == Families::None && !plan.frame;
        let Some(length) = template.fixed_length() else {
            return self.walked(silent, |set, record| set.emit(record, context, sink));
        };
        let count = ((self.end - self.start) / length) as u32;
        self.tally.data_records += count;
        if silent {
            self.counters.records_without_address += u64::from(count);
            return;
        }
        if plan.short {
            return self.short(length, count as usize, context, sink);
        }
        let mut at = self.start;
        for _ in 0..count {
            let Some(window) = self.bytes.get(at - LEAD..at + length) else { break };
            self.emit(AnyRecord { layout: template.layout(), window }, context, sink);
            at += length;
        }
    }

    /// The usual kind of set, which is nearly all that routers send: records of fixed `length`, `count` of them.
    #[inline(always)]
    fn short<S: FlowSink>(&mut self, length: usize, count: usize, context: &Context<'_>, sink: &mut S) {
        let (layout, plan) = (self.template.layout(), &self.template.plan);
        let bytes = self.bytes.get(self.start - LEAD..).unwrap_or_default();
        // Windows of the last records reach beyond the message, so these are copied to where there is room.
        let in_place = bytes.len().checked_sub(WINDOW).map_or(0, |room| (room / length + 1).min(count));
        let mut tail = [0; 2 * WINDOW];
        if in_place < count {
            let rest = bytes.get(in_place * length..).unwrap_or_default();
            let rest = rest.get(..WINDOW).unwrap_or(rest);
            if let Some(place) = tail.get_mut(..rest.len()) {
                place.copy_from_slice(rest);
            }
        }
        for (mut rest, count) in [(bytes, in_place), (&tail[..], count - in_place)] {
            for _ in 0..count {
                let Some(window) = rest.first_chunk() else { break };
                sink.flow(&extract::record(ShortRecord { layout, window }, plan, context));
                let Some(next) = rest.get(length..) else { break };
                rest = next;
            }
        }
        self.tally.records += count as u32;
    }

    #[inline(always)]
    fn emit<S: FlowSink>(&mut self, fields: AnyRecord<'_>, context: &Context<'_>, sink: &mut S) {
        let plan = &self.template.plan;
        let record = if plan.families == Families::None {
            let Some(record) = extract::framed(fields, plan, context) else {
                self.counters.undecodable_frames += 1;
                self.tally.skipped += 1;
                return;
            };
            record
        } else {
            extract::record(fields, plan, context)
        };
        give(sink, &record);
        self.tally.records += 1;
        if plan.reverse
            && let Some(reverse) = extract::reversed(&record, fields, plan, &context.clock)
        {
            give(sink, &reverse);
            self.tally.records += 1;
            self.counters.reverse_records += 1;
        }
    }

    /// Walks the records of variable length; `silent` ones are counted only.
    fn walked(&mut self, silent: bool, mut each: impl FnMut(&mut Self, AnyRecord<'_>)) {
        let mut at = self.start;
        let (bytes, template) = (self.bytes, self.template);
        let mut layout = *template.layout();
        while at < self.end {
            let Some(rest) = bytes.get(at..self.end) else { break };
            let Some(length) = template.walk(rest, &mut layout) else {
                // Up to three bytes of zeros are padding (RFC 7011 section 3.3.1), more is a broken record.
                if rest.len() > 3 || rest.iter().any(|&byte| byte != 0) {
                    self.counters.bad_lengths += 1;
                    self.tally.skipped += 1;
                }
                break;
            };
            self.tally.data_records += 1;
            if silent {
                self.counters.records_without_address += 1;
            } else if let Some(window) = bytes.get(at - LEAD..at + length) {
                each(self, AnyRecord { layout: &layout, window });
            }
            at += length;
        }
    }

    fn options(&mut self, samplers: &mut Samplers, started: &mut u64, limits: &Limits) {
        let learns = self.template.plan.sampling || self.template.layout().has(Slot::SystemStart);
        let limit = limits.options_records_per_datagram;
        let mut each = |set: &mut Self, record: AnyRecord<'_>| {
            set.tally.options += 1;
            set.counters.options_records += 1;
            if set.tally.options > limit {
                set.counters.options_records_refused += 1;
                return;
            }
            match samplers.learn(record, limits.samplers_per_domain) {
                Learnt::Nothing => {}
                Learnt::Changed => set.counters.sampling_changes += 1,
                Learnt::Refused => set.counters.samplers_refused += 1,
            }
            if record.has(Slot::SystemStart) {
                *started = record.integer(Slot::SystemStart);
            }
        };
        let Some(length) = self.template.fixed_length() else { return self.walked(false, each) };
        let count = (self.end - self.start) / length;
        self.tally.data_records += count as u32;
        let read = if learns { count.min(limit.saturating_sub(self.tally.options)) } else { 0 };
        let mut at = self.start;
        for _ in 0..read {
            let Some(window) = self.bytes.get(at - LEAD..at + length) else { break };
            each(self, AnyRecord { layout: self.template.layout(), window });
            at += length;
        }
        let rest = (count - read) as u64;
        self.counters.options_records += rest;
        if learns {
            self.counters.options_records_refused += rest;
        }
    }
}
