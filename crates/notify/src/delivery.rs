//! One message as it goes out, and how it reads to programs and to people.

use jiff::{Timestamp, tz::TimeZone};
use ring::digest;
use serde::Serialize;
use serde_json::Value;

use crate::clean::{shorten, shorten_bytes};
use crate::damper::{Batch, Covers, Entry, Steadiness};
use crate::limits::{MAX_DIGEST_BODIES_BYTES, MAX_DIGEST_TEXT_CHARACTERS, MAX_PAYLOAD_BYTES};
use crate::notice::{Notice, Phase, Severity};

/// Version of the payload. A change of meaning gets another one.
const VERSION: u32 = 1;

/// One message to one channel.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) channel: String,
    pub(crate) batch: Batch,
    /// Notices that could not be told since the last message.
    pub(crate) lost: u64,
    pub(crate) is_test: bool,
    /// The same for every attempt, and for the same message after a restart.
    pub(crate) id: String,
}

#[derive(Serialize)]
struct Payload<'a> {
    version: u32,
    id: &'a str,
    channel: &'a str,
    kind: &'static str,
    severity: Severity,
    notices: Vec<Told<'a>>,
    more: Covers,
    lost: u64,
}

#[derive(Serialize)]
struct Told<'a> {
    time: String,
    severity: Severity,
    kind: &'a str,
    subject: &'a str,
    topic: &'a str,
    phase: Phase,
    steadiness: Steadiness,
    covers: Covers,
    title: &'a str,
    text: String,
    services: &'a [String],
    organisations: &'a [String],
    link: Option<&'a str>,
    body: Option<&'a Value>,
}

impl Delivery {
    pub(crate) fn new(channel: &str, batch: Batch, lost: u64) -> Self {
        Self::identified(channel, batch, lost, false)
    }

    /// A message that says that it is a test.
    pub(crate) fn test(channel: &str, now: i64) -> Self {
        let notice = Notice {
            time: now,
            severity: Severity::Info,
            kind: "test".into(),
            subject: "test".into(),
            topic: String::new(),
            phase: Phase::Start,
            title: format!("Test of the channel {}", shorten(channel, 100)),
            text: "Somebody tests whether messages of Hemicycle arrive here. Nothing has happened.".into(),
            services: Vec::new(),
            organisations: Vec::new(),
            link: None,
            body: Value::Null,
        };
        let batch =
            Batch { severity: notice.severity, entries: vec![Entry::new(notice)], more: Covers::default() };
        Self::identified(channel, batch, 0, true)
    }

    fn identified(channel: &str, batch: Batch, lost: u64, is_test: bool) -> Self {
        let mut delivery = Self { channel: channel.to_owned(), batch, lost, is_test, id: String::new() };
        let content = delivery.json();
        let hash = digest::digest(&digest::SHA256, &content);
        delivery.id = hex(hash.as_ref().get(..16).unwrap_or_default());
        delivery
    }

    /// The payload of a webhook, [`MAX_PAYLOAD_BYTES`] at most.
    pub(crate) fn json(&self) -> Vec<u8> {
        let mut kept = self.batch.entries.len();
        loop {
            let payload = serde_json::to_vec(&self.payload(kept)).unwrap_or_default();
            if payload.len() <= MAX_PAYLOAD_BYTES || kept == 0 {
                return payload;
            }
            kept /= 2;
        }
    }

