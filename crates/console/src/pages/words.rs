//! Figures, times and floods in words.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use record::Severity;
use serde_json::Value;

use crate::live::Snapshot;

/// Parts of vector names that are not written small.
const ACRONYMS: &[&str] = &[
    "syn", "ack", "rst", "fin", "tcp", "udp", "icmp", "gre", "esp", "ip", "tls", "dtls", "quic", "dns",
    "ntp", "ssdp", "cldap", "snmp", "tftp", "mdns", "ws", "coap", "arms", "stun", "sip", "qotd", "rip",
    "mssql", "http", "l2tp",
];

/// `syn_flood` as people say it: SYN flood.
pub(crate) fn vector(name: &str) -> String {
    let words = name.split('_').map(|word| match word {
        "http2" => "HTTP/2".to_owned(),
        "openvpn" => "OpenVPN".to_owned(),
        word if ACRONYMS.contains(&word) => word.to_uppercase(),
        word => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The same where something is under it: a SYN flood, a slow HTTP attack.
fn attack(name: &str) -> String {
    let said = vector(name);
    let is_noun = ["flood", "amplification", "reflection"].iter().any(|end| said.ends_with(end));
    if is_noun { said } else { said + " attack" }
}

/// The article before a word as it is said.
fn article(word: &str) -> &'static str {
    let first = word.split(' ').next().unwrap_or_default();
    // Letters whose names begin with a vowel, where the word is spelled out.
    let spelled = first == first.to_uppercase()
        && first.starts_with(['A', 'E', 'F', 'H', 'I', 'L', 'M', 'N', 'O', 'R', 'S', 'X']);
    let vowel = first.starts_with(['a', 'e', 'i', 'o', 'u']);
    if (spelled && first != "SYN" && first != "RIP" && first != "FIN") || vowel { "an" } else { "a" }
}

/// The first letter large.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A count with thousands apart: 210,000; small ones with one decimal.
pub(crate) fn count(value: f64) -> String {
    if value > 0.0 && value < 10.0 && value.fract() > 0.05 {
        return format!("{value:.1}");
    }
    let digits = format!("{:.0}", value.max(0.0));
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A figure in few signs: 210 k, 1.2 M.
pub(crate) fn short(value: f64) -> String {
    let (scaled, unit) = match value {
        value if value >= 1e9 => (value / 1e9, "\u{a0}G"),
        value if value >= 1e6 => (value / 1e6, "\u{a0}M"),
        value if value >= 1e3 => (value / 1e3, "\u{a0}k"),
        value => (value, ""),
    };
    let text = if scaled >= 100.0 { format!("{scaled:.0}") } else { format!("{scaled:.1}") };
    format!("{}{unit}", text.strip_suffix(".0").unwrap_or(&text))
}

/// Bytes in few signs.
pub(crate) fn bytes(value: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
    let value = value as f64;
    format!("{}{}", short(value), if value >= 1e3 { "B" } else { "\u{a0}B" })
}

/// A share as a percentage.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 10.0 {
        format!("{percent:.1}\u{a0}%")
    } else {
        format!("{percent:.0}\u{a0}%")
    }
}

/// A time of nanoseconds since 1970.
pub(crate) fn at(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or_default()
}

fn element(time: Timestamp, zone: &TimeZone, form: &str) -> Markup {
    let utc = time.to_zoned(TimeZone::UTC);
    let title = utc.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let shown = time.to_zoned(zone.clone()).strftime(form).to_string();
    html! { time datetime=(utc.strftime("%Y-%m-%dT%H:%M:%SZ")) title=(title) { (shown) } }
}

/// The time of day in the institution's zone, UTC on hover.
pub(crate) fn time_of_day(time: Timestamp, zone: &TimeZone) -> Markup {
    element(time, zone, "%H:%M:%S")
}

/// Date and time.
pub(crate) fn date_time(time: Timestamp, zone: &TimeZone) -> Markup {
    element(time, zone, "%-d %b %Y, %H:%M:%S")
}

/// Day and time, without the year.
pub(crate) fn day_time(time: Timestamp, zone: &TimeZone) -> Markup {
    element(time, zone, "%-d %b, %H:%M:%S")
}

/// The time of the page, with the name of the zone.
pub(crate) fn clock(time: Timestamp, zone: &TimeZone) -> Markup {
    element(time, zone, "%a %-d %b, %H:%M %Z")
}

/// A duration in its two largest units: `2 h 5 min`.
pub(crate) fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let Some(first) = parts.iter().position(|(number, _)| *number > 0) else { return "0\u{a0}s".into() };
    let shown = parts.iter().skip(first).take(2).filter(|(number, _)| *number > 0);
    shown.map(|(number, unit)| format!("{number}\u{a0}{unit}")).collect::<Vec<_>>().join(" ")
}

