//! What to do about each alarm: docs/runbooks, part of the program, so that they are there without the internet.
//!
//! The texts are ours, and a little of Markdown is read of them: headings, lists, paragraphs, code, emphasis.

use maud::{Markup, html};

/// An alarm that somebody has to do something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm<'a> {
    /// A flood, by its heaviest vector.
    Vector(&'a str),
    /// Own hosts flood others.
    Outgoing,
    /// More readers than usual.
    Surge,
    /// Nothing comes from a sensor.
    SensorSilent,
    /// A sensor loses.
    SensorLosing,
    /// The disk takes nothing.
    RecordNotWritten,
    /// A channel reaches nobody.
    ChannelDead,
    /// A new certificate of the console cannot be used.
    CertificateRefused,
}

/// Every runbook: its name and its text.
pub const RUNBOOKS: &[(&str, &str)] = &[
    ("syn-flood", include_str!("../../../docs/runbooks/syn-flood.md")),
    ("tcp-flood", include_str!("../../../docs/runbooks/tcp-flood.md")),
    ("packet-flood", include_str!("../../../docs/runbooks/packet-flood.md")),
    ("reflection", include_str!("../../../docs/runbooks/reflection.md")),
    ("connection-flood", include_str!("../../../docs/runbooks/connection-flood.md")),
    ("slow-http", include_str!("../../../docs/runbooks/slow-http.md")),
    ("quic-flood", include_str!("../../../docs/runbooks/quic-flood.md")),
    ("dns-query-flood", include_str!("../../../docs/runbooks/dns-query-flood.md")),
    ("http-flood", include_str!("../../../docs/runbooks/http-flood.md")),
    ("login-flood", include_str!("../../../docs/runbooks/login-flood.md")),
    ("any-flood", include_str!("../../../docs/runbooks/any-flood.md")),
    ("outgoing-flood", include_str!("../../../docs/runbooks/outgoing-flood.md")),
    ("surge", include_str!("../../../docs/runbooks/surge.md")),
    ("sensor-silent", include_str!("../../../docs/runbooks/sensor-silent.md")),
    ("sensor-losing", include_str!("../../../docs/runbooks/sensor-losing.md")),
    ("record-not-written", include_str!("../../../docs/runbooks/record-not-written.md")),
    ("channel-dead", include_str!("../../../docs/runbooks/channel-dead.md")),
    ("certificate-refused", include_str!("../../../docs/runbooks/certificate-refused.md")),
];

/// The runbook of an alarm. A vector that is not known has the one for any flood.
#[must_use]
pub fn runbook(alarm: Alarm<'_>) -> &'static str {
    match alarm {
        Alarm::Outgoing => "outgoing-flood",
        Alarm::Surge => "surge",
        Alarm::SensorSilent => "sensor-silent",
        Alarm::SensorLosing => "sensor-losing",
        Alarm::RecordNotWritten => "record-not-written",
        Alarm::ChannelDead => "channel-dead",
        Alarm::CertificateRefused => "certificate-refused",
        Alarm::Vector(name) => of_vector(name),
    }
}

fn of_vector(name: &str) -> &'static str {
    match name {
        "syn_flood" => "syn-flood",
        "syn_ack_flood" | "ack_flood" | "rst_flood" | "fin_flood" | "tcp_flag_flood" => "tcp-flood",
        "udp_flood" | "icmp_flood" | "gre_flood" | "esp_flood" | "ip_protocol_flood" | "fragment_flood" => {
            "packet-flood"
        }
        "connection_flood" | "tls_handshake_flood" => "connection-flood",
        "slow_http" => "slow-http",
        "quic_flood" => "quic-flood",
        "dns_query_flood" => "dns-query-flood",
        "http_flood" | "http_cache_bypass" | "http2_rapid_reset" => "http-flood",
        "login_flood" => "login-flood",
        "tcp_reflection" => "reflection",
        name if name.ends_with("_amplification") => "reflection",
        _ => "any-flood",
    }
}

/// The text of a runbook.
pub(crate) fn text(name: &str) -> Option<&'static str> {
    RUNBOOKS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// What it is about: its first heading.
pub(crate) fn title(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or_default()
}

/// One block of a text.
enum Block<'a> {
    Heading(&'a str),
    Items(bool, Vec<&'a str>),
    Paragraph(String),
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    for part in text.split("\n\n").map(str::trim).filter(|part| !part.is_empty() && !part.starts_with("# ")) {
        let numbered =
            |line: &str| line.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
        if let Some(heading) = part.strip_prefix("## ") {
            blocks.push(Block::Heading(heading));
        } else if part.starts_with("- ") {
            blocks
                .push(Block::Items(false, part.lines().map(|line| line.trim_start_matches("- ")).collect()));
        } else if numbered(part) {
            let item = |line| str::split_once(line, ". ").map_or(line, |(_, rest)| rest);
            blocks.push(Block::Items(true, part.lines().map(item).collect()));
        } else {
            blocks.push(Block::Paragraph(part.replace('\n', " ")));
        }
    }
    blocks
}

/// Code and emphasis within a line.
fn inline(text: &str) -> Markup {
    html! {
        @for (number, part) in text.split('`').enumerate() {
            @if number % 2 == 1 { code { (part) } } @else {
                @for (number, part) in part.split('*').enumerate() { @if number % 2 == 1 { em { (part) } } @else { (part) } }
            }
        }
    }
}

/// The text as a page shows it, without its title.
pub(crate) fn render(text: &str) -> Markup {
    html! {
        @for block in blocks(text) {
            @match block {
                Block::Heading(heading) => { h2 { (inline(heading)) } }
                Block::Items(true, items) => { ol { @for item in items { li { (inline(item)) } } } }
                Block::Items(false, items) => { ul { @for item in items { li { (inline(item)) } } } }
                Block::Paragraph(words) => { p { (inline(&words)) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alarm_has_a_runbook_and_every_runbook_says_what_to_do() {
        let alarms = [
            Alarm::Outgoing,
            Alarm::Surge,
            Alarm::SensorSilent,
            Alarm::SensorLosing,
            Alarm::RecordNotWritten,
            Alarm::ChannelDead,
            Alarm::CertificateRefused,
            Alarm::Vector("syn_flood"),
            Alarm::Vector("a new one"),
        ];
        for alarm in alarms {
            assert!(text(runbook(alarm)).is_some(), "{alarm:?}");
        }
        let index = include_str!("../../../docs/runbooks/README.md");
        for (name, text) in RUNBOOKS {
            for part in ["# ", "\n## Look\n\n- ", "\n## Do\n\n1. ", "\n## It may be something else\n"] {
                assert!(text.contains(part), "{name} lacks {part:?}");
            }
            assert!(index.contains(&format!("[{}]({name}.md)", title(text))), "the index lacks {name}");
            assert!(text.matches('`').count() % 2 == 0, "{name}");
        }
    }

    #[test]
    fn a_text_becomes_headings_lists_and_code() {
        let page = render("# T\n\nOne\ntwo.\n\n## Do\n\n1. Run `a < b`.\n2. *Wait*.\n\n- x\n").into_string();
        assert_eq!(
            page,
            "<p>One two.</p><h2>Do</h2><ol><li>Run <code>a &lt; b</code>.</li><li><em>Wait</em>.</li></ol><ul><li>x</li></ul>"
        );
    }
}
