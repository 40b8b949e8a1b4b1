//! A table with a heading (RFC 4180): one row for each service, node or zone.
//!
//! Columns, in any order, all but `name` may be missing: `name`, `kind` (`service`, `zone`, or a kind of node), `zone`,
//! `organisation`, `addresses`, `ports`, `names`, `criticality`, `needs`, `shared_cause`, `provider`, `workaround`, `description`,
//! `prefixes`, `exposure`, and the five units of capacity. Several values stand between spaces or semicolons. In `needs` a `|`
//! stands between alternatives: `fw-edge isp-a|isp-b`.

use super::Error;
use super::draft::{Draft, Entry, quoted_list, slug};

const TEXTS: [&str; 4] = ["description", "provider", "workaround", "criticality"];
const LISTS: [&str; 4] = ["addresses", "ports", "names", "shared_cause"];
const UNITS: [&str; 5] = [
    "bits_per_second",
    "packets_per_second",
    "new_connections_per_second",
    "table_entries",
    "queries_per_second",
];
/// Words of the file.
const EXPOSURES: [&str; 4] = ["internet", "partners", "internal", "isolated"];
const CRITICALITIES: [&str; 3] = ["essential", "important", "supporting"];
/// Most columns of a table.
const MAXIMUM_COLUMNS: usize = 64;
/// Kinds of nodes, as the file has them.
pub(super) const NODE_KINDS: [&str; 16] = [
    "link",
    "router",
    "switch",
    "firewall",
    "load_balancer",
    "proxy",
    "scrubber",
    "vpn_gateway",
    "name_server",
    "identity_provider",
    "server",
    "hypervisor",
    "storage",
    "power",
    "site",
    "other",
];

pub(super) fn read(text: &str, draft: &mut Draft) -> Result<(), Error> {
    let mut rows = Rows { text, line: 1 };
    let Some(heading) = rows.next().transpose()? else { return Ok(()) };
    let columns: Vec<String> =
        heading.1.iter().map(|name| name.trim().to_lowercase().replace(' ', "_")).collect();
    if !columns.iter().any(|column| column == "name") {
        return Err(Error::Syntax { line: 1, message: "the heading has no column `name`".to_owned() });
    }
    let known = |column: &str| {
        TEXTS.contains(&column)
            || LISTS.contains(&column)
            || UNITS.contains(&column)
            || ["name", "kind", "zone", "organisation", "needs", "prefixes", "exposure"].contains(&column)
    };
    for column in columns.iter().filter(|column| !known(column)) {
        draft.note(format!("the column {column:?} is not known and was not read"));
    }
    for row in rows {
        let (line, cells) = row?;
        let cell = |name: &str| {
            let at = columns.iter().position(|column| column == name)?;
            cells.get(at).map(|cell| cell.trim()).filter(|cell| !cell.is_empty())
        };
        let beyond = cells.iter().skip(columns.len()).filter(|cell| !cell.trim().is_empty());
        beyond.for_each(|cell| draft.skip_what("cells beyond the heading", cell));
        match cell("name") {
            Some(name) => one(&slug(name), line, &cell, draft),
            None if cells.iter().all(|cell| cell.trim().is_empty()) => {}
            None => draft.skip("rows without a name"),
        }
    }
    Ok(())
}

fn one<'t>(name: &str, line: usize, cell: &impl Fn(&str) -> Option<&'t str>, draft: &mut Draft) {
    let kind = cell("kind").unwrap_or("service").to_lowercase().replace([' ', '-'], "_");
    let reason = format!("row {line} of the table");
    let table = match kind.as_str() {
        "service" => "service",
        "zone" => "zone",
        _ => "node",
    };
    for (column, words) in [("exposure", &EXPOSURES[..]), ("criticality", &CRITICALITIES[..])] {
        if let Some(word) = cell(column).filter(|word| !words.contains(&word.to_lowercase().as_str())) {
            let why = "words for criticality or exposure that the file does not have";
            draft.skip_what(why, &format!("row {line}: {word}"));
        }
    }
    for word in UNITS.iter().filter_map(|unit| cell(unit)).filter(|word| number(word).is_none()) {
        let why = "capacities that are no number above nought";
        draft.skip_what(why, &format!("row {line}: {word}"));
    }
    if draft.table_of(name).is_some_and(|known| known != table) {
        draft.skip("rows with the name of something else");
        return;
    }
    let Some(entry) = draft.entry(table, name, &reason) else { return };
    if table == "node" {
        let is_known = NODE_KINDS.contains(&kind.as_str());
        entry.text(
            "kind",
            if is_known { &kind } else { "other" },
            if is_known { "column kind" } else { "column kind has no kind of node" },
        );
    }
    if table == "zone" {
        if let Some(prefixes) = cell("prefixes") {
            entry.set("prefixes", quoted_list(split(prefixes)), "column prefixes");
        }
        let exposure = cell("exposure").map(str::to_lowercase);
        if let Some(exposure) = exposure.filter(|word| EXPOSURES.contains(&word.as_str())) {
            entry.text("exposure", &exposure, "column exposure");
        }
    } else {
        element(entry, cell);
    }
    if let Some(organisation) = cell("organisation").map(slug).filter(|name| name != "own") {
        entry.text("organisation", &organisation, "column organisation");
        if let Some(entry) = draft.entry("organisation", &organisation, &reason) {
            entry.text(
                "kind",
                "contractor",
                "the table does not say; party, contractor, provider or authority",
            );
        }
    }
    for group in cell("needs").map(split).unwrap_or_default() {
        let one_of = group.split('|').filter(|name| !name.is_empty()).map(slug).collect();
        draft.need(table, name, one_of, "column needs");
    }
}

