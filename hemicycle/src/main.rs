//! The command line.

use anyhow::Context;
use hemicycle::pipeline::Pipeline;
use intake::{Inputs, OpenOptions};

fn main() -> anyhow::Result<()> {
    let paths: Vec<std::path::PathBuf> = std::env::args_os().skip(1).map(Into::into).collect();
    let mut inputs = Inputs::open(&paths, &OpenOptions::default()).context("inputs")?;
    let mut events: Vec<detect::Event> = Vec::new();
    let ran = Pipeline::new(None, &mut events).run(&mut inputs)?;
    for event in &events {
        println!("{}", serde_json::to_string(event)?);
    }
    eprintln!("{ran:?}");
    Ok(())
}
