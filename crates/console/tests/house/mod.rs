//! A made-up house: services, sensors, floods and a ledger in memory, for the preview and the tests. No address in it is a
//! real one (RFC 5737, RFC 3849), and times count back from the clock that is passed.

#![allow(dead_code, unreachable_pub, reason = "each user takes what it needs")]

use std::net::IpAddr;
use std::ops::Range;
use std::sync::Mutex;

use console::live::{Criticality, Hearing, Organisation, Sensor, Service, Snapshot, State, Zone};
use console::{Archive, Journal};
use jiff::Timestamp;
use record::{
    AddressReport, CodeReport, Entry, Erasure, EvidenceItem, EvidenceKind, Filter, FloodRow, Mine,
    NetworkShare, Page, PageOf, Point, Resolution, Severity, StoredEntry, Totals,
};
use serde_json::{Value, json};

/// The flood that goes on, of the own house.
pub const OWN_FLOOD: &str = "01J9EXAMPLE0FLOOD0WWW";
/// A flood of party X.
pub const PARTY_FLOOD: &str = "01J9EXAMPLE0FLOOD0PARTYX";
/// What the two hit.
pub const OWN_ADDRESS: [u8; 4] = [192, 0, 2, 10];
pub const PARTY_ADDRESS: [u8; 4] = [203, 0, 113, 10];
const SURGE: &str = "01J9EXAMPLE0SURGE0STREAM";

fn zone(name: &str, title: &str, public: bool) -> Zone {
    Zone { name: name.into(), title: title.into(), public }
}

fn service(
    name: &str,
    zone: &str,
    criticality: Criticality,
    state: State,
    rate: Option<(f64, f64)>,
) -> Service {
    let organisation = match zone {
        "party-x" | "party-y" | "hosting" => zone,
        _ => "own",
    };
    let number = name.bytes().fold(7_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 120);
    let seen_by = match (zone, state) {
        ("hosting", _) => vec!["weblog-hosting".to_owned()],
        (_, State::Unknown) => Vec::new(),
        ("internal", _) => vec!["mirror-core".to_owned()],
        _ if name == "www" => vec!["edge-1".to_owned(), "edge-2".to_owned(), "weblog-www".to_owned()],
        _ => vec!["edge-1".to_owned(), "edge-2".to_owned()],
    };
    Service {
        name: name.into(),
        organisation: organisation.into(),
        zone: zone.into(),
        criticality,
        state,
        flood: match (name, state) {
            ("www", _) => Some(OWN_FLOOD.into()),
            (_, State::Surge) => Some(SURGE.into()),
            _ => None,
        },
        addresses: vec![format!("192.0.2.{}", 1 + number), format!("2001:db8:1::{:x}", 1 + number)],
        names: vec![format!("{name}.parliament.example")],
        packets_per_second: rate.map(|rate| rate.0),
        ordinary_packets_per_second: rate.map(|rate| rate.1),
        seen_by,
        workaround: (name == "www")
            .then(|| "Static copy at static.parliament.example; the press office mails the agenda.".into()),
    }
}

fn services() -> Vec<Service> {
    use Criticality::{Essential, Important, Supporting};
    use State::{Calm, Flood, Surge, Unknown};
    let calm = |rate: f64| Some((rate, rate * 1.04));
    vec![
        service("www", "public", Essential, Flood, Some((210_000.0, 900.0))),
        service("dns-public", "public", Essential, Calm, calm(4_100.0)),
        service("mail-in", "public", Essential, Calm, calm(310.0)),
        service("vpn", "public", Essential, Calm, calm(1_850.0)),
        service("stream", "public", Important, Surge, Some((48_000.0, 11_000.0))),
        service("petitions", "public", Important, Calm, calm(140.0)),
        service("open-data", "public", Supporting, Calm, calm(88.0)),
        service("press", "public", Important, Calm, calm(52.0)),
        service("visitors", "public", Supporting, Calm, calm(19.0)),
        service("jobs", "public", Supporting, Calm, calm(7.0)),
        service("legislation", "public", Important, Calm, calm(420.0)),
        service("archive", "hosting", Supporting, Calm, calm(61.0)),
        service("webcast-cdn", "hosting", Important, Calm, calm(9_300.0)),
        service("newsletter", "hosting", Supporting, Unknown, None),
        service("party-x-www", "party-x", Important, Calm, calm(34.0)),
        service("party-x-members", "party-x", Supporting, Calm, calm(12.0)),
        service("party-y-www", "party-y", Important, Calm, calm(29.0)),
        service("voting", "internal", Essential, Calm, calm(240.0)),
        service("directory", "internal", Essential, Calm, calm(3_300.0)),
        service("dns-internal", "internal", Essential, Calm, calm(2_600.0)),
        service("documents", "internal", Important, Calm, calm(1_240.0)),
        service("intranet", "internal", Important, Calm, calm(510.0)),
        service("telephony", "internal", Important, Calm, calm(980.0)),
        service("interpretation", "internal", Important, Calm, calm(1_700.0)),
        service("print", "internal", Supporting, Calm, calm(40.0)),
        service("rooms", "internal", Supporting, Unknown, None),
        service("time", "internal", Supporting, Calm, calm(15.0)),
        service("backup", "management", Important, Calm, calm(4_800.0)),
        service("monitoring", "management", Supporting, Calm, calm(330.0)),
    ]
}

