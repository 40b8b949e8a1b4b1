//! What can be typed. Help, man pages and shell completions are all made from these definitions.

mod expose;
mod foresee;
mod notify;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use wire::web::Format;

pub(crate) use self::expose::{ExposeArguments, ImportArguments};
pub(crate) use foresee::{
    BacktestArguments, CalendarArguments, ForeseeArguments, ForeseeTask, Form, House,
    ImportArguments as IntelligenceArguments, IntelTask, KnownArguments, OutlookArguments,
    ScorecardArguments, WhoArguments,
};
pub(crate) use notify::{NotifyArguments, NotifyTask};

const AFTER_HELP: &str = "\
Exit codes:
  0  done, whatever was found
  1  an input or the configuration is unusable
  2  wrong usage";

/// Finds floods aimed at parliaments, ministries, parties and election authorities, in captures and flow exports.
#[derive(Debug, Parser)]
#[command(name = "hemicycle", version, propagate_version = true, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(CheckArguments),
    Expose(ExposeArguments),
    Import(ImportArguments),
    Replay(ReplayArguments),
    Learn(LearnArguments),
    Serve(ServeArguments),
    Doctor(DoctorArguments),
    User(UserArguments),
    Notify(NotifyArguments),
    Ledger(LedgerArguments),
    Foresee(ForeseeArguments),
    Demo(DemoArguments),
    #[command(hide = true)]
    Generate(GenerateArguments),
}

/// Check an institution file
///
/// Reads the file, says everything that is wrong with it in one go, each with line, column and a mark under the
/// text, and sums it up if it is fine.
#[derive(Debug, Args)]
#[command(after_long_help = CHECK_EXAMPLES)]
pub(crate) struct CheckArguments {
    /// The institution file (TOML); `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print JSON, one object a line: each problem, or the summary
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) color: ColorArgument,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  hemicycle check data/institution/examplia.toml
  hemicycle check --json institution.toml | jq .counts";

/// Find floods in captures, flow exports and access logs
///
/// Reads any mix of captures of a mirror port (pcap, pcapng), captures of flow exports, dumps of export
/// datagrams (NetFlow v5 and v9, IPFIX, sFlow v5) and access logs, plain or compressed with gzip, on one time line. What a
/// file is is found from its content. Without an institution file every destination is protected.
#[derive(Debug, Args)]
#[command(after_long_help = REPLAY_EXAMPLES)]
pub(crate) struct ReplayArguments {
    /// Files to read; `-` is standard input
    #[arg(value_name = "INPUT", required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// What is protected, and which exporters report it (TOML; see `hemicycle check`)
    #[arg(long, value_name = "FILE")]
    pub(crate) institution: Option<PathBuf>,
    /// Judge by what was learnt and is kept in this folder (see `hemicycle learn`); nothing is written there
    #[arg(long, value_name = "FOLDER", requires = "institution")]
    pub(crate) baselines: Option<PathBuf>,
    /// Ask for less, as in a window of the calendar (`watch`, three quarters of the floors) or while something of ours is on a list of
    /// targets (`ready`, half of them): see docs/foresee.md
    #[arg(long, value_enum, value_name = "STATE")]
    pub(crate) readiness: Option<Readiness>,
    /// Hash under the key of a service, which it keeps in this file, instead of the published one: events have the
    /// same `id` and figures as those that the service told
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Print events as JSON, one object a line; the last line is the summary
    #[arg(long)]
    pub(crate) json: bool,
    /// Play at this many times real time; `max` does not wait
    #[arg(long, value_name = "max|N", default_value = "max", value_parser = speed)]
    pub(crate) speed: Speed,
    /// Look for flow exports at this UDP port, instead of 2055, 4739, 6343, 9995 and 9996; can be repeated
    #[arg(long = "flow-port", value_name = "PORT", value_delimiter = ',',
          value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) flow_ports: Vec<u16>,
    /// Read access logs in this format, where it is not recognised: a string as in nginx's log_format or Apache's
    /// LogFormat, `tsv` or `csv` with the names of the columns, or a name (see docs/replay.md)
    #[arg(long, value_name = "TEXT", value_parser = log_format)]
    pub(crate) log_format: Option<Format>,
    /// Show addresses of sources, which are personal data, instead of their networks; the purpose is written down
    /// in the output
    #[arg(long, value_name = "PURPOSE", value_parser = purpose)]
    pub(crate) show_addresses: Option<String>,
    #[command(flatten)]
    pub(crate) color: ColorArgument,
    /// Print no timeline and no progress, only the tables at the end
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// How ready to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Readiness {
    /// Something makes a flood likelier than usual.
    Watch,
    /// Something of ours is on a list.
    Ready,
}

const REPLAY_EXAMPLES: &str = "\
Examples:
  hemicycle replay mirror.pcap.gz
  hemicycle replay --institution institution.toml mirror.pcapng netflow.pcap
  hemicycle replay --json mirror.pcap | jq 'select(.kind == \"flood\" and .phase == \"start\")'
  ssh edge tcpdump -w - -i eth0 | hemicycle replay -
  hemicycle replay --log-format '$remote_addr [$time_local] \"$request\" $status $request_time' access.log
  hemicycle replay --show-addresses 'incident 2026-17, report to the CSIRT' mirror.pcap

