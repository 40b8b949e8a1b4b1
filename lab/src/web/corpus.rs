//! A real access log, cut into the sessions of its readers and robots.
//!
//! Generated traffic is made of these sessions with other clients and other times, so that pages, assets, referrers, agents,
//! sizes and the heavy tail of session lengths are those of a real site. Times are not taken over: the log's lines were written
//! hour by hour, and how long people read is given by [`super::traffic`].

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, ensure};
use wire::web::{Method, Version};

use crate::dataset;

/// The log, below the repository: 10,000 lines of a public site.
const LOG: &str = "../data/captures/weblogs/apache_combined_10k_2015.log.gz";
/// Longest session that is taken over; a longer one becomes several.
const MOST_REQUESTS: usize = 500;
/// Hours without a request after which a client begins a new session.
const IDLE_HOURS: i64 = 1;
/// Words in agents that people do not have.
const ROBOTS: [&str; 12] = [
    "bot", "spider", "crawl", "feed", "rss", "slurp", "curl", "wget", "python", "java/", "monitor", "archive",
];
/// Kinds of files that pages need.
const ASSETS: [&str; 11] =
    [".css", ".js", ".png", ".jpg", ".jpeg", ".gif", ".ico", ".svg", ".woff", ".ttf", ".swf"];

/// A place in the corpus' text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Text {
    start: u32,
    length: u32,
}

impl Text {
    /// The same for the same text.
    pub(super) const fn key(self) -> u32 {
        self.start
    }
}

/// A request of the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) target: Text,
    pub(super) referrer: Text,
    pub(super) agent: Text,
    pub(super) method: Method,
    pub(super) version: Version,
    pub(super) status: u16,
    pub(super) bytes: Option<u64>,
    /// Whether a page asked for it.
    pub(super) is_asset: bool,
}

/// Requests of one client, one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    /// Place of the first one among the entries.
    pub(super) first: u32,
    pub(super) requests: u32,
    /// A crawler, feed reader or script.
    pub(super) is_robot: bool,
}

/// All sessions.
#[derive(Debug, Default)]
pub(super) struct Corpus {
    text: Vec<u8>,
    pub(super) entries: Vec<Entry>,
    pub(super) sessions: Vec<Session>,
    /// Places of the sessions that are people who loaded a page and what it needs.
    pub(super) whole: Vec<u32>,
    /// Lines that could not be read.
    pub(super) skipped: usize,
}

/// A line, before it has its place.
struct Line<'a> {
    client: &'a str,
    hour: i64,
    method: Method,
    target: &'a str,
    version: Version,
    status: u16,
    bytes: Option<u64>,
    referrer: &'a str,
    agent: &'a str,
}

impl Corpus {
    /// The log of the repository.
    ///
    /// # Errors
    /// When it cannot be read, or has no sessions with whole pages.
    pub(super) fn load() -> Result<Self> {
        let bytes = dataset::unpacked(&Path::new(env!("CARGO_MANIFEST_DIR")).join(LOG))?;
        let corpus = Self::of(&String::from_utf8_lossy(&bytes));
        ensure!(!corpus.whole.is_empty(), "no sessions in {LOG}");
        Ok(corpus)
    }

    /// Cuts a log in Apache's combined format.
    pub(super) fn of(log: &str) -> Self {
        let mut corpus = Self::default();
        let mut sessions: Vec<Vec<Line<'_>>> = Vec::new();
        let mut open: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for text in log.lines() {
            let Some(line) = line(text) else {
                corpus.skipped += 1;
                continue;
            };
            let known = open.get(&(line.client, line.agent)).copied();
            let goes_on = known.filter(|at| continues(&sessions, *at, line.hour));
            let at = goes_on.unwrap_or(sessions.len());
            open.insert((line.client, line.agent), at);
            match sessions.get_mut(at) {
                Some(session) => session.push(line),
                None => sessions.push(vec![line]),
            }
        }
        let mut interned = BTreeMap::new();
        for session in &sessions {
            corpus.add(session, &mut interned);
        }
        corpus
    }

    /// The bytes of a text.
    #[inline]
    pub(super) fn text(&self, text: Text) -> &[u8] {
        let start = text.start as usize;
        self.text.get(start..start + text.length as usize).unwrap_or_default()
    }

    /// The agent of an entry.
    pub(super) fn agent(&self, entry: u32) -> &[u8] {
        self.entries.get(entry as usize).map_or(b"", |entry| self.text(entry.agent))
    }

    /// A path that somebody asked for with success, the same for the same number.
    pub(super) fn page(&self, number: u64) -> &[u8] {
        let place = self.whole.get(number as usize % self.whole.len().max(1));
        let session = place.and_then(|place| self.sessions.get(*place as usize));
        let first = session.and_then(|session| self.entries.get(session.first as usize));
        let target = first.map_or(&b"/"[..], |entry| self.text(entry.target));
        target.split(|byte| *byte == b'?').next().unwrap_or(b"/")
    }

    /// Requests of a session on average.
    pub(super) fn mean_requests(&self) -> f64 {
        self.entries.len() as f64 / self.sessions.len().max(1) as f64
    }

    /// Requests of a whole session on average.
    pub(super) fn mean_whole_requests(&self) -> f64 {
        let sessions = self.whole.iter().filter_map(|at| self.sessions.get(*at as usize));
        sessions.map(|session| f64::from(session.requests)).sum::<f64>() / self.whole.len().max(1) as f64
    }

