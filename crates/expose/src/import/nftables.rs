//! What `nft list ruleset` prints: rules that accept what is forwarded become conduits between the zones of their interfaces,
//! and the machine a firewall.
//!
//! Only what a rule says itself is taken up: a conduit needs both ends in the rule, as interfaces or addresses, and ports. Rules of the
//! hooks `input` and `output` concern the firewall itself and are no conduits; a rule that names one end only accepts from or to
//! anywhere, which no conduit says. Jumps, named sets and maps are not followed. All of that is counted, with examples.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, quoted_list, slug};

/// Longest rule whose words are looked at.
const MAXIMUM_RULE_BYTES: usize = 4_096;
/// Most ports of one pair of zones.
const MAXIMUM_PERMITS: usize = 256;
/// Most interfaces or addresses of one end of a rule.
const MAXIMUM_ENDS: usize = 16;
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

/// Words by which a rule says more than a conduit can.
const CONDITIONS: [&str; 8] = ["limit", "mark", "meta", "time", "hour", "day", "quota", "sport"];

#[derive(Default)]
struct Pair {
    permits: BTreeSet<String>,
    lines: Vec<usize>,
    rest: bool,
}

/// What a line belongs to.
#[derive(Clone, PartialEq)]
enum Block {
    /// Nothing, or a table.
    Outside,
    /// A chain with the hook that it hangs on; none if other chains jump to it.
    Chain(Option<String>),
    /// A named set, map, counter or the like.
    Named,
}

struct Ruleset<'d> {
    draft: &'d mut Draft,
    pairs: BTreeMap<(String, String), Pair>,
    tables: u64,
    block: Block,
}

pub(super) fn read(text: &str, draft: &mut Draft) {
    let mut ruleset = Ruleset { draft, pairs: BTreeMap::new(), tables: 0, block: Block::Outside };
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.len() > MAXIMUM_RULE_BYTES {
            ruleset.draft.skip_what("rules that are too long", &format!("line {}", number + 1));
        } else if !line.is_empty() && !line.starts_with('#') {
            ruleset.line(line, number + 1);
        }
    }
    let Ruleset { draft, pairs, tables, .. } = ruleset;
    put(pairs, tables, draft);
}

/// The words of a rule; a quoted one is one word, quotes included, and what stands behind `comment` is none.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let end = match rest.strip_prefix('"') {
            Some(quoted) => quoted.find('"').map_or(rest.len(), |end| end + 2),
            None => rest.find(char::is_whitespace).unwrap_or(rest.len()),
        };
        let (word, behind) = rest.split_at(end);
        if word == "comment" {
            break;
        }
        words.push(word);
        rest = behind.trim_start();
    }
    words
}

