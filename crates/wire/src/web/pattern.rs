//! A format of one line as literals and fields between them, compiled once and read forwards, without going back.
//!
//! A field ends where the literal behind it begins. Between quotes that is at the first quote without a backslash before it
//! which the rest of the literal follows: servers write a quote inside as `\"` or `\x22`. Some write it bare; it is taken as a part
//! of the value unless a space or the end of the line follows it, as they follow an end. The last one may be missing. Reading is linear in the length of
//! the line: the end of each field is looked for from its beginning on, and a literal has at most [`MAX_FORMAT_BYTES`].

use memchr::memchr;

use super::clock::Clock;
use super::error::FormatError;
use super::field::{Field, Part as TimePart, Row, SLOTS};
use super::names::Known;
use super::skip::Skip;

/// Longest text of a format, in bytes.
pub const MAX_FORMAT_BYTES: usize = 8 << 10;
/// Most fields of a format.
pub const MAX_FIELDS: usize = 128;

/// How the end of a field is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// At this byte.
    Byte(u8),
    /// At the first quote that counts.
    Quote,
    /// At the literal, which begins with this byte.
    Literal(u8),
    /// Before a slash: the path comes next.
    Slash,
    /// After so many bytes.
    Width(u8),
    /// Nothing follows.
    Line,
}

/// A field and the literal behind it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Step {
    field: Field,
    end: End,
    literal: Literal,
}

/// What stands between two fields.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Literal {
    bytes: Box<[u8]>,
    /// Its first bytes as a number, and where they are in it: most literals are two or three bytes, and compared so at once.
    word: u64,
    mask: u64,
}

impl Literal {
    fn new(bytes: Vec<u8>) -> Self {
        let (mut word, mut mask) = ([0; WORD_BYTES], [0; WORD_BYTES]);
        for ((word, mask), byte) in word.iter_mut().zip(&mut mask).zip(&bytes) {
            (*word, *mask) = (*byte, u8::MAX);
        }
        Self { bytes: bytes.into(), word: u64::from_le_bytes(word), mask: u64::from_le_bytes(mask) }
    }

    /// What follows it at the beginning of a text; `None` if it is not there.
    #[inline]
    fn strip<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        let length = self.bytes.len();
        match text.first_chunk::<WORD_BYTES>() {
            Some(first) if length <= WORD_BYTES => {
                let is_there = (u64::from_le_bytes(*first) ^ self.word) & self.mask == 0;
                if is_there { text.get(length..) } else { None }
            }
            _ => text.strip_prefix(&*self.bytes),
        }
    }
}

const WORD_BYTES: usize = 8;
/// Words that are looked at before a byte is taken to be far away.
const NEAR_WORDS: usize = 4;

/// Where a byte is first in a text, most likely near its beginning: a call of [`memchr`] costs more than that.
#[inline]
fn find_near(byte: u8, text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; WORD_BYTES]);
    const TOPS: u64 = ONES << 7;
    let (words, _) = text.as_chunks::<WORD_BYTES>();
    let mut before = 0;
    for word in words.iter().take(NEAR_WORDS) {
        let difference = u64::from_le_bytes(*word) ^ (ONES * u64::from(byte));
        // Only the lowest top bit is sure to be that of a byte that is nought.
        let noughts = difference.wrapping_sub(ONES) & !difference & TOPS;
        if noughts != 0 {
            return Some(before + noughts.trailing_zeros() as usize / 8);
        }
        before += WORD_BYTES;
    }
    Some(before + memchr(byte, text.get(before..)?)?)
}

/// A compiled format.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pattern {
    before: Box<[u8]>,
    steps: Box<[Step]>,
}

