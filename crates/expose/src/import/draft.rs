//! Lines of an institution file under construction.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

/// Most entries of one draft.
pub const MAXIMUM_ENTRIES: usize = 10_000;
/// Most notes of one draft.
pub const MAXIMUM_NOTES: usize = 200;
/// Most characters of a text that is taken from a source.
pub const MAXIMUM_TEXT: usize = 200;
/// Most names in one list of needs.
const MAXIMUM_NEEDS: usize = 200;
/// Most characters of a name that is made from a text.
const NAME_CHARACTERS: usize = 48;

/// One `key = value` with its reason.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Setting {
    /// The key.
    pub key: String,
    /// The value as TOML; none if the source does not say what the file must have.
    pub value: Option<String>,
    /// Where it comes from.
    pub reason: String,
}

/// One table of the file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Entry {
    /// `service`, `node`, `zone`, `organisation` or `conduit`.
    pub table: &'static str,
    /// Its name; conduits have none.
    pub name: String,
    /// Where it comes from.
    pub reason: String,
    /// Its settings, in order.
    pub settings: Vec<Setting>,
    /// What it needs: each group is one, or any one of several.
    pub needs: Vec<Vec<String>>,
    /// Where the needs come from.
    pub needs_reason: String,
}

impl Entry {
    /// Adds a setting whose value is TOML already.
    pub fn set(&mut self, key: &str, value: String, reason: impl Into<String>) {
        if self.settings.iter().all(|setting| setting.key != key) {
            self.settings.push(Setting { key: key.to_owned(), value: Some(value), reason: reason.into() });
        }
    }

    /// Adds a text.
    pub fn text(&mut self, key: &str, value: &str, reason: impl Into<String>) {
        self.set(key, quoted(value), reason);
    }

    /// Says that the file must have something which the source does not say.
    pub fn missing(&mut self, key: &str, reason: impl Into<String>) {
        if self.settings.iter().all(|setting| setting.key != key) {
            self.settings.push(Setting { key: key.to_owned(), value: None, reason: reason.into() });
        }
    }

    /// Whether a key is set.
    pub fn has(&self, key: &str) -> bool {
        self.settings.iter().any(|setting| setting.key == key)
    }
}

/// Everything that was made of an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    entries: Vec<Entry>,
    places: BTreeMap<(&'static str, String), usize>,
    /// Nodes, services and groups share one set of names.
    taken: BTreeSet<String>,
    /// For each text that was made a name, the number to try next.
    numbers: BTreeMap<String, usize>,
    notes: Vec<String>,
    notes_omitted: usize,
    skipped: BTreeMap<&'static str, u64>,
    read: u64,
}

