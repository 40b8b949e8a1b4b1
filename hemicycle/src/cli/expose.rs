//! `hemicycle expose` and `hemicycle import`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::ColorArgument;

/// Show single points of failure, and what a flood outside takes down inside
///
/// Works out from an institution file what stops each service, alone or together with others, which flood on a public
/// service takes down what else and at which size, and what is not kept apart. With flows it says what crosses between
/// zones although no conduit allows it, and what seems to depend on what. Nothing that the file does not say is guessed.
#[derive(Debug, Args)]
#[command(after_long_help = EXPOSE_EXAMPLES)]
pub(crate) struct ExposeArguments {
    /// The institution file (TOML); `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print JSON, one object a line: each cut set, coupling, capacity, rule and fix; the last line is the summary
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a report with the picture, to be opened in a browser and printed
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Compare with what was seen: captures and flow exports, as for `replay`; can be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) flows: Vec<PathBuf>,
    /// Look for flow exports at this UDP port, instead of 2055, 4739, 6343, 9995 and 9996; can be repeated
    #[arg(long = "flow-port", value_name = "PORT", value_delimiter = ',',
          value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) flow_ports: Vec<u16>,
    /// Show only what is different from this earlier version of the file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["what_if", "html"])]
    pub(crate) against: Option<PathBuf>,
    /// Show only what a change would make different: `second:NAME`, `split:NAME:SERVICE,...`, `apart:NAME:CAUSE`,
    /// `capacity:NAME:UNIT=NUMBER`, `need:NAME:ELEMENT`; can be repeated
    #[arg(long = "what-if", value_name = "CHANGE", conflicts_with = "html")]
    pub(crate) what_if: Vec<expose::Change>,
    #[command(flatten)]
    pub(crate) color: ColorArgument,
}

const EXPOSE_EXAMPLES: &str = "\
Examples:
  hemicycle expose data/institution/examplia.toml
  hemicycle expose institution.toml --html exposure.html
  hemicycle expose institution.toml --json | jq 'select(.kind == \"coupling\")'
  hemicycle expose institution.toml --what-if second:directory
  hemicycle expose institution.toml --against last-year.toml
  hemicycle expose institution.toml --flows netflow.pcap

Cut sets of up to three elements are looked for; where there can be larger ones it is said.";

/// Propose lines of an institution file from what other tools know
///
/// Prints lines of an institution file, each with the reason why it is proposed, for a person to judge. Nothing is taken
/// in by itself, and what the source does not say stays open.
#[derive(Debug, Args)]
#[command(after_long_help = IMPORT_EXAMPLES)]
pub(crate) struct ImportArguments {
    /// What the file is
    #[arg(value_enum, value_name = "KIND")]
    pub(crate) kind: ImportKind,
    /// The file to read; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print a whole file for an institution of this name, not only lines to be added to one
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Print JSON, one proposed table a line; the last line is the summary
    #[arg(long)]
    pub(crate) json: bool,
}

const IMPORT_EXAMPLES: &str = "\
Examples:
  hemicycle import csv services.csv --name 'Parliament of Examplia' > institution.toml
  hemicycle import threagile threagile.yaml
  nft list ruleset | hemicycle import nftables -
  hemicycle import haproxy /etc/haproxy/haproxy.cfg
  nginx -T | hemicycle import nginx -
  hemicycle import nmap scan.xml
  hemicycle import netbox devices.json

The columns of a CSV table and what is read of each format are in docs/expose.md.";

/// Formats that can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportKind {
    /// A table with a heading, separated by commas
    Csv,
    /// A model of Threagile (YAML)
    Threagile,
    /// What `nft list ruleset` prints
    Nftables,
    /// A configuration of HAProxy
    Haproxy,
    /// A configuration of nginx, as `nginx -T` prints it
    Nginx,
    /// The XML output of nmap (`-oX`)
    Nmap,
    /// Answers of NetBox's API (JSON)
    Netbox,
}

impl ImportKind {
    pub(crate) const fn format(self) -> expose::import::Format {
        use expose::import::Format;
        match self {
            Self::Csv => Format::Csv,
            Self::Threagile => Format::Threagile,
            Self::Nftables => Format::Nftables,
            Self::Haproxy => Format::Haproxy,
            Self::Nginx => Format::Nginx,
            Self::Nmap => Format::Nmap,
            Self::Netbox => Format::Netbox,
        }
    }
}