impl Pattern {
    /// Takes a line apart.
    #[inline]
    pub(super) fn read<'a>(&self, line: &'a [u8], row: &mut Row<'a>, clock: &mut Clock) -> Result<(), Skip> {
        let mut rest = line.strip_prefix(&*self.before).ok_or(Skip::Shape)?;
        let Some((last, steps)) = self.steps.split_last() else { return Err(Skip::Shape) };
        for step in steps {
            let (value, after) = step.cut(rest, false).ok_or(Skip::Shape)?;
            row.set(step.field, value, clock)?;
            rest = after;
        }
        let (value, after) = last.cut(rest, true).ok_or(Skip::Shape)?;
        if !after.is_empty() {
            return Err(Skip::Shape);
        }
        row.set(last.field, value, clock)
    }
}

impl Step {
    /// The value at the beginning of `rest`, and what follows the literal behind it.
    #[inline]
    fn cut<'a>(&self, rest: &'a [u8], is_last: bool) -> Option<(&'a [u8], &'a [u8])> {
        match self.end {
            End::Byte(byte) => {
                let at = find_near(byte, rest)?;
                Some((rest.get(..at)?, rest.get(at + 1..)?))
            }
            End::Quote => self.cut_at_quote(rest, is_last),
            End::Literal(first) => {
                let mut from = 0;
                loop {
                    let at = from + find_near(first, rest.get(from..)?)?;
                    let (value, tail) = rest.split_at_checked(at)?;
                    if let Some(after) = self.literal.strip(tail) {
                        return Some((value, after));
                    }
                    from = at + 1;
                }
            }
            End::Slash => rest.split_at_checked(memchr(b'/', rest)?),
            End::Width(width) => {
                let (value, tail) = rest.split_at_checked(usize::from(width))?;
                Some((value, self.literal.strip(tail)?))
            }
            End::Line => Some((rest, &[])),
        }
    }

    #[inline]
    fn cut_at_quote<'a>(&self, rest: &'a [u8], is_last: bool) -> Option<(&'a [u8], &'a [u8])> {
        let mut from = 0;
        loop {
            let Some(at) = memchr(b'"', rest.get(from..)?) else {
                // Syslog cuts long messages. All but the end of the last field is there.
                return (is_last && from == 0 && self.literal.bytes.len() == 1).then_some((rest, &[]));
            };
            let at = from + at;
            let (value, tail) = rest.split_at_checked(at)?;
            if !is_escaped(value) {
                match self.literal.strip(tail) {
                    Some(after) if after.is_empty() || !is_last => return Some((value, after)),
                    _ if matches!(tail, [_] | [_, b' ', ..]) => return None,
                    _ => {}
                }
            }
            from = at + 1;
        }
    }
}