impl Ruleset<'_> {
    fn line(&mut self, line: &str, number: usize) {
        let words = words(line);
        match words.first().copied().unwrap_or_default() {
            "table" => {
                self.tables += 1;
                self.block = Block::Outside;
            }
            "chain" => {
                self.block = Block::Chain(None);
                self.hook(&words, number);
            }
            "set" | "map" | "flowtable" | "counter" | "quota" | "limit" | "ct" | "synproxy" | "secmark"
                if line.ends_with('{') =>
            {
                self.block = Block::Named;
                self.draft.skip_what("named sets, maps and objects", line.trim_end_matches('{').trim());
            }
            "}" => self.block = Block::Outside,
            "type" if self.block != Block::Named => self.hook(&words, number),
            _ => self.rule(&words, line, number),
        }
    }

    /// `type filter hook forward priority filter; policy drop;`
    fn hook(&mut self, words: &[&str], number: usize) {
        let hook = after(words, "hook").map(str::to_owned);
        let accepts = after(words, "policy").is_some_and(|policy| policy.trim_end_matches(';') == "accept");
        if accepts && hook.as_deref() == Some("forward") {
            let note = format!(
                "the chain of line {number} accepts what no rule decides, so there is more traffic than these conduits say"
            );
            self.draft.note(note);
        }
        if let Some(hook) = hook {
            self.block = Block::Chain(Some(hook));
        }
    }

    fn rule(&mut self, words: &[&str], line: &str, number: usize) {
        let example = format!("line {number}: {line}");
        let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(word));
        let hook = match &self.block {
            Block::Named => return,
            Block::Outside => {
                self.draft.skip_what("lines outside every chain", &example);
                return;
            }
            Block::Chain(hook) => hook.clone(),
        };
        if has(&["jump", "goto", "vmap"]) {
            self.draft.skip_what("rules that go on elsewhere", &example);
        } else if has(&["drop", "reject"]) {
            self.draft.skip_what("rules that refuse, before or after those that accept", &example);
        } else if !has(&["accept"]) {
            self.draft.skip_what("lines that decide nothing, or are not understood", &example);
        } else if hook.as_deref().is_some_and(|hook| hook != "forward") {
            self.draft
                .skip_what("rules of hooks other than forward, which concern the firewall itself", &example);
        } else if let Err(why) = self.accept(words, number) {
            self.draft.skip_what(why, &example);
        }
    }

    /// A rule that accepts what is forwarded.
    fn accept(&mut self, words: &[&str], number: usize) -> Result<(), &'static str> {
        let (from, from_rest) = end(words, ["iifname", "iif"], "saddr")?;
        let (to, to_rest) = end(words, ["oifname", "oif"], "daddr")?;
        match (from.is_empty(), to.is_empty()) {
            (true, true) => return Err("accepting rules without interface or address"),
            (true, false) => return Err("rules that accept from anywhere, which no conduit says"),
            (false, true) => return Err("rules that accept to anywhere, which no conduit says"),
            (false, false) => {}
        }
        let mut permits = BTreeSet::new();
        let mut is_whole = true;
        for transport in ["tcp", "udp", "sctp"] {
            if let Some(at) = words.windows(2).position(|window| window == [transport, "dport"]) {
                is_whole &= ports(words.get(at + 2..).unwrap_or_default(), transport, &mut permits);
            }
        }
        if permits.is_empty() {
            return Err("accepting rules without ports that are understood");
        }
        let conditions = words.iter().any(|word| CONDITIONS.iter().any(|rest| word.starts_with(rest)));
        let rest = from_rest || to_rest || conditions;
        for (from, to) in from.iter().flat_map(|from| to.iter().map(move |to| (from, to))) {
            if from == to {
                self.draft.skip_what("rules within one interface or network", &format!("line {number}"));
                continue;
            }
            let pair = self.pairs.entry((from.clone(), to.clone())).or_default();
            pair.lines.push(number);
            pair.rest |= rest;
            let room = MAXIMUM_PERMITS.saturating_sub(pair.permits.len());
            if permits.len() > room {
                self.draft.skip_what("ports for which there is no room", &format!("line {number}"));
            }
            pair.permits.extend(permits.iter().take(room).cloned());
        }
        if is_whole { Ok(()) } else { Err("ports that are not understood") }
    }
}

fn after<'w>(words: &[&'w str], name: &str) -> Option<&'w str> {
    let at = words.iter().position(|word| *word == name)?;
    words.get(at + 1).copied()
}

/// The names of one end of a rule, and whether there is a further condition on it; none if the rule does not speak of it.
fn end(words: &[&str], interface: [&str; 2], address: &str) -> Result<(Vec<String>, bool), &'static str> {
    let is_address = |window: &[&str]| matches!(window, ["ip" | "ip6", word] if *word == address);
    let by_interface = words.iter().position(|word| interface.contains(word)).map(|at| at + 1);
    let by_address = words.windows(2).position(is_address).map(|at| at + 2);
    let Some(at) = by_interface.or(by_address) else { return Ok((Vec::new(), false)) };
    let mut names = Vec::new();
    let mut in_braces = false;
    for word in words.get(at..).unwrap_or_default() {
        in_braces |= word.starts_with('{');
        let ends = !in_braces || word.ends_with('}');
        let name = word.trim_matches(['{', '}', ',']).trim_matches('"');
        if name.starts_with(['@', '$', '!']) || matches!(name, "==" | "!=" | "<" | ">" | "&" | "^") {
            return Err("rules whose ends are named sets, or what something is not");
        }
        if !name.is_empty() {
            names.push(slug(name));
        }
        if names.len() > MAXIMUM_ENDS {
            return Err("rules with too many interfaces or addresses");
        }
        if ends {
            break;
        }
    }
    Ok((names, by_interface.is_some() && by_address.is_some()))
}

fn put(pairs: BTreeMap<(String, String), Pair>, tables: u64, draft: &mut Draft) {
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

/// The ports behind `dport`: one, a range, or a set in braces. Gives whether all of it was understood.
fn ports(words: &[&str], transport: &str, permits: &mut BTreeSet<String>) -> bool {
    let braces = words.first().is_some_and(|word| word.starts_with('{'));
    let mut is_whole = true;
    for word in words {
        let port = word.trim_matches(['{', '}', ',']);
        match port_text(port) {
            Some(port) => {
                permits.insert(format!("{transport}/{port}"));
            }
            None => is_whole &= port.is_empty(),
        }
        if !braces || word.ends_with('}') {
            break;
        }
    }
    is_whole
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
