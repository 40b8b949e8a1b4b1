//! Fixtures: folders, groups of files that belong together, and the datagrams in them.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use wire::packet::{self, LinkType};
use wire::{Address, Time, flow};

/// One datagram of a fixture.
pub(crate) struct Datagram {
    pub(crate) exporter: Address,
    pub(crate) arrival: Time,
    pub(crate) bytes: Vec<u8>,
}

/// The fixtures of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/flows")
}

/// The full set, if the environment names it.
pub(crate) fn full_set() -> Option<PathBuf> {
    match std::env::var_os("HEMICYCLE_CAPTURES") {
        Some(folder) => Some(PathBuf::from(folder).join("flows")),
        None => {
            println!("skipped: HEMICYCLE_CAPTURES is not set");
            None
        }
    }
}

/// Files that need others first, because these hold their templates. All other files stand alone.
const GROUPS: &[&[&str]] = &[
    &["ipfix/akvorado_datalink-template.pcap", "ipfix/akvorado_datalink-data.pcap"],
    &["ipfix/akvorado_ipfixprobe-templates.pcap", "ipfix/akvorado_ipfixprobe-data.pcap"],
    &["ipfix/logstash_barracuda_tpl.dat", "ipfix/logstash_barracuda_data256.dat"],
    &[
        "ipfix/logstash_barracuda_extended_uniflow_tpl256.dat",
        "ipfix/logstash_barracuda_extended_uniflow_data256.dat",
    ],
    &[
        "ipfix/logstash_juniper_mx240_junos151r6s3_opttpl512.dat",
        "ipfix/logstash_juniper_mx240_junos151r6s3_data512.dat",
    ],
    &["ipfix/logstash_netscaler_tpl.dat", "ipfix/logstash_netscaler_data.dat"],
    &["ipfix/logstash_openbsd_pflow_tpl.dat", "ipfix/logstash_openbsd_pflow_data.dat"],
    &[
        "ipfix/logstash_yaf_tpls_option_tpl.dat",
        "ipfix/logstash_yaf_tpl45841.dat",
        "ipfix/logstash_yaf_data45841.dat",
        "ipfix/logstash_yaf_data45873.dat",
        "ipfix/logstash_yaf_data53248.dat",
    ],
    &[
        "ipfix/telegraf_example_0.bin",
        "ipfix/telegraf_example_1.bin",
        "ipfix/telegraf_example_2.bin",
        "ipfix/telegraf_example_3.bin",
        "ipfix/telegraf_example_4.bin",
        "ipfix/telegraf_example_5.bin",
        "ipfix/telegraf_example_6.bin",
    ],
    &[
        "netflow9/akvorado_multiplesamplingrates-options-template.pcap",
        "netflow9/akvorado_multiplesamplingrates-options-data.pcap",
        "netflow9/akvorado_multiplesamplingrates-template.pcap",
        "netflow9/akvorado_multiplesamplingrates-data.pcap",
    ],
    &["netflow9/akvorado_options-template.pcap", "netflow9/akvorado_options-data.pcap"],
    &["netflow9/akvorado_samplingrate-template.pcap", "netflow9/akvorado_samplingrate-data.pcap"],
    &["netflow9/logstash_cisco_aci_tpl256-258.dat", "netflow9/logstash_cisco_aci_data256.dat"],
    &["netflow9/logstash_cisco_asa_1_tpl.dat", "netflow9/logstash_cisco_asa_1_data.dat"],
    &[
        "netflow9/logstash_cisco_asr9k_opttpl256.dat",
        "netflow9/logstash_cisco_asr9k_opttpl257.dat",
        "netflow9/logstash_cisco_asr9k_opttpl334.dat",
        "netflow9/logstash_cisco_asr9k_tpl260.dat",
        "netflow9/logstash_cisco_asr9k_tpl266.dat",
        "netflow9/logstash_cisco_asr9k_data256.dat",
        "netflow9/logstash_cisco_asr9k_data260.dat",
    ],
    &["netflow9/logstash_cisco_wlc_tpl.dat", "netflow9/logstash_cisco_wlc_data261.dat"],
    &["netflow9/logstash_huawei_netstream_tpl.dat", "netflow9/logstash_huawei_netstream_data.dat"],
    &["netflow9/logstash_macaddr_tpl.dat", "netflow9/logstash_macaddr_data.dat"],
    &[
        "netflow9/logstash_nprobe_tpl.dat",
        "netflow9/logstash_nprobe_data.dat",
        "netflow9/logstash_nprobe_dpi.dat",
    ],
    &[
        "ipfix/pmacct_111-IPFIXv10-NFv9-IPv6-IPv4-mix_sources_traffic-00.pcap",
        "netflow9/pmacct_111-IPFIXv10-NFv9-IPv6-IPv4-mix_sources_traffic-01.pcap",
    ],
];

