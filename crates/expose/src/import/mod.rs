//! Proposals for an institution file from what other tools know: each line with its reason, none taken in by itself.
//!
//! A reader of a format fills a [`Draft`]; [`Draft::text`] prints it as lines of an institution file. What a source does not
//! say is left out, or stands there as a comment where the file must have it: nothing is guessed. References that
//! would make needs go in a circle are left out and said so.
//!
//! # Limits
//! [`MAXIMUM_BYTES`] of input; [`MAXIMUM_ENTRIES`] entries, [`MAXIMUM_NOTES`] notes, text of a source cut to
//! [`MAXIMUM_TEXT`] characters; the rest is counted. What is bad or not understood is skipped and counted, with the first
//! [`MAXIMUM_EXAMPLES`] of each reason as examples, and the rest is kept.

mod csv;
mod draft;
mod netbox;
mod nftables;
mod nmap;
mod proxy;
mod text;
mod threagile;
mod yaml;

pub use draft::{Draft, Entry, MAXIMUM_ENTRIES, MAXIMUM_EXAMPLES, MAXIMUM_NOTES, MAXIMUM_TEXT, Setting};

/// Most bytes of an input.
pub const MAXIMUM_BYTES: usize = 16 << 20;

/// A format that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A model of Threagile, YAML.
    Threagile,
    /// What `nft list ruleset` prints.
    Nftables,
    /// A configuration of HAProxy.
    Haproxy,
    /// A configuration of nginx, as `nginx -T` prints it.
    Nginx,
    /// The XML output of nmap (`-oX`).
    Nmap,
    /// A table with a heading, separated by commas.
    Csv,
    /// Answers of NetBox's API, JSON.
    Netbox,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Threagile, Self::Nftables, Self::Haproxy, Self::Nginx, Self::Nmap, Self::Csv, Self::Netbox];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Threagile => "threagile",
            Self::Nftables => "nftables",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Nmap => "nmap",
            Self::Csv => "csv",
            Self::Netbox => "netbox",
        }
    }
}

/// Why nothing can be made of an input.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// It is larger than [`MAXIMUM_BYTES`].
    #[error("the input has more than {MAXIMUM_BYTES} bytes; cut it to what concerns the institution")]
    TooLong,
    /// It is not text.
    #[error("the byte at offset {0} is not UTF-8")]
    NotText(usize),
    /// It is not in the format.
    #[error("line {line}: {message}")]
    Syntax {
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// It is in the format, but there is nothing in it of which a line could be made.
    #[error("there is nothing in it that belongs into an institution file: {0}")]
    Nothing(&'static str),
}

/// Reads an input.
///
/// # Errors
/// When it is too long, no text, not in the format, or holds nothing of use.
pub fn read(format: Format, bytes: &[u8]) -> Result<Draft, Error> {
    if bytes.len() > MAXIMUM_BYTES {
        return Err(Error::TooLong);
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| Error::NotText(error.valid_up_to()))?;
    let mut draft = Draft::default();
    match format {
        Format::Threagile => threagile::read(text, &mut draft)?,
        Format::Nftables => nftables::read(text, &mut draft),
        Format::Haproxy => proxy::haproxy(text, &mut draft),
        Format::Nginx => proxy::nginx(text, &mut draft),
        Format::Nmap => nmap::read(text, &mut draft)?,
        Format::Csv => csv::read(text, &mut draft)?,
        Format::Netbox => netbox::read(text, &mut draft)?,
    }
    if draft.entries().is_empty() {
        return Err(Error::Nothing(expected(format)));
    }
    draft.finish();
    Ok(draft)
}

const fn expected(format: Format) -> &'static str {
    match format {
        Format::Threagile => "no technical_assets or trust_boundaries",
        Format::Nftables => "no rule that accepts traffic between interfaces or addresses",
        Format::Haproxy => "no frontend, listen or backend",
        Format::Nginx => "no server or upstream",
        Format::Nmap => "no host with an open port",
        Format::Csv => "no row with a name",
        Format::Netbox => "no device, virtual machine, prefix or circuit",
    }
}

#[cfg(test)]
mod tests;