Loss: where an input says that something was lost, figures from then on are lower bounds and say so.
Addresses of sources are shown as their /24 or /48 unless a purpose is given.";

/// Learn what is ordinary from captures and flow exports
///
/// Reads files as `replay` does, on one time line, learns what is ordinary for each target of the institution by
/// the hour of the week, and adds it to what the state folder of a service has. Floods in the files are found and not
/// learnt, except in the first minute of all. A service that starts with this folder knows its targets at once.
#[derive(Debug, Args)]
#[command(after_long_help = LEARN_EXAMPLES)]
pub(crate) struct LearnArguments {
    /// Files to read; `-` is standard input
    #[arg(value_name = "INPUT", required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// What is protected, and which exporters report it (TOML; see `hemicycle check`)
    #[arg(long, value_name = "FILE")]
    pub(crate) institution: PathBuf,
    /// Where what was learnt is kept: `state.folder` of a service; made if it is missing
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state: PathBuf,
    /// Print what was learnt as JSON, one target a line; the last line is the summary
    #[arg(long)]
    pub(crate) json: bool,
    /// Look for flow exports at this UDP port, instead of 2055, 4739, 6343, 9995 and 9996; can be repeated
    #[arg(long = "flow-port", value_name = "PORT", value_delimiter = ',',
          value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) flow_ports: Vec<u16>,
    #[command(flatten)]
    pub(crate) color: ColorArgument,
    /// Show no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

const LEARN_EXAMPLES: &str = "\
Examples:
  hemicycle learn --institution institution.toml --state /var/lib/hemicycle netflow-*.pcap.gz
  hemicycle learn --institution institution.toml --state state --json week.pcap | jq 'select(.kind == \"learnt\")'

Learn before the service starts, or while it is stopped: a running service has read the folder already, and writes
what it knows of its targets over it.";

/// Find floods as they come
///
/// Receives NetFlow v5 and v9, IPFIX and sFlow v5 of the exporters that the institution file declares, prints floods as
/// JSON on standard output, one object a line, and what a person wants to know on standard error. SIGHUP reads the
/// institution file again, SIGTERM stops.
#[derive(Debug, Args)]
#[command(after_long_help = SERVE_EXAMPLES)]
pub(crate) struct ServeArguments {
    /// What to listen on and what to protect (TOML; see docs/serve.md)
    #[arg(long, value_name = "FILE", required_unless_present = "print_config")]
    pub(crate) config: Option<PathBuf>,
    /// Print a configuration to begin with, every key explained, and end
    #[arg(long, conflicts_with_all = ["config", "check"])]
    pub(crate) print_config: bool,
    /// Check the configuration and the institution file, and end
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) color: ColorArgument,
    /// Print no floods on standard error
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

const SERVE_EXAMPLES: &str = "\
Examples:
  hemicycle serve --print-config > /etc/hemicycle/serve.toml
  hemicycle serve --config data/serve/examplia.toml --check
  hemicycle serve --config /etc/hemicycle/serve.toml > events.jsonl
  curl -s http://127.0.0.1:9464/metrics

Addresses of sources are shown as their /24 or /48 unless the configuration has a purpose.";

/// Let people back into the console
#[derive(Debug, Args)]
pub(crate) struct UserArguments {
    #[command(subcommand)]
    pub(crate) task: UserTask,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserTask {
    /// Make a one-time link with which somebody who has an account sets password and second factor anew
    Link {
        /// The name of the account
        #[arg(value_name = "NAME")]
        name: String,
        /// The configuration of the service (TOML; see docs/serve.md)
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        #[command(flatten)]
        color: ColorArgument,
    },
}

/// Look whether this machine is fit for the service
///
/// Reads the configuration of `serve` and compares what it asks for with what this machine grants: clock, receive buffers,
/// rights, ports, mirrors, logs, the state folder. Changes nothing and sends nothing. Exits with 1 if the service would not
/// start, or would see nothing.
#[derive(Debug, Args)]
#[command(after_long_help = DOCTOR_EXAMPLES)]
pub(crate) struct DoctorArguments {
    /// The configuration of the service (TOML; see docs/serve.md)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Print JSON, one finding a line; the last line is the summary
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) color: ColorArgument,
}

const DOCTOR_EXAMPLES: &str = "\
Examples:
  hemicycle doctor --config /etc/hemicycle/hemicycle.toml
  sudo -u hemicycle hemicycle doctor --config /etc/hemicycle/hemicycle.toml --json

Run it as the user that the service runs as, else rights and files are judged by yours.";

/// Play the bundled recorded day
///
/// Plays recordings that are part of this program, composed to a day of an invented parliament, through the same
/// pipeline as `replay`, and compares what was found with what is known to be in them.
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// End after the play
    #[arg(long)]
    pub(crate) exit: bool,
    /// Print events as JSON, one object a line; the last line is the summary
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) color: ColorArgument,
}

