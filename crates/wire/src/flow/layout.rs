//! Where the fields of a record are, and how they are read.
//!
//! For every [`Slot`] a [`Layout`] says where the field ends and how wide it is. An integer is read by loading
//! the eight bytes that *end* with it and masking the bytes before it off, whatever its width (reduced-size
//! encoding, RFC 7011 section 6.2) and even if it is absent (width 0 gives 0): no branch for a field, no test
//! for its length. The bytes before a record always exist, because message and set headers come before it.
//!
//! Nearly all records are of fixed length and at most [`SHORT`] bytes. Their usual fields are kept apart, as offsets of
//! one byte into a window of [`WINDOW`] bytes, which no such offset can leave: one test for each record instead of one
//! for each field. A test holds both ways to the same result.

use super::fields::Slot;

/// Bytes of the datagram that are kept before a record so that loads may begin before it.
pub(super) const LEAD: usize = 8;
/// Length of the longest record that is read by a window.
pub(super) const SHORT: usize = u8::MAX as usize;
/// From [`LEAD`] bytes before a short record to the end of the farthest load in it: sixteen bytes at offset 255.
pub(super) const WINDOW: usize = SHORT + 16;
/// Masks for integers of 0 to 8 bytes; wider places (addresses, frames) are never read as integers.
const MASKS: [u64; 16] = {
    let mut masks = [u64::MAX; 16];
    let mut width = 0;
    while width < 8 {
        masks[width] = (1 << (8 * width)) - 1;
        width += 1;
    }
    masks
};

/// Where a field is: offset of its end from the start of the record, and its width in bytes, 0 if absent.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Place {
    pub(super) end: u16,
    pub(super) width: u16,
}

/// Where the field of each slot is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    places: [Place; Slot::COUNT],
    /// Of the usual fields of short records: where in the window the eight bytes begin that end with the field.
    starts: [u8; Slot::USUAL],
    /// What of these eight bytes is the field's.
    masks: [u64; Slot::USUAL],
}

impl Layout {
    /// Where the fields of a template's records are. Only if all places end within [`SHORT`] bytes, and do so in every
    /// record, may [`ShortRecord`] read them.
    pub(super) fn new(places: [Place; Slot::COUNT]) -> Self {
        let mut layout = Self { places, starts: [0; Slot::USUAL], masks: [0; Slot::USUAL] };
        for (place, (start, mask)) in places.iter().zip(layout.starts.iter_mut().zip(&mut layout.masks)) {
            // An end at `n` of the record is at `n + LEAD` of the window, and eight bytes before it is `n`.
            *start = place.end as u8;
            *mask = MASKS.get(usize::from(place.width)).copied().unwrap_or(u64::MAX);
        }
        layout
    }

    #[inline(always)]
    pub(super) const fn has(&self, slot: Slot) -> bool {
        self.places[slot as usize].width > 0
    }

    /// Moves a field, for the next [`AnyRecord`].
    pub(super) const fn place(&mut self, slot: Slot, place: Place) {
        self.places[slot as usize] = place;
    }
}

/// The fields of one record.
pub(super) trait Fields: Copy {
    /// The integer in `slot`, 0 if absent.
    fn integer(self, slot: Slot) -> u64;

    /// The sixteen bytes in `slot` as a number, zero if absent.
    fn sixteen(self, slot: Slot) -> u128;

    /// Whether records have this field.
    fn has(self, slot: Slot) -> bool;
}

/// A record of any length.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnyRecord<'a> {
    pub(super) layout: &'a Layout,
    /// The record with [`LEAD`] bytes before it.
    pub(super) window: &'a [u8],
}

impl<'a> AnyRecord<'a> {
    /// The bytes of the field in `slot`, empty if absent.
    pub(super) fn bytes(self, slot: Slot) -> &'a [u8] {
        let place = self.layout.places[slot as usize];
        let end = usize::from(place.end) + LEAD;
        self.window.get(end - usize::from(place.width)..end).unwrap_or_default()
    }
}

