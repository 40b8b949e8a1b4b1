//! `lab throughput`: how fast flow datagrams are decoded, how fast a capture goes through the whole pipeline, and what
//! the service costs for each datagram that comes from the network, beside other collectors on the same core.

#[allow(unreachable_pub, unused_must_use, reason = "a peer is only timed, what it finds was compared before")]
mod decode;
mod live;
mod replay;
mod subject;

pub(crate) use self::replay::mixture;

use anyhow::Result;
use clap::Args;

use crate::report::Report;

/// Options of `lab throughput`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// A folder with EXPECTED.tsv whose captures are replayed; default: those of the repository
    #[arg(long, value_name = "FOLDER")]
    data: Vec<std::path::PathBuf>,
    /// One JSON object a line for each figure and each bar, before the closing line
    #[arg(long)]
    json: bool,
    /// Write the tables to docs/measured/throughput.md
    #[arg(long)]
    write: bool,
    /// Packets of each replay
    #[arg(long, default_value_t = 5_000_000)]
    packets: usize,
    #[command(flatten)]
    live: live::Options,
}

/// Runs the measurements. Gives whether all bars hold.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let mut report = Report::new("throughput", options.json);
    // First, since a namespace is entered while no other thread runs.
    live::run(&options.live, &mut report);
    if options.live.only_live {
        return report.finish(options.write);
    }
    decode::run(&mut report);
    replay::run(&options.data, options.packets, &mut report)?;
    report.finish(options.write)
}
