//! What hosts say to each other on an ordinary day, packet by packet, in both directions.

use std::net::IpAddr;

use super::packet::{End, end, flags, fragment, icmp, ip, protocol, tcp, udp};
use crate::random::Random;
use crate::trace::Trace;

/// Nanoseconds in a millisecond.
pub(crate) const MILLISECOND: i64 = 1_000_000;
/// Nanoseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000_000;
/// Payload of a full segment.
const SEGMENT_BYTES: usize = 1_400;

/// What a TCP connection carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    /// Bytes of each request.
    pub(crate) request_bytes: usize,
    /// Bytes of each answer.
    pub(crate) answer_bytes: usize,
    /// Requests on the connection.
    pub(crate) requests: usize,
    /// Whether it begins with a TLS ClientHello.
    pub(crate) tls: bool,
    /// Whether the first and last packets lie in the capture; if not, it is seen in mid-stream.
    pub(crate) whole: bool,
    /// Time from a packet to its answer, in nanoseconds.
    pub(crate) round_trip: i64,
}

impl Session {
    /// A web page.
    pub(crate) const PAGE: Self = Self {
        request_bytes: 480,
        answer_bytes: 9_000,
        requests: 2,
        tls: true,
        whole: true,
        round_trip: 20 * MILLISECOND,
    };
}

struct Stream<'a> {
    trace: &'a mut Trace,
    time: i64,
    client: End,
    server: End,
    client_next: u32,
    server_next: u32,
}

impl Stream<'_> {
    fn send(&mut self, from_client: bool, flags: u8, payload: &[u8]) {
        let advance = payload.len() as u32 + u32::from(flags & (flags::SYN | flags::FIN) != 0);
        let packet = if from_client {
            let numbers = (self.client_next, self.server_next);
            self.client_next = self.client_next.wrapping_add(advance);
            tcp(self.client, self.server, flags, numbers, payload)
        } else {
            let numbers = (self.server_next, self.client_next);
            self.server_next = self.server_next.wrapping_add(advance);
            tcp(self.server, self.client, flags, numbers, payload)
        };
        self.trace.add(self.time, &packet);
    }

    /// Bytes from one side in full segments; the other one acknowledges every second.
    fn transfer(&mut self, from_client: bool, bytes: &[u8], round_trip: i64) {
        let count = bytes.chunks(SEGMENT_BYTES).count();
        for (place, segment) in bytes.chunks(SEGMENT_BYTES).enumerate() {
            let last = place + 1 == count;
            self.send(from_client, flags::ACK | if last { flags::PSH } else { 0 }, segment);
            self.time += round_trip / 64 + 1;
            if place % 2 == 1 || last {
                self.send(!from_client, flags::ACK, &[]);
            }
        }
    }
}

/// A TCP connection: handshake, requests and answers, close.
pub(crate) fn tcp_session(
    trace: &mut Trace,
    random: &mut Random,
    time: i64,
    (client, server): (End, End),
    session: &Session,
) {
    let (client_next, server_next) = (random.bits() as u32, random.bits() as u32);
    let mut stream = Stream { trace, time, client, server, client_next, server_next };
    let half = session.round_trip / 2;
    if session.whole {
        stream.send(true, flags::SYN, &[]);
        stream.time += half;
        stream.send(false, flags::SYN | flags::ACK, &[]);
        stream.time += half;
        stream.send(true, flags::ACK, &[]);
    }
    if session.tls && session.whole {
        stream.time += MILLISECOND.min(half);
        stream.send(true, flags::ACK | flags::PSH, &client_hello(random));
        stream.time += half;
        let mut hello = vec![0x16, 3, 3, 0x0c, 0x00, 2, 0, 0x0b, 0xfc, 3, 3];
        hello.extend(random.bytes(2_900));
        stream.transfer(false, &hello, session.round_trip);
        stream.time += half;
    }
    for _ in 0..session.requests {
        let request = data(random, session.request_bytes, session.tls);
        let answer = data(random, session.answer_bytes, session.tls);
        stream.transfer(true, &request, session.round_trip);
        stream.time += half;
        stream.transfer(false, &answer, session.round_trip);
        stream.time += half;
    }
    if session.whole {
        stream.send(true, flags::FIN | flags::ACK, &[]);
        stream.time += half;
        stream.send(false, flags::FIN | flags::ACK, &[]);
        stream.time += half;
        stream.send(true, flags::ACK, &[]);
    }
}

fn data(random: &mut Random, length: usize, tls: bool) -> Vec<u8> {
    let mut bytes = random.bytes(length);
    let record = (length.saturating_sub(5) as u16).to_be_bytes();
    let head: &[u8] = if tls { &[0x17, 3, 3, record[0], record[1]] } else { b"GET /a HTTP/1.1\r\n" };
    bytes.iter_mut().zip(head).for_each(|(to, from)| *to = *from);
    bytes
}