impl Fields for AnyRecord<'_> {
    #[inline(always)]
    fn integer(self, slot: Slot) -> u64 {
        let place = self.layout.places[slot as usize];
        let start = usize::from(place.end);
        match self.window.get(start..start + 8).and_then(|bytes| bytes.first_chunk::<8>()) {
            Some(bytes) => u64::from_be_bytes(*bytes) & MASKS[usize::from(place.width & 15)],
            None => 0,
        }
    }

    #[inline(always)]
    fn sixteen(self, slot: Slot) -> u128 {
        let end = usize::from(self.layout.places[slot as usize].end) + LEAD;
        match self.window.get(end.saturating_sub(16)..end).and_then(|bytes| bytes.first_chunk::<16>()) {
            Some(bytes) if self.has(slot) => u128::from_be_bytes(*bytes),
            _ => 0,
        }
    }

    #[inline(always)]
    fn has(self, slot: Slot) -> bool {
        self.layout.has(slot)
    }
}

/// A record of at most [`SHORT`] bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShortRecord<'a> {
    pub(super) layout: &'a Layout,
    /// The record with [`LEAD`] bytes before it, and whatever comes after it.
    pub(super) window: &'a [u8; WINDOW],
}

impl ShortRecord<'_> {
    fn any(&self) -> AnyRecord<'_> {
        AnyRecord { layout: self.layout, window: self.window }
    }
}

impl Fields for ShortRecord<'_> {
    #[inline(always)]
    fn integer(self, slot: Slot) -> u64 {
        if slot as usize >= Slot::USUAL {
            return self.any().integer(slot);
        }
        let start = usize::from(self.layout.starts[slot as usize]);
        match self.window.get(start..).and_then(|bytes| bytes.first_chunk::<8>()) {
            Some(bytes) => u64::from_be_bytes(*bytes) & self.layout.masks[slot as usize],
            None => 0,
        }
    }

    #[inline(always)]
    fn sixteen(self, slot: Slot) -> u128 {
        if slot as usize >= Slot::USUAL {
            return self.any().sixteen(slot);
        }
        // Sixteen bytes begin eight bytes earlier; those of an absent field are masked off, wherever they are.
        let start = usize::from(self.layout.starts[slot as usize].wrapping_sub(8));
        let mask = u128::from(self.layout.masks[slot as usize]);
        match self.window.get(start..).and_then(|bytes| bytes.first_chunk::<16>()) {
            Some(bytes) => u128::from_be_bytes(*bytes) & (mask << 64 | mask),
            None => 0,
        }
    }

    #[inline(always)]
    fn has(self, slot: Slot) -> bool {
        self.layout.has(slot)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Places of fields that end within a short record, as wide as the template compiler allows.
    fn places() -> impl Strategy<Value = [Place; Slot::COUNT]> {
        let place = (0_u16..=16, 0_u16..=SHORT as u16).prop_map(|(width, end)| {
            let width = if width > 8 && end >= 16 { 16 } else { width.min(8) };
            if end < width { Place::default() } else { Place { end, width } }
        });
        proptest::collection::vec(place, Slot::COUNT)
            .prop_map(|places| places.try_into().unwrap_or([Place::default(); Slot::COUNT]))
    }

    proptest! {
        #[test]
        fn a_short_record_is_read_as_any_record(places in places(), seed in any::<u64>()) {
            let layout = Layout::new(places);
            let window = std::array::from_fn(|index| (seed.rotate_left(index as u32) as u8) ^ index as u8);
            let short = ShortRecord { layout: &layout, window: &window };
            let any = AnyRecord { layout: &layout, window: &window };
            for &slot in Slot::ALL {
                prop_assert_eq!(short.has(slot), any.has(slot));
                let width = places[slot as usize].width;
                if width <= 8 {
                    prop_assert_eq!(short.integer(slot), any.integer(slot), "{:?}", slot);
                }
                if matches!(width, 0 | 16) {
                    prop_assert_eq!(short.sixteen(slot), any.sixteen(slot), "{:?}", slot);
                }
            }
        }
    }
}
