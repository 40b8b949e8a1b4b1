//! How long everything that is worked out of an institution file takes: `cargo run --release -p expose --example expose_speed -- FILE`.

use std::time::Instant;

use expose::{Exposure, Model};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("FILE")?;
    let institution = institution::parse(&path, &std::fs::read_to_string(&path)?)?;
    let start = Instant::now();
    let exposure = Exposure::of(Model::of(&institution))?;
    let seconds = start.elapsed().as_secs_f64();
    let sets: usize = exposure.services().map(|(_, cuts)| cuts.sets.len()).sum();
    println!("{seconds:.2} s, {sets} cut sets, {} services with a limit reached", exposure.limits().count());
    Ok(())
}
