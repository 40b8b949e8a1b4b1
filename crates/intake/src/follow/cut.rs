//! Bytes to lines.

use super::{Line, counters::FollowCounters};

/// Cuts one file into lines, wherever its bytes come from. It keeps no bytes: what was not used is to be given again with
/// what comes after it.
#[derive(Clone, Debug, Default)]
pub struct Cutter {
    /// Where the first byte that was not used is in the file.
    pub offset: u64,
    /// That byte belongs to a line that is being skipped.
    pub is_skipping: bool,
    /// Lines come from a file that was rotated before.
    pub is_history: bool,
}

impl Cutter {
    /// Gives the whole lines at the beginning of `bytes`, and skips what is too long. Gives how many bytes are used.
    #[inline]
    pub fn cut(
        &mut self,
        bytes: &[u8],
        longest: usize,
        counters: &mut FollowCounters,
        take: &mut impl FnMut(Line<'_>),
    ) -> usize {
        let mut used = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            let line = bytes.get(used..end).unwrap_or_default();
            self.line(line, longest, counters, take);
            self.offset += line.len() as u64 + 1;
            used = end + 1;
        }
        let rest = bytes.len() - used;
        if self.is_skipping || rest > longest {
            self.is_skipping = true;
            counters.skipped_bytes += rest as u64;
            self.offset += rest as u64;
            used = bytes.len();
        }
        used
    }

    #[inline]
    fn line(
        &mut self,
        bytes: &[u8],
        longest: usize,
        counters: &mut FollowCounters,
        take: &mut impl FnMut(Line<'_>),
    ) {
        if std::mem::take(&mut self.is_skipping) || bytes.len() > longest {
            counters.skipped_lines += 1;
            counters.skipped_bytes += bytes.len() as u64 + 1;
            return;
        }
        counters.lines += 1;
        counters.bytes += bytes.len() as u64 + 1;
        take(Line { bytes, offset: self.offset, is_history: self.is_history });
    }

    /// Nothing more comes: gives a line without its end.
    pub fn finish(&mut self, rest: &[u8], counters: &mut FollowCounters, take: &mut impl FnMut(Line<'_>)) {
        if std::mem::take(&mut self.is_skipping) {
            counters.skipped_lines += 1;
        } else if !rest.is_empty() {
            counters.unfinished_lines += 1;
            counters.lines += 1;
            counters.bytes += rest.len() as u64;
            take(Line { bytes: rest, offset: self.offset, is_history: self.is_history });
        }
        self.offset += rest.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// In pieces of this size, as a file that grows.
    fn cut(text: &[u8], longest: usize, piece: usize) -> (Vec<(u64, Vec<u8>)>, FollowCounters) {
        let (mut cutter, mut counters, mut lines) =
            (Cutter::default(), FollowCounters::default(), Vec::new());
        let mut take = |line: Line<'_>| lines.push((line.offset, line.bytes.to_vec()));
        let mut seen = 0;
        while (cutter.offset as usize) < text.len() && seen < text.len() {
            seen = (seen + piece).min(text.len());
            let from = cutter.offset as usize;
            let used = cutter.cut(&text[from..seen], longest, &mut counters, &mut take);
            assert_eq!(cutter.offset as usize, from + used);
        }
        let from = cutter.offset as usize;
        cutter.finish(&text[from..], &mut counters, &mut take);
        (lines, counters)
    }

    #[test]
    fn long_lines_are_skipped_and_counted_and_others_are_whole() {
        let text = b"one\n\ntoo long by far\nthree\nlast";
        for piece in 1..text.len() {
            let (lines, counters) = cut(text, 5, piece);
            let expected: [(u64, &[u8]); 4] = [(0, b"one"), (4, b""), (21, b"three"), (27, b"last")];
            assert_eq!(lines, expected.map(|(at, line)| (at, line.to_vec())), "pieces of {piece}");
            assert_eq!((counters.lines, counters.unfinished_lines), (4, 1));
            assert_eq!((counters.skipped_lines, counters.skipped_bytes), (1, 16));
        }
    }

    proptest! {
        #[test]
        fn every_byte_is_given_or_counted(
            text in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..300),
            longest in 1_usize..40,
            piece in 1_usize..80,
        ) {
            let (lines, counters) = cut(&text, longest, piece);
            prop_assert_eq!(counters.bytes + counters.skipped_bytes, text.len() as u64);
            prop_assert_eq!(counters.lines, lines.len() as u64);
            for (offset, line) in lines {
                prop_assert_eq!(&text[offset as usize..offset as usize + line.len()], &line[..]);
                prop_assert!(line.len() <= longest && !line.contains(&b'\n'));
            }
        }
    }
}