    fn payload(&self, kept: usize) -> Payload<'_> {
        let is_digest = self.is_digest();
        let mut bodies = MAX_DIGEST_BODIES_BYTES;
        let (told, left_out) = self.batch.entries.split_at(kept.min(self.batch.entries.len()));
        let mut more = self.batch.more;
        left_out.iter().for_each(|entry| more.add(entry.covers));
        let notices = told.iter().map(|entry| told_of(entry, is_digest, &mut bodies)).collect();
        Payload {
            version: VERSION,
            id: &self.id,
            channel: &self.channel,
            kind: if self.is_test {
                "test"
            } else if is_digest {
                "digest"
            } else {
                "notice"
            },
            severity: self.batch.severity,
            notices,
            more,
            lost: self.lost,
        }
    }

    pub(crate) fn is_digest(&self) -> bool {
        self.batch.entries.len() > 1 || self.batch.more.total() > 0
    }

    /// The newest notice.
    pub(crate) fn newest(&self) -> Option<&Entry> {
        self.batch.entries.last()
    }

    /// One line that says the most.
    pub(crate) fn headline(&self) -> String {
        // The oldest of the most severe.
        let worst = self.batch.entries.iter().rev().max_by_key(|entry| entry.severity);
        let worst = worst.map(headline).unwrap_or_default();
        if self.is_test {
            format!("test: {worst}")
        } else if self.is_digest() {
            format!("{} notices together, first {worst}", self.batch.covers().total())
        } else {
            worst
        }
    }

    /// What follows the headline, in lines, within a number of bytes.
    pub(crate) fn prose(&self, bytes: usize) -> String {
        let is_digest = self.is_digest();
        let mut prose = String::new();
        let mut left_out = self.batch.more;
        for entry in &self.batch.entries {
            let piece = prose_of(entry, is_digest);
            if prose.len() + piece.len() > bytes.saturating_sub(400) && !prose.is_empty() {
                left_out.add(entry.covers);
            } else {
                prose.push_str(&shorten_bytes(&piece, bytes.saturating_sub(400)));
                prose.push('\n');
            }
        }
        if left_out.total() > 0 {
            prose.push_str(&format!("Not shown: {}.\n", spelled(left_out)));
        }
        if self.lost > 0 {
            prose.push_str(&format!("Before this, {} could not be told.\n", counted(self.lost, "notice")));
        }
        prose.truncate(prose.trim_end().len());
        prose
    }
}

fn told_of<'a>(entry: &'a Entry, is_digest: bool, bodies: &mut usize) -> Told<'a> {
    let notice = &entry.notice;
    let length = serde_json::to_vec(&notice.body).map_or(usize::MAX, |bytes| bytes.len());
    let has_room = !is_digest || length <= *bodies;
    *bodies = bodies.saturating_sub(length);
    Told {
        time: utc(notice.time),
        severity: entry.severity,
        kind: &notice.kind,
        subject: &notice.subject,
        topic: notice.topic(),
        phase: entry.phase(),
        steadiness: entry.steadiness,
        covers: entry.covers,
        title: &notice.title,
        text: if is_digest { shorten(&notice.text, MAX_DIGEST_TEXT_CHARACTERS) } else { notice.text.clone() },
        services: &notice.services,
        organisations: &notice.organisations,
        link: notice.link.as_deref(),
        body: has_room.then_some(&notice.body),
    }
}

/// One entry in one line.
fn headline(entry: &Entry) -> String {
    let title = &entry.notice.title;
    let severity = entry.severity.name();
    match (entry.steadiness, entry.phase()) {
        (Steadiness::Flapping, _) => format!("{severity}, comes and goes: {title}"),
        (Steadiness::Settled, _) => format!("{severity}, steady again: {title}"),
        (Steadiness::Steady, Phase::Start) => format!("{severity}: {title}"),
        (Steadiness::Steady, Phase::Update) => format!("{severity}, goes on: {title}"),
        (Steadiness::Steady, Phase::End) => format!("ended: {title}"),
    }
}

fn prose_of(entry: &Entry, is_digest: bool) -> String {
    let notice = &entry.notice;
    let mut lines = Vec::new();
    if is_digest {
        lines.push(format!("* {}", headline(entry)));
    }
    let text =
        if is_digest { shorten(&notice.text, MAX_DIGEST_TEXT_CHARACTERS) } else { notice.text.clone() };
    lines.extend(text.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(str::to_owned));
    lines.push(format!("Time: {}", utc(notice.time)));
    for (label, names) in [("Services", &notice.services), ("Organisations", &notice.organisations)] {
        if !names.is_empty() {
            lines.push(format!("{label}: {}", names.join(", ")));
        }
    }
    if entry.covers.total() > 1 {
        lines.push(format!("Stands for {}.", spelled(entry.covers)));
    }
    lines.extend(notice.link.clone());
    lines.push(String::new());
    lines.join("\n")
}

