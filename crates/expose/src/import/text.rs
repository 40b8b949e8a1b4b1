//! A draft as lines of an institution file.

use std::fmt::Write as _;

use super::draft::{Draft, Entry, Setting, comment, key, quoted};

impl Draft {
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
            let examples = self
                .examples
                .get(why)
                .map_or_else(String::new, |examples| format!(", such as {}", comment(&examples.join(" | "))));
            let _ = writeln!(text, "# Skipped {count}: {why}{examples}");
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