fn sensor(
    name: &str,
    kind: &str,
    state: Hearing,
    rate: f64,
    lost: f64,
    sampling: Option<u64>,
    blind: &[&str],
) -> Sensor {
    Sensor {
        name: name.into(),
        kind: kind.into(),
        state,
        heard: None,
        records: 48_112_000,
        records_per_second: Some(rate),
        lost: if lost > 0.0 { 1_020_400 } else { 0 },
        lost_share: Some(lost),
        sampling,
        blind_to: blind.iter().map(|text| (*text).to_owned()).collect(),
    }
}

fn sensors(now: Timestamp) -> Vec<Sensor> {
    let mut all = vec![
        sensor(
            "edge-1",
            "IPFIX",
            Hearing::Hearing,
            8_420.0,
            0.0,
            Some(1_000),
            &["floods below 1,000 packets/s"],
        ),
        sensor(
            "edge-2",
            "NetFlow v9",
            Hearing::Losing,
            6_150.0,
            0.021,
            Some(1_000),
            &["floods below 1,000 packets/s", "what its link drops"],
        ),
        sensor("core-1", "sFlow", Hearing::Hearing, 1_930.0, 0.0, Some(2_048), &["the management network"]),
        sensor(
            "mirror-core",
            "mirror",
            Hearing::Hearing,
            184_000.0,
            0.0,
            Some(1),
            &["answers: one direction only"],
        ),
        sensor("weblog-www", "log", Hearing::Hearing, 212.0, 0.0, Some(1), &[]),
        sensor(
            "weblog-hosting",
            "syslog",
            Hearing::Silent,
            0.0,
            0.0,
            Some(1),
            &["everything while it is silent"],
        ),
    ];
    for (index, sensor) in all.iter_mut().enumerate() {
        let seconds =
            if sensor.state == Hearing::Silent { 1_460 } else { i64::try_from(index % 2).unwrap_or(0) };
        sensor.heard = Some(back(now, seconds));
    }
    all
}

fn back(now: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_second(now.as_second() - seconds).unwrap_or(now)
}

/// The event of the flood that goes on.
pub fn flood_event(now: Timestamp) -> Value {
    json!({"kind": "flood", "phase": "update", "id": OWN_FLOOD, "time": now.to_string(), "onset": back(now, 512).to_string(),
        "target": {"kind": "service", "name": "www", "addresses": ["192.0.2.10"]},
        "vectors": [{"name": "syn_flood", "share": 0.86}, {"name": "dns_amplification", "share": 0.12}, {"name": "ack_flood", "share": 0.02}],
        "packets_per_second": 210_000.0, "bits_per_second": 1.21e9, "requests_per_second": null, "baseline_packets_per_second": 900.0,
        "sources": {"distinct": 41_000, "spoofing": "likely", "top": [
            {"address": "p-7kq2m9", "share": 0.021}, {"address": "p-w4x0ce", "share": 0.018}, {"address": "p-19hfda", "share": 0.011},
            {"address": "p-zz82mt", "share": 0.009}, {"address": "p-0c5v1r", "share": 0.004}]},
        "confidence": 0.98, "certainty": "sampled", "sampling": 1000,
        "evidence": {"reason": "233 times what is ordinary at this hour", "multi_vector": true, "handshakes_completed_share": 0.03,
            "also": ["192.0.2.0/25"]}})
}

