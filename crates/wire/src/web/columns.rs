//! Lines of columns: W3C's extended format (IIS, CloudFront and others), and tables with declared names.
//!
//! W3C: `#Fields:` says what the columns are, and may say it again; date and time are in UTC. Values have no spaces: IIS writes
//! `+` for them, others `%20`; both are given as they are. Tables: a value may stand in quotes.

use super::clock::Clock;
use super::error::FormatError;
use super::field::{Field, Row, SLOTS};
use super::names;
use super::skip::Skip;

/// Most columns that are looked at; further ones are passed over.
pub(super) const MAX_COLUMNS: usize = 64;

/// What the columns of a line are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Columns {
    fields: [Field; MAX_COLUMNS],
    /// Behind this column there is nothing of interest.
    count: usize,
    separator: Separator,
}

/// What stands between columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Separator {
    /// A tab if the line has one, else a space: W3C.
    Blank,
    /// This byte.
    Byte(u8),
}

impl Columns {
    /// Columns of these names, of which only the best of each meaning counts. Unknown ones are passed over.
    pub(super) fn of<'n>(names: impl Iterator<Item = &'n [u8]>, separator: Separator) -> Self {
        let mut fields = [Field::Nothing; MAX_COLUMNS];
        let mut best = [None::<(u8, usize)>; SLOTS];
        let mut count = 0;
        let mut host = None;
        for (index, (place, name)) in fields.iter_mut().zip(names).enumerate() {
            let Some(known) = names::of(name) else { continue };
            *place = known.field;
            count = index + 1;
            if name == b"host" {
                host = Some(index);
            }
            let slot = known.field.slot();
            if let Some(best) = slot.and_then(|slot| best.get_mut(slot))
                && best.is_none_or(|(rank, _)| known.rank > rank)
            {
                *best = Some((known.rank, index));
            }
        }
        // In tables without another client, `host` is who asked, as in the common log format.
        let has_client = fields.contains(&Field::Client);
        for (index, field) in fields.iter_mut().enumerate() {
            let is_best =
                |slot: usize| best.get(slot).is_some_and(|best| best.is_some_and(|(_, at)| at == index));
            if !has_client && separator != Separator::Blank && Some(index) == host {
                *field = Field::Client;
            } else if field.slot().is_some_and(|slot| !is_best(slot)) {
                *field = Field::Nothing;
            }
        }
        Self { fields, count, separator }
    }

    /// As [`Columns::of`], refused without a time.
    pub(super) fn declared<'n>(
        names: impl Iterator<Item = &'n [u8]>,
        separator: Separator,
    ) -> Result<Self, FormatError> {
        let columns = Self::of(names, separator);
        if columns.fields.iter().any(|field| field.is_time()) {
            Ok(columns)
        } else {
            Err(FormatError::NoTime)
        }
    }

    /// Those of a `#Fields:` directive.
    pub(super) fn of_directive(line: &[u8]) -> Option<Self> {
        let names = line.strip_prefix(b"#Fields:")?;
        let names = names.split(u8::is_ascii_whitespace).filter(|name| !name.is_empty());
        Some(Self::of(names, Separator::Blank))
    }

    /// Those of a heading: every word is the name of something, and it is enough for a request.
    pub(super) fn of_heading(line: &[u8]) -> Option<Self> {
        let separator = [b'\t', b',', b';', b'|', b' '].into_iter().find(|byte| line.contains(byte))?;
        let names = || line.split(move |byte| *byte == separator).map(unquoted).map(<[u8]>::trim_ascii);
        let is_name = |name: &[u8]| {
            !name.is_empty() && !name.first().is_some_and(u8::is_ascii_digit) && name.iter().all(is_name_byte)
        };
        if names().count() > MAX_COLUMNS || !names().all(is_name) {
            return None;
        }
        let columns = Self::declared(names(), Separator::Byte(separator)).ok()?;
        let has = |wanted: &[Field]| columns.fields.iter().any(|field| wanted.contains(field));
        (has(&[Field::Target, Field::RequestLine]) && has(&[Field::Client, Field::Status])).then_some(columns)
    }

    /// Takes a line apart.
    pub(super) fn read<'a>(&self, line: &'a [u8], row: &mut Row<'a>, clock: &mut Clock) -> Result<(), Skip> {
        let separator = match self.separator {
            Separator::Byte(byte) => byte,
            Separator::Blank if line.contains(&b'\t') => b'\t',
            Separator::Blank => b' ',
        };
        let is_table = self.separator != Separator::Blank;
        let mut rest = Some(line);
        for field in self.fields.iter().take(self.count) {
            let here = rest.ok_or(Skip::Shape)?;
            let quoted = if is_table { quoted(here, separator) } else { None };
            let (value, after) = match quoted {
                Some(found) => found,
                None => match memchr::memchr(separator, here).and_then(|at| here.split_at_checked(at)) {
                    Some((value, after)) => (value, after.get(1..)),
                    None => (here, None),
                },
            };
            row.set(*field, value, clock)?;
            rest = after;
        }
        Ok(())
    }
}

/// A value in quotes and what follows its separator, which is `None` at the end of the line.
fn quoted(rest: &[u8], separator: u8) -> Option<(&[u8], Option<&[u8]>)> {
    let inner = rest.strip_prefix(b"\"")?;
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(b'"', inner.get(from..)?)?;
        let (value, tail) = inner.split_at_checked(at)?;
        match tail.get(1) {
            None => return Some((value, None)),
            Some(byte) if *byte == separator => return Some((value, tail.get(2..))),
            // A quote inside is doubled.
            Some(b'"') => from = at + 2,
            Some(_) => from = at + 1,
        }
    }
}

fn unquoted(name: &[u8]) -> &[u8] {
    match name {
        [b'"', inner @ .., b'"'] => inner,
        name => name,
    }
}

fn is_name_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'(' | b')' | b'@' | b'.' | b' ' | b'$')
}

/// Whether a line is a heading, not a row.
#[cold]
pub(super) fn is_heading(line: &[u8]) -> bool {
    Columns::of_heading(line).is_some()
}