fn spelled(covers: Covers) -> String {
    let parts = [(covers.starts, "start"), (covers.updates, "update"), (covers.ends, "end")];
    let parts = parts.iter().filter(|(number, _)| *number > 0);
    parts.map(|(number, what)| counted(*number, what)).collect::<Vec<_>>().join(", ")
}

fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A time in UTC, RFC 3339 with milliseconds.
pub(crate) fn utc(nanoseconds: i64) -> String {
    format!("{:.3}", timestamp(nanoseconds))
}

/// A time as mail has it (RFC 5322 section 3.3).
pub(crate) fn mail_date(nanoseconds: i64) -> String {
    let zoned = timestamp(nanoseconds).to_zoned(TimeZone::UTC);
    zoned.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

fn timestamp(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn notice(number: usize, phase: Phase) -> Notice {
        Notice {
            time: 1_795_795_200_123_456_789,
            severity: if number == 1 { Severity::Critical } else { Severity::Warning },
            kind: "flood".into(),
            subject: format!("id{number}"),
            topic: "flood www".into(),
            phase,
            title: format!("syn_flood on www {number}"),
            text: "210,000 packets a second.\n\nMany sources.".into(),
            services: vec!["www".into()],
            organisations: vec![],
            link: Some("https://console.example/floods/1".into()),
            body: json!({"packets_per_second": 210_000}),
        }
    }

    fn batch(entries: Vec<Entry>) -> Batch {
        let severity = entries.iter().map(|entry| entry.severity).max().unwrap();
        Batch { entries, more: Covers { starts: 2, updates: 0, ends: 1 }, severity }
    }

    #[test]
    fn times_are_written_as_the_standards_say() {
        assert_eq!(utc(1_795_795_200_123_456_789), "2026-11-27T16:00:00.123Z");
        assert_eq!(utc(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(mail_date(1_795_795_200_123_456_789), "Fri, 27 Nov 2026 16:00:00 +0000");
        assert_eq!(hex(&[0, 0xaf]), "00af");
    }

    #[test]
    fn one_notice_reads_well() {
        let single = Batch::single(Entry::new(notice(1, Phase::Start)));
        let delivery = Delivery::new("soc", single.clone(), 1);
        assert_eq!(delivery.headline(), "critical: syn_flood on www 1");
        assert_eq!(
            delivery.prose(4_000),
            "210,000 packets a second.\nMany sources.\nTime: 2026-11-27T16:00:00.123Z\nServices: www\n\
             https://console.example/floods/1\n\nBefore this, 1 notice could not be told."
        );
        let json: Value = serde_json::from_slice(&delivery.json()).unwrap();
        assert_eq!(json["kind"], "notice");
        assert_eq!(json["id"].as_str().unwrap().len(), 32);
        assert_eq!(json["notices"][0]["body"]["packets_per_second"], 210_000);
        assert_eq!(Delivery::new("soc", single.clone(), 1).id, delivery.id);
        assert_ne!(Delivery::new("soc", single, 2).id, delivery.id);
    }

    #[test]
    fn many_are_put_together_and_what_is_left_out_is_counted() {
        let entries = (0..200).map(|number| Entry::new(notice(number, Phase::End))).collect();
        let delivery = Delivery::new("soc", batch(entries), 0);
        assert_eq!(delivery.headline(), "203 notices together, first ended: syn_flood on www 1");
        let prose = delivery.prose(2_000);
        assert!(prose.len() <= 2_000 && prose.contains("Not shown: 2 starts, "), "{prose}");
        let mut large: Vec<Entry> = (0..90).map(|number| Entry::new(notice(number, Phase::End))).collect();
        for entry in &mut large {
            entry.notice.services = vec!["\u{1f3db}".repeat(128); 32];
            entry.notice.body = json!("x".repeat(30_000));
        }
        let payload = Delivery::new("soc", batch(large), 0).json();
        assert!(payload.len() <= MAX_PAYLOAD_BYTES);
        let json: Value = serde_json::from_slice(&payload).unwrap();
        let told = json["notices"].as_array().unwrap().len() as u64;
        assert_eq!(told + json["more"]["ends"].as_u64().unwrap(), 91);
        assert!(told < 90);
        assert!(json["notices"][20]["body"].is_null() && json["notices"][0]["body"].is_string());
    }
}
