//! Sampling rates as exporters really state them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wire::FlowRecord;
use wire::flow::{FlowDecoder, Limits};

use crate::{KEY, files};

/// How many records have which rate.
fn rates(group: &(String, Vec<PathBuf>)) -> BTreeMap<u32, usize> {
    let mut decoder = FlowDecoder::new(Limits::default(), KEY);
    let mut records: Vec<FlowRecord> = Vec::new();
    for datagram in group.1.iter().flat_map(|path| files::datagrams(path)) {
        decoder.decode(datagram.exporter, datagram.arrival, &datagram.bytes, &mut records);
    }
    let mut rates = BTreeMap::new();
    for record in records {
        *rates.entry(record.sampling).or_default() += 1;
    }
    rates
}

fn check(folder: &Path, expected: &[(&str, &[(u32, usize)])]) {
    let groups = files::groups(folder);
    for (name, rates_and_counts) in expected {
        let group = groups.iter().find(|(file, _)| file == name).unwrap();
        assert_eq!(rates(group), rates_and_counts.iter().copied().collect(), "{name}");
    }
}

#[test]
fn rates_of_the_repository_fixtures() {
    check(
        &files::repository(),
        &[
            // In the header of version 5, as an option without a sampler, in the samples themselves.
            ("netflow5/logstash_juniper_mx80.dat", &[(1000, 29)]),
            ("ipfix/gen_benign_ipv6_browsing.pcap", &[(1, 141)]),
            ("sflow5/gen_dns_amp_1in10.pcap", &[(10, 696)]),
            ("sflow5/telegraf_sflow_issue_15918.bin", &[(200, 6)]),
            // Nothing said is not 1.
            ("netflow9/telegraf_netflow_v9.bin", &[(0, 8)]),
        ],
    );
}

#[test]
fn rates_of_the_full_set() {
    let Some(folder) = files::full_set() else { return };
    check(
        &folder,
        &[
            // Two samplers with rates of their own, named by each record (akvorado's own test has these).
            ("netflow9/akvorado_multiplesamplingrates-data.pcap", &[(2000, 11), (4000, 1)]),
            ("netflow9/akvorado_samplingrate-data.pcap", &[(2048, 6)]),
            ("netflow9/akvorado_mpls.pcap", &[(10, 2)]),
            ("ipfix/pmacct_104-IPFIXv10-IPv6-CISCO-sampling_option_traffic-00.pcap", &[(256, 3)]),
            ("sflow5/akvorado_data-1140.pcap", &[(1024, 5)]),
        ],
    );
}
