//! What can be typed of `hemicycle foresee`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ColorArgument;

/// Say how likely it is to be a target, whether we are on a list, and how good that was so far
///
/// Works from files alone: a folder of lists and events (docs/foresee.md has its form), and a store of what was imported. Nothing is
/// filtered and nothing is sent; only `intel fetch`, `intel feed https://…` and `import https://…` open a connection, to the server that they are told.
#[derive(Debug, Args)]
#[command(after_long_help = FORESEE_EXAMPLES)]
pub(crate) struct ForeseeArguments {
    #[command(subcommand)]
    pub(crate) task: ForeseeTask,
}

const FORESEE_EXAMPLES: &str = "\
Examples:
  hemicycle foresee outlook --data data/foresee --institution data/institution/examplia.toml --at 2023-12-14T07:30 \\
    --list data/foresee/ddosia/list-2023-12-14-redacted.json@2023-12-14T07:20
  hemicycle foresee backtest --data data/foresee
  hemicycle foresee import --store store list.json agenda.ics indicators.csv
  hemicycle foresee calendar --data data/foresee --store store --scenarios data/foresee/election-guidelines.json
  hemicycle foresee scorecard --data data/foresee --store store

What a number is worth stands beside it. First strikes are mostly not foreseen; a list that names us is a fact.";

#[derive(Debug, Subcommand)]
pub(crate) enum ForeseeTask {
    Outlook(OutlookArguments),
    Backtest(BacktestArguments),
    Import(ImportArguments),
    Scorecard(ScorecardArguments),
    Calendar(CalendarArguments),
    Intel(IntelArguments),
}

/// Tell the outlook of a moment
#[derive(Debug, Args)]
pub(crate) struct OutlookArguments {
    #[command(flatten)]
    pub(crate) known: KnownArguments,
    #[command(flatten)]
    pub(crate) who: WhoArguments,
    /// The moment: a date, or a date and a time (of the institution's zone unless it says one); default: now
    #[arg(long, visible_alias = "date", value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// A list of targets, and when it was seen: FILE@TIME; can be repeated
    #[arg(long, value_name = "FILE[@TIME]")]
    pub(crate) list: Vec<String>,
    /// Claims of actors (CSV: date, actor, country, target); can be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) claims: Vec<PathBuf>,
    /// Own incidents and drills (CSV: date, kind, degraded, note)
    #[arg(long, value_name = "FILE")]
    pub(crate) incidents: Option<PathBuf>,
    /// Keep the numbers in the store, to be graded later
    #[arg(long, requires = "store")]
    pub(crate) issue: bool,
    /// What the analyst thinks of the next three days, in percent: kept and graded beside the model
    #[arg(long, value_name = "PERCENT", requires = "issue", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) analyst: Option<u8>,
    /// Print JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) color: ColorArgument,
}

/// What is known.
#[derive(Debug, Args)]
pub(crate) struct KnownArguments {
    /// The folder of lists and events
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// The store of what was imported and issued
    #[arg(long, value_name = "FOLDER")]
    pub(crate) store: Option<PathBuf>,
}

/// For whom.
#[derive(Debug, Args)]
pub(crate) struct WhoArguments {
    /// What is ours (TOML; see `hemicycle check`)
    #[arg(long, value_name = "FILE")]
    pub(crate) institution: Option<PathBuf>,
    /// The country's two letters, or `eu`; default: the institution's country
    #[arg(long, value_name = "PLACE")]
    pub(crate) place: Option<String>,
    /// What kind of house it is; default: what the institution file says
    #[arg(long, value_enum)]
    pub(crate) house: Option<House>,
}

/// Kinds of houses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum House {
    /// A parliament
    Parliament,
    /// Anything else
    Other,
}

/// Forecast every day of the past with what was known on its morning, and grade it
#[derive(Debug, Args)]
pub(crate) struct BacktestArguments {
    /// The folder of lists and events
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: PathBuf,
    /// The first day that is graded; default: a year after the first list
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<String>,
    /// Count any host of a country, not only those of public institutions
    #[arg(long)]
    pub(crate) any: bool,
    /// Print JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) color: ColorArgument,
}

/// Take up lists, claims, calendars and indicators
///
/// What a file is is found from its content: lists of targets (JSON of DDoSia, JSON, CSV), claims (CSV with an actor), ICS, votes of HowTheyVote, events, STIX
/// 2.1, MISP events, CSV of indicators. What was there stays.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// Files, or addresses that begin with https://
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Where to keep it; made if it is missing
    #[arg(long, value_name = "FOLDER")]
    pub(crate) store: PathBuf,
    /// When a list, a calendar or an undated indicator was seen; default: now
    #[arg(long, value_name = "TIME")]
    pub(crate) time: Option<String>,
    /// Whose list it is
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) actor: String,
    /// Whom a calendar is about: a country's two letters, `eu` or `own`
    #[arg(long, value_name = "PLACE", default_value = "own")]
    pub(crate) scope: String,
    /// How what carries no marking may be given on
    #[arg(long, value_name = "TLP", default_value = "TLP:AMBER+STRICT", value_parser = tlp)]
    pub(crate) unmarked: intel::tlp::Tlp,
    /// Look whether anything of this institution is on the lists
    #[arg(long, value_name = "FILE")]
    pub(crate) institution: Option<PathBuf>,
    /// Print JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) color: ColorArgument,
}

/// Grade the forecasts that were issued
#[derive(Debug, Args)]
pub(crate) struct ScorecardArguments {
    #[command(flatten)]
    pub(crate) known: KnownArguments,
    #[command(flatten)]
    pub(crate) who: WhoArguments,
    /// Print JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) color: ColorArgument,
}

