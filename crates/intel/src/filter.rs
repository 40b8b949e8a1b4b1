//! A filter in front of tables: whether a hash may be there, by four bits of one word (a Bloom filter of blocks of 64 bits, after Putze and others, 2007).
//!
//! A million hashes take two mebibytes, which stay close to the processor, and about one in a hundred others passes. Nothing is ever taken out.

use prefetch_index::prefetch_index;

/// Hashes for each word before it is made larger.
const HASHES_PER_WORD: usize = 6;
/// Words of an empty one.
const FIRST_WORDS: usize = 1 << 10;

/// The filter.
#[derive(Debug)]
pub(crate) struct Filter {
    /// A power of two of them.
    words: Vec<u64>,
    count: usize,
}

impl Filter {
    pub(crate) fn new() -> Self {
        Self { words: vec![0; FIRST_WORDS], count: 0 }
    }

    /// Whether a hash may be there; always yes if it is.
    #[inline]
    pub(crate) fn has(&self, hash: u64) -> bool {
        let mask = mask(hash);
        self.words.get(place(hash, self.words.len())).is_some_and(|word| word & mask == mask)
    }

    /// Asks for the word of a hash.
    #[inline]
    pub(crate) fn ask(&self, hash: u64) {
        prefetch_index(&self.words, place(hash, self.words.len()));
    }

    /// Puts one in.
    pub(crate) fn put(&mut self, hash: u64) {
        let place = place(hash, self.words.len());
        if let Some(word) = self.words.get_mut(place) {
            *word |= mask(hash);
            self.count += 1;
        }
    }

    /// Whether it is too full to be of use, and [`Self::grown`] is due.
    pub(crate) const fn is_full(&self) -> bool {
        self.count >= self.words.len() * HASHES_PER_WORD
    }

    /// One twice as large, with these in it.
    pub(crate) fn grown(&self, hashes: impl Iterator<Item = u64>) -> Self {
        let mut grown = Self { words: vec![0; self.words.len() * 2], count: 0 };
        hashes.for_each(|hash| grown.put(hash));
        grown
    }
}

#[inline]
const fn place(hash: u64, words: usize) -> usize {
    (hash >> 24) as usize & (words - 1)
}

/// Four bits by the lowest 24 of the hash.
#[inline]
const fn mask(hash: u64) -> u64 {
    1 << (hash & 63) | 1 << (hash >> 6 & 63) | 1 << (hash >> 12 & 63) | 1 << (hash >> 18 & 63)
}

#[cfg(test)]
mod tests {
    use sketch::KeyedState;

    use super::*;

    #[test]
    fn what_is_in_it_passes_and_few_others_do() {
        let state = KeyedState::new([1; 16]);
        let hash = |number: u32| state.hash_u64(number.into());
        let mut filter = Filter::new();
        for number in 0..200_000 {
            if filter.is_full() {
                filter = filter.grown((0..number).map(hash));
            }
            filter.put(hash(number));
        }
        assert!((0..200_000).all(|number| filter.has(hash(number))));
        let passed = (200_000..400_000).filter(|number| filter.has(hash(*number))).count();
        assert!(passed < 4_000, "{passed} of 200,000");
        assert!(filter.words.len() * 8 <= 1 << 20);
    }
}