/// Seconds with a decimal: how long it took to tell.
pub(crate) fn precise(nanoseconds: i64) -> String {
    if nanoseconds >= 100_000_000_000 {
        return duration(nanoseconds / 1_000_000_000);
    }
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let seconds = nanoseconds as f64 / 1e9;
    format!("{seconds:.1}\u{a0}s")
}

/// How long ago.
pub(crate) fn ago(time: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - time.as_second();
    if seconds < 2 { "just now".into() } else { format!("{} ago", duration(seconds)) }
}

/// A time of an event.
pub(crate) fn event_time(event: &Value, name: &str) -> Option<Timestamp> {
    event[name].as_str()?.parse().ok()
}

/// The word of a severity.
pub(crate) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Notice => "notice",
        Severity::Warning => "warning",
        Severity::Severe => "severe",
        Severity::Critical => "critical",
    }
}

/// The first names of a list, and how many more there are.
pub(crate) fn few(names: &[&str], most: usize) -> String {
    let shown = names.iter().take(most).copied().collect::<Vec<_>>().join(", ");
    if names.len() > most { format!("{shown} and {} more", names.len() - most) } else { shown }
}

/// A time in RFC 3339 as date and time of the institution's zone; what is none, as it is.
pub(crate) fn local(text: &str, zone: &TimeZone) -> Markup {
    match text.parse() {
        Ok(time) => date_time(time, zone),
        Err(_) => html! { (text) },
    }
}

/// What people call an organisation.
pub(crate) fn organisation<'a>(snapshot: &'a Snapshot, name: &'a str) -> &'a str {
    let found = snapshot.organisations.iter().find(|organisation| organisation.name == name);
    found.map_or(name, |organisation| &organisation.title)
}

/// What people call a zone.
pub(crate) fn zone<'a>(snapshot: &'a Snapshot, name: &'a str) -> &'a str {
    snapshot.zones.iter().find(|zone| zone.name == name).map_or(name, |zone| &zone.title)
}

/// Less than this is no rate to speak of: what holds connections open hardly asks.
pub(crate) const LEAST_REQUESTS: f64 = 1.0;

