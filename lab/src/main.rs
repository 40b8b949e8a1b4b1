//! The laboratory: evaluations of Hemicycle with ground truth, and measurements beside others.
//!
//! `cargo xtask lab NAME` runs it in the build that users run. Every evaluation prints its tables, the command
//! and the machine, and ends with `lab NAME: H of M bars hold`; it exits 0 only if H equals M.

mod dataset;
mod detection;
mod expose;
mod foresight;
mod latency;
mod link;
mod live;
mod machine;
mod memory;
mod office;
mod random;
mod report;
mod table;
mod throughput;
mod trace;
mod traffic;
mod transform;
mod web;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "lab", about = "Evaluations with ground truth")]
struct Arguments {
    #[command(subcommand)]
    evaluation: Evaluation,
}

#[derive(Subcommand)]
enum Evaluation {
    /// What the detector says of captures, of their transformations and of generated traffic
    Detect(detection::Options),
    /// How fast records are decoded and captures go through the whole pipeline
    Throughput(throughput::Options),
    /// How long after a step in the traffic the alarm comes, beside FastNetMon
    Latency(latency::Options),
    /// What tens of millions of forged sources do to memory and speed
    Memory(memory::Options),
    /// What is made of weeks of requests with surges and floods
    Web(web::Options),
    /// The forecast on years of lists of targets, and what it must not be able to do
    Foresee(foresight::Options),
    /// Whether what is said of an institution file is true: cut sets, capacities, what a flood takes down
    Expose(expose::Options),
    /// What the console costs, how fast it answers, what it withstands
    Console(office::Options),
    /// A receiver that looks at nothing, for the others to be compared with
    #[command(hide = true)]
    Receive(live::bare::Options),
}

fn main() -> ExitCode {
    let result: Result<bool> = match Arguments::parse().evaluation {
        Evaluation::Detect(options) => detection::run(&options),
        Evaluation::Throughput(options) => throughput::run(&options),
        Evaluation::Latency(options) => latency::run(&options),
        Evaluation::Memory(options) => memory::run(&options),
        Evaluation::Web(options) => web::run(&options),
        Evaluation::Foresee(options) => foresight::run(&options),
        Evaluation::Expose(options) => expose::run(&options),
        Evaluation::Console(options) => office::run(&options),
        Evaluation::Receive(options) => live::bare::run(&options),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
