//! Which flow records count: each packet once, however many interfaces of an exporter saw it.
//!
//! A router that exports at all of its interfaces reports a packet when it comes in and perhaps again when it
//! leaves. An institution file says which interfaces face the outside (`interfaces.external`); a record then
//! counts if its packets came in by one of them, or left by one. Where an exporter marks records of leaving
//! packets (flowDirection, RFC 5102), those that left are taken from these records alone.
//!
//! Exporters that the file does not declare are believed in a replay, and counted; the service drops what they send
//! before it comes here. Records without any interface are believed too, since leaving them out would hide whole
//! floods.
//!
//! Exporters err and lie, so a record must be possible. One that says more than any link carries is not counted; one whose
//! counts contradict each other is counted as far as both can be true; a sampling rate that nobody can set is not
//! believed. Each is counted. What is wrong but possible is believed: nobody else saw these packets.
//!
//! Limits: of exporters that sample packets on both sides (sFlow) both samples look alike, so such an agent must
//! sample its external interfaces only.

use detect::{are_bytes_enough, possible_packets};
use institution::{Institution, Sampling};
use serde::Serialize;
use wire::{Address, FlowRecord, Time};

/// What was counted about exporters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Records of exporters that the institution file does not declare; believed.
    pub undeclared_records: u64,
    /// Records not counted because their packets crossed no external interface, or were counted already.
    pub other_interface_records: u64,
    /// Records of exporters with external interfaces that name no interface; believed.
    pub no_interface_records: u64,
    /// Records that say more packets or bytes than any link carries, or a count of all ones; not counted.
    pub implausible_records: u64,
    /// Records with fewer bytes than their packets must have; counted with as many packets as the bytes allow.
    pub contradictory_records: u64,
    /// Records with a sampling rate that nobody can set; counted as if no rate were known.
    pub implausible_sampling_records: u64,
}

impl Counters {
    /// Adds what another worker counted.
    pub const fn add(&mut self, other: &Self) {
        self.undeclared_records += other.undeclared_records;
        self.other_interface_records += other.other_interface_records;
        self.no_interface_records += other.no_interface_records;
        self.implausible_records += other.implausible_records;
        self.contradictory_records += other.contradictory_records;
        self.implausible_sampling_records += other.implausible_sampling_records;
    }
}

/// Packets in a second that no link carries: 10 Tbit/s (as `intake` has it for interfaces) of the smallest Ethernet
/// frames with their preambles and gaps, 84 bytes each.
const MOST_PACKETS_PER_SECOND: u64 = 14_880_952_381;
/// Bytes in a second that no link carries: 10 Tbit/s.
const MOST_BYTES_PER_SECOND: u64 = 1_250_000_000_000;
/// No packet has more bytes (RFC 791 section 3.1).
const MOST_PACKET_BYTES: u64 = 65_535;
/// No flow is longer in one record: exporters cut flows off at half an hour, some after the hour.
const LONGEST_SECONDS: u64 = 3_600;
/// The thinnest sampling that a router lets itself be told (sFlow of Junos and of HPE: 2^30 - 1 and 10^9).
const MOST_SAMPLING: u32 = 1 << 30;
/// Below these the counts of a record need no closer look: their products are below what a link carries in a second.
const MODEST: (u64, u64, u32) = (1 << 23, 1 << 30, 1 << 10);

/// What to do with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Its packets count.
    Counts {
        /// The operator's word over the exporter's.
        sampling: Option<u32>,
    },
    /// Its packets are counted elsewhere.
    CountedElsewhere,
    /// It cannot be true, so it counts nowhere.
    Implausible,
}

#[derive(Clone, Debug)]
struct Exporter {
    address: Address,
    sampling: Option<u32>,
    external: Interfaces,
    marks_leaving: bool,
}

/// A few interfaces of an exporter, looked up for each record.
#[derive(Clone, Debug)]
struct Interfaces {
    /// The first ones, the very first in the place of those that there are not: compared all at once, without a loop.
    first: [u32; 4],
    more: Vec<u32>,
    is_empty: bool,
}

/// The declared exporters and what their records showed.
#[derive(Clone, Debug)]
pub struct Exporters {
    /// An institution is given, so that an exporter can be undeclared.
    are_declared: bool,
    /// Sorted by address.
    known: Vec<Exporter>,
    counters: Counters,
}

impl Exporters {
    /// Those that an institution declares; without one nobody is undeclared.
    pub fn new(institution: Option<&Institution>) -> Self {
        let declared = institution.map(|institution| institution.exporters.as_slice()).unwrap_or_default();
        let mut known: Vec<Exporter> = declared.iter().map(Exporter::new).collect();
        known.sort_by_key(|exporter| exporter.address);
        Self { are_declared: institution.is_some(), known, counters: Counters::default() }
    }

