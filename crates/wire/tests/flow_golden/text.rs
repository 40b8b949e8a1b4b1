//! Expected decodings of other programs that stand beside the fixtures.

use std::collections::BTreeMap;

use serde_json::Value;

/// One line of telegraf's output (influx line protocol): its fields by name, without types and quotes.
pub(crate) type Fields = BTreeMap<String, String>;

/// Reads telegraf's expected output.
pub(crate) fn telegraf(text: &str) -> Vec<Fields> {
    text.lines().filter(|line| !line.trim().is_empty()).map(telegraf_line).collect()
}

fn telegraf_line(line: &str) -> Fields {
    let (_, rest) = line.split_once(' ').unwrap();
    let mut fields = Fields::new();
    let mut quoted = false;
    let parts = rest.split(|c: char| {
        quoted ^= c == '"';
        !quoted && (c == ',' || c == ' ')
    });
    for part in parts {
        if let Some((name, value)) = part.split_once('=') {
            let value = value.strip_suffix('u').unwrap_or(value).trim_matches('"');
            fields.insert(name.to_owned(), value.to_owned());
        }
    }
    fields
}

/// A number that telegraf printed in decimal or, for fields that it does not know, in hexadecimal.
pub(crate) fn number(fields: &Fields, names: &[&str]) -> u64 {
    let Some(text) = names.iter().find_map(|name| fields.get(*name)) else { return 0 };
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).unwrap(),
        None => text.parse().unwrap(),
    }
}

/// Telegraf's flags, a letter or a dot for each of the eight bits.
pub(crate) fn flags(text: &str) -> u8 {
    text.chars().fold(0, |flags, letter| flags << 1 | u8::from(letter != '.'))
}

/// Protocol number of a name in any of the programs' spellings.
pub(crate) fn protocol(name: &str) -> u8 {
    match name.to_ascii_lowercase().as_str() {
        "icmp" => 1,
        "ipv4" | "ip" | "ipencap" => 4,
        "tcp" => 6,
        "udp" => 17,
        "ipv6" => 41,
        "ipv6-icmp" | "icmpv6" | "ipv6icmp" => 58,
        "ospf" | "ospfigp" => 89,
        "pim" => 103,
        "vrrp" => 112,
        other => other.parse().unwrap_or_else(|_| panic!("protocol {other}")),
    }
}

/// JSON lines.
pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
