//! Dumps of export datagrams: one or several payloads one after the other, without framing of their own.
//!
//! NetFlow v5 has a count of records of fixed size and IPFIX a length (a file of IPFIX messages is RFC 5655's
//! format). NetFlow v9 has neither, so its flow sets are walked; version 9 as a flow set number is reserved (RFC
//! 3954 section 5.2), which makes the next header recognisable. sFlow's samples are walked by their count.

use wire::Time;

/// Longest datagram that is looked for; UDP has no longer ones.
pub(crate) const MAX_DATAGRAM_BYTES: usize = 65535;

/// How long the datagram at the beginning of a window is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Length {
    /// This many bytes.
    Is(usize),
    /// The window is too short to say; it has to be this long, unless the input ends.
    More(usize),
    /// This is the beginning of no datagram.
    Not,
}

const V5_HEADER_BYTES: usize = 24;
const V5_RECORD_BYTES: usize = 48;
const V9_HEADER_BYTES: usize = 20;
const IPFIX_HEADER_BYTES: usize = 16;

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// The length of the datagram at the beginning of `window`. `ends`: the input has no more than the window.
pub(crate) fn length(window: &[u8], ends: bool) -> Length {
    match window {
        [0, 5, ..] => match u16_at(window, 2) {
            Some(count) => Length::Is(V5_HEADER_BYTES + usize::from(count) * V5_RECORD_BYTES),
            None => Length::More(4),
        },
        [0, 10, ..] => match u16_at(window, 2).map(usize::from) {
            Some(length) if length < IPFIX_HEADER_BYTES => Length::Not,
            Some(length) => Length::Is(length),
            None => Length::More(4),
        },
        [0, 9, ..] => netflow9(window, ends),
        [0, 0, 0, 5, ..] => sflow(window, ends),
        [] | [0] | [0, 0] | [0, 0, 0] if !ends => Length::More(4),
        _ => Length::Not,
    }
}

/// What is at hand, if the input ends; else a request for `needed` bytes.
fn rest(window: &[u8], ends: bool, needed: usize) -> Length {
    if ends || window.len() >= MAX_DATAGRAM_BYTES {
        Length::Is(window.len().min(MAX_DATAGRAM_BYTES))
    } else {
        Length::More(needed.min(MAX_DATAGRAM_BYTES))
    }
}

fn netflow9(window: &[u8], ends: bool) -> Length {
    let mut at = V9_HEADER_BYTES;
    while at < MAX_DATAGRAM_BYTES {
        if at == window.len() && ends {
            return Length::Is(at);
        }
        let (Some(id), Some(length)) = (u16_at(window, at), u16_at(window, at + 2)) else {
            return rest(window, ends, at + 4);
        };
        if id == 9 {
            return Length::Is(at);
        }
        if length < 4 {
            return rest(window, ends, MAX_DATAGRAM_BYTES);
        }
        at += usize::from(length);
    }
    Length::Is(MAX_DATAGRAM_BYTES)
}

fn sflow(window: &[u8], ends: bool) -> Length {
    let header_bytes = match u32_at(window, 4) {
        Some(1) => 28,
        Some(2) => 40,
        Some(_) => return Length::Not,
        None => return rest(window, ends, 8),
    };
    let Some(samples) = u32_at(window, header_bytes - 4) else { return rest(window, ends, header_bytes) };
    let mut at = header_bytes;
    for _ in 0..samples {
        let Some(length) = u32_at(window, at + 4) else { return rest(window, ends, at + 8) };
        at = at.saturating_add(8).saturating_add(length as usize);
        if at > MAX_DATAGRAM_BYTES {
            return rest(window, ends, MAX_DATAGRAM_BYTES);
        }
    }
    Length::Is(at)
}

/// As much as there is of the first datagram at the beginning of an input.
pub(crate) fn first(bytes: &[u8]) -> &[u8] {
    match length(bytes, true) {
        Length::Is(length) => bytes.get(..length).unwrap_or(bytes),
        Length::More(_) | Length::Not => bytes,
    }
}

/// 2000-01-01: export times before it are those of no exporter whose clock is set.
const EARLIEST_EXPORT_SECONDS: u32 = 946_684_800;
/// More records or samples than any exporter puts into one datagram.
const MOST_ELEMENTS: u32 = 4096;

