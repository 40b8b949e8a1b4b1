//! What was counted for each input.

use wire::{Time, packet::Skip, web};

use crate::Damage;

/// What an input turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum InputKind {
    /// Mirrored packets in pcap.
    Pcap,
    /// Mirrored packets in pcapng.
    Pcapng,
    /// A capture in which flow export datagrams are the majority.
    FlowPcap,
    /// A dump of export datagrams.
    FlowDatagrams,
    /// An access log.
    AccessLog,
}

impl InputKind {
    /// The name in the summary.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pcap => "pcap",
            Self::Pcapng => "pcapng",
            Self::FlowPcap => "flow_pcap",
            Self::FlowDatagrams => "flow_datagrams",
            Self::AccessLog => "access_log",
        }
    }
}

/// Counters of one input. `frames` = `packets` + `flow_datagrams` + the sum of `skips` for a capture; of a log
/// `log.lines` = `log.requests` + the sum of `log.skips`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Frames of a capture.
    pub frames: u64,
    /// Packets given to the visitor.
    pub packets: u64,
    /// Packets among them with another packet inside.
    pub tunnelled_packets: u64,
    /// Packets among them that look like flow exports but are sent to a port that is not named as one.
    pub exports_at_other_ports: u64,
    /// Flow export datagrams decoded.
    pub flow_datagrams: u64,
    /// Flow records given to the visitor.
    pub flow_records: u64,
    /// Sets, samples, records or templates of datagrams that were bad, unknown or refused.
    pub flow_elements_skipped: u64,
    /// Interface counters given to the visitor.
    pub interface_counters: u64,
    /// Frames without a packet, by [`Skip::index`].
    pub skips: [u64; Skip::ALL.len()],
    /// Packet blocks of a pcapng file that could not be used.
    pub blocks_skipped: u64,
    /// Frames that the capturing machine says it lost.
    pub frames_lost: u64,
    /// What the sequence numbers of exporters show as lost: flows (NetFlow v5, IPFIX) or datagrams (NetFlow v9,
    /// sFlow).
    pub exports_lost: u64,
    /// Lines of an access log, and the requests among them that were given to the visitor.
    pub log: web::Counters,
}

impl Counters {
    /// Everything that was found and not given to the visitor. Empty lines and directives of logs are nothing.
    pub fn skipped(&self) -> u64 {
        let lines = web::Skip::ALL.iter().zip(self.log.skips).filter(|(skip, _)| skip.is_loss());
        self.skips.iter().sum::<u64>()
            + self.blocks_skipped
            + self.flow_elements_skipped
            + lines.map(|(_, count)| count).sum::<u64>()
    }

    /// Adds the counters of another input, or of another play of the same one.
    pub fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.packets += other.packets;
        self.tunnelled_packets += other.tunnelled_packets;
        self.flow_datagrams += other.flow_datagrams;
        self.flow_records += other.flow_records;
        self.flow_elements_skipped += other.flow_elements_skipped;
        self.interface_counters += other.interface_counters;
        self.blocks_skipped += other.blocks_skipped;
        self.frames_lost += other.frames_lost;
        self.exports_lost += other.exports_lost;
        for (sum, value) in self.skips.iter_mut().zip(other.skips) {
            *sum += value;
        }
        self.log.lines += other.log.lines;
        self.log.requests += other.log.requests;
        for (sum, value) in self.log.skips.iter_mut().zip(other.log.skips) {
            *sum += value;
        }
    }

    /// Name and value of each counter that is not 0.
    pub fn details(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        let plain = [
            ("frames", self.frames),
            ("packets", self.packets),
            ("tunnelled_packets", self.tunnelled_packets),
            ("exports_at_other_ports", self.exports_at_other_ports),
            ("flow_datagrams", self.flow_datagrams),
            ("flow_records", self.flow_records),
            ("flow_elements_skipped", self.flow_elements_skipped),
            ("interface_counters", self.interface_counters),
            ("blocks_skipped", self.blocks_skipped),
            ("frames_lost", self.frames_lost),
            ("exports_lost", self.exports_lost),
            ("lines", self.log.lines),
            ("requests", self.log.requests),
        ];
        let skips = Skip::ALL.iter().map(|skip| skip.name()).zip(self.skips);
        let lines = web::Skip::ALL.iter().map(|skip| skip.name()).zip(self.log.skips);
        plain.into_iter().chain(skips).chain(lines).filter(|(_, value)| *value > 0)
    }
}

/// What became of one input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InputSummary {
    /// As it was named when it was opened; `-` for standard input.
    pub name: String,
    /// What it turned out to be.
    pub kind: InputKind,
    /// Packets, flow records and requests given to the visitor.
    pub records: u64,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// See [`Counters::skipped`].
    pub skipped: u64,
    /// Frames and exports lost before they came here, as far as the input says.
    pub lost: u64,
    /// Everything that was counted.
    pub counters: Counters,
    /// Earliest time of a frame, datagram or request.
    pub first: Option<Time>,
    /// Latest time of a frame, datagram or request.
    pub last: Option<Time>,
    /// Where the last of [`Counters::exports_at_other_ports`] was sent to: a port that may be worth naming.
    pub other_export_port: Option<u16>,
    /// Where and why reading ended before the end.
    pub damage: Option<Damage>,
}
