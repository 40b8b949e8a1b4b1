//! Exporters: NetFlow v9 and sFlow datagrams of a flood, written from RFC 3954 and the sFlow version 5 document.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{SystemTime, UNIX_EPOCH};

const FIELDS: [(u16, u16); 10] =
    [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (2, 4), (1, 4), (22, 4), (21, 4)];
const TEMPLATE: u16 = 256;
/// Records in one NetFlow datagram, samples in one sFlow datagram.
pub(crate) const ELEMENTS: u32 = 10;
/// Packets in one flow record.
pub(crate) const PACKETS: u32 = 3;

/// Sends to one address of the service.
pub(crate) struct Exporter {
    socket: UdpSocket,
    to: SocketAddr,
    sequence: u32,
    random: u32,
}

impl Exporter {
    /// An exporter at an address of the loopback network.
    pub(crate) fn at(from: [u8; 4], to: SocketAddr) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::from(from), 0)).unwrap();
        Self { socket, to, sequence: 0, random: 1 }
    }

    /// As if so many units had been lost on the way.
    pub(crate) fn lose(&mut self, units: u32) {
        self.sequence += units;
    }

    /// NetFlow v9 with its template: SYN packets from changing addresses to port 443 of a host.
    pub(crate) fn netflow9(&mut self, target: [u8; 4]) {
        let uptime = 10_000_000_u32;
        let mut template = [TEMPLATE.to_be_bytes(), (FIELDS.len() as u16).to_be_bytes()].concat();
        for (field, length) in FIELDS {
            template.extend([field.to_be_bytes(), length.to_be_bytes()].concat());
        }
        let mut records = Vec::new();
        for _ in 0..ELEMENTS {
            records.extend(self.source());
            records.extend(target);
            records.extend([(1024 + self.random % 60_000) as u16, 443].map(u16::to_be_bytes).concat());
            records.extend([6, 0x02]);
            let words = [PACKETS, PACKETS * 40, uptime - 100, uptime];
            records.extend(words.map(u32::to_be_bytes).concat());
        }
        let mut datagram = [9_u16.to_be_bytes(), (1 + ELEMENTS as u16).to_be_bytes()].concat();
        let words = [uptime, now().0, self.sequence, 7];
        datagram.extend(words.map(u32::to_be_bytes).concat());
        datagram.extend(set(0, &template));
        datagram.extend(set(TEMPLATE, &records));
        self.send(&datagram);
    }

    /// NetFlow v5: what a server gets in a tenth of a second from clients whose connections go on, so many packets
    /// in each of [`ELEMENTS`] records.
    pub(crate) fn ordinary(&mut self, target: [u8; 4], packets: u32) {
        let records: Vec<_> = (0..ELEMENTS).map(|_| self.source()).collect();
        self.connections(&records, target, packets);
    }

    /// The same, all of one client.
    pub(crate) fn of(&mut self, client: [u8; 4], target: [u8; 4]) {
        self.connections(&[client; ELEMENTS as usize], target, 1);
    }

    fn connections(&mut self, clients: &[[u8; 4]], target: [u8; 4], packets: u32) {
        let datagram = netflow5(now(), self.sequence, clients, target, (packets, 100));
        self.send(&datagram);
        self.sequence += ELEMENTS - 1;
    }

    /// sFlow, one packet in `sampling`: answers of time servers that nobody asked.
    pub(crate) fn sflow(&mut self, target: [u8; 4], sampling: u32) {
        let words = [5, 1, u32::from_be_bytes([127, 0, 0, 1]), 0, self.sequence, 1000, ELEMENTS];
        let mut datagram = words.map(u32::to_be_bytes).concat();
        for _ in 0..ELEMENTS {
            let mut frame = ntp_answer(self.source(), target);
            let length = frame.len() as u32;
            frame.resize(frame.len().next_multiple_of(4), 0);
            let mut raw = [1, length + 4, 4, length].map(u32::to_be_bytes).concat();
            raw.extend(frame);
            let number = self.random;
            let head = [number, 1, sampling, number, 0, 1, 2, 1, 1, raw.len() as u32];
            let body = [head.map(u32::to_be_bytes).concat(), raw].concat();
            datagram.extend([1, body.len() as u32].map(u32::to_be_bytes).concat());
            datagram.extend(body);
        }
        self.send(&datagram);
    }

    fn send(&mut self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.to).unwrap();
        self.sequence += 1;
    }

    fn source(&mut self) -> [u8; 4] {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [a, b, c, d] = self.random.to_be_bytes();
        [20 + a % 100, b, c, d | 1]
    }
}

/// Seconds and nanoseconds since the epoch.
#[expect(clippy::disallowed_methods, reason = "an exporter has a clock")]
pub(crate) fn now() -> (u32, u32) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    (now.as_secs() as u32, now.subsec_nanos())
}

/// A NetFlow v5 datagram with a record for each source: so many packets of a TCP connection to port 443, in so
/// many milliseconds before.
pub(crate) fn netflow5(
    (seconds, nanoseconds): (u32, u32),
    sequence: u32,
    sources: &[[u8; 4]],
    target: [u8; 4],
    (packets, milliseconds): (u32, u32),
) -> Vec<u8> {
    let uptime = 10_000_000_u32;
    let mut datagram = [5, sources.len() as u16].map(u16::to_be_bytes).concat();
    datagram.extend([uptime, seconds, nanoseconds, sequence, 0].map(u32::to_be_bytes).concat());
    for (number, source) in sources.iter().enumerate() {
        datagram.extend([*source, target, [0; 4], [0, 1, 0, 2]].concat());
        let words = [packets, packets * 500, uptime - milliseconds, uptime];
        datagram.extend(words.map(u32::to_be_bytes).concat());
        datagram.extend([40_000 + number as u16, 443].map(u16::to_be_bytes).concat());
        datagram.extend([0, 0x18, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    datagram
}

fn set(id: u16, content: &[u8]) -> Vec<u8> {
    let padding = content.len().next_multiple_of(4) - content.len();
    let length = (content.len() + padding + 4) as u16;
    [&id.to_be_bytes(), &length.to_be_bytes(), content, &[0; 3][..padding]].concat()
}

/// The beginning of a frame with an answer to a `monlist` request (mode 7) of 468 bytes.
fn ntp_answer(source: [u8; 4], target: [u8; 4]) -> Vec<u8> {
    let mut frame = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0].to_vec();
    frame.extend([0x45, 0, 1, 0xd4, 0, 0, 0, 0, 60, 17, 0, 0]);
    frame.extend(source);
    frame.extend(target);
    frame.extend([0, 123, 0x50, 0, 1, 0xc0, 0, 0]);
    frame.extend([0xd7, 0, 3, 42, 0, 6, 0, 72]);
    frame.resize(128, 0x2a);
    frame
}