    /// Takes another institution's exporters in the place of these. What was counted stays, and so does what the
    /// records of those that stay have shown.
    pub fn replace(&mut self, institution: &Institution) {
        let before = std::mem::replace(self, Self::new(Some(institution)));
        self.counters = before.counters;
        for exporter in &before.known {
            if let Some(place) = self.place(exporter.address)
                && let Some(known) = self.known.get_mut(place)
            {
                known.marks_leaving = exporter.marks_leaving;
            }
        }
    }

    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The place of a declared exporter among them: the same until they are replaced, from 0, in the order of
    /// their addresses.
    #[inline]
    pub fn place(&self, address: Address) -> Option<usize> {
        self.known.binary_search_by_key(&address, |exporter| exporter.address).ok()
    }

    /// What to do with a record of an exporter that may be undeclared.
    #[inline]
    pub fn judge(&mut self, address: Address, record: &FlowRecord) -> Known {
        match self.place(address).and_then(|place| self.at(place)) {
            Some(mut exporter) => exporter.judge(record),
            None => {
                self.counters.undeclared_records += u64::from(self.are_declared);
                self.counters.believe(record, None)
            }
        }
    }

    /// The exporter at a place, for who judges many of its records.
    #[inline]
    pub fn at(&mut self, place: usize) -> Option<Judge<'_>> {
        let exporter = self.known.get_mut(place)?;
        Some(Judge { exporter, counters: &mut self.counters })
    }
}

/// A declared exporter whose records are judged.
#[derive(Debug)]
pub struct Judge<'a> {
    exporter: &'a mut Exporter,
    counters: &'a mut Counters,
}

impl Judge<'_> {
    /// What to do with one of its records.
    ///
    /// Always inlined, with no reference to the record that outlives the call: what is decoded stays in registers.
    #[inline(always)]
    pub fn judge(&mut self, record: &FlowRecord) -> Known {
        let sampling = self.exporter.sampling;
        if self.exporter.external.is_empty {
            return self.counters.believe(record, sampling);
        }
        let (input, output) = (record.input_interface, record.output_interface);
        if input == 0 && output == 0 {
            self.counters.no_interface_records += 1;
            return self.counters.believe(record, sampling);
        }
        if self.exporter.crosses(record.egress, input, output) {
            self.counters.believe(record, sampling)
        } else {
            self.counters.other_interface_records += 1;
            Known::CountedElsewhere
        }
    }
}

impl Counters {
    /// Whether a record can be true, under the operator's word about its sampling.
    #[inline(always)]
    fn believe(&mut self, record: &FlowRecord, sampling: Option<u32>) -> Known {
        let (packets, bytes, rate) = MODEST;
        let is_modest = record.packets < packets && record.bytes < bytes && record.sampling <= rate;
        let is_modest = is_modest && sampling.is_none_or(|sampling| sampling <= rate);
        if is_modest && are_bytes_enough(record.packets, record.bytes) {
            return Known::Counts { sampling };
        }
        let FlowRecord { packets, bytes, sampling: stated, first, last, .. } = *record;
        self.look_closer(&Claim { packets, bytes, sampling: stated, first, last }, sampling)
    }

    #[cold]
    fn look_closer(&mut self, claim: &Claim, mut sampling: Option<u32>) -> Known {
        if sampling.is_none() && claim.sampling > MOST_SAMPLING {
            self.implausible_sampling_records += 1;
            sampling = Some(1);
        }
        if !claim.is_possible(sampling.unwrap_or(claim.sampling).max(1)) {
            self.implausible_records += 1;
            return Known::Implausible;
        }
        let is_contradictory = possible_packets(claim.packets, claim.bytes) != claim.packets.max(1);
        self.contradictory_records += u64::from(is_contradictory);
        Known::Counts { sampling }
    }
}

/// What a record says that may be impossible. Not the record itself: then nothing else of it need be read for the few
/// that are looked at closer.
#[derive(Clone, Copy, Debug)]
struct Claim {
    packets: u64,
    bytes: u64,
    sampling: u32,
    first: Option<Time>,
    last: Option<Time>,
}

