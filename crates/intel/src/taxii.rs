//! A TAXII 2.1 client (OASIS, June 2021) without a socket: it says what to ask next, and is told what came.
//!
//! Servers are taken as they are, hostile or broken. What holds whatever they do:
//! * `next` is never sent with another `added_after` than its page had; a `next` that comes again ends the paging by tokens.
//! * Without `next`, the time just before the last `X-TAXII-Date-Added-Last` is where to go on. If that moves nothing, more is asked for at once, since
//!   many objects may have one time; and if that brings nothing either, the run ends as *incomplete*, which is said, and begins at the same place again.
//! * An object is given once for each of its versions, however often it comes.
//! * The place to go on from moves only when everything before it was given.
//! * Pages, objects, bytes and time of a run have limits ([`Limits`]). A run that reaches one ends behind a whole page, says which, and the next run goes on from
//!   there: a collection that is larger than a run comes in several.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::stix::{is_object, version};
use crate::uuid;

/// What a client accepts (TAXII 2.1, 3.4).
pub const MEDIA_TYPE: &str = "application/taxii+json;version=2.1";
/// Longest answer.
pub const MAXIMUM_ANSWER_BYTES: usize = 64 << 20;
/// Pages after which a run ends.
pub const MAXIMUM_PAGES: usize = 20_000;
/// Objects after which a run ends.
pub const MAXIMUM_OBJECTS: usize = 2_000_000;
/// Bytes of answers after which a run ends.
pub const MAXIMUM_RUN_BYTES: u64 = 4 << 30;
/// Seconds after which a run ends.
pub const MAXIMUM_RUN_SECONDS: u64 = 3_600;
/// Objects that are asked for at first.
pub const FIRST_LIMIT: usize = 500;
/// Objects that are asked for at most.
const LAST_LIMIT: usize = 65_536;
/// Keys of objects that are remembered, from earlier runs too; nobody who gives more is believed.
pub const MAXIMUM_REMEMBERED: usize = 2_500_000;
/// Longest token of a next page.
const MAXIMUM_TOKEN_BYTES: usize = 4_096;
/// Pages in a row that bring nothing new before a server is not believed any more.
const MAXIMUM_EMPTY_PAGES: usize = 8;

/// Limits of one run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Pages.
    pub pages: usize,
    /// Objects, known ones too.
    pub objects: usize,
    /// Bytes of answers.
    pub bytes: u64,
    /// Seconds.
    pub seconds: u64,
    /// Keys of objects that are remembered, from earlier runs too.
    pub remembered: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pages: MAXIMUM_PAGES,
            objects: MAXIMUM_OBJECTS,
            bytes: MAXIMUM_RUN_BYTES,
            seconds: MAXIMUM_RUN_SECONDS,
            remembered: MAXIMUM_REMEMBERED,
        }
    }
}

/// Where a run begins; kept between runs.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Cursor {
    /// Everything that was added before this was given.
    pub added_after: Option<String>,
    /// What was given at just that time: a server may count it in or out.
    pub given: BTreeSet<String>,
}

/// What to ask.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// What follows the collection's URL: `/objects/?limit=…`.
    pub query: String,
}

/// What came.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// The status of HTTP.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: &'a str,
    /// `X-TAXII-Date-Added-Last`.
    pub added_last: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// How a run stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// There is more to ask.
    Asking,
    /// Everything was given.
    Complete,
    /// The server keeps something back, for this reason. What was given is good.
    Incomplete(String),
}

/// One run through one collection.
#[derive(Debug)]
pub struct Run {
    start: Option<String>,
    added_after: Option<String>,
    next: Option<String>,
    limit: usize,
    tokens: BTreeSet<String>,
    seen: BTreeSet<String>,
    /// What came in this run, known from an earlier one or not: what brings a server on.
    came: BTreeSet<String>,
    /// What came with the latest time, for the next run.
    latest: BTreeSet<String>,
    added_last: Option<String>,
    empty: usize,
    limits: Limits,
    pages: usize,
    bytes: u64,
    /// Whether it ended because of a limit, behind a whole page.
    limited: bool,
    state: State,
    /// Objects that came again.
    pub repeated: usize,
    /// Elements that were no objects.
    pub skipped: usize,
}

