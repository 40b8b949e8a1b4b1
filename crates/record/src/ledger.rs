//! Appending, within a transaction: addresses out, body canonical, chain on, floods up to date.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};

use crate::canonical::canonical;
use crate::chain::{self, Hash, Header, NOTHING};
use crate::conceal::Concealer;
use crate::erased::Erased;
use crate::event::{self, Line};
use crate::keys::{Keys, hexadecimal};
use crate::{Entry, Error, Kind, OwnAddresses, Point, Receipt, Result, floods, persons};

/// Longest actor and subject, and each name of a list.
const MAXIMUM_TEXT_BYTES: usize = 256;
/// Most names of a list.
const MAXIMUM_NAMES: usize = 1024;
/// Name of the head in the table `meta`.
pub(crate) const HEAD: &str = "head";

/// One transaction's worth of appending.
pub(crate) struct Ledger<'a> {
    connection: &'a Connection,
    keys: &'a Keys,
    own: &'a OwnAddresses,
    erased: &'a Erased,
    body_bytes: usize,
    now: i64,
    seq: i64,
    hash: Hash,
    points: BTreeMap<String, Vec<Point>>,
    /// Addresses that were replaced.
    pub(crate) concealed: u64,
    /// Lines that are no entries.
    pub(crate) condensed: u64,
    /// Entries.
    pub(crate) written: u64,
}

impl<'a> Ledger<'a> {
    /// Goes on behind the last entry that this transaction sees.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn new(
        connection: &'a Connection,
        keys: &'a Keys,
        (own, erased): (&'a OwnAddresses, &'a Erased),
        body_bytes: usize,
        now: i64,
    ) -> Result<Self> {
        let (seq, hash) = head(connection)?;
        let points = BTreeMap::new();
        Ok(Self {
            connection,
            keys,
            own,
            erased,
            body_bytes,
            now,
            seq,
            hash,
            points,
            concealed: 0,
            condensed: 0,
            written: 0,
        })
    }

    /// Appends. None where the line of a flood says nothing new and stands in its time line only.
    ///
    /// # Errors
    /// [`Error::Refused`] concerns this entry alone; anything else the whole transaction.
    pub(crate) fn append(&mut self, entry: &Entry) -> Result<Option<Receipt>> {
        let is_observed = entry.kind == Kind::Observed;
        if is_observed
            && let Some(line) = Line::of(&entry.body)
            && !floods::deserves_entry(self.connection, &line)?
        {
            floods::condense(self.connection, &line)?;
            self.points.entry(line.id.clone()).or_default().push(floods::point(&line));
            self.condensed += 1;
            return Ok(None);
        }
        let (mut body, mut subject, mut actor) =
            (entry.body.clone(), entry.subject.clone(), entry.actor.text());
        if !body.is_object() {
            return Err(Error::Refused("the body of an entry is a JSON object".to_owned()));
        }
        self.conceal(&mut body, [&mut subject, &mut actor])?;
        let text =
            canonical(&body).ok_or_else(|| Error::Refused("a body is nested too deeply".to_owned()))?;
        if text.len() > self.body_bytes {
            let (length, limit) = (text.len(), self.body_bytes);
            return Err(Error::Refused(format!("a body has {length} bytes; {limit} are taken")));
        }
        let receipt = self.chain(entry, &cut(&actor), &cut(&subject), &text)?;
        if is_observed && let Some(line) = Line::of(&body) {
            let scope = (entry.organisations.as_slice(), entry.services.as_slice());
            floods::take_up(self.connection, &line, &body, scope, (self.seq, &text))?;
            self.points.entry(line.id.clone()).or_default().push(floods::point(&line));
        }
        Ok(Some(receipt))
    }

    fn conceal(&mut self, body: &mut serde_json::Value, texts: [&mut String; 2]) -> Result<()> {
        let also_own: BTreeSet<_> = event::own_addresses(body).into_iter().collect();
        let (connection, keys, erased, now) = (self.connection, self.keys, self.erased, self.now);
        let mut count = 0;
        let mut code = |address| {
            count += 1;
            match erased.code(address, now) {
                Some(code) => Ok(code.to_owned()),
                None => persons::code(connection, keys, address, now),
            }
        };
        let own = self.own.clone();
        let mut concealer = Concealer { own: &move |address| own(address), also_own, code: &mut code };
        concealer.value(body)?;
        for text in texts {
            if let Some(changed) = concealer.text(text)? {
                *text = changed;
            }
        }
        self.concealed += count;
        Ok(())
    }

    fn chain(&mut self, entry: &Entry, actor: &str, subject: &str, body: &str) -> Result<Receipt> {
        let list = |names: &[String]| {
            let names: Vec<String> = names.iter().take(MAXIMUM_NAMES).map(|name| cut(name)).collect();
            chain::joined(&names)
        };
        let (organisations, services) = (list(&entry.organisations), list(&entry.services));
        let (seq, body_hash) = (self.seq + 1, chain::body_hash(body));
        let (kind, time) = (entry.kind.name(), entry.time.unwrap_or(self.now));
        let texts = [kind, actor, subject, &organisations, &services];
        let header =
            Header { previous: &self.hash, seq, time, written: self.now, texts, body_hash: &body_hash };
        let hash = header.hash();
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")?;
        let seal = self.keys.seal(&hash);
        let (body_hash, hash_bytes, seal) = (body_hash.as_slice(), hash.as_slice(), seal.as_slice());
        insert.execute(params![
            seq,
            time,
            self.now,
            kind,
            actor,
            subject,
            organisations,
            services,
            body,
            body_hash,
            hash_bytes,
            seal
        ])?;
        (self.seq, self.hash) = (seq, hash);
        self.written += 1;
        Ok(Receipt { seq: seq as u64, hash: hexadecimal(&hash) })
    }

    /// Writes what was put off: time lines, and the sealed head.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn finish(&mut self) -> Result<()> {
        for (flood, points) in std::mem::take(&mut self.points) {
            floods::lengthen(self.connection, &flood, &points)?;
        }
        if self.written > 0 {
            let value = sealed_head(self.keys, self.seq, &self.hash);
            let mut write = self.connection.prepare_cached("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?;
            write.execute(params![HEAD, value])?;
        }
        Ok(())
    }
}

/// Number and hash of the last entry; 0 without one.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn head(connection: &Connection) -> Result<(i64, Hash)> {
    let mut select = connection.prepare_cached("SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1")?;
    let last: Option<(i64, Vec<u8>)> =
        select.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((seq, hash)) = last else { return Ok((0, NOTHING)) };
    let hash = hash.try_into().map_err(|_| Error::Damaged(format!("the hash of entry {seq}")))?;
    Ok((seq, hash))
}

/// The head as it is kept beside the entries: who cuts entries off without the key cannot set it back.
pub(crate) fn sealed_head(keys: &Keys, seq: i64, hash: &Hash) -> Vec<u8> {
    let text = [&seq.to_be_bytes()[..], hash].concat();
    let seal = keys.seal(&text);
    [text, seal.to_vec()].concat()
}

/// At most [`MAXIMUM_TEXT_BYTES`], without control characters.
fn cut(text: &str) -> String {
    let mut cut = String::new();
    for letter in text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }) {
        if cut.len() + letter.len_utf8() > MAXIMUM_TEXT_BYTES {
            break;
        }
        cut.push(letter);
    }
    cut
}
