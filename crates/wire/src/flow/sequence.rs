//! Loss on the way, seen in sequence numbers.

/// Numbers ahead of the expected one beyond which the source is taken to have started again: a loss of this
/// many cannot be told from a restart.
const RESET_DISTANCE: u32 = 1 << 20;
/// Numbers behind the expected one up to which a datagram is taken to be late.
const REORDER_DISTANCE: u32 = 1 << 12;

/// What a sequence number said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gap {
    None,
    Lost(u32),
    Late,
    Reset,
}

/// The next sequence number that is expected of a source; numbers wrap at 2^32.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sequence(Option<u32>);

impl Sequence {
    /// Compares `sequence` with the expected number. `units` is by how much the datagram moves it, `None` if
    /// that cannot be known (IPFIX counts records, and their template is missing).
    pub(super) fn observe(&mut self, sequence: u32, units: Option<u32>) -> Gap {
        let next = units.map(|units| sequence.wrapping_add(units));
        let Some(expected) = self.0 else {
            self.0 = next;
            return Gap::None;
        };
        let ahead = sequence.wrapping_sub(expected);
        let behind = expected.wrapping_sub(sequence);
        if ahead > RESET_DISTANCE && behind <= REORDER_DISTANCE {
            return Gap::Late;
        }
        self.0 = next;
        match ahead {
            0 => Gap::None,
            lost if lost <= RESET_DISTANCE => Gap::Lost(lost),
            _ => Gap::Reset,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_late_datagrams_and_restarts() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.observe(u32::MAX, Some(1)), Gap::None);
        assert_eq!(sequence.observe(0, Some(1)), Gap::None);
        assert_eq!(sequence.observe(4, Some(1)), Gap::Lost(3));
        assert_eq!(sequence.observe(2, Some(1)), Gap::Late);
        assert_eq!(sequence.observe(5, Some(1)), Gap::None);
        assert_eq!(sequence.observe(3_000_000_000, Some(1)), Gap::Reset);
        assert_eq!(sequence.observe(3_000_000_001, None), Gap::None);
        assert_eq!(sequence.observe(3_000_000_900, Some(1)), Gap::None);
    }
}