impl Run {
    /// Begins where the last run ended.
    #[must_use]
    pub fn new(cursor: &Cursor) -> Self {
        Self::within(cursor, Limits::default())
    }

    /// The same within other limits.
    #[must_use]
    pub fn within(cursor: &Cursor, limits: Limits) -> Self {
        Self {
            start: cursor.added_after.clone(),
            added_after: cursor.added_after.clone(),
            next: None,
            limit: FIRST_LIMIT,
            tokens: BTreeSet::new(),
            seen: cursor.given.clone(),
            came: BTreeSet::new(),
            latest: cursor.given.clone(),
            added_last: cursor.added_after.clone(),
            empty: 0,
            limits,
            pages: 0,
            bytes: 0,
            limited: false,
            state: State::Asking,
            repeated: 0,
            skipped: 0,
        }
    }

    /// How it stands.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// What to ask next; nothing at the end.
    #[must_use]
    pub fn request(&self) -> Option<Request> {
        if self.state != State::Asking {
            return None;
        }
        let mut query = format!("/objects/?limit={}", self.limit);
        if let Some(time) = &self.added_after {
            query.push_str(&format!("&added_after={}", escape(time)));
        }
        if let Some(next) = &self.next {
            query.push_str(&format!("&next={}", escape(next)));
        }
        Some(Request { query })
    }

    /// Takes an answer that came so many seconds after the run began; gives the objects that are new.
    pub fn answer(&mut self, answer: &Answer<'_>, seconds: u64) -> Vec<Map<String, Value>> {
        self.pages += 1;
        self.bytes += answer.body.len() as u64;
        match self.envelope(answer) {
            Ok(envelope) => {
                let objects = self.take(envelope, answer.added_last);
                self.end_at_limits(seconds);
                objects
            }
            Err(why) => {
                self.state = State::Incomplete(why);
                Vec::new()
            }
        }
    }

    /// Ends the run behind this page if a limit is reached.
    fn end_at_limits(&mut self, seconds: u64) {
        let Limits { pages, objects, bytes, seconds: longest, .. } = self.limits;
        let reached = [
            (self.pages >= pages, format!("{pages} pages")),
            (self.came.len() >= objects, format!("{objects} objects")),
            (self.bytes >= bytes, format!("{bytes} bytes")),
            (seconds >= longest, format!("{longest} seconds")),
        ];
        let limit = reached.into_iter().find_map(|(reached, limit)| reached.then_some(limit));
        if let (State::Asking, Some(limit)) = (&self.state, limit) {
            self.limited = true;
            self.state =
                State::Incomplete(format!("a run ends after {limit}; the next one goes on from here"));
        }
    }

    /// The request failed on its way.
    pub fn failed(&mut self, why: &str) {
        self.state = State::Incomplete(why.to_owned());
    }

    fn envelope(&self, answer: &Answer<'_>) -> Result<Map<String, Value>, String> {
        if answer.status != 200 {
            return Err(format!("the server answered {}", answer.status));
        }
        let kind = answer.content_type.to_ascii_lowercase();
        if !kind.starts_with("application/taxii+json") && !kind.starts_with("application/json") {
            return Err(format!("the server answered with {:?} instead of TAXII", short(&kind)));
        }
        if answer.body.len() > MAXIMUM_ANSWER_BYTES {
            return Err(format!("an answer is longer than {MAXIMUM_ANSWER_BYTES} bytes"));
        }
        match serde_json::from_slice(answer.body) {
            Ok(Value::Object(envelope)) => Ok(envelope),
            Ok(_) => Err("an answer is no envelope".to_owned()),
            Err(error) => Err(format!("an answer is not JSON: {error}")),
        }
    }

