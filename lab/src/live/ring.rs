//! Prebuilt datagrams for load: what goes to hosts of 10.20.0.0/16, and what they answer.

use std::net::{IpAddr, Ipv4Addr};

use super::datagram::{Datagram, Exporter, Protocol, Record};
use crate::random::Random;

/// Datagrams in the ring: 57,344 different NetFlow v9 records.
const DATAGRAMS: usize = 2_048;
/// First address of the hosts.
pub(crate) const FIRST_HOST: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 0);
/// First address of the 131,072 clients (RFC 2544).
const FIRST_CLIENT: u32 = u32::from_be_bytes([198, 18, 0, 0]);
const CLIENTS: u64 = 1 << 17;

/// What the records say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mix {
    /// Conversations over TCP in both directions: each flow of a client is followed by the server's.
    Conversations,
    /// UDP from forged sources towards every host, to which nobody answers.
    Forged,
}

impl Mix {
    /// As people write it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::Forged => "forged UDP on every host",
        }
    }
}

/// The host of that number.
pub(crate) fn host(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(FIRST_HOST.to_bits() + number))
}

/// The datagrams of an exporter for so many hosts.
pub(crate) fn datagrams(exporter: &Exporter, protocol: Protocol, hosts: u32, mix: Mix) -> Vec<Datagram> {
    let mut random = Random::named(1, "load");
    let mut reverse = None;
    let mut next = || {
        reverse.take().unwrap_or_else(|| {
            let record = request(&mut random, hosts, mix);
            reverse = (mix == Mix::Conversations).then(|| answer(&record));
            record
        })
    };
    let mut ring = Vec::with_capacity(DATAGRAMS);
    for _ in 0..DATAGRAMS {
        let records: Vec<Record> = (0..protocol.records()).map(|_| next()).collect();
        ring.push(exporter.datagram(&records));
    }
    ring
}

fn request(random: &mut Random, hosts: u32, mix: Mix) -> Record {
    let client = IpAddr::V4(Ipv4Addr::from_bits(FIRST_CLIENT + random.below(CLIENTS) as u32));
    let (protocol, flags) = if mix == Mix::Conversations { (6, 0x18) } else { (17, 0) };
    Record {
        source: client,
        destination: host(random.below(u64::from(hosts)) as u32),
        ports: (random.client_port(), 443),
        protocol,
        flags,
        packets: 10,
        packet_bytes: 500,
        ages: (random.between(500, 1_000) as u32, random.between(0, 500) as u32),
    }
}

fn answer(record: &Record) -> Record {
    let ports = (record.ports.1, record.ports.0);
    Record { source: record.destination, destination: record.source, ports, ..*record }
}
