//! Which information elements fill which field of a record.
//!
//! Numbers are those of IANA's "IPFIX Information Elements" registry, which NetFlow v9's field types share up
//! to 127 (RFC 7012 section 4). Everything that is not named here is skipped.

use super::record::Protocol;

/// Enterprise number of the reverse direction's elements (RFC 5103 section 6.1).
const REVERSE: u32 = 29305;

macro_rules! slots {
    ($($slot:ident),+ $(,)?) => {
        /// Places in a template that the decoder looks at.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub(super) enum Slot { $($slot),+ }

        impl Slot {
            /// Every one.
            pub(super) const ALL: &'static [Self] = &[$(Self::$slot),+];
        }
    };
}

// The usual ones come first, up to `Last`: see `Slot::USUAL`.
slots! {
    Source4,
    Source6,
    Destination4,
    Destination6,
    Protocol,
    SourcePort,
    DestinationPort,
    TcpFlags,
    TypeOfService,
    Packets,
    Bytes,
    InputInterface,
    OutputInterface,
    SourceAs,
    DestinationAs,
    NextHop4,
    Direction,
    Vlan,
    First,
    Last,
    PostPackets,
    PostBytes,
    NextHop6,
    Duration,
    SystemStart,
    Icmp4,
    Icmp6,
    IcmpType4,
    IcmpCode4,
    IcmpType6,
    IcmpCode6,
    FragmentFlags,
    FragmentOffset,
    Sampler,
    SamplingInterval,
    SampledPackets,
    SampledSpace,
    SampleSize,
    SamplePopulation,
    SampleProbability,
    ReversePackets,
    ReverseBytes,
    ReverseFlags,
    ReverseFirst,
    ReverseLast,
    Frame,
    FrameType,
}

impl Slot {
    /// How many there are.
    pub(super) const COUNT: usize = Self::ALL.len();
    /// How many are looked at in every record, if its template has them: those before this number.
    pub(super) const USUAL: usize = Self::Last as usize + 1;
}

/// How the time in a slot is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum TimeForm {
    /// The template has no such field.
    #[default]
    Absent,
    /// Milliseconds since the exporter started (elements 21, 22).
    Uptime,
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// Seconds since 1900 and a binary fraction (RFC 7011 sections 6.1.9 and 6.1.10).
    Ntp,
    /// Microseconds before the export time (elements 158, 159).
    MicrosecondsAgo,
    /// A duration in milliseconds (element 161).
    DurationMilliseconds,
    /// A duration in microseconds (element 162).
    DurationMicroseconds,
}

/// What one field of a template means to the decoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Meaning {
    pub(super) slot: Slot,
    /// Where two fields fill one slot the greater rank wins; the first among equals, because a repeated
    /// element lists the outermost header first (RFC 7011 section 8).
    pub(super) rank: u8,
    pub(super) form: TimeForm,
}

const fn plain(slot: Slot) -> Option<Meaning> {
    ranked(slot, 9)
}

const fn ranked(slot: Slot, rank: u8) -> Option<Meaning> {
    Some(Meaning { slot, rank, form: TimeForm::Absent })
}

const fn time(slot: Slot, form: TimeForm, rank: u8) -> Option<Meaning> {
    Some(Meaning { slot, rank, form })
}

/// What the field with this enterprise number (0 for IANA's own), element and length in bytes (`None` for
/// variable) means; `None`: to be skipped.
pub(super) fn meaning(
    protocol: Protocol,
    enterprise: u32,
    element: u16,
    length: Option<u16>,
) -> Option<Meaning> {
    let found = match enterprise {
        0 => own(protocol, element),
        REVERSE => reverse(element),
        _ => None,
    }?;
    fits(found.slot, length).then_some(found)
}

fn fits(slot: Slot, length: Option<u16>) -> bool {
    match slot {
        Slot::Source4 | Slot::Destination4 | Slot::NextHop4 => length == Some(4),
        Slot::Source6 | Slot::Destination6 | Slot::NextHop6 => length == Some(16),
        Slot::Frame => true,
        // A float of four bytes cannot be told from a short integer by the extraction, so only doubles.
        Slot::SampleProbability => length == Some(8),
        _ => length.is_none_or(|length| length <= 8),
    }
}

