//! Where traffic is seen: who spoke to whom is written into a batch of fixed size and handed over ten times a second. Nothing is looked up and nothing
//! is allocated here; batches come back empty.
//!
//! A conversation is written down once in a tenth of a second: its key stands in a table of fixed size, under a secret.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use sketch::{KeyedState, TableKey};
use wire::web::{Client, Request};
use wire::{Address, Packet, Time};

use super::names;
use crate::serve::shared::Shared;

/// Things of one batch.
const ROWS: usize = 1_024;
/// Bytes of names and URLs of one batch.
const TEXT_BYTES: usize = 32 << 10;
/// Longest name or URL; what is longer is cut, and then no whole URL.
const MAXIMUM_TEXT_BYTES: usize = 1_024;
/// Things that are written down in a tenth of a second; further ones are counted and left out.
pub(super) const EACH_TICK: usize = 16_384;
/// Batches of one scout: one in its hand and others on their way.
const BATCHES: usize = 8;
/// Conversations that are remembered for a tick; a power of two.
const RECENT: usize = 1_024;

/// What was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::serve) enum What {
    /// A flow record.
    Flow,
    /// A packet.
    Packet,
    /// A client in a log.
    Client,
    /// A referrer in a log.
    Referrer,
    /// A name that a TLS client asks for.
    TlsName,
    /// A name in a DNS question.
    DnsName,
}

impl What {
    /// As signs say it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Flow => "flow",
            Self::Packet => "packet",
            Self::Client => "log_client",
            Self::Referrer => "log_referrer",
            Self::TlsName => "tls_name",
            Self::DnsName => "dns_name",
        }
    }

    /// Whether both ends may be known.
    pub(super) const fn is_conversation(self) -> bool {
        matches!(self, Self::Flow | Self::Packet)
    }
}

/// One thing that was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) time: Time,
    pub(super) source: Address,
    pub(super) destination: Address,
    at: u32,
    length: u16,
    pub(super) what: What,
}

/// Memory of a batch.
type Memory = (Vec<Row>, Vec<u8>);

/// Things that were seen.
pub(super) struct Batch {
    pub(super) rows: Vec<Row>,
    text: Vec<u8>,
    home: SyncSender<Memory>,
}

impl Batch {
    /// The name or URL of a row. What is no text in it, as a character that was cut in two, is U+FFFD, which no name or URL has: the rest counts.
    pub(super) fn text_of(&self, row: &Row) -> Cow<'_, str> {
        let at = row.at as usize;
        String::from_utf8_lossy(self.text.get(at..at + usize::from(row.length)).unwrap_or_default())
    }

    /// Its memory is of use again.
    pub(super) fn give_back(mut self) {
        self.rows.clear();
        self.text.clear();
        // Whose it was may have gone.
        let _ = self.home.try_send((self.rows, self.text));
    }
}

/// Writes down what it sees.
pub(in crate::serve) struct Scout(Option<Box<Seeing>>);

struct Seeing {
    sender: SyncSender<Batch>,
    shared: Arc<Shared>,
    rows: Vec<Row>,
    text: Vec<u8>,
    /// Batches made so far.
    made: usize,
    home: SyncSender<Memory>,
    returned: Receiver<Memory>,
    key: TableKey<2>,
    recent: Box<[u64; RECENT]>,
    /// As of the last tick.
    is_wanted: bool,
    /// Of this tick.
    written: usize,
    skipped: u64,
}

impl Scout {
    /// One that writes nothing down.
    pub(in crate::serve) const fn blind() -> Self {
        Self(None)
    }

    pub(super) fn new(sender: SyncSender<Batch>, shared: Arc<Shared>, key: [u8; 16]) -> Self {
        let (home, returned) = sync_channel(BATCHES);
        let key = TableKey::new(&KeyedState::new(key), u64::from_le_bytes(*b"scouted "));
        Self(Some(Box::new(Seeing {
            sender,
            shared,
            rows: Vec::with_capacity(ROWS),
            text: Vec::with_capacity(TEXT_BYTES),
            made: 1,
            home,
            returned,
            key,
            recent: Box::new([0; RECENT]),
            is_wanted: false,
            written: 0,
            skipped: 0,
        })))
    }

    #[inline]
    fn seeing(&mut self) -> Option<&mut Seeing> {
        self.0.as_deref_mut().filter(|seeing| seeing.is_wanted)
    }

    /// One end of a flow record spoke to the other.
    #[inline]
    pub(in crate::serve) fn flow(&mut self, time: Time, source: Address, destination: Address) {
        if let Some(seeing) = self.seeing() {
            seeing.conversation(time, source, destination, What::Flow);
        }
    }