/// Check, export, copy and erase from the record of a service
///
/// The record is kept in the state folder of a service: everything that was observed, decided and done, and by whom, as a
/// chain of hashes. All of these work while the service runs.
#[derive(Debug, Args)]
#[command(after_long_help = LEDGER_EXAMPLES)]
pub(crate) struct LedgerArguments {
    #[command(subcommand)]
    pub(crate) task: LedgerTask,
}

const LEDGER_EXAMPLES: &str = "\
Examples:
  hemicycle ledger verify /var/lib/hemicycle/record --key-file /var/lib/hemicycle/key
  hemicycle ledger verify /var/lib/hemicycle/record --head 1234:9f86d081884c7d65…
  hemicycle ledger export /var/lib/hemicycle/record > ledger.jsonl
  hemicycle ledger backup /var/lib/hemicycle/record /mnt/backup/2026-11-27 --key-file /var/lib/hemicycle/key
  hemicycle ledger restore /mnt/backup/2026-11-27 /var/lib/hemicycle/record --key-file /var/lib/hemicycle/key

Write the head that `verify` prints down where nobody who can change the record can change it: against it, entries
that were cut off at the end are found.";

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerTask {
    /// Check that nothing was changed, removed, put in or moved; exits with 1 if something was
    Verify {
        /// The folder of the record, or an export
        #[arg(value_name = "RECORD")]
        record: PathBuf,
        /// A head that was written down earlier, NUMBER:HASH
        #[arg(long, value_name = "HEAD")]
        head: Option<record::Head>,
        /// Look for damage in the whole file, figures and floods too; it may have a hundred times as much of them
        #[arg(long)]
        whole: bool,
        #[command(flatten)]
        key: KeyArgument,
        /// Print JSON, one object a line
        #[arg(long)]
        json: bool,
    },
    /// Write the whole ledger as JSON, one entry a line, and the head as the last; addresses of persons are codes
    Export {
        /// The folder of the record
        #[arg(value_name = "RECORD")]
        record: PathBuf,
        /// Open the codes of persons' addresses, for this purpose, which is written into the ledger
        #[arg(long, value_name = "PURPOSE", value_parser = purpose, requires = "key_file", requires = "by")]
        show_addresses: Option<String>,
        /// Who asks, as written into the ledger
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        #[command(flatten)]
        key: KeyArgument,
    },
    /// Copy the record, while it is written too, into a new folder, and check the copy
    Backup {
        /// The folder of the record
        #[arg(value_name = "RECORD")]
        record: PathBuf,
        /// The folder to make
        #[arg(value_name = "COPY")]
        copy: PathBuf,
        #[command(flatten)]
        key: KeyArgument,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Check a copy and put it where there is no record
    Restore {
        /// The folder of the copy
        #[arg(value_name = "COPY")]
        copy: PathBuf,
        /// The folder of the record
        #[arg(value_name = "RECORD")]
        record: PathBuf,
        #[command(flatten)]
        key: KeyArgument,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Tell what is held about a person's address; that this was asked for is written into the ledger
    HeldAbout(PersonArguments),
    /// Erase a person's address; the chain is not touched, and what it holds instead leads nowhere any more
    Erase(PersonArguments),
}

/// What is done about one person's address.
#[derive(Debug, Args)]
pub(crate) struct PersonArguments {
    /// The folder of the record
    #[arg(value_name = "RECORD")]
    pub(crate) record: PathBuf,
    /// The address
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: std::net::IpAddr,
    /// What for, as written into the ledger
    #[arg(long, value_name = "TEXT", value_parser = purpose)]
    pub(crate) purpose: String,
    /// Who asks, as written into the ledger
    #[arg(long, value_name = "NAME")]
    pub(crate) by: String,
    /// The key file of the service
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct KeyArgument {
    /// The key file of the service: seals are checked too
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

/// Write a document that describes this command line to standard output.
#[derive(Debug, Args)]
pub(crate) struct GenerateArguments {
    #[command(subcommand)]
    pub(crate) document: Document,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Document {
    /// A man page in roff: of the program, or of one command
    Man {
        /// The command
        command: Option<String>,
    },
    /// The reference of the service's configuration, in Markdown
    Configuration,
    /// Completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ColorArgument {
    /// When to use colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    pub(crate) color: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

/// How fast a replay plays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Speed {
    /// Without waiting.
    Max,
    /// So many times real time.
    Times(f64),
}

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    match text.parse::<f64>() {
        Ok(times) if times.is_finite() && times > 0.0 => Ok(Speed::Times(times)),
        _ => Err("give `max` or a number above 0: 1 is real time".to_owned()),
    }
}

fn log_format(text: &str) -> Result<Format, String> {
    Format::of(text).map_err(|error| error.to_string())
}

fn purpose(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("say what the addresses are needed for".to_owned()),
        purpose => Ok(purpose.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_do_not_contradict_each_other() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_speed_is_a_number_above_nought_or_max() {
        assert_eq!(speed("max"), Ok(Speed::Max));
        assert_eq!(speed("2.5"), Ok(Speed::Times(2.5)));
        for wrong in ["0", "-1", "inf", "nan", "", "fast"] {
            assert!(speed(wrong).is_err(), "{wrong}");
        }
    }
}