/// What an event says, in one sentence.
pub(crate) fn sentence(event: &Value, zone: &TimeZone) -> Markup {
    let target = event["target"]["name"]
        .as_str()
        .or_else(|| event["target"]["addresses"][0].as_str())
        .unwrap_or("something");
    let since = event_time(event, "onset").or_else(|| event_time(event, "time"));
    let names: Vec<String> = event["vectors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item["name"].as_str())
        .map(attack)
        .collect();
    let is_over = event["phase"] == "end";
    html! {
        strong { (target) }
        @if event["kind"] == "surge" {
            (if is_over { " had more readers than usual" } else { " has more readers than usual" })
        } @else if event["direction"] == "out" {
            (if is_over { " sent " } else { " sends " }) (names.first().map_or("a flood", String::as_str)) " to others"
        } @else {
            (if is_over { " was under " } else { " is under " }) (match names.first() { Some(name) => format!("{} {name}", article(name)), None => "a flood".into() })
            @if names.len() > 1 { " with " (names.len() - 1) @if names.len() == 2 { " other vector" } @else { " other vectors" } }
        }
        @if let Some(since) = since { (if is_over { " from " } else { " since " }) (time_of_day(since, zone)) }
        @if is_over && let Some(end) = event_time(event, "time") { " to " (time_of_day(end, zone)) }
        (measure(event)) (sources(event)) "."
    }
}

fn measure(event: &Value) -> Markup {
    let (value, ordinary, unit) =
        match (event["requests_per_second"].as_f64(), event["packets_per_second"].as_f64()) {
            (Some(requests), _) if requests >= LEAST_REQUESTS => {
                (requests, event["baseline_requests_per_second"].as_f64(), "requests/s")
            }
            (_, Some(packets)) => (packets, event["baseline_packets_per_second"].as_f64(), "packets/s"),
            _ => return html! {},
        };
    html! {
        ": " @if event["certainty"] == "lower_bound" { "at least " } (count(value)) " " (unit)
        @if let Some(ordinary) = ordinary.filter(|ordinary| *ordinary > 0.0) {
            @if value / ordinary >= 2.0 { ", " (count((value / ordinary).round())) " times the ordinary " (count(ordinary)) }
            @else { ", ordinary is " (count(ordinary)) }
        }
    }
}

fn sources(event: &Value) -> Markup {
    let distinct = event["sources"]["distinct"].as_f64();
    html! {
        @if let Some(distinct) = distinct {
            ", from " @if distinct > 100.0 { "about " } (count(distinct)) @if distinct == 1.0 { " source" } @else { " sources" }
            @match event["sources"]["spoofing"].as_str() {
                Some("likely") => ", probably spoofed",
                Some("unlikely") => ", probably real",
                _ => "",
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_and_durations_are_short() {
        let shown = [
            count(210_000.0),
            count(999.0),
            count(2.5),
            short(1_234_000.0),
            short(950.0),
            short(11_970.0),
            percent(0.0213),
            percent(0.93),
        ];
        assert_eq!(
            shown,
            ["210,000", "999", "2.5", "1.2\u{a0}M", "950", "12\u{a0}k", "2.1\u{a0}%", "93\u{a0}%"]
        );
        let shown = [duration(0), duration(59), duration(7_500), duration(90_061), precise(1_240_000_000)];
        assert_eq!(
            shown,
            ["0\u{a0}s", "59\u{a0}s", "2\u{a0}h 5\u{a0}min", "1\u{a0}d 1\u{a0}h", "1.2\u{a0}s"]
        );
        assert_eq!(
            (vector("syn_flood"), vector("http2_rapid_reset")),
            ("SYN flood".into(), "HTTP/2 rapid reset".into())
        );
        assert_eq!(
            (article("SYN flood"), article("NTP amplification"), article("UDP flood"), article("HTTP flood")),
            ("a", "an", "a", "an")
        );
    }

    #[test]
    fn of_many_names_a_few_are_said_and_what_is_no_time_stays() {
        assert_eq!(few(&["a", "b", "c"], 2), "a, b and 1 more");
        assert_eq!(few(&["a", "b"], 2), "a, b");
        let zone = TimeZone::get("Europe/Brussels").unwrap();
        assert_eq!(local("<soon>", &zone).into_string(), "&lt;soon&gt;");
        assert!(local("2026-11-27T13:02:11Z", &zone).into_string().contains(">27 Nov 2026, 14:02:11<"));
    }

    #[test]
    fn a_flood_is_one_sentence_and_what_is_unknown_is_not_said() {
        let event = json!({"kind": "flood", "onset": "2026-11-27T13:02:11Z", "target": {"name": "www"},
            "vectors": [{"name": "syn_flood", "share": 0.9}, {"name": "udp_flood", "share": 0.1}],
            "packets_per_second": 210000, "baseline_packets_per_second": 900, "certainty": "sampled",
            "sources": {"distinct": 41000, "spoofing": "likely"}});
        let zone = TimeZone::get("Europe/Brussels").unwrap();
        let text = sentence(&event, &zone).into_string();
        let plain: String = text.split('<').map(|part| part.rsplit('>').next().unwrap_or(part)).collect();
        assert_eq!(
            plain,
            "www is under a SYN flood with 1 other vector since 14:02:11: 210,000 packets/s, 233 times the ordinary 900, \
            from about 41,000 sources, probably spoofed."
        );
        assert!(text.contains("title=\"2026-11-27 13:02:11 UTC\""));
        let over = json!({"kind": "flood", "phase": "end", "onset": "2026-11-27T13:02:11Z", "time": "2026-11-27T13:12:00Z",
            "target": {"name": "www"}, "vectors": [{"name": "slow_http", "share": 1.0}], "requests_per_second": 0.3});
        let text = sentence(&over, &zone).into_string();
        let plain: String = text.split('<').map(|part| part.rsplit('>').next().unwrap_or(part)).collect();
        assert_eq!(plain, "www was under a slow HTTP attack from 14:02:11 to 14:12:00.");
        let bare = sentence(&json!({"kind": "flood", "target": {"name": "<b>"}}), &zone).into_string();
        assert_eq!(bare, "<strong>&lt;b&gt;</strong> is under a flood.");
    }
}