fn element<'t>(entry: &mut Entry, cell: &impl Fn(&str) -> Option<&'t str>) {
    match cell("zone") {
        Some(zone) => entry.text("zone", &slug(zone), "column zone"),
        None if entry.table == "service" => entry.missing("zone", "the table does not say where it stands"),
        None => {}
    }
    for key in TEXTS.iter().filter(|key| allowed(entry.table, key)) {
        if let Some(value) = cell(key) {
            let value = if *key == "criticality" { value.to_lowercase() } else { value.to_owned() };
            if *key != "criticality" || CRITICALITIES.contains(&value.as_str()) {
                entry.text(key, &value, format!("column {key}"));
            }
        }
    }
    for key in LISTS.iter().filter(|key| allowed(entry.table, key)) {
        if let Some(value) = cell(key) {
            let list = split(value);
            let list =
                list.iter().map(|item| if *key == "shared_cause" { slug(item) } else { (*item).to_owned() });
            entry.set(key, quoted_list(list), format!("column {key}"));
        }
    }
    let units: Vec<String> = UNITS
        .iter()
        .filter_map(|unit| {
            let number = number(cell(unit)?)?;
            Some(format!("{unit} = {number}"))
        })
        .collect();
    if !units.is_empty() {
        entry.set("capacity", format!("{{ {} }}", units.join(", ")), "columns of capacity");
    }
}

fn number(word: &str) -> Option<f64> {
    word.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
}

/// Keys that the file has for nodes or for services only.
fn allowed(table: &str, key: &str) -> bool {
    match key {
        "provider" => table == "node",
        "description" | "criticality" | "workaround" | "names" | "ports" => table == "service",
        _ => true,
    }
}

fn split(cell: &str) -> Vec<&str> {
    cell.split([' ', ';']).filter(|part| !part.is_empty()).collect()
}

/// Rows of cells, each with the line that it begins in.
struct Rows<'t> {
    text: &'t str,
    line: usize,
}

impl Iterator for Rows<'_> {
    type Item = Result<(usize, Vec<String>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.text.is_empty() {
            return None;
        }
        let line = self.line;
        let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
        let mut characters = self.text.char_indices().peekable();
        let mut end = self.text.len();
        while let Some((at, character)) = characters.next() {
            self.line += usize::from(character == '\n');
            match (character, quoted) {
                ('"', true) if characters.peek().is_some_and(|&(_, next)| next == '"') => {
                    characters.next();
                    cell.push('"');
                }
                ('"', true) => quoted = false,
                ('"', false) if cell.is_empty() => quoted = true,
                (',', false) => cells.push(std::mem::take(&mut cell)),
                ('\n', false) => {
                    end = at + 1;
                    break;
                }
                ('\r', false) => {}
                (other, _) => cell.push(other),
            }
            if cells.len() > MAXIMUM_COLUMNS {
                let message = format!("more than {MAXIMUM_COLUMNS} columns");
                self.text = "";
                return Some(Err(Error::Syntax { line, message }));
            }
        }
        self.text = self.text.get(end..).unwrap_or_default();
        if quoted {
            self.text = "";
            return Some(Err(Error::Syntax { line, message: "a quoted cell has no end".to_owned() }));
        }
        cells.push(cell);
        Some(Ok((line, cells)))
    }
}