/// Whether the header alone could be that of an export datagram. Weaker than [`wire::flow::looks_like`], which
/// wants all lengths to agree: real exporters get them wrong, and the decoder keeps what it can.
pub(crate) fn is_plausible(bytes: &[u8]) -> bool {
    let half = |at: usize| u32::from(u16_at(bytes, at).unwrap_or(0));
    let word = |at: usize| u32_at(bytes, at).unwrap_or(0);
    match bytes {
        [0, 5, ..] => (1..=30).contains(&half(2)) && word(8) >= EARLIEST_EXPORT_SECONDS,
        [0, 9, ..] => (1..=MOST_ELEMENTS).contains(&half(2)) && word(8) >= EARLIEST_EXPORT_SECONDS,
        [0, 10, ..] => half(2) as usize >= IPFIX_HEADER_BYTES && word(4) >= EARLIEST_EXPORT_SECONDS,
        [0, 0, 0, 5, 0, 0, 0, agent @ (1 | 2), ..] => {
            (1..=MOST_ELEMENTS).contains(&word(if *agent == 1 { 24 } else { 36 }))
        }
        _ => false,
    }
}

/// The time that stands in for the time of arrival: the header's export time, sFlow's uptime after the epoch.
pub(crate) fn export_time(datagram: &[u8]) -> Time {
    let seconds = |at: usize| i64::from(u32_at(datagram, at).unwrap_or(0));
    match datagram {
        [0, 5, ..] => Time::from_seconds(seconds(8), seconds(12)),
        [0, 9, ..] => Time::from_seconds(seconds(8), 0),
        [0, 10, ..] => Time::from_seconds(seconds(4), 0),
        _ => {
            let uptime_at = if u32_at(datagram, 4) == Some(2) { 32 } else { 20 };
            Time::from_milliseconds(seconds(uptime_at))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sflow_datagram(samples: &[&[u8]]) -> Vec<u8> {
        let mut bytes = [0, 0, 0, 5, 0, 0, 0, 1, 192, 0, 2, 1].to_vec();
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0x03, 0xe8]);
        bytes.extend((samples.len() as u32).to_be_bytes());
        for sample in samples {
            bytes.extend([0, 0, 0, 1]);
            bytes.extend((sample.len() as u32).to_be_bytes());
            bytes.extend_from_slice(sample);
        }
        bytes
    }

    #[test]
    fn each_protocol_says_where_it_ends() {
        let mut v5 = vec![0; 24 + 2 * 48];
        v5[..4].copy_from_slice(&[0, 5, 0, 2]);
        let mut ipfix = vec![0; 100];
        ipfix[..4].copy_from_slice(&[0, 10, 0, 100]);
        let mut v9 = vec![0; 20 + 8 + 12];
        v9[..4].copy_from_slice(&[0, 9, 0, 2]);
        v9[20..24].copy_from_slice(&[0, 0, 0, 8]);
        v9[28..32].copy_from_slice(&[1, 4, 0, 12]);
        let sflow = sflow_datagram(&[&[0; 8], &[0; 20]]);
        for datagram in [v5, ipfix, v9, sflow] {
            assert_eq!(length(&datagram, true), Length::Is(datagram.len()));
            let twice = [datagram.clone(), datagram.clone()].concat();
            assert_eq!(length(&twice, false), Length::Is(datagram.len()), "{:?}", &datagram[..4]);
            assert_eq!(first(&twice), datagram);
        }
    }

    #[test]
    fn what_is_not_there_is_asked_for_or_taken_as_the_end() {
        let sflow = sflow_datagram(&[&[0; 8], &[0; 20]]);
        assert_eq!(length(&sflow[..30], false), Length::More(36));
        assert_eq!(length(&sflow[..30], true), Length::Is(30));
        assert_eq!(length(&[0, 9, 0, 1], false), Length::More(24));
        assert_eq!(length(&[0, 10, 0, 3], true), Length::Not);
        assert_eq!(length(b"text", true), Length::Not);
    }

    #[test]
    fn the_uptime_of_an_sflow_agent_counts_from_the_epoch() {
        assert_eq!(export_time(&sflow_datagram(&[])), Time::from_seconds(1, 0));
    }

    #[test]
    fn no_claim_leads_beyond_a_datagram() {
        let mut claims = sflow_datagram(&[&[0; 8]]);
        claims[28 + 4..28 + 8].copy_from_slice(&u32::MAX.to_be_bytes());
        claims.resize(70_000, 0);
        assert_eq!(length(&claims, false), Length::Is(MAX_DATAGRAM_BYTES));
    }
}
