//! What can be typed of `hemicycle notify`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ColorArgument;

/// Test whether people and tools can be told
///
/// Works beside a running service, with its configuration and as its user, since secrets are that user's alone.
#[derive(Debug, Args)]
#[command(after_long_help = NOTIFY_EXAMPLES)]
pub(crate) struct NotifyArguments {
    #[command(subcommand)]
    pub(crate) task: NotifyTask,
}

const NOTIFY_EXAMPLES: &str = "\
Examples:
  hemicycle notify test soc --config /etc/hemicycle/hemicycle.toml
  sudo -u hemicycle hemicycle notify test soc --config /etc/hemicycle/hemicycle.toml --json";

#[derive(Debug, Subcommand)]
pub(crate) enum NotifyTask {
    /// Send a message that says that it is a test; exits with 1 if it did not get through
    Test {
        /// The name of the channel
        #[arg(value_name = "NAME")]
        name: String,
        /// The configuration of the service (TOML; see docs/serve.md)
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        color: ColorArgument,
    },
}