    fn take(
        &mut self,
        mut envelope: Map<String, Value>,
        added_last: Option<&str>,
    ) -> Vec<Map<String, Value>> {
        let objects = match envelope.remove("objects") {
            Some(Value::Array(objects)) => objects,
            None => Vec::new(),
            Some(_) => {
                self.state = State::Incomplete("an answer's `objects` is no list".to_owned());
                return Vec::new();
            }
        };
        let count = objects.len();
        let added_last = added_last.map(str::trim).filter(|time| time.parse::<jiff::Timestamp>().is_ok());
        if added_last.is_some_and(|time| self.moves(time)) {
            self.latest.clear();
        }
        let (mut fresh, before) = (Vec::new(), self.came.len());
        for object in objects {
            let Value::Object(object) = object else {
                self.skipped += 1;
                continue;
            };
            if !is_object(&object) {
                self.skipped += 1;
                continue;
            }
            let key = key(&object);
            if self.seen.len() >= self.limits.remembered && !self.seen.contains(&key) {
                let most = self.limits.remembered;
                self.state = State::Incomplete(format!(
                    "the server gives more than the {most} objects that are remembered"
                ));
                return fresh;
            }
            self.latest.insert(key.clone());
            self.came.insert(key.clone());
            if self.seen.insert(key) {
                fresh.push(object);
            } else {
                self.repeated += 1;
            }
        }
        self.empty = if self.came.len() == before { self.empty + 1 } else { 0 };
        let more = envelope.get("more").is_some_and(|more| match more {
            Value::Bool(more) => *more,
            Value::String(text) => text == "true",
            _ => false,
        });
        let next = match envelope.get("next") {
            Some(Value::String(next)) if !next.is_empty() && next.len() <= MAXIMUM_TOKEN_BYTES => {
                Some(next.clone())
            }
            Some(Value::Number(next)) => Some(next.to_string()),
            _ => None,
        };
        self.go_on((more, next), added_last, count);
        fresh
    }

    /// Whether a time is later than the last one.
    fn moves(&self, time: &str) -> bool {
        let parse = |text: &str| text.parse::<jiff::Timestamp>().ok();
        match (parse(time), self.added_last.as_deref().and_then(parse)) {
            (Some(time), Some(last)) => time > last,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    fn go_on(&mut self, (more, next): (bool, Option<String>), added_last: Option<&str>, count: usize) {
        if added_last.is_some_and(|time| self.moves(time)) {
            self.added_last = added_last.map(str::to_owned);
        }
        if self.empty > MAXIMUM_EMPTY_PAGES {
            self.state =
                State::Incomplete("the server says that there is more and gives nothing new".to_owned());
            return;
        }
        match next {
            // A token belongs to the time that its page was asked with, which therefore stays.
            Some(next) if (more || count > 0) && self.tokens.insert(next.clone()) => self.next = Some(next),
            _ if !more => self.state = State::Complete,
            _ => self.by_time(),
        }
    }

    /// The server pages by no token, or by one that leads in a circle: go on just before the time of the last object, since the page may have ended
    /// among objects of that time, and a server that leaves that time out would lose the rest of them.
    fn by_time(&mut self) {
        self.next = None;
        let place = self.added_last.as_deref().and_then(just_before);
        let parse =
            |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<jiff::Timestamp>().ok());
        if parse(&place).is_some_and(|place| parse(&self.added_after).is_none_or(|before| place > before)) {
            self.added_after = place;
        } else if self.limit < LAST_LIMIT {
            // Everything on this page has one time: ask for more of it at once.
            self.limit = (self.limit * 4).min(LAST_LIMIT);
        } else {
            self.state = State::Incomplete(
                "the server says that there is more, and neither a token nor a time leads to it".to_owned(),
            );
        }
    }

    /// Where the next run begins: further on only if this one is complete.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        let place = self.added_last.as_deref().and_then(just_before);
        match self.state {
            State::Complete => Cursor { added_after: place, given: self.latest.clone() },
            // What a limit ended goes on where the last whole page ended; a server that gives no times is asked from the beginning again.
            _ if self.limited && place.is_some() => Cursor { added_after: place, given: self.latest.clone() },
            // Whatever is asked again is known to have been given.
            _ => Cursor { added_after: self.start.clone(), given: self.seen.clone() },
        }
    }
}

/// A microsecond earlier: what has just this time comes again, and is known.
fn just_before(time: &str) -> Option<String> {
    let time = time.parse::<jiff::Timestamp>().ok()?;
    Some(time.checked_sub(jiff::SignedDuration::from_micros(1)).ok()?.to_string())
}

/// An object in one version; without one, its text stands for it.
fn key(object: &Map<String, Value>) -> String {
    let id = object.get("id").and_then(Value::as_str).unwrap_or_default();
    // As long as any other, however long they are: it is remembered, and kept between runs.
    match version(object) {
        "" => uuid::of(&[id, "", &serde_json::to_string(object).unwrap_or_default()]),
        version => uuid::of(&[id, version]),
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(60).collect()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