/// Show what is coming, and what to prepare
#[derive(Debug, Args)]
pub(crate) struct CalendarArguments {
    #[command(flatten)]
    pub(crate) known: KnownArguments,
    #[command(flatten)]
    pub(crate) who: WhoArguments,
    /// From this day on; default: today
    #[arg(long, visible_alias = "date", value_name = "DATE")]
    pub(crate) at: Option<String>,
    /// So many days
    #[arg(long, value_name = "DAYS", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=3660))]
    pub(crate) days: u16,
    /// Scenarios of elections (JSON in the form of the MISP galaxy): what to prepare where an election is near
    #[arg(long, value_name = "FILE")]
    pub(crate) scenarios: Option<PathBuf>,
    /// Print JSON, one object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) color: ColorArgument,
}

/// Fetch, match and give on indicators and profiles
#[derive(Debug, Args)]
pub(crate) struct IntelArguments {
    #[command(subcommand)]
    pub(crate) task: IntelTask,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IntelTask {
    /// Write what an audience may see, and say how much was withheld
    Export {
        /// The store
        #[arg(long, value_name = "FOLDER")]
        store: PathBuf,
        /// Whom it is for: public, community, clients or organisation
        #[arg(long = "for", value_name = "AUDIENCE", value_parser = audience)]
        audience: intel::tlp::Audience,
        /// In which form
        #[arg(long, value_enum, default_value_t = Form::Stix)]
        form: Form,
    },
    /// Look for indicators in lines of text: addresses, names and URLs, separated by spaces or commas
    Match {
        /// The store
        #[arg(long, value_name = "FOLDER")]
        store: PathBuf,
        /// Files; `-` is standard input
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// What must never become a rule: the institution's own networks and names
        #[arg(long, value_name = "FILE")]
        institution: Option<PathBuf>,
        /// Warning lists in MISP's form; can be repeated
        #[arg(long, value_name = "FILE")]
        warnings: Vec<PathBuf>,
        /// Who reads what is printed; what may not reach them is only counted, and what is red is printed for nobody
        #[arg(long = "for", value_name = "AUDIENCE", value_parser = audience, default_value = "organisation")]
        audience: intel::tlp::Audience,
        /// The moment by which worth is judged; default: now
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        #[command(flatten)]
        color: ColorArgument,
    },
    /// Get what is new in a collection of a TAXII 2.1 server
    Fetch {
        /// The URL of the collection: https://…/collections/ID
        #[arg(value_name = "URL")]
        url: String,
        /// The store
        #[arg(long, value_name = "FOLDER")]
        store: PathBuf,
        /// A file with what follows `Authorization:`, readable by its owner alone
        #[arg(long, value_name = "FILE")]
        authorization: Option<PathBuf>,
        /// Believe the certificates of this file instead of the system's
        #[arg(long, value_name = "FILE")]
        ca_file: Option<PathBuf>,
        /// Take http:// too
        #[arg(long)]
        allow_plain: bool,
        /// For each answer of the server
        #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=3600))]
        timeout: u16,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take up what is new in a MISP feed: a folder, or an address, with a manifest.json and its events
    ///
    /// An event is taken again when the manifest says that it changed. A broken one costs itself; what could not be got is asked for
    /// again the next time, and the command exits with 1.
    Feed {
        /// The folder, or the address: https://…, without manifest.json
        #[arg(value_name = "FEED")]
        source: String,
        /// The store
        #[arg(long, value_name = "FOLDER")]
        store: PathBuf,
        /// Believe the certificates of this file instead of the system's
        #[arg(long, value_name = "FILE")]
        ca_file: Option<PathBuf>,
        /// Take http:// too
        #[arg(long)]
        allow_plain: bool,
        /// For each answer of the server
        #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=3600))]
        timeout: u16,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write a MISP feed of what an audience may see: a manifest and an event for each marking
    WriteFeed {
        /// The store
        #[arg(long, value_name = "FOLDER")]
        store: PathBuf,
        /// Whom it is for: public, community, clients or organisation
        #[arg(long = "for", value_name = "AUDIENCE", value_parser = audience)]
        audience: intel::tlp::Audience,
        /// Where it is written; made if it is missing. Events of an earlier feed there that are no part of it any more are taken away
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
        /// Whose feed it is
        #[arg(long, value_name = "NAME", default_value = "Hemicycle")]
        organisation: String,
    },
    /// Show adversaries, each statement with source and date
    Profiles {
        /// A file of profiles
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Names of techniques (tab-separated: id, name), such as data/disarm/techniques.tsv; can be repeated
        #[arg(long, value_name = "FILE")]
        techniques: Vec<PathBuf>,
        /// Whom it is for
        #[arg(long = "for", value_name = "AUDIENCE", value_parser = audience, default_value = "organisation")]
        audience: intel::tlp::Audience,
        /// Print JSON, one object a line
        #[arg(long)]
        json: bool,
    },
}

/// Forms of an export.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Form {
    /// A bundle of STIX 2.1
    Stix,
    /// An event of MISP
    Misp,
    /// A table
    Csv,
}

fn tlp(text: &str) -> Result<intel::tlp::Tlp, String> {
    intel::tlp::Tlp::of(text).ok_or_else(|| "one of clear, green, amber, amber+strict, red".to_owned())
}

fn audience(text: &str) -> Result<intel::tlp::Audience, String> {
    intel::tlp::Audience::of(text).ok_or_else(|| "one of public, community, clients, organisation".to_owned())
}
