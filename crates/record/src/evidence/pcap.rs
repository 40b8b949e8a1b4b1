//! pcap files with nanoseconds: <https://www.tcpdump.org/manpages/pcap-savefile.5.html>.

use super::{Frame, MAXIMUM_HEADER_BYTES};

/// Marks a file in the order of bytes of its writer, with nanoseconds.
const MAGIC: u32 = 0xa1b2_3c4d;
const NANOSECONDS: i64 = 1_000_000_000;

/// The file. One file has one link type: that of the first frame; frames of others are left out.
pub(super) fn write(frames: &[Frame]) -> Vec<u8> {
    let link_type = frames.first().map_or(1, |frame| frame.link_type);
    let mut file = Vec::new();
    file.extend(MAGIC.to_le_bytes());
    file.extend(2_u16.to_le_bytes());
    file.extend(4_u16.to_le_bytes());
    for number in [0, 0, MAXIMUM_HEADER_BYTES as u32, link_type] {
        file.extend(number.to_le_bytes());
    }
    for frame in frames.iter().filter(|frame| frame.link_type == link_type) {
        let seconds = u32::try_from(frame.time.div_euclid(NANOSECONDS)).unwrap_or(0);
        let captured = frame.bytes.len() as u32;
        let numbers = [
            seconds,
            frame.time.rem_euclid(NANOSECONDS) as u32,
            captured,
            frame.original_bytes.max(captured),
        ];
        numbers.iter().for_each(|number| file.extend(number.to_le_bytes()));
        file.extend(&frame.bytes);
    }
    file
}