fn surge_event(now: Timestamp) -> Value {
    json!({"kind": "surge", "phase": "update", "id": SURGE, "time": now.to_string(), "onset": back(now, 1_850).to_string(),
        "target": {"kind": "service", "name": "stream", "addresses": ["192.0.2.40"]}, "vectors": [{"name": "http_flood", "share": 1.0}],
        "packets_per_second": 48_000.0, "requests_per_second": 2_100.0, "baseline_requests_per_second": 480.0,
        "sources": {"distinct": 5_200, "spoofing": "unlikely"}, "confidence": 0.91, "certainty": "exact", "evidence": {}})
}

/// The house as it is now.
pub fn snapshot(now: Timestamp) -> Snapshot {
    let mut snapshot = Snapshot::empty("Parliament of Examplia", "Europe/Brussels", now);
    snapshot.started = back(now, 19 * 86_400 + 3_700);
    snapshot.zones = vec![
        zone("public", "Public services", true),
        zone("hosting", "Hosted abroad", true),
        zone("party-x", "Party X", true),
        zone("party-y", "Party Y", true),
        zone("internal", "Offices", false),
        zone("management", "Management", false),
    ];
    let organisation = |name: &str, title: &str| Organisation { name: name.into(), title: title.into() };
    snapshot.organisations = vec![
        organisation("own", "Parliamentary administration"),
        organisation("party-x", "Party X"),
        organisation("party-y", "Party Y"),
        organisation("hosting", "Examplia Hosting"),
    ];
    snapshot.services = services();
    snapshot.floods = vec![flood_event(now), surge_event(now)];
    snapshot.sensors = sensors(now);
    snapshot
}

/// The house on a good day.
pub fn calm(now: Timestamp) -> Snapshot {
    let mut snapshot = snapshot(now);
    for service in &mut snapshot.services {
        if service.state != State::Unknown {
            (service.state, service.flood) = (State::Calm, None);
            service.packets_per_second = service.ordinary_packets_per_second;
        }
    }
    snapshot.floods.clear();
    snapshot
}

fn nanoseconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(0)
}

fn row(
    id: &str,
    now: Timestamp,
    ago_seconds: i64,
    lasted: Option<i64>,
    target: &str,
    vectors: &[&str],
    peak: f64,
) -> FloodRow {
    let onset = nanoseconds(back(now, ago_seconds));
    let started = onset + 1_240_000_000;
    let ended = lasted.map(|seconds| onset + seconds * 1_000_000_000);
    let party = target.starts_with("party-x");
    let severity = match peak {
        peak if peak > 150_000.0 => Severity::Critical,
        peak if peak > 30_000.0 => Severity::Severe,
        _ => Severity::Warning,
    };
    FloodRow {
        id: id.into(),
        event: "flood".into(),
        onset,
        started,
        updated: ended.unwrap_or(nanoseconds(now)),
        ended,
        direction: "in".into(),
        target_kind: "service".into(),
        target: target.into(),
        vectors: vectors.iter().map(|name| (*name).to_owned()).collect(),
        services: vec![target.into()],
        organisations: vec![if party { "party-x".into() } else { "own".into() }],
        severity,
        peak_packets_per_second: Some(peak),
        peak_bits_per_second: Some(peak * 5_600.0),
        peak_requests_per_second: None,
        certainty: "sampled".into(),
        reason: "far more packets than anybody asked for, and handshakes that nobody completes".into(),
        first_seq: 1_204,
        last_seq: 1_260,
        last: json!({"kind": "flood", "id": id, "target": {"name": target}, "onset": back(now, ago_seconds).to_string(),
            "vectors": vectors.iter().map(|name| json!({"name": name, "share": 1.0})).collect::<Vec<_>>(),
            "packets_per_second": peak, "baseline_packets_per_second": 900.0, "confidence": 0.97, "sources": {"distinct": 8_000, "spoofing": "unknown"}}),
    }
}

