//! What one packet costs the web layer, without reading or decoding it: nanoseconds of CPU time per packet.
//!
//! `cargo run --release -p detect --example web_packet_speed [SUBJECT] [--once]`. The packets are made beforehand, the median of
//! five runs is printed (`--once`: of one with fewer packets, for instruction counters). Generators are of fixed seeds; nothing
//! here is a test.

use cpu_time::ThreadTime;
use detect::web::WebDetector;
use wire::{Address, Packet, TcpFlags, Time};

const RUNS: usize = 5;
const PACKETS: u64 = 2_000_000;
const PACKETS_ONCE: u64 = 400_000;
/// Connections that go on at once; the table has room for 65,536.
const CONNECTIONS: u64 = 40_000;
const SERVERS: u64 = 50;

/// A ClientHello without anything in it, an answer, and records of some bytes.
const HELLO: &[u8] = b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\x00\x00\x02\x13\x01\x01\x00";
const GREETING: &[u8] = b"\x16\x03\x03\x00\x04\x02\x00\x00\x00";
const RECORD: &[u8] = b"\x17\x03\x03\x00\x14aaaaaaaaaaaaaaaaaaaa";

/// Numbers that look random (Marsaglia 2003, xorshift64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn v4(bits: u32) -> Address {
    Address::from_ipv4(bits.to_be_bytes())
}

/// A packet of a connection, by its number.
fn packet(connection: u64, is_up: bool, flags: u8, payload: &'static [u8]) -> Packet<'static> {
    let client = (v4(0xc612_0000 | connection as u32 & 0x1_ffff), 1_024 + (connection % 60_000) as u16);
    let server = (v4(0xc000_0200 + (connection % SERVERS) as u32), 443);
    let (from, to) = if is_up { (client, server) } else { (server, client) };
    Packet {
        source: from.0,
        destination: to.0,
        source_port: from.1,
        destination_port: to.1,
        protocol: 6,
        tcp_flags: TcpFlags(flags),
        window: 64_000,
        payload,
        ..Packet::default()
    }
}

/// Connections over TLS that are opened, and then say something or acknowledge it in any order.
fn tls(packets: u64) -> Vec<Packet<'static>> {
    let mut numbers = Numbers(88_172_645_463_325_252);
    let mut made = Vec::new();
    for connection in 0..CONNECTIONS {
        made.push(packet(connection, true, TcpFlags::SYN, &[]));
        made.push(packet(connection, false, TcpFlags::SYN | TcpFlags::ACK, &[]));
        made.push(packet(connection, true, TcpFlags::ACK, &[]));
        made.push(packet(connection, true, TcpFlags::ACK, HELLO));
        made.push(packet(connection, false, TcpFlags::ACK, GREETING));
    }
    while (made.len() as u64) < packets {
        let random = numbers.next();
        let (connection, which) = (random % CONNECTIONS, random >> 40 & 7);
        made.push(match which {
            0 | 1 => packet(connection, true, TcpFlags::ACK, RECORD),
            2..=5 => packet(connection, false, TcpFlags::ACK, RECORD),
            _ => packet(connection, true, TcpFlags::ACK, &[]),
        });
    }
    made
}

/// Segments with something in them that belong to no connection, beside those of [`tls`].
fn strays(packets: u64) -> Vec<Packet<'static>> {
    let mut made = tls(5 * CONNECTIONS);
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    while (made.len() as u64) < packets {
        let random = numbers.next();
        made.push(packet(random % 8_000_000, random >> 63 == 0, TcpFlags::ACK, RECORD));
    }
    made
}

/// A SYN flood of forged sources, beside the connections of [`tls`].
fn syn(packets: u64) -> Vec<Packet<'static>> {
    let mut made = tls(5 * CONNECTIONS);
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    while (made.len() as u64) < packets {
        made.push(packet(numbers.next() % 8_000_000, true, TcpFlags::SYN, &[]));
    }
    made
}

fn run(packets: &[Packet<'static>]) -> (f64, u64) {
    let mut web = WebDetector::new(*b"web packet speed");
    let start = ThreadTime::now();
    for (number, packet) in packets.iter().enumerate() {
        // Half a million a second.
        let time = Time::from_nanoseconds(1_780_000_000_000_000_000 + number as i64 * 2_000);
        web.packet(time, packet);
    }
    let seconds = start.elapsed().as_secs_f64();
    (seconds * 1e9 / packets.len() as f64, web.counters().connections)
}

type Make = fn(u64) -> Vec<Packet<'static>>;

fn main() {
    let wanted = std::env::args().nth(1).filter(|wanted| !wanted.starts_with("--"));
    let is_once = std::env::args().any(|argument| argument == "--once");
    let (count, packets) = if is_once { (1, PACKETS_ONCE) } else { (RUNS, PACKETS) };
    let subjects: [(&str, Make); 3] = [("tls", tls), ("strays", strays), ("syn", syn)];
    for (name, make) in subjects {
        if wanted.as_deref().is_some_and(|wanted| wanted != name) {
            continue;
        }
        let made = make(packets);
        let mut runs: Vec<_> = (0..count).map(|_| run(&made)).collect();
        runs.sort_by(|a, b| a.0.total_cmp(&b.0));
        println!("{name:<10} {:>7.1} ns a packet ({} connections)", runs[count / 2].0, runs[0].1);
    }
}
