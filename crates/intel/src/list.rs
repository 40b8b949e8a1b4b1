//! Indicators as CSV, in and out: `value,type,tlp,confidence,first,until,source`; only the value is needed.
//!
//! Sources go out without what lets somebody in ([`source::shown`]). What is not dated stays undated.
//!
//! [`write`](fn@write) is a way out and asks TLP; [`keep`] is none: it writes what a store keeps for itself, what is red too, since a marking that became narrower
//! must be remembered for as long as the wider one is.

use crate::indicator::{Indicator, Kind, MAXIMUM_VALUE_BYTES};
use crate::source;
use crate::table::{self, Table};
use crate::time;
use crate::tlp::{Audience, Tlp};

/// Hands each indicator of a table to `take`; gives how many rows were none. What carries no marking gets `unmarked`.
pub fn read(text: &str, source: &str, unmarked: Tlp, mut take: impl FnMut(Indicator)) -> usize {
    let Some(mut table) = Table::new(text) else { return 0 };
    let column = ["value", "indicator", "ioc"].into_iter().find(|name| table.has(name));
    let Some(column) = column else {
        // One value a line, without a header.
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        return lines.map(|line| usize::from(!one(line, source, unmarked, &mut take))).sum();
    };
    let mut skipped = 0;
    while let Some(row) = table.next_row() {
        let value = bare(table.get(&row, column));
        let kind = kind_of(table.get(&row, "type")).or_else(|| guess(value));
        let Some(kind) = kind.filter(|_| value.len() <= MAXIMUM_VALUE_BYTES) else {
            skipped += 1;
            continue;
        };
        let named = source::cut(bare(table.get(&row, "source")));
        take(Indicator {
            kind,
            value: value.to_owned(),
            tlp: Tlp::of_field(table.get(&row, "tlp"), unmarked),
            confidence: table.get(&row, "confidence").parse::<u8>().unwrap_or(50).min(100),
            first: time::seconds(table.get(&row, "first")).unwrap_or(0),
            until: time::seconds(table.get(&row, "until")),
            source: if named.is_empty() { source.to_owned() } else { named.to_owned() },
        });
    }
    skipped + table.skipped
}

fn one(line: &str, source: &str, tlp: Tlp, take: &mut impl FnMut(Indicator)) -> bool {
    let Some(kind) = guess(line).filter(|_| line.len() <= MAXIMUM_VALUE_BYTES) else { return false };
    let (value, source) = (line.to_owned(), source.to_owned());
    take(Indicator { kind, value, tlp, confidence: 50, first: 0, until: None, source });
    true
}

fn kind_of(name: &str) -> Option<Kind> {
    [Kind::Address, Kind::Network, Kind::Domain, Kind::Url, Kind::Hash, Kind::Email]
        .into_iter()
        .find(|kind| kind.name() == name)
}

/// What a value looks like.
#[must_use]
pub fn guess(value: &str) -> Option<Kind> {
    if value.parse::<std::net::IpAddr>().is_ok() {
        return Some(Kind::Address);
    }
    if value.parse::<ipnet::IpNet>().is_ok() {
        return Some(Kind::Network);
    }
    let hex = value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hex && [32, 40, 64, 128].contains(&value.len()) {
        return Some(Kind::Hash);
    }
    if value.contains("://") {
        return Some(Kind::Url);
    }
    if value.contains(char::is_whitespace) || !value.contains('.') {
        return None;
    }
    if value.contains('@') { Some(Kind::Email) } else { Some(Kind::Domain) }
}

/// Indicators as CSV for an audience, and how many were withheld.
#[must_use]
pub fn write(indicators: &[Indicator], audience: Audience) -> (String, usize) {
    let (mut text, mut withheld) = (format!("{HEADER}\n"), 0);
    for indicator in indicators {
        if !indicator.tlp.may_reach(audience) {
            withheld += 1;
            continue;
        }
        text.push_str(&row(indicator));
    }
    (text, withheld)
}

/// The first line of a table of indicators.
pub const HEADER: &str = "value,type,tlp,confidence,first,until,source";

/// The rows of indicators for a store to keep, without a header. What is red is among them: this must go to nobody.
#[must_use]
pub fn keep(indicators: &[Indicator]) -> String {
    indicators.iter().map(row).collect()
}