impl Draft {
    /// The entries, in the order of their making.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What a person should know.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What was skipped, by reason.
    pub fn skipped(&self) -> &BTreeMap<&'static str, u64> {
        &self.skipped
    }

    /// Elements of the source that were taken up.
    pub const fn read(&self) -> u64 {
        self.read
    }

    pub(super) fn note(&mut self, note: String) {
        if self.notes.len() < MAXIMUM_NOTES {
            self.notes.push(note);
        } else {
            self.notes_omitted += 1;
        }
    }

    pub(super) fn skip(&mut self, why: &'static str) {
        *self.skipped.entry(why).or_default() += 1;
    }

    /// The entry of a table and name, made if it is new; none if there is no room.
    pub(super) fn entry(&mut self, table: &'static str, name: &str, reason: &str) -> Option<&mut Entry> {
        let key = (table, name.to_owned());
        let place = match self.places.get(&key) {
            Some(&place) => place,
            None if self.entries.len() >= MAXIMUM_ENTRIES => {
                self.skip("more entries than there is room for");
                return None;
            }
            None => {
                self.read += 1;
                self.places.insert(key, self.entries.len());
                self.taken.insert(name.to_owned());
                self.entries.push(Entry {
                    table,
                    name: name.to_owned(),
                    reason: shortened(reason),
                    settings: Vec::new(),
                    needs: Vec::new(),
                    needs_reason: String::new(),
                });
                self.entries.len() - 1
            }
        };
        self.entries.get_mut(place)
    }

    /// A conduit from one zone to another; the same one for the same pair.
    pub(super) fn conduit(&mut self, from: &str, to: &str, reason: &str) -> Option<&mut Entry> {
        let name = format!("{from} {to}");
        let entry = self.entry("conduit", &name, reason)?;
        entry.set("from", quoted(from), String::new());
        entry.set("to", quoted(to), String::new());
        Some(entry)
    }

    /// The table in which a name stands.
    pub(super) fn table_of(&self, name: &str) -> Option<&'static str> {
        ["node", "service"].into_iter().find(|table| self.places.contains_key(&(*table, name.to_owned())))
    }

    /// A name that is free, made of a text.
    pub(super) fn free_name(&mut self, text: &str) -> String {
        let base = slug(text);
        let mut name = base.clone();
        while self.taken.contains(&name) {
            let number = self.numbers.entry(base.clone()).or_insert(1);
            *number += 1;
            name = format!("{base}-{number}");
        }
        name
    }

    /// Says that one element needs one of several.
    pub(super) fn need(&mut self, table: &'static str, name: &str, one_of: Vec<String>, reason: &str) {
        let Some(&place) = self.places.get(&(table, name.to_owned())) else { return };
        let entry = &mut self.entries[place];
        if !one_of.is_empty() && entry.needs.len() < MAXIMUM_NEEDS && !entry.needs.contains(&one_of) {
            entry.needs.push(one_of.into_iter().take(MAXIMUM_NEEDS).collect());
            entry.needs_reason = shortened(reason);
        }
    }

    /// Puts right what only shows when everything is read: needs without a table, needs in a circle, zones without a
    /// prefix.
    pub(super) fn finish(&mut self) {
        self.declare_what_is_needed();
        self.break_circles();
        self.declare_zones();
    }

    fn declare_what_is_needed(&mut self) {
        let needed: BTreeSet<String> =
            self.entries.iter().flat_map(|entry| entry.needs.iter().flatten().cloned()).collect();
        for name in needed {
            if self.table_of(&name).is_none()
                && let Some(entry) = self.entry("node", &name, "named as a need and described nowhere")
            {
                entry.text("kind", "other", "the source does not say what it is");
            }
        }
    }

    fn break_circles(&mut self) {
        let names: BTreeMap<String, usize> = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| matches!(entry.table, "node" | "service"))
            .map(|(place, entry)| (entry.name.clone(), place))
            .collect();
        let mut done = vec![false; self.entries.len()];
        for start in 0..self.entries.len() {
            let mut open: Vec<(usize, usize)> = vec![(start, 0)];
            let mut path: BTreeSet<usize> = BTreeSet::from([start]);
            while let Some((at, followed)) = open.last_mut() {
                let flat: Vec<&String> = self.entries[*at].needs.iter().flatten().collect();
                let next = flat.get(*followed).map(|name| (*name).clone());
                let Some(next) = next.filter(|_| !done[*at]) else {
                    done[*at] = true;
                    path.remove(at);
                    open.pop();
                    continue;
                };
                let here = *at;
                match names.get(&next) {
                    Some(place) if path.contains(place) => {
                        for group in &mut self.entries[here].needs {
                            group.retain(|name| *name != next);
                        }
                        self.entries[here].needs.retain(|group| !group.is_empty());
                        let note = format!(
                            "{} needs {next} in the source; left out, since {next} needs it too",
                            self.entries[here].name
                        );
                        self.note(note);
                    }
                    Some(&place) => {
                        *followed += 1;
                        if !done[place] {
                            path.insert(place);
                            open.push((place, 0));
                        }
                    }
                    None => *followed += 1,
                }
            }
        }
    }

    /// A zone must have prefixes: where the source has none, the addresses in it are what is known.
    fn declare_zones(&mut self) {
        let mut addresses: BTreeMap<String, BTreeSet<IpAddr>> = BTreeMap::new();
        for entry in &self.entries {
            let of = |key: &str| entry.settings.iter().find(|setting| setting.key == key)?.value.clone();
            let Some(zone) = of("zone").map(|zone| zone.trim_matches('"').to_owned()) else { continue };
            let into = addresses.entry(zone).or_default();
            for part in of("addresses").unwrap_or_default().split(['[', ']', ',', '"', ' ']) {
                into.extend(part.parse::<IpAddr>());
            }
        }
        for (zone, addresses) in addresses {
            let Some(entry) = self.entry("zone", &zone, "named as a zone") else { continue };
            if entry.has("prefixes") {
                continue;
            }
            if addresses.is_empty() {
                entry.missing("prefixes", "the source names no network and no address of this zone");
            } else {
                let list: Vec<String> =
                    addresses.iter().map(|address| quoted(&address.to_string())).collect();
                entry.set(
                    "prefixes",
                    format!("[{}]", list.join(", ")),
                    "the addresses that stand in it; widen it to the whole network",
                );
            }
        }
    }

    /// The lines, as they would stand in an institution file; with a name, as a whole file.
    pub fn text(&self, institution: Option<&str>) -> String {
        let mut text = String::new();
        if let Some(name) = institution {
            let _ = writeln!(text, "[institution]\nname = {}\n", quoted(name));
        }
        let order = ["organisation", "zone", "node", "service", "conduit"];
        for table in order {
            for entry in self.entries.iter().filter(|entry| entry.table == table) {
                text.push_str(&self.entry_text(entry));
            }
        }
        for note in &self.notes {
            let _ = writeln!(text, "# Note: {}", comment(note));
        }
        if self.notes_omitted > 0 {
            let _ = writeln!(text, "# ... and {} more notes", self.notes_omitted);
        }
        for (why, count) in &self.skipped {
            let _ = writeln!(text, "# Skipped {count}: {why}");
        }
        text
    }

    fn entry_text(&self, entry: &Entry) -> String {
        let mut text = format!("# {}\n", comment(&entry.reason));
        let _ = match entry.table {
            "conduit" => writeln!(text, "[[conduit]]"),
            table => writeln!(text, "[{table}.{}]", key(&entry.name)),
        };
        for Setting { key, value, reason } in &entry.settings {
            let reason = if reason.is_empty() { String::new() } else { format!("  # {}", comment(reason)) };
            let _ = match value {
                Some(value) => writeln!(text, "{key} = {value}{reason}"),
                None => writeln!(text, "# {key} = ?{reason}; must be filled in"),
            };
        }
        if let Some(needs) = needs(&entry.needs) {
            let _ = writeln!(text, "needs = {needs}  # {}", comment(&entry.needs_reason));
        }
        text.push('\n');
        text
    }
}