    /// A packet, with the names in it.
    #[inline]
    pub(in crate::serve) fn packet(&mut self, time: Time, packet: &Packet<'_>) {
        let Some(seeing) = self.seeing() else { return };
        seeing.conversation(time, packet.source, packet.destination, What::Packet);
        if names::may_have_one(packet) {
            let mut buffer = [0; names::MAXIMUM_NAME_BYTES];
            if let Some((what, length)) = names::of(packet, &mut buffer) {
                let row = (time, packet.source, packet.destination, what);
                seeing.write(row, buffer.get(..length).unwrap_or_default());
            }
        }
    }

    /// A request of a log, by a client that is not a proxy of ours.
    pub(in crate::serve) fn request(&mut self, time: Time, client: Client<'_>, request: &Request<'_>) {
        let Some(seeing) = self.seeing() else { return };
        let Client::Address(client) = client else { return };
        if seeing.is_new(client, Address::default()) {
            seeing.write((time, client, Address::default(), What::Client), b"");
        }
        if !request.referrer.is_empty() {
            seeing.write((time, client, Address::default(), What::Referrer), request.referrer);
        }
    }

    /// About ten times a second: what was written down is handed over.
    pub(in crate::serve) fn tick(&mut self) {
        if let Some(seeing) = self.0.as_deref_mut() {
            seeing.tick();
        }
    }
}

impl Seeing {
    #[inline]
    fn conversation(&mut self, time: Time, source: Address, destination: Address, what: What) {
        if self.is_new(source, destination) {
            self.write((time, source, destination, what), b"");
        }
    }

    /// Whether two have not spoken in this tick.
    #[inline]
    fn is_new(&mut self, source: Address, destination: Address) -> bool {
        let (one, other) = (self.key.hash_address(source.bits()), self.key.hash_address(destination.bits()));
        let hash = one.rotate_left(32) ^ other | 1;
        let Some(place) = self.recent.get_mut((hash >> 20) as usize % RECENT) else { return true };
        std::mem::replace(place, hash) != hash
    }

    fn write(&mut self, (time, source, destination, what): (Time, Address, Address, What), text: &[u8]) {
        let text = text.get(..MAXIMUM_TEXT_BYTES).unwrap_or(text);
        if self.rows.len() >= ROWS || self.text.len() + text.len() > TEXT_BYTES {
            self.hand_over();
        }
        if self.written >= EACH_TICK {
            self.skipped += 1;
            return;
        }
        self.written += 1;
        let (at, length) = (self.text.len() as u32, text.len() as u16);
        self.text.extend_from_slice(text);
        self.rows.push(Row { time, source, destination, at, length, what });
    }

    /// Hands over what was written down. Where there is no other batch to write in, or no room in the queue, it is skipped.
    fn hand_over(&mut self) {
        if self.rows.is_empty() {
            return;
        }
        let next = self.returned.try_recv().ok().or_else(|| {
            let more = self.made < BATCHES;
            self.made += usize::from(more);
            more.then(|| (Vec::with_capacity(ROWS), Vec::with_capacity(TEXT_BYTES)))
        });
        let Some((rows, text)) = next else {
            self.skip();
            return;
        };
        let (rows, text) = (std::mem::replace(&mut self.rows, rows), std::mem::replace(&mut self.text, text));
        let batch = Batch { rows, text, home: self.home.clone() };
        if let Err(refused) = self.sender.try_send(batch) {
            let (std::sync::mpsc::TrySendError::Full(batch)
            | std::sync::mpsc::TrySendError::Disconnected(batch)) = refused;
            self.skipped += batch.rows.len() as u64;
            batch.give_back();
        }
    }

    fn skip(&mut self) {
        self.skipped += self.rows.len() as u64;
        self.rows.clear();
        self.text.clear();
    }

