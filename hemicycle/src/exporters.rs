//! Which flow records count: each packet once, however many interfaces of an exporter saw it.
//!
//! A router that exports at all of its interfaces reports a packet when it comes in and perhaps again when it
//! leaves. An institution file says which interfaces face the outside (`interfaces.external`); a record then
//! counts if its packets came in by one of them, or left by one. Where an exporter marks records of leaving
//! packets (flowDirection, RFC 5102), those that left are taken from these records alone.
//!
//! Exporters that the file does not declare are believed in a replay, and counted. Records without any interface
//! are believed too, since leaving them out would hide whole floods.
//!
//! Limits: of exporters that sample packets on both sides (sFlow) both samples look alike, so such an agent must
//! sample its external interfaces only.

use std::collections::BTreeMap;

use institution::{Institution, Sampling};
use serde::Serialize;
use wire::{Address, FlowRecord};

/// What was counted about exporters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Records of exporters that the institution file does not declare; believed.
    pub undeclared_records: u64,
    /// Records not counted because their packets crossed no external interface, or were counted already.
    pub other_interface_records: u64,
    /// Records of exporters with external interfaces that name no interface; believed.
    pub no_interface_records: u64,
}

/// What to do with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Its packets count; `sampling` is the operator's word over the exporter's.
    Counts { sampling: Option<u32> },
    /// Its packets are counted elsewhere.
    CountedElsewhere,
}

#[derive(Clone, Debug)]
struct Exporter {
    sampling: Option<u32>,
    external: Vec<u32>,
    marks_leaving: bool,
}

/// The declared exporters and what their records showed.
#[derive(Clone, Debug)]
pub(crate) struct Exporters {
    /// An institution is given, so that an exporter can be undeclared.
    are_declared: bool,
    known: BTreeMap<Address, Exporter>,
    counters: Counters,
}

impl Exporters {
    pub(crate) fn new(institution: Option<&Institution>) -> Self {
        let declared = institution.map(|institution| institution.exporters.as_slice()).unwrap_or_default();
        let known = declared.iter().map(|exporter| {
            let sampling = match exporter.sampling {
                Sampling::OneIn(rate) => Some(rate),
                Sampling::Auto => None,
            };
            let external = exporter.external.clone();
            (Address::from(exporter.address), Exporter { sampling, external, marks_leaving: false })
        });
        Self { are_declared: institution.is_some(), known: known.collect(), counters: Counters::default() }
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }

    #[inline]
    pub(crate) fn judge(&mut self, address: Address, record: &FlowRecord) -> Known {
        let Some(exporter) = self.known.get_mut(&address) else {
            self.counters.undeclared_records += u64::from(self.are_declared);
            return Known::Counts { sampling: None };
        };
        let counts = Known::Counts { sampling: exporter.sampling };
        if exporter.external.is_empty() {
            return counts;
        }
        let (input, output) = (record.input_interface, record.output_interface);
        if input == 0 && output == 0 {
            self.counters.no_interface_records += 1;
            return counts;
        }
        if exporter.crosses(record.egress, input, output) {
            counts
        } else {
            self.counters.other_interface_records += 1;
            Known::CountedElsewhere
        }
    }
}

impl Exporter {
    fn crosses(&mut self, egress: Option<bool>, input: u32, output: u32) -> bool {
        let leaves = self.external.contains(&output);
        if egress == Some(true) {
            self.marks_leaving = true;
            return leaves;
        }
        self.external.contains(&input) || (leaves && !self.marks_leaving)
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
    fn the_declared_sampling_goes_over_the_exporters_word() {
        let record = FlowRecord::new(Address::default(), Address::default());
        let found = exporters().judge(Address::from_ipv4([198, 51, 100, 1]), &record);
        assert_eq!(found, Known::Counts { sampling: Some(1000) });
    }
}