fn row(indicator: &Indicator) -> String {
    let fields = [
        guarded(&indicator.value),
        indicator.kind.name().to_owned(),
        indicator.tlp.label().to_owned(),
        indicator.confidence.to_string(),
        if indicator.first == 0 { String::new() } else { time::text(indicator.first) },
        indicator.until.map(time::text).unwrap_or_default(),
        guarded(&source::shown(&indicator.source)),
    ];
    table::row(&fields.each_ref().map(String::as_str))
}

/// What a table program would run.
const FORMULAS: [char; 4] = ['=', '+', '-', '@'];

/// A field that a table program would run as a formula gets a quote before it (OWASP, CSV injection).
fn guarded(field: &str) -> String {
    let guard = if field.starts_with(FORMULAS) { "'" } else { "" };
    format!("{guard}{field}")
}

/// Without that quote.
fn bare(field: &str) -> &str {
    field.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULAS)).unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_or_source_is_longer_than_what_is_kept() {
        let (url, maker) =
            (format!("https://a.example/{}", "x".repeat(MAXIMUM_VALUE_BYTES)), "m".repeat(10_000));
        let text = format!("value,source\n{url},a\n198.51.100.7,{maker}\n");
        let mut found = Vec::new();
        assert_eq!(read(&text, "f", Tlp::Clear, |indicator| found.push(indicator)), 1);
        assert_eq!((found.len(), found[0].source.len()), (1, source::MAXIMUM_CHARACTERS));
        assert_eq!(read(&url, "f", Tlp::Clear, |_| unreachable!()), 1, "in a bare list neither");
    }

    #[test]
    fn tables_and_bare_lists_come_in_and_go_out() {
        let text = "value,type,tlp,confidence,first\n198.51.100.7,,TLP:GREEN,90,2024-01-01\nevil.example,domain,,x,\nno thing,,,,\n";
        let mut found = Vec::new();
        assert_eq!(read(text, "file", Tlp::Amber, |indicator| found.push(indicator)), 1);
        assert_eq!(
            (found.len(), found[0].kind, found[0].confidence, found[1].tlp),
            (2, Kind::Address, 90, Tlp::Amber)
        );
        let (out, withheld) = write(&found, Audience::Community);
        assert_eq!((out.lines().count(), withheld), (2, 1));
        let mut again = Vec::new();
        assert_eq!(read(&out, "x", Tlp::Red, |indicator| again.push(indicator)), 0);
        assert_eq!(again, found[..1]);
        let mut bare = Vec::new();
        assert_eq!(
            read(
                "198.51.100.0/24\n# x\nd41d8cd98f00b204e9800998ecf8427e\nhttps://a.example/x\n??\n",
                "f",
                Tlp::Clear,
                |indicator| bare.push(indicator.kind)
            ),
            1
        );
        assert_eq!(bare, [Kind::Network, Kind::Hash, Kind::Url]);
        let mut secret = found[0].clone();
        (secret.source, secret.first) = ("https://user:secret@feed.example/x?token=secret".to_owned(), 0);
        let (out, _) = write(&[secret], Audience::Community);
        assert!(
            !out.contains("secret") && out.contains("https://feed.example/x") && !out.contains("1970"),
            "{out}"
        );
        let mut odd = Vec::new();
        read("value,tlp\n198.51.100.7,TLP:ROT\n", "f", Tlp::Clear, |indicator| odd.push(indicator.tlp));
        assert_eq!(odd, [Tlp::UNMARKED], "a marking that is not known restricts");
        let mut odd = found[0].clone();
        (odd.kind, odd.value, odd.source) = (Kind::Email, "+x@evil.example".to_owned(), "=cmd()".to_owned());
        let (out, _) = write(std::slice::from_ref(&odd), Audience::Community);
        assert!(out.contains("\"'+x@evil.example\"") && out.contains("\"'=cmd()\""), "{out}");
        let mut again = Vec::new();
        read(&out, "x", Tlp::Red, |indicator| again.push(indicator));
        assert_eq!(again, [odd], "the guard is for table programs and no part of the value");
    }
}