    fn tick(&mut self) {
        self.hand_over();
        let counts = &self.shared.indicators;
        if self.skipped > 0 {
            counts.skipped.fetch_add(std::mem::take(&mut self.skipped), Ordering::Relaxed);
        }
        self.is_wanted = counts.wanted.load(Ordering::Relaxed);
        if self.written > 0 {
            self.recent.fill(0);
        }
        self.written = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;
    use crate::serve::shared::Places;

    fn scout(places: usize) -> (Scout, Receiver<Batch>, Arc<Shared>) {
        let text = "[institution]\nname = \"A\"\n";
        let institution = Arc::new(institution::parse("t", text).unwrap());
        let shared = Arc::new(Shared::new(institution, &Places::default()));
        let (sender, receiver) = sync_channel(places);
        let mut scout = Scout::new(sender, shared.clone(), [7; 16]);
        scout.flow(Time::default(), Address::default(), Address::default());
        scout.tick();
        assert!(receiver.try_recv().is_err(), "nothing is written down while nothing is looked for");
        shared.indicators.wanted.store(true, Ordering::Relaxed);
        scout.tick();
        (scout, receiver, shared)
    }

    fn address(number: usize) -> Address {
        let [_, b, c, d] = (number as u32).to_be_bytes();
        Address::from_ipv4([10, b, c, d])
    }

    #[test]
    fn a_conversation_is_written_down_once_a_tick_and_comes_out_as_it_went_in() {
        let (mut scout, receiver, _) = scout(4);
        for _ in 0..1_000 {
            scout.flow(Time::from_seconds(7, 0), address(1), address(2));
            scout.flow(Time::from_seconds(7, 0), address(2), address(1));
        }
        let request = Request { referrer: b"https://evil.example/", ..Request::default() };
        scout.request(Time::from_seconds(8, 0), Client::Address(address(3)), &request);
        scout.tick();
        let batch = receiver.try_recv().unwrap();
        let seen: Vec<_> =
            batch.rows.iter().map(|row| (row.what, row.source, batch.text_of(row).into_owned())).collect();
        let expected = [
            (What::Flow, address(1), ""),
            (What::Flow, address(2), ""),
            (What::Client, address(3), ""),
            (What::Referrer, address(3), "https://evil.example/"),
        ]
        .map(|(what, source, text)| (what, source, text.to_owned()));
        assert_eq!(seen, expected);
        batch.give_back();
        scout.flow(Time::from_seconds(8, 0), address(1), address(2));
        scout.tick();
        assert_eq!(receiver.try_recv().unwrap().rows.len(), 1, "and again in the next tick");
    }

    #[test]
    fn under_load_a_sample_is_written_down_and_the_rest_is_counted() {
        let (mut scout, receiver, shared) = scout(4);
        let total = 3 * EACH_TICK;
        for number in 0..total {
            scout.flow(Time::default(), address(number), address(0));
        }
        scout.tick();
        let skipped = shared.indicators.skipped.load(Ordering::Relaxed) as usize;
        let seen: usize = receiver.try_iter().map(|batch| batch.rows.len()).sum();
        assert_eq!(seen, 4 * ROWS, "as much as the queue holds");
        assert_eq!(seen + skipped, total, "nothing is lost without being counted");
        // Nobody gives batches back: what is in the queue is all that there is.
        assert!(scout.0.as_ref().unwrap().made <= BATCHES);
    }

    #[test]
    fn however_fast_it_is_taken_so_much_is_written_down_in_a_tick_and_no_more() {
        let (mut scout, receiver, shared) = scout(4);
        let mut seen = 0;
        let mut take = || {
            for batch in receiver.try_iter() {
                seen += batch.rows.len();
                batch.give_back();
            }
        };
        for number in 0..3 * EACH_TICK {
            scout.flow(Time::default(), address(number), address(0));
            take();
        }
        scout.tick();
        take();
        let skipped = shared.indicators.skipped.load(Ordering::Relaxed) as usize;
        assert_eq!((seen, skipped), (EACH_TICK, 2 * EACH_TICK));
        scout.flow(Time::default(), address(1), address(0));
        scout.tick();
        assert_eq!(
            receiver.try_iter().map(|batch| batch.rows.len()).sum::<usize>(),
            1,
            "a tick is a new one"
        );
    }

    #[test]
    fn a_character_that_is_cut_in_two_costs_itself() {
        let (mut scout, receiver, _) = scout(4);
        let start = "https://evil.example/";
        let long = format!("{start}{}\u{20ac}", "a".repeat(MAXIMUM_TEXT_BYTES - start.len() - 1));
        for referrer in [long.as_bytes(), b"https://evil.example\xff.other.example/"] {
            let request = Request { referrer, ..Request::default() };
            scout.request(Time::default(), Client::Address(address(1)), &request);
        }
        scout.tick();
        let batch = receiver.try_recv().unwrap();
        let texts: Vec<_> = batch.rows.iter().map(|row| batch.text_of(row)).collect();
        assert!(texts[1].starts_with("https://evil.example/aaa") && texts[1] != long);
        assert_eq!(texts[2], "https://evil.example\u{fffd}.other.example/", "it stays the host that it is");
    }

    #[test]
    fn no_text_is_too_long_for_a_batch() {
        let (mut scout, receiver, _) = scout(64);
        let long = vec![b'a'; 100_000];
        for number in 0..200 {
            let request = Request { referrer: &long, ..Request::default() };
            scout.request(Time::default(), Client::Address(address(number)), &request);
        }
        scout.tick();
        for batch in receiver.try_iter() {
            assert!(batch.text.len() <= TEXT_BYTES && batch.rows.len() <= ROWS);
            assert!(batch.rows.iter().all(|row| batch.text_of(row).len() <= MAXIMUM_TEXT_BYTES));
        }
    }
}
