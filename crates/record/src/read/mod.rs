//! The questions that readers ask, in SQL.

pub(crate) mod entries;
pub(crate) mod floods;
pub(crate) mod other;
pub(crate) mod points;

use rusqlite::types::Value;

use crate::{Filter, Page};

/// Most items of a page.
pub(crate) const MAXIMUM_PAGE: usize = 1000;
/// Words that are looked for, and their length.
const MAXIMUM_WORDS: usize = 8;
const MAXIMUM_WORD_BYTES: usize = 128;

/// Conditions that all must hold, with their values.
#[derive(Default)]
pub(crate) struct Where {
    parts: Vec<String>,
    pub(crate) values: Vec<Value>,
}

impl Where {
    /// A condition; `?` in it stands for the value.
    pub(crate) fn and(&mut self, part: &str, value: impl Into<Value>) {
        self.parts.push(part.to_owned());
        self.values.push(value.into());
    }

    /// A condition of two values.
    pub(crate) fn and_two(&mut self, part: &str, values: [Value; 2]) {
        self.parts.push(part.to_owned());
        self.values.extend(values);
    }

    /// A condition without a value.
    pub(crate) fn plain(&mut self, part: &str) {
        self.parts.push(part.to_owned());
    }

    /// Only what one of these organisations may see.
    pub(crate) fn organisations(&mut self, organisations: Option<&[String]>) {
        let Some(organisations) = organisations else { return };
        let each = organisations.iter().map(|_| "instr(organisations, ?) > 0").collect::<Vec<_>>();
        // Nobody's list is nothing at all.
        self.parts.push(if each.is_empty() { "0".to_owned() } else { format!("({})", each.join(" OR ")) });
        self.values.extend(organisations.iter().map(|name| Value::from(barred(name))));
    }

    /// All words of a text, in lower case, are in the column.
    pub(crate) fn words(&mut self, column: &str, text: Option<&str>) {
        let text = text.unwrap_or_default().to_lowercase();
        for word in text.split_whitespace().take(MAXIMUM_WORDS) {
            let end = (0..=MAXIMUM_WORD_BYTES.min(word.len())).rev().find(|end| word.is_char_boundary(*end));
            let word = word.get(..end.unwrap_or(0)).unwrap_or_default();
            self.and(&format!("instr({column}, ?) > 0"), word.to_owned());
        }
    }

    /// The text behind `WHERE`.
    pub(crate) fn text(&self) -> String {
        if self.parts.is_empty() { "1".to_owned() } else { self.parts.join(" AND ") }
    }
}

/// A name as it stands in a list.
pub(crate) fn barred(name: &str) -> String {
    format!("|{}|", name.replace('|', "_"))
}

/// How many are asked for.
pub(crate) fn limit(page: &Page) -> usize {
    page.limit.clamp(1, MAXIMUM_PAGE)
}

/// What entries and floods are filtered by alike.
pub(crate) fn common(filter: &Filter, conditions: &mut Where) {
    conditions.organisations(filter.organisations.as_deref());
    if let Some(service) = &filter.service {
        conditions.and("instr(services, ?) > 0", barred(service));
    }
}