impl Claim {
    /// Whether a link may have carried this.
    fn is_possible(&self, sampling: u32) -> bool {
        // A count of all ones is a counter that stands still, or an exporter's word for "not counted".
        if self.packets == u64::MAX || self.packets == u64::from(u32::MAX) || self.bytes == u64::MAX {
            return false;
        }
        let seconds = match (self.first, self.last) {
            (Some(first), Some(last)) => (last.seconds_since(first).max(1.0) as u64).min(LONGEST_SECONDS),
            _ => 1,
        };
        let most = |per_second: u64| per_second.saturating_mul(seconds) / u64::from(sampling);
        // A single packet may be seen however thinly is sampled.
        possible_packets(self.packets, self.bytes) <= most(MOST_PACKETS_PER_SECOND).max(1)
            && self.bytes <= most(MOST_BYTES_PER_SECOND).max(MOST_PACKET_BYTES)
    }
}

impl Exporter {
    fn new(exporter: &institution::Exporter) -> Self {
        let sampling = match exporter.sampling {
            Sampling::OneIn(rate) => Some(rate),
            Sampling::Auto => None,
        };
        let (address, external) = (Address::from(exporter.address), Interfaces::new(&exporter.external));
        Self { address, sampling, external, marks_leaving: false }
    }

    #[inline]
    fn crosses(&mut self, egress: Option<bool>, input: u32, output: u32) -> bool {
        if egress == Some(true) {
            self.marks_leaving = true;
            return self.external.contain(output);
        }
        self.external.contain(input) || (!self.marks_leaving && self.external.contain(output))
    }
}

impl Interfaces {
    fn new(all: &[u32]) -> Self {
        let mut first = [all.first().copied().unwrap_or(0); 4];
        for (place, &interface) in first.iter_mut().zip(all) {
            *place = interface;
        }
        let more = all.get(first.len()..).unwrap_or_default().to_vec();
        Self { first, more, is_empty: all.is_empty() }
    }