fn floods(now: Timestamp) -> Vec<FloodRow> {
    let mut own =
        row(OWN_FLOOD, now, 512, None, "www", &["syn_flood", "dns_amplification", "ack_flood"], 231_000.0);
    own.last = flood_event(now);
    let mut surge = row(SURGE, now, 1_850, None, "stream", &["http_flood"], 48_000.0);
    (surge.event, surge.severity, surge.last) = ("surge".into(), Severity::Notice, surge_event(now));
    surge.peak_requests_per_second = Some(2_400.0);
    surge.reason = "readers load pages with what belongs to them: a crowd, no flood".into();
    let mut all =
        vec![own, surge, row(PARTY_FLOOD, now, 90_000, Some(640), "party-x-www", &["http_flood"], 21_000.0)];
    let kinds: [(&str, &[&str]); 6] = [
        ("www", &["syn_flood"]),
        ("dns-public", &["dns_query_flood"]),
        ("vpn", &["udp_flood", "fragment_flood"]),
        ("www", &["ntp_amplification", "dns_amplification"]),
        ("mail-in", &["connection_flood"]),
        ("legislation", &["http_flood"]),
    ];
    for number in 0..130_i64 {
        let index = usize::try_from(number).unwrap_or(0);
        let (target, vectors) = kinds[index * 5 % 6];
        let ago = 4 * 3_600 + number * 47_111;
        let peak = f64::from(u32::try_from(number * 7_919 % 211_000).unwrap_or(0)) + 4_000.0;
        all.push(row(
            &format!("01J9EXAMPLE0{number:03}"),
            now,
            ago,
            Some(90 + number * 131 % 4_000),
            target,
            vectors,
            peak,
        ));
    }
    all
}

/// A record in memory.
pub struct Memory {
    floods: Vec<FloodRow>,
    entries: Mutex<Vec<StoredEntry>>,
    now: Timestamp,
    /// Whether reading and writing fail, as of a broken disk.
    pub broken: std::sync::atomic::AtomicBool,
}

impl Memory {
    pub fn new(now: Timestamp) -> Self {
        let memory = Self { floods: floods(now), entries: Mutex::default(), now, broken: false.into() };
        let note = |name: &str, text: &str| {
            let actor = record::Actor::Person(name.into());
            Entry::new(record::Kind::Decided, actor, OWN_FLOOD, json!({"note": text}))
                .scoped(vec!["own".into()], vec!["www".into()])
        };
        let _ = memory.append(note(
            "m.duval",
            "Provider A called at 14:06; they see it on both uplinks and prepare scrubbing.",
        ));
        let _ = memory.append(note("duty", "Plenary vote at 15:00: press office told, static copy is up."));
        let opened = json!({"purpose": "to ask the provider of this source to stop it"});
        let _ = memory.append(Entry::new(
            record::Kind::Opened,
            record::Actor::Person("m.duval".into()),
            "p-7kq2m9",
            opened,
        ));
        memory
    }

    fn check(&self) -> record::Result<()> {
        if self.broken.load(std::sync::atomic::Ordering::Relaxed) {
            Err(record::Error::Closed)
        } else {
            Ok(())
        }
    }

    pub fn written(&self) -> Vec<StoredEntry> {
        self.entries.lock().map(|entries| entries.clone()).unwrap_or_default()
    }
}

fn visible(own: &[String], filter: &Filter) -> bool {
    filter.organisations.as_ref().is_none_or(|list| own.iter().any(|name| list.contains(name)))
}

fn page_of<T>(all: Vec<T>, page: &Page) -> PageOf<T> {
    let from: usize = page.after.as_deref().and_then(|after| after.parse().ok()).unwrap_or(0);
    let more = all.len() > from + page.limit;
    let items = all.into_iter().skip(from).take(page.limit).collect();
    PageOf { items, next: more.then(|| (from + page.limit).to_string()) }
}

