//! What packets alone show at the web layer: each kind of flood is found and named, and what readers do is none.

use detect::event::Certainty;
use detect::web::WebDetector;
use detect::{Event, FloodEvent, Phase, Vector};
use wire::{Address, Packet, TcpFlags, Time};

const START: i64 = 1_780_000_000;
const SERVER: Address = Address::from_ipv4([192, 0, 2, 10]);
const SECOND: i64 = 1_000;

/// Packets by the millisecond, put in order before they are seen.
#[derive(Default)]
struct Wire(Vec<(i64, Packet<'static>)>);

/// One connection of a client.
struct Link<'a> {
    wire: &'a mut Wire,
    client: Address,
    port: u16,
    at: i64,
    sequence: u32,
    window: u16,
}

fn records(list: &[(u8, usize)]) -> &'static [u8] {
    let bytes = list.iter().flat_map(|(kind, length)| {
        let head = [*kind, 3, 3, (*length >> 8) as u8, *length as u8];
        [&head[..], &vec![2; *length]].concat()
    });
    bytes.collect::<Vec<u8>>().leak()
}

fn client(number: u32) -> Address {
    Address::from_ipv4((0xc612_0000 | number).to_be_bytes())
}

impl Wire {
    fn open(&mut self, number: u32, port: u16, at: i64) -> Link<'_> {
        let mut link = Link { wire: self, client: client(number), port, at, sequence: 1, window: 64_000 };
        link.up(&[], TcpFlags::SYN);
        link.down(&[], TcpFlags::SYN | TcpFlags::ACK);
        link.up(&[], TcpFlags::ACK);
        link
    }

    fn run(mut self, seconds: i64) -> (Vec<Event>, WebDetector) {
        self.0.sort_by_key(|packet| packet.0);
        let mut detector = WebDetector::new([7; 16]);
        for (at, packet) in &self.0 {
            let time = Time::from_milliseconds(START * 1_000 + at);
            assert!(WebDetector::is_of_interest(packet));
            detector.packet(time, packet);
        }
        detector.advance(Time::from_seconds(START + seconds, 0));
        detector.finish();
        (detector.take_events(), detector)
    }
}

impl Link<'_> {
    fn up(&mut self, payload: &'static [u8], flags: u8) {
        let packet = Packet {
            source: self.client,
            destination: SERVER,
            source_port: self.port,
            destination_port: 443,
            protocol: 6,
            tcp_flags: TcpFlags(flags),
            sequence: self.sequence,
            window: self.window,
            payload,
            ..Packet::default()
        };
        self.sequence += payload.len() as u32;
        self.wire.0.push((self.at, packet));
        self.at += 1;
    }

    fn down(&mut self, payload: &'static [u8], flags: u8) {
        let packet = Packet {
            source: SERVER,
            destination: self.client,
            source_port: 443,
            destination_port: self.port,
            protocol: 6,
            tcp_flags: TcpFlags(flags),
            payload,
            ..Packet::default()
        };
        self.wire.0.push((self.at, packet));
        self.at += 1;
    }

    /// A handshake of TLS 1.3 by a client whose ClientHello cannot be read, and so may speak HTTP/2.
    fn handshake(&mut self) {
        const HELLO: &[u8] = b"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03";
        self.up(HELLO, TcpFlags::ACK);
        self.down(records(&[(22, 122)]), TcpFlags::ACK);
        self.up(records(&[(20, 1), (23, 53)]), TcpFlags::ACK);
    }

    fn ask(&mut self, request: usize, answer: usize) {
        self.up(records(&[(23, request)]), TcpFlags::ACK);
        if answer > 0 {
            self.down(records(&[(23, answer)]), TcpFlags::ACK);
        }
    }

    fn close(&mut self) {
        self.up(&[], TcpFlags::FIN | TcpFlags::ACK);
    }
}

fn floods(events: &[Event]) -> Vec<(Vector, &FloodEvent)> {
    let lines = events.iter().map(Event::line).filter(|line| line.phase == Phase::Start);
    lines.filter_map(|line| Some((line.vectors.first()?.name, line))).collect()
}

fn found(wire: Wire, seconds: i64) -> Vec<Vector> {
    let (events, _) = wire.run(seconds);
    floods(&events).into_iter().map(|flood| flood.0).collect()
}

/// Readers: a page, what it needs, and the connection stays; each also opens one that it does not need.
fn readers(wire: &mut Wire, each_second: i64, seconds: i64) {
    for number in 0..each_second * seconds {
        let at = number * SECOND / each_second;
        let mut link = wire.open(number as u32, 20_000, at);
        link.handshake();
        link.ask(420, 9_000);
        link.up(records(&[(23, 60); 12]), TcpFlags::ACK);
        link.down(records(&[(23, 15_000)]), TcpFlags::ACK);
        wire.open(number as u32, 20_001, at + 1);
    }
}

