//! Lines of an institution file under construction.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Most entries of one draft.
pub const MAXIMUM_ENTRIES: usize = 10_000;
/// Most notes of one draft.
pub const MAXIMUM_NOTES: usize = 200;
/// Most characters of a text that is taken from a source.
pub const MAXIMUM_TEXT: usize = 200;
/// Examples of what was skipped, for each reason.
pub const MAXIMUM_EXAMPLES: usize = 5;
/// Most characters of an example.
const EXAMPLE_CHARACTERS: usize = 80;
/// Most names in one list of needs.
const MAXIMUM_NEEDS: usize = 200;
/// Most names in all needs of one draft.
const MAXIMUM_NEEDS_OF_ALL: usize = 200_000;
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
    /// Adds a setting whose value is TOML already. What was said first stays; what was only said to be missing does not.
    pub fn set(&mut self, key: &str, value: String, reason: impl Into<String>) {
        match self.settings.iter_mut().find(|setting| setting.key == key) {
            None => {
                let (key, reason) = (key.to_owned(), reason.into());
                self.settings.push(Setting { key, value: Some(value), reason });
            }
            Some(known) if known.value.is_none() => {
                (known.value, known.reason) = (Some(value), reason.into());
            }
            Some(_) => {}
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

/// Whether needs were followed.
#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

/// Everything that was made of an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    pub(super) entries: Vec<Entry>,
    places: BTreeMap<(&'static str, String), usize>,
    /// Nodes, services and groups share one set of names.
    taken: BTreeSet<String>,
    /// For each text that was made a name, the number to try next.
    numbers: BTreeMap<String, usize>,
    pub(super) notes: Vec<String>,
    pub(super) notes_omitted: usize,
    pub(super) skipped: BTreeMap<&'static str, u64>,
    pub(super) examples: BTreeMap<&'static str, Vec<String>>,
    /// Names in all needs.
    needed: usize,
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

    /// The first of what was skipped, by reason, at most [`MAXIMUM_EXAMPLES`] each.
    pub const fn examples(&self) -> &BTreeMap<&'static str, Vec<String>> {
        &self.examples
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

    /// Counts what was not understood, and keeps the first of it to be shown.
    pub(super) fn skip_what(&mut self, why: &'static str, what: &str) {
        self.skip(why);
        let examples = self.examples.entry(why).or_default();
        if examples.len() < MAXIMUM_EXAMPLES {
            let example: String = what.chars().take(EXAMPLE_CHARACTERS).collect();
            if !examples.contains(&example) {
                examples.push(example);
            }
        }
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
        if one_of.is_empty() || entry.needs.contains(&one_of) {
            return;
        }
        let kept = one_of.len().min(MAXIMUM_NEEDS);
        if entry.needs.len() >= MAXIMUM_NEEDS || self.needed + kept > MAXIMUM_NEEDS_OF_ALL {
            self.skip_what("needs for which there is no room", name);
            return;
        }
        self.needed += kept;
        let left_out = one_of.len() > kept;
        entry.needs.push(one_of.into_iter().take(kept).collect());
        entry.needs_reason = shortened(reason);
        if left_out {
            self.skip_what("alternatives for which there is no room", name);
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

    /// Leaves out every need that leads back to what needs it. Each need is looked at once.
    fn break_circles(&mut self) {
        let mut back: BTreeSet<(usize, usize)> = BTreeSet::new();
        let needed = self.needed_places();
        let mut state = vec![State::New; self.entries.len()];
        for start in 0..self.entries.len() {
            let mut open: Vec<(usize, usize)> = Vec::new();
            if state[start] == State::New {
                state[start] = State::Open;
                open.push((start, 0));
            }
            while let Some((at, followed)) = open.last_mut() {
                let Some(&next) = needed[*at].get(*followed) else {
                    state[*at] = State::Done;
                    open.pop();
                    continue;
                };
                *followed += 1;
                match state[next] {
                    State::New => {
                        state[next] = State::Open;
                        open.push((next, 0));
                    }
                    State::Open => {
                        back.insert((*at, next));
                    }
                    State::Done => {}
                }
            }
        }
        // All that one entry loses at once, so that its needs are gone through once.
        let mut lost: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for (at, next) in back {
            lost.entry(at).or_default().insert(self.entries[next].name.clone());
        }
        for (at, names) in lost {
            let entry = &mut self.entries[at];
            entry.needs.iter_mut().for_each(|group| group.retain(|need| !names.contains(need)));
            entry.needs.retain(|group| !group.is_empty());
            let needing = entry.name.clone();
            for name in names {
                self.note(format!(
                    "{needing} needs {name} in the source; left out, since {name} needs it too"
                ));
            }
        }
    }

    /// What each entry needs, by place, each thing once.
    fn needed_places(&self) -> Vec<Vec<usize>> {
        let of = |entry: &Entry| {
            let mut seen = BTreeSet::new();
            let names = entry.needs.iter().flatten();
            let places = names.filter_map(|name| {
                let place = |table| self.places.get(&(table, name.clone())).copied();
                place("service").or_else(|| place("node"))
            });
            places.filter(|&place| seen.insert(place)).collect()
        };
        self.entries.iter().map(of).collect()
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
pub(super) fn comment(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// Cut to [`MAXIMUM_TEXT`] characters.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(MAXIMUM_TEXT).collect()
}

/// A key, quoted if it has a dot.
pub(super) fn key(name: &str) -> String {
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
