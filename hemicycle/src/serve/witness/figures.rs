//! Figures of each service, second by second: packets and bits as the network layer counts them (series `all`), requests as
//! the web layer does (series `requests`).
//!
//! Limit: the two layers close a second at different times, and lines of logs come late, so that each has a series of its
//! own.

use std::collections::BTreeMap;

use detect::Metered;
use institution::Institution;
use record::{Sample, Writer};

/// Everything towards a service, in packets and bits.
const ALL: &str = "all";
/// Requests to it.
const REQUESTS: &str = "requests";

/// Hands figures to the record.
pub(in crate::serve) struct Figures(Option<Writer>);

impl Figures {
    /// To the record, if there is one.
    pub(in crate::serve) fn new(writer: Option<Writer>) -> Self {
        Self(writer)
    }

    /// Whether somebody wants them.
    pub(in crate::serve) fn are_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// A second of the network layer. Never waits.
    pub(in crate::serve) fn network(&self, metered: &Metered, institution: &Institution) {
        if let Some(writer) = &self.0 {
            writer.offer_points(of_services(metered, institution));
        }
    }

    /// A second of the web layer. Never waits.
    pub(in crate::serve) fn web(&self, second: u32, services: Vec<(String, u64)>) {
        let Some(writer) = &self.0 else { return };
        let sample = |(target, requests): (String, u64)| Sample {
            target,
            vector: REQUESTS.to_owned(),
            second: i64::from(second),
            packets: 0.0,
            bits: 0.0,
            requests: requests as f64,
        };
        writer.offer_points(services.into_iter().map(sample).collect());
    }
}

/// What came to each service: an address that several stand on counts for each.
fn of_services(metered: &Metered, institution: &Institution) -> Vec<Sample> {
    let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (address, packets, bytes) in &metered.addresses {
        for service in institution.lookup(address.to_ip()).services() {
            let sum = sums.entry(&service.id).or_default();
            *sum = (sum.0 + packets, sum.1 + bytes * 8.0);
        }
    }
    let sample = |(target, (packets, bits)): (&str, (f64, f64))| Sample {
        target: target.to_owned(),
        vector: ALL.to_owned(),
        second: metered.second,
        packets,
        bits,
        requests: 0.0,
    };
    sums.into_iter().map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_added_up_by_service() {
        let text = "[institution]\nname = \"A\"\n[zone.public]\nprefixes = [\"192.0.2.0/25\"]\nexposure = \"internet\"\n\
            [service.www]\nzone = \"public\"\naddresses = [\"192.0.2.10\", \"192.0.2.11\"]\n\
            [service.mail]\nzone = \"public\"\naddresses = [\"192.0.2.25\"]\n";
        let institution = institution::parse("t", text).unwrap();
        let address = |last| wire::Address::from_ipv4([192, 0, 2, last]);
        let addresses = vec![
            (address(10), 5.0, 500.0),
            (address(11), 2.0, 100.0),
            (address(25), 1.0, 60.0),
            (address(99), 9.0, 9.0),
        ];
        let samples = of_services(&Metered { second: 7, addresses }, &institution);
        let told: Vec<_> =
            samples.iter().map(|sample| (&*sample.target, sample.packets, sample.bits)).collect();
        assert_eq!(told, [("mail", 1.0, 480.0), ("www", 7.0, 4_800.0)]);
        assert!(samples.iter().all(|sample| sample.vector == ALL && sample.second == 7));
    }
}
