//! JSON, one object a line: flat keys (nginx, Apache, Traefik), and Caddy's with the request inside.
//!
//! A scanner of its own that borrows from the line and keeps nothing. It looks at the members of the line's object, of its
//! `request` and of that one's `headers`; all other values are passed over by their brackets. Of several keys with
//! one meaning the best known counts ([`super::names`]), of two that are the same the first.
//!
//! Limits: strings are given raw, escapes and all. What is compared with something else (methods, statuses, addresses, times,
//! versions) has none. In a target a writer may have `\/` or `\u0026` for `/` and `&`: Traefik writes the latter. Two
//! targets of one server are still the same if their texts are.

use memchr::memchr2;

use super::clock::Clock;
use super::field::{Row, SLOTS};
use super::names::{self, Known};
use super::skip::Skip;
use super::text;

/// Most members of an object that are looked at.
pub(super) const MAX_MEMBERS: usize = 512;

/// Where a member stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Line,
    Request,
    Headers,
}

/// Reads a line.
pub(super) fn read<'a>(line: &'a [u8], row: &mut Row<'a>, clock: &mut Clock) -> Result<(), Skip> {
    let mut reader = Reader { scanner: Scanner { bytes: line, at: 0 }, row, clock, ranks: [0; SLOTS] };
    reader.scanner.blanks();
    reader.object(Scope::Line)?;
    reader.scanner.blanks();
    if reader.scanner.at < line.len() {
        return Err(Skip::Shape);
    }
    if row.has_request() { Ok(()) } else { Err(Skip::NotARequest) }
}

struct Reader<'a, 'r> {
    scanner: Scanner<'a>,
    row: &'r mut Row<'a>,
    clock: &'r mut Clock,
    /// How good what was found for each slot is.
    ranks: [u8; SLOTS],
}

impl<'a> Reader<'a, '_> {
    /// One object, at most three deep.
    fn object(&mut self, scope: Scope) -> Result<(), Skip> {
        self.scanner.expect(b'{')?;
        if self.scanner.accept(b'}') {
            return Ok(());
        }
        for _ in 0..MAX_MEMBERS {
            let key = self.scanner.string()?;
            self.scanner.expect(b':')?;
            self.scanner.blanks();
            self.member(scope, key)?;
            if !self.scanner.accept(b',') {
                return self.scanner.expect(b'}');
            }
            self.scanner.blanks();
        }
        Err(Skip::Shape)
    }

    fn member(&mut self, scope: Scope, key: &'a [u8]) -> Result<(), Skip> {
        match (self.scanner.peek(), scope) {
            (Some(b'{'), Scope::Line) if key == b"request" => self.object(Scope::Request),
            (Some(b'{'), Scope::Request) if key == b"headers" => self.object(Scope::Headers),
            (Some(b'{'), _) => self.scanner.pass(),
            (Some(b'['), Scope::Headers) => {
                let known = names::request_header(key);
                let begin = self.scanner.at;
                if let Some(known) = known {
                    self.scanner.at += 1;
                    self.scanner.blanks();
                    if self.scanner.peek() == Some(b'"') {
                        let value = self.scanner.string()?;
                        self.set(known, value)?;
                    }
                }
                self.scanner.at = begin;
                self.scanner.pass()
            }
            (Some(b'['), _) => self.scanner.pass(),
            _ => {
                let value = self.scanner.scalar()?;
                // Suricata's lines are about more than requests, and are read elsewhere.
                if scope == Scope::Line && key == b"event_type" {
                    return Err(Skip::NotARequest);
                }
                let known = if scope == Scope::Headers { names::request_header(key) } else { names::of(key) };
                known.map_or(Ok(()), |known| self.set(known, value))
            }
        }
    }

    fn set(&mut self, known: Known, value: &'a [u8]) -> Result<(), Skip> {
        // A line about a request that was none has the key and no value.
        self.row.note(known.field);
        if let Some(rank) = known.field.slot().and_then(|slot| self.ranks.get_mut(slot)) {
            if known.rank <= *rank || text::present(value).is_empty() {
                return Ok(());
            }
            *rank = known.rank;
        }
        match self.row.set(known.field, value, self.clock) {
            // Another key may have one that can be read.
            Err(Skip::Time) => {
                if let Some(rank) = known.field.slot().and_then(|slot| self.ranks.get_mut(slot)) {
                    *rank = 0;
                }
                Ok(())
            }
            other => other,
        }
    }
}

/// Goes over JSON text (RFC 8259), as strictly as is needed to find the ends of values.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Whether this comes next; if so, it is passed.
    #[inline]
    fn accept(&mut self, byte: u8) -> bool {
        self.blanks();
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), Skip> {
        if self.accept(byte) { Ok(()) } else { Err(Skip::Shape) }
    }

    /// What stands between quotes, raw.
    #[inline]
    fn string(&mut self) -> Result<&'a [u8], Skip> {
        self.expect(b'"')?;
        let begin = self.at;
        loop {
            let rest = self.bytes.get(self.at..).ok_or(Skip::Shape)?;
            self.at += memchr2(b'"', b'\\', rest).ok_or(Skip::Shape)?;
            if self.peek() == Some(b'"') {
                let value = self.bytes.get(begin..self.at).ok_or(Skip::Shape)?;
                self.at += 1;
                return Ok(value);
            }
            self.at += 2;
        }
    }

    /// A string, a number or a word. `null` is empty.
    #[inline]
    fn scalar(&mut self) -> Result<&'a [u8], Skip> {
        if self.peek() == Some(b'"') {
            return self.string();
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
        let length = rest.iter().position(is_end).ok_or(Skip::Shape)?;
        let value = rest.get(..length).unwrap_or_default();
        if value.is_empty() || value.contains(&b'"') {
            return Err(Skip::Shape);
        }
        self.at += length;
        Ok(if value == b"null" { b"" } else { value })
    }

    /// Passes over an object or a list.
    fn pass(&mut self) -> Result<(), Skip> {
        let mut depth = 0_usize;
        loop {
            match self.peek().ok_or(Skip::Shape)? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }
}