impl Archive for Memory {
    fn floods(&self, filter: &Filter, page: &Page) -> record::Result<PageOf<FloodRow>> {
        self.check()?;
        let fits = |flood: &&FloodRow| {
            visible(&flood.organisations, filter)
                && filter.from.is_none_or(|from| flood.ended.unwrap_or(i64::MAX) >= from)
                && filter.to.is_none_or(|to| flood.onset < to)
                && filter.service.as_ref().is_none_or(|name| flood.services.contains(name))
                && filter.vector.as_ref().is_none_or(|name| flood.vectors.contains(name))
                && filter.event.as_ref().is_none_or(|event| flood.event == *event)
                && filter.severity.is_none_or(|least| flood.severity >= least)
                && filter.text.as_ref().is_none_or(|text| flood.target.contains(text.as_str()))
        };
        Ok(page_of(self.floods.iter().filter(fits).cloned().collect(), page))
    }

    fn flood(&self, id: &str) -> record::Result<Option<FloodRow>> {
        self.check()?;
        Ok(self.floods.iter().find(|flood| flood.id == id).cloned())
    }

    fn flood_points(&self, id: &str) -> record::Result<Vec<Point>> {
        let Some(flood) = self.flood(id)? else { return Ok(Vec::new()) };
        let second = |time: i64| time.div_euclid(1_000_000_000);
        self.series(&flood.target, "all", Resolution::Second, second(flood.onset)..second(flood.updated))
    }

    fn series(
        &self,
        target: &str,
        vector: &str,
        resolution: Resolution,
        seconds: Range<i64>,
    ) -> record::Result<Vec<Point>> {
        self.check()?;
        let Some(flood) = self.floods.iter().find(|flood| flood.target == target) else {
            return Ok(Vec::new());
        };
        let (onset, end) = (
            flood.onset.div_euclid(1_000_000_000),
            flood.ended.unwrap_or(i64::MAX).div_euclid(1_000_000_000),
        );
        let (share, late) = match vector {
            "all" => (1.0, 0),
            "syn_flood" => (0.86, 0),
            "dns_amplification" => (0.3, 210),
            _ => (0.05, 60),
        };
        let seconds = seconds.start..seconds.end.min(self.now.as_second());
        let step = usize::try_from(resolution.seconds()).unwrap_or(1);
        let point = |second: i64| {
            let noise = f64::from(
                u32::try_from((second.wrapping_mul(0x9E37_79B9) >> 7).rem_euclid(997)).unwrap_or(0),
            ) / 997.0;
            let along = f64::from(i32::try_from(second - onset - late).unwrap_or(0));
            let flood_rate = if along >= 0.0 && second < end {
                let wave = 1.0 + 0.18 * (along / 41.0).sin()
                    - if (230.0..262.0).contains(&along) { 0.72 } else { 0.0 };
                flood.peak_packets_per_second.unwrap_or(0.0)
                    * 0.8
                    * share
                    * (1.0 - (-along / 9.0).exp())
                    * wave
                    * (0.94 + 0.1 * noise)
            } else {
                0.0
            };
            let quiet = if vector == "all" { 820.0 + 200.0 * noise } else { 0.0 };
            let rate = flood_rate + quiet;
            Point {
                second,
                packets_per_second: rate,
                bits_per_second: rate * 5_600.0,
                requests_per_second: rate / 20.0,
                peak_packets_per_second: rate * 1.1,
                ..Point::default()
            }
        };
        Ok(seconds.step_by(step.max(1)).map(point).collect())
    }

    fn entries(&self, filter: &Filter, page: &Page) -> record::Result<PageOf<StoredEntry>> {
        self.check()?;
        let fits = |entry: &StoredEntry| {
            visible(&entry.organisations, filter)
                && (filter.kinds.is_empty() || filter.kinds.iter().any(|kind| kind.name() == entry.kind))
                && filter.subject.as_ref().is_none_or(|subject| entry.subject == *subject)
                && filter.actor.as_ref().is_none_or(|actor| entry.actor == *actor)
        };
        Ok(page_of(self.written().into_iter().rev().filter(fits).collect(), page))
    }

    fn evidence(&self, flood: &str) -> record::Result<Vec<EvidenceItem>> {
        self.check()?;
        let item = |kind, records, left_out, bytes| EvidenceItem {
            flood: flood.into(),
            kind,
            records,
            left_out,
            bytes,
            written: nanoseconds(self.now),
        };
        Ok(vec![
            item(EvidenceKind::Packets, 20_000, 1_880_000, 1_420_000),
            item(EvidenceKind::Flows, 8_120, 0, 301_000),
        ])
    }