/// Whether what follows `text` has an odd number of backslashes before it.
#[inline]
fn is_escaped(text: &[u8]) -> bool {
    text.last() == Some(&b'\\') && text.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// A part of a format that is being put together.
enum Part {
    Literal(Vec<u8>),
    Field { known: Known, offset: usize, width: Option<u8> },
}

/// Puts a pattern together.
#[derive(Default)]
pub(super) struct Builder {
    parts: Vec<Part>,
    fields: usize,
}

impl Builder {
    pub(super) fn literal(&mut self, byte: u8) {
        match self.parts.last_mut() {
            Some(Part::Literal(bytes)) => bytes.push(byte),
            _ => self.parts.push(Part::Literal(vec![byte])),
        }
    }

    pub(super) fn field(
        &mut self,
        known: Known,
        offset: usize,
        width: Option<u8>,
    ) -> Result<(), FormatError> {
        self.fields += 1;
        if self.fields > MAX_FIELDS {
            return Err(FormatError::TooManyFields { offset });
        }
        self.parts.push(Part::Field { known, offset, width });
        Ok(())
    }

    /// The pattern. Of several fields with one meaning the best counts.
    pub(super) fn build(mut self) -> Result<Pattern, FormatError> {
        self.choose();
        let fields = || self.parts.iter().filter_map(Part::as_field);
        if !fields().any(|field| field.is_time()) {
            return Err(FormatError::NoTime);
        }
        let mut before = Vec::new();
        let mut steps: Vec<Step> = Vec::new();
        let mut is_open = false;
        for part in self.parts {
            match part {
                Part::Literal(bytes) => {
                    match steps.last_mut() {
                        Some(step) => step.close(bytes),
                        None => before = bytes,
                    }
                    is_open = false;
                }
                Part::Field { known, offset, width } => {
                    if is_open
                        && let Some(step) = steps.last_mut()
                        && step.joins(known.field, offset)?
                    {
                        continue;
                    }
                    is_open = true;
                    let end = width.map_or(End::Line, End::Width);
                    steps.push(Step { field: known.field, end, literal: Literal::default() });
                }
            }
        }
        Ok(Pattern { before: before.into(), steps: steps.into() })
    }

    /// Leaves one field for each meaning.
    fn choose(&mut self) {
        let mut best = [None; SLOTS];
        for (index, part) in self.parts.iter().enumerate() {
            let Part::Field { known, .. } = part else { continue };
            let Some(place) = known.field.slot().and_then(|slot| best.get_mut(slot)) else { continue };
            if place.is_none_or(|(rank, _)| known.rank > rank) {
                *place = Some((known.rank, index));
            }
        }
        let is_best = |field: Field, index| {
            field.slot().is_none_or(|slot| {
                best.get(slot).is_some_and(|place| place.is_some_and(|(_, at)| at == index))
            })
        };
        let has = |wanted: fn(Field) -> bool| self.parts.iter().filter_map(Part::as_field).any(wanted);
        let has_line = has(|field| field == Field::RequestLine);
        let has_time = has(|field| matches!(field, Field::Time { .. }));
        for (index, part) in self.parts.iter_mut().enumerate() {
            let Part::Field { known, .. } = part else { continue };
            let field = known.field;
            let is_part = matches!(field, Field::Part(part) if part != TimePart::Fraction);
            if !is_best(field, index) || (has_line && field.is_in_request_line()) || (has_time && is_part) {
                known.field = Field::Nothing;
            }
        }
    }
}

impl Part {
    fn as_field(&self) -> Option<Field> {
        match self {
            Self::Field { known, .. } => Some(known.field),
            Self::Literal(_) => None,
        }
    }
}

impl Step {
    /// Says what stands behind it.
    fn close(&mut self, literal: Vec<u8>) {
        if !matches!(self.end, End::Width(_)) {
            self.end = match literal.as_slice() {
                [b'"', ..] => End::Quote,
                [byte] => End::Byte(*byte),
                [byte, ..] => End::Literal(*byte),
                [] => End::Line,
            };
        }
        self.literal = Literal::new(literal);
    }

    /// Whether a field that follows directly is the same for us. If not, the end of this one has to be clear.
    fn joins(&mut self, next: Field, offset: usize) -> Result<bool, FormatError> {
        match (self.field, next) {
            _ if matches!(self.end, End::Width(_)) => Ok(false),
            (Field::Nothing, Field::Nothing) => Ok(true),
            // `%U%q`, `$uri$is_args$args`.
            (Field::Target, Field::Query | Field::Nothing) => Ok(true),
            (_, Field::Target) => {
                self.end = End::Slash;
                Ok(false)
            }
            _ => Err(FormatError::Adjacent { offset }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_byte_is_found_where_it_is_first(
            text in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b'!'), Just(b'#'), any::<u8>()], 0..80),
            byte in prop_oneof![Just(b'"'), Just(0_u8), Just(0x80), any::<u8>()],
        ) {
            prop_assert_eq!(find_near(byte, &text), text.iter().position(|other| *other == byte));
        }

        #[test]
        fn a_literal_is_taken_off_where_it_stands(
            literal in proptest::collection::vec(prop_oneof![Just(b' '), Just(b'"'), any::<u8>()], 0..12),
            text in proptest::collection::vec(prop_oneof![Just(b' '), Just(b'"'), any::<u8>()], 0..20),
        ) {
            let known = Literal::new(literal.clone());
            prop_assert_eq!(known.strip(&text), text.strip_prefix(&*literal));
            let with = [&*literal, &*text].concat();
            prop_assert_eq!(known.strip(&with), Some(&*text));
        }
    }
}
