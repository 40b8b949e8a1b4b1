//! The reference of the file as Markdown, printed from the tables that the reader works with.

use std::fmt::Write as _;

use crate::schema::{Key, Kind, SECTIONS, VECTOR_NAMES};

const INTRODUCTION: &str = "\
# The institution file

<!-- Generated from the code. To regenerate: UPDATE_REFERENCE=1 cargo test -p institution reference -->

One TOML file says what is protected, who runs it and what needs what. `hemicycle check FILE` reads it and
reports everything that is wrong in one go, each with its line, its column and the text it is about.
`data/institution/examplia.toml` is a complete example.

Tables may stand in any order, and everything may be used before it is declared. Unknown keys are refused. Names
(`NAME` below) consist of ASCII letters, digits, `-`, `_` and `.`; a name with a dot must be quoted. An IPv4-mapped
IPv6 address is refused wherever an address may stand.
";

/// The reference as Markdown: every table and key with its type, its default and its meaning.
pub fn reference() -> String {
    let mut output = String::from(INTRODUCTION);
    for section in SECTIONS {
        // Writing to a string does not fail.
        let _ = write!(output, "\n## `{}`\n\n{}\n\n", section.path, section.doc);
        output.push_str("| key | value | default | meaning |\n|---|---|---|---|\n");
        for key in section.keys {
            output.push_str(&row(key));
        }
        for key in section.keys {
            output.push_str(&words(key));
        }
    }
    output.push_str("\n## Limits\n\n");
    for (limit, value) in limits() {
        let _ = writeln!(output, "- {limit}: {value}");
    }
    output.push_str("\n## Vector names\n\nFor `vectors` of a mute:\n");
    let names: Vec<String> = VECTOR_NAMES.iter().map(|name| format!("`{name}`")).collect();
    let _ = writeln!(output, "{}.", names.join(", "));
    output
}

fn row(key: &Key) -> String {
    let value = match key.kind {
        Kind::Is(what) => what,
        Kind::OneOf(_) => "word, see below",
    };
    let default = match key.default {
        None => "must be there".to_owned(),
        Some("") => String::new(),
        Some(default) => default.to_owned(),
    };
    format!("| `{}` | {value} | {default} | {} |\n", key.name, key.doc)
}

fn words(key: &Key) -> String {
    let Kind::OneOf(words) = key.kind else { return String::new() };
    let mut output = format!("\nWords for `{}`:\n\n", key.name);
    for (word, meaning) in words() {
        let _ = writeln!(output, "- `{word}`: {meaning}");
    }
    output
}

fn limits() -> [(&'static str, usize); 10] {
    [
        ("bytes of the file", crate::MAXIMUM_FILE_BYTES),
        (
            "organisations, zones, nodes, services, groups, exporters, shared causes, each",
            crate::MAXIMUM_ITEMS,
        ),
        ("characters of a name", crate::MAXIMUM_NAME_CHARACTERS),
        ("characters of a text", crate::MAXIMUM_TEXT_CHARACTERS),
        ("nesting of a needs expression", crate::MAXIMUM_NEEDS_DEPTH),
        ("names in a needs expression", crate::MAXIMUM_NEEDS_ELEMENTS),
        ("services that share an address", crate::MAXIMUM_SERVICES_PER_ADDRESS),
        ("targets with settings", crate::MAXIMUM_TARGET_SETTINGS),
        ("shortest IPv4 prefix on the allow list", crate::SHORTEST_ALLOWED_IPV4 as usize),
        ("shortest IPv6 prefix on the allow list", crate::SHORTEST_ALLOWED_IPV6 as usize),
    ]
}