fn own(protocol: Protocol, element: u16) -> Option<Meaning> {
    use Slot as S;
    match element {
        8 => plain(S::Source4),
        27 => plain(S::Source6),
        12 => plain(S::Destination4),
        28 => plain(S::Destination6),
        4 => plain(S::Protocol),
        7 | 180 | 182 => plain(S::SourcePort),
        11 | 181 | 183 => plain(S::DestinationPort),
        6 => plain(S::TcpFlags),
        5 => plain(S::TypeOfService),
        // Delta counters before totals before those of a bidirectional exporter's initiator.
        2 => ranked(S::Packets, 9),
        86 => ranked(S::Packets, 8),
        298 => ranked(S::Packets, 7),
        1 => ranked(S::Bytes, 9),
        85 => ranked(S::Bytes, 8),
        231 => ranked(S::Bytes, 7),
        24 => plain(S::PostPackets),
        23 => plain(S::PostBytes),
        299 => ranked(S::ReversePackets, 7),
        232 => ranked(S::ReverseBytes, 7),
        10 => plain(S::InputInterface),
        14 => plain(S::OutputInterface),
        16 => plain(S::SourceAs),
        17 => plain(S::DestinationAs),
        15 => ranked(S::NextHop4, 9),
        18 => ranked(S::NextHop4, 8),
        62 => ranked(S::NextHop6, 9),
        63 => ranked(S::NextHop6, 8),
        61 => plain(S::Direction),
        58 => ranked(S::Vlan, 9),
        243 => ranked(S::Vlan, 8),
        32 => plain(S::Icmp4),
        139 => plain(S::Icmp6),
        176 => plain(S::IcmpType4),
        177 => plain(S::IcmpCode4),
        178 => plain(S::IcmpType6),
        179 => plain(S::IcmpCode6),
        197 => plain(S::FragmentFlags),
        88 => plain(S::FragmentOffset),
        104 => ranked(S::Frame, 8),
        315 => ranked(S::Frame, 9),
        408 => plain(S::FrameType),
        _ => own_time(protocol, element).or_else(|| own_sampling(element)),
    }
}

fn own_time(protocol: Protocol, element: u16) -> Option<Meaning> {
    use Slot as S;
    use TimeForm as T;
    // An uptime is worth more than whole seconds where the header tells the exporter's uptime.
    let uptime_rank = if protocol == Protocol::Netflow9 { 6 } else { 4 };
    match element {
        22 => time(S::First, T::Uptime, uptime_rank),
        21 => time(S::Last, T::Uptime, uptime_rank),
        150 => time(S::First, T::Seconds, 5),
        151 => time(S::Last, T::Seconds, 5),
        152 => time(S::First, T::Milliseconds, 7),
        153 => time(S::Last, T::Milliseconds, 7),
        154 => time(S::First, T::Ntp, 8),
        155 => time(S::Last, T::Ntp, 8),
        156 => time(S::First, T::Ntp, 9),
        157 => time(S::Last, T::Ntp, 9),
        158 => time(S::First, T::MicrosecondsAgo, 3),
        159 => time(S::Last, T::MicrosecondsAgo, 3),
        160 => plain(S::SystemStart),
        161 => time(S::Duration, T::DurationMilliseconds, 8),
        162 => time(S::Duration, T::DurationMicroseconds, 9),
        // The time of an event or of one observed packet: nothing better, but an end.
        322 => time(S::Last, T::Seconds, 1),
        323 => time(S::Last, T::Milliseconds, 2),
        324 | 325 => time(S::Last, T::Ntp, 2),
        _ => None,
    }
}

fn own_sampling(element: u16) -> Option<Meaning> {
    use Slot as S;
    match element {
        34 => ranked(S::SamplingInterval, 8),
        50 => ranked(S::SamplingInterval, 9),
        48 => ranked(S::Sampler, 8),
        302 => ranked(S::Sampler, 9),
        305 => plain(S::SampledPackets),
        306 => plain(S::SampledSpace),
        309 => plain(S::SampleSize),
        310 => plain(S::SamplePopulation),
        311 => plain(S::SampleProbability),
        _ => None,
    }
}

fn reverse(element: u16) -> Option<Meaning> {
    use Slot as S;
    use TimeForm as T;
    match element {
        2 => ranked(S::ReversePackets, 9),
        86 => ranked(S::ReversePackets, 8),
        1 => ranked(S::ReverseBytes, 9),
        85 => ranked(S::ReverseBytes, 8),
        6 => plain(S::ReverseFlags),
        22 => time(S::ReverseFirst, T::Uptime, 4),
        21 => time(S::ReverseLast, T::Uptime, 4),
        150 => time(S::ReverseFirst, T::Seconds, 5),
        151 => time(S::ReverseLast, T::Seconds, 5),
        152 => time(S::ReverseFirst, T::Milliseconds, 7),
        153 => time(S::ReverseLast, T::Milliseconds, 7),
        154 => time(S::ReverseFirst, T::Ntp, 8),
        155 => time(S::ReverseLast, T::Ntp, 8),
        156 => time(S::ReverseFirst, T::Ntp, 9),
        157 => time(S::ReverseLast, T::Ntp, 9),
        _ => None,
    }
}
