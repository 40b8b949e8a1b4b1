//! What `nft list ruleset` prints: rules that accept become conduits between the zones of their interfaces, and the machine a
//! firewall.
//!
//! Rules are read one by one, by the words that say from where, to where and which ports; what else stands in a rule is left
//! aside and said in its reason. Rules that jump, and sets and maps that are named, are not followed: they are counted.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, quoted_list, slug};

/// Longest rule whose words are looked at.
const MAXIMUM_RULE_BYTES: usize = 4_096;
/// Most ports of one pair of zones.
const MAXIMUM_PERMITS: usize = 256;
/// Ports by the names that nft prints without `-n`.
const SERVICES: [(&str, u16); 14] = [
    ("ssh", 22),
    ("smtp", 25),
    ("domain", 53),
    ("http", 80),
    ("kerberos", 88),
    ("ntp", 123),
    ("imap2", 143),
    ("snmp", 161),
    ("ldap", 389),
    ("https", 443),
    ("submission", 587),
    ("ldaps", 636),
    ("imaps", 993),
    ("isakmp", 500),
];

#[derive(Default)]
struct Pair {
    permits: BTreeSet<String>,
    lines: Vec<usize>,
    rest: bool,
}

pub(super) fn read(text: &str, draft: &mut Draft) {
    let mut pairs: BTreeMap<(String, String), Pair> = BTreeMap::new();
    let mut tables = 0_u64;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with("table ") {
            tables += 1;
        }
        let words: Vec<&str> = match line.len() {
            0..=MAXIMUM_RULE_BYTES => line.split_whitespace().collect(),
            _ => {
                draft.skip("rules that are too long");
                continue;
            }
        };
        if words.last() == Some(&"accept") && !line.starts_with("type ") {
            rule(&words, number + 1, &mut pairs, draft);
        } else if words.contains(&"jump") || words.contains(&"goto") || words.contains(&"vmap") {
            draft.skip("rules that go on elsewhere");
        }
    }
    if !pairs.is_empty() {
        let reason = format!("a ruleset of nftables with {tables} tables");
        if let Some(entry) = draft.entry("node", "firewall", &reason) {
            entry.text("kind", "firewall", "it filters with state");
            let reason = "nftables does not say; see net.netfilter.nf_conntrack_max for table_entries";
            entry.missing("capacity", reason);
        }
    }
    for ((from, to), pair) in pairs {
        for zone in [&from, &to].into_iter().filter(|zone| *zone != crate::witness::INTERNET) {
            if let Some(entry) = draft.entry("zone", zone, "an interface or network of the ruleset") {
                entry.missing("prefixes", "the ruleset does not say which networks are behind the interface");
            }
        }
        let lines: Vec<String> = pair.lines.iter().take(8).map(usize::to_string).collect();
        let reason = format!("accepted in line {} of the ruleset", lines.join(", "));
        if let Some(entry) = draft.conduit(&from, &to, &reason) {
            let reason = if pair.rest {
                "the rules have further conditions, which a conduit cannot say"
            } else {
                "ports of the rules"
            };
            entry.set("allow", quoted_list(&pair.permits), reason);
        }
    }
}

fn rule(words: &[&str], line: usize, pairs: &mut BTreeMap<(String, String), Pair>, draft: &mut Draft) {
    let after = |name: &[&str]| {
        let at = words.windows(name.len()).position(|window| window == name)? + name.len();
        words.get(at).map(|word| word.trim_matches(['"', ',']))
    };
    let end = |interface: [&str; 2], address: &str| {
        let found = after(&[interface[0]]).or_else(|| after(&[interface[1]]));
        let found = found.or_else(|| after(&["ip", address])).or_else(|| after(&["ip6", address]));
        found.filter(|word| !word.starts_with(['{', '@', '!', '$']) && *word != "!=")
    };
    let (from, to) = (end(["iifname", "iif"], "saddr"), end(["oifname", "oif"], "daddr"));
    if from.is_none() && to.is_none() {
        draft.skip("accepting rules without interface or address");
        return;
    }
    let mut permits = BTreeSet::new();
    for transport in ["tcp", "udp", "sctp"] {
        if let Some(at) = words.windows(2).position(|window| window == [transport, "dport"]) {
            ports(words.get(at + 2..).unwrap_or_default(), transport, &mut permits);
        }
    }
    if permits.is_empty() {
        draft.skip("accepting rules without ports");
        return;
    }
    let name = |end: Option<&str>| end.map_or_else(|| crate::witness::INTERNET.to_owned(), slug);
    let (from, to) = (name(from), name(to));
    if from == to {
        return;
    }
    let pair = pairs.entry((from, to)).or_default();
    pair.lines.push(line);
    pair.rest |= words
        .iter()
        .any(|word| ["limit", "mark", "uid", "time", "@"].iter().any(|rest| word.starts_with(rest)));
    let room = MAXIMUM_PERMITS.saturating_sub(pair.permits.len());
    pair.permits.extend(permits.into_iter().take(room));
}

/// The ports behind `dport`: one, a range, or a set in braces.
fn ports(words: &[&str], transport: &str, permits: &mut BTreeSet<String>) {
    let braces = words.first().is_some_and(|word| word.starts_with('{'));
    for word in words {
        let port = word.trim_matches(['{', '}', ',']);
        if let Some(port) = port_text(port) {
            permits.insert(format!("{transport}/{port}"));
        } else if !port.is_empty() {
            break;
        }
        if !braces || word.ends_with('}') {
            break;
        }
    }
}

fn port_text(word: &str) -> Option<String> {
    let one = |word: &str| {
        let named = SERVICES.iter().find(|(name, _)| *name == word).map(|(_, port)| *port);
        named.or_else(|| word.parse().ok().filter(|&port| port > 0))
    };
    match word.split_once('-') {
        Some((first, last)) => {
            let (first, last) = (one(first)?, one(last)?);
            (first <= last).then(|| format!("{first}-{last}"))
        }
        None => one(word).map(|port: u16| port.to_string()),
    }
}
