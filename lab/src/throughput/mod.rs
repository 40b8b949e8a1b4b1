//! `lab throughput`: how fast flow datagrams are decoded, and how fast a capture goes through the whole pipeline.

#[allow(unreachable_pub, unused_must_use, reason = "a peer is only timed, what it finds was compared before")]
mod decode;
mod replay;

use anyhow::Result;
use clap::Args;

use crate::machine;

/// Options of `lab throughput`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// A folder with EXPECTED.tsv whose captures are replayed; default: those of the repository
    #[arg(long, value_name = "FOLDER")]
    data: Vec<std::path::PathBuf>,
    /// One JSON object a line for each figure, before the closing line
    #[arg(long)]
    json: bool,
    /// Packets of each replay
    #[arg(long, default_value_t = 5_000_000)]
    packets: usize,
}

/// Runs the measurements. Gives whether all bars hold.
pub(crate) fn run(options: &Options) -> Result<bool> {
    if !options.json {
        println!("{}\n{}\n", machine::command(), machine::describe());
    }
    let (mut held, mut bars) = decode::run(options.json);
    let (replay_held, replay_bars) = replay::run(&options.data, options.packets, options.json)?;
    held += replay_held;
    bars += replay_bars;
    println!("lab throughput: {held} of {bars} bars hold");
    Ok(held == bars)
}