/// Needs as TOML.
fn needs(groups: &[Vec<String>]) -> Option<String> {
    let group = |group: &Vec<String>| match group.as_slice() {
        [one] => quoted(one),
        several => {
            let list: Vec<String> = several.iter().map(|name| quoted(name)).collect();
            format!("{{ any = 1, of = [{}] }}", list.join(", "))
        }
    };
    match groups {
        [] => None,
        [one] if one.len() > 1 => Some(group(one)),
        several => Some(format!("[{}]", several.iter().map(group).collect::<Vec<_>>().join(", "))),
    }
}

/// A TOML string.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars().take(MAXIMUM_TEXT) {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            control if control.is_control() => quoted.push(' '),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// A list of TOML strings.
pub(super) fn quoted_list<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> String {
    let list: Vec<String> = items.into_iter().map(|item| quoted(item.as_ref())).collect();
    format!("[{}]", list.join(", "))
}

/// A text that fits into a comment and cannot end it.
fn comment(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// Cut to [`MAXIMUM_TEXT`] characters.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(MAXIMUM_TEXT).collect()
}

/// A key, quoted if it has a dot.
fn key(name: &str) -> String {
    if name.contains('.') { quoted(name) } else { name.to_owned() }
}

/// A name of the file: ASCII letters, digits, `-`, `_` and `.`.
pub(super) fn slug(text: &str) -> String {
    let mut name = String::new();
    for character in text.chars() {
        if name.len() >= NAME_CHARACTERS {
            break;
        }
        match character.to_ascii_lowercase() {
            good @ ('a'..='z' | '0'..='9' | '_' | '.') => name.push(good),
            _ if !name.ends_with('-') && !name.is_empty() => name.push('-'),
            _ => {}
        }
    }
    let name = name.trim_matches(['-', '.']).to_owned();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}
