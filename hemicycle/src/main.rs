//! The command line: what is typed to what is run. There is no logic of the rooms here, only what a person or a
//! program sees of them.

mod channel;
mod check;
mod cli;
mod demo;
mod doctor;
mod expose;
mod failure;
mod files;
mod foresight;
mod generate;
mod import;
mod learn;
mod ledger;
mod replay;
mod serve;
mod state;
mod style;
mod user;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Expose(arguments) => expose::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Learn(arguments) => learn::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::User(arguments) => user::run(&arguments),
        Command::Notify(arguments) => channel::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Ledger(arguments) => ledger::run(&arguments),
        Command::Foresee(arguments) => foresight::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Generate(arguments) => generate::run(&arguments),
    };
    failure::exit_code(done)
}
