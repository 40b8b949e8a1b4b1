//! Tables as text (RFC 4180): a header, then rows; quotes may hold commas and line ends.
//!
//! A row that does not fit is skipped and counted, with its line; the rest is kept. Whatever writes a table writes it with [`row`].

use std::collections::BTreeMap;

/// Longest text of one field; what is beyond it is cut off.
pub const MAXIMUM_FIELD_BYTES: usize = 1 << 16;
/// Most columns of a table.
pub const MAXIMUM_COLUMNS: usize = 256;

/// A table whose text is held by the caller.
#[derive(Debug, Clone)]
pub struct Table<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    separator: u8,
    columns: BTreeMap<String, usize>,
    width: usize,
    /// Rows that had another number of fields than the header.
    pub skipped: usize,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line on which it begins, counted from 1.
    pub line: usize,
    fields: Vec<String>,
}

impl<'a> Table<'a> {
    /// A table that begins with its header; nothing if there is none.
    #[must_use]
    pub fn new(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let first = text.lines().next()?;
        let separator = [b',', b';', b'\t']
            .into_iter()
            .max_by_key(|separator| first.bytes().filter(|byte| byte == separator).count())?;
        let mut table =
            Self { text, at: 0, line: 1, separator, columns: BTreeMap::new(), width: 0, skipped: 0 };
        let header = table.read()?;
        table.width = header.fields.len();
        for (number, name) in header.fields.into_iter().enumerate() {
            table.columns.entry(name.trim().to_ascii_lowercase()).or_insert(number);
        }
        Some(table)
    }

    /// Whether the header has this column.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.columns.contains_key(name)
    }

    /// The field of a row under a column; empty if the column is not there.
    #[must_use]
    pub fn get<'r>(&self, row: &'r Row, name: &str) -> &'r str {
        let number = self.columns.get(name).copied();
        number.and_then(|number| row.fields.get(number)).map_or("", |field| field.trim())
    }

    /// The next row that has as many fields as the header.
    pub fn next_row(&mut self) -> Option<Row> {
        loop {
            let row = self.read()?;
            if row.fields.len() == self.width {
                return Some(row);
            }
            let empty =
                row.fields.len() == 1 && row.fields.first().is_some_and(|field| field.trim().is_empty());
            self.skipped += usize::from(!empty);
        }
    }

    fn read(&mut self) -> Option<Row> {
        let bytes = self.text.as_bytes();
        if self.at >= bytes.len() {
            return None;
        }
        let line = self.line;
        let mut fields = Vec::new();
        loop {
            let (field, ends) = self.field(bytes);
            if fields.len() < MAXIMUM_COLUMNS {
                fields.push(field);
            }
            if ends {
                return Some(Row { line, fields });
            }
        }
    }

    /// One field, and whether the row ends behind it.
    fn field(&mut self, bytes: &[u8]) -> (String, bool) {
        let mut field = Vec::new();
        let mut quoted = bytes.get(self.at) == Some(&b'"');
        self.at += usize::from(quoted);
        while let Some(&byte) = bytes.get(self.at) {
            self.at += 1;
            self.line += usize::from(byte == b'\n');
            match byte {
                b'"' if quoted && bytes.get(self.at) == Some(&b'"') => {
                    self.at += 1;
                    push(&mut field, byte);
                }
                b'"' if quoted => quoted = false,
                b'\n' if !quoted => {
                    if field.last() == Some(&b'\r') {
                        field.pop();
                    }
                    return (text(field), true);
                }
                byte if byte == self.separator && !quoted => return (text(field), false),
                byte => push(&mut field, byte),
            }
        }
        (text(field), true)
    }
}

/// A row as text with its end: every field in quotes, and line ends in them as blanks, so that a row is a line.
#[must_use]
pub fn row(fields: &[&str]) -> String {
    let quoted = |field: &&str| format!("\"{}\"", field.replace('"', "\"\"").replace(['\n', '\r'], " "));
    let mut text = fields.iter().map(quoted).collect::<Vec<_>>().join(",");
    text.push('\n');
    text
}

fn push(field: &mut Vec<u8>, byte: u8) {
    if field.len() < MAXIMUM_FIELD_BYTES {
        field.push(byte);
    }
}

fn text(field: Vec<u8>) -> String {
    // Only a field that was cut within a character is not UTF-8 any more.
    String::from_utf8(field).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotes_hold_separators_quotes_and_lines() {
        let text = "\u{feff}Date,title\r\n2024-01-01,\"a, \"\"b\"\"\nc\"\nshort\n2024-01-02,d";
        let mut table = Table::new(text).unwrap();
        let row = table.next_row().unwrap();
        assert_eq!(
            (row.line, table.get(&row, "date"), table.get(&row, "title")),
            (2, "2024-01-01", "a, \"b\"\nc")
        );
        let row = table.next_row().unwrap();
        assert_eq!((row.line, table.get(&row, "title"), table.get(&row, "none")), (5, "d", ""));
        assert!(table.next_row().is_none());
        assert_eq!(table.skipped, 1);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(fields in prop::collection::vec(prop::collection::vec("[ -~\n]{0,8}", 3), 0..6)) {
            let write = |fields: &Vec<String>| row(&fields.iter().map(String::as_str).collect::<Vec<_>>());
            let text = format!("a,b,c\n{}", fields.iter().map(write).collect::<String>());
            prop_assert_eq!(text.lines().count(), fields.len() + 1, "a row is a line");
            let mut table = Table::new(&text).unwrap();
            for row in &fields {
                let read = table.next_row().unwrap();
                let wanted: Vec<String> = row.iter().map(|field| field.replace('\n', " ")).collect();
                prop_assert_eq!(&read.fields, &wanted);
            }
            prop_assert!(table.next_row().is_none());
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,200}") {
            if let Some(mut table) = Table::new(&text) {
                while table.next_row().is_some() {}
            }
        }
    }
}