/// Groups of files in `folder`, each named by its last file, in a stable order.
pub(crate) fn groups(folder: &Path) -> Vec<(String, Vec<PathBuf>)> {
    let mut files = Vec::new();
    for kind in ["ipfix", "netflow5", "netflow9", "sflow5"] {
        let Ok(entries) = fs::read_dir(folder.join(kind)) else { continue };
        for entry in entries {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if [".pcap", ".dat", ".bin", ".ipfix"].iter().any(|ending| name.ends_with(ending)) {
                files.push(format!("{kind}/{name}"));
            }
        }
    }
    files.sort();
    let mut groups = Vec::new();
    for group in GROUPS {
        let present: Vec<&str> =
            group.iter().copied().filter(|name| files.iter().any(|file| file == name)).collect();
        if let Some(last) = present.last() {
            groups.push((last.to_string(), present.iter().map(|name| folder.join(name)).collect()));
            files.retain(|file| !present.contains(&file.as_str()));
        }
    }
    groups.extend(files.into_iter().map(|file| {
        let path = folder.join(&file);
        (file, vec![path])
    }));
    groups.sort();
    groups
}

/// The datagrams of a file: UDP payloads of a capture, or what stands one after the other in any other file.
pub(crate) fn datagrams(path: &Path) -> Vec<Datagram> {
    let bytes = fs::read(path).unwrap();
    match bytes.get(..4) {
        Some([0xd4, 0xc3, 0xb2, 0xa1]) => pcap(&bytes),
        Some([0x0a, 0x0d, 0x0d, 0x0a]) => pcapng(&bytes),
        _ => {
            let exporter = Address::from("192.0.2.1".parse::<IpAddr>().unwrap());
            flow::datagrams(&bytes)
                .map(|bytes| Datagram { exporter, arrival: Time::default(), bytes: bytes.to_vec() })
                .collect()
        }
    }
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().unwrap())
}

fn pcap(bytes: &[u8]) -> Vec<Datagram> {
    let mut out = Vec::new();
    let mut at = 24;
    while at + 16 <= bytes.len() {
        let arrival =
            Time::from_seconds(i64::from(u32_at(bytes, at)), i64::from(u32_at(bytes, at + 4)) * 1000);
        let length = u32_at(bytes, at + 8) as usize;
        out.extend(udp(&bytes[at + 16..at + 16 + length], arrival));
        at += 16 + length;
    }
    out
}

fn pcapng(bytes: &[u8]) -> Vec<Datagram> {
    let mut out = Vec::new();
    let mut at = 0;
    while at + 12 <= bytes.len() {
        // Enhanced packet blocks only.
        if u32_at(bytes, at) == 6 {
            let length = u32_at(bytes, at + 20) as usize;
            out.extend(udp(&bytes[at + 28..at + 28 + length], Time::default()));
        }
        at += u32_at(bytes, at + 4) as usize;
    }
    out
}

fn udp(frame: &[u8], arrival: Time) -> Option<Datagram> {
    const UDP: u8 = 17;
    let decoded = packet::decode(LinkType::ETHERNET, frame).ok()?;
    let packet = decoded.outer;
    (packet.protocol == UDP).then(|| Datagram {
        exporter: packet.source,
        arrival,
        bytes: packet.payload.to_vec(),
    })
}