    fn evidence_file(
        &self,
        flood: &str,
        kind: EvidenceKind,
        of: Option<&Mine<'_>>,
    ) -> record::Result<Option<Vec<u8>>> {
        self.check()?;
        let hit = if flood == PARTY_FLOOD { PARTY_ADDRESS } else { OWN_ADDRESS };
        if of.is_some_and(|mine| !mine(hit.into())) {
            return Ok(None);
        }
        Ok(Some(format!("hidden {}", kind.name()).into_bytes()))
    }

    fn evidence_networks(&self, _: &str, _: Option<&Mine<'_>>) -> record::Result<Vec<NetworkShare>> {
        self.check()?;
        let share = |network: &str, address: [u8; 4], packets| NetworkShare {
            network: network.into(),
            address: address.into(),
            packets,
        };
        Ok(vec![
            share("198.51.100.0/24", [198, 51, 100, 0], 9_000),
            share("203.0.113.0/24", [203, 0, 113, 0], 1_000),
        ])
    }

    fn totals(&self) -> record::Result<Totals> {
        self.check()?;
        let last_hash = "5f2b0c9d3a8e4417b6c1d2e3f4a5968778695a4b3c2d1e0ffeeddccbbaa99887".into();
        Ok(Totals {
            entries: 18_422,
            last_hash,
            database_bytes: 212_000_000,
            evidence_bytes: 48_000_000,
            ..Totals::default()
        })
    }
}

impl Journal for Memory {
    fn append(&self, entry: Entry) -> record::Result<()> {
        self.check()?;
        let Ok(mut entries) = self.entries.lock() else { return Ok(()) };
        let time = entry.time.unwrap_or(nanoseconds(self.now));
        let seq = 1 + u64::try_from(entries.len()).unwrap_or(0);
        entries.push(StoredEntry {
            seq,
            time,
            written: time,
            kind: entry.kind.name().into(),
            actor: entry.actor.text(),
            subject: entry.subject,
            organisations: entry.organisations,
            services: entry.services,
            body: Some(entry.body.to_string()),
            body_hash: String::new(),
            previous: String::new(),
            hash: format!("{seq:064x}"),
            seal: String::new(),
        });
        Ok(())
    }

    fn open_address(&self, code: &str, purpose: &str, who: &str) -> record::Result<Option<IpAddr>> {
        self.append(Entry::new(
            record::Kind::Opened,
            record::Actor::Person(who.into()),
            code,
            json!({"purpose": purpose}),
        ))?;
        Ok((code == "p-7kq2m9").then_some([198, 51, 100, 77].into()))
    }

    fn open_evidence(
        &self,
        flood: &str,
        kind: EvidenceKind,
        purpose: &str,
        who: &str,
    ) -> record::Result<Option<Vec<u8>>> {
        let body = json!({"what": "evidence", "kind": kind.name(), "purpose": purpose});
        self.append(Entry::new(record::Kind::Opened, record::Actor::Person(who.into()), flood, body))?;
        Ok(Some(format!("plain {}", kind.name()).into_bytes()))
    }

    fn held_about(&self, _: IpAddr, purpose: &str, who: &str) -> record::Result<AddressReport> {
        let body = json!({"what": "report", "codes": ["p-7kq2m9"], "purpose": purpose});
        self.append(Entry::new(record::Kind::Opened, record::Actor::Person(who.into()), "held-about", body))?;
        let code = CodeReport {
            code: "p-7kq2m9".into(),
            first_seen: nanoseconds(self.now),
            last_seen: nanoseconds(self.now),
            entries: vec![7],
            floods: vec![OWN_FLOOD.into()],
        };
        Ok(AddressReport { codes: vec![code], plain_kept: true, evidence: vec![OWN_FLOOD.into()] })
    }

    fn erase(&self, _: IpAddr, purpose: &str, who: &str) -> record::Result<Erasure> {
        let body =
            json!({"what": "address", "codes": ["p-7kq2m9"], "evidence_records": 4, "purpose": purpose});
        self.append(Entry::new(record::Kind::Erased, record::Actor::Person(who.into()), "address", body))?;
        let seq = self.written().last().map_or(0, |entry| entry.seq);
        Ok(Erasure { codes: vec!["p-7kq2m9".into()], evidence_records: 4, seq })
    }
}