/// A TLS ClientHello (RFC 8446 section 4.1.2) with random, cipher suites and a padding extension.
pub(crate) fn client_hello(random: &mut Random) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend(random.bytes(32));
    body.push(32);
    body.extend(random.bytes(32));
    body.extend([0, 6, 0x13, 1, 0x13, 2, 0xc0, 0x2f, 1, 0]);
    body.extend([0, 204, 0, 21, 0, 200]);
    body.extend([0; 200]);
    let mut record = vec![0x16, 3, 1];
    record.extend(((body.len() + 4) as u16).to_be_bytes());
    record.push(1);
    record.extend((body.len() as u32).to_be_bytes().get(1..).unwrap_or_default());
    record.extend(body);
    record
}

/// A question and its answer over UDP.
pub(crate) fn exchange(
    trace: &mut Trace,
    (time, round_trip): (i64, i64),
    (client, server): (End, End),
    question: &[u8],
    answer: &[u8],
) {
    trace.add(time, &udp(client, server, question));
    trace.add(time + round_trip, &udp(server, client, answer));
}

/// Both sides of a UDP application send at these times.
pub(crate) fn two_way_datagrams(
    trace: &mut Trace,
    random: &mut Random,
    (time, gap, count): (i64, i64, usize),
    (client, server): (End, End),
    payload: impl Fn(&mut Random, bool) -> Vec<u8>,
) {
    for place in 0..count {
        let at = time + gap * place as i64;
        let from_client = payload(random, true);
        trace.add(at, &udp(client, server, &from_client));
        let from_server = payload(random, false);
        trace.add(at + gap / 3, &udp(server, client, &from_server));
    }
}

/// A ping and its reply.
pub(crate) fn ping(trace: &mut Trace, (time, round_trip): (i64, i64), from: IpAddr, to: IpAddr, number: u16) {
    let (ask, answer) = if from.is_ipv4() { (8, 0) } else { (128, 129) };
    let [high, low] = number.to_be_bytes();
    let payload: Vec<u8> = (0..56).collect();
    trace.add(time, &icmp(from, to, (ask, 0), [0x12, 0x34, high, low], &payload));
    trace.add(time + round_trip, &icmp(to, from, (answer, 0), [0x12, 0x34, high, low], &payload));
}

/// A tunnel of an IP protocol in which both sides send.
pub(crate) fn tunnel(
    trace: &mut Trace,
    random: &mut Random,
    (time, gap, count): (i64, i64, usize),
    (one, other): (IpAddr, IpAddr),
    number: u8,
) {
    for place in 0..count {
        let at = time + gap * place as i64;
        let (out, back) = (random.between(80, 1_300) as usize, random.between(80, 1_300) as usize);
        let out = tunnelled(random, number, place as u32, out);
        let back = tunnelled(random, number, place as u32, back);
        trace.add(at, &ip(one, other, number, &out));
        trace.add(at + gap / 3, &ip(other, one, number, &back));
    }
}

/// The payload of a tunnel packet: ESP with SPI and sequence number, GRE with key, or anything.
pub(crate) fn tunnelled(random: &mut Random, number: u8, sequence: u32, length: usize) -> Vec<u8> {
    let mut bytes = random.bytes(length.max(24));
    let sequence = sequence.to_be_bytes();
    let head: Vec<u8> = match number {
        protocol::ESP => [[0xc0, 1, 2, 3], sequence].concat(),
        // GRE with a key around a payload that is no IP (RFC 2890; Ethernet bridging).
        protocol::GRE => [[0x20, 0, 0x65, 0x58], [0, 0, 0, 7]].concat(),
        // Authentication header (RFC 4302) around something of no transport.
        51 => [[59, 4, 0, 0], [0, 0, 1, 0], sequence, [9, 9, 9, 9]].concat(),
        _ => sequence.to_vec(),
    };
    bytes.iter_mut().zip(head).for_each(|(to, from)| *to = from);
    bytes
}

/// A question whose answer comes in fragments, the first one first (a signed DNS answer, RFC 6891).
pub(crate) fn fragmented_answer(
    trace: &mut Trace,
    random: &mut Random,
    (time, round_trip): (i64, i64),
    (client, server): (End, End),
    (question, answer): (&[u8], &[u8]),
) {
    trace.add(time, &udp(client, server, question));
    let whole = udp(server, client, answer);
    let header = if client.address.is_ipv4() { 20 } else { 40 };
    let datagram = whole.get(header..).unwrap_or_default();
    let identification = random.short();
    let count = datagram.chunks(1_448).count();
    for (place, part) in datagram.chunks(1_448).enumerate() {
        let offset = (place * 181) as u16;
        let fields = (offset, place + 1 < count, identification);
        let at = time + round_trip + place as i64 * 10_000;
        trace.add(at, &fragment((server.address, client.address), protocol::UDP, fields, part));
    }
}

/// Ends of a client somewhere and a server.
pub(crate) fn ends(random: &mut Random, client: IpAddr, server: IpAddr, port: u16) -> (End, End) {
    (end(client, random.client_port()), end(server, port))
}