    /// Whether there is one of this number. Not asked if there are none.
    #[inline]
    fn contain(&self, interface: u32) -> bool {
        self.first.iter().fold(false, |found, &one| found | (one == interface))
            || (!self.more.is_empty() && self.more.contains(&interface))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
[institution]
name = "Test"
time_zone = "UTC"
[zone.public]
prefixes = ["192.0.2.0/25"]
exposure = "internet"
[exporter.edge]
address = "198.51.100.1"
sampling = 1000
interfaces = { external = [3, 4] }
[exporter.core]
address = "198.51.100.2"
"#;

    fn exporters() -> Exporters {
        Exporters::new(Some(&institution::parse("test.toml", FILE).unwrap()))
    }

    fn judge(exporters: &mut Exporters, last: u8, input: u32, output: u32, egress: Option<bool>) -> bool {
        let mut record = FlowRecord::new(Address::default(), Address::default());
        (record.input_interface, record.output_interface, record.egress) = (input, output, egress);
        exporters.judge(Address::from_ipv4([198, 51, 100, last]), &record) != Known::CountedElsewhere
    }

    #[test]
    fn a_packet_counts_where_it_enters_or_leaves_by_an_external_interface() {
        let mut exporters = exporters();
        assert!(judge(&mut exporters, 1, 3, 10, None));
        assert!(judge(&mut exporters, 1, 10, 4, None));
        assert!(!judge(&mut exporters, 1, 10, 11, None));
        assert!(judge(&mut exporters, 1, 0, 0, None), "no interface is believed");
        let counters = exporters.counters();
        assert_eq!((counters.other_interface_records, counters.no_interface_records), (1, 1));
    }

    #[test]
    fn records_of_leaving_packets_are_not_counted_beside_those_of_entering_ones() {
        let mut exporters = exporters();
        assert!(judge(&mut exporters, 1, 3, 10, Some(false)), "enters");
        assert!(!judge(&mut exporters, 1, 3, 10, Some(true)), "the same packet leaves to the inside");
        assert!(judge(&mut exporters, 1, 10, 3, Some(true)), "leaves");
        assert!(!judge(&mut exporters, 1, 10, 3, Some(false)), "the same packet came in from the inside");
    }

    #[test]
    fn every_interface_of_a_long_list_counts_and_no_other() {
        for length in 1..10 {
            let all: Vec<u32> = (1..=length).map(|number| 10 * number).collect();
            let interfaces = Interfaces::new(&all);
            for number in 0..120 {
                assert_eq!(interfaces.contain(number), all.contains(&number), "{number} of {length}");
            }
        }
    }

    #[test]
    fn exporters_without_external_interfaces_and_undeclared_ones_are_believed() {
        let mut exporters = exporters();
        assert!(judge(&mut exporters, 2, 10, 11, None));
        assert!(judge(&mut exporters, 9, 10, 11, None));
        assert_eq!(exporters.counters().undeclared_records, 1);
        let mut without = Exporters::new(None);
        assert!(judge(&mut without, 9, 10, 11, None));
        assert_eq!(without.counters().undeclared_records, 0);
    }

    #[test]
    fn replaced_exporters_keep_what_was_counted_and_what_records_showed() {
        let mut exporters = exporters();
        assert!(!judge(&mut exporters, 1, 3, 10, Some(true)), "leaves to the inside");
        let without_core = FILE.split("[exporter.core]").next().unwrap();
        exporters.replace(&institution::parse("test.toml", without_core).unwrap());
        assert_eq!(exporters.counters().other_interface_records, 1);
        assert!(!judge(&mut exporters, 1, 10, 3, None), "an exporter that marks leaving packets still does");
        assert_eq!(exporters.place(Address::from_ipv4([198, 51, 100, 1])), Some(0));
        assert_eq!(exporters.place(Address::from_ipv4([198, 51, 100, 2])), None);
    }

    fn believed(packets: u64, bytes: u64, sampling: u32) -> Known {
        let mut record = FlowRecord::new(Address::default(), Address::default());
        (record.packets, record.bytes, record.sampling) = (packets, bytes, sampling);
        exporters().judge(Address::from_ipv4([198, 51, 100, 2]), &record)
    }

    #[test]
    fn what_no_link_carries_is_not_counted() {
        let counts = Known::Counts { sampling: None };
        for (packets, bytes, sampling) in [
            (0, 0, 0),
            (1, 1_500, 1 << 30),
            (3, 120, 1_000),
            // A second of 400 Gbit/s.
            (33_000_000, 50_000_000_000, 1),
            (33_000, 50_000_000, 1_000),
        ] {
            assert_eq!(believed(packets, bytes, sampling), counts, "{packets} {bytes} {sampling}");
        }
        for (packets, bytes, sampling) in [
            (u64::MAX, u64::MAX, 0),
            (u64::MAX, 1_000, 0),
            (u64::from(u32::MAX), u64::from(u32::MAX), 0),
            (1 << 40, 1 << 46, 1),
            (100, u64::MAX, 1),
            (1_000_000, 1_000_000_000, 1_000_000),
        ] {
            assert_eq!(
                believed(packets, bytes, sampling),
                Known::Implausible,
                "{packets} {bytes} {sampling}"
            );
        }
    }

    #[test]
    fn a_long_flow_may_say_more() {
        let mut record = FlowRecord::new(Address::default(), Address::default());
        // Half an hour of 400 Gbit/s.
        (record.packets, record.bytes) = (60_000_000_000, 90_000_000_000_000);
        let judge = |record: &FlowRecord| exporters().judge(Address::from_ipv4([198, 51, 100, 2]), record);
        assert_eq!(judge(&record), Known::Implausible);
        record.first = Some(wire::Time::from_seconds(1_800_000_000, 0));
        record.last = Some(wire::Time::from_seconds(1_800_001_800, 0));
        assert_eq!(judge(&record), Known::Counts { sampling: None });
        // From 1970 to 2100 is no reason to believe more.
        (record.first, record.last) =
            (Some(wire::Time::default()), Some(wire::Time::from_seconds(4_102_444_800, 0)));
        (record.packets, record.bytes) = (1 << 50, 1 << 56);
        assert_eq!(judge(&record), Known::Implausible);
    }

    #[test]
    fn contradictions_and_rates_that_nobody_can_set_are_counted() {
        let mut exporters = exporters();
        let mut record = FlowRecord::new(Address::default(), Address::default());
        let auto = Address::from_ipv4([198, 51, 100, 2]);
        (record.packets, record.bytes) = (1_000, 40);
        assert_eq!(exporters.judge(auto, &record), Known::Counts { sampling: None });
        (record.packets, record.bytes, record.sampling) = (1, 100, u32::MAX);
        assert_eq!(exporters.judge(auto, &record), Known::Counts { sampling: Some(1) });
        let edge = Address::from_ipv4([198, 51, 100, 1]);
        record.input_interface = 3;
        assert_eq!(exporters.judge(edge, &record), Known::Counts { sampling: Some(1000) });
        let counters = exporters.counters();
        assert_eq!((counters.contradictory_records, counters.implausible_sampling_records), (1, 1));
        assert_eq!(counters.implausible_records, 0);
    }

    #[test]
    fn the_declared_sampling_goes_over_the_exporters_word() {
        let record = FlowRecord::new(Address::default(), Address::default());
        let found = exporters().judge(Address::from_ipv4([198, 51, 100, 1]), &record);
        assert_eq!(found, Known::Counts { sampling: Some(1000) });
    }
}