    fn add<'a>(&mut self, lines: &[Line<'a>], interned: &mut BTreeMap<&'a str, Text>) {
        let Some(first) = lines.first() else { return };
        let agent = first.agent.to_ascii_lowercase();
        let is_robot = agent.len() < 3 || ROBOTS.iter().any(|word| agent.contains(word));
        let session = Session { first: self.entries.len() as u32, requests: lines.len() as u32, is_robot };
        for line in lines {
            let mut text = |text: &'a str| {
                let known = if text == "-" { "" } else { text };
                *interned.entry(known).or_insert_with(|| self.keep(known))
            };
            let (target, referrer, agent) = (text(line.target), text(line.referrer), text(line.agent));
            let path = line.target.split('?').next().unwrap_or_default();
            let is_asset = ASSETS.iter().any(|kind| path.ends_with(kind));
            let Line { method, version, status, bytes, .. } = *line;
            self.entries.push(Entry { target, referrer, agent, method, version, status, bytes, is_asset });
        }
        let has_page = lines.iter().zip(self.entries.iter().skip(session.first as usize));
        let (mut pages, mut assets) = (0, 0);
        for (line, entry) in has_page {
            let good = line.status == 200 && line.method == Method::Get;
            pages += usize::from(good && !entry.is_asset);
            assets += usize::from(good && entry.is_asset);
        }
        if !is_robot && pages > 0 && assets > pages && lines.len() <= 40 {
            self.whole.push(self.sessions.len() as u32);
        }
        self.sessions.push(session);
    }

    fn keep(&mut self, text: &str) -> Text {
        let start = self.text.len() as u32;
        self.text.extend_from_slice(text.as_bytes());
        Text { start, length: text.len() as u32 }
    }
}

fn continues(sessions: &[Vec<Line<'_>>], at: usize, hour: i64) -> bool {
    let Some(session) = sessions.get(at) else { return false };
    let last = session.last().map_or(i64::MIN, |line| line.hour);
    session.len() < MOST_REQUESTS && hour.saturating_sub(last) <= IDLE_HOURS
}

/// `client - - [day/month/year:hour:…] "METHOD target version" status bytes "referrer" "agent"`.
fn line(text: &str) -> Option<Line<'_>> {
    let (client, rest) = text.split_once(' ')?;
    let (time, rest) = rest.split_once('[')?.1.split_once("] \"")?;
    let (request, rest) = rest.split_once("\" ")?;
    let (numbers, rest) = rest.split_once(" \"")?;
    let (referrer, agent) = rest.split_once("\" \"")?;
    let (status, bytes) = numbers.split_once(' ')?;
    let mut words = request.splitn(3, ' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let day: i64 = time.get(..2)?.parse().ok()?;
    let hour: i64 = time.get(12..14)?.parse().ok()?;
    Some(Line {
        client,
        hour: day * 24 + hour,
        method: Method::of(method.as_bytes()),
        target,
        version: if version == "HTTP/1.0" { Version::Http10 } else { Version::Http11 },
        status: status.parse().ok()?,
        bytes: bytes.parse().ok(),
        referrer,
        agent: agent.trim_end_matches('"'),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = concat!(
        "1.1.1.1 - - [17/May/2015:10:05:03 +0000] \"GET /a HTTP/1.1\" 200 10 \"http://x/\" \"Mozilla/5.0 one\"\n",
        "2.2.2.2 - - [17/May/2015:10:05:04 +0000] \"GET /robots.txt HTTP/1.0\" 404 - \"-\" \"a crawler\"\n",
        "1.1.1.1 - - [17/May/2015:10:05:05 +0000] \"GET /a.css HTTP/1.1\" 200 3 \"http://s/a\" \"Mozilla/5.0 one\"\n",
        "not a line\n",
        "1.1.1.1 - - [17/May/2015:10:05:05 +0000] \"GET /b.png?x=1 HTTP/1.1\" 200 3 \"http://s/a\" \"Mozilla/5.0 one\"\n",
        "1.1.1.1 - - [17/May/2015:14:05:05 +0000] \"GET /c HTTP/1.1\" 304 - \"-\" \"Mozilla/5.0 one\"\n",
    );

    #[test]
    fn sessions_are_a_clients_requests_until_it_pauses() {
        let corpus = Corpus::of(LINES);
        let lengths: Vec<u32> = corpus.sessions.iter().map(|session| session.requests).collect();
        assert_eq!((lengths, corpus.skipped), (vec![3, 1, 1], 1));
        assert_eq!(corpus.whole, [0]);
        assert!(corpus.sessions[1].is_robot && !corpus.sessions[0].is_robot);
        let css = corpus.entries[1];
        assert!(css.is_asset && corpus.entries[2].is_asset && !corpus.entries[0].is_asset);
        assert_eq!(
            (corpus.text(css.target), corpus.text(css.referrer)),
            (&b"/a.css"[..], &b"http://s/a"[..])
        );
        assert_eq!(corpus.text(corpus.entries[4].referrer), b"", "a dash says nothing");
    }

    #[test]
    fn the_log_of_the_repository_has_sessions_of_all_lengths() {
        let corpus = Corpus::load().unwrap();
        assert!(corpus.entries.len() > 9_900 && corpus.skipped < 100, "{}", corpus.skipped);
        assert!(corpus.sessions.len() > 1_500 && corpus.whole.len() > 200, "{}", corpus.whole.len());
        let longest = corpus.sessions.iter().map(|session| session.requests).max();
        assert!(longest > Some(100), "{longest:?}");
    }
}