#[test]
fn readers_are_no_flood_however_many() {
    let mut wire = Wire::default();
    readers(&mut wire, 20, 20);
    assert_eq!(found(wire, 40), []);
}

#[test]
fn connections_over_which_nothing_is_asked_are_a_flood() {
    let mut wire = Wire::default();
    for number in 0..600 {
        wire.open(number % 40, 1_000 + number as u16, i64::from(number) * 33);
    }
    assert_eq!(found(wire, 40), [Vector::ConnectionFlood]);
}

#[test]
fn handshakes_that_nobody_completes_are_not_held_connections() {
    let mut wire = Wire::default();
    for number in 0..2_000 {
        let at = i64::from(number) * 5;
        let mut link = wire.open(number, 1_000, at);
        link.wire.0.pop();
        // An acknowledgement of something else altogether.
        link.port = 2_000;
        link.up(&[], TcpFlags::ACK);
    }
    assert_eq!(found(wire, 40), []);
}

#[test]
fn a_few_handshakes_a_second_that_lead_to_nothing_are_a_flood() {
    let mut wire = Wire::default();
    for number in 0..200 {
        let mut link = wire.open(number % 40, 1_000 + number as u16, i64::from(number) * 140);
        link.handshake();
        link.close();
    }
    assert_eq!(found(wire, 40), [Vector::TlsHandshakeFlood]);
}

#[test]
fn what_goes_on_as_no_tls_does_is_no_flood_where_it_is_answered_and_handshakes_for_nothing_where_it_is_not() {
    let said = |answer: usize| {
        let mut wire = Wire::default();
        for number in 0..400 {
            let mut link = wire.open(number % 40, 1_000 + number as u16, i64::from(number) * 50);
            link.up(b"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03", TcpFlags::ACK);
            link.down(records(&[(22, 122)]), TcpFlags::ACK);
            link.ask(475, answer);
            link.ask(475, answer);
            link.close();
        }
        found(wire, 40)
    };
    assert_eq!(said(9_000), []);
    assert_eq!(said(24), [Vector::TlsHandshakeFlood]);
}

#[test]
fn requests_at_an_even_pace_are_a_flood_and_open_pages_are_not() {
    let asked = |connections: u32, pause: i64| {
        let mut wire = Wire::default();
        for number in 0..connections {
            let mut link = wire.open(number, 1_000, i64::from(number) * 7);
            link.handshake();
            for turn in 1..12_000 / pause {
                link.at = i64::from(number) * 7 + turn * pause;
                link.ask(120, 2_600);
            }
        }
        found(wire, 40)
    };
    assert_eq!(asked(40, 240), [Vector::HttpFlood]);
    assert_eq!(asked(200, 2_000), []);
}

#[test]
fn batches_that_nobody_answers_any_more_are_a_rapid_reset() {
    let mut wire = Wire::default();
    for number in 0..6 {
        let mut link = wire.open(number, 1_000, 0);
        link.handshake();
        link.ask(420, 9_000);
        for turn in 1..30 {
            link.at = turn * 400;
            link.ask(600, 0);
        }
    }
    assert_eq!(found(wire, 40), [Vector::Http2RapidReset]);
}

#[test]
fn streams_that_are_taken_back_one_by_one_are_a_rapid_reset_however_slow() {
    let said = |is_reset: bool, answer: usize| {
        let mut wire = Wire::default();
        for number in 0..12 {
            let mut link = wire.open(number, 1_000, i64::from(number) * 60);
            link.handshake();
            link.ask(420, 9_000);
            for turn in 1..24 {
                link.at =
                    i64::from(number) * 60 + turn * 1_100 + i64::from(number * 37 + turn as u32 * 101) % 300;
                link.up(records(&[(23, 46)]), TcpFlags::ACK);
                if answer > 0 {
                    link.down(records(&[(23, answer)]), TcpFlags::ACK);
                }
                link.at += 4;
                if is_reset {
                    link.up(records(&[(23, 30)]), TcpFlags::ACK);
                }
            }
        }
        found(wire, 28)
    };
    assert_eq!(said(true, 0), [Vector::Http2RapidReset]);
    assert_eq!(said(false, 0), [], "who waits for a server that hangs");
    assert_eq!(said(true, 300), [], "windows after answers");
}

#[test]
fn clients_that_come_back_for_the_same_answer_inside_tls_are_a_flood() {
    let said = |clients: u32, answer: &dyn Fn(u32, i64) -> usize| {
        let mut wire = Wire::default();
        for number in 0..clients {
            let mut now = i64::from(number) * 40;
            let mut link = wire.open(number, 1_000, now);
            link.handshake();
            for turn in 0..14_i64 {
                link.at = now + 10;
                link.ask(120, answer(number, turn));
                // Times that look like chance.
                now += 400 + (i64::from(number) * 7_919 + turn * 104_729) % 1_600;
            }
        }
        found(wire, 16)
    };
    assert_eq!(said(24, &|_, turn| 4_800 + turn as usize % 3), [Vector::HttpFlood]);
    assert_eq!(
        said(24, &|number, turn| 1_500 + (number as usize * 911 + turn as usize * 2_741) % 9_000),
        [],
        "pages"
    );
    assert_eq!(said(24, &|_, _| 330), [], "figures");
    assert_eq!(said(24, &|_, _| 40_000), [], "a film");
    assert_eq!(said(6, &|_, _| 4_800), [], "monitors");
}

#[test]
fn what_the_capture_cut_away_of_an_answer_is_of_interest() {
    let answer = Packet { protocol: 6, source_port: 443, missing_bytes: 1_460, ..Packet::default() };
    assert!(WebDetector::is_of_interest(&answer));
    assert!(!WebDetector::is_of_interest(&Packet { missing_bytes: 0, ..answer }));
}

#[test]
fn one_request_for_each_connection_is_a_flood_with_its_fingerprint() {
    let mut wire = Wire::default();
    for number in 0..600 {
        let mut link = wire.open(number, 1_000, i64::from(number) * 20);
        let mut body = b"\x03\x03".to_vec();
        body.extend([7; 32]);
        body.extend(b"\x00\x00\x02\x13\x01\x01\x00\x00\x00");
        let mut hello = b"\x16\x03\x01\x00\x2f\x01\x00\x00".to_vec();
        hello.push(body.len() as u8);
        hello[4] = body.len() as u8 + 4;
        hello.extend(body);
        link.up(hello.leak(), TcpFlags::ACK);
        link.down(records(&[(22, 122)]), TcpFlags::ACK);
        link.up(records(&[(20, 1), (23, 53)]), TcpFlags::ACK);
        link.ask(420, 9_000);
        link.close();
    }
    let (events, detector) = wire.run(40);
    let floods = floods(&events);
    assert_eq!(floods.iter().map(|flood| flood.0).collect::<Vec<_>>(), [Vector::HttpFlood]);
    assert_eq!(detector.counters().fingerprints, 600);
    let last = events.last().map(Event::line);
    let web = last.and_then(|line| line.evidence.web.as_deref());
    let top = web.and_then(|web| web.top_fingerprint.as_ref());
    assert!(top.is_some_and(|top| top.fingerprint.starts_with("t12i010000_") && top.share > 0.99), "{top:?}");
    assert!(last.is_some_and(|line| line.certainty == Certainty::Exact));
}

#[test]
fn answers_that_nobody_reads_are_slow_and_paused_players_are_not() {
    let read = |before: usize| {
        let mut wire = Wire::default();
        for number in 0..60 {
            let mut link = wire.open(number, 1_000, i64::from(number) * 20);
            link.handshake();
            link.ask(420, 1_000);
            for _ in 0..before {
                link.down(records(&[(23, 16_000)]), TcpFlags::ACK);
            }
            link.window = 0;
            link.up(&[], TcpFlags::ACK);
        }
        let (events, _) = wire.run(40);
        let lines = floods(&events).into_iter();
        lines
            .map(|(name, line)| (name, line.time.seconds_since(Time::from_seconds(START, 0))))
            .collect::<Vec<_>>()
    };
    let slow = read(0);
    assert!(matches!(slow[..], [(Vector::SlowHttp, after)] if after < 10.0), "{slow:?}");
    assert!(read(20).is_empty());
}

/// A datagram from or to a client's port, by its first bytes.
fn datagram(wire: &mut Wire, at: i64, number: u32, is_up: bool, payload: &'static [u8], bytes: u32) {
    let (from, to) = ((client(number), 5_000), (SERVER, 443));
    let (from, to) = if is_up { (from, to) } else { (to, from) };
    let packet = Packet {
        source: from.0,
        destination: to.0,
        source_port: from.1,
        destination_port: to.1,
        protocol: 17,
        payload,
        missing_bytes: bytes - payload.len() as u32,
        ..Packet::default()
    };
    wire.0.push((at, packet));
}

#[test]
fn quic_handshakes_that_nobody_completes_are_a_flood() {
    const INITIAL: &[u8] = b"\xc3\x00\x00\x00\x01\x08abcdefgh";
    const PROTECTED: &[u8] = b"\x4fabcdefgh";
    let tried = |is_answered: bool, goes_on: bool| {
        let mut wire = Wire::default();
        for number in 0..500 {
            let at = i64::from(number) * 30;
            datagram(&mut wire, at, number, true, INITIAL, 1_200);
            if is_answered {
                datagram(&mut wire, at + 1, number, false, INITIAL, 1_200);
            }
            if goes_on {
                datagram(&mut wire, at + 2, number, true, PROTECTED, 60);
            }
        }
        found(wire, 40)
    };
    assert_eq!(tried(true, false), [Vector::QuicFlood]);
    assert_eq!(tried(true, true), []);
    assert_eq!(tried(false, false), [], "QUIC may be blocked on the way");
}
